"""Builds the plan of a question from its reading, as far as code alone can be sure."""

from dataclasses import dataclass

from copilot.agent.filters import missing_filters, name_filters, threshold
from copilot.agent.grouping import Nouns, asks_who, read_nouns
from copilot.agent.measures import DEAL_COUNTS, candidate_measures, status_of
from copilot.agent.plan import Comparison, Plan, Route
from copilot.agent.reading import COUNTED, Reading
from crm.metrics.catalog import catalog
from crm.metrics.query import DateBasis, Filter, FilterOp, MetricQuery
from crm.period import Period
from tools.quantities import RankMention

RECORD_COUNTS = frozenset(COUNTED.values())


@dataclass(frozen=True)
class Slots:
    """What the model may still have to choose; everything else is settled by the reading."""

    measures: tuple[str, ...]
    group: str = ""


def slots(reading: Reading) -> Slots:
    """Return the measures and the group that the words speak for."""
    nouns = read_nouns(reading)
    measures = candidate_measures(reading, nouns)
    return Slots(tuple(measures), _group(reading, nouns, measures))


def metric_plan(reading: Reading, chosen: Slots) -> Plan:
    """Return the plan that computes the chosen measures with everything the question names."""
    nouns = read_nouns(reading)
    filters = [*name_filters(reading), *missing_filters(reading)]
    groups = _groups(reading, nouns, chosen, filters)
    counted_groups = _counts_groups(nouns, chosen.measures)
    missing = _lacking(reading, nouns)
    if missing:
        groups, counted_groups = [missing], False
    if counted_groups:
        groups = [nouns.counted]
        filters.append(Filter(dimension=nouns.counted, op=FilterOp.NOT_EMPTY))
    limits, having = threshold(reading, groups[0] if groups else "")
    filters += limits
    periods: list[Period | None] = [mention.period for mention in reading.periods]
    comparison = _comparison(groups, filters, periods, reading)
    ranked = reading.rank is not None and reading.rank.kind != "date"
    rank = reading.rank if ranked and groups else None
    if rank is not None:
        filters += [Filter(dimension=group, op=FilterOp.NOT_EMPTY) for group in groups[:1]]
    extreme = rank is not None and rank.limit == 1
    shares = reading.has("intent", "share") and catalog().measure(chosen.measures[0]).is_additive
    base = {
        "by": tuple(groups),
        "order": rank.direction if rank else None,
        "limit": _limit(rank),
        "having": having,
        "share": shares,
    }
    queries = tuple(
        MetricQuery(
            measure=measure,
            filters=tuple(filters),
            period=period,
            basis=_basis(reading, measure),
            **base,
        )
        for measure in (chosen.measures if len(periods) < 2 else chosen.measures[:1])
        for period in (periods or (None,))
    )
    lists = _lists_rows(reading, nouns, groups, chosen.measures) and len(periods) < 2
    return Plan(
        route=Route.METRIC,
        queries=queries,
        comparison=comparison,
        mean_over_groups=_is_mean_over_groups(reading, groups),
        counts_groups=counted_groups,
        asks_extreme=extreme,
        ordinal=rank.ordinal if rank else 1,
        lists_missing=bool(missing),
        lists_rows=lists and not missing,
        row_limit=reading.rank.limit if lists and reading.rank and ranked else 10,
    )


def _lacking(reading: Reading, nouns: Nouns) -> str:
    """Return the dimension of "which reps never won a deal", "" for other questions."""
    thing = nouns.counted or nouns.subject
    return thing if reading.has("intent", "never") and thing in COUNTED else ""


_SINGLE = {"largest_deal", "smallest_deal"}


def ranks_nothing(reading: Reading, plan: Plan) -> bool:
    """Say whether a best or a share is asked of nothing in particular: "top by revenue"."""
    query = plan.queries[0]
    ranked = reading.rank is not None and reading.rank.kind == "value"
    groups = query.by or plan.lists_rows or plan.lists_missing or query.measure in _SINGLE
    return (ranked and not groups) or (query.share and not query.by and not query.filters)


def negates_something_else(reading: Reading) -> bool:
    """Say whether a "not" or "without" stands in the question that no plan here heeds."""
    if reading.has("intent", "never") and not _lacking(reading, read_nouns(reading)):
        return True
    blanks = any(cue.section == "missing" for cue in reading.cues)
    return blanks and not missing_filters(reading)


def can_compute(plan: Plan) -> bool:
    """Say whether every measure of the plan knows every dimension that it is asked by."""
    for query in plan.queries:
        known = {dimension.name for dimension in catalog().dimensions_for(query.measure)}
        asked = {*query.by, *(one.dimension for one in query.filters)}
        if not asked <= known:
            return False
    return True


def _group(reading: Reading, nouns: Nouns, measures: list[str]) -> str:
    if reading.has("intent", "why") and measures == ["lost_deals"]:
        return "lost_reason"
    if nouns.groups:
        return nouns.groups[0]
    dimensions = catalog().dimensions
    subject = nouns.subject
    asks_rows = subject in {"opportunity", ""} or measures == [COUNTED.get(subject)]
    return subject if subject in dimensions and not asks_rows else ""


def _groups(reading: Reading, nouns: Nouns, chosen: Slots, filters: list[Filter]) -> list[str]:
    groups = list(nouns.groups)
    if chosen.group and chosen.group not in groups:
        groups.insert(0, chosen.group)
    several = [f.dimension for f in filters if len(f.values) > 1 and f.op is FilterOp.IN]
    if not groups and several and not reading.has("intent", "share"):
        groups = several[:1]
    single = {f.dimension for f in filters if len(f.values) == 1 and f.op is FilterOp.IN}
    return [group for group in groups if group not in single][:2]


def _comparison(
    groups: list[str], filters: list[Filter], periods: list[Period | None], reading: Reading
) -> Comparison | None:
    if len(periods) == 2:
        return Comparison.PERIODS
    several = any(len(f.values) == 2 and f.dimension in groups for f in filters)
    if several and reading.has("intent", "difference"):
        return Comparison.GROUPS
    return None


def _counts_groups(nouns: Nouns, measures: tuple[str, ...]) -> bool:
    """Say whether groups are counted: "how many regions", "how many reps won 10 deals"."""
    counted = nouns.counted
    if counted not in catalog().dimensions or counted == "opportunity":
        return False
    return measures[0] in DEAL_COUNTS or counted not in COUNTED


def _limit(rank: RankMention | None) -> int | None:
    """Return how many groups to fetch: for the best one a few more, to tell ties and runners-up."""
    if rank is None:
        return None
    return rank.limit if rank.limit > 1 else rank.ordinal + 4


def _basis(reading: Reading, measure: str) -> DateBasis | None:
    text = reading.text.lower()
    opened = ("created", "opened", "started", "entered", "新增", "创建", "新建", "开启", "new deal")
    if status_of(reading) in {"", "open"} and any(word in text for word in opened):
        return DateBasis.OPENED
    is_open = measure in {"open_opportunities", "pipeline", "weighted_pipeline"}
    planned = reading.has("intent", "planned") or bool(reading.periods)
    return DateBasis.EXPECTED_CLOSE if is_open and planned else None


def _lists_rows(
    reading: Reading, nouns: Nouns, groups: list[str], measures: tuple[str, ...]
) -> bool:
    if groups or reading.has("intent", "share"):
        return False
    asked = (
        reading.has("intent", "list", "which")
        or reading.rank is not None
        or asks_who(reading)
        or not reading.has("intent", "count", "amount", "average", "share")
    )
    subject = nouns.subject
    named = subject == "opportunity"
    counts_deals = measures[0] in DEAL_COUNTS and subject == ""
    of_deals = named and catalog().measure(measures[0]).entity == "opportunity"
    counts_records = measures[0] in RECORD_COUNTS
    return asked and (of_deals or counts_deals or counts_records)


def _is_mean_over_groups(reading: Reading, groups: list[str]) -> bool:
    counts = reading.has("intent", "count") or reading.has("measure", "won_amount")
    return bool(groups) and reading.has("intent", "average") and counts
