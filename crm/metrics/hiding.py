"""Keeps back figures by which rows that their asker may not open could be computed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import String, cast, func, literal_column, select
from sqlalchemy.orm import Session

from crm.access.counting import counting, counts_more, is_closed, smallest_group
from crm.metrics.blocks import Key, Part, Withheld, make_blocks, why_withheld
from crm.metrics.coarse import BLOCKED_BY, attributes
from crm.metrics.conditions import Test, dimension_key, filter_tests, measure_tests
from crm.metrics.query import MetricQuery
from crm.metrics.result import Coverage, MetricCell, MetricResult
from crm.metrics.scene import Scene
from crm.metrics.statement import raw_rows
from crm.metrics.values import VALUES

Cell = tuple[str, tuple[str | None, ...]]
"""The currency and the keys of a cell."""
Column = tuple[Any, Any, tuple[str, ...]]


@dataclass(frozen=True)
class Hidden:
    """The cells that are kept back, and the currencies whose totals are, each with the reason."""

    cells: Mapping[Cell, Withheld] = field(default_factory=dict)
    totals: Mapping[str, Withheld] = field(default_factory=dict)


def counts_closed_rows(scene: Scene) -> bool:
    """Say whether a policy counts rows for the caller, of the kind asked for, that stay closed."""
    return any(counts_more(model, scene.principal) for model in scene.subject.models)


def over_all_rows(scene: Scene) -> Scene:
    """Return the question over all rows that count, uncut: a cut would tell of hidden values."""
    order = scene.query.order or (None if scene.is_chronological else "desc")
    uncut = scene.query.model_copy(update={"limit": None, "order": order})
    return replace(scene, query=uncut, counted_by=counting(scene.principal))


def find_hidden(session: Session, scene: Scene) -> Hidden:
    """Return which figures of a question over all rows have to be kept back."""
    blocks = make_blocks(_parts(session, scene), smallest=smallest_group(scene.principal))
    cells = _closed_in_cells(session, scene)
    totals: defaultdict[str, defaultdict[Key, int]] = defaultdict(lambda: defaultdict(int))
    for (currency, _keys), held in cells.items():
        for key, number in held.items():
            totals[currency][key] += number
    why_cells = {cell: why_withheld(blocks, held) for cell, held in cells.items()}
    why_totals = {currency: why_withheld(blocks, held) for currency, held in totals.items()}
    return Hidden(
        {cell: why for cell, why in why_cells.items() if why},
        {currency: why for currency, why in why_totals.items() if why},
    )


def cell_of(scene: Scene, row: Any) -> Cell:
    """Return which cell a row of the question's statement is."""
    return row.currency, tuple(getattr(row, f"k{place}") for place in range(1, len(scene.by) + 1))


def without_hidden(
    result: MetricResult, cells: Sequence[Cell], hidden: Hidden, *, asked: MetricQuery
) -> MetricResult:
    """Return the result with what is hidden behind the rest, and cut as was `asked`.

    `cells` are those of the result, in its order.
    """
    totals = tuple(
        _blank(one) if (one.currency or "") in hidden.totals else one for one in result.totals
    )
    # A part and its share tell the whole.
    gone = hidden.totals if asked.share else {}
    shown, blank = list[MetricCell](), list[MetricCell]()
    for one, cell in zip(result.cells if cells else (), cells, strict=True):
        is_hidden = cell in hidden.cells or cell[0] in gone
        (blank if is_hidden else shown).append(_blank(one) if is_hidden else one)
    blank.sort(key=lambda one: (one.currency or "", one.keys))
    kept, ties_cut = _cut(shown, asked.limit)
    return result.model_copy(
        update={
            "query": asked,
            "cells": (*kept, *blank) if asked.by else totals,
            "totals": totals,
            "ties_cut": ties_cut,
            "rows": sum(one.rows for one in totals),
            "coverage": Coverage.ALL,
        }
    )


def _blank(cell: MetricCell) -> MetricCell:
    return cell.model_copy(update={"value": None, "rows": 0, "is_hidden": True})


def _cut(cells: list[MetricCell], limit: int | None) -> tuple[list[MetricCell], bool]:
    if limit is None:
        return cells, False
    kept, ties_cut = list[MetricCell](), False
    for currency in dict.fromkeys(one.currency for one in cells):
        mine = [one for one in cells if one.currency == currency]
        kept += mine[:limit]
        ties_cut = ties_cut or any(one.value == mine[limit - 1].value for one in mine[limit:])
    return kept, ties_cut


def _parts(session: Session, scene: Scene) -> list[Part]:
    """Return all closed rows that have the value, whatever else is asked, by what blocks are of."""
    nobody: Any = literal_column("NULL")
    people: list[Column] = [
        (expression, expression, ())
        for ref in ("owner", "account")
        for expression in [scene.subject.refs[ref].on if ref in scene.subject.refs else nobody]
    ]
    kinds = _kinds(scene)
    name = BLOCKED_BY.get(scene.measure.value, scene.measure.value)
    found: defaultdict[Key, list[Any]] = defaultdict(list)
    for row in _closed(session, scene, name, [*kinds, *people], []):
        *key, owner, customer, number = row[1:]
        found[tuple(key)].append((owner, customer, number))
    return [_part(key, held) for key, held in found.items()]


def _part(key: Key, held: Sequence[tuple[int | None, int | None, int]]) -> Part:
    return Part(
        key=key,
        rows=sum(number for _owner, _customer, number in held),
        owners=frozenset(one for one, _customer, _number in held if one is not None),
        customers=frozenset(one for _owner, one, _number in held if one is not None),
        unowned=sum(number for one, _customer, number in held if one is None),
        without_customer=sum(number for _owner, one, number in held if one is None),
    )


def _closed_in_cells(session: Session, scene: Scene) -> dict[Cell, dict[Key, int]]:
    """Return how many closed rows of each part every cell of the question holds."""
    asked = [dimension_key(scene, dimension.name) for dimension in scene.by]
    keys = [(cast(key, String), label, links) for key, label, links in asked]
    tests = [*measure_tests(scene), *filter_tests(scene)]
    cells: defaultdict[Cell, dict[Key, int]] = defaultdict(dict)
    for row in _closed(session, scene, scene.measure.value, [*keys, *_kinds(scene)], tests):
        currency, *rest, number = row
        cells[currency, tuple(rest[: len(keys)])][tuple(rest[len(keys) :])] = number
    return cells


def _kinds(scene: Scene) -> list[Column]:
    return [(column, column, links) for column, links in attributes(scene)]


def _closed(
    session: Session, scene: Scene, name: str, keys: Sequence[Column], tests: list[Test]
) -> Sequence[Any]:
    """Return currency, keys and number of the closed rows that have the value of this name."""
    value = VALUES[name](scene, False)
    links = [link for _key, _label, wanted in keys for link in wanted]
    (model,) = scene.subject.models
    rows = raw_rows(scene, value, list(keys), tests, [*links, *value.links])
    table = rows.where(is_closed(model, scene.principal)).subquery()
    columns = [table.c.currency, *(table.c[f"k{place}"] for place in range(1, len(keys) + 1))]
    counted = select(*columns, func.count().label("number")).group_by(*columns)
    return session.execute(counted.where(table.c.n.is_not(None), table.c.d.is_not(None))).all()
