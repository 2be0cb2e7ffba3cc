"""English rules: the pieces of periods that salespeople write."""

import re

from crm.period import Period
from tools.numerals import ENGLISH_COUNTS
from tools.periods import builders
from tools.periods.clock import VAGUE_DAYS, Clock, Unit, day_of, month_of, shifted_years
from tools.periods.mention import Atom, Builder, Rule

MONTHS = {
    "jan": 1,
    "feb": 2,
    "mar": 3,
    "apr": 4,
    "may": 5,
    "jun": 6,
    "jul": 7,
    "aug": 8,
    "sep": 9,
    "oct": 10,
    "nov": 11,
    "dec": 12,
}
MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
NUMBERS = dict(ENGLISH_COUNTS)
NUMBERS |= {"a": 1, "an": 1, "couple of": 2, "a couple of": 2, "first": 1, "second": 2}
NUMBERS |= {"third": 3, "fourth": 4, "fifth": 5, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}
COUNT = r"(\d{1,4}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|couple of)"
_WEEKDAYS = {
    name: n for n, name in enumerate(["mon", "tues", "wednes", "thurs", "fri", "satur", "sun"])
}
_FISCAL = r"(?:(?:fiscal|financial|calendar|full|complete|whole)\s+)?"
_TO = r"\s*(?:-|–|—|to|and|through|until)\s*"

# Names of months that are also people or verbs; alone they need a word that asks for a time.
_AMBIGUOUS = frozenset(["april", "may", "june", "march", "august", "jan", "mar", "dec"])
_BEFORE_MONTH = re.compile(
    r"\b(in|since|during|until|till|before|after|through|of|from|between|early|mid|late|for|by"
    r"|to|end|start|each|every|throughout)\s*(?:the\s+)?[- ]?$",
    re.IGNORECASE,
)
_BEFORE_LOWER = re.compile(
    r"\b(in|since|during|until|before|after|through|of|from|early|mid|late)\s+$"
)
_AFTER_MONTH = re.compile(
    r"\s*'?s?\s+(revenue|sales|pipeline|deals?|numbers|bookings|results?|forecast|targets?|quotas?"
    r"|reports?|wins|meetings|calls|orders|figures|opportunities|leads|closed?)\b"
)
_SURNAME = re.compile(r"\s+(?!Q[1-4]|H[12]|FY)[A-Z][a-z]+")

# What stands beside four digits that are a number and not a year.
_NUMBER_BEFORE = re.compile(
    r"(?:[$€£¥#@/.]|\b(?:more than|less than|fewer than|greater than|over|under|above|below"
    r"|at least|at most|exceed(?:s|ing)?|about|around|approximately|nearly|almost|only|top|order"
    r"|invoice|po|id|no\.?|number|room|model|version|office|windows|server|case|ticket|quote|deal"
    r"|usd|eur|gbp|cny|rmb|sku|iso|x))\s*$",
    re.IGNORECASE,
)
_NUMBER_AFTER = re.compile(
    r"(?:[%$€£¥]|[.,:]\d|\s*(?:%|percent|k\b|m\b|employees|people|persons|staff|users?\b|seats?\b"
    r"|licen[sc]es?|units?|pieces|items|dollars?|euros?|pounds?|usd\b|eur\b|gbp\b|cny\b|rmb\b"
    r"|yuan|days?\b|hours?|minutes?|weeks?\b|months?\b|customers|accounts|contacts|times|or more"
    r"|or less))",
    re.IGNORECASE,
)


def _rule(pattern: str, build: Builder) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE | re.ASCII), build)


def number(text: str) -> int | None:
    """Return the value of a small number or ordinal in digits or words, or None."""
    text = " ".join(text.lower().split())
    return int(text) if text.isdigit() else NUMBERS.get(text)


def _month_number(name: str) -> int:
    return MONTHS[name[:3].lower()]


def _relative(match: "re.Match[str]", clock: Clock) -> Atom | None:
    word = " ".join(match["word"].lower().split())
    unit: Unit = match["unit"].lower()  # type: ignore[assignment]
    if word == "past" and unit in ("week", "month", "year"):
        return builders.whole(match, clock.last(1, unit), "rolling")
    if word in ("last", "previous", "prior", "past", "preceding"):
        return builders.relative(match, clock, unit, -1)
    shift = 0 if word in ("this", "current") else 1
    return builders.relative(match, clock, unit, shift)


def _counted(match: "re.Match[str]", clock: Clock) -> Atom | None:
    count = number(match["count"])
    if count is None:
        return builders.whole(match, clock.last(VAGUE_DAYS, "day"), "vague")
    unit: Unit = match["unit"].lower()  # type: ignore[assignment]
    word = match["word"].lower()
    if word in ("next", "coming", "following", "upcoming"):
        return builders.whole(match, clock.next(count, unit), "rolling")
    is_complete = word in ("previous", "prior", "preceding") and unit != "day"
    period = clock.complete(count, unit) if is_complete else clock.last(count, unit)
    return builders.whole(match, period, "rolling")


def _half_year(match: "re.Match[str]", clock: Clock) -> Atom | None:
    forward = match["word"].lower() in ("next", "coming")
    return builders.whole(match, (clock.next if forward else clock.last)(6, "month"), "rolling")


def _ago(match: "re.Match[str]", clock: Clock) -> Atom | None:
    count = number(match["count"])
    unit: Unit = match["unit"].lower()  # type: ignore[assignment]
    return builders.relative(match, clock, unit, -count) if count else None


def _to_date(match: "re.Match[str]", clock: Clock) -> Atom | None:
    letter = next(group for group in match.groups() if group)[0].lower()
    unit: Unit = {"y": "year", "q": "quarter", "m": "month", "w": "week"}[letter]  # type: ignore[assignment]
    return builders.whole(match, clock.to_date(unit), "to_date")


def _shifted_day(shift: int) -> Builder:
    return lambda match, clock: builders.relative(match, clock, "day", shift)


def _weekday(match: "re.Match[str]", clock: Clock) -> Atom:
    day = _WEEKDAYS[match["day"].lower()]
    word = match["word"].lower()
    today = clock.today.weekday()
    if word == "this":
        return builders.weekday(match, day, 0, clock)
    if word == "next":
        return builders.weekday(match, day, 1 if day <= today else 0, clock)
    is_before = day < today if word != "on" else day <= today
    return builders.weekday(match, day, 0 if is_before else -1, clock)


def _iso_date(match: "re.Match[str]", _clock: Clock) -> Atom | None:
    period = day_of(int(match["y"]), int(match["m"]), int(match["d"]))
    return builders.whole(match, period, "day")


def _slashed(match: "re.Match[str]", _clock: Clock) -> Atom | None:
    first, second = int(match["a"]), int(match["b"])
    year = builders.century(int(match["y"]))
    american, european = day_of(year, first, second), day_of(year, second, first)
    if match["sign"] == ".":
        return builders.whole(match, european or american, "day")
    period = american or european
    if period is None:
        return None
    return Atom(
        match.start(),
        match.end(),
        period,
        "day",
        is_ambiguous=bool(american and european and american != european),
    )


def _numeric_month(match: "re.Match[str]", _clock: Clock) -> Atom | None:
    return builders.whole(match, month_of(int(match["y"]), int(match["m"])), "month")


def _day_month(match: "re.Match[str]", clock: Clock) -> Atom | None:
    return builders.month_day(match, _month_number(match["m"]), int(match["d"]), clock)


def _day_range(match: "re.Match[str]", clock: Clock) -> Atom | None:
    days = int(match["d1"]), int(match["d2"])
    return builders.day_range(match, _month_number(match["m"]), days, clock)


def _month(match: "re.Match[str]", clock: Clock) -> Atom | None:
    is_weak = not _is_surely_month(match)
    return builders.calendar_month(match, _month_number(match["m"]), clock, is_weak)


def _is_surely_month(match: "re.Match[str]") -> bool:
    name, text = match["m"], match.string
    before, after = text[: match.start()], text[match.end() :]
    is_ambiguous = name.lower() in _AMBIGUOUS
    if name[0].islower():
        pattern = _BEFORE_LOWER if is_ambiguous else _BEFORE_MONTH
        return pattern.search(before) is not None or (not is_ambiguous and len(name) > 4)
    if is_ambiguous and _SURNAME.match(after):
        return False
    if not is_ambiguous and len(name) > 3:
        return True
    return bool(_BEFORE_MONTH.search(before) or _AFTER_MONTH.match(after))


def _named_month(match: "re.Match[str]", clock: Clock) -> Atom | None:
    wanted, word = _month_number(match["m"]), match["word"].lower()
    ahead = (wanted - clock.today.month) % 12
    if word == "this":
        shift = wanted - clock.today.month
    elif word == "next":
        shift = ahead or 12
    else:
        shift = (ahead or 12) - 12 if ahead else -12
    return builders.relative(match, clock, "month", shift)


def _quarter(match: "re.Match[str]", clock: Clock) -> Atom | None:
    value = number(next(group for group in match.groups() if group))
    return builders.quarter(match, value, clock) if value and value <= 4 else None


def _half(match: "re.Match[str]", clock: Clock) -> Atom | None:
    value = number(next(group for group in match.groups() if group))
    return builders.half(match, value, clock) if value and value <= 2 else None


def _fiscal_year(match: "re.Match[str]", clock: Clock) -> Atom:
    return builders.fiscal_year(match, builders.century(int(match["y"])), clock)


def _year(match: "re.Match[str]", clock: Clock) -> Atom | None:
    text, value = match.string, int(match["y"])
    before, after = text[: match.start()], text[match.end() :]
    is_number = _NUMBER_BEFORE.search(before) or _NUMBER_AFTER.match(after)
    is_far = not 1990 <= value <= clock.today.year + 10
    has_context = re.search(r"\b(in|since|before|after|until|during|year|by)\s+$", before, re.I)
    return builders.named_year(match, value, bool(is_number or (is_far and not has_context)))


def _short_year(match: "re.Match[str]", _clock: Clock) -> Atom:
    return builders.named_year(match, builders.century(int(match["y"])), is_weak=True)


def _edge_of_unit(match: "re.Match[str]", clock: Clock) -> Atom | None:
    groups = {key: value for key, value in match.groupdict().items() if value}
    name = groups.get("unit", groups.get("unit2", groups.get("unit3", ""))).lower()
    short: dict[str, Unit] = {"y": "year", "q": "quarter", "m": "month", "w": "week"}
    period = clock.unit(short[name[0]])
    is_start = groups.get("edge", "end").lower() in ("start", "beginning")
    day = period.start if is_start else period.end
    return Atom(match.start(), match.end(), Period(day, day), "day", is_end_edge=not is_start)


def _this_year(match: "re.Match[str]", clock: Clock) -> Atom | None:
    return builders.relative(match, clock, "year", 0)


def _same_unit_last_year(match: "re.Match[str]", clock: Clock) -> Atom | None:
    unit: Unit = match["unit"].lower()  # type: ignore[assignment]
    period = clock.unit(unit)
    if unit == "quarter":
        year, value = clock.calendar.quarter_of(clock.today)
        return builders.whole(match, clock.calendar.quarter(year - 1, value), "quarter")
    return builders.whole(match, shifted_years(period, -1), unit)


def _vague(match: "re.Match[str]", clock: Clock) -> Atom | None:
    return builders.whole(match, clock.last(VAGUE_DAYS, "day"), "vague")


_LAST = (
    r"(?P<word>last|past|previous|prior|preceding|next|coming|following|upcoming|trailing|recent)"
)

RULES: tuple[Rule, ...] = (
    _rule(
        rf"\b(?P<word>this|current|last|previous|prior|past|preceding|next|coming|upcoming"
        rf"|following)\s+{_FISCAL}(?P<unit>week|month|quarter|half|year)\b(?!-)",
        _relative,
    ),
    _rule(
        r"\b(?:in|over|during|within|for)\s+the\s+(?:last|past)\s+(?P<unit>week|month|year)\b",
        lambda match, clock: builders.whole(
            match,
            clock.last(1, match["unit"].lower()),  # type: ignore[arg-type]
            "rolling",
        ),
    ),
    _rule(
        rf"\b{_LAST}\s+(?P<count>{COUNT}|few|several)[\s-]+{_FISCAL}(?P<unit>day|week|month|quarter|year)s?\b",
        _counted,
    ),
    _rule(r"\b(?P<word>last|past|next|coming)\s+half(?:\s+a)?[\s-]year\b", _half_year),
    _rule(rf"\b(?P<count>{COUNT}|an?)\s+(?P<unit>day|week|month|quarter|year)s?\s+ago\b", _ago),
    _rule(
        r"\bthe\s+(?P<unit>week|month|quarter|year)\s+before\s+last\b",
        lambda match, clock: builders.relative(match, clock, match["unit"].lower(), -2),  # type: ignore[arg-type]
    ),
    _rule(
        r"\b(?:(year|quarter|month|week)[\s-]to[\s-]date|([yqm])td"
        r"|so\s+far\s+this\s+(year|quarter|month|week)"
        r"|this\s+(year|quarter|month|week)\s+(?:so\s+far|to\s+date))\b",
        _to_date,
    ),
    _rule(r"\btoday\b", _shifted_day(0)),
    _rule(r"\byesterday\b", _shifted_day(-1)),
    _rule(r"\bday\s+before\s+yesterday\b", _shifted_day(-2)),
    _rule(r"\btomorrow\b", _shifted_day(1)),
    _rule(
        r"\b(?P<word>last|past|previous|this|next|on)\s+"
        r"(?P<day>mon|tues|wednes|thurs|fri|satur|sun)day\b",
        _weekday,
    ),
    _rule(
        r"(?<![\d/.-])(?P<y>(?:19|20)\d\d)(?P<s>[-/.])(?P<m>\d\d?)(?P=s)(?P<d>\d\d?)(?!\d)",
        _iso_date,
    ),
    _rule(
        r"(?<![\d/.-])(?P<a>\d\d?)(?P<sign>[-/.])(?P<b>\d\d?)(?P=sign)(?P<y>(?:19|20)\d\d)(?!\d)",
        _slashed,
    ),
    _rule(r"(?<![\d/.-])(?P<y>(?:19|20)\d\d)[-/](?P<m>0?[1-9]|1[0-2])(?![\d/-])", _numeric_month),
    _rule(r"(?<![\d/.-])(?P<m>0?[1-9]|1[0-2])/(?P<y>(?:19|20)\d\d)(?![\d/])", _numeric_month),
    _rule(rf"\b(?P<d>\d\d?)(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<m>{MONTH})\b", _day_month),
    _rule(
        rf"\b(?P<m>{MONTH})\.?\s+(?:the\s+)?(?P<d>\d\d?)(?:st|nd|rd|th)?(?![\d:%'])\b", _day_month
    ),
    _rule(
        rf"\b(?P<d1>\d\d?)(?:st|nd|rd|th)?{_TO}(?P<d2>\d\d?)(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<m>{MONTH})\b",
        _day_range,
    ),
    _rule(
        rf"\b(?P<m>{MONTH})\s+(?P<d1>\d\d?)(?:st|nd|rd|th)?{_TO}(?P<d2>\d\d?)(?:st|nd|rd|th)?(?!\d)",
        _day_range,
    ),
    _rule(rf"\b(?P<m>{MONTH})\b\.?", _month),
    _rule(rf"\b(?P<word>last|this|next)\s+(?P<m>{MONTH})\b", _named_month),
    _rule(
        r"(?<![a-z])q\s?([1-4])(?![0-9a-eg-z])|(?<![a-z\d.])([1-4])q(?![a-eg-z])"
        r"|\b(first|second|third|fourth|1st|2nd|3rd|4th)\s+(?:fiscal\s+)?quarter\b"
        r"|\bquarter\s+([1-4]|one|two|three|four)\b",
        _quarter,
    ),
    _rule(
        r"(?<![a-z])h([12])(?![0-9a-eg-z])|(?<![a-z\d.])([12])h(?![a-eg-z])"
        r"|\b(first|second|1st|2nd)\s+half\b(?!\s+(?:hour|day|price))",
        _half,
    ),
    _rule(
        r"(?<![a-z])(?:fy|fiscal(?:\s+year)?|financial\s+year)[\s']*(?P<y>(?:20)?\d\d)(?!\d)",
        _fiscal_year,
    ),
    _rule(r"(?<![\w$€£¥#.,-])(?P<y>(?:19|20)\d\d)(?![\da-gi-pr-z])(?![-/.]\d\d?(?!\d))", _year),
    _rule(r"(?<=[-–QqHh])(?P<y>(?:19|20)\d\d)(?![\d\w-])", _short_year),
    _rule(r"'(?P<y>\d\d)(?![\d\w%])", _short_year),
    _rule(r"(?:(?<=[qh][1-4][ /-])|(?<=[1-4][qh]))(?P<y>\d\d)(?![\d\w%])(?!\s+[a-z])", _short_year),
    _rule(r"(?<=of )the\s+(?:fiscal\s+|financial\s+)?year\b", _this_year),
    _rule(
        r"\b(?P<edge>end|start|beginning|close)\s+of\s+the\s+(?P<unit>week|month|quarter|year)\b"
        r"|\b(?P<unit2>year|quarter|month)[\s-]end\b|\bEO(?P<unit3>[YQM])\b",
        _edge_of_unit,
    ),
    _rule(
        r"\b(?:the\s+)?same\s+(?P<unit>week|month|quarter)\s+(?:of\s+)?last\s+year\b",
        _same_unit_last_year,
    ),
    _rule(r"\b(?:recently|lately|of\s+late|these\s+days)\b", _vague),
)
