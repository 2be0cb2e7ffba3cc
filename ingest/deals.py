"""Which account and which deal a conversation is about, from hints, titles and dates."""

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

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
_BATCH = 400
_LONGEST_NAME = 80
_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


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
    hits: set[tuple[str, int]] = set()
    wanted = names_within(title)
    for start in range(0, len(wanted), _BATCH):
        part = wanted[start : start + _BATCH]
        # Looked up by index: a title holds few names, a CRM many.
        named = select(Account.id, Account.name).where(func.lower(Account.name).in_(part))
        aliased = (
            select(Account.id, Alias.name)
            .join(Alias, and_(Alias.entity == "account", Alias.entity_id == Account.id))
            .where(func.lower(Alias.name).in_(part))
        )
        for statement in (named, aliased):
            rows = session.execute(visible(statement.limit(_MANY), Account, principal))
            hits |= {(row.name.lower(), row.id) for row in rows}
    # "Acme" inside "Acme Group" is the longer one's.
    longest = {
        number
        for name, number in hits
        if not any(name != other and name in other for other, _ in hits)
    }
    return longest.pop() if len(longest) == 1 else None


def names_within(title: str) -> list[str]:
    """Return the stretches of a title that could be an account's name, as databases lower them.

    In Latin script such a stretch begins and ends where a word does and has three characters or
    more; one with Han characters, which are written without spaces, stands anywhere.
    """
    found: set[str] = set()
    # SQLite lowers ASCII letters only, PostgreSQL all of them.
    for text in {title.lower(), title.translate(_ASCII_LOWER)}:
        solid = [position for position, char in enumerate(text) if not char.isspace()]
        for start in solid:
            is_start = not (start and _is_word(text[start - 1]))
            for end in range(start + 2, min(start + _LONGEST_NAME, len(text)) + 1):
                name = text[start:end]
                if name[-1].isspace() or name in found:
                    continue
                is_end = not (end < len(text) and _is_word(text[end]))
                is_latin = is_start and is_end and len(name) >= 3
                if is_latin or _HAN.search(name):
                    found.add(name)
    return sorted(found)


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
        .order_by(Opportunity.opened_on.desc().nulls_last(), Opportunity.id.desc())
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


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"
