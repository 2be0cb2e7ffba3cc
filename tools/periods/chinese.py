"""Chinese rules: the pieces of periods that salespeople write."""

import re

from crm.period import Period
from tools.numerals import parse_int
from tools.periods import builders
from tools.periods.clock import VAGUE_DAYS, Clock, Unit, day_of, month_of, shifted_years
from tools.periods.mention import Atom, Builder, Rule

_N = r"(?:\d{1,4}|[一二两三四五六七八九十]{1,3})"
_MONTH = r"(?:1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])"
_DAY = r"(?:3[01]|[12]\d|0?[1-9]|三十一?|二?十[一二三四五六七八九]?|[一二三四五六七八九])"
_YEAR = r"(?:19|20)\d\d|[一二][〇零九][〇零一二三四五六七八九]{2}"
_QUARTER = r"[一二三四1-4]"
_SHIFTS = {"上上": -2, "上": -1, "前": -1, "本": 0, "这": 0, "当": 0, "当前": 0, "目前": 0}
_SHIFTS |= {"此": 0, "该": 0, "下": 1, "下下": 2}
_YEARS = {"大前年": -3, "前年": -2, "去年": -1, "上年": -1, "上一年": -1, "今年": 0, "本年": 0}
_YEARS |= {"当年": 0, "这一年": 0, "明年": 1, "下一年": 1, "来年": 1, "后年": 2}
_DAYS = {"大前天": -3, "前天": -2, "昨天": -1, "昨日": -1, "今天": 0, "今日": 0}
_DAYS |= {"明天": 1, "明日": 1, "后天": 2}
_UNITS: dict[str, Unit] = {
    "天": "day",
    "日": "day",
    "周": "week",
    "星期": "week",
    "礼拜": "week",
    "月": "month",
    "季度": "quarter",
    "季": "quarter",
    "年": "year",
}
_WEEKDAYS = "一二三四五六日"
_UNIT = "(?P<unit>天|日|周|星期|礼拜|月|季度|季(?!节)|年)"


def _rule(pattern: str, build: Builder) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE), build)


def _value(text: str) -> int:
    return parse_int(text) or 0


def _named_year(match: "re.Match[str]", _clock: Clock) -> Atom:
    return builders.named_year(match, _value(match["y"]))


def _short_year(match: "re.Match[str]", _clock: Clock) -> Atom:
    return builders.named_year(match, builders.century(int(match["y"])), is_weak=True)


def _fiscal_year(match: "re.Match[str]", clock: Clock) -> Atom:
    return builders.fiscal_year(match, builders.century(_value(match["y"])), clock)


def _relative_year(match: "re.Match[str]", clock: Clock) -> Atom | None:
    return builders.relative(match, clock, "year", _YEARS[match["word"]])


def _relative_unit(match: "re.Match[str]", clock: Clock) -> Atom | None:
    return builders.relative(match, clock, _UNITS[match["unit"]], _SHIFTS[match["word"]])


def _relative_half(match: "re.Match[str]", clock: Clock) -> Atom | None:
    return builders.relative(match, clock, "half", _SHIFTS[match["word"]])


def _relative_fiscal_year(match: "re.Match[str]", clock: Clock) -> Atom | None:
    return builders.relative(match, clock, "year", _SHIFTS[match["word"]])


def _relative_day(match: "re.Match[str]", clock: Clock) -> Atom | None:
    return builders.relative(match, clock, "day", _DAYS[match["word"]])


def _weekday(match: "re.Match[str]", clock: Clock) -> Atom:
    day = _WEEKDAYS.index(match["day"].replace("天", "日").replace("末", "六"))
    return builders.weekday(match, day, _SHIFTS[match["word"]], clock)


def _quarter(match: "re.Match[str]", clock: Clock) -> Atom:
    return builders.quarter(match, _value(match["n"]), clock)


def _edge_quarter(match: "re.Match[str]", clock: Clock) -> Atom:
    return builders.quarter(match, 1 if match["n"] == "首" else 4, clock)


def _first_quarters(match: "re.Match[str]", clock: Clock) -> Atom:
    return builders.quarters(match, 1, _value(match["n"]), clock)


def _quarter_range(match: "re.Match[str]", clock: Clock) -> Atom | None:
    first, last = _value(match["a"]), _value(match["b"])
    return builders.quarters(match, first, last, clock) if first < last else None


def _half(match: "re.Match[str]", clock: Clock) -> Atom:
    return builders.half(match, 1 if match["n"] in "上前" else 2, clock)


def _month(match: "re.Match[str]", clock: Clock) -> Atom | None:
    return builders.calendar_month(match, _value(match["m"]), clock)


def _month_range(match: "re.Match[str]", clock: Clock) -> Atom | None:
    first, last = _value(match["a"]), _value(match["b"])

    def in_year(year: int) -> Period | None:
        low, high = month_of(year, first), month_of(year + (last < first), last)
        return Period(low.start, high.end) if low and high else None

    return builders.floating(match, in_year, "range", clock)


def _month_day(match: "re.Match[str]", clock: Clock) -> Atom | None:
    return builders.month_day(match, _value(match["m"]), _value(match["d"]), clock)


def _day_range(match: "re.Match[str]", clock: Clock) -> Atom | None:
    days = _value(match["d1"]), _value(match["d2"])
    return builders.day_range(match, _value(match["m"]), days, clock)


def _full_date(match: "re.Match[str]", _clock: Clock) -> Atom | None:
    period = day_of(_value(match["y"]), _value(match["m"]), _value(match["d"]))
    return builders.whole(match, period, "day")


def _counted(match: "re.Match[str]", clock: Clock) -> Atom | None:
    unit = _UNITS[match["unit"]]
    if match["n"] in ("几", "数", "若干"):
        return builders.whole(match, clock.last(VAGUE_DAYS, "day"), "vague")
    count = _value(match["n"])
    if match["word"] in ("未来", "接下来", "今后", "往后", "后", "下"):
        return builders.whole(match, clock.next(count, unit), "rolling")
    is_complete = match["word"] in ("前", "上") and unit != "day"
    period = clock.complete(count, unit) if is_complete else clock.last(count, unit)
    return builders.whole(match, period, "rolling")


def _counted_half_year(match: "re.Match[str]", clock: Clock) -> Atom | None:
    is_ahead = match["word"] in ("未来", "接下来", "今后")
    return builders.whole(match, (clock.next if is_ahead else clock.last)(6, "month"), "rolling")


def _ago(match: "re.Match[str]", clock: Clock) -> Atom | None:
    return builders.relative(
        match, clock, _UNITS[match["unit"] or match["unit2"]], -_value(match["n"])
    )


def _to_date(match: "re.Match[str]", clock: Clock) -> Atom | None:
    word = match["word"]
    unit: Unit = "month" if "月" in word else "quarter" if "季" in word else "year"
    unit = "week" if "周" in word else unit
    return builders.whole(match, clock.to_date(unit), "to_date")


def _edge_of_unit(match: "re.Match[str]", clock: Clock) -> Atom | None:
    unit: Unit = {"年": "year", "季": "quarter", "月": "month"}[match["unit"][0]]  # type: ignore[assignment]
    period = clock.unit(unit)
    is_start = match["edge"] == "初"
    day = period.start if is_start else period.end
    return Atom(match.start(), match.end(), Period(day, day), "day", is_end_edge=not is_start)


def _same_period_last_year(match: "re.Match[str]", clock: Clock) -> Atom | None:
    return builders.whole(match, shifted_years(clock.to_date("year"), -1), "to_date")


def _vague(match: "re.Match[str]", clock: Clock) -> Atom | None:
    return builders.whole(match, clock.last(VAGUE_DAYS, "day"), "vague")


def _either_quarter(match: "re.Match[str]", clock: Clock) -> Atom:
    return builders.quarter(match, _value(match["n"] or match["n2"]), clock)


_WHICH = r"(?P<word>上上|上|前|本|这|当前|目前|当|此|下下|下)"
_COUNTED = r"(?P<word>最近|近|过去|以往|未来|接下来|今后|往后|前|上|后|下|这)的?这?"
_TO = r"\s*(?:到|至|-|–|—|~|～|和|与)\s*"

RULES: tuple[Rule, ...] = (
    _rule(rf"(?<!\d)(?P<y>{_YEAR})\s*年度?", _named_year),
    _rule(
        r"(?<!\d)(?P<y>\d\d)年(?=\s*(?:第|[一二三四1-4]季|[QH][1-4]|[上下]半|\d{1,2}月))",
        _short_year,
    ),
    _rule(rf"(?P<y>{_YEAR}|\d\d)\s*财年", _fiscal_year),
    _rule(r"(?P<word>上上|上|本|这|当前|当|下)一?个?财年", _relative_fiscal_year),
    _rule(rf"(?P<word>{'|'.join(_YEARS)})度?", _relative_year),
    _rule(
        rf"{_WHICH}一?个?(?P<unit>周|星期|礼拜|月(?!份额)|季度|季(?!节)|年(?=度))度?",
        _relative_unit,
    ),
    _rule(r"(?P<word>上上|上|这|本|下)一?个半年", _relative_half),
    _rule(rf"(?P<word>{'|'.join(_DAYS)})", _relative_day),
    _rule(
        r"(?P<word>上上|上|本|这|下下|下)一?个?(?:周|星期|礼拜)(?P<day>[一二三四五六日天末])",
        _weekday,
    ),
    _rule(rf"第?(?P<n>{_QUARTER})\s*季度|第(?P<n2>{_QUARTER})季", _either_quarter),
    _rule(r"(?<![一二三四\d])(?P<n>[一二三四])季(?![度节])", _quarter),
    _rule(r"(?P<n>首|末|最后一?)个?季度", _edge_quarter),
    _rule(r"前(?P<n>[二两三23])个?季度", _first_quarters),
    _rule(rf"第?(?P<a>{_QUARTER})(?:季度)?{_TO}第?(?P<b>{_QUARTER})季度", _quarter_range),
    _rule(r"(?P<n>[上下前后])半年", _half),
    _rule(rf"(?<![\d.一二三四五六七八九十第])(?P<m>{_MONTH})\s*月份?(?![内来])", _month),
    _rule(
        rf"(?<![\d.第])(?P<a>{_MONTH})月?份?(?:到|至|-|–|—|~|～)(?P<b>{_MONTH})月份?(?!\d)",
        _month_range,
    ),
    _rule(rf"(?<![\d.])(?P<m>{_MONTH})\s*月\s*(?P<d>{_DAY})\s*[日号]", _month_day),
    _rule(
        rf"(?<![\d.])(?P<m>{_MONTH})\s*月\s*(?P<d1>{_DAY})\s*[日号]?(?:到|至|-|–|—|~|～)"
        rf"(?P<d2>{_DAY})\s*[日号](?!\d)",
        _day_range,
    ),
    _rule(
        rf"(?P<y>{_YEAR})\s*年\s*(?P<m>{_MONTH})\s*月\s*(?P<d>{_DAY})\s*[日号]?(?![\d个])",
        _full_date,
    ),
    _rule(rf"{_COUNTED}(?P<n>{_N}|几|数|若干)\s*个?(?:完整)?的?{_UNIT}", _counted),
    _rule(r"(?P<word>最近|近|过去|未来|接下来|今后)的?这?半年", _counted_half_year),
    _rule(
        rf"(?P<n>{_N})\s*(?:个(?P<unit>月|季度|星期|礼拜)|(?P<unit2>天|周|年))(?:之|以)?前", _ago
    ),
    _rule(
        r"(?P<word>今年以来|本年以来|今年年初至今|年初至今|今年至今|年初以来|今年年初以来|年初到现在|今年到现在|今年到目前为止"
        r"|本季度?以来|本季度?至今|这个?季度?以来|本月以来|本月至今|这个月以来|月初至今|季初至今|本周以来|本周至今)",
        _to_date,
    ),
    _rule(
        r"(?<![\d零〇一二三四五六七八九十])(?P<unit>年|季度?|月)(?P<edge>初|底|末)", _edge_of_unit
    ),
    _rule(r"去年同期|上年同期", _same_period_last_year),
    _rule(
        r"最近(?!的?[一二两三四五六七八九十几\d]+[次笔个通场封条位单家])|近期|近来|近日|前段时间|前一段时间",
        _vague,
    ),
)
