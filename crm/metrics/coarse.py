"""Which questions count rows that stay closed for their asker: coarse ones, cut on no record.

Whether a figure is told shows a little of what is in it. So closed rows count only in questions
that cut them by what blocks are made of (status, currency, team, quarter, territory): a filter on
amounts or days could otherwise be moved until a figure is no longer told.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import case

from crm.metrics.conditions import dimension_key
from crm.metrics.links import STAGE
from crm.metrics.portable_dates import time_key
from crm.metrics.query import DateBasis, FilterOp
from crm.metrics.scene import Scene
from crm.models import Opportunity
from crm.period import FiscalCalendar, Period

ENTITIES = ("opportunity", "lead", "case", "account")
WHOLE_TIMES = ("quarter", "year")
DIMENSIONS = frozenset({"status", "currency", "team", "territory", "region", *WHOLE_TIMES})
MEMBERSHIP = (FilterOp.IN, FilterOp.NOT_IN, FilterOp.IS_EMPTY, FilterOp.NOT_EMPTY)
# Values that tell of the same column are kept back by the same blocks.
BLOCKED_BY = {"weighted_amount": "amount"}

Attribute = tuple[Any, tuple[str, ...]]
"""An expression with the links that it reads."""


class Fine(StrEnum):
    """What keeps a question from counting closed rows."""

    ENTITY = "entity"
    MEASURE = "measure"
    DIMENSION = "dimension"
    FILTER = "filter"
    SHARE = "share"
    DATES = "dates"


def is_coarse(scene: Scene) -> bool:
    """Say whether a question may count closed rows."""
    return not fine_parts(scene)


def fine_parts(scene: Scene) -> tuple[Fine, ...]:
    """Return what keeps a question from counting closed rows; nothing of one that may."""
    query, measure = scene.query, scene.measure
    is_plain = measure.where is None and measure.counts is None and query.having is None
    is_sum = measure.is_additive or measure.aggregate == "mean"
    asked = {*query.by, *(one.dimension for one in query.filters)}
    # Only what has blocks can be asked for their dates.
    is_known = measure.entity in ENTITIES
    is_placed = not is_known or not _is_timed(scene, asked) or _is_of_blocks(scene)
    found = {
        Fine.ENTITY: is_known,
        Fine.MEASURE: is_plain and is_sum,
        Fine.DIMENSION: asked <= DIMENSIONS,
        Fine.FILTER: all(one.op in MEMBERSHIP for one in query.filters),
        Fine.SHARE: not (query.share and not query.by),
        Fine.DATES: is_placed,
    }
    return tuple(part for part, is_well in found.items() if not is_well)


def attributes(scene: Scene) -> list[Attribute]:
    """Return what blocks are made of, from coarse to fine; what a record has not is left out."""
    subject = scene.subject
    found: list[Attribute] = []
    if subject.key("status") is not None:
        found.append(_keyed(scene, "status"))
    if subject.currency is not None:
        found.append((subject.currency, ()))
    found.append(_keyed(scene, "team"))
    when, links = _when(scene)
    found += [(time_key(name, when, scene.calendar), links) for name in ("year", "quarter")]
    return [*found, _keyed(scene, "territory")]


def _keyed(scene: Scene, name: str) -> Attribute:
    key, _label, links = dimension_key(scene, name)
    return key, links


def _when(scene: Scene) -> Attribute:
    if scene.measure.entity != "opportunity":
        return scene.subject.dates[DateBasis.OPENED], ()
    ended = STAGE.status.in_(("won", "lost"))
    when = case((ended, Opportunity.closed_on), else_=Opportunity.expected_close_on)
    return when, ("stage",)


def _is_timed(scene: Scene, asked: set[str]) -> bool:
    return scene.period is not None or bool(asked & set(WHOLE_TIMES))


def _is_of_blocks(scene: Scene) -> bool:
    """Say whether a question's dates are those of the blocks, and its period is of quarters."""
    if scene.measure.entity != "opportunity":
        basis = DateBasis.OPENED
    elif scene.measure.stages == ("open",):
        basis = DateBasis.EXPECTED_CLOSE
    elif scene.measure.stages and "open" not in scene.measure.stages:
        basis = DateBasis.CLOSED
    else:
        return False
    is_whole = scene.period is None or _has_whole_quarters(scene.period, scene.calendar)
    return scene.basis is basis and is_whole


def _has_whole_quarters(period: Period, calendar: FiscalCalendar) -> bool:
    first = calendar.quarter(*calendar.quarter_of(period.start))
    last = calendar.quarter(*calendar.quarter_of(period.end))
    return (first.start, last.end) == (period.start, period.end)
