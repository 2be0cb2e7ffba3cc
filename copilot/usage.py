"""Everybody's account of what they used: budgets are checked before, every call is booked after."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Insert, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from copilot.limits import QuestionLimit
from copilot.llm.client import LanguageModel, Usage
from copilot.llm.metered import MeteredModel, OverBudget
from copilot.settings import Settings
from crm.audit.trail import address_of
from crm.errors import NotAllowed
from crm.models import Usage as UsageRow
from crm.principal import Principal, Role
from crm.store import Store

log = logging.getLogger(__name__)

MAY_READ_ALL = frozenset({Role.OWNER, Role.OPERATIONS})
_KEY = ("person", "day", "model")
_PER_MINUTE_AT_ENDPOINT = 60
_NOBODY = ""
_COUNTS = ("questions", "calls", "failed", "tokens_in", "tokens_out")


@dataclass(frozen=True)
class Accounts:
    """The accounts of a workspace's people, shared by all its processes.

    `clock` gives the present in the company's time zone, in which days begin and end.
    `tokens_per_day` is what each person may spend, 0 for any number; calls under way at the same
    time may go beyond it.
    """

    store: Store
    clock: Callable[[], datetime]
    tokens_per_day: int = 0
    limit: QuestionLimit | None = None

    def admit(self, principal: Principal) -> None:
        """Count a question. Raises TooManyQuestions if the person asked too many just now."""
        person = address_of(principal)
        if self.limit is not None:
            self.limit.admit(person)
        _book(self, person, _NOBODY, questions=1)

    def close(self) -> None:
        """Give connections back."""
        if self.limit is not None:
            self.limit.close()

    def metered(self, model: LanguageModel, principal: Principal) -> LanguageModel:
        """Return the model with this person's account before it."""
        return MeteredModel(model, PersonalAccount(self, address_of(principal)))


def questions_a_minute(settings: Settings) -> int:
    """Return how many questions a person may ask in a minute, 0 for any number.

    Where nothing is set, an endpoint's model is limited: what it is asked costs money.
    """
    if settings.questions_per_minute is not None:
        return settings.questions_per_minute
    return _PER_MINUTE_AT_ENDPOINT if settings.uses_endpoint else 0


def make_accounts(settings: Settings, store: Store) -> Accounts:
    """Return the accounts that the settings ask for, on the store's database."""
    zone = ZoneInfo(settings.time_zone)
    has_server = settings.database_url is not None
    limit = QuestionLimit(
        questions_a_minute(settings),
        settings.workspace_dir,
        postgres_url=settings.sqlalchemy_url if has_server else None,
    )
    return Accounts(
        store,
        # What is spent today is spent today, whatever day an answer is asked for.
        lambda: datetime.now(zone),
        tokens_per_day=settings.tokens_per_day,
        limit=limit,
    )


@dataclass(frozen=True)
class PersonalAccount:
    """One person's account."""

    accounts: Accounts
    person: str

    def check(self) -> None:
        """Raise OverBudget if the day's tokens are used up."""
        budget = self.accounts.tokens_per_day
        if not budget:
            return
        now = self.accounts.clock()
        with self.accounts.store.session() as session:
            used = tokens_on(session, self.person, now.date())
        if used >= budget:
            resets = datetime.combine(now.date() + timedelta(days=1), time.min, now.tzinfo)
            anew = f"{resets:%Y-%m-%d %H:%M} {resets.tzname()}"
            raise OverBudget(
                en=f"{used:,} of today's {budget:,} tokens are used: the budget begins anew at "
                f"{anew}; what needs no language model is answered meanwhile "
                "(SALES_COPILOT_TOKENS_PER_DAY sets the budget)",
                zh=f"今天的 {budget:,} 个令牌已用去 {used:,} 个：额度从 {anew} 起重新计算；"
                "不需要语言模型的问题照常回答（额度由 SALES_COPILOT_TOKENS_PER_DAY 设定）",
                resets_at=resets,
            )

    def book(self, model: str, usage: Usage, *, has_failed: bool) -> None:
        """Add one call and its tokens."""
        _book(
            self.accounts,
            self.person,
            model,
            calls=1,
            failed=int(has_failed),
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
        )


def tokens_on(session: Session, person: str, day: date) -> int:
    """Return the tokens, read and written, that a person spent on a day."""
    spent = func.sum(UsageRow.tokens_in + UsageRow.tokens_out)
    statement = select(spent).where(UsageRow.person == person, UsageRow.day == day)
    return int(session.scalar(statement) or 0)


def usage_between(
    session: Session,
    first: date | None,
    last: date | None,
    *,
    person: str | None,
    principal: Principal,
) -> Sequence[UsageRow]:
    """Return the rows of these days, both included, the newest day first.

    Without `person` they are everybody's for who may see that, else the caller's own. Raises
    NotAllowed for another person's.
    """
    own = address_of(principal)
    if principal.role not in MAY_READ_ALL:
        if person not in {None, own}:
            raise NotAllowed(
                f"the usage of others is for {' and '.join(sorted(MAY_READ_ALL))}: ask them, or "
                "see your own without --by"
            )
        person = own
    statement = select(UsageRow).order_by(UsageRow.day.desc(), UsageRow.person, UsageRow.model)
    if person is not None:
        statement = statement.where(UsageRow.person == person)
    if first is not None:
        statement = statement.where(UsageRow.day >= first)
    if last is not None:
        statement = statement.where(UsageRow.day <= last)
    return session.scalars(statement).all()


def _book(accounts: Accounts, person: str, model: str, **counts: int) -> None:
    key = {"person": person, "day": accounts.clock().date(), "model": model}
    try:
        with accounts.store.session() as session:
            session.execute(_upsert(session, key, counts))
    except DBAPIError as error:
        # A disk that is full or read-only still gives answers.
        log.warning("usage cannot be booked: %s", type(error.orig).__name__)


def _upsert(session: Session, key: dict[str, object], counts: dict[str, int]) -> Insert:
    """Return the one statement that adds to a row or makes it: at once, nothing is lost."""
    is_postgres = session.get_bind().dialect.name == "postgresql"
    row = {**key, **dict.fromkeys(_COUNTS, 0), **counts}
    table = UsageRow.__table__
    added = {name: table.c[name] + number for name, number in counts.items()}
    if is_postgres:
        return (
            postgresql.insert(UsageRow)
            .values(row)
            .on_conflict_do_update(index_elements=_KEY, set_=added)
        )
    return (
        sqlite.insert(UsageRow).values(row).on_conflict_do_update(index_elements=_KEY, set_=added)
    )
