"""Days in people's words: what "tomorrow" meant when it was said, and until when a promise runs."""

import re
from datetime import date

from copilot.grounding.dates import DateMention, find_dates
from crm.period import Period
from tools.language import Language

_RELATIVE = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|this|next|last|coming|current|previous)\b"
    r"|[今明昨后前去][天日晚年]|^[上下本这]|^(?:月|季|年)度?[底末]|^end of",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(
    r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?s?|(?:周|星期|礼拜).", re.I
)
_AHEAD_BEFORE = re.compile(r"\b(?:by|until|till|before)\s+$", re.IGNORECASE)
_AHEAD_AFTER = re.compile(r"^(?:之?前|以前)")
_TWICE = re.compile(
    r"\b(on|by|before|until|till|from|since|after|of|for|during|in|within|at) (?:on|in)\b", re.I
)
_DANGLING = re.compile(
    r"\s*\b(?:of|for|during|in|within|by|until|till|before|since|from|at)\s*$", re.IGNORECASE
)
_WITHIN = re.compile(r"^(?:之内|以内|内|里|中)")
_LOOSE = re.compile(r"\s+([.,;!?])")
_WEEK, _MONTH, _QUARTER = 7, 31, 92


def resolve_days(words: str, said_on: date, language: Language) -> str:
    """Return the words with days in place of "tomorrow" and 下周四, as meant on the day they fell.

    A relative month, quarter or year is named; a relative week is dropped, because a day in its
    place would say more than was said.
    """
    mentions, _ = find_dates(words, said_on)
    for mention in reversed(mentions):
        before, after = words[: mention.start], words[mention.end :]
        shown = _shown(mention, before, after, said_on, language)
        if shown is None:
            continue
        if not shown:
            before, after = _DANGLING.sub("", before), _WITHIN.sub("", after)
        words = before + shown + after
    return _LOOSE.sub(r"\1", _TWICE.sub(r"\1", " ".join(words.split())))


def promised_day(words: str, said_on: date) -> date | None:
    """Return the last day of the first date in the words that lies ahead, None without one."""
    mentions, _ = find_dates(words, said_on)
    for mention in mentions:
        ahead = [period.end for period in mention.stated if period.end >= said_on]
        if ahead:
            return min(ahead)
    return None


def _shown(
    mention: DateMention, before: str, after: str, said_on: date, language: Language
) -> str | None:
    """Return what stands for a mention: None leaves it as it is, "" takes it away."""
    if _WEEKDAY.fullmatch(mention.raw):
        is_ahead = _AHEAD_BEFORE.search(before) or _AHEAD_AFTER.search(after)
        ahead = [period.start for period in mention.stated if period.start > said_on]
        return _day(min(ahead), language) if is_ahead and ahead else None
    if not _RELATIVE.search(mention.raw):
        return None
    return _period(mention.stated[0], mention.raw, said_on, language)


def _period(period: Period, raw: str, said_on: date, language: Language) -> str:
    days = (period.end - period.start).days + 1
    is_end = bool(re.search(r"^end of|[底末]$", raw, re.IGNORECASE))
    if days == 1:
        return _day(period.start, language)
    if days <= _WEEK:
        return ""
    name = _named(period, days, said_on, language)
    if language == "zh":
        return f"{name}底" if is_end else name
    return f"end of {name}" if is_end else f"in {name}"


def _named(period: Period, days: int, said_on: date, language: Language) -> str:
    start, is_zh = period.start, language == "zh"
    if days > _QUARTER:
        return f"{start.year}年" if is_zh else f"{start.year}"
    year = "" if start.year == said_on.year else (f"{start.year}年" if is_zh else f" {start.year}")
    if days > _MONTH:
        quarter = (start.month + 2) // 3
        return f"{year}第{'一二三四'[quarter - 1]}季度" if is_zh else f"Q{quarter}{year}"
    return f"{year}{start.month}月" if is_zh else f"{start:%B}{year}"


def _day(day: date, language: Language) -> str:
    return f"{day.month}月{day.day}日" if language == "zh" else f"on {day.day} {day:%B}"
