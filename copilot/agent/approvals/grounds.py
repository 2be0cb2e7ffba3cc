"""What an action rests on and touches, as far as the one who looks at it may read that."""

import re
from collections.abc import Mapping, Sequence
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


def reads_what_it_touches(session: Session, row: Grounded, *, principal: Principal) -> bool:
    """Say whether the caller may read the record that the action changes.

    A change that a conversation suggested says what was said there, so it is shown to those who
    may read the conversation.
    """
    payload = row.payload
    model = _MODELS.get(str(payload.get("entity")))
    fields = payload.get("fields")
    if model is not None and withheld(model, principal) & {*(fields or ()), payload.get("field")}:
        return False
    touched = [f"{payload.get('entity')}:{payload.get('entity_id')}"]
    if row.kind == EffectKind.APPLY_FIELD_PROPOSAL:
        touched += [str(fact.get("id")) for fact in row.evidence]
    return all(_is_readable(session, one, principal) for one in touched)


def readable_evidence(
    session: Session, evidence: Sequence[Mapping[str, Any]], *, principal: Principal
) -> list[dict[str, Any]]:
    """Return the facts with the words of those left out whose record the caller may not read."""
    known: dict[str, bool] = {}
    found: list[dict[str, Any]] = []
    for fact in evidence:
        address = str(fact.get("id"))
        if address not in known:
            known[address] = _is_readable(session, address, principal)
        kept = dict(fact) if known[address] else {"id": fact["id"], "is_withheld": True}
        found.append(kept)
    return found


def _is_readable(session: Session, address: str, principal: Principal) -> bool:
    """Say whether the record of an address may be read; what is none of ours hides nothing."""
    named = _ADDRESS.match(address)
    model = _MODELS.get(named[1]) if named else None
    if named is None or model is None or not principal.scopes:
        return True
    if withheld(model, principal) and model is Quote:
        return False
    wanted = select(model.__table__.c.id).where(model.__table__.c.id == int(named[2]))
    if session.execute(visible(wanted, model, principal)).first() is not None:
        return True
    return session.execute(wanted).first() is None
