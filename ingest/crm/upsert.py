"""Records into one table: new ones inserted, changed ones updated, equal ones left alone."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from ingest.crm.chunks import chunks
from ingest.crm.erased import Sieve
from ingest.crm.fields import Entity
from ingest.crm.links import Linker
from ingest.crm.names import normal
from ingest.crm.records import Record
from ingest.crm.tally import Tally
from ingest.crm.tombstones import PROMISED

Before = dict[str, Any]


@dataclass
class Outcome:
    """What became of a batch: row ids by key, and the rows of changed records as they were.

    `kept` are records for which a hidden row was promised; `returned` are the ids of rows that
    were hidden until now, with the time since when.
    """

    ids: dict[str, int] = field(default_factory=dict)
    before: dict[str, Before] = field(default_factory=dict)
    created: list[Record] = field(default_factory=list)
    changed: list[Record] = field(default_factory=list)
    kept: list[Record] = field(default_factory=list)
    returned: dict[int, datetime] = field(default_factory=dict)


class Upserter:
    """Compares a batch with the store in one read, and writes it in one statement a shape."""

    def __init__(
        self, *, source: str, now: datetime, tally: Tally, linker: Linker, sieve: Sieve
    ) -> None:
        self._source, self._now = source, now
        self._tally, self._linker, self._sieve = tally, linker, sieve

    def write(
        self,
        session: Session,
        entity: Entity,
        records: list[Record],
        *,
        is_repeat: Callable[[str], bool] = lambda _key: False,
    ) -> Outcome:
        """Write the records, whose keys differ, and count them.

        A row that was deleted comes back with its record, unless the record says otherwise. One
        that would change a row which `is_repeat` says this run has written already is refused.
        """
        outcome = Outcome()
        if not records:
            return outcome
        for record in records:
            record.values.setdefault("deleted_at", None)
        stored = self._stored(session, entity, records)
        self._adopt(session, entity, records, stored)
        for record in records:
            self._sort_in(record, stored, outcome, is_repeat)
        self._insert(session, entity, outcome)
        self._update(session, entity.table, outcome)
        for what, number in (
            ("created", len(outcome.created) + len(outcome.kept)),
            ("updated", len(outcome.changed)),
            ("unchanged", len(outcome.ids) - len(outcome.created) - _changes(outcome)),
        ):
            self._tally.add(entity.name, what, number)
        if "name" in entity.table.c:
            for record in (*outcome.created, *outcome.changed, *outcome.kept):
                names = (record.values.get("name"), record.values.get("email"))
                self._linker.note(entity, outcome.ids[record.key], names)
        return outcome

    def _stored(self, session: Session, entity: Entity, records: list[Record]) -> dict[str, Before]:
        columns = dict.fromkeys(name for record in records for name in record.values)
        return self._fetch(session, entity, (record.key for record in records), columns)

    def _fetch(
        self, session: Session, entity: Entity, keys: Iterable[str], columns: Iterable[str]
    ) -> dict[str, Before]:
        # Whoever may read them, deleted ones included: a hidden row must not be doubled.
        table, found = entity.table, {}
        wanted = ["id", "external_id", *columns]
        for part in chunks(keys):
            statement = select(*(table.c[name] for name in wanted)).where(
                table.c.source == self._source, table.c.external_id.in_(part)
            )
            for row in session.execute(statement):
                found[row[1]] = dict(zip(wanted, row, strict=True))
        return found

    def _adopt(
        self,
        session: Session,
        entity: Entity,
        records: list[Record],
        stored: dict[str, Before],
    ) -> None:
        """Give a row that was made from its name alone to the record that brings its id."""
        if not entity.is_creatable:
            return
        missing = {
            f"name:{normal(record.values['name'])}": record
            for record in records
            if record.key not in stored and "name" in record.values
        }
        columns = dict.fromkeys(name for record in missing.values() for name in record.values)
        found = self._fetch(session, entity, missing, columns) if missing else {}
        for key, before in found.items():
            record = missing[key]
            record.values["external_id"] = record.key
            stored[record.key] = before

    def _sort_in(
        self,
        record: Record,
        stored: dict[str, Before],
        outcome: Outcome,
        is_repeat: Callable[[str], bool],
    ) -> None:
        before = stored.get(record.key)
        if before is None:
            outcome.created.append(record)
            return
        self._sieve.restore_texts(before, record.values)
        if any(before[name] != value for name, value in record.values.items()):
            if is_repeat(record.key):
                record.refuse("", record.key, "an earlier row of the same key says otherwise")
                return
            is_promised = before["deleted_at"] == PROMISED
            (outcome.kept if is_promised else outcome.changed).append(record)
            outcome.before[record.key] = before
            if before["deleted_at"] is not None and record.values["deleted_at"] is None:
                outcome.returned[before["id"]] = before["deleted_at"]
        outcome.ids[record.key] = before["id"]

    def _insert(self, session: Session, entity: Entity, outcome: Outcome) -> None:
        shapes: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        common = {"source": self._source, "synced_at": self._now}
        for record in outcome.created:
            shapes.setdefault(tuple(record.values), []).append(
                {**record.values, **common, "external_id": record.key}
            )
        for rows in shapes.values():
            session.execute(insert(entity.table), rows)
        keys = [record.key for record in outcome.created]
        outcome.ids.update(self._linker.fetch_ids(session, entity, keys))

    def _update(self, session: Session, table: Table, outcome: Outcome) -> None:
        shapes: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for record in (*outcome.changed, *outcome.kept):
            row = {f"new_{name}": value for name, value in record.values.items()}
            row |= {"row_id": outcome.ids[record.key], "new_synced_at": self._now}
            shapes.setdefault((*record.values, "synced_at"), []).append(row)
        for names, rows in shapes.items():
            assignments: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
            statement = update(table).where(table.c.id == bindparam("row_id")).values(assignments)
            session.connection().execute(statement, rows)


def _changes(outcome: Outcome) -> int:
    return len(outcome.changed) + len(outcome.kept)
