"""What an action rests on and touches, as far as the one who looks at it may read that."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.access.fields import withheld
from crm.models import (
    Account,
    Activity,
    Base,
    Case,
    Contact,
    Conversation,
    EffectKind,
    Lead,
    Opportunity,
    Quote,
)
from crm.principal import Principal

_MODELS: Mapping[str, type[Base]] = {
    "account": Account,
    "activity": Activity,
    "case": Case,
    "contact": Contact,
    "conversation": Conversation,
    "lead": Lead,
    "opportunity": Opportunity,
    "quote": Quote,
}
_ADDRESS = re.compile(r"(\w+):(\d{1,18})(?!\d)")
_AT_ONCE = 500
_Record = tuple[type[Base], int]


class Grounded(Protocol):
    """An action as far as it says what it rests on."""

    @property
    def kind(self) -> str:
        """The kind of effect."""
        ...

    @property
    def payload(self) -> dict[str, Any]:
        """What would be carried out."""
        ...

    @property
    def evidence(self) -> list[dict[str, Any]]:
        """The facts it rests on, each with the address of a record as its `id`."""
        ...


class Reader:
    """One caller before the records that actions name: each is looked up once."""

    def __init__(self, session: Session, principal: Principal) -> None:
        self.principal = principal
        self._session = session
        self._known: dict[_Record, bool] = {}

    def learn(self, addresses: Iterable[str]) -> None:
        """Look many records up by a few statements, so that asking for each takes none."""
        wanted: dict[type[Base], set[int]] = {}
        for record in filter(None, map(_record_of, set(addresses))):
            if record not in self._known:
                wanted.setdefault(record[0], set()).add(record[1])
        for model, ids in wanted.items() if self.principal.scopes else ():
            numbers = sorted(ids)
            for start in range(0, len(numbers), _AT_ONCE):
                self._look_up(model, numbers[start : start + _AT_ONCE])

    def reads(self, address: str) -> bool:
        """Say whether the record of an address may be read; what is none of ours hides nothing."""
        record = _record_of(address)
        if record is None or not self.principal.scopes:
            return True
        if record[0] is Quote and withheld(Quote, self.principal):
            return False
        if record not in self._known:
            self._look_up(record[0], [record[1]])
        return self._known[record]

    def _look_up(self, model: type[Base], ids: Sequence[int]) -> None:
        column = model.__table__.c.id
        wanted = select(column).where(column.in_(ids))
        shown = set(self._session.scalars(visible(wanted, model, self.principal)))
        rest = [number for number in ids if number not in shown]
        there = select(column).where(column.in_(rest))
        hidden = set(self._session.scalars(there)) if rest else set()
        self._known.update({(model, number): number not in hidden for number in ids})


def reads_what_it_touches(row: Grounded, reader: Reader) -> bool:
    """Say whether the caller may read the record that the action changes.

    A change that a conversation suggested says what was said there, so it is shown to those who
    may read the conversation.
    """
    payload = row.payload
    model = _MODELS.get(str(payload.get("entity")))
    fields = payload.get("fields")
    hidden = withheld(model, reader.principal) if model is not None else frozenset()
    if hidden & {*(fields or ()), payload.get("field")}:
        return False
    return all(map(reader.reads, touched_by(row)))


def touched_by(row: Grounded) -> list[str]:
    """Return the addresses of the record that the action changes, and of what suggested it."""
    touched = [f"{row.payload.get('entity')}:{row.payload.get('entity_id')}"]
    if row.kind == EffectKind.APPLY_FIELD_PROPOSAL:
        touched += [str(fact.get("id")) for fact in row.evidence]
    return touched


def is_any_field_withheld(principal: Principal) -> bool:
    """Say whether a field of any record that actions change is kept from the caller."""
    return any(withheld(model, principal) for model in _MODELS.values())


def readable_evidence(
    evidence: Sequence[Mapping[str, Any]], reader: Reader
) -> list[dict[str, Any]]:
    """Return the facts with the words of those left out whose record the caller may not read."""
    return [
        dict(fact) if reader.reads(str(fact.get("id"))) else {"id": fact["id"], "is_withheld": True}
        for fact in evidence
    ]


def _record_of(address: str) -> _Record | None:
    named = _ADDRESS.match(address)
    model = _MODELS.get(named[1]) if named else None
    return (model, int(named[2])) if named is not None and model is not None else None
