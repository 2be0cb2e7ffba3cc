"""Continues the last plan: "and in Q3?", "what about West?", "那上海呢？"."""

import re
from typing import Any

from copilot.agent.compose import Slots, metric_plan
from copilot.agent.grouping import read_nouns
from copilot.agent.phrases import tokens
from copilot.agent.plan import Comparison, Plan, Route
from copilot.agent.reading import Reading
from crm.metrics.query import MetricQuery

_OPENERS = re.compile(
    r"^\s*(and|what about|how about|same|now|then|also|for|in|那|那么|再看|换成|同样)", re.I
)
_PARTICLE = re.compile(r"呢\s*[?？]?\s*$")
_SHORT = 8


def continue_plan(reading: Reading, found: Slots, previous: dict[str, Any]) -> Plan | None:
    """Return the last plan with this question's names, periods and groups put in, or None."""
    if not previous.get("plan") or found.measures or reading.residue:
        return None
    last = Plan.model_validate(previous["plan"])
    if last.route is not Route.METRIC or not _is_elliptical(reading):
        return None
    nouns = read_nouns(reading)
    group = nouns.groups[0] if nouns.groups else ""
    measures = tuple(dict.fromkeys(query.measure for query in last.queries))
    fresh = metric_plan(reading, Slots(measures, group))
    queries = (
        tuple(
            _merge(old, new, grouped=bool(group))
            for new in fresh.queries
            for old in last.queries[:1]
            if new.measure == old.measure or len(measures) == 1
        )
        or fresh.queries
    )
    comparison = Comparison.PERIODS if len(reading.periods) == 2 else None
    return last.model_copy(update={"queries": queries, "comparison": comparison})


def _merge(old: MetricQuery, new: MetricQuery, *, grouped: bool) -> MetricQuery:
    renamed = {one.dimension for one in new.filters}
    kept = tuple(one for one in old.filters if one.dimension not in renamed)
    by = new.by if grouped else tuple(dim for dim in old.by if dim not in renamed)
    return old.model_copy(
        update={"filters": kept + new.filters, "period": new.period or old.period, "by": by}
    )


def _is_elliptical(reading: Reading) -> bool:
    says_something = reading.names or reading.periods or read_nouns(reading).groups
    opened = bool(_OPENERS.search(reading.text) or _PARTICLE.search(reading.text))
    return bool(says_something) and (opened or len(tokens(reading.text)) <= _SHORT)
