"""The only place that builds concrete things from the settings, each at its first use."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select
from sqlalchemy.exc import ArgumentError, DBAPIError

from copilot.locks import Hold, locked
from copilot.refusals import cannot_open, database_error, no_driver, refusal, storage_errors
from copilot.settings import Settings
from crm.access import visible
from crm.errors import PermanentError, TransientError
from crm.models import Account, Contact, Passage, Product, User
from crm.period import FiscalCalendar
from crm.principal import Principal
from crm.store import Store
from crm.tracing import span

# What follows is imported where it is built: a command pays only for what it uses.
if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from copilot.agent.approvals.effects import Effects
    from copilot.agent.desk import Desk
    from copilot.agent.effects.mail_account import MailAccount
    from copilot.agent.graph import Graph
    from copilot.grounding.entailment import Entailment
    from copilot.jobs.workplace import Workplace
    from copilot.llm.client import LanguageModel
    from copilot.usage import Accounts
    from copilot.writers.company.guide import CompanyGuide
    from copilot.writers.documents.brand import Brand
    from crm.access.policy import Policy
    from crm.index.conversations import ConversationIndex
    from ingest.sources.registry import SourceBook
    from ingest.speech.transcriber import Transcriber

log = logging.getLogger(__name__)

IMPORT_WAIT_S = 1800.0
_MIGRATION_WAIT_S = 60.0
_HINTS = 60


@dataclass
class Installation:
    """Everything that runs in one process for one workspace, perhaps as on another day."""

    settings: Settings
    as_of: date | None = None

    @cached_property
    def store(self) -> Store:
        """The CRM store, its tables up to date. Raises PermanentError if it cannot be opened."""
        folder = self.settings.workspace_dir
        try:
            folder.mkdir(parents=True, exist_ok=True)
            store = self._open_store()
            if not store.is_current():
                self._migrate(store)
        except (OSError, ArgumentError) as error:
            raise PermanentError(cannot_open(self._database, error)) from error
        except DBAPIError as error:
            raise database_error(error, self._database) from error
        return store

    def _migrate(self, store: Store) -> None:
        """Make the tables once: two first commands at once would both do it."""
        folder = self.settings.workspace_dir
        with locked(folder, "migration.lock", wait_s=_MIGRATION_WAIT_S) as is_mine:
            if not is_mine:
                raise TransientError(
                    f"another process is still preparing the database {self._database!r}: try again"
                )
            store.migrate()

    def _open_store(self) -> Store:
        url = self.settings.sqlalchemy_url
        try:
            return Store(url)
        except ImportError as error:
            raise PermanentError(no_driver(self._database, url, error)) from error

    @contextmanager
    def speaking_of_databases(self) -> Iterator[None]:
        """Say in our words what the databases of this workspace refuse inside."""
        try:
            yield
        except storage_errors() as error:
            told = refusal(error, records=self._database, files=self.settings.threads_db)
            if told is None:
                raise
            raise told from error

    @property
    def _database(self) -> str:
        if self.settings.database_url is not None:
            return "SALES_COPILOT_DATABASE_URL"
        return str(self.settings.crm_db)

    @cached_property
    def index(self) -> "ConversationIndex":
        """The conversation index, with the embedder and the reranker that are set."""
        from copilot.index_models import former_embedders, make_embedder, make_reranker
        from crm.index.chroma import ChromaIndex
        from crm.index.conversations import ConversationIndex

        self.make_workspace()
        settings, embedder = self.settings, make_embedder(self.settings)
        former = [
            (one, ChromaIndex(settings.index_dir, embedder_name=one.name))
            for one in former_embedders(settings, embedder)
            if self._has_vectors_of(one.name)
        ]
        return ConversationIndex(
            self.store,
            embedder=embedder,
            vectors=ChromaIndex(settings.index_dir, embedder_name=embedder.name),
            reranker=make_reranker(settings),
            former=former,
        )

    def _has_vectors_of(self, name: str) -> bool:
        with self.store.session() as session:
            statement = select(exists().where(Passage.embedding_model == name))
            return bool(session.scalar(statement))

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Import alone: a second import into this workspace waits until the first is done.

        So does one of another machine into the same PostgreSQL database. Raises TransientError
        after half an hour of waiting.
        """
        with self._locked("import.lock", wait_s=IMPORT_WAIT_S) as is_mine:
            if not is_mine:
                raise TransientError(
                    f"another import into workspace {self.settings.workspace!r} is still running: "
                    "try again when it is done"
                )
            with span("import"):
                yield

    @contextmanager
    def syncing(self) -> Iterator[Hold]:
        """Run jobs alone in this workspace: its jobs have one process to run them.

        On PostgreSQL that is one of all machines. Raises TransientError if another process runs
        them already.
        """
        with self._locked("sync.lock", wait_s=0) as is_mine:
            if not is_mine:
                raise TransientError(
                    f"workspace {self.settings.workspace!r} is being synced by another process: "
                    "see `sales-copilot jobs`"
                )
            yield is_mine

    def _locked(self, name: str, *, wait_s: float) -> AbstractContextManager[Hold]:
        settings = self.settings
        url = settings.sqlalchemy_url if settings.postgres_url else None
        return locked(settings.workspace_dir, name, wait_s=wait_s, database_url=url)

    def make_workspace(self) -> None:
        """Make the workspace's folder. Raises PermanentError if that cannot be."""
        folder = self.settings.workspace_dir
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PermanentError(cannot_open(str(folder), error)) from error

    @cached_property
    def source_book(self) -> "SourceBook":
        """What is connected to this workspace."""
        from ingest.sources.registry import SourceBook

        return SourceBook(self.settings.sources_file)

    @cached_property
    def workplace(self) -> "Workplace":
        """What jobs work with. Raises BadInput if a source's configuration cannot be used."""
        from copilot.jobs.workplace import Workplace

        owner = Principal.local_owner()
        return Workplace(
            store=self.store,
            index=self.index,
            sources=self.source_book.open_all(secret=self.settings.secret),
            transcriber=self._transcriber_once,
            model=lambda: self.note_model,
            hints=lambda: self.speech_hints(owner),
            principal=owner,
            clock=self.now,
            rejects_dir=self.settings.rejects_dir,
            privacies=self.source_book.privacies(),
        )

    @cached_property
    def _loaded_transcriber(self) -> "Transcriber":
        return self.transcriber()

    def _transcriber_once(self) -> "Transcriber":
        return self._loaded_transcriber

    @contextmanager
    def embedding(self) -> Iterator[Hold]:
        """Yield whether this process may embed; False while another one does so already."""
        with locked(self.settings.workspace_dir, "embedding.lock", wait_s=0) as is_mine:
            yield is_mine

    @cached_property
    def model(self) -> "LanguageModel":
        """The language model: an endpoint where one is set, else the embedded one."""
        from copilot.language_models import make_model

        return make_model(self.settings)

    @property
    def note_model(self) -> "LanguageModel | None":
        """The model that words notes on calls: an endpoint's where one is set, else None.

        The embedded model takes seconds to retell one quote, and does not always say the same
        twice: with it quotes stand, and the same call has the same notes.
        """
        if not self.settings.uses_endpoint:
            return None
        return self.accounts.metered(self.model, Principal.local_owner())

    @cached_property
    def accounts(self) -> "Accounts":
        """What people used of the copilot, and how much more they may."""
        from copilot.usage import make_accounts

        return make_accounts(self.settings, self.store)

    @cached_property
    def calendar(self) -> FiscalCalendar:
        """The fiscal calendar."""
        return FiscalCalendar(self.settings.fiscal_year_first_month)

    @cached_property
    def guide(self) -> "CompanyGuide":
        """The company's guide. Raises BadInput if it cannot be used."""
        from copilot.writers.company.guide import load_guide

        return load_guide(self.settings.guide_file)

    @cached_property
    def brand(self) -> "Brand":
        """The look of documents where no Word template says it."""
        from copilot.writers.documents.brand import Brand

        settings = self.settings
        return Brand(
            accent=settings.brand_accent,
            logo=settings.brand_logo.read_bytes() if settings.brand_logo else None,
            paper=settings.brand_paper,
            font_folder=settings.brand_font_folder,
        )

    @cached_property
    def entailment(self) -> "Entailment | None":
        """What judges, after the rules, whether facts carry a sentence; none by default."""
        from copilot.index_models import make_entailment

        return make_entailment(self.settings)

    @cached_property
    def desk(self) -> "Desk":
        """What the graph works with."""
        from copilot.agent.desk import Desk
        from copilot.index_models import make_outside_kinds

        return Desk(
            self.store,
            self.index,
            lambda: self.model,
            self.calendar,
            judges_words=self.settings.uses_endpoint,
            guide=lambda: self.guide,
            words_all=self.settings.uses_endpoint,
            entailment=lambda: self.entailment,
            effects=lambda: self.effects,
            policy=lambda: self.policy,
            mailbox=lambda: self.mailbox,
            kinds=make_outside_kinds(self.settings),
            meter=self.accounts.metered,
            admit=self.accounts.admit,
        )

    @contextmanager
    def graph(self) -> "Iterator[Graph]":
        """Yield the graph with its checkpoints open."""
        from copilot.agent.graph import build_graph

        with self.checkpoints() as saver:
            yield build_graph(self.desk, saver)

    def checkpoints(self) -> "AbstractContextManager[BaseCheckpointSaver[Any]]":
        """Return what opens the checkpoints of this workspace's graphs."""
        from copilot.checkpoints import open_checkpoints

        self.make_workspace()
        return open_checkpoints(self.settings, now=datetime.now(UTC))

    def transcriber(self) -> "Transcriber":
        """Return the speech recogniser, loaded now. Raises PermanentError if it is missing."""
        from copilot.speech_models import make_transcriber

        return make_transcriber(self.settings)

    def now(self) -> datetime:
        """Return the present in the configured time zone, or the end of the day looked back on."""
        return self._end_of(self.as_of or self.settings.today)

    def _end_of(self, day: date | None) -> datetime:
        zone = ZoneInfo(self.settings.time_zone)
        if day is not None:
            return datetime.combine(day, time(23, 59), zone)
        return datetime.now(UTC).astimezone(zone)

    def principal(
        self, who: str | None, *, admits_outside: bool = False, admits_left: bool = False
    ) -> Principal:
        """Return the caller named by email (or by name where users have none).

        Raises NotFound with close names, Ambiguous if several users have the name, NotAllowed for
        who has left.
        """
        if who is None:
            return Principal.local_owner()
        from copilot.callers import principal_of

        admits = {"admits_outside": admits_outside, "admits_left": admits_left}
        # Whoever looks back on a day does so with today's rights, not with those of that day.
        present = self._end_of(self.settings.today)
        return principal_of(self.store, who, policy=self.policy, at=present, **admits)

    def visitor(self) -> Principal:
        """Return the caller whom nobody knows."""
        from copilot.callers import visitor

        return visitor(self.policy)

    @property
    def policy(self) -> "Policy":
        """Who may read what, by the file as it is now. Raises BadInput if it cannot be used."""
        from crm.access.policy import load_policy

        settings = self.settings
        return load_policy(settings.policy_file, smallest_group=settings.smallest_group)

    @cached_property
    def mailbox(self) -> "MailAccount | None":
        """The mailbox that is set up. Raises BadInput if it cannot be used as it is set up."""
        from copilot.mailboxes import mail_account

        return mail_account(self.settings)

    @cached_property
    def effects(self) -> "Effects":
        """What carries approved actions out: in the CRMs that allow it, our store, and by mail."""
        from copilot.agent.effects.internal import internal_effects
        from copilot.crm_connections import connected_crms
        from copilot.mailboxes import mail_effects

        crms = connected_crms(self.settings, self.source_book)
        return {**internal_effects(crms), **mail_effects(self.settings)}

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
        if "accounts" in self.__dict__:
            self.accounts.close()
        if "store" in self.__dict__:
            self.store.close()
