"""The days that a text names, by rules of the evals' own: spans of days, relative ones resolved."""

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from evals.drafting_figures import flat

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun",
            "july jul", "august aug", "september sept sep", "october oct", "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?(?!\d)"
_YEAR = r"(?:,?\s+(?P<y>\d{4}))?"
_HAN_NUMBERS = "一二三四五六七八九十"
_PART = r"(?:(?P<part>mid|early|late|the end of|end of|beginning of)[- ])?"


@dataclass(frozen=True)
class Span:
    """The days from `first` to `last` that a piece of text names; `is_relative` needs a today."""

    first: date
    last: date
    text: str
    start: int
    is_relative: bool = False

    def covers(self, other: "Span") -> bool:
        """Say whether it is no more exact than the other, and true if the other is."""
        return self.first <= other.first and other.last <= self.last


def days(text: str, today: date) -> list[Span]:
    """Return the days named in a text written on `today`; a day without a year is the nearest."""
    plain = flat(text)
    found: list[Span] = []
    for pattern, read, is_relative in _RULES:
        for match in pattern.finditer(plain):
            taken = any(match.start() < one.start + len(one.text) and one.start < match.end()
                        for one in found)  # fmt: skip
            limits = None if taken else read(match, today)
            if limits is not None:
                found.append(Span(*limits, match[0], match.start(), is_relative))
    return found


def all_readings(text: str, today: date) -> list[Span]:
    """Return the days named, each way a listener may take them: "next Friday" is two days."""
    spans = days(text, today)
    more = [
        Span(one.first + timedelta(days=shift), one.last + timedelta(days=shift), one.text, 0)
        for one in spans
        if one.is_relative and one.last - one.first <= timedelta(days=6)
        for shift in (-7, 7)
        if _weekday_word(one.text)
    ]
    return [*spans, *more]


def _weekday_word(text: str) -> bool:
    folded = text.casefold()
    return any(name in folded for name in _WEEKDAYS) or bool(
        re.search(r"[周期拜][一二三四五六日天]", text)
    )


Limits = tuple[date, date] | None


def _iso(match: re.Match[str], _today: date) -> Limits:
    return _one_day(int(match[1]), int(match[2]), int(match[3]))


def _english(match: re.Match[str], today: date) -> Limits:
    year = int(match["y"]) if match["y"] else None
    return _nearest(year, _MONTHS[match["m"].lower()], int(match["d"]), today)


def _chinese(match: re.Match[str], today: date) -> Limits:
    year = int(match["y"]) if match["y"] else None
    return _nearest(year, _number(match["m"]), _number(match["d"]), today)


def _month(match: re.Match[str], today: date) -> Limits:
    written = match["m"]
    month = _MONTHS.get(written.lower()) or _number(written)
    if not 1 <= month <= 12:
        return None
    year = int(match["y"]) if match["y"] else _near_year(month, 15, today)
    part = (match["part"] or "").lower()
    first, last = 1, monthrange(year, month)[1]
    if part in {"mid", "中", "中旬"}:
        first, last = 10, 20
    elif part in {"early", "beginning of", "初", "上旬"}:
        last = 10
    elif part:
        first = 20
    return date(year, month, first), date(year, month, last)


def _weekday(match: re.Match[str], today: date) -> Limits:
    word, how = match["w"].lower(), (match["how"] or "").strip().lower()
    number = _WEEKDAYS.index(word) if word in _WEEKDAYS else "一二三四五六日天".index(word)
    number = min(number, 6)
    monday = today - timedelta(days=today.weekday())
    if how in {"last", "上", "上个"}:
        day = monday + timedelta(days=number - 7)
    elif how in {"下", "下个"}:
        day = monday + timedelta(days=number + 7)
    elif how in {"这", "本", "这个"}:
        day = monday + timedelta(days=number)
    else:
        ahead = (number - today.weekday()) % 7 or 7
        day = today + timedelta(days=ahead)
    return day, day


def _near(match: re.Match[str], today: date) -> Limits:
    shift = {"today": 0, "tonight": 0, "tomorrow": 1, "yesterday": -1, "今天": 0, "今日": 0,
             "明天": 1, "后天": 2, "昨天": -1, "前天": -2}[match[0].lower()]  # fmt: skip
    return today + timedelta(days=shift), today + timedelta(days=shift)


def _period(match: re.Match[str], today: date) -> Limits:
    how = match["how"].lower().strip()
    shift = -1 if how in {"last", "上", "上个"} else 1 if how in {"next", "下", "下个"} else 0
    unit = match["unit"].lower()
    if unit in {"week", "周", "星期"}:
        monday = today - timedelta(days=today.weekday()) + timedelta(days=7 * shift)
        return monday, monday + timedelta(days=6)
    if unit in {"month", "月"}:
        return _months(today.year * 12 + today.month - 1 + shift, 1)
    if unit in {"quarter", "季度"}:
        return _months((today.year * 12 + today.month - 1) // 3 * 3 + 3 * shift, 3)
    return date(today.year + shift, 1, 1), date(today.year + shift, 12, 31)


def _quarter(match: re.Match[str], today: date) -> Limits:
    number = int(match["q"]) if match["q"].isdigit() else _HAN_NUMBERS.index(match["q"]) + 1
    year = int(match["y"]) if match["y"] else today.year
    return _months(year * 12 + 3 * number - 3, 3)


def _whole_year(match: re.Match[str], _today: date) -> Limits:
    return date(int(match["y"]), 1, 1), date(int(match["y"]), 12, 31)


def _year_word(match: re.Match[str], today: date) -> Limits:
    year = today.year + {"今": 0, "明": 1, "去": -1}[match["how"]]
    return date(year, 1, 1), date(year, 12, 31)


def _end_of(match: re.Match[str], today: date) -> Limits:
    folded = match[0].lower()
    if "week" in folded or "周" in folded:
        sunday = today + timedelta(days=6 - today.weekday())
        return sunday - timedelta(days=2), sunday
    if "month" in folded or "月" in folded:
        last = monthrange(today.year, today.month)[1]
        return date(today.year, today.month, last - 5), date(today.year, today.month, last)
    if "quarter" in folded or "季" in folded:
        return _months((today.year * 12 + today.month - 1) // 3 * 3 + 2, 1)
    return date(today.year, 12, 1), date(today.year, 12, 31)


def _months(first: int, count: int) -> tuple[date, date]:
    last = first + count - 1
    end = monthrange(last // 12, last % 12 + 1)[1]
    return date(first // 12, first % 12 + 1, 1), date(last // 12, last % 12 + 1, end)


def _number(written: str) -> int:
    if written.isdigit():
        return int(written)
    tens, is_ten, ones = written.partition("十")
    low = _HAN_NUMBERS.index(ones) + 1 if ones else 0
    if not is_ten:
        return _HAN_NUMBERS.index(written) + 1
    return (_HAN_NUMBERS.index(tens) + 1 if tens else 1) * 10 + low


def _nearest(year: int | None, month: int, day: int, today: date) -> Limits:
    return _one_day(year or _near_year(month, day, today), month, day)


def _near_year(month: int, day: int, today: date) -> int:
    tries = [today.year - 1, today.year, today.year + 1]
    return min(tries, key=lambda year: abs((date(year, month, min(day, 28)) - today).days)) if (
        1 <= month <= 12
    ) else today.year  # fmt: skip


def _one_day(year: int, month: int, day: int) -> Limits:
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found, found


_H = f"[{_HAN_NUMBERS}]{{1,3}}"
_RULES: list[tuple[re.Pattern[str], Callable[[re.Match[str], date], Limits], bool]] = [
    (re.compile(r"(\d{4})-(\d{2})-(\d{2})"), _iso, False),
    (re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})"), _iso, False),
    (re.compile(rf"\b(?P<m>{_MONTH})\.?\s+{_DAY}{_YEAR}", re.I), _english, False),
    (re.compile(rf"\b{_DAY}(?:\s+of)?\s+(?P<m>{_MONTH})\b\.?{_YEAR}", re.I), _english, False),
    (re.compile(rf"(?:(?P<y>\d{{4}})年)?(?P<m>\d{{1,2}}|{_H})月(?P<d>\d{{1,2}}|{_H})[日号]?"),
     _chinese, False),
    (re.compile(rf"{_PART}\b(?P<m>{_MONTH.title()})\b(?! (?:I|we|you)\b)(?:,?\s+(?P<y>\d{{4}}))?"),
     _month, False),
    (re.compile(rf"(?:(?P<y>\d{{4}})年)?(?<!个)(?P<m>\d{{1,2}}|{_H})月(?:份)?"
                r"(?P<part>底|末|初|中旬|中|上旬|下旬)?"), _month, False),
    (re.compile(rf"\b(?P<how>last |next |this |coming )?(?P<w>{'|'.join(_WEEKDAYS)})s?\b", re.I),
     _weekday, True),
    (re.compile(r"(?P<how>上个|下个|这个|上|下|这|本)?(?:周|星期|礼拜)(?P<w>[一二三四五六日天])"),
     _weekday, True),
    (re.compile(r"\b(?:today|tonight|tomorrow|yesterday)\b|今天|今日|明天|后天|昨天|前天", re.I),
     _near, True),
    (re.compile(r"\b(?:the )?end of (?:the |this )?(?:week|month|quarter|year)\b|周末|月底"
                r"|季度末|年底|年内|年末", re.I), _end_of, True),
    (re.compile(r"\b(?P<how>last|next|this)\s+(?P<unit>week|month|quarter|year)\b", re.I),
     _period, True),
    (re.compile(r"(?P<how>上个|下个|这个|本|上|下|这)(?P<unit>周|星期|月|季度)(?![一二三四五六日天会])"),
     _period, True),
    (re.compile(r"\bQ(?P<q>[1-4])\b(?: (?P<y>\d{4}))?"), _quarter, False),
    (re.compile(r"(?:(?P<y>\d{4})年)?第?(?P<q>[1-4一二三四])季度"), _quarter, False),
    (re.compile(r"\b(?P<y>(?:19|20)\d\d)"
                r"(?:年(?:度|底|初)?|\b(?= (?:budget|plan))|(?<=(?:in|of|by) \d{4})\b)"),
     _whole_year, False),
    (re.compile(r"(?P<how>今|明|去)(?P<unit>年)"), _year_word, True),
]  # fmt: skip


def outside(spans: Iterable[Span], known: Iterable[Span]) -> Iterator[Span]:
    """Yield the spans that no known one bears out."""
    rests_on = list(known)
    yield from (one for one in spans if not any(one.covers(other) for other in rests_on))
