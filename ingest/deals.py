"""Which account and which deal a conversation is about, from hints, titles and dates."""

import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, and_, func, select
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
_BATCH = 400
_LONGEST_NAME = 80
_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@dataclass(frozen=True)
class Deal:
    """An opportunity and its account."""

    id: int
    account_id: int | None


def find_accounts_named(
    session: Session, principal: Principal, hints: Sequence[str]
) -> dict[str, int | None]:
    """Return for each hint the one account with this external id, name or alias, or None."""
    found: dict[str, int | None] = {}
    lowered = {hint: hint.strip().lower() for hint in hints if hint.strip()}
    exact = {hint: hint.strip() for hint in lowered}
    aliased: Select[int, str] = select(Account.id, func.lower(Alias.name).label("called")).join(
        Alias, and_(Alias.entity == "account", Alias.entity_id == Account.id)
    )
    for statement, column, spelled in (
        (select(Account.id, Account.external_id.label("called")), Account.external_id, exact),
        (select(Account.id, func.lower(Account.name).label("called")), None, lowered),
        (aliased, func.lower(Alias.name), lowered),
    ):
        wanted = {hint: spelled[hint] for hint in lowered if hint not in found}
        key = func.lower(Account.name) if column is None else column
        ids = _ids_called(session, principal, statement, key, sorted(set(wanted.values())))
        for hint, called in wanted.items():
            if called in ids:
                found[hint] = min(ids[called]) if len(ids[called]) == 1 else None
    return {hint: found.get(hint) for hint in hints}


def _ids_called(
    session: Session,
    principal: Principal,
    statement: Select[int, str],
    column: ColumnElement[str] | InstrumentedAttribute[str],
    wanted: list[str],
) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for start in range(0, len(wanted), _BATCH):
        part = statement.where(column.in_(wanted[start : start + _BATCH]))
        for row in session.execute(visible(part, Account, principal)):
            found.setdefault(row.called, set()).add(row.id)
    return found


def find_accounts_titled(
    session: Session, principal: Principal, titles: Sequence[str]
) -> dict[str, int | None]:
    """Return for each title the one account whose name or alias stands in it as a word, or None."""
    stretches = {title: names_within(title) for title in titles}
    wanted = sorted({name for names in stretches.values() for name in names})
    called: dict[str, set[int]] = {}
    for statement, column in (
        (select(Account.id, Account.name.label("called")), Account.name),
        (
            select(Account.id, Alias.name.label("called")).join(
                Alias, and_(Alias.entity == "account", Alias.entity_id == Account.id)
            ),
            Alias.name,
        ),
    ):
        # Looked up by index: a title holds few names, a CRM many.
        ids = _ids_called(session, principal, statement, func.lower(column), wanted)
        for name, numbers in ids.items():
            for spelling in {name.lower(), name.translate(_ASCII_LOWER)}:
                called.setdefault(spelling, set()).update(numbers)
    return {title: _longest_named(names, called) for title, names in stretches.items()}


def _longest_named(names: Sequence[str], called: dict[str, set[int]]) -> int | None:
    hits = {(name.lower(), number) for name in names for number in called.get(name, ())}
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


@dataclass(frozen=True, slots=True)
class _Period:
    """A deal with the days between which it was open; `closed_on` is None while it is."""

    id: int
    owner_id: int | None
    opened_on: date | None
    closed_on: date | None
    is_open: bool

    def is_open_on(self, day: date) -> bool:
        """Say whether the deal was open on a day."""
        if self.opened_on is not None and self.opened_on > day:
            return False
        return self.is_open if self.closed_on is None else self.closed_on >= day


class DealBook:
    """The deals of accounts, remembered for one transaction."""

    def __init__(self, session: Session, principal: Principal) -> None:
        self._session, self._principal = session, principal
        self._of_account: dict[int, list[_Period]] = {}

    def learn(self, account_ids: Iterable[int]) -> None:
        """Load the deals of these accounts, the one opened last first."""
        new = sorted(set(account_ids) - self._of_account.keys())
        self._of_account.update({number: [] for number in new})
        for start in range(0, len(new), _BATCH):
            statement = (
                select(
                    Opportunity.id, Opportunity.account_id, Opportunity.owner_id,
                    Opportunity.opened_on, Opportunity.closed_on, Stage.status,
                )
                .join(Stage, Stage.id == Opportunity.stage_id)
                .where(Opportunity.account_id.in_(new[start : start + _BATCH]))
                .order_by(Opportunity.opened_on.desc().nulls_last(), Opportunity.id.desc())
            )  # fmt: skip
            for row in self._session.execute(visible(statement, Opportunity, self._principal)):
                is_open = row.status == StageStatus.OPEN.value
                self._of_account[row.account_id].append(
                    _Period(row.id, row.owner_id, row.opened_on, row.closed_on, is_open)
                )

    def find(
        self,
        account_id: int,
        *,
        at: datetime,
        user_ids: Sequence[int],
        besides: int | None = None,
    ) -> int | None:
        """Return the account's single deal open at that time, else the one most recently active.

        Of several, only those count that one of the users owns; activity is a stage change, an
        activity or a conversation up to that time, other than the one with the id `besides`.
        """
        self.learn([account_id])
        day = at.date()
        rows = [row for row in self._of_account[account_id] if row.is_open_on(day)][:_MANY]
        if len(rows) == 1:
            return rows[0].id
        owned = [row.id for row in rows if row.owner_id in set(user_ids)]
        if len(owned) <= 1:
            return owned[0] if owned else None
        last = _last_active(self._session, self._principal, owned, at, besides)
        # `owned` is newest first, so that a tie goes to the deal opened last.
        return max(owned, key=lambda deal_id: (last.get(deal_id, ""), -owned.index(deal_id)))


def _last_active(
    session: Session, principal: Principal, deal_ids: list[int], at: datetime, besides: int | None
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
        if entity is Conversation and besides is not None:
            statement = statement.where(Conversation.id != besides)
        for row in session.execute(visible(statement, entity, principal)):
            shown = row.moment.isoformat()
            last[row.opportunity_id] = max(last.get(row.opportunity_id, ""), shown)
    return last


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"
