"""Records of a connected CRM into the tables, by the mapping, rejects and history of files."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from sqlalchemy.orm import Session

from crm.audit.trail import Deed, record
from crm.principal import Principal
from crm.store import Store
from ingest.bulk_writes import prepare_bulk_writes
from ingest.crm.batch import write_batch
from ingest.crm.catalogue import ENTITIES
from ingest.crm.importer import HISTORY
from ingest.crm.mapping import Mapping as FieldsMapping
from ingest.crm.mapping import TableMapping
from ingest.crm.records import Problem, Record, StageBook, stage_records
from ingest.crm.rejects import RejectsFile
from ingest.crm.rows import RowReader
from ingest.crm.sheets import Row
from ingest.crm.stages import read_stages
from ingest.crm.tally import Tally
from ingest.crm.tombstones import bury
from ingest.crm.values import Native, as_text
from ingest.crm.writer import Writer
from ingest.sources.run import Stored
from ingest.sources.source import Gone, TableRows

Fields = Mapping[str, Any]

_MOST_SHAPES = 1_000


@runtime_checkable
class MappedSource(Protocol):
    """A source whose records go through a mapping; `file` of its tables names the source's own."""

    name: str
    mapping: FieldsMapping


@dataclass(frozen=True)
class _Heading:
    name: str
    header: tuple[str, ...]


@dataclass(frozen=True)
class _Refusal:
    table: str
    problems: tuple[Problem, ...]


def store_records(
    store: Store,
    source: MappedSource,
    tables: Sequence[TableRows],
    gone: Sequence[Gone],
    *,
    principal: Principal,
    now: datetime,
    rejects_dir: Path,
) -> Stored:
    """Write one portion of a source in one transaction and return what became of it.

    Users go in before accounts before deals, whatever the order given; what a record refers to
    may come later. A field that a record does not have is left as it was, one that is None is
    cleared. Twice the same changes nothing. A record that was deleted and is here again comes
    back with what it owns. Records at fault go to a CSV of the day in `rejects_dir`.
    """
    with store.session() as session:
        prepare_bulk_writes(session)
        portion = _Portion(session, source.mapping, principal, now)
        refused = portion.write(tables)
        deleted = portion.bury(gone)
    with closing(RejectsFile(rejects_dir, source.name, now, is_daily=True)) as rejects:
        for refusal in refused:
            rejects.write(refusal.table, refusal.problems)
        path = rejects.path
    of = portion.tally.of
    return Stored(
        of("created"), of("updated"), of("unchanged"), deleted, of("rejected"), of("suppressed"),
        path,
    )  # fmt: skip


class _Portion:
    """What one transaction writes."""

    def __init__(
        self, session: Session, mapping: FieldsMapping, principal: Principal, now: datetime
    ) -> None:
        self.tally = Tally()
        self._session, self._mapping, self._now = session, mapping, now
        self._principal = principal

    def write(self, tables: Sequence[TableRows]) -> list[_Refusal]:
        """Write the records and return those refused."""
        self._declare_stages()
        given = frozenset(table.entity for table in self._mapping.tables) & HISTORY
        writer = self._writer(self.tally, given)
        refused = []
        for table, rows in self._steps(tables):
            stages = read_stages(self._session, self._mapping)
            readers = Readers(self._mapping, table, rows.table, stages)
            records = [readers.read(number, row) for number, row in enumerate(rows.rows, start=1)]
            bad = write_batch(self._session, writer, table.target, records, self.tally)
            writer.finish_table(self._session, table.target)
            refused += [_refusal(rows, table, record) for record in bad]
        return refused

    def bury(self, gone: Sequence[Gone]) -> int:
        """Hide what the source deleted and return how many rows that are."""
        deleted = 0
        for table in self._mapping.tables:
            ids = {
                one.external_id: one.at or self._now
                for one in gone
                if "id" in table.fields and _is_for(table, one.table)
            }
            if ids:
                hidden = bury(self._session, table.target, self._mapping.source, ids)
                self._note_hidden(table.entity, hidden)
                deleted += len(hidden)
        return deleted

    def _note_hidden(self, table: str, hidden: Mapping[int, datetime]) -> None:
        """Leave in the trail what went because its source said so."""
        kind = f"{table.removesuffix('ies')}y" if table.endswith("ies") else table.removesuffix("s")
        for row_id, since in hidden.items():
            gone = {"source": self._mapping.source, "deleted_at": since.isoformat()}
            deed = Deed("record.gone", f"{kind}:{row_id}", after=gone, agent="sync")
            record(self._session, deed, principal=self._principal, now=self._now)

    def _declare_stages(self) -> None:
        if self._mapping.stages:
            # They come with every portion, so that counting them would count them often.
            writer = self._writer(Tally(), frozenset())
            writer.write(self._session, ENTITIES["stages"], stage_records(self._mapping))

    def _writer(self, tally: Tally, given_history: frozenset[str]) -> Writer:
        return Writer(
            source=self._mapping.source,
            now=self._now,
            principal=self._principal,
            tally=tally,
            given_history=given_history,
            is_feed=True,
            currency=self._mapping.currency or "USD",
        )

    def _steps(self, tables: Sequence[TableRows]) -> list[tuple[TableMapping, TableRows]]:
        order = {name: number for number, name in enumerate(ENTITIES)}
        steps = [
            (table, rows)
            for rows in tables
            for table in self._mapping.tables
            if rows.rows and _is_for(table, rows.table)
        ]
        return sorted(steps, key=lambda step: order[step[0].entity])


class Readers:
    """Reads records that need not all have the same fields."""

    def __init__(
        self, mapping: FieldsMapping, table: TableMapping, name: str, stages: StageBook
    ) -> None:
        self._mapping, self._table, self._name, self._stages = mapping, table, name, stages
        self._known: dict[tuple[str, ...], tuple[RowReader, tuple[str, ...]]] = {}
        # By the records' own keys, which takes no look at each field.
        self._shapes: dict[tuple[str, ...], tuple[RowReader, tuple[str, ...]]] = {}

    def read(self, number: int, row: Fields) -> Record:
        """Return the row's record, of the fields that it has."""
        shape = tuple(row)
        if shape not in self._shapes:
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.clear()
            self._shapes[shape] = self._for_fields_in(row)
        reader, columns = self._shapes[shape]
        return reader.read(Row(number, [native(row.get(column)) for column in columns]))

    def _for_fields_in(self, row: Fields) -> tuple[RowReader, tuple[str, ...]]:
        present = tuple(
            name
            for name, item in self._table.fields.items()
            if not item.sources or any(column in row for column in item.sources)
        )
        if present not in self._known:
            self._known[present] = self._reader(present)
        return self._known[present]

    def _reader(self, present: tuple[str, ...]) -> tuple[RowReader, tuple[str, ...]]:
        fields = {name: self._table.fields[name] for name in present}
        table = self._table.model_copy(update={"fields": fields})
        heading = _Heading(self._name, tuple(table.columns))
        return RowReader(self._mapping, table, heading, self._stages), heading.header


def objects_of(mapping: FieldsMapping) -> dict[str, tuple[str, ...]]:
    """Return the source's tables that a mapping reads, with their columns, in filling order."""
    order = {name: number for number, name in enumerate(ENTITIES)}
    found: dict[str, dict[str, None]] = {}
    for table in sorted(mapping.tables, key=lambda table: order[table.entity]):
        for name in table.file:
            found.setdefault(name, {}).update(dict.fromkeys(table.columns))
    return {name: tuple(columns) for name, columns in found.items()}


def native(value: object) -> Native:
    """Return a JSON value as a cell: lists become texts split by `;`, objects their JSON."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if value is None or isinstance(value, bool | int | float | Decimal | date):
        return value
    if isinstance(value, list | tuple):
        return "; ".join(as_text(native(item)) for item in value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _is_for(table: TableMapping, name: str) -> bool:
    return any(fnmatch(name.casefold(), pattern.casefold()) for pattern in table.file)


def _refusal(rows: TableRows, table: TableMapping, record: Record) -> _Refusal:
    return _Refusal(rows.table, tuple(_named(rows, table, record)))


def _named(rows: TableRows, table: TableMapping, record: Record) -> Iterator[Problem]:
    """Yield the problems with the record's own id in place of its number, where it has one."""
    column = table.fields["id"].column if "id" in table.fields else None
    shown = as_text(native(rows.rows[record.row - 1].get(column))) if column else ""
    for problem in record.problems:
        yield replace(problem, row=shown or record.row)
