"""Rules for days that are named by counting, by the end of something, or by part of a month."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta

from copilot.grounding import numerals
from crm.period import month

FRIDAY = 4
Parts = Mapping[str, str]
Reader = Callable[[Parts, date], date | None]

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_ORDINALS = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
    "eighteenth", "nineteenth",
]  # fmt: skip
_TENTHS = {"twentieth": 20, "thirtieth": 30}
_COUNTS = {"a": 1, "an": 1, "one": 1, "a couple of": 2}
_DAYS = {"day": 1, "天": 1, "日": 1}
_EARLY = frozenset({"early", "beginning of", "start of", "初", "上旬"})
_FIRST_WEEK = frozenset({"first week of", "第一周", "头一周"})
_MIDDLE = frozenset({"mid", "middle of", "中", "中旬"})
_MONTHS_IN = {"month": 1, "quarter": 3, "year": 12}
_LETTERS = {"d": "day", "w": "week", "m": "month", "q": "quarter", "y": "year"}

_NUMBER = (
    r"(?P<n>\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|a couple of"
    rf"|{numerals.ZH_NUMERAL})"
)
_MONTH = (
    r"(?P<mon>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_TEENS = "|".join([*_ORDINALS[9:], *_ORDINALS[:9], *_TENTHS])
_ORDINAL = rf"(?:twenty|thirty)[ -](?:{'|'.join(_ORDINALS[:9])})|{_TEENS}"
_ZH_MONTH = r"(?P<zhmon>1[0-2]|[1-9]|十[一二]?|[一二三四五六七八九])月份?"
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_RECURRING = (
    rf"\b(?:every|each|any) (?:other |second )?(?:{_WEEKDAY}|day|week|month|quarter|year)s?\b"
    rf"|\b(?:first|second|third|fourth|last) {_WEEKDAY} (?:of|in) (?:the|each|every) month\b"
    rf"|\b{_WEEKDAY}s\b|每(?:个)?(?:周|星期|礼拜|月|季度|年)[一二三四五六日天底初末]?"
)
# "the first time", "the second site": places in a row, no days.
_NO_DAY = (
    r"(?! (?:time|one|of|floor|year|part|point|step|phase|quarter|half|week|month|hall|site|line|"
    r"thing|question|call|meeting|version|round|draft|offer|party))"
)


def parts_of(match: re.Match[str]) -> dict[str, str]:
    """Return the named groups that matched, in small letters; `n2` is another place for `n`."""
    found = match.groupdict().items()
    return {name.rstrip("0123456789"): value.lower() for name, value in found if value}


def after(parts: Parts, day: date) -> date | None:
    """Return the day so many hours, days, working days, weeks or months from `day`."""
    count, unit = _count(parts["n"]), parts["unit"]
    if unit in {"hour", "小时", "个小时"}:
        return day + timedelta(days=round(count / 24))
    if unit in {"business day", "working day", "工作日", "个工作日"}:
        return _workdays(day, count)
    if unit in {"month", "个月"}:
        year, place = divmod(day.year * 12 + day.month - 1 + count, 12)
        return date(year, place + 1, min(day.day, month(year, place + 1).end.day))
    return day + timedelta(days=count * _DAYS.get(unit, 7))


def never(_parts: Parts, _day: date) -> date:
    """Return a day long past: what comes back every week or month is nobody's deadline."""
    return date.min


def fortnight(_parts: Parts, day: date) -> date:
    """Return the day two weeks from `day`."""
    return day + timedelta(days=14)


def same_day(_parts: Parts, day: date) -> date:
    """Return `day`."""
    return day


def end_of_span(parts: Parts, day: date) -> date:
    """Return the last day of this or the next week (its Friday), month, quarter or year."""
    span = _LETTERS.get(parts["span"], parts["span"])
    shift = 1 if parts.get("rel", "").strip() in {"next", "下", "下个"} else 0
    if span in {"day", "business", "tonight"}:
        return day
    if span == "week":
        friday = day + timedelta(days=FRIDAY - day.weekday() + 7 * shift)
        return friday if friday >= day else friday + timedelta(days=7)
    size = _MONTHS_IN[span]
    last = (day.year * 12 + day.month - 1) // size * size + shift * size + size - 1
    return month(last // 12, last % 12 + 1).end


def part_of_month(parts: Parts, day: date) -> date:
    """Return the 7th, 10th, 15th or last day of a month that is named or comes next."""
    number = _month_number(parts, day)
    is_over = number < day.month and not parts.get("rel")
    year = day.year + (parts.get("year") == "明年" or is_over)
    if parts.get("rel") and number < day.month:
        year += 1
    word = parts["part"].removeprefix("the ")
    if word in _FIRST_WEEK:
        return date(year, number, 7)
    if word in _EARLY:
        return date(year, number, 10)
    return date(year, number, 15) if word in _MIDDLE else month(year, number).end


def middle_of_month(parts: Parts, day: date) -> date:
    """Return the 15th of this month, or of the next one once it is over."""
    middle = date(day.year, day.month, 15)
    if middle >= day:
        return middle
    return part_of_month({**parts, "part": "mid", "rel": "next"}, day)


def worded_day(parts: Parts, day: date) -> date | None:
    """Return the next such day of a month: "june twenty sixth", "the nineteenth"."""
    number = _ordinal(parts["ord"])
    if "mon" in parts:
        named = _MONTHS.index(parts["mon"][:3]) + 1
        return date(day.year + (named < day.month), named, number)
    if day.day < number <= month(day.year, day.month).end.day:
        return day.replace(day=number)
    year, place = divmod(day.year * 12 + day.month, 12)
    return date(year, place + 1, number)


def _count(text: str) -> int:
    if text in _COUNTS:
        return _COUNTS[text]
    if text.isdigit():
        return int(text)
    if text[0] in numerals.ZH_CHARS:
        return int(numerals.read_zh("一" + text if text.startswith("十") else text) or 0)
    return int(numerals.read_en(text))


def _workdays(day: date, count: int) -> date:
    while count > 0:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def _month_number(parts: Parts, day: date) -> int:
    if "mon" in parts:
        return _MONTHS.index(parts["mon"][:3]) + 1
    if "zhmon" in parts:
        return _count(parts["zhmon"])
    return day.month % 12 + 1 if parts.get("rel") in {"下", "下个", "next"} else day.month


def _ordinal(text: str) -> int:
    digits = re.match(r"\d+", text)
    if digits:
        return int(digits.group())
    *tens, last = text.replace("-", " ").split()
    unit = _TENTHS.get(last) or _ORDINALS.index(last) + 1
    return unit + ({"twenty": 20, "thirty": 30}[tens[0]] if tens else 0)


def _rows() -> Iterator[tuple[str, Reader]]:
    unit = r"(?P<unit>business day|working day|hour|day|week|month)s?"
    zh_unit = r"(?P<unit>个工作日|工作日|个小时|小时|天|日|个星期|个礼拜|星期|周|个月)"
    spans = "day|business|week|month|quarter|year"
    yield _RECURRING, never
    yield rf"\b(?:with)?in (?:the next |about |around )?{_NUMBER} {unit}(?:['’] time)?\b", after
    yield rf"\b{_NUMBER} {unit} from (?:now|today)\b", after
    yield rf"(?<![第上每]){_NUMBER}{zh_unit}(?:之内|以内|内|后|之后|以后)", after
    yield r"\b(?:with)?in a fortnight\b|两个?礼拜之?内", fortnight
    yield rf"\b{_MONTH}\.?,? (?:the )?(?P<ord>{_ORDINAL})\b", worded_day
    yield rf"\b(?:the )?(?P<ord>{_ORDINAL}) of {_MONTH}\b", worded_day
    yield rf"\bthe (?P<ord>{_ORDINAL}|\d{{1,2}}(?:st|nd|rd|th))\b{_NO_DAY}", worded_day
    yield rf"\b(?:the )?end of (?:the |this )?(?P<rel>next )?(?P<span>{spans})\b", end_of_span
    yield r"\b(?P<span>week|month|quarter|year)[ -]end\b", end_of_span
    yield r"\bEO(?P<span>[DWMQY])\b|\bclose of (?P<span2>business)\b", end_of_span
    yield r"\b(?P<span>tonight)\b", end_of_span
    yield r"\bbefore the (?P<span>week)end\b", end_of_span
    yield r"(?:这|本)?周末之?前", lambda _parts, day: end_of_span({"span": "week"}, day)
    yield (
        r"\b(?P<part>early|mid|middle of|late|(?:the )?end of|(?:the )?beginning of|"
        rf"(?:the )?start of|(?:the )?first week of)[ -]{_MONTH}\b(?!,? \d{{1,2}}\b)",
        part_of_month,
    )
    zh_part = "底|末|初|中旬|上旬|下旬|中|第一周|头一周"
    yield rf"(?P<year>今年|明年)?{_ZH_MONTH}(?P<part>{zh_part})", part_of_month
    yield r"(?P<rel>下个?)月(?P<part>底|末|中旬|中|初|上旬)", part_of_month
    yield r"(?:这个?|本)?月(?P<part>底|末)", part_of_month
    yield r"(?<![\u4e00-\u9fff\d])月中|本月中", middle_of_month
    yield r"(?P<year>明年)(?:底|末)", lambda _parts, day: date(day.year + 1, 12, 31)
    yield r"(?:今年?)?年(?:底|末)", lambda _parts, day: date(day.year, 12, 31)
    yield (
        r"(?P<rel>下个?)?(?:本|这个?)?季度?(?:底|末)",
        lambda parts, day: end_of_span({**parts, "span": "quarter"}, day),
    )
    yield r"今天之?内|今天下班前|下班(?:之)?前|当天", same_day


RULES = tuple((re.compile(pattern, re.IGNORECASE), read) for pattern, read in _rows())
VAGUE = frozenset({part_of_month, middle_of_month})
