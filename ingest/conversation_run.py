"""One import of conversations: batches, counts, rejects file, and its row in `import_runs`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from crm.audit.suppressing import Suppressed, load_suppressed
from crm.escaping import CellWriter
from crm.models import ImportRun
from crm.principal import Principal
from crm.store import Store
from ingest.bulk_writes import prepare_bulk_writes
from ingest.conversations import (
    Change,
    ParsedConversation,
    evidence_of,
    find_unsettled,
    store_conversation,
)
from ingest.erased_people import without_erased
from ingest.identity import Directory
from ingest.identity.roster import Roster
from ingest.sources.privacy import note_origin

BATCH_CONVERSATIONS = 100
BATCH_CHARS = 5_000_000

# Files done (a fraction while one is being transcribed), files in all, the file at hand.
Progress = Callable[[float, int, str], None]


@dataclass(frozen=True)
class Reject:
    """A file, or a message in one, that was not imported, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Duplicate:
    """Something read again that is stored already."""

    file: str


@dataclass(frozen=True)
class Checkpoint:
    """A point where everything read so far is to be stored; `note` writes in that transaction."""

    note: Callable[[Session], None] | None = None


Item = ParsedConversation | Reject | Duplicate | Checkpoint


@dataclass(frozen=True)
class ConversationSummary:
    """How an import went; `changed_ids` are what a search index has to take in.

    `read` = `created` + `updated` + `unchanged` + `rejected` + `suppressed`, the last for those of
    people who were erased; `rejects_path` is a CSV of file and reason, None when nothing was
    rejected or no folder was given; `rejects` holds the first hundred.
    """

    read: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    rejects_path: Path | None
    rejects: tuple[Reject, ...]
    created_ids: tuple[int, ...]
    updated_ids: tuple[int, ...]
    suppressed: int = 0

    @property
    def changed_ids(self) -> tuple[int, ...]:
        """Ids of the conversations created or updated."""
        return self.created_ids + self.updated_ids


@dataclass
class ConversationRun:
    """Takes parsed conversations and rejects, and stores them batch by batch.

    `origin` is the connected source that brings them, by whose privacy they are kept.
    """

    store: Store
    source: str
    inputs: Path
    principal: Principal
    now: datetime
    rejects_dir: Path | None = None
    batch_size: int = BATCH_CONVERSATIONS
    kind: str = "conversation"
    origin: str | None = None
    _run_id: int = 0
    _created: list[int] = field(default_factory=list)
    _updated: list[int] = field(default_factory=list)
    _unchanged: int = 0
    _rejected: int = 0
    _suppressed: int = 0
    _erased: Suppressed = field(default_factory=Suppressed)
    _rejects: list[Reject] = field(default_factory=list)
    _roster: Roster = field(default_factory=Roster)

    def take(self, items: Iterable[Item]) -> ConversationSummary:
        """Store all items and return the summary.

        Each batch is one transaction: what was finished before a crash stays, the rest leaves
        no trace, and running again makes no doubles.
        """
        self._start()
        batch: list[ParsedConversation] = []
        chars = 0
        for item in items:
            if isinstance(item, ParsedConversation):
                batch.append(item)
                chars += sum(len(segment.text) for segment in item.segments)
            else:
                self._count(item)
            note = item.note if isinstance(item, Checkpoint) else None
            is_full = len(batch) >= self.batch_size or chars >= BATCH_CHARS
            if note or (batch and (is_full or isinstance(item, Checkpoint))):
                self._store(batch, note)
                batch, chars = [], 0
        self._store(batch, is_last=True)
        return self.summary()

    def _start(self) -> None:
        run = ImportRun(
            source=self.source, kind=self.kind, inputs=str(self.inputs), started_at=self.now
        )
        with self.store.session() as session:
            session.add(run)
            session.flush()
            self._run_id = run.id
            self._erased = load_suppressed(session)

    def _store(
        self,
        batch: list[ParsedConversation],
        note: Callable[[Session], None] | None = None,
        *,
        is_last: bool = False,
    ) -> None:
        created, updated, unchanged = list[int](), list[int](), list[int]()
        come, batch = len(batch), without_erased(batch, self._erased)
        with self.store.session() as session:
            prepare_bulk_writes(session)
            directory = Directory(session, self.principal, roster=self._roster)
            directory.prepare([evidence_of(one) for one in find_unsettled(session, batch)])
            for parsed in batch:
                outcome = store_conversation(
                    session, parsed, now=self.now, principal=self.principal, directory=directory
                )
                created += [outcome.conversation_id] * (outcome.change is Change.CREATED)
                updated += [outcome.conversation_id] * (outcome.change is Change.UPDATED)
                unchanged += [outcome.conversation_id] * (outcome.change is Change.UNCHANGED)
                session.expunge_all()
            if self.origin is not None:
                note_origin(session, self.origin, (*created, *updated, *unchanged))
            run = session.get_one(ImportRun, self._run_id)
            run.created = len(self._created) + len(created)
            run.updated = len(self._updated) + len(updated)
            run.unchanged = self._unchanged + len(unchanged)
            run.rejected = self._rejected
            suppressed = self._suppressed + come - len(batch)
            run.read = run.created + run.updated + run.unchanged + run.rejected + suppressed
            run.kind = self.kind
            run.finished_at = self.now if is_last else None
            if note:
                note(session)
        # Counted only once the transaction stands.
        self._created += created
        self._updated += updated
        self._unchanged += len(unchanged)
        self._suppressed = suppressed

    def _count(self, item: Reject | Duplicate | Checkpoint) -> None:
        if isinstance(item, Reject):
            self._reject(item)
        elif isinstance(item, Duplicate):
            self._unchanged += 1

    def _reject(self, reject: Reject) -> None:
        self._rejected += 1
        if len(self._rejects) < 100:
            self._rejects.append(reject)
        path = self._rejects_path()
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = self._rejected == 1
        with path.open("w" if is_new else "a", encoding="utf-8", newline="") as file:
            writer = CellWriter(file)
            if is_new:
                writer.write(("file", "reason"))
            writer.write((reject.file, reject.reason))

    def _rejects_path(self) -> Path | None:
        if self.rejects_dir is None or self._rejected == 0:
            return None
        return self.rejects_dir / f"{self.source}-import-{self._run_id}-rejects.csv"

    def summary(self) -> ConversationSummary:
        """Return how the run went so far; what is not stored yet does not count."""
        counts = (len(self._created), len(self._updated), self._unchanged, self._rejected)
        return ConversationSummary(
            read=sum(counts) + self._suppressed,
            created=counts[0],
            updated=counts[1],
            unchanged=counts[2],
            rejected=counts[3],
            rejects_path=self._rejects_path(),
            rejects=tuple(self._rejects),
            created_ids=tuple(self._created),
            updated_ids=tuple(self._updated),
            suppressed=self._suppressed,
        )
