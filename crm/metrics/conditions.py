"""Turns checked filters, stages and periods into SQL conditions with the links they read."""

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Float, and_, case, literal, or_, select

from crm.metrics.links import STAGE, Expression
from crm.metrics.portable_dates import day, time_key
from crm.metrics.query import FilterOp
from crm.metrics.scene import Condition, Scene
from crm.metrics.values import CONDITIONS
from crm.models import Team
from crm.money import unusual_exponents

Test = tuple[ColumnElement[bool], tuple[str, ...]]

COMPARE: dict[FilterOp, Callable[[Any, Any], Any]] = {
    FilterOp.AT_LEAST: operator.ge,
    FilterOp.AT_MOST: operator.le,
    FilterOp.MORE_THAN: operator.gt,
    FilterOp.LESS_THAN: operator.lt,
}


def measure_tests(scene: Scene) -> list[Test]:
    """Return what makes a record count for the measure, its period included."""
    tests: list[Test] = []
    if scene.measure.stages:
        tests.append((STAGE.status.in_(scene.measure.stages), ("stage",)))
    if scene.measure.where is not None:
        condition, links = CONDITIONS[scene.measure.where]
        tests.append((condition(scene), links))
    if scene.period is not None and not scene.measure.period_is_in_condition:
        tests.append((_period_test(scene), ()))
    return tests


def filter_tests(scene: Scene) -> list[Test]:
    """Return the conditions of the question's filters, all of which have to hold."""
    return [_filter_test(scene, condition) for condition in scene.conditions]


def date_of(scene: Scene) -> Any:
    """Return the date on which the scene's basis places a record."""
    if scene.basis is None:
        raise ValueError(f"{scene.measure.name!r} has no dates")
    return scene.subject.dates[scene.basis]


def dimension_key(scene: Scene, name: str) -> tuple[Any, Any, tuple[str, ...]]:
    """Return the key, the label and the links of a dimension that is not a number."""
    key = scene.subject.key(name)
    if key is None:
        when = time_key(name, date_of(scene), scene.calendar)
        return when, when, ()
    return key.key, key.label, () if key.link in (None, scene.subject.is_link) else (key.link,)


def minor_threshold(value: float, currency: Expression) -> ColumnElement[Any]:
    """Return an amount of major units in the minor units of each row's currency."""
    amounts = {d: Decimal(str(value)).scaleb(d) for d in (*unusual_exponents(), 2)}
    is_whole = all(amount == int(amount) for amount in amounts.values())
    bound = {
        digits: literal(int(amount), BigInteger) if is_whole else literal(float(amount), Float)
        for digits, amount in amounts.items()
    }
    branches = [(currency.in_(codes), bound[digits]) for digits, codes in _sorted_exponents()]
    return case(*branches, else_=bound[2])


def _sorted_exponents() -> list[tuple[int, tuple[str, ...]]]:
    return sorted(unusual_exponents().items())


def _period_test(scene: Scene) -> ColumnElement[bool]:
    period, on, ends_on = scene.period, date_of(scene), scene.subject.ends_on
    if period is None:
        raise ValueError("no period to test")
    if ends_on is not None:
        return and_(on >= day(period.start), ends_on <= day(period.end))
    return and_(on >= day(period.start), on <= day(period.end))


def _filter_test(scene: Scene, condition: Condition) -> Test:
    if condition.dimension.kind == "number":
        return _number_test(scene, condition)
    key, _label, links = dimension_key(scene, condition.dimension.name)
    return _membership(key, condition), links


def _membership(key: Any, condition: Condition) -> ColumnElement[bool]:
    op = condition.filter.op
    if op is FilterOp.IS_EMPTY:
        return key.is_(None)  # type: ignore[no-any-return]
    if op is FilterOp.NOT_EMPTY:
        return key.is_not(None)  # type: ignore[no-any-return]
    values: Any = condition.keys
    if condition.dimension.entity == "team":
        values = _with_lower_teams(condition.keys)
    inside: ColumnElement[bool] = key.in_(values)
    return inside if op is FilterOp.IN else or_(key.is_(None), ~inside)


def _with_lower_teams(team_ids: tuple[Any, ...]) -> Any:
    tree = select(Team.id.label("id")).where(Team.id.in_(team_ids)).cte(recursive=True)
    tree = tree.union(select(Team.id).where(Team.parent_id == tree.c.id))
    return select(tree.c.id)


def _number_test(scene: Scene, condition: Condition) -> Test:
    number = scene.subject.number(condition.dimension.name)
    if number is None:
        raise ValueError(f"{condition.dimension.name!r} is no number of {scene.measure.entity!r}")
    links = () if number.link in (None, scene.subject.is_link) else (number.link,)
    value, op = number.at(scene.as_of), condition.filter.op
    if op in COMPARE:
        return COMPARE[op](value, _bound(condition.keys[0], number.currency)), links
    if op is FilterOp.IS_EMPTY:
        return value.is_(None), links
    if op is FilterOp.NOT_EMPTY:
        return value.is_not(None), links
    same = or_(*(value == _bound(one, number.currency) for one in condition.keys))
    return same if op is FilterOp.IN else or_(value.is_(None), ~same), links


def _bound(value: Any, currency: Expression | None) -> ColumnElement[Any]:
    if currency is not None:
        return minor_threshold(value, currency)
    return literal(value, BigInteger if isinstance(value, int) else Float)
