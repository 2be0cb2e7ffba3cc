"""Turns the names, blanks and thresholds of a question into filters; the model has no say here."""

import re
from dataclasses import replace
from decimal import Decimal

from copilot.agent.phrases import tokens
from copilot.agent.reading import Reading
from crm.metrics.catalog import catalog
from crm.metrics.query import Filter, FilterOp, Having
from tools.names import NamedThing, NameMention
from tools.quantities import QuantityMention

_EXCLUDING = ("excluding", "except", "outside", "besides", "other than", "not in", "apart from",
              "除了", "除", "不含", "不包括", "排除")  # fmt: skip
_REPORTS = re.compile(r"['’]s\s+(?:sales\s+)?(?:agents|reps|sellers|salespeople)\b", re.I)
_LED = (
    "manager", "managed", "team", "report", "led by", "under ", "folks", "people", "guys", "crew",
    "经理", "团队", "主管", "手下", "下属",
)  # fmt: skip
_COMPARE = {
    "more_than": FilterOp.MORE_THAN,
    "at_least": FilterOp.AT_LEAST,
    "less_than": FilterOp.LESS_THAN,
    "at_most": FilterOp.AT_MOST,
}
_ATTRIBUTES = {
    "employees": ("employee", "headcount", "staff", "员工", "人数"),
    "annual_revenue": ("annual revenue", "年收入", "年营收"),
    "discount": ("discount", "折扣"),
}


def name_filters(reading: Reading) -> list[Filter]:
    """Return one filter for each kind of thing named, several names of a kind joined by "or"."""
    wanted: dict[tuple[str, FilterOp], list[str]] = {}
    for mention in reading.names:
        thing = chosen_thing(reading, mention)
        if thing.dimension not in catalog().dimensions:
            continue
        excluded = _is_excluded(reading.text, mention)
        key = (thing.dimension, FilterOp.NOT_IN if excluded else FilterOp.IN)
        values = wanted.setdefault(key, [])
        if thing.name not in values:
            values.append(thing.name)
    if reading.speaks_of_asker and ("owner", FilterOp.IN) not in wanted:
        wanted[("manager" if _speaks_of_team(reading) else "owner", FilterOp.IN)] = [reading.asker]
    return [Filter(dimension=dim, op=op, values=tuple(v)) for (dim, op), v in wanted.items()]


def _speaks_of_team(reading: Reading) -> bool:
    return any(
        word in reading.text.lower() for word in ("my team", "my reps", "我的团队", "我团队")
    )


def chosen_thing(reading: Reading, mention: NameMention) -> NamedThing:
    """Return which thing a mention means: a manager where the words say so, else the best one."""
    best = mention.candidates[0]
    by_dimension = {thing.dimension: thing for thing in reversed(mention.candidates)}
    start, end = mention.span
    around = reading.text[max(0, start - 24) : end + 12].lower()
    if "manager" in by_dimension and {"owner", "manager"} & {best.dimension}:
        led = any(word in around for word in _LED) or _REPORTS.match(reading.text[end:])
        if led:
            return by_dimension["manager"]
        return by_dimension.get("owner", best)
    if best.dimension == "account" and asks_for_children(reading):
        return replace(best, dimension="parent_account")
    if best.dimension in {"territory", "team"} and "region" in by_dimension:
        best = by_dimension["region"]
    for dimension in ("product_family", "territory", "region", "country", "industry", "team"):
        names = [cue.key for cue in reading.cues if cue.section == "noun"]
        if dimension in by_dimension and dimension in names and best.dimension not in names:
            return by_dimension[dimension]
    return best


def asks_for_children(reading: Reading) -> bool:
    """Say whether the subsidiaries of an account are asked for, not its own parent."""
    words = ("subsidiaries", "child companies", "子公司", "下属公司")
    return any(word in reading.text.lower() for word in words)


def missing_filters(reading: Reading) -> list[Filter]:
    """Return the filters of "deals without an account" and the like."""
    found = []
    for cue in reading.cues:
        if cue.section != "missing":
            continue
        for noun in reading.cues:
            near = noun.section == "noun" and noun.key != "opportunity" and noun.start >= cue.end
            if near and len(tokens(reading.text[cue.end : noun.start])) <= 2:
                found.append(Filter(dimension=noun.key, op=FilterOp.IS_EMPTY))
                break
    return found


def threshold(reading: Reading, group: str) -> tuple[list[Filter], Having | None]:
    """Return the amount filters and the condition on groups that the quantities mean."""
    filters: list[Filter] = []
    having: Having | None = None
    for quantity in reading.quantities:
        bounds = _bounds(quantity)
        if not bounds:
            continue
        after = reading.text[quantity.span[0] : quantity.span[1] + 24].lower()
        attribute = next(
            (key for key, words in _ATTRIBUTES.items() if any(w in after for w in words)), None
        )
        counts_deals = _follows_noun(reading, quantity, "opportunity", behind=True)
        of_deals = _follows_noun(reading, quantity, "opportunity", behind=False)
        if attribute:
            filters += [Filter(dimension=attribute, op=op, values=(v,)) for op, v in bounds]
        elif group and (counts_deals or not of_deals):
            having = Having(op=bounds[0][0], value=bounds[0][1])
        else:
            filters += [Filter(dimension="amount", op=op, values=(v,)) for op, v in bounds]
            if quantity.currency is not None:
                filters.append(Filter(dimension="currency", values=(quantity.currency,)))
    return filters, having


def _bounds(quantity: QuantityMention) -> list[tuple[FilterOp, float]]:
    if quantity.comparison is None:
        return []
    scale = Decimal(100) if quantity.unit == "percent" else Decimal(1)
    low = float(quantity.value / scale)
    return [(_COMPARE[quantity.comparison], low)]


def _follows_noun(reading: Reading, quantity: QuantityMention, noun: str, *, behind: bool) -> bool:
    """Say whether the noun stands right behind the quantity, or else shortly before it."""
    start, end = quantity.span
    for cue in reading.cues:
        if cue.section != "noun" or cue.key != noun:
            continue
        if behind and cue.start - end >= 0 and len(tokens(reading.text[end : cue.start])) <= 1:
            return True
        if not behind and cue.end <= start and len(tokens(reading.text[cue.end : start])) <= 4:
            return True
    return False


def _is_excluded(text: str, mention: NameMention) -> bool:
    start, end = mention.span
    before = re.sub(r"[\s']*(?:\bthe\s*)?$", "", text[max(0, start - 18) : start].lower())
    return before.endswith(_EXCLUDING) or text[end : end + 2] in {"以外", "之外"}
