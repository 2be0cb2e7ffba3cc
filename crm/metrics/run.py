"""Answers metric questions: checks, compiles, runs one statement, and reads its rows."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy.orm import Session

from crm.access.fields import check_shown
from crm.errors import BadInput
from crm.metrics.catalog import Dimension, Measure, catalog
from crm.metrics.coarse import is_coarse
from crm.metrics.hiding import (
    cell_of,
    counts_closed_rows,
    find_hidden,
    over_all_rows,
    without_hidden,
)
from crm.metrics.lookup import resolve_filter
from crm.metrics.query import COMPARISONS, DateBasis, MetricQuery
from crm.metrics.result import Coverage, MetricCell, MetricResult
from crm.metrics.scene import Condition, Scene
from crm.metrics.statement import CELL, TOTAL, WHOLE, metric_statement, rows_statement
from crm.metrics.subjects import SUBJECTS
from crm.metrics.values import KEPT_BACK
from crm.money import exponent
from crm.period import FiscalCalendar
from crm.principal import Principal

NO_KEY = "—"
DECIMALS = 6


def run_metric(
    session: Session,
    query: MetricQuery,
    *,
    principal: Principal,
    as_of: datetime,
    calendar: FiscalCalendar | None = None,
) -> MetricResult:
    """Return the answer to a metric question, as the caller may see it.

    Raises:
        BadInput: an unknown measure, or a part of the question that does not suit the measure.
        NotFound: a filter value that is not stored, with the close ones.
        NotAllowed: a number that the caller is not shown in any record.
    """
    scene = read_scene(session, query, principal, as_of, calendar or FiscalCalendar())
    if not counts_closed_rows(scene):
        return _read(scene, session.execute(metric_statement(scene)).all())
    if not is_coarse(scene):
        made = _read(scene, session.execute(metric_statement(scene)).all())
        return made.model_copy(update={"coverage": Coverage.READABLE})
    whole = over_all_rows(scene)
    rows = session.execute(metric_statement(whole)).all()
    cells = [cell_of(whole, row) for row in rows if row.level == CELL]
    hidden = find_hidden(session, whole)
    return without_hidden(_read(whole, rows), cells, hidden, asked=query)


def rows_behind(
    session: Session,
    query: MetricQuery,
    *,
    principal: Principal,
    as_of: datetime,
    calendar: FiscalCalendar | None = None,
    limit: int | None = None,
) -> tuple[int, ...]:
    """Return the ids of the records behind a question's totals, at most `limit` of them.

    They are ids of what the measure counts (deals, accounts, cases, …), deals with the highest
    amount first. Conversations among activities carry their id negated.
    """
    scene = read_scene(session, query, principal, as_of, calendar or FiscalCalendar())
    return tuple(session.execute(rows_statement(scene, limit)).scalars())


def read_scene(
    session: Session,
    query: MetricQuery,
    principal: Principal,
    as_of: datetime,
    calendar: FiscalCalendar,
) -> Scene:
    """Return the question as the caller may put it. Raises what `run_metric` does for it."""
    if as_of.tzinfo is None:
        raise BadInput(f"as_of {as_of!r} has no time zone: attach one")
    measure = catalog().measure(query.measure)
    by = tuple(_group(name, measure) for name in query.by)
    _check(query, measure)
    _check_shown(query, measure, principal)
    conditions: list[Condition] = []
    for asked in query.filters:
        dimension = catalog().dimension(asked.dimension, measure)
        subject = SUBJECTS[measure.entity]
        conditions.append(resolve_filter(session, asked, dimension, subject, principal))
    basis = _basis(query, measure)
    return Scene(query, measure, by, tuple(conditions), basis, principal, as_of, calendar)


def _group(name: str, measure: Measure) -> Dimension:
    dimension = catalog().dimension(name, measure)
    if dimension.kind == "number":
        valid = [one.name for one in catalog().dimensions_for(measure.name) if one.kind != "number"]
        raise BadInput(f"{name!r} can be filtered, not grouped by: use one of {', '.join(valid)}")
    return dimension


def _check(query: MetricQuery, measure: Measure) -> None:
    if len(set(query.by)) < len(query.by):
        raise BadInput(f"grouping by {query.by!r} repeats itself: name each dimension once")
    if query.share and not measure.is_additive:
        raise BadInput(f"{measure.name} has no shares: only counts and sums split into parts")
    if query.having is not None and query.having.op not in COMPARISONS:
        raise BadInput(f"{query.having.op.value!r} does not compare: use at_least, at_most, …")


def _check_shown(query: MetricQuery, measure: Measure, principal: Principal) -> None:
    """Raise NotAllowed if a number that the caller is not shown would be computed or compared."""
    read = {measure.value, *(asked.dimension for asked in query.filters)}
    for name in sorted(read & KEPT_BACK.keys()):
        model, column = KEPT_BACK[name]
        check_shown(model, column, principal)


def _basis(query: MetricQuery, measure: Measure) -> DateBasis | None:
    basis = query.basis or measure.date
    if basis is not None and basis not in measure.date_bases:
        valid = ", ".join(measure.date_bases) or "no date at all"
        raise BadInput(f"{measure.name} is not placed by {basis.value!r}: use {valid}")
    if query.period is not None and basis is None:
        raise BadInput(f"{measure.name} has no dates: ask without a period")
    return basis


def _read(scene: Scene, found: Sequence[Any]) -> MetricResult:
    totals = [row for row in found if row.level == TOTAL]
    whole = {row.currency: _size(row) for row in found if row.level == WHOLE}
    if scene.by:
        whole = {row.currency: _size(row) for row in totals}
    shown, ties_cut = _cut(scene, [row for row in found if row.level == CELL])
    total_cells = tuple(_cell(scene, row, (), whole) for row in totals) or (_nothing(scene),)
    cells = tuple(
        _cell(scene, row, keys, whole)
        for row, keys in zip(shown, shown_keys(scene, shown), strict=True)
    )
    return MetricResult(
        query=scene.query,
        measure_label=scene.measure.label["en"],
        unit="ratio" if scene.query.share else scene.measure.unit,
        cells=cells if scene.by else total_cells,
        totals=total_cells,
        groups=(shown[0].groups if shown else 0) if scene.by else 1,
        ties_cut=ties_cut,
        rows=sum(row.rows for row in totals),
        basis=scene.basis,
        filter_names=tuple(condition.shown for condition in scene.conditions),
        definition=scene.measure.definition,
        as_of=scene.as_of,
    )


def _cut(scene: Scene, cells: list[Any]) -> tuple[list[Any], bool]:
    limit = scene.query.limit
    if limit is None:
        return cells, False
    last = {row.currency: _size(row) for row in cells if row.place == limit}
    ties_cut = any(row.place > limit and _size(row) == last[row.currency] for row in cells)
    return [row for row in cells if row.place <= limit], ties_cut


def _size(row: Any) -> Fraction | None:
    return Fraction(int(row.num), int(row.den)) if row.den and row.num is not None else None


def _cell(
    scene: Scene, row: Any, keys: tuple[str, ...], whole: dict[str, Fraction | None]
) -> MetricCell:
    size = _size(row)
    currency = row.currency or None
    if scene.query.share:
        total = whole.get(row.currency)
        size = size / total if size is not None and total else None
    elif size is not None and scene.measure.unit == "money":
        size /= 10 ** exponent(row.currency)
    return MetricCell(keys=keys, value=_decimal(size), currency=currency, rows=row.rows)


def _nothing(scene: Scene) -> MetricCell:
    """Return the total of no rows: zero for counts and sums, no value for anything else."""
    is_zero = scene.measure.is_additive and not scene.query.share
    return MetricCell(keys=(), value=Decimal(0) if is_zero else None, currency=None, rows=0)


def _decimal(size: Fraction | None) -> Decimal | None:
    if size is None:
        return None
    exact = round(Decimal(size.numerator) / Decimal(size.denominator), DECIMALS)
    return exact.quantize(Decimal(1)) if exact == int(exact) else exact.normalize()


def shown_keys(scene: Scene, rows: Sequence[Any]) -> list[tuple[str, ...]]:
    """Return each cell's display names; two records of one name are told apart by their id."""
    parts = []
    for place, dimension in enumerate(scene.by, start=1):
        pairs = [(getattr(row, f"k{place}"), getattr(row, f"l{place}")) for row in rows]
        ids: dict[str, set[str]] = {}
        for key, label in pairs:
            ids.setdefault(label, set()).add(key)
        parts.append([_shown(dimension, key, label, len(ids[label]) > 1) for key, label in pairs])
    return list(zip(*parts, strict=True))


def _shown(dimension: Dimension, key: str | None, label: str | None, is_shared: bool) -> str:
    if key is None or label is None:
        return NO_KEY
    if dimension.kind != "time":
        return f"{label} (#{key})" if is_shared else label
    if dimension.name == "week":
        year, week, _day = date.fromisoformat(label).isocalendar()
        return f"{year}-W{week:02d}"
    if dimension.name == "quarter":
        return f"Q{label[4:]} {label[:4]}"
    return f"{label[:4]}-{label[4:]}" if dimension.name == "month" else label
