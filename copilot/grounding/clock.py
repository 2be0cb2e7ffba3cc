"""Finding times of day, and the small numbers that days and hours are told with."""

import re
from dataclasses import dataclass

from copilot.grounding import numerals
from copilot.grounding.quantities import blank

ZH_NUM = r"(?:\d{1,2}|[一二三四五六七八九十]{1,3})"
_ORDINAL_WORDS = """
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first
twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth twenty-seventh twenty-eighth
twenty-ninth thirtieth thirty-first
"""
ORDINALS = _ORDINAL_WORDS.split()
_HOUR_WORDS = "one two three four five six seven eight nine ten eleven twelve"
_HOURS = list(_HOUR_WORDS.split(" "))


@dataclass(frozen=True)
class TimeMention:
    """A time of day, in every reading, as minutes after midnight."""

    raw: str
    start: int
    end: int
    minutes: frozenset[int]


_TIMES = (
    re.compile(
        rf"\b(?:(?P<m>half past|quarter past|quarter to) )?(?P<h>{'|'.join(_HOURS)})"
        r"(?:(?<=past \w{3})|(?<=past \w{4})|(?<=past \w{5})|(?<=past \w{6})"
        r"| o['’]clock|(?= in the (?:morning|afternoon|evening)))"
        r"(?: in the (?P<half>morning|afternoon|evening))?",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?<![\d:.])(?P<h>\d{1,2})[:：](?P<m>[0-5]\d)(?::[0-5]\d)?(?!\d)\s?"
        r"(?P<half>[ap]\.?m\b\.?)?"
        r"|(?<![\d:.,])(?P<h2>\d{1,2})\s?(?P<half2>[ap]\.?m\b\.?)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?P<half>上午|早上|中午|下午|晚上|傍晚)\s?(?P<h>{ZH_NUM})[点时](?P<m>半|一刻"
        rf"|{ZH_NUM}分?)?"
        rf"|(?P<h2>{ZH_NUM})[点时](?P<m2>半|一刻|{ZH_NUM}分|整|钟)"
    ),
)


def find_times(text: str) -> tuple[list[TimeMention], str]:
    """Return the times of day in a text and the text with them blanked."""
    found: list[TimeMention] = []
    for pattern in _TIMES:
        for match in list(pattern.finditer(text)):
            found.append(_time(match))
            text = blank(text, match.start(), match.end())
    return found, text


_PAST = {"half past": 30, "quarter past": 15, "quarter to": -15}


def _time(match: re.Match[str]) -> TimeMention:
    parts = match.groupdict()
    said = parts.get("h") or parts.get("h2") or "0"
    hour = _HOURS.index(said.lower()) + 1 if said.lower() in _HOURS else read_day_number(said)
    written = parts.get("m") or parts.get("m2") or "0"
    minute = {"半": 30, "一刻": 15, "整": 0, "钟": 0, **_PAST}.get(written.lower())
    if minute is None:
        minute = read_day_number(written.removesuffix("分"))
    half = (parts.get("half") or parts.get("half2") or "").lower()
    hours = {hour}
    if half.startswith("p") or half in {"下午", "晚上", "傍晚", "afternoon", "evening"}:
        hours = {hour % 12 + 12}
    elif half.startswith(("a", "m")):
        hours = {hour % 12}
    elif not half and hour < 12:
        hours = {hour, hour + 12}
    minutes = frozenset(each * 60 + minute for each in hours)
    return TimeMention(match.group().strip(), *match.span(), minutes)


def read_day_number(text: str) -> int:
    """Return a small number in digits, Chinese numerals or as an English ordinal."""
    if text.lower() in ORDINALS:
        return ORDINALS.index(text.lower()) + 1
    if text.isdigit():
        return int(text)
    if text.startswith("十"):
        text = "一" + text
    return int(numerals.read_zh(text) or 0)
