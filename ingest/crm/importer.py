"""The import of CRM files: planned whole, then written batch by batch, each in one transaction."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

from crm.errors import BadInput
from crm.models import ImportRun
from crm.principal import Principal
from crm.store import Store
from ingest.bulk_writes import prepare_bulk_writes
from ingest.crm.batch import write_batch
from ingest.crm.catalogue import ENTITIES
from ingest.crm.chunks import chunks
from ingest.crm.mapping import Mapping
from ingest.crm.plan import Step, plan_import
from ingest.crm.records import Record, stage_records
from ingest.crm.rejects import RejectsFile
from ingest.crm.rows import RowReader
from ingest.crm.stages import read_stages
from ingest.crm.tally import ImportSummary, Tally
from ingest.crm.writer import Writer

BATCH = 5_000
Progress = Callable[[str, int, int | None], None]
HISTORY = frozenset({"stage_changes", "close_date_changes", "amount_changes"})

__all__ = ["BATCH", "HISTORY", "ImportSummary", "import_crm"]


def import_crm(
    store: Store,
    files: Sequence[Path],
    mapping: Mapping,
    *,
    principal: Principal,
    now: datetime,
    rejects_dir: Path,
    progress: Progress | None = None,
) -> ImportSummary:
    """Bring the files into the store through the mapping, and return what was done.

    The same input twice changes nothing; a corrected row updates, and a deal's new stage, planned
    close or amount is recorded as changed at `now`. Rows at fault go to a CSV in `rejects_dir`.
    Cut off, it can be repeated. `progress` gets a file's name and the rows read of it so far.

    Raises:
        BadInput: before anything is written, if a file or the mapping cannot be used.
    """
    if now.tzinfo is None:
        raise BadInput(f"now is {now!r}: attach a time zone")
    steps = plan_import(files, mapping)
    started = monotonic()
    with closing(RejectsFile(rejects_dir, mapping.source, now)) as rejects:
        run = _Run(store, mapping, principal, now, rejects, progress or _no_progress)
        run.begin([path.name for path in files], steps)
        for step in steps:
            run.take(step)
        run.finish(now + timedelta(seconds=monotonic() - started))
        return run.tally.summary(run.id, rejects.path)


class _Run:
    """One import under way."""

    def __init__(
        self,
        store: Store,
        mapping: Mapping,
        principal: Principal,
        now: datetime,
        rejects: RejectsFile,
        progress: Progress,
    ) -> None:
        self.tally = Tally()
        self.id = 0
        self._store, self._mapping, self._principal, self._now = store, mapping, principal, now
        self._rejects, self._progress = rejects, progress

    def begin(self, names: list[str], steps: list[Step]) -> None:
        """Note the run, and write the stages that the mapping declares."""
        given = frozenset(step.table.entity for step in steps) & HISTORY
        self._writer = Writer(
            source=self._mapping.source,
            now=self._now,
            principal=self._principal,
            tally=self.tally,
            given_history=given,
        )
        with self._store.session() as session:
            run = ImportRun(
                source=self._mapping.source,
                kind="crm",
                inputs="; ".join(names),
                started_at=self._now,
            )
            session.add(run)
            session.flush()
            self.id = run.id
            stages = stage_records(self._mapping)
            self._writer.write(session, ENTITIES["stages"], stages)
            self._count(run)

    def take(self, step: Step) -> None:
        """Read one sheet into its table."""
        entity, done = step.table.target, 0
        with self._store.session() as session:
            stages = read_stages(session, self._mapping)
        reader = RowReader(self._mapping, step.table, step.sheet, stages)
        self._writer.begin_table()
        for rows in chunks(step.sheet.rows(), BATCH):
            with self._store.session() as session:
                prepare_bulk_writes(session)
                records = [reader.read(row) for row in rows]
                bad = write_batch(session, self._writer, entity, records, self.tally)
                self._count(session.get_one(ImportRun, self.id))
            self._reject(step, bad)
            done += len(rows)
            self._progress(step.sheet.name, done, None)
        with self._store.session() as session:
            self._writer.finish_table(session, entity)

    def finish(self, finished_at: datetime) -> None:
        """Store the mapping's aliases and close the run."""
        with self._store.session() as session:
            self._writer.add_aliases(session, self._mapping.aliases)
            run = session.get_one(ImportRun, self.id)
            self._count(run)
            run.finished_at = finished_at

    def _reject(self, step: Step, bad: Iterable[Record]) -> None:
        for record in bad:
            self._rejects.write(step.sheet.name, record.problems)

    def _count(self, run: ImportRun) -> None:
        run.read, run.created = self.tally.of("read"), self.tally.of("created")
        run.updated, run.unchanged = self.tally.of("updated"), self.tally.of("unchanged")
        run.rejected = self.tally.of("rejected")


def _no_progress(label: str, done: int, total: int | None) -> None:
    """Nobody watches."""
