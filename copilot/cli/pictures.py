"""What `show` gathers: a record with the records around it, in a fixed number of statements."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.models import Conversation, StageStatus
from crm.principal import Principal
from tools.attributes import Entity
from tools.conversations import ReadArguments, read_conversation
from tools.record_facts import RecordBrief
from tools.records import (
    FindContacts,
    FindOpportunities,
    Found,
    GetRecord,
    Record,
    find_contacts,
    find_opportunities,
    get_record,
    list_records,
)
from tools.timeline import TimelineArguments, opportunity_timeline
from tools.views import MODELS

_RELATED = 10
_TITLES = {
    Entity.ACCOUNT: "accounts",
    Entity.OPPORTUNITY: "opportunities",
    Entity.CONTACT: "contacts",
    Entity.PRODUCT: "products",
    Entity.USER: "users",
    Entity.CALL: "conversations, the latest first",
}


@dataclass(frozen=True)
class Asked:
    """On whose behalf and as of when the records are read."""

    session: Session
    principal: Principal
    as_of: datetime

    @property
    def by(self) -> dict[str, Any]:
        """The arguments that every tool takes."""
        return {"principal": self.principal, "as_of": self.as_of}


@dataclass(frozen=True)
class Section:
    """Some records of one kind, one text each, and how many there are in all."""

    key: str
    title: str
    total: int
    records: tuple[RecordBrief, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """A record, the records around it, and a story or transcript line by line."""

    record: Record
    sections: tuple[Section, ...] = ()
    lines: list[str] = field(default_factory=list)


def list_kind(entity: Entity, asked: Asked, *, limit: int) -> Section:
    """Return the first records of a kind by name, conversations the latest first."""
    model: Any = MODELS[entity]
    order = (
        (Conversation.started_at.desc(), Conversation.id)
        if entity is Entity.CALL
        else (func.lower(model.name), model.id)
    )
    ids = asked.session.scalars(
        visible(select(model.id).order_by(*order).limit(limit), model, asked.principal)
    ).all()
    count = visible(select(func.count(model.id)), model, asked.principal)
    found = list_records(asked.session, entity, ids, **asked.by)
    return _section(entity.value, _TITLES[entity], found, asked.session.scalar(count) or 0)


def picture_of(entity: Entity, ref: str, asked: Asked) -> Picture:
    """Return the record that the reference names, with what belongs to it.

    Raises NotFound, or Ambiguous with the candidates.
    """
    session = asked.session
    record = get_record(session, GetRecord(entity=entity, ref=ref), **asked.by)
    if entity is Entity.CALL:
        said = read_conversation(session, ReadArguments(conversation_id=record.id), **asked.by)
        return Picture(record, lines=[fact.text for fact in said.facts])
    if entity is Entity.OPPORTUNITY:
        wanted = TimelineArguments(opportunity_id=record.id)
        story = opportunity_timeline(session, wanted, **asked.by)
        return Picture(record, lines=[fact.text for fact in story.facts])
    if entity is Entity.ACCOUNT:
        return Picture(record, sections=_around_account(record.id, asked))
    if entity is Entity.USER:
        return Picture(record, sections=(_open_deals(asked, owner_id=record.id),))
    return Picture(record)


def _around_account(account_id: int, asked: Asked) -> tuple[Section, ...]:
    contacts = find_contacts(
        asked.session, FindContacts(account_id=account_id, limit=_RELATED), **asked.by
    )
    here = Conversation.account_id == account_id
    latest = select(Conversation.id).where(here).order_by(Conversation.started_at.desc())
    ids = asked.session.scalars(
        visible(latest.limit(_RELATED // 2), Conversation, asked.principal)
    ).all()
    count = visible(select(func.count(Conversation.id)).where(here), Conversation, asked.principal)
    talks = list_records(asked.session, Entity.CALL, ids, **asked.by)
    return (
        _open_deals(asked, account_id=account_id),
        _section("contacts", "contacts", contacts, contacts.total),
        _section("conversations", "latest conversations", talks, asked.session.scalar(count) or 0),
    )


def _open_deals(asked: Asked, **whose: int) -> Section:
    wanted = FindOpportunities(
        **whose,
        status=StageStatus.OPEN,
        order="amount",
        limit=_RELATED,
    )
    deals = find_opportunities(asked.session, wanted, **asked.by)
    return _section("open_opportunities", "open deals, the largest first", deals, deals.total)


def _section(key: str, title: str, found: Found, total: int) -> Section:
    return Section(
        key, title, total, tuple(found.records), tuple(fact.text for fact in found.facts)
    )
