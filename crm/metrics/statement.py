"""Compiles a checked question to one SQL statement: rows, groups, ranks, totals.

Every statement has the same shape. `rows` holds one line for each record and group key, with a
whole number `n` and weight `d`; groups add them up; the page keeps each currency's first cells;
the totals run over all rows. To-many tables appear only inside EXISTS or scalar subqueries, save
for product lines, which are added up to one row for each deal and key before anything is counted.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    Float,
    Integer,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    select,
    union_all,
)

from crm.access import visible
from crm.metrics.catalog import ADDITIVE
from crm.metrics.conditions import (
    COMPARE,
    Test,
    dimension_key,
    filter_tests,
    measure_tests,
    minor_threshold,
)
from crm.metrics.links import TARGETS, join_links
from crm.metrics.scene import Scene
from crm.metrics.subjects import TOUCH
from crm.metrics.touches import touches
from crm.metrics.values import VALUES, RowValue
from crm.models import Opportunity

CELL, TOTAL, WHOLE = 0, 1, 2
KEY_COLUMNS = ("k1", "l1", "k2", "l2")


@dataclass(frozen=True)
class _Rows:
    """One row for each record and group key, and the scale of its number."""

    source: CTE
    scale: int


def metric_statement(scene: Scene) -> Any:
    """Return the statement that answers a question, cells and totals in one.

    Its rows are (level, currency, k1, l1, k2, l2, num, den, rows, place, groups): level 0 cells,
    1 totals, 2 the unfiltered whole of a share without groups. `place` counts within a currency
    from 1; one place past the limit comes too, so that a tie can be told. `groups` is the number
    of distinct keys.
    """
    total_rows = _rows(scene, is_keyed=False)
    total = _groups(scene, total_rows, is_keyed=False).cte("totals")
    parts = [_level(TOTAL, total)]
    if scene.by:
        is_many = _has_lines(scene) or scene.measure.counts or scene.subject.once_per
        keyed = _rows(scene, is_keyed=True)
        if not is_many:
            total = _groups(scene, keyed, is_keyed=False).cte("totals")
            parts = [_level(TOTAL, total)]
        parts.insert(0, _page(scene, _groups(scene, keyed, is_keyed=True).cte("cells"), total))
    elif scene.query.share:
        whole = _groups(scene, _rows(scene, is_keyed=False, is_filtered=False), is_keyed=False)
        parts.append(_level(WHOLE, whole.cte("whole")))
    statement = union_all(*parts).order_by("level", "currency", "place")
    return _with_touches(scene, statement)


def rows_statement(scene: Scene, limit: int | None) -> Any:
    """Return the statement of the ids behind a question; deals with the highest amount first."""
    rows = _rows(scene, is_keyed=False).source
    ids = select(rows.c.id).where(rows.c.n.is_not(None)).distinct().subquery()
    statement = select(ids.c.id)
    if scene.subject.is_link == "opportunity" and scene.measure.counts is None:
        statement = statement.join(Opportunity, Opportunity.id == ids.c.id)
        statement = statement.order_by(Opportunity.amount_minor.desc().nulls_last())
    return _with_touches(scene, statement.order_by(ids.c.id).limit(limit))


def _with_touches(scene: Scene, statement: Any) -> Any:
    if scene.subject.source is not TOUCH:
        return statement
    return statement.add_cte(touches(scene.principal, scene.as_of))


def _has_lines(scene: Scene, is_filtered: bool = True) -> bool:
    tests = filter_tests(scene) if is_filtered else []
    links = {link for _test, wanted in tests for link in wanted}
    for dimension in scene.by:
        links.update(dimension_key(scene, dimension.name)[2])
    return "product" in links and "line" in scene.subject.refs


def _rows(scene: Scene, *, is_keyed: bool, is_filtered: bool = True) -> _Rows:
    """Return the rows; without `is_keyed` the group keys are left out, their joins are not."""
    has_lines = _has_lines(scene, is_filtered)
    value = VALUES[scene.measure.value](scene, has_lines)
    keys = [dimension_key(scene, dimension.name) for dimension in scene.by]
    tests = [*measure_tests(scene), *(filter_tests(scene) if is_filtered else [])]
    links = [link for _k, _l, wanted in keys for link in wanted]
    raw = raw_rows(scene, value, keys if is_keyed else [], tests, [*links, *value.links])
    if not (has_lines or scene.measure.counts or scene.subject.once_per):
        return _Rows(raw.cte(), value.scale)
    return _Rows(_once_each(raw, value).cte(), value.scale)


def raw_rows(
    scene: Scene, value: RowValue, keys: list[Any], tests: list[Test], links: list[str]
) -> Select[Any]:
    """Return (id, currency, n, d, k1, l1, …) of each record that counts and passes the tests.

    `keys` are triples of key, label and the links that they read; `links` have to hold these.
    """
    subject = scene.subject
    counted = Opportunity.account_id if scene.measure.counts else subject.id
    currency = subject.currency if scene.measure.splits_by_currency else None
    columns = [
        counted.label("id"),
        (literal_column("''", String) if currency is None else func.coalesce(currency, "")).label(
            "currency"
        ),
        value.number.label("n"),
        (literal_column("1", Integer) if value.weight is None else value.weight).label("d"),
        *(one.label(f"once{index}") for index, one in enumerate(subject.once_per)),
    ]
    for index, (key, label, _links) in enumerate(keys, start=1):
        columns += [key.label(f"k{index}"), label.label(f"l{index}")]
    statement: Select[Any] = select(*columns).select_from(subject.source)
    wanted = [*subject.required, *links, *(link for _test, needs in tests for link in needs)]
    present = {subject.is_link} if subject.is_link else set()
    statement = join_links(
        statement, subject.refs, wanted, principal=scene.principal, present=present
    )
    for model in subject.models:
        statement = visible(statement, model, scene.counted_by or scene.principal)
    # What joined as nothing would pass every rule that says what a deal must not be.
    found = [TARGETS[link][1].is_not(None) for link in subject.required]
    return statement.where(counted.is_not(None), *found, *(test for test, _links in tests))


def _once_each(raw: Select[Any], value: RowValue) -> Select[Any]:
    lines = raw.subquery()
    same = [column for column in lines.c if column.name not in ("n", "d")]
    number = func.sum(lines.c.n) if value.is_per_line else func.max(lines.c.n)
    return select(*same, number.label("n"), func.max(lines.c.d).label("d")).group_by(*same)


def _groups(scene: Scene, rows: _Rows, *, is_keyed: bool) -> Select[Any]:
    table = rows.source
    keys = [table.c[name] for name in KEY_COLUMNS if is_keyed and name in table.c]
    if scene.measure.aggregate == "median":
        return _medians(table, [table.c.currency, *keys], rows.scale)
    number: Any = {"min": func.min, "max": func.max}.get(scene.measure.aggregate, func.sum)
    weight: Any = literal_column(str(rows.scale), Integer)
    if scene.measure.aggregate == "mean":
        weight = func.nullif(func.sum(table.c.d) * rows.scale, 0)
    return (
        select(
            table.c.currency,
            *keys,
            number(table.c.n).label("num"),
            weight.label("den"),
            func.count().label("rows"),
        )
        .where(table.c.n.is_not(None), table.c.d.is_not(None))
        .group_by(table.c.currency, *keys)
    )


def _medians(table: CTE, keys: list[Any], scale: int) -> Select[Any]:
    ranked = (
        select(
            *keys,
            table.c.n,
            func.row_number().over(partition_by=keys, order_by=table.c.n).label("place"),
            func.count().over(partition_by=keys).label("size"),
        )
        .where(table.c.n.is_not(None))
        .subquery()
    )
    size, place = ranked.c.size, ranked.c.place
    is_middle = place.between((size + 1) // 2, (size + 2) // 2)
    same = [ranked.c[key.name] for key in keys]
    return select(
        *same,
        func.sum(case((is_middle, ranked.c.n), else_=0)).label("num"),
        (func.sum(case((is_middle, 1), else_=0)) * scale).label("den"),
        func.count().label("rows"),
    ).group_by(*same)


def _page(scene: Scene, cells: CTE, total: CTE) -> Select[Any]:
    """Return the first cells of each currency, after `having`, with how many groups there are."""
    keys = [cells.c[name] for name in KEY_COLUMNS if name in cells.c]
    ids = [key for key in keys if key.name.startswith("k")]
    ranked = select(
        *cells.c,
        func.row_number()
        .over(partition_by=cells.c.currency, order_by=_order(scene, cells))
        .label("place"),
        func.row_number().over(partition_by=ids, order_by=cells.c.currency).label("nth"),
    )
    if scene.query.having is not None:
        ranked = ranked.join(total, total.c.currency == cells.c.currency)
        ranked = ranked.where(_having(scene, cells, total))
    kept = ranked.subquery()
    counted = select(
        *kept.c, func.sum(case((kept.c.nth == 1, 1), else_=0)).over().label("groups")
    ).subquery()
    page = _level(CELL, counted)
    return (
        page if scene.query.limit is None else page.where(counted.c.place <= scene.query.limit + 1)
    )


def _size(scene: Scene, cells: CTE) -> Any:
    if scene.measure.aggregate in (*ADDITIVE, "min", "max"):
        return cells.c.num
    return cast(cells.c.num, Float) / func.nullif(cells.c.den, 0)


def _order(scene: Scene, cells: CTE) -> list[Any]:
    # No key sorts behind all names; a character past every script does that on both databases.
    labels = [func.coalesce(cast(cells.c[f"l{i}"], String), "\U0010fffd") for i in _places(scene)]
    keys = [cells.c[f"k{i}"] for i in _places(scene)]
    if scene.is_chronological:
        return [
            part
            for dimension, key, label in zip(scene.by, keys, labels, strict=True)
            for part in ([key] if dimension.kind == "time" else [label, key])
        ]
    size = _size(scene, cells)
    direction = size.asc() if scene.query.order == "asc" else size.desc()
    return [case((size.is_(None), 1), else_=0), direction, *labels, *keys]


def _places(scene: Scene) -> range:
    return range(1, len(scene.by) + 1)


def _having(scene: Scene, cells: CTE, total: CTE) -> Any:
    asked = scene.query.having
    if asked is None:
        raise ValueError("no condition on the groups")
    compare, size = COMPARE[asked.op], _size(scene, cells)
    if scene.query.share:
        return compare(cast(cells.c.num, Float) / func.nullif(total.c.num, 0), literal(asked.value))
    if scene.measure.unit == "money":
        return and_(
            compare(size, minor_threshold(asked.value, cells.c.currency) * _den(scene, cells))
        )
    return compare(size, literal(asked.value, Float) * _den(scene, cells))


def _den(scene: Scene, cells: CTE) -> Any:
    return cells.c.den if scene.measure.aggregate in (*ADDITIVE, "min", "max") else 1


def _level(level: int, table: Any) -> Select[Any]:
    nothing, zero = cast(null(), String), literal_column("0", Integer)
    keys = [
        (cast(table.c[name], String) if name in table.c else nothing).label(name)
        for name in KEY_COLUMNS
    ]
    return select(
        literal_column(str(level), Integer).label("level"),
        table.c.currency,
        *keys,
        table.c.num,
        table.c.den,
        table.c.rows,
        *(table.c.get(name, zero).label(name) for name in ("place", "groups")),
    )
