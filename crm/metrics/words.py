"""Metric questions and values in words, English and Chinese."""

from decimal import Decimal

from crm.metrics.catalog import Measure, catalog
from crm.metrics.query import COMPARISONS, DateBasis, Filter, FilterOp, Having, MetricQuery
from crm.money import exponent, format_money
from crm.period import Period

_BASIS = {
    "en": {
        DateBasis.OPENED: "opened",
        DateBasis.CLOSED: "closed",
        DateBasis.EXPECTED_CLOSE: "expected to close",
        DateBasis.OCCURRED: "done",
        DateBasis.DUE: "due",
    },
    "zh": {
        DateBasis.OPENED: "创建于",
        DateBasis.CLOSED: "关闭于",
        DateBasis.EXPECTED_CLOSE: "预计成交于",
        DateBasis.OCCURRED: "发生于",
        DateBasis.DUE: "到期于",
    },
}
_BASIS_BY_ENTITY = {
    "en": {
        ("account", DateBasis.OPENED): "created",
        ("lead", DateBasis.OPENED): "created",
        ("quote", DateBasis.OPENED): "made",
        ("lead", DateBasis.CLOSED): "converted",
        ("quota", DateBasis.DUE): "for quota periods within",
        ("stage_entry", DateBasis.OCCURRED): "stage entered",
    },
    "zh": {
        ("lead", DateBasis.CLOSED): "转化于",
        ("quota", DateBasis.DUE): "指标期在",
        ("stage_entry", DateBasis.OCCURRED): "进入阶段于",
    },
}
_COMPARE = {
    "en": {
        FilterOp.AT_LEAST: "at least",
        FilterOp.AT_MOST: "at most",
        FilterOp.MORE_THAN: "more than",
        FilterOp.LESS_THAN: "less than",
    },
    "zh": {
        FilterOp.AT_LEAST: "不少于",
        FilterOp.AT_MOST: "不超过",
        FilterOp.MORE_THAN: "大于",
        FilterOp.LESS_THAN: "小于",
    },
}
# Entity of a measure → what its rows are called: one, several, Chinese.
_ROWS = {
    "opportunity": ("deal", "deals", "笔商机"),
    "stage_entry": ("stage entry", "stage entries", "次进入阶段"),
    "quote": ("quote", "quotes", "份报价"),
    "touch": ("activity", "activities", "项活动"),
    "activity": ("activity", "activities", "项活动"),
    "case": ("case", "cases", "个工单"),
    "quota": ("quota", "quotas", "个指标"),
    "lead": ("lead", "leads", "条线索"),
    "account": ("account", "accounts", "家客户"),
    "contact": ("contact", "contacts", "位联系人"),
    "rep": ("rep", "reps", "位销售"),
    "product": ("product", "products", "个产品"),
    "price": ("price", "prices", "个价格"),
}
_MEMBERSHIP = {
    "en": {
        FilterOp.IN: "{label} {values}",
        FilterOp.NOT_IN: "{label} not {values}",
        FilterOp.IS_EMPTY: "without {label}",
        FilterOp.NOT_EMPTY: "with a {label}",
    },
    "zh": {
        FilterOp.IN: "{label}为{values}",
        FilterOp.NOT_IN: "{label}不为{values}",
        FilterOp.IS_EMPTY: "无{label}",
        FilterOp.NOT_EMPTY: "有{label}",
    },
}
_OR = {"en": " or ", "zh": "、"}
_COMMA = {"en": ", ", "zh": "，"}


def rows_in_words(count: int, measure: Measure, language: str) -> str:
    """Return how many records there are, such as `312 deals`."""
    one, many, chinese = _ROWS[measure.counts or measure.entity]
    return f"{count:,}{chinese}" if language == "zh" else f"{count:,} {one if count == 1 else many}"


def value_in_words(value: Decimal | None, unit: str, currency: str | None, language: str) -> str:
    """Return a value for people: `$1,234.50`, `61.2%`, `12.3 days`; "—" for none."""
    if value is None:
        return "—"
    if unit == "money":
        if currency is None:
            return f"{round(value, 2):,f}"
        return format_money(value.scaleb(exponent(currency)), currency)
    if unit == "ratio":
        return f"{_short(value * 100)}%"
    if unit in ("days", "hours"):
        words = {"days": "天", "hours": "小时"} if language == "zh" else {}
        return f"{_short(value)} {words.get(unit, unit)}"
    return _short(value)


def describe_query(
    query: MetricQuery,
    measure: Measure,
    basis: DateBasis | None,
    names: tuple[tuple[str, ...], ...],
    language: str,
) -> str:
    """Return a question in words, so that a person can see what was computed and correct it."""
    parts = [measure.label[language]]
    if query.period is not None and basis is not None:
        parts.append(_period(query.period, measure, basis, language))
    parts.append(filters_in_words(query, names, language))
    if query.by:
        parts.append(_by(query.by, language))
    if query.having is not None:
        parts.append(_having(query.having, language))
    if query.limit is not None and query.by:
        parts.append(_limit(query.limit, query.order == "asc", language))
    if query.share:
        parts.append("占总额的比例" if language == "zh" else "as a share of the total")
    return _COMMA[language].join(part for part in parts if part)


def filters_in_words(query: MetricQuery, names: tuple[tuple[str, ...], ...], language: str) -> str:
    """Return the filters in words; `names` holds the display names of each filter's values."""
    words = zip(query.filters, names, strict=True)
    return _COMMA[language].join(_filter(one, shown, language) for one, shown in words)


def _filter(asked: Filter, shown: tuple[str, ...], language: str) -> str:
    label = catalog().dimensions[asked.dimension].label[language]
    if asked.op in COMPARISONS:
        word = _COMPARE[language][asked.op]
        number = _short(Decimal(shown[0]))
        return f"{label}{word}{number}" if language == "zh" else f"{label} {word} {number}"
    words = _MEMBERSHIP[language][asked.op]
    return words.format(label=label, values=_OR[language].join(shown))


def _period(period: Period, measure: Measure, basis: DateBasis, language: str) -> str:
    word = _BASIS_BY_ENTITY[language].get((measure.entity, basis), _BASIS[language][basis])
    if measure.period_is_in_condition:
        word = "原定成交于" if language == "zh" else "due to close"
    if language == "zh":
        return f"{word}{period.start}至{period.end}"
    return f"{word} {period.start} to {period.end}"


def _by(by: tuple[str, ...], language: str) -> str:
    labels = [catalog().dimensions[name].label[language] for name in by]
    return f"按{'和'.join(labels)}" if language == "zh" else f"by {' and '.join(labels)}"


def _limit(limit: int, is_lowest: bool, language: str) -> str:
    if language == "zh":
        return f"{'最低' if is_lowest else '最高'}的{limit}个"
    return f"{'lowest' if is_lowest else 'top'} {limit}"


def _having(having: Having, language: str) -> str:
    word, number = _COMPARE[language][having.op], _short(Decimal(str(having.value)))
    return f"数值{word}{number}" if language == "zh" else f"value {word} {number}"


def _short(value: Decimal) -> str:
    shown = f"{round(value, 2):,f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
