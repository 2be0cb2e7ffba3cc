"""Runs the measures of a plan and lists the records behind them."""

from typing import Any

from sqlalchemy.orm import Session

from copilot.agent.contract import Status
from copilot.agent.desk import Request
from copilot.agent.metric_answers import Computed, answer_metrics
from copilot.agent.outcome import Outcome
from copilot.agent.plan import Comparison, Plan
from copilot.agent.reading import COUNTED
from copilot.agent.wording import phrase
from crm.facts import Fact, FactKind
from crm.metrics.catalog import catalog
from crm.metrics.query import Filter, MetricQuery
from crm.metrics.result import MetricResult
from crm.metrics.run import rows_behind, run_metric
from crm.period import FiscalCalendar
from tools.attributes import Entity
from tools.language import Language
from tools.metrics import MetricArguments, query_metric
from tools.records import FindOpportunities, find_opportunities, list_records

_ENTITIES = {
    "account": Entity.ACCOUNT,
    "contact": Entity.CONTACT,
    "product": Entity.PRODUCT,
    "rep": Entity.USER,
}


def run_metrics(
    session: Session,
    plan: Plan,
    outcome: Outcome,
    *,
    request: Request,
    calendar: FiscalCalendar,
    language: Language,
) -> None:
    """Fill the outcome with what the plan's queries give, or with why there is nothing."""
    asked: dict[str, Any] = {
        "principal": request.principal, "as_of": request.as_of, "calendar": calendar,
    }  # fmt: skip
    if plan.lists_missing:
        _list_missing(session, plan.queries[0], outcome, asked, language)
        return
    computed = []
    for planned in plan.queries:
        query = _with_products(session, planned, asked)
        answer = query_metric(session, MetricArguments(query=query), language=language, **asked)
        computed.append(Computed(answer.result, tuple(answer.facts)))
    described = dict.fromkeys(one.result.describe(language) for one in computed)
    as_of = phrase("as_of", language, date=f"{request.as_of:%Y-%m-%d}")
    outcome.interpretation = " | ".join(described) + f" · {as_of}"
    usable = [one for one in computed if not _is_void(one.result)]
    if not usable or (plan.comparison is Comparison.PERIODS and len(usable) < len(computed)):
        why = _why_nothing(session, computed[0].result, asked, language)
        if why or not usable:
            outcome.status = Status.NOT_FOUND
            outcome.say(why or phrase("no_data", language, scope=outcome.interpretation))
            return
    empty = [one for one in usable if not one.result.rows and not _is_kept_back(one.result)]
    if empty and (why := _why_nothing(session, empty[0].result, asked, language)):
        outcome.status = Status.NOT_FOUND
        outcome.say(why)
        return
    answer_metrics(plan, usable, outcome, language)
    if plan.lists_rows and usable[0].result.rows:
        _list_rows(session, plan, usable[0].result.query, outcome, asked, language)


def _with_products(session: Session, query: MetricQuery, asked: dict[str, Any]) -> MetricQuery:
    """Group by product where a "product line" is asked for and no product has a family."""
    if query.by != ("product_family",):
        return query
    families = MetricQuery(measure="products", by=query.by)
    if any(cell.keys[0] != "—" for cell in run_metric(session, families, **asked).cells):
        return query
    filters = tuple(
        one.model_copy(update={"dimension": "product"}) if one.dimension in query.by else one
        for one in query.filters
    )
    return query.model_copy(update={"by": ("product",), "filters": filters})


def _list_missing(
    session: Session,
    query: MetricQuery,
    outcome: Outcome,
    asked: dict[str, Any],
    language: Language,
) -> None:
    """Name the groups that exist and have no record in the query: "reps who never won"."""
    dimension = query.by[0]
    everyone = MetricQuery(
        measure=COUNTED[dimension],
        by=(dimension,),
        filters=tuple(one for one in query.filters if one.dimension != dimension),
    )
    known = {cell.keys[0] for cell in run_metric(session, everyone, **asked).cells} - {"—"}
    found = run_metric(session, query, **asked)
    met = {cell.keys[0] for cell in found.cells if cell.rows or cell.is_hidden}
    lacking = sorted(known - met)
    outcome.interpretation = phrase(
        "lacking_scope", language, scope=found.describe(language), known=len(known)
    )
    names = phrase("separator", language).join(lacking) or phrase("nobody", language)
    text = phrase("lacking", language, count=len(lacking), known=len(known), names=names)
    fact = Fact(
        kind=FactKind.METRIC,
        text=text,
        value=len(lacking),
        unit="count",
        rows=len(known),
        as_of=asked["as_of"],
        source=f"metric:{query.measure}/without/{dimension}",
    )
    outcome.say(text, outcome.evidence.add(fact).id)


def _is_void(result: MetricResult) -> bool:
    """Nothing to state: no value at all, or only the group of records that have none."""
    if _is_kept_back(result):
        return False
    keyed = [
        cell
        for cell in result.cells
        if cell.value is not None and (not cell.keys or cell.keys[0] != "—")
    ]
    return not keyed and not (result.query.having and result.groups == 0 and result.totals)


def _is_kept_back(result: MetricResult) -> bool:
    return any(cell.is_hidden for cell in (*result.cells, *result.totals))


def _why_nothing(
    session: Session, result: MetricResult, asked: dict[str, Any], language: Language
) -> str | None:
    """Return why an empty result is no zero: no such data at all, or none at that time."""
    query = result.query
    scope = result.describe(language)
    bare = MetricQuery(measure=query.measure, basis=query.basis)
    everything = run_metric(session, bare, **asked)
    if not everything.rows:
        return phrase("no_data", language, scope=scope)
    if query.period is None or result.basis is None:
        return None
    months = run_metric(session, bare.model_copy(update={"by": ("month",)}), **asked)
    known = sorted(cell.keys[0] for cell in months.cells if cell.keys[0] != "—")
    if not known:
        return phrase("no_data", language, scope=scope)
    first, last = f"{query.period.start:%Y-%m}", f"{query.period.end:%Y-%m}"
    if last < known[0] or first > known[-1]:
        return phrase("outside", language, first=known[0], last=known[-1], scope=scope)
    return None


def _rows_to_show(
    session: Session, query: MetricQuery, limit: int, asked: dict[str, Any]
) -> tuple[list[int], list[int]]:
    """Return all row ids, and those shown: the largest of each currency, never mixed."""
    everything = list(rows_behind(session, query, **asked))
    if catalog().measure(query.measure).entity != "opportunity":
        return everything, everything[:limit]
    split = query.model_copy(update={"by": ("currency",), "order": None, "limit": None})
    currencies = [cell.keys[0] for cell in run_metric(session, split, **asked).cells]
    if len(currencies) < 2:
        return everything, everything[:limit]
    shown: list[int] = []
    for currency in dict.fromkeys(currencies):
        one = Filter(dimension="currency", values=(currency,))
        narrowed = query.model_copy(update={"filters": (*query.filters, one)})
        shown += rows_behind(session, narrowed, limit=limit, **asked)
    return everything, shown


def _list_rows(
    session: Session,
    plan: Plan,
    query: MetricQuery,
    outcome: Outcome,
    asked: dict[str, Any],
    language: Language,
) -> None:
    entity = catalog().measure(query.measure).entity
    ids, shown = _rows_to_show(session, query, plan.row_limit, asked)
    seen = {"principal": asked["principal"], "as_of": asked["as_of"], "language": language}
    if entity == "opportunity":
        arguments = FindOpportunities(ids=tuple(shown), limit=max(1, min(len(shown), 100)))
        facts = find_opportunities(session, arguments, **seen).facts
        if len(ids) == 1:
            outcome.focus["opportunity_id"] = ids[0]
    elif entity in _ENTITIES:
        facts = list_records(session, _ENTITIES[entity], shown, **seen).facts
    else:
        return
    for fact in facts:
        outcome.say(fact.text, outcome.evidence.add(fact).id)
