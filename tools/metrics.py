"""The tool that computes a metric and hands back citable facts."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from crm.facts import Fact, FactKind
from crm.metrics.catalog import Measure, catalog
from crm.metrics.query import COMPARISONS, FilterOp, MetricQuery
from crm.metrics.result import MetricCell, MetricResult
from crm.metrics.run import run_metric
from crm.metrics.words import describe_query, rows_in_words
from crm.period import FiscalCalendar
from crm.principal import Principal

MAX_CELL_FACTS = 50


class MetricArguments(BaseModel):
    """What to compute."""

    model_config = ConfigDict(frozen=True)

    query: MetricQuery


class MetricAnswer(BaseModel):
    """The computed result and the facts that a sentence may cite: cells first, totals last."""

    model_config = ConfigDict(frozen=True)

    result: MetricResult
    facts: list[Fact]


def query_metric(
    session: Session,
    arguments: MetricArguments,
    *,
    principal: Principal,
    as_of: datetime,
    calendar: FiscalCalendar | None = None,
    language: Literal["en", "zh"] = "en",
) -> MetricAnswer:
    """Compute a number from the CRM: how many, how much, what rate, who has most, how it developed.

    Use it for every question whose answer is a count, a sum of money, an average, a rate, a
    duration, a ranking or a trend. Choose the measure that the question names, group by at most
    two dimensions (`by`) when it asks "by", "per", "each", "which … most", filter only on names
    that stand in the question, and give the period only if it names one. Won, lost and open are
    part of the measure: never filter on status besides. For "top N" set `limit` and order "desc",
    for the lowest "asc". Never add, divide or estimate numbers yourself: ask for the measure.

    Raises:
        BadInput: a measure, dimension or value that does not fit; the message names what does.
        NotFound: a name that is not in the CRM; the message names close ones.
    """
    result = run_metric(
        session, arguments.query, principal=principal, as_of=as_of, calendar=calendar
    )
    return MetricAnswer(result=result, facts=metric_facts(result, language))


def metric_facts(result: MetricResult, language: Literal["en", "zh"] = "en") -> list[Fact]:
    """Return one fact for each of the first 50 cells, then the totals of a grouped result."""
    if not result.query.by:
        return [_fact(result, cell, language, is_total=False) for cell in result.cells]
    cells = [_fact(result, cell, language) for cell in result.cells[:MAX_CELL_FACTS]]
    return [*cells, *(_fact(result, cell, language, is_total=True) for cell in result.totals)]


def _fact(
    result: MetricResult, cell: MetricCell, language: Literal["en", "zh"], is_total: bool = False
) -> Fact:
    measure = catalog().measure(result.query.measure)
    value = cell.in_words(result.unit, language)
    if not cell.is_hidden:
        rows = rows_in_words(cell.rows, measure, language)
        value += f"（{rows}）" if language == "zh" else f" ({rows})"
    subject = _subject(result, measure, cell, language, is_total)
    text = f"{subject}：{value}" if language == "zh" else f"{subject}: {value}"
    return Fact(
        kind=FactKind.METRIC,
        text=text,
        value=_plain(cell.value),
        unit=result.unit,
        currency=cell.currency,
        rows=cell.rows,
        as_of=result.as_of,
        source=_source(result, cell),
    )


def _subject(
    result: MetricResult,
    measure: Measure,
    cell: MetricCell,
    language: Literal["en", "zh"],
    is_total: bool,
) -> str:
    """Return what a value is of: the measure, this cell's keys, the period and the filters."""
    bare = {"by": (), "limit": None, "order": None, "having": None}
    query = result.query.model_copy(update=bare)
    words = describe_query(query, measure, result.basis, result.filter_names, language)
    label = measure.label[language]
    rest = words[len(label) :]
    dimensions = catalog().dimensions
    keys = [
        f"{dimensions[name].label[language]}{'' if language == 'zh' else ' '}{key}"
        for name, key in zip(result.query.by, cell.keys, strict=False)
    ]
    if language == "zh":
        return f"{'、'.join(keys)}的{label}{rest}" if keys else f"{label}{'合计' * is_total}{rest}"
    start = label[0].upper() + label[1:]
    if keys:
        return f"{start} for {', '.join(keys)}{rest}"
    return f"{start} over all{rest}" if is_total else f"{start}{rest}"


def _plain(value: Decimal | None) -> int | float | None:
    if value is None:
        return None
    return int(value) if value == int(value) else float(value)


def _source(result: MetricResult, cell: MetricCell) -> str:
    """Return a stable address: the measure with its filters, period, basis and this cell's keys."""
    query = result.query
    parts = []
    for asked, names in zip(query.filters, result.filter_names, strict=True):
        prefix = "" if asked.op is FilterOp.IN else f"{asked.op.value}:"
        joiner = "" if asked.op in COMPARISONS else "|"
        parts.append((asked.dimension, prefix + joiner.join(names)))
    if query.period is not None:
        parts.append(("period", f"{query.period.start}..{query.period.end}"))
    if query.period is not None and result.basis is not None:
        parts.append(("basis", result.basis.value))
    if query.share:
        parts.append(("share", "1"))
    parts += zip(query.by, cell.keys, strict=False)
    address = "&".join(f"{name}={_escaped(value)}" for name, value in parts)
    return f"metric:{query.measure}?{address}" if address else f"metric:{query.measure}"


def _escaped(value: str) -> str:
    return value.replace("%", "%25").replace("&", "%26").replace("=", "%3D")
