"""Reads one source from where it was left, and keeps each portion together with its cursor."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from crm.errors import CopilotError
from crm.models import PendingRecording, SourceState
from crm.principal import Principal
from crm.store import Store
from ingest.conversation_run import Checkpoint, ConversationRun, Item
from ingest.sources.privacy import Privacy, take_privacy
from ingest.sources.source import Gone, Pulled, Source, TableRows

CONVERSATIONS = "conversations"

# Items done in this run, items in all if that is known.
Progress = Callable[[int, int | None], None]


class Interrupted(Exception):
    """The run was asked to stop; everything up to the last cursor is kept."""


@dataclass(frozen=True)
class Stored:
    """What became of records of a portion, in numbers; suppressed are of people who were erased."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: int = 0
    suppressed: int = 0
    rejects_path: Path | None = None


@dataclass(frozen=True)
class Intake:
    """Where a source's portions go besides conversations, and who watches.

    `keep_records` takes records and deletions of records, `forget` the conversations that
    are gone, and returns how many there were; `settle` is called between portions, so that
    what has come can be indexed; `is_stopping` asks whether to end early.
    """

    keep_records: Callable[[tuple[TableRows, ...], tuple[Gone, ...]], Stored] | None = None
    forget: Callable[[list[Gone]], int] | None = None
    settle: Callable[[], None] | None = None
    progress: Progress | None = None
    is_stopping: Callable[[], bool] | None = None
    privacy: Privacy = field(default_factory=Privacy)


@dataclass
class SourceReport:
    """How a run of a source went; `error` is None if it came to the end."""

    name: str
    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: int = 0
    suppressed: int = 0
    recordings: int = 0
    has_records: bool = False
    changed_ids: tuple[int, ...] = ()
    notes: list[str] = field(default_factory=list)
    rejects_path: str | None = None
    error: str | None = None
    error_kind: str | None = None


def read_source(
    store: Store,
    source: Source,
    intake: Intake,
    *,
    principal: Principal,
    clock: Callable[[], datetime],
    rejects_dir: Path | None = None,
) -> SourceReport:
    """Bring in what is new in the source and return how it went.

    Conversations of a portion and the cursor behind it are one transaction; records of a CRM are
    stored before their cursor and may be stored twice, which changes nothing. An error of the
    source ends the run and is part of the report and of the source's state; what came before it
    is kept, and nothing is deleted that the source did not itself call deleted.

    Raises:
        Interrupted: `intake.is_stopping` said so; the next run goes on from the last cursor.
    """
    run = ConversationRun(
        store, source.name, Path(source.name), principal, clock(), rejects_dir, origin=source.name
    )
    reader = _Reader(store, source, intake, clock, run)
    reader.begin()
    try:
        summary = run.take(reader.items())
    except CopilotError as error:
        reader.report.error, reader.report.error_kind = str(error), type(error).__name__
        summary = run.summary()
    report = reader.report
    report.created += summary.created
    report.updated += summary.updated
    report.unchanged += summary.unchanged
    report.rejected += summary.rejected
    report.suppressed += summary.suppressed
    report.read = report.created + report.updated + report.unchanged + report.rejected
    report.read += report.suppressed
    report.changed_ids = summary.changed_ids
    if summary.rejects_path is not None:
        report.rejects_path = str(summary.rejects_path)
    reader.end()
    return report


@dataclass
class _Reader:
    store: Store
    source: Source
    intake: Intake
    clock: Callable[[], datetime]
    run: ConversationRun

    def __post_init__(self) -> None:
        self.report = SourceReport(self.source.name)
        self._cursor: dict[str, Any] | None = None

    def begin(self) -> None:
        """Note the start and take up the cursor."""
        with self.store.session() as session:
            state = session.get(SourceState, self.source.name)
            if state is None:
                state = SourceState(name=self.source.name, kind=self.source.kind)
                session.add(state)
            if state.kind != self.source.kind:
                # Another kind of source took the name: its cursor would mean nothing.
                state.kind, state.cursor = self.source.kind, None
            state.started_at, state.finished_at = self.clock(), None
            self._cursor = state.cursor

    def items(self) -> Iterator[Item]:
        """Yield the conversations of each portion, then the point where its cursor is kept."""
        with self.store.session() as session:
            state = session.get_one(SourceState, self.source.name)
            take_privacy(session, state, self.intake.privacy)
        with closing(_closable(self.source.pull(self._cursor, now=self.clock()))) as portions:
            for pulled in portions:
                self._check()
                self._keep_records(pulled)
                self._forget(pulled)
                yield from pulled.conversations
                self.report.notes += pulled.notes
                self.report.recordings += len(pulled.recordings)
                yield Checkpoint(lambda session, kept=pulled: self._note(session, kept))  # type: ignore[misc]
                if self.intake.settle:
                    self.intake.settle()
                if self.intake.progress:
                    self.intake.progress(pulled.done, pulled.total)

    def end(self) -> None:
        """Note the end, the counts and the error."""
        report = self.report
        with self.store.session() as session:
            state = session.get_one(SourceState, self.source.name)
            state.finished_at = self.clock()
            for count in ("read", "created", "updated", "unchanged", "deleted", "rejected"):
                setattr(state, count, getattr(report, count))
            state.error = report.error
            state.failures = state.failures + 1 if report.error else 0
            if report.error is None:
                state.succeeded_at = state.finished_at

    def _check(self) -> None:
        if self.intake.is_stopping and self.intake.is_stopping():
            raise Interrupted

    def _keep_records(self, pulled: Pulled) -> None:
        gone = tuple(one for one in pulled.gone if one.table != CONVERSATIONS)
        if not (pulled.tables or gone) or self.intake.keep_records is None:
            return
        stored = self.intake.keep_records(pulled.tables, gone)
        # Who is who is asked anew after people and companies have come.
        self.run.kind = "crm"
        self.report.has_records = True
        if stored.rejects_path is not None:
            self.report.rejects_path = str(stored.rejects_path)
        for count in ("created", "updated", "unchanged", "deleted", "rejected", "suppressed"):
            setattr(self.report, count, getattr(self.report, count) + getattr(stored, count))

    def _forget(self, pulled: Pulled) -> None:
        gone = [one for one in pulled.gone if one.table == CONVERSATIONS]
        if gone and self.intake.forget:
            self.report.deleted += self.intake.forget(gone)

    def _note(self, session: Session, pulled: Pulled) -> None:
        state = session.get_one(SourceState, self.source.name)
        state.cursor = dict(pulled.cursor)
        if pulled.newest_at and (state.newest_at is None or pulled.newest_at > state.newest_at):
            state.newest_at = pulled.newest_at
        paths = [str(recording.path) for recording in pulled.recordings]
        session.execute(delete(PendingRecording).where(PendingRecording.path.in_(paths)))
        session.add_all(
            PendingRecording(
                path=str(recording.path),
                sidecar=str(recording.sidecar) if recording.sidecar else None,
                key=recording.key,
                source=self.source.name,
                found_at=self.clock(),
            )
            for recording in pulled.recordings
        )


def pending_recordings(store: Store, *, max_failures: int, limit: int) -> list[str]:
    """Return the paths of recordings to be transcribed, those that failed less often first.

    One that failed `max_failures` times waits no more.
    """
    statement = (
        select(PendingRecording.path)
        .where(PendingRecording.failures < max_failures)
        .order_by(PendingRecording.failures, PendingRecording.found_at, PendingRecording.path)
        .limit(limit)
    )
    with store.session() as session:
        return list(session.scalars(statement))


def _closable(portions: Iterator[Pulled]) -> Any:
    """Return the iterator as a generator, whose `close` lets a source give back its connection."""
    return (portion for portion in portions) if not hasattr(portions, "close") else portions
