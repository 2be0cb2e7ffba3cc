"""Turns computed results into sentences; each cites the fact that holds its number."""

from dataclasses import dataclass
from decimal import Decimal

from copilot.agent.outcome import Outcome
from copilot.agent.plan import Comparison, Plan
from copilot.agent.wording import phrase
from copilot.grounding.pack.hostile import told_value
from crm.facts import Fact, FactKind
from crm.metrics.catalog import Unit, catalog
from crm.metrics.query import FilterOp, MetricQuery
from crm.metrics.result import Coverage, MetricCell, MetricResult
from crm.metrics.words import describe_query, value_in_words
from tools.language import Language

SHOWN_CELLS = 15


@dataclass(frozen=True)
class Computed:
    """A result and the facts of its cells, in the order of the cells."""

    result: MetricResult
    facts: tuple[Fact, ...]


def answer_metrics(
    plan: Plan, computed: list[Computed], outcome: Outcome, language: Language
) -> None:
    """Add the sentences that answer the plan from what was computed."""
    if plan.comparison is Comparison.PERIODS and len(computed) == 2:
        _periods(computed, outcome, language)
        return
    for one in computed:
        if plan.counts_groups:
            _group_count(one, outcome, language)
        elif plan.mean_over_groups:
            _mean(one, outcome, language)
        elif not one.result.query.by:
            _single(one, outcome, language)
        elif one.result.query.having is not None:
            _having(one, outcome, language)
        elif _is_ranking(plan, one.result):
            _ranking(plan, one, outcome, language)
        else:
            _grouped(one, outcome, language)
        if plan.comparison is Comparison.GROUPS:
            _difference(one, outcome, language)


def _is_ranking(plan: Plan, result: MetricResult) -> bool:
    return plan.asks_extreme and len(result.query.by) == 1


def _unit(result: MetricResult) -> Unit:
    return "ratio" if result.query.share else result.unit


def _show(cell: MetricCell, result: MetricResult, language: Language) -> str:
    return cell.in_words(_unit(result), language)


def scope_in_words(result: MetricResult, language: Language) -> str:
    """Return the period and the filters of a result, without the measure and the grouping."""
    query = result.query
    kept = [
        (one, names)
        for one, names in zip(query.filters, result.filter_names, strict=True)
        if one.op is not FilterOp.NOT_EMPTY
    ]
    bare = MetricQuery(
        measure=query.measure, filters=tuple(one for one, _ in kept), period=query.period
    )
    measure = catalog().measure(query.measure)
    names = tuple(names for _, names in kept)
    words = describe_query(bare, measure, result.basis, names, language)
    rest = words[len(measure.label[language]) :].lstrip(",， ")
    if rest or result.coverage is not Coverage.READABLE:
        return rest or phrase("everything", language)
    return result.coverage_in_words(language)


def _add(one: Computed, at: int, outcome: Outcome) -> str:
    return outcome.evidence.add(one.facts[at]).id


def _label(result: MetricResult, language: Language) -> str:
    label = catalog().measure(result.query.measure).label[language]
    return label[:1].upper() + label[1:]


def _single(one: Computed, outcome: Outcome, language: Language) -> None:
    for at in range(len(one.result.cells)):
        text = phrase("single", language, statement=one.facts[at].text)
        outcome.say(text, _add(one, at, outcome))


def _grouped(one: Computed, outcome: Outcome, language: Language) -> None:
    result = one.result
    dimensions = catalog().dimensions
    by = phrase("and", language).join(dimensions[name].label[language] for name in result.query.by)
    head = phrase(
        "grouped", language, measure=_label(result, language), dimension=by,
        scope=scope_in_words(result, language),
    )  # fmt: skip
    outcome.say(head, *[_add(one, at, outcome) for at in range(min(1, len(one.facts)))])
    for at, cell in enumerate(result.cells[:SHOWN_CELLS]):
        text = phrase(
            "cell",
            language,
            key=" · ".join(map(told_value, cell.keys)),
            value=_show(cell, result, language),
        )
        outcome.say(text, _add(one, at, outcome))
    left = max(result.groups, len(result.cells)) - min(len(result.cells), SHOWN_CELLS)
    if left > 0:
        total = _computed(result, f"{left}", float(left), "count", "groups not shown")
        outcome.say(phrase("more", language, count=left), outcome.evidence.add(total).id)


def _ranking(plan: Plan, one: Computed, outcome: Outcome, language: Language) -> None:
    result = one.result
    comparable = _unit(result) != "money"
    usable = [
        at for at, cell in enumerate(result.cells) if cell.value is not None and cell.keys[0] != "—"
    ]
    if comparable:
        usable.sort(
            key=lambda at: result.cells[at].value or Decimal(0),
            reverse=result.query.order != "asc",
        )
    currencies = [None if comparable else result.cells[at].currency for at in usable]
    for currency in dict.fromkeys(currencies):
        mine = [at for at in usable if comparable or result.cells[at].currency == currency]
        _rank_one(plan, one, mine, outcome, language)


def _rank_one(
    plan: Plan, one: Computed, at: list[int], outcome: Outcome, language: Language
) -> None:
    result = one.result
    values = list(dict.fromkeys(result.cells[i].value for i in at))
    if len(values) < plan.ordinal:
        return
    wanted = values[plan.ordinal - 1]
    best = [i for i in at if result.cells[i].value == wanted]
    rest = at[at.index(best[-1]) + 1 :][:2] if plan.ordinal == 1 else []
    keys = phrase("separator", language).join(told_value(result.cells[i].keys[0]) for i in best)
    text = phrase(
        "tie" if len(best) > 1 else "best",
        language,
        key=keys,
        keys=keys,
        rank=_rank_word(plan, result, language),
        measure=_label(result, language).lower() if language == "en" else _label(result, language),
        value=_show(result.cells[best[0]], result, language),
        scope=scope_in_words(result, language),
    )
    outcome.say(text, *[_add(one, i, outcome) for i in best])
    if rest:
        items = phrase("separator", language).join(
            f"{told_value(result.cells[i].keys[0])} {_show(result.cells[i], result, language)}"
            for i in rest
        )
        ids = [_add(one, i, outcome) for i in rest]
        outcome.say(phrase("next", language, items=items), *ids)


def _rank_word(plan: Plan, result: MetricResult, language: Language) -> str:
    end = "lowest" if result.query.order == "asc" else "highest"
    if plan.ordinal == 1:
        return phrase(end, language)
    return phrase(f"nth_{end}", language, n=plan.ordinal)


def _having(one: Computed, outcome: Outcome, language: Language) -> None:
    result = one.result
    scope = scope_in_words(result, language)
    if not result.cells:
        text = phrase("having_none", language, scope=scope)
        outcome.say(text, outcome.evidence.add(_computed(result, text, 0.0, "count", "groups")).id)
        return
    count = result.groups
    shown = range(min(len(result.cells), SHOWN_CELLS))
    items = phrase("separator", language).join(
        f"{told_value(result.cells[i].keys[0])} {_show(result.cells[i], result, language)}"
        for i in shown
    )
    fact = outcome.evidence.add(_computed(result, str(count), float(count), "count", scope))
    ids = [_add(one, i, outcome) for i in shown]
    outcome.say(phrase("having", language, count=count, items=items), fact.id, *ids)


def _group_count(one: Computed, outcome: Outcome, language: Language) -> None:
    result = one.result
    dimension = catalog().dimensions[result.query.by[0]].label[language]
    known = {cell.keys[0] for cell in result.cells} - {"—"}
    count = len(known) if len(result.cells) >= result.groups else result.groups
    scope = scope_in_words(result, language)
    text = phrase("groups", language, count=count, dimension=dimension, scope=scope)
    fact = _computed(result, text, float(count), "count", "groups")
    outcome.say(text, outcome.evidence.add(fact).id)


def _mean(one: Computed, outcome: Outcome, language: Language) -> None:
    result = one.result
    dimension = catalog().dimensions[result.query.by[0]].label[language]
    for currency in dict.fromkeys(cell.currency for cell in result.cells):
        values = [
            cell.value
            for cell in result.cells
            if cell.currency == currency and cell.value is not None and cell.keys[0] != "—"
        ]
        if not values:
            continue
        mean = sum(values, Decimal(0)) / len(values)
        shown = value_in_words(mean, result.unit, currency, language)
        text = phrase(
            "mean", language, value=shown, dimension=dimension,
            scope=scope_in_words(result, language), count=len(values),
        )  # fmt: skip
        fact = _computed(result, text, float(mean), result.unit, "mean", currency)
        outcome.say(text, outcome.evidence.add(fact).id)


def _difference(one: Computed, outcome: Outcome, language: Language) -> None:
    cells = one.result.cells
    if len(cells) != 2 or cells[0].currency != cells[1].currency:
        return
    if any(cell.is_hidden for cell in cells):
        return
    pair = sorted(cells, key=lambda cell: cell.value or Decimal(0), reverse=True)
    high, low = pair[0].value or Decimal(0), pair[1].value or Decimal(0)
    text = phrase(
        "equal" if high == low else "difference",
        language,
        high=told_value(pair[0].keys[0]),
        low=told_value(pair[1].keys[0]),
        value=_gap(one.result, high - low, pair[0].currency, language),
        percent=_percent(one.result, high - low, low, language),
    )
    fact = _computed(
        one.result, text, float(high - low), _unit(one.result), "difference", pair[0].currency
    )
    outcome.say(text, outcome.evidence.add(fact).id)


def _periods(computed: list[Computed], outcome: Outcome, language: Language) -> None:
    for one in computed:
        if one.result.query.by:
            _grouped(one, outcome, language)
        else:
            _single(one, outcome, language)
    if any(len(one.result.cells) != 1 or one.result.query.by for one in computed):
        return
    earlier, later = sorted(computed, key=lambda one: one.result.query.period.start)  # type: ignore[union-attr]
    before, after = earlier.result.cells[0], later.result.cells[0]
    if before.value is None or after.value is None or before.currency != after.currency:
        return
    change = after.value - before.value
    name = "change_none" if not change else "change_up" if change > 0 else "change_down"
    labels = [one.result.query.period.label for one in (earlier, later)]  # type: ignore[union-attr]
    text = phrase(
        name,
        language,
        before=labels[0],
        after=labels[1],
        value=_gap(later.result, abs(change), after.currency, language),
        percent=_percent(later.result, abs(change), before.value, language),
    )
    fact = _computed(
        later.result, text, float(change), _unit(later.result), "change", after.currency
    )
    outcome.say(text, outcome.evidence.add(fact).id)


def _gap(result: MetricResult, value: Decimal, currency: str | None, language: Language) -> str:
    if _unit(result) == "ratio":
        points = f"{value * 100:.1f}"
        return f"{points} 个百分点" if language == "zh" else f"{points} percentage points"
    return value_in_words(value, result.unit, currency, language)


def _percent(result: MetricResult, change: Decimal, base: Decimal, language: Language) -> str:
    if not base or not change or _unit(result) == "ratio":
        return ""
    shown = value_in_words(change / base, "ratio", None, language)
    return f"（{shown}）" if language == "zh" else f" ({shown})"


def _computed(
    result: MetricResult,
    text: str,
    value: float,
    unit: str,
    what: str,
    currency: str | None = None,
) -> Fact:
    """Return the fact of a number that was computed from the result's cells."""
    return Fact(
        kind=FactKind.METRIC,
        text=text,
        value=int(value) if unit == "count" and value == int(value) else value,
        unit=unit,
        currency=currency,
        rows=result.rows,
        as_of=result.as_of,
        source=f"metric:{result.query.measure}/{what}",
    )
