"""What a measure takes from each record, and the conditions that only one measure has."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from crm.metrics.links import ACCOUNT, STAGE, stage_age_days
from crm.metrics.portable_dates import DaysBetween, SecondsBetween, day
from crm.metrics.quotas import is_counted, won_against
from crm.metrics.scene import Scene
from crm.metrics.subjects import TOUCH
from crm.models import (
    Account,
    Activity,
    ActivityKind,
    Base,
    Case,
    CloseDateChange,
    Lead,
    Opportunity,
    OpportunityLine,
    PriceBookEntry,
    Product,
    Quota,
    Quote,
    Stage,
    StageChange,
    StageStatus,
    User,
)
from crm.principal import Role

ONE: ColumnElement[Any] = literal_column("1", Integer)
CONTACT_KINDS = ("call", "email", "meeting", "chat")


@dataclass(frozen=True)
class RowValue:
    """A whole number from a record, `scale` times its size; `weight` replaces 1 in a mean.

    Whole numbers keep sums exact on both databases. `is_per_line` values add up over a deal's
    product lines; others are the same on each line.
    """

    number: Any
    weight: Any = None
    scale: int = 1
    is_per_line: bool = False
    links: tuple[str, ...] = ()


def _amount(has_lines: bool) -> Any:
    """Return the deal's amount, or its line's where lines are joined.

    A deal without lines, and an only line without an amount, have the deal's amount.
    """
    if not has_lines:
        return Opportunity.amount_minor
    other = aliased(OpportunityLine)
    has_other = (
        exists(select(literal(1)).select_from(other))
        .where(
            other.opportunity_id == OpportunityLine.opportunity_id,
            other.id != OpportunityLine.id,
        )
        .correlate(OpportunityLine)
    )
    return case(
        (OpportunityLine.id.is_(None), Opportunity.amount_minor),
        (OpportunityLine.amount_minor.is_not(None), OpportunityLine.amount_minor),
        (~has_other, Opportunity.amount_minor),
    )


def _flag(condition: Any) -> Any:
    return case((condition, ONE), else_=literal_column("0", Integer))


def _scaled(column: Any, factor: int) -> Any:
    return cast(func.round(column * factor), BigInteger)


def _moved_on() -> ColumnElement[bool]:
    later, stage, now = aliased(StageChange), aliased(Stage), aliased(Stage)
    is_further = or_(
        stage.status == StageStatus.WON.value,
        and_(stage.status == StageStatus.OPEN.value, stage.position > STAGE.position),
    )
    by_history = (
        exists(select(literal(1)).select_from(later).join(stage, stage.id == later.to_stage_id))
        .where(
            later.opportunity_id == StageChange.opportunity_id,
            later.changed_at >= StageChange.changed_at,
            is_further,
        )
        .correlate(StageChange, STAGE)
    )
    is_won_now = (
        exists(select(literal(1)).select_from(now))
        .where(now.id == Opportunity.stage_id, now.status == StageStatus.WON.value)
        .correlate(Opportunity)
    )
    return or_(by_history, is_won_now)


VALUES: dict[str, Callable[[Scene, bool], RowValue]] = {
    "one": lambda _scene, _lines: RowValue(ONE),
    "amount": lambda _scene, lines: RowValue(_amount(lines), is_per_line=True),
    "weighted_amount": lambda _scene, lines: RowValue(
        _amount(lines) * _scaled(STAGE.probability, 10_000),
        scale=10_000,
        is_per_line=True,
        links=("stage",),
    ),
    "is_won": lambda _scene, _lines: RowValue(
        _flag(STAGE.status == StageStatus.WON.value), links=("stage",)
    ),
    "is_lost": lambda _scene, _lines: RowValue(
        _flag(STAGE.status == StageStatus.LOST.value), links=("stage",)
    ),
    "has_moved_on": lambda _scene, _lines: RowValue(_flag(_moved_on()), links=("stage",)),
    "cycle_days": lambda _scene, _lines: RowValue(
        DaysBetween(Opportunity.closed_on, Opportunity.opened_on)
    ),
    "stage_age_days": lambda scene, _lines: RowValue(stage_age_days(scene.as_of)),
    "days_since": lambda scene, _lines: RowValue(
        DaysBetween(day(scene.as_of.date()), TOUCH.c.happened_on)
    ),
    "quota": lambda _scene, _lines: RowValue(Quota.amount_minor),
    "attainment": lambda scene, _lines: RowValue(
        won_against(scene.principal), weight=Quota.amount_minor
    ),
    "handle_hours": lambda _scene, _lines: RowValue(
        SecondsBetween(Case.closed_at, Case.opened_at), scale=3600
    ),
    "satisfaction": lambda _scene, _lines: RowValue(_scaled(Case.satisfaction, 100), scale=100),
    "is_converted": lambda _scene, _lines: RowValue(
        _flag(or_(Lead.converted_on.is_not(None), Lead.opportunity_id.is_not(None)))
    ),
    "discount": lambda _scene, _lines: RowValue(_scaled(Quote.discount, 10_000), scale=10_000),
    "list_price": lambda _scene, _lines: RowValue(PriceBookEntry.list_price_minor),
    "employees": lambda _scene, _lines: RowValue(ACCOUNT.employees, links=("account",)),
    "annual_revenue": lambda _scene, _lines: RowValue(Account.annual_revenue_minor),
}

# Values and numbers that policies may keep back → the columns that they are read from.
KEPT_BACK: dict[str, tuple[type[Base], str]] = {"discount": (Quote, "discount")}


def _slipped(scene: Scene) -> ColumnElement[bool]:
    """A deal whose expected close left the period, or passed while the deal is open."""
    period, today = scene.period, day(scene.as_of.date())
    move = [
        CloseDateChange.opportunity_id == Opportunity.id,
        CloseDateChange.changed_at <= scene.as_of,
    ]
    expected = Opportunity.expected_close_on
    is_passed = and_(expected < today, STAGE.status == StageStatus.OPEN.value)
    if period is None:
        moved = exists(select(literal(1)).select_from(CloseDateChange)).where(
            *move, CloseDateChange.to_on > CloseDateChange.from_on
        )
        return or_(moved.correlate(Opportunity), is_passed)
    start, end = day(period.start), day(period.end)
    moved = exists(select(literal(1)).select_from(CloseDateChange)).where(
        *move, CloseDateChange.from_on.between(start, end), CloseDateChange.to_on > end
    )
    closed_inside = func.coalesce(Opportunity.closed_on.between(start, end), literal(False))
    return or_(
        and_(moved.correlate(Opportunity), ~closed_inside),
        and_(expected.between(start, end), is_passed),
    )


def _kind_is(*kinds: str) -> Callable[[Scene], ColumnElement[bool]]:
    return lambda _scene: TOUCH.c.kind.in_(kinds)


# Name in a definition → the condition, and the links that it reads.
CONDITIONS: dict[str, tuple[Callable[[Scene], Any], tuple[str, ...]]] = {
    "slipped": (_slipped, ("stage",)),
    "is_call": (_kind_is(ActivityKind.CALL.value), ()),
    "is_email": (_kind_is(ActivityKind.EMAIL.value), ()),
    "is_meeting": (_kind_is(ActivityKind.MEETING.value), ()),
    "is_contact": (_kind_is(*CONTACT_KINDS), ()),
    "is_overdue": (
        lambda scene: and_(
            Activity.due_on < day(scene.as_of.date()),
            Activity.done_at.is_(None),
            Activity.occurred_at.is_(None),
        ),
        (),
    ),
    "is_counted_quota": (lambda scene: is_counted(scene.principal), ()),
    "is_open_case": (lambda _scene: Case.closed_at.is_(None), ()),
    "is_closed_case": (lambda _scene: Case.closed_at >= Case.opened_at, ()),
    "is_active_rep": (
        lambda _scene: and_(User.role == Role.REP.value, User.is_active.is_(True)),
        (),
    ),
    "is_active_product": (lambda _scene: Product.is_active.is_(True), ()),
}
