"""Reads the rows of a profile as the caller may see them, in at most 20 statements."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, tuple_
from sqlalchemy.orm import aliased

from crm.access import readable, visible
from crm.access.fields import withhold
from crm.access.notes import are_told
from crm.errors import NotFound
from crm.models import (
    Activity,
    ActivityKind,
    AmountChange,
    Case,
    CloseDateChange,
    Contact,
    Conversation,
    FieldProposal,
    Note,
    NoteKind,
    NoteSet,
    Opportunity,
    OpportunityContact,
    OpportunityLine,
    Participant,
    Product,
    ProposalStatus,
    Quote,
    Segment,
    Side,
    Stage,
    StageChange,
    StageStatus,
    User,
)
from tools.attributes import Entity
from tools.notes import on_readable_record
from tools.profile.model import Scope
from tools.profile.rows import (
    CASE_DAYS,
    Asked,
    CaseTotal,
    Deal,
    DealTotal,
    Place,
    Rows,
    Talked,
    by_key,
)
from tools.views import RecordView, load_views

_DEALS = 200
_CONVERSATIONS = 300
_NOTES = 1_000
_PEOPLE = 200
_MAILS = 40
_RECENT = 50
_READ_KINDS = (
    NoteKind.SUMMARY, NoteKind.QUESTION, NoteKind.OBJECTION, NoteKind.COMPETITOR,
    NoteKind.COMMITMENT, NoteKind.NEXT_STEP,
)  # fmt: skip
_CONTACT_KINDS = (ActivityKind.CALL, ActivityKind.EMAIL, ActivityKind.MEETING)
# The part of a note set's digest that is the conversation's own; words that changed since differ.
_DIGEST_HEAD = 16
_CLOSED_CASE = ("closed", "resolved", "solved", "done", "已关闭", "已解决", "已完成")


def read_rows(asked: Asked) -> Rows:
    """Return what is known; NotFound if there is no such record or the caller may not read it."""
    account_id, deal_id = _scope(asked)
    views = [] if account_id is None else _account(asked, account_id)
    deals = _deals(asked, account_id, deal_id)
    shown = [deal.row.id for deal in deals]
    talks, conversations = _talks(asked, account_id, deal_id)
    ids = {talk.row.id: talk.row for talk in talks}
    current = {talk.row.id for talk in talks if talk.is_read}
    proposals = _proposals(asked, ids, current)
    open_cases, opened = _open_cases(asked, account_id)
    mails, places = _segments(asked, talks, proposals)
    roles = _roles(asked, shown)
    return Rows(
        account=views[0] if views else None,
        totals=_totals(asked, account_id, deal_id),
        deals=deals,
        products=_products(asked, shown),
        quotes=_of_deals(asked, Quote, shown, Quote.created_on),
        close_dates=_of_deals(asked, CloseDateChange, shown, CloseDateChange.changed_at),
        amounts=_of_deals(asked, AmountChange, shown, AmountChange.changed_at),
        stage_changed_at=_stage_changes(asked, shown),
        roles=roles,
        contacts=_contacts(asked, account_id, {role.contact_id for role in roles}),
        talks=talks,
        conversations=conversations,
        unread=len(ids.keys() - current),
        notes=_notes(asked, ids, current),
        proposals=proposals,
        activities=_activities(asked, account_id, deal_id),
        tasks=_tasks(asked, account_id, deal_id),
        cases=open_cases,
        open_cases=opened,
        case_total=_case_total(asked, account_id),
        mails=mails,
        places=places,
    )


def _scope(asked: Asked) -> tuple[int | None, int | None]:
    if asked.scope is Scope.ACCOUNT:
        return asked.id, None
    statement = select(Opportunity.id, Opportunity.account_id).where(Opportunity.id == asked.id)
    row = asked.session.execute(visible(statement, Opportunity, asked.principal)).first()
    if row is None:
        raise NotFound(f"there is no opportunity with the id {asked.id!r}")
    return row.account_id, asked.id


def _account(asked: Asked, account_id: int) -> list[RecordView]:
    views = load_views(asked.session, Entity.ACCOUNT, [account_id], asked.principal)
    if not views and asked.scope is Scope.ACCOUNT:
        raise NotFound(f"there is no account with the id {account_id!r}")
    return views


def _whose(model: Any, account_id: int | None, deal_id: int | None) -> ColumnElement[bool]:
    """Return the condition that rows belong to the deal, or else to the account or its deals."""
    if deal_id is not None:
        return model.opportunity_id == deal_id  # type: ignore[no-any-return]
    of_account = select(Opportunity.id).where(Opportunity.account_id == account_id)
    return or_(
        model.account_id == account_id,
        and_(model.account_id.is_(None), model.opportunity_id.in_(of_account)),
    )


def _of_scope(account_id: int | None, deal_id: int | None) -> ColumnElement[bool]:
    if deal_id is not None:
        return Opportunity.id == deal_id
    return Opportunity.account_id == account_id


def _totals(asked: Asked, account_id: int | None, deal_id: int | None) -> tuple[DealTotal, ...]:
    statement = (
        select(
            Opportunity.currency,
            Stage.status,
            func.count(Opportunity.id),
            func.coalesce(func.sum(Opportunity.amount_minor), 0),
        )
        .join(Stage, Stage.id == Opportunity.stage_id)
        .where(_of_scope(account_id, deal_id))
        .group_by(Opportunity.currency, Stage.status)
        .order_by(Opportunity.currency)
    )
    rows = asked.session.execute(visible(statement, Opportunity, asked.principal))
    return tuple(DealTotal(row[0], row[1], row[2], int(row[3] or 0)) for row in rows)


def _deals(asked: Asked, account_id: int | None, deal_id: int | None) -> tuple[Deal, ...]:
    # Won, lost or open is the deal's own, whoever may read the names of stages.
    named = aliased(Stage)
    statement = (
        select(Opportunity, named.name, Stage.status, User.name)
        .select_from(Opportunity)
        .join(Stage, Stage.id == Opportunity.stage_id)
        .outerjoin(named, and_(named.id == Stage.id, readable(named, asked.principal)))
        .outerjoin(User, and_(User.id == Opportunity.owner_id, readable(User, asked.principal)))
        .where(_of_scope(account_id, deal_id))
        .order_by(
            case((Stage.status == StageStatus.OPEN.value, 0), else_=1),
            Opportunity.closed_on.desc().nulls_first(),
            Opportunity.amount_minor.desc().nulls_last(),
            Opportunity.id,
        )
        .limit(_DEALS)
    )
    rows = asked.session.execute(visible(statement, Opportunity, asked.principal))
    return tuple(Deal(*row) for row in rows)


def _of_deals(asked: Asked, model: Any, ids: Sequence[int], order: Any) -> dict[int, list[Any]]:
    statement = (
        select(model)
        .where(model.opportunity_id.in_(ids))
        .order_by(order.desc().nulls_last(), model.id.desc())
    )
    rows = asked.session.scalars(visible(statement, model, asked.principal))
    return by_key(withhold(rows, asked.principal), lambda row: int(row.opportunity_id))


def _stage_changes(asked: Asked, ids: Sequence[int]) -> dict[int, datetime]:
    last = func.max(StageChange.changed_at, type_=StageChange.changed_at.type)
    statement = (
        select(StageChange.opportunity_id, last)
        .where(StageChange.opportunity_id.in_(ids))
        .group_by(StageChange.opportunity_id)
    )
    rows = asked.session.execute(visible(statement, StageChange, asked.principal))
    return {row[0]: row[1] for row in rows if row[1] is not None}


def _products(asked: Asked, ids: Sequence[int]) -> dict[int, list[str]]:
    statement = (
        select(OpportunityLine.opportunity_id, Product.name)
        .select_from(OpportunityLine)
        .join(
            Product,
            and_(Product.id == OpportunityLine.product_id, readable(Product, asked.principal)),
        )
        .where(OpportunityLine.opportunity_id.in_(ids))
        .order_by(OpportunityLine.id)
    )
    found: dict[int, list[str]] = {}
    for deal_id, name in asked.session.execute(
        visible(statement, OpportunityLine, asked.principal)
    ):
        names = found.setdefault(deal_id, [])
        if name not in names:
            names.append(name)
    return found


def _roles(asked: Asked, ids: Sequence[int]) -> tuple[OpportunityContact, ...]:
    statement = (
        select(OpportunityContact)
        .where(OpportunityContact.opportunity_id.in_(ids))
        .order_by(OpportunityContact.id.desc())
    )
    return tuple(asked.session.scalars(visible(statement, OpportunityContact, asked.principal)))


def _contacts(asked: Asked, account_id: int | None, in_deals: set[int]) -> tuple[Contact, ...]:
    whose: ColumnElement[bool] = Contact.id.in_(in_deals)
    if account_id is not None:
        whose = or_(whose, Contact.account_id == account_id)
    has_role = case((Contact.id.in_(in_deals), 0), else_=1)
    statement = select(Contact).where(whose).order_by(has_role, Contact.id).limit(_PEOPLE)
    rows = asked.session.scalars(visible(statement, Contact, asked.principal))
    return tuple(withhold(rows, asked.principal))


def _talks(
    asked: Asked, account_id: int | None, deal_id: int | None
) -> tuple[tuple[Talked, ...], int]:
    statement = (
        select(Conversation, NoteSet.content_digest, func.count().over())
        .outerjoin(NoteSet, NoteSet.conversation_id == Conversation.id)
        .where(
            _whose(Conversation, account_id, deal_id),
            Conversation.started_at <= asked.as_of,
        )
        .order_by(Conversation.started_at.desc(), Conversation.id.desc())
        .limit(_CONVERSATIONS)
    )
    rows = asked.session.execute(visible(statement, Conversation, asked.principal)).all()
    found = asked.session.scalars(
        select(Participant)
        .where(Participant.conversation_id.in_([row.id for row, _, _ in rows]))
        .order_by(Participant.conversation_id, Participant.position)
    )
    people = by_key(found, lambda one: one.conversation_id)
    talks = tuple(
        Talked(row, tuple(people.get(row.id, ())), _is_current(digest, row))
        for row, digest, _ in rows
    )
    return talks, rows[0][2] if rows else 0


def _is_current(digest: str | None, talk: Conversation) -> bool:
    head = talk.content_sha256[:_DIGEST_HEAD]
    return digest is not None and digest[:_DIGEST_HEAD] == head


def _notes(
    asked: Asked, talks: dict[int, Conversation], current: set[int]
) -> tuple[tuple[Note, Conversation], ...]:
    """Return the notes on words that are still the same."""
    statement = (
        select(Note)
        .join(Conversation, Conversation.id == Note.conversation_id)
        .where(
            Note.conversation_id.in_(current),
            Note.kind.in_([kind.value for kind in _READ_KINDS]),
            are_told(asked.principal),
        )
        .order_by(Conversation.started_at.desc(), Conversation.id.desc(), Note.position)
        .limit(_NOTES)
    )
    rows = asked.session.scalars(visible(statement, Conversation, asked.principal))
    return tuple((note, talks[note.conversation_id]) for note in rows)


def _proposals(
    asked: Asked, talks: dict[int, Conversation], current: set[int]
) -> tuple[tuple[FieldProposal, Conversation], ...]:
    """Return what was said of fields, but not what a person rejected or was read differently."""
    statement = (
        select(FieldProposal)
        .join(Conversation, Conversation.id == FieldProposal.conversation_id)
        .where(
            FieldProposal.conversation_id.in_(current),
            FieldProposal.status.in_(
                [ProposalStatus.PROPOSED.value, ProposalStatus.ACCEPTED.value]
            ),
            on_readable_record(asked.principal),
            are_told(asked.principal),
        )
        .order_by(Conversation.started_at.desc(), Conversation.id.desc(), FieldProposal.id)
        .limit(_NOTES)
    )
    rows = asked.session.scalars(visible(statement, Conversation, asked.principal))
    return tuple((row, talks[row.conversation_id]) for row in rows)


def _activities(asked: Asked, account_id: int | None, deal_id: int | None) -> tuple[Activity, ...]:
    statement = (
        select(Activity)
        .where(
            _whose(Activity, account_id, deal_id),
            Activity.occurred_at <= asked.as_of,
            Activity.kind.in_([kind.value for kind in _CONTACT_KINDS]),
        )
        .order_by(Activity.occurred_at.desc(), Activity.id.desc())
        .limit(_RECENT)
    )
    return tuple(asked.session.scalars(visible(statement, Activity, asked.principal)))


def _tasks(asked: Asked, account_id: int | None, deal_id: int | None) -> tuple[Activity, ...]:
    statement = (
        select(Activity)
        .where(
            _whose(Activity, account_id, deal_id),
            Activity.done_at.is_(None),
            Activity.occurred_at.is_(None),
        )
        .order_by(Activity.due_on.desc().nulls_last(), Activity.id)
        .limit(_RECENT)
    )
    return tuple(asked.session.scalars(visible(statement, Activity, asked.principal)))


def _open_cases(asked: Asked, account_id: int | None) -> tuple[tuple[Case, ...], int]:
    statement = (
        select(Case, func.count().over())
        .where(
            Case.account_id == account_id,
            or_(Case.closed_at.is_(None), Case.closed_at > asked.as_of),
            or_(Case.opened_at.is_(None), Case.opened_at <= asked.as_of),
            func.lower(Case.status).not_in(_CLOSED_CASE),
        )
        .order_by(Case.opened_at.desc().nulls_last(), Case.id.desc())
        .limit(_RECENT)
    )
    rows = asked.session.execute(visible(statement, Case, asked.principal)).all()
    return tuple(row for row, _ in rows), rows[0][1] if rows else 0


def _case_total(asked: Asked, account_id: int | None) -> CaseTotal:
    since = asked.as_of - timedelta(days=CASE_DAYS)
    statement = select(
        func.count(Case.id), func.count(Case.satisfaction), func.avg(Case.satisfaction)
    ).where(Case.account_id == account_id, Case.opened_at > since, Case.opened_at <= asked.as_of)
    cases, scores, mean = asked.session.execute(visible(statement, Case, asked.principal)).one()
    return CaseTotal(since.date(), cases, scores, float(mean) if mean is not None else None)


def _segments(
    asked: Asked,
    talks: Sequence[Talked],
    proposals: Sequence[tuple[FieldProposal, Conversation]],
) -> tuple[dict[int, list[Segment]], dict[tuple[int, int], Place]]:
    """Return the newest mails of each side in words, and by whom and when fields were spoken of."""
    mails: list[int] = []
    for side in (Side.CUSTOMER, Side.OURS):
        mails += [talk.row.id for talk in talks if talk.side is side][:_MAILS]
    spoken = {(row.conversation_id, position) for row, _ in proposals for position in row.segments}
    statement = (
        select(Segment)
        .where(
            or_(
                Segment.conversation_id.in_(mails),
                tuple_(Segment.conversation_id, Segment.position).in_(sorted(spoken)),
            )
        )
        .order_by(Segment.conversation_id, Segment.position)
    )
    words: dict[int, list[Segment]] = {mail: [] for mail in mails}
    places: dict[tuple[int, int], Place] = {}
    for segment in asked.session.scalars(statement):
        if segment.conversation_id in words:
            words[segment.conversation_id].append(segment)
        place = (segment.conversation_id, segment.position)
        places[place] = Place(segment.speaker, segment.start_ms)
    return words, places
