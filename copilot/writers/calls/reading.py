"""Reads a conversation, its people and its deal for understanding, as the caller may see them."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from copilot.grounding.pack.history import label_of
from copilot.writers.calls.notes import (
    Attendee,
    DealContact,
    DealContext,
    Line,
    StageOption,
    Talk,
)
from crm.access import visible
from crm.errors import NotFound
from crm.models import (
    Account,
    Alias,
    Contact,
    Conversation,
    FieldProposal,
    Opportunity,
    OpportunityContact,
    Participant,
    Product,
    ProposalStatus,
    Segment,
    Side,
    Stage,
    StageStatus,
)
from crm.money import to_major
from crm.principal import Principal

_NAMES = 2_000
_CONTACTS = 500
_LISTED = re.compile(r"\s*[;,、/|]\s*")
_HEAD = 16
# Stands for a speaker whose label is no name, in either language.
_NOBODY = "?"
# Half an hour without a breath: what goes on longer is no turn of a talk.
_LONGEST_TURN = 20_000


@dataclass(frozen=True)
class Reading:
    """Everything that understanding one conversation takes; `digest` is that of its words."""

    conversation_id: int
    talk: Talk
    lines: tuple[Line, ...]
    attendees: tuple[Attendee, ...]
    deal: DealContext | None
    digest: str


def read_conversation(session: Session, conversation_id: int, principal: Principal) -> Reading:
    """Return what is to be understood.

    Raises:
        NotFound: there is no such conversation, or the caller may not read it.
    """
    statement = select(Conversation).where(Conversation.id == conversation_id)
    row = session.scalar(visible(statement, Conversation, principal))
    if row is None:
        raise NotFound(
            f"there is no conversation {conversation_id!r}: `sales-copilot show calls` lists them"
        )
    people = list(
        session.scalars(
            select(Participant)
            .where(Participant.conversation_id == row.id)
            .order_by(Participant.position)
        )
    )
    lines = _lines(session, row.id, people)
    attendees = tuple(
        Attendee(label_of(one.name, people) or _NOBODY, Side(one.side), one.contact_id)
        for one in people
    )
    deal = _deal(session, row, principal)
    talk = Talk(
        title=row.title,
        kind=row.kind,
        day=row.started_at.date(),
        language=row.language,
        competitors=_competitors(session, principal),
        own_names=_own_names(session, row, attendees, principal),
    )
    return Reading(row.id, talk, lines, attendees, deal, _digest(row, lines, attendees))


def digest_head(content_sha256: str) -> str:
    """Return the part of a digest that is the conversation's own, to find stale notes in SQL."""
    return content_sha256[:_HEAD]


def _digest(row: Conversation, lines: tuple[Line, ...], people: tuple[Attendee, ...]) -> str:
    said = [
        [line.position, line.speaker, line.side, line.text, line.start_ms, line.end_ms]
        for line in lines
    ]
    content = json.dumps(
        [said, [asdict(one) for one in people], str(row.started_at), row.kind, row.opportunity_id],
        ensure_ascii=False,
    )
    whole = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{digest_head(row.content_sha256)}-{whole[:32]}"


def _lines(session: Session, conversation_id: int, people: list[Participant]) -> tuple[Line, ...]:
    sides = {
        known.casefold(): Side(one.side)
        for one in people
        for known in (one.email, one.name)
        if known
    }
    rows = session.execute(
        select(Segment.position, Segment.speaker, Segment.text, Segment.start_ms, Segment.end_ms)
        .where(Segment.conversation_id == conversation_id)
        .order_by(Segment.position)
    )
    said = [row for row in rows if row.text.strip()]
    return tuple(
        Line(
            place=place,
            position=row.position,
            speaker=label_of(row.speaker, people) or _NOBODY,
            side=sides.get(row.speaker.casefold(), Side.UNKNOWN),
            text=row.text.strip()[:_LONGEST_TURN],
            start_ms=row.start_ms,
            end_ms=row.end_ms,
        )
        for place, row in enumerate(said)
    )


def _deal(session: Session, row: Conversation, principal: Principal) -> DealContext | None:
    if row.opportunity_id is None:
        return None
    statement = select(Opportunity).where(Opportunity.id == row.opportunity_id)
    deal = session.scalar(visible(statement, Opportunity, principal))
    if deal is None:
        return None
    of_deal = select(Stage.name).where(Stage.id == deal.stage_id)
    stage = session.scalar(visible(of_deal, Stage, principal))
    amount = None if deal.amount_minor is None else to_major(deal.amount_minor, deal.currency)
    return DealContext(
        opportunity_id=deal.id,
        stage=stage,
        stages=_stages(session, principal),
        amount=amount,
        currency=deal.currency,
        expected_close_on=deal.closed_on or deal.expected_close_on,
        competitor=deal.competitor,
        next_step=deal.next_step,
        contacts=_contacts(session, deal, principal),
        settled=_settled(session, deal.id, principal),
    )


def _stages(session: Session, principal: Principal) -> tuple[StageOption, ...]:
    statement = select(Stage).order_by(Stage.position, Stage.id)
    rows = session.scalars(visible(statement, Stage, principal))
    return tuple(StageOption(one.name, one.position, StageStatus(one.status)) for one in rows)


def _contacts(session: Session, deal: Opportunity, principal: Principal) -> tuple[DealContact, ...]:
    roles_of = (
        select(OpportunityContact.contact_id, OpportunityContact.role)
        .where(OpportunityContact.opportunity_id == deal.id)
        .order_by(OpportunityContact.id)
    )
    roles: dict[int, str | None] = {}
    for contact_id, role in session.execute(visible(roles_of, OpportunityContact, principal)):
        roles.setdefault(contact_id, role)
    in_deal, at_account = Contact.id.in_(list(roles)), Contact.account_id == deal.account_id
    statement = (
        select(Contact).where(or_(in_deal, at_account)).order_by(Contact.id).limit(_CONTACTS)
    )
    rows = session.scalars(visible(statement, Contact, principal))
    return tuple(DealContact(one.id, one.name, roles.get(one.id)) for one in rows)


def _settled(session: Session, opportunity_id: int, principal: Principal) -> Mapping[str, str]:
    """Return the MEDDICC and BANT values that a person accepted, the newest of each field."""
    statement = (
        select(FieldProposal.field, FieldProposal.new_value)
        .join(Conversation, Conversation.id == FieldProposal.conversation_id)
        .where(
            FieldProposal.entity == "opportunity",
            FieldProposal.entity_id == opportunity_id,
            FieldProposal.status == ProposalStatus.ACCEPTED,
        )
        .order_by(FieldProposal.made_at, FieldProposal.id)
    )
    rows = session.execute(visible(statement, Conversation, principal))
    return {name: value for name, value in rows if "." in name}


def _competitors(session: Session, principal: Principal) -> tuple[str, ...]:
    statement = (
        select(Opportunity.competitor)
        .where(Opportunity.competitor.is_not(None))
        .distinct()
        .order_by(Opportunity.competitor)
        .limit(_NAMES)
    )
    rows = session.scalars(visible(statement, Opportunity, principal))
    named = (name.strip() for row in rows if row for name in _LISTED.split(row))
    return tuple(dict.fromkeys(name for name in named if len(name) > 1))


def _own_names(
    session: Session, row: Conversation, people: tuple[Attendee, ...], principal: Principal
) -> tuple[str, ...]:
    """Return names that are no competitor's: products, the customer, and who takes part."""
    products = select(Product.name).order_by(Product.id).limit(_NAMES)
    names = list(session.scalars(visible(products, Product, principal)))
    if row.account_id is not None:
        account = select(Account.name).where(Account.id == row.account_id)
        names += session.scalars(visible(account, Account, principal))
        others = (
            select(Alias.name)
            .join(Account, Account.id == Alias.entity_id)
            .where(Alias.entity.in_(("account", "accounts")), Account.id == row.account_id)
        )
        names += session.scalars(visible(others, Account, principal))
    return tuple(dict.fromkeys([*names, *(one.name for one in people)]))
