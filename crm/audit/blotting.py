"""Blots a person's marks out of every table, whatever the column, and says which rows changed."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, String, Table, cast, func, or_, select, update
from sqlalchemy.orm import Session

from crm.audit.marks import Marks
from crm.models import (
    AuditDetail,
    AuditEvent,
    AuditHead,
    AuditSubject,
    Base,
    Conversation,
    Participant,
    Passage,
    Segment,
)

# Its events are what the chain is made of; passages are made anew from what they were made of.
_LEFT_ALONE = {one.__tablename__ for one in (AuditEvent, AuditHead, AuditSubject, AuditDetail)} | {
    Passage.__tablename__
}
# Made by an import of a name or an address where the source gave no id: it spells them anew.
_NATURAL_KEY = re.compile(r"(?:name|email):")


@dataclass(frozen=True)
class Blots:
    """How many rows lost something, by table the ids of those, and in which conversations."""

    rows: int
    ids: dict[str, tuple[int, ...]]
    conversation_ids: tuple[int, ...]


def blot_tables(session: Session, marks: Marks) -> Blots:
    """Write the stand-in over the marks in all texts and JSON values of all tables."""
    number, talks = 0, set[int]()
    ids: dict[str, tuple[int, ...]] = {}
    for table in Base.metadata.sorted_tables:
        if table.name in _LEFT_ALONE:
            continue
        changed = _blot_table(session, table, marks)
        number += len(changed)
        if changed and "id" in table.c:
            ids[table.name] = tuple(row._mapping[table.c.id] for row in changed)
        if table is Conversation.__table__:
            talks |= {row._mapping[table.c.id] for row in changed}
        elif table.name in (Segment.__tablename__, Participant.__tablename__):
            talks |= {row._mapping[table.c.conversation_id] for row in changed}
    return Blots(number, ids, tuple(sorted(talks)))


def opaque_id(table: str, row_id: int, external_id: str, marks: Marks) -> str:
    """Return a row's id at its source, or another where it is made of a name or an address."""
    if _NATURAL_KEY.match(external_id) or marks.are_in(external_id):
        return f"erased-{table}-{row_id}"
    return external_id


def _blot_table(session: Session, table: Table, marks: Marks) -> list[Any]:
    columns = [
        column
        for column in table.columns
        if isinstance(column.type, String | JSON) and not column.primary_key
    ]
    if not columns or not marks.texts:
        return []
    changed = []
    keys = list(table.primary_key.columns)
    for row in _may_hold(session, table, columns, marks):
        found = {
            column.name: marks.blotted(row._mapping[column])
            for column in columns
            if row._mapping[column] is not None and marks.are_in(row._mapping[column])
        }
        if not found:
            continue
        if "external_id" in found:
            found["external_id"] = f"erased-{'-'.join(str(row._mapping[key]) for key in keys)}"
        mine = [key == row._mapping[key] for key in keys]
        session.execute(update(table).where(*mine).values(found))
        changed.append(row)
    return changed


def _may_hold(
    session: Session, table: Table, columns: Sequence[Any], marks: Marks
) -> Iterator[Any]:
    """Yield the rows whose columns hold a part of a mark, as the database sees it."""
    # SQLite folds the case of ASCII alone; JSON is stored with other letters escaped.
    spelled = {
        _folded(written)
        for part in marks.fragments
        for shape in (part, part.lower(), part.upper())
        for written in (shape, json.dumps(shape)[1:-1])
    }
    tests = [
        func.lower(cast(column, String)).contains(part, autoescape=True)
        for column in columns
        for part in sorted(spelled)
    ]
    keys = list(table.primary_key.columns)
    extra = [table.c.conversation_id] if "conversation_id" in table.c else []
    wanted = list(dict.fromkeys([*keys, *columns, *extra]))
    yield from session.execute(select(*wanted).where(or_(*tests))).all()


def _folded(text: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in text)
