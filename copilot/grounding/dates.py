"""Finding dates, periods and times of day in a text, in English and Chinese, against a day."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from copilot.grounding.clock import ORDINALS, ZH_NUM, find_times, read_day_number
from copilot.grounding.quantities import blank
from copilot.grounding.wordlist import load_table, pattern_of
from crm.period import FiscalCalendar, Period, month
from tools.numerals import CHINESE_DIGITS

__all__ = ["DateMention", "covers", "find_dates", "find_holidays", "find_times"]

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_ZH_WEEKDAYS = "一二三四五六日"
_YEARS_BACK, _YEARS_AHEAD = 20, 10
_WEEKDAY_REACH = 31

_MON = (
    r"(?P<mon>Jan(?:uary)?|Feb(?:ruary)?|(?-i:Mar(?:ch)?|MARCH|May(?! I\b| we\b)|MAY)|Apr(?:il)?"
    r"|June?|July?|"
    r"Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_ORDINAL = "|".join(sorted(ORDINALS, key=len, reverse=True))
_DAY = rf"(?P<day>\d{{1,2}}(?!\d)|\b(?:{_ORDINAL})\b)(?:st|nd|rd|th)?"
_TO = r"(?:\s?(?:-|–|—|to|and|until)\s?(?P<to>\d{1,2})(?:st|nd|rd|th)?)?"
_YEAR = r"(?:,? (?P<year>\d{4})(?!\d))?"
_ZH_YEAR = r"(?:(?P<year>\d{4}|[〇零一二三四五六七八九]{4})年|(?P<relyear>今年|明年|去年|后年))"
_WD = (
    r"(?P<wd>Mon(?:day)?|Tue(?:s(?:day)?)?|Wed(?:nesday)?|Thu(?:rs(?:day)?)?|Fri(?:day)?|"
    r"Sat(?:urday)?|Sun(?:day)?)s?"
)
_RELATIVE = {
    "the day after tomorrow": 2, "day before yesterday": -2, "today": 0, "tonight": 0,
    "this morning": 0, "this afternoon": 0, "this evening": 0, "tomorrow": 1, "yesterday": -1,
    "大后天": 3, "后天": 2, "前天": -2, "今天": 0, "今日": 0, "今晚": 0, "明天": 1, "明日": 1,
    "昨天": -1, "昨日": -1,
}  # fmt: skip
_ZH_SHIFT = {"上上": -2, "下下": 2, "上": -1, "下": 1, "本": 0, "这": 0, "今": 0, "明": 1, "去": -1}
_EN_SHIFT = {"this": 0, "current": 0, "next": 1, "coming": 1, "last": -1, "previous": -1}
_SPANS = {
    "week": "week", "month": "month", "quarter": "quarter", "year": "year", "周": "week",
    "星期": "week", "礼拜": "week", "月": "month", "季度": "quarter", "季": "quarter", "年": "year",
}  # fmt: skip


@dataclass(frozen=True)
class DateMention:
    """A date or period as written and every period that it can mean.

    `stated` are those that a speaker on the base day can have meant, without guessing years;
    `is_vague` marks whole weeks, months and years given only relative to today.
    """

    raw: str
    start: int
    end: int
    periods: tuple[Period, ...]
    stated: tuple[Period, ...]
    is_vague: bool = False


def find_dates(text: str, base: date) -> tuple[list[DateMention], str]:
    """Return the dates and periods of a text seen from `base`, and the text with them blanked."""
    original = text
    found: list[DateMention] = []
    for pattern, read in _READERS:
        for match in list(pattern.finditer(text)):
            mentions = _read(read, match, base)
            found += mentions
            if mentions:
                text = blank(text, match.start(), match.end())
    return _join_weekdays(sorted(found, key=lambda mention: mention.start), original), text


def covers(claim: DateMention, fact: Period) -> bool:
    """Say whether the claim is the fact's day or period, or a longer one around it."""
    return any(period.start <= fact.start and fact.end <= period.end for period in claim.periods)


@cache
def _holidays() -> dict[str, re.Pattern[str]]:
    return {name: pattern_of(words) for name, words in load_table("holidays").items()}


def find_holidays(text: str) -> dict[str, str]:
    """Return the feasts that a text names, each by its key with the words used."""
    found = {name: pattern.search(text) for name, pattern in _holidays().items()}
    return {name: match.group() for name, match in found.items() if match}


def _read(read: "_Reader", match: re.Match[str], base: date) -> list[DateMention]:
    try:
        periods = read(match, base)
    except ValueError:  # 31 February, month 13: a number, not a date
        return []
    if not periods:
        return []
    if match.groupdict().get("to"):  # a range: each end is a mention of its own
        ends = read_day_number(match["day"]), read_day_number(match["to"])
        groups = [[each for each in periods if each.start.day == end] for end in ends]
    else:
        groups = [periods]
    return [_mention(match, group, base, read is _span) for group in groups if group]


def _mention(match: re.Match[str], periods: list[Period], base: date, is_span: bool) -> DateMention:
    by_distance = sorted(periods, key=lambda period: abs((period.start - base).days))
    is_loose_weekday = 2 < len(periods) < 12  # a bare weekday: the one before and after
    limit = 2 if len(periods) == 2 or is_loose_weekday else 1
    is_vague = is_span and by_distance[0].end > by_distance[0].start
    raw, (start, end) = match.group().strip(), match.span()
    return DateMention(raw, start, end, tuple(periods), tuple(by_distance[:limit]), is_vague)


def _join_weekdays(mentions: list[DateMention], text: str) -> list[DateMention]:
    """Let a weekday beside a date narrow it: "Friday, 12 November" is only such a Friday."""
    joined: list[DateMention] = []
    for mention in mentions:
        before = joined[-1] if joined else None
        if before and _belong_together(before, mention, text):
            joined[-1] = _narrowed(before, mention)
        else:
            joined.append(mention)
    return joined


def _belong_together(first: DateMention, second: DateMention, text: str) -> bool:
    days = all(each.start == each.end for each in (first.stated[0], second.stated[0]))
    gap = text[first.end : second.start].strip()
    return days and gap in {"", ",", "(", "（"} and _is_weekday(first) != _is_weekday(second)


def _is_weekday(mention: DateMention) -> bool:
    return bool(re.fullmatch(rf"(?:{_WD})|(?:周|星期|礼拜).", mention.raw, re.IGNORECASE))


def _narrowed(first: DateMention, second: DateMention) -> DateMention:
    day, weekday = (second, first) if _is_weekday(first) else (first, second)
    number = weekday.stated[0].start.weekday()
    periods = tuple(each for each in day.periods if each.start.weekday() == number)
    stated = tuple(each for each in day.stated if each in periods) or periods[:1]
    raw = f"{first.raw} {second.raw}"
    return DateMention(raw, first.start, second.end, periods, stated)


def _day(day: date) -> Period:
    return Period(day, day)


def _years(match: re.Match[str], base: date) -> list[int]:
    parts = match.groupdict()
    year = parts.get("year") or parts.get("year2") or parts.get("year3")
    if year:
        digits = "".join(str(CHINESE_DIGITS.get(char, char)) for char in year)
        return [int(digits) + (2000 if len(digits) == 2 else 0)]
    if parts.get("relyear"):
        return [base.year + {"去": -1, "今": 0, "明": 1, "后": 2}[parts["relyear"][0]]]
    return list(range(base.year - _YEARS_BACK, base.year + _YEARS_AHEAD))


def _iso(match: re.Match[str], _base: date) -> list[Period]:
    return [_day(date(int(match["y"]), int(match["m"]), int(match["d"])))]


def _slashed(match: re.Match[str], _base: date) -> list[Period]:
    first, second, year = int(match["a"]), int(match["b"]), int(match["y"])
    year += 2000 if year < 100 else 0
    orders = {(first, second), (second, first)}
    return [_day(date(year, m, d)) for m, d in sorted(orders) if m <= 12 and d <= 31]


def _month_day(match: re.Match[str], base: date) -> list[Period]:
    parts = match.groupdict()
    number = (
        _MONTHS.index(parts["mon"][:3].lower()) + 1
        if parts.get("mon")
        else read_day_number(parts["zhmon"])
    )
    found: list[Period] = []
    for year in _years(match, base):
        if not parts.get("day"):
            found.append(month(year, number))
            continue
        for name in ("day", "to"):
            if parts.get(name) and _exists(year, number, read_day_number(parts[name])):
                found.append(_day(date(year, number, read_day_number(parts[name]))))
    return found


def _exists(year: int, number: int, day: int) -> bool:
    return 1 <= number <= 12 and 1 <= day <= month(year, number).end.day


def _day_only(match: re.Match[str], base: date) -> list[Period]:
    number, first = read_day_number(match["day"]), base.year * 12 + base.month - 1
    months = [divmod(index, 12) for index in range(first - 12, first + 13)]
    return [_day(date(y, m + 1, number)) for y, m in months if _exists(y, m + 1, number)]


def _year_only(match: re.Match[str], base: date) -> list[Period]:
    return [FiscalCalendar().year(year) for year in _years(match, base)]


def _quarter(match: re.Match[str], base: date) -> list[Period]:
    word = match["q"] or match["qword"] or match["zhq"]
    number = {"fir": 1, "1st": 1, "sec": 2, "2nd": 2, "thi": 3, "3rd": 3, "fou": 4, "4th": 4}.get(
        word[:3].lower()
    ) or read_day_number(word)
    return [FiscalCalendar().quarter(year, number) for year in _years(match, base)]


def _half_year(match: re.Match[str], base: date) -> list[Period]:
    number = 1 if match.group().lower()[:2] in {"h1", "fi"} or "上" in match.group() else 2
    return [FiscalCalendar().half(year, number) for year in _years(match, base)]


def _relative_day(match: re.Match[str], base: date) -> list[Period]:
    return [_day(base + timedelta(days=_RELATIVE[match.group().lower()]))]


def _weekday(match: re.Match[str], base: date) -> list[Period]:
    parts = match.groupdict()
    if parts.get("wd"):
        number = _WEEKDAYS.index(parts["wd"][:3].lower())
        shift = _EN_SHIFT.get((parts.get("rel") or "").lower())
        if shift is not None:
            return _named_weekday(base, number, shift)
    else:
        number = _ZH_WEEKDAYS.index(parts["zhwd"].replace("天", "日"))
        if parts.get("zhrel"):
            monday = base - timedelta(days=base.weekday())
            days = 7 * _ZH_SHIFT[parts["zhrel"]] + number
            return [_day(monday + timedelta(days=days))]
    start = base - timedelta(days=_WEEKDAY_REACH)
    days_around = (start + timedelta(days=index) for index in range(2 * _WEEKDAY_REACH + 1))
    return [_day(day) for day in days_around if day.weekday() == number]


def _weekday_of_week(match: re.Match[str], base: date) -> list[Period]:
    number = _WEEKDAYS.index(match["wd"][:3].lower())
    after = "after" in match.group().lower()
    weeks = 2 if after else _EN_SHIFT[match["rel"].lower()]
    return [_day(base + timedelta(days=7 * weeks + number - base.weekday()))]


def _week_after(_match: re.Match[str], base: date) -> list[Period]:
    return [_shifted(base, "week", 2)]


def _named_weekday(base: date, number: int, shift: int) -> list[Period]:
    # "next Thursday" is the coming one to some and next week's to others: both are meant.
    monday = base - timedelta(days=base.weekday())
    found = [monday + timedelta(days=7 * shift + number)]
    if shift == 1:
        found.append(base + timedelta(days=(number - base.weekday() - 1) % 7 + 1))
    if shift == -1:
        found.append(base - timedelta(days=(base.weekday() - number - 1) % 7 + 1))
    return [_day(day) for day in sorted(set(found))]


def _span(match: re.Match[str], base: date) -> list[Period]:
    parts = match.groupdict()
    word = parts.get("rel") or parts.get("zhrel") or "this"
    shift = _EN_SHIFT.get(word.lower(), _ZH_SHIFT.get(word, 0))
    unit = _SPANS[(parts.get("span") or parts["zhspan"]).lower()]
    return [_shifted(base, unit, shift)]


def _shifted(base: date, unit: str, shift: int) -> Period:
    if unit == "week":
        monday = base + timedelta(days=7 * shift - base.weekday())
        return Period(monday, monday + timedelta(days=6))
    months = {"month": 1, "quarter": 3, "year": 12}[unit]
    index = (base.year * 12 + base.month - 1) // months * months + shift * months
    start, last = divmod(index, 12), divmod(index + months - 1, 12)
    return Period(month(start[0], start[1] + 1).start, month(last[0], last[1] + 1).end)


_Reader = Callable[[re.Match[str], date], list[Period]]


def _table() -> tuple[tuple[re.Pattern[str], _Reader], ...]:
    ordinal = "first|second|third|fourth|1st|2nd|3rd|4th"
    of_year = r"(?:(?: of)?,?[ -]?(?:FY)?'?(?P<year>\d{4}))?"
    rel = "|".join(_EN_SHIFT)
    zh_rel = "上上|下下|上|下|本|这"
    rows: list[tuple[str, _Reader]] = [
        (r"(?<!\d)(?P<y>(?:19|20)\d\d)[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)", _iso),
        (r"(?<![\d/.])(?P<a>\d{1,2})[/.](?P<b>\d{1,2})[/.](?P<y>\d{4}|\d\d)(?![\d/])", _slashed),
        (
            rf"(?<!\d){_ZH_YEAR}?(?P<zhmon>(?<![\d一二三四五六七八九十]){ZH_NUM})月份?"
            rf"(?:(?P<day>{ZH_NUM})[日号]?(?:(?:至|到|-|–|~|、)(?:{ZH_NUM}月)?"
            rf"(?P<to>{ZH_NUM})[日号])?"
            rf"(?![万千百个\d]))?",
            _month_day,
        ),
        (
            rf"{_ZH_YEAR}?第?(?P<zhq>[一二三四1-4])季度"
            rf"|Q(?P<q>[1-4])(?!\d){of_year.replace('<year>', '<year2>')}"
            rf"|(?P<qword>{ordinal})[ -]quarter{of_year.replace('<year>', '<year3>')}",
            _quarter,
        ),
        (rf"{_ZH_YEAR}?[上下]半年|\bH[12]\b|\b(?:first|second) half of (?:the )?year", _half_year),
        (rf"{_ZH_YEAR}", _year_only),
        (rf"(?<![\dA-Za-z-])(?P<day>{ZH_NUM})[号](?![线楼店机井仓库炉])", _day_only),
        (rf"\b{_DAY}{_TO},?\s(?:of )?{_MON}{_YEAR}", _month_day),
        (rf"\b{_MON} (?:the )?{_DAY}(?![\d:%]|,\d)(?! ?(?:%|percent)){_TO}{_YEAR}", _month_day),
        (rf"\b(?:(?:early|mid|late)[- ])?{_MON}(?:(?: of)?{_YEAR})", _month_day),
        (r"\b(?:on|by|before|until|till|from|since|after) the (?P<day>\d{1,2})(?:st|nd|rd|th)\b",
         _day_only),
        ("|".join(re.escape(word) if not word.isascii() else rf"\b{word}\b" for word in _RELATIVE),
         _relative_day),
        (rf"\b{_WD},? (?:of |in )?(?:the )?(?:week after (?P<after>next)|(?P<rel>{rel}) week)\b",
         _weekday_of_week),
        (r"\bthe week after next\b", _week_after),
        (rf"\b(?:(?P<rel>{rel}) )?{_WD}\b", _weekday),
        (rf"(?:(?P<zhrel>{zh_rel})个?|(?<![每一两二三四五六七八九十几\d]))(?:周|星期|礼拜)"
         r"(?P<zhwd>[一二三四五六日天])(?![次年个])", _weekday),
        (rf"\b(?:end of )?(?:the )?(?P<rel>{rel}) (?P<span>week|month|quarter|year)\b(?!s)", _span),
        (r"\bend of (?:the )?(?P<span>week|month|quarter|year)\b", _span),
        (rf"(?P<zhrel>{zh_rel})个?(?P<zhspan>周|星期|礼拜|月|季度)(?!末|报)", _span),
        (r"(?<!\d)(?P<zhspan>月|季|年)(?:度)?(?:底|末)", _span),
    ]  # fmt: skip
    return tuple((re.compile(pattern, re.IGNORECASE), read) for pattern, read in rows)


_READERS = _table()
