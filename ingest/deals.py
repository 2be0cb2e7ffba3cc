"""Which account and which deal a conversation is about, from hints, titles and dates."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from crm.access import visible
from crm.models import (
    Account,
    Activity,
    Alias,
    Conversation,
    Opportunity,
    Stage,
    StageChange,
    StageStatus,
)
from crm.principal import Principal

_HAN = re.compile("[\u3400-\u9fff]")
_MANY = 200


@dataclass(frozen=True)
class Deal:
    """An opportunity and its account."""

    id: int
    account_id: int | None


def find_account_named(session: Session, principal: Principal, hint: str | None) -> int | None:
    """Return the one account with this external id, name or alias, else None."""
    if not hint:
        return None
    lowered = hint.strip().lower()
    for condition in (Account.external_id == hint.strip(), func.lower(Account.name) == lowered):
        statement = select(Account.id).where(condition).limit(2)
        ids = session.scalars(visible(statement, Account, principal)).all()
        if ids:
            return ids[0] if len(ids) == 1 else None
    statement = (
        select(Account.id)
        .join(Alias, and_(Alias.entity == "account", Alias.entity_id == Account.id))
        .where(func.lower(Alias.name) == lowered)
        .distinct()
        .limit(2)
    )
    ids = session.scalars(visible(statement, Account, principal)).all()
    return ids[0] if len(ids) == 1 else None


def find_account_titled(session: Session, principal: Principal, title: str) -> int | None:
    """Return the one account whose name or alias stands in the title as a word of its own."""
    named = select(Account.id, Account.name).where(_is_within(title, Account.name))
    aliased = (
        select(Account.id, Alias.name)
        .join(Alias, and_(Alias.entity == "account", Alias.entity_id == Account.id))
        .where(_is_within(title, Alias.name))
    )
    hits: list[tuple[str, int]] = []
    for statement in (named, aliased):
        rows = session.execute(visible(statement.limit(_MANY), Account, principal)).all()
        hits += [(row.name.lower(), row.id) for row in rows if _stands_in(row.name, title)]
    # "Acme" inside "Acme Group" is the longer one's.
    longest = {
        number
        for name, number in hits
        if not any(name != other and name in other for other, _ in hits)
    }
    return longest.pop() if len(longest) == 1 else None


def find_hinted_deal(session: Session, principal: Principal, hint: str | None) -> Deal | None:
    """Return the one opportunity with this external id or name, else None."""
    if not hint:
        return None
    wanted = hint.strip()
    for condition in (Opportunity.external_id == wanted, Opportunity.name == wanted):
        statement = select(Opportunity.id, Opportunity.account_id).where(condition).limit(2)
        rows = session.execute(visible(statement, Opportunity, principal)).all()
        if rows:
            return Deal(rows[0].id, rows[0].account_id) if len(rows) == 1 else None
    return None


def find_deal(
    session: Session,
    principal: Principal,
    account_id: int,
    *,
    at: datetime,
    user_ids: Sequence[int],
) -> int | None:
    """Return the account's single deal open at that time, else the one most recently active.

    Of several, only those count that one of the users owns; activity is a stage change, an
    activity or a conversation up to that time.
    """
    day = at.date()
    statement = (
        select(Opportunity.id, Opportunity.owner_id)
        .join(Stage, Stage.id == Opportunity.stage_id)
        .where(
            Opportunity.account_id == account_id,
            or_(Opportunity.opened_on.is_(None), Opportunity.opened_on <= day),
            or_(
                Opportunity.closed_on >= day,
                and_(Opportunity.closed_on.is_(None), Stage.status == StageStatus.OPEN.value),
            ),
        )
        .order_by(Opportunity.opened_on.desc(), Opportunity.id.desc())
        .limit(_MANY)
    )
    rows = session.execute(visible(statement, Opportunity, principal)).all()
    if len(rows) == 1:
        return int(rows[0].id)
    owned = [int(row.id) for row in rows if row.owner_id in set(user_ids)]
    if len(owned) <= 1:
        return owned[0] if owned else None
    last = _last_active(session, principal, owned, at)
    # `owned` is newest first, so that a tie goes to the deal opened last.
    return max(owned, key=lambda deal_id: (last.get(deal_id, ""), -owned.index(deal_id)))


def _last_active(
    session: Session, principal: Principal, deal_ids: list[int], at: datetime
) -> dict[int, str]:
    last: dict[int, str] = {}
    for entity, moment in (
        (Activity, Activity.occurred_at),
        (StageChange, StageChange.changed_at),
        (Conversation, Conversation.started_at),
    ):
        statement = (
            select(entity.opportunity_id, func.max(moment).label("moment"))
            .where(entity.opportunity_id.in_(deal_ids), moment <= at)
            .group_by(entity.opportunity_id)
        )
        for row in session.execute(visible(statement, entity, principal)):
            shown = row.moment.isoformat()
            last[row.opportunity_id] = max(last.get(row.opportunity_id, ""), shown)
    return last


def _is_within(title: str, name: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    # A first sieve: LIKE reads % and _ in names, and SQLite folds the case of ASCII only.
    return or_(
        literal(title).like(literal("%") + name + "%"),
        literal(title.lower()).like(literal("%") + func.lower(name) + "%"),
    )


def _stands_in(name: str, title: str) -> bool:
    name, title = name.strip().lower(), title.lower()
    if _HAN.search(name):
        return len(name) >= 2 and name in title
    return len(name) >= 3 and bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", title))
