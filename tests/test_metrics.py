"""The metrics layer against plain loops over the same random rows, on questions drawn by chance."""

import operator
import random
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crm import models as m
from crm.metrics.catalog import catalog
from crm.metrics.query import Filter, FilterOp, Having, MetricQuery
from crm.metrics.run import rows_behind, run_metric
from crm.period import FiscalCalendar, Period
from crm.principal import Principal
from crm.store import Store
from tests.metrics_oracle import DIGITS, Row, below, group, rows_of, time_label
from tests.metrics_world import AS_OF, World, random_world
from tests.postgres import postgres_url

__all__ = ["postgres_url"]

ME = Principal.local_owner()
ENTITIES = {
    "owner": m.User, "manager": m.User, "team": m.Team, "territory": m.Territory,
    "product": m.Product, "opportunity": m.Opportunity, "stage": m.Stage, "account": m.Account,
    "parent_account": m.Account,
}  # fmt: skip
TIMES = ("year", "quarter", "month", "week")
COMPARE = {
    FilterOp.AT_LEAST: operator.ge, FilterOp.AT_MOST: operator.le,
    FilterOp.MORE_THAN: operator.gt, FilterOp.LESS_THAN: operator.lt,
}  # fmt: skip
WORDS = {
    "region": ["North", "South"], "industry": ["tech", "零售"], "country": ["US", "中国"],
    "city": ["Oslo"], "status": ["open", "won"], "product_family": ["F1"], "source": ["web"],
    "currency": ["USD"], "activity_kind": ["call", "task"], "quarter": ["Q1 2026", "Q4 2026"],
    "year": ["2026"], "month": ["2026-03", "2026-04"], "week": ["2026-W10", "2026-W11"],
}  # fmt: skip
NUMBERS = {
    "amount": [50, 123.45, 5000], "employees": [10, 200], "annual_revenue": [100, 250000.01],
    "founded_year": [2000], "stage_age_days": [0, 60], "discount": [0.1, 0.2],
}  # fmt: skip


def random_query(dice: random.Random, measure: str) -> MetricQuery:
    known = catalog().measures[measure]
    dimensions = catalog().dimensions_for(measure)
    groupable = [one.name for one in dimensions if one.kind != "number"]
    by = tuple(dice.sample(groupable, min(len(groupable), dice.choice([0, 1, 1, 2]))))
    filters = tuple(_random_filter(dice, dimensions) for _ in range(dice.choice([0, 0, 1, 2])))
    starts = dice.choice([date(2026, 4, 1), date(2026, 1, 1), date(2026, 10, 15)])
    ends = dice.choice([date(2026, 11, 16), date(2026, 12, 31)])
    has_period = known.date is not None and dice.random() < 0.6
    return MetricQuery(
        measure=measure,
        by=by,
        filters=filters,
        period=Period(starts, ends) if has_period else None,
        basis=dice.choice([None, *known.date_bases]),
        share=known.is_additive and dice.random() < 0.15,
    )


def _random_filter(dice: random.Random, dimensions: Any) -> Filter:
    dimension = dice.choice(dimensions)
    name = dimension.name
    if dice.random() < 0.2:
        op = dice.choice([FilterOp.IS_EMPTY, FilterOp.NOT_EMPTY])
        return Filter(dimension=name, op=op)
    if name in NUMBERS:
        op = dice.choice(list(COMPARE))
        return Filter(dimension=name, op=op, values=(dice.choice(NUMBERS[name]),))
    op = dice.choice([FilterOp.IN, FilterOp.IN, FilterOp.NOT_IN])
    if name in ENTITIES:
        top = 3 if name in ("territory", "team", "product") else 5
        return Filter(dimension=name, op=op, values=tuple({dice.randint(1, top) for _ in "ab"}))
    if name in WORDS:
        return Filter(dimension=name, op=op, values=(dice.choice(WORDS[name]),))
    return Filter(dimension=name, op=FilterOp.NOT_EMPTY)


def expected(world: World, query: MetricQuery, calendar: FiscalCalendar) -> Any:
    names = {*query.by, *(one.dimension for one in query.filters)}
    by_product = bool(names & {"product", "product_family"})
    known = catalog().measures[query.measure]
    basis = str(query.basis or known.date)

    def key(row: Row, name: str) -> Any:
        if name in TIMES:
            return time_label(name, row.dates[basis], calendar.first_month)
        return row.dims.get(name)

    def passes(row: Row, one: Filter) -> bool:
        if one.dimension in NUMBERS:
            return _number_passes(row.numbers.get(one.dimension), one)
        return _word_passes(world, key(row, one.dimension), one)

    def in_period(row: Row) -> bool:
        if query.period is None or query.measure.startswith(("slipped", "quota")):
            return True
        day = row.dates[basis]
        return day is not None and query.period.contains(day)

    splits = known.unit == "money" or query.measure == "quota_attainment"
    rows = [
        row for row in rows_of(world, query.measure, by_product, query.period) if in_period(row)
    ]
    kept = [row for row in rows if all(passes(row, one) for one in query.filters)]
    cells = group(query.measure, kept, lambda row: tuple(key(row, n) for n in query.by), splits)
    totals = group(query.measure, kept, lambda row: (), splits)
    if not query.share:
        return _major(cells, known.unit), _major(totals, known.unit)
    whole = totals
    if not query.by:
        plain = rows_of(world, query.measure, False, query.period)
        whole = group(query.measure, [r for r in plain if in_period(r)], lambda row: (), splits)
    return tuple(
        {
            cell: (value[0] / whole[(), cell[1]][0] if whole[(), cell[1]][0] else None, value[1])
            for cell, value in part.items()
        }
        for part in (cells, totals)
    )


def _word_passes(world: World, value: Any, one: Filter) -> bool:
    if one.op is FilterOp.IS_EMPTY or one.op is FilterOp.NOT_EMPTY:
        return (value is None) is (one.op is FilterOp.IS_EMPTY)
    values = set(one.values)
    if one.dimension == "team":
        values = {team for top in one.values for team in below(world, int(top))}
    return (value in values) is (one.op is FilterOp.IN)


def _number_passes(value: Any, one: Filter) -> bool:
    if one.op is FilterOp.IS_EMPTY or one.op is FilterOp.NOT_EMPTY:
        return (value is None) is (one.op is FilterOp.IS_EMPTY)
    return value is not None and COMPARE[one.op](value, Fraction(str(one.values[0])))


def _major(cells: Any, unit: str) -> Any:
    if unit != "money":
        return cells
    return {
        (keys, currency): (value / 10 ** DIGITS[currency], rows)
        for (keys, currency), (value, rows) in cells.items()
    }


def shown(world: World, by: tuple[str, ...], keys: tuple[Any, ...]) -> tuple[str, ...]:
    names = []
    for name, key in zip(by, keys, strict=True):
        if key is None:
            names.append("—")
        elif name in ENTITIES:
            label = world.by_id(ENTITIES[name], key).name
            names.append(label)
        else:
            names.append(str(key))
    return tuple(names)


def comparable(cells: Any) -> list[tuple[tuple[str, ...], str, float | None, int]]:
    """Cells as sorted tuples; the two users called Twin lose the id that tells them apart."""
    plain = [
        (
            tuple("Twin" if key.startswith("Twin") else key for key in keys),
            currency or "",
            None if value is None else round(float(value), 6),
            rows,
        )
        for keys, currency, value, rows in cells
    ]
    return sorted(plain, key=repr)


def check_against_oracle(session: Session, world: World, seed: int, questions: int) -> int:
    dice, calendar, filled = random.Random(seed), FiscalCalendar(), 0
    for measure in catalog().measures:
        for _ in range(questions):
            calendar = dice.choice([FiscalCalendar(), FiscalCalendar(4), FiscalCalendar(10)])
            query = random_query(dice, measure)
            result = run_metric(session, query, principal=ME, as_of=AS_OF, calendar=calendar)
            cells, totals = expected(world, query, calendar)
            if query.by:
                got = comparable((c.keys, c.currency, c.value, c.rows) for c in result.cells)
                want = comparable(
                    (shown(world, query.by, keys), currency, value, rows)
                    for (keys, currency), (value, rows) in cells.items()
                )
                assert got == want, query
                assert result.groups == len({keys for keys, _currency in cells}), query
            got = comparable((c.keys, c.currency, c.value, c.rows) for c in result.totals if c.rows)
            want = comparable((k, currency, *rest) for (k, currency), rest in totals.items())
            assert got == want, query
            filled += bool(cells)
    return filled


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    with store.session() as session:
        yield session


@pytest.mark.parametrize("seed", range(2))
def test_answers_equal_plain_loops_over_the_same_rows(session: Session, seed: int) -> None:
    world = random_world(seed)
    world.save(session)
    assert check_against_oracle(session, world, seed, questions=5) > 100


def every_question() -> Iterator[MetricQuery]:
    """Each measure with each dimension, which it groups by and filters on at once."""
    for measure in catalog().measures.values():
        period = Period(date(2026, 1, 1), date(2026, 9, 30)) if measure.date else None
        for dimension in catalog().dimensions_for(measure.name):
            there = Filter(dimension=dimension.name, op=FilterOp.NOT_EMPTY)
            if dimension.kind == "number":
                most = Filter(dimension=dimension.name, op=FilterOp.AT_MOST, values=(0.5,))
                yield MetricQuery(measure=measure.name, filters=(there, most), period=period)
            else:
                yield MetricQuery(
                    measure=measure.name,
                    by=(dimension.name,),
                    filters=(there,),
                    period=period,
                    limit=3,
                    share=measure.is_additive,
                    having=Having(op=FilterOp.AT_LEAST, value=0),
                )


def test_every_measure_runs_with_every_dimension(session: Session) -> None:
    random_world(7, deals=10).save(session)
    for query in every_question():
        assert run_metric(session, query, principal=ME, as_of=AS_OF).totals, query


def test_the_rows_behind_are_those_that_were_counted(session: Session) -> None:
    random_world(7, deals=20).save(session)
    for measure in catalog().measures:
        query = MetricQuery(measure=measure)
        ids = rows_behind(session, query, principal=ME, as_of=AS_OF)
        rows = run_metric(session, query, principal=ME, as_of=AS_OF).rows
        assert len(ids) == len(set(ids)) > 0, measure
        assert len(ids) == rows or (measure == "stage_conversion" and len(ids) < rows), measure


@pytest.mark.slow
def test_postgresql_gives_the_same_answers(postgres_url: str) -> None:
    store = Store(postgres_url)
    store.migrate()
    with store.session() as session:
        world = random_world(1)
        world.save(session)
        for query in every_question():
            run_metric(session, query, principal=ME, as_of=AS_OF)
        assert check_against_oracle(session, world, 5, questions=8) > 150
    store.close()
