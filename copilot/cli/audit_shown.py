"""How the trail reads: lines for people, cells for spreadsheets, JSON for scripts."""

import io
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.escaping import CellWriter, for_json
from crm.models import Contact, User

_LONGEST, _MOST_READ = 160, 8
_CELLS = (
    "seq", "at", "local_time", "person", "name", "agent", "action", "object", "before", "after",
    "reason", "read", "saw", "detail_digest", "previous", "digest",
)  # fmt: skip
Event = Mapping[str, Any]


class Form(StrEnum):
    """What a trail is written as."""

    JSONL = "jsonl"
    CSV = "csv"


class Names:
    """What the people of a trail are called, each looked up once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, str | None] = {}

    def of(self, person: str) -> str | None:
        """Return the name behind `user:3` or `contact:12`, None where it is not known."""
        if person not in self._known:
            kind, _, number = person.partition(":")
            model = {"user": User, "contact": Contact}.get(kind)
            self._known[person] = None
            if model is not None and number.isdigit():
                table = model.__table__
                statement = select(table.c.name).where(table.c.id == int(number))
                self._known[person] = self._session.scalar(statement)
        return self._known[person]


def event_lines(event: Event, names: Names, zone: tzinfo | None) -> list[str]:
    """Return an event as lines: who did what when to what, then what changed and what was read."""
    name = names.of(event["person"])
    who = f"{name} ({event['person']})" if name else event["person"]
    through = f" through {event['agent']}" if event["agent"] else ""
    when = datetime.fromisoformat(event["at"]).astimezone(zone)
    head = f"{event['seq']}  {when:%Y-%m-%d %H:%M:%S}  {who}{through}  "
    return [head + f"{event['action']}  {event['object']}", *_more(event)]


def line_writer(form: Form, names: Names, zone: tzinfo | None) -> Callable[[Event], str]:
    """Return what makes a line of a file of an event."""
    if form is Form.JSONL:
        return lambda event: for_json(event) + "\n"
    return lambda event: _row(_cells(event, names, zone))


def first_line(form: Form) -> str:
    """Return what a file of this form begins with."""
    # With a byte order mark, since spreadsheets else misread Chinese.
    return "\ufeff" + _row(_CELLS) if form is Form.CSV else ""


def _more(event: Event) -> list[str]:
    detail = event["detail"]
    if detail is None:
        return ["    its detail was erased"]
    lines = _changes(detail.get("before") or {}, detail.get("after") or {})
    if detail.get("reason"):
        lines.append(f"reason: {detail['reason']}")
    if event["read"]:
        read = ", ".join(event["read"][:_MOST_READ])
        more = len(event["read"]) - _MOST_READ
        lines.append(f"read {len(event['read'])}: {read}{f' and {more} more' if more > 0 else ''}")
    if event["saw"]:
        seen = ", ".join(digest[:12] for digest in event["saw"][:_MOST_READ])
        lines.append(f"the model saw {len(event['saw'])} prompts: {seen}")
    return [f"    {_short(line)}" for line in lines]


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return what changed as `stage: New → Won`, what is new without an arrow, one text for all."""
    said = []
    for name in dict.fromkeys([*before, *after]):
        old, new = _plain(before.get(name)), _plain(after.get(name))
        if name in before and name in after:
            if old != new:
                said.append(f"{name}: {old} → {new}")
        elif name in before:
            said.append(f"{name}: {old} → nothing" if after else f"{name}: {old}")
        else:
            said.append(f"{name}: {new}")
    return ["; ".join(said)] if said else []


def _plain(value: object) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else for_json(value)
    return _short(text.replace("\n", " "), 60)


def _short(text: str, most: int = _LONGEST) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _cells(event: Event, names: Names, zone: tzinfo | None) -> Iterable[object]:
    detail = event["detail"]
    local = datetime.fromisoformat(event["at"]).astimezone(zone)
    known: dict[str, object] = {
        **event,
        "local_time": f"{local:%Y-%m-%d %H:%M:%S}",
        "name": names.of(event["person"]),
        "before": _json(detail and detail.get("before")),
        "after": _json(detail and detail.get("after")),
        "reason": (detail.get("reason") if detail else "[erased]"),
        "read": " ".join(event["read"]),
        "saw": " ".join(event["saw"]),
    }
    return [known[name] for name in _CELLS]


def _json(value: object) -> str | None:
    return None if value is None else for_json(value)


def _row(cells: Iterable[object]) -> str:
    text = io.StringIO(newline="")
    CellWriter(text).write(cells)
    return text.getvalue()
