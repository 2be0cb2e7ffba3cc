"""Amounts, counts and rankings that a question names, in English and Chinese."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from tools.language import fold_script
from tools.numerals import ENGLISH_COUNTS, NUMERAL, parse_int, parse_number

Comparison = Literal["more_than", "at_least", "less_than", "at_most"]
Direction = Literal["desc", "asc"]

MAX_CHARS = 4000


@dataclass(frozen=True)
class QuantityMention:
    """A number at `span` (end excluded): `value` in whole units of `currency` or `unit`.

    A percentage is given in percent (10 for "10%" and for 一成), with unit "percent". "Between a
    and b" gives two mentions, "at_least" and "at_most".
    """

    span: tuple[int, int]
    text: str
    value: Decimal
    currency: str | None = None
    unit: str | None = None
    comparison: Comparison | None = None


@dataclass(frozen=True)
class RankMention:
    """A ranking: the first `limit` by value, or the `ordinal`-th one alone (1 = the first).

    `kind` is "date" for latest and earliest, where `direction` "desc" is the latest.
    """

    span: tuple[int, int]
    text: str
    limit: int = 1
    direction: Direction = "desc"
    ordinal: int = 1
    kind: Literal["value", "date"] = "value"


_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "CNY"}
_CURRENCIES = {
    "usd": "USD",
    "us$": "USD",
    "dollar": "USD",
    "dollars": "USD",
    "bucks": "USD",
    "eur": "EUR",
    "euro": "EUR",
    "euros": "EUR",
    "gbp": "GBP",
    "pounds": "GBP",
    "cny": "CNY",
    "rmb": "CNY",
    "yuan": "CNY",
    "美元": "USD",
    "美金": "USD",
    "刀": "USD",
    "欧元": "EUR",
    "英镑": "GBP",
    "元": "CNY",
    "块": "CNY",
    "块钱": "CNY",
    "人民币": "CNY",
    "元人民币": "CNY",
    "港币": "HKD",
    "港元": "HKD",
    "日元": "JPY",
}
_UNITS = {
    "%": "percent",
    "percent": "percent",
    "个百分点": "percent",
    "成": "percent",
    "day": "days",
    "天": "days",
    "日": "days",
    "week": "weeks",
    "周": "weeks",
    "month": "months",
    "个月": "months",
    "year": "years",
    "年": "years",
    "hour": "hours",
    "小时": "hours",
    "minute": "minutes",
    "分钟": "minutes",
    "people": "people",
    "employee": "people",
    "person": "people",
    "人": "people",
    "名员工": "people",
    "员工": "people",
    "deal": "deals",
    "opportunitie": "deals",
    "单": "deals",
    "个商机": "deals",
    "笔": "deals",
    "unit": "units",
    "seat": "seats",
    "license": "licenses",
    "user": "users",
    "call": "calls",
    "个": "items",
    "家": "accounts",
    "account": "accounts",
    "customer": "accounts",
}
_SCALES = {"k": 10**3, "thousand": 10**3, "m": 10**6, "mn": 10**6, "mio": 10**6}
_SCALES |= {"million": 10**6, "b": 10**9, "bn": 10**9, "billion": 10**9}
_WORDS = dict(ENGLISH_COUNTS)
_WORDS |= {"a couple of": 2, "half a": 0, "twenty": 20, "fifty": 50, "hundred": 100, "a dozen": 12}


def _any(names: Sequence[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


_ZH_UNIT = _any([name for name in (*_CURRENCIES, *_UNITS) if not name.isascii()])
_EN_UNIT = _any([name for name in (*_CURRENCIES, *_UNITS) if name.isascii() and name.isalpha()])
_AMOUNT = re.compile(
    rf"(?P<sign>US\$|[$€£¥]|(?:\b(?:USD|EUR|GBP|CNY|RMB)\s?))?\s*"
    rf"(?:(?P<zh>(?:\d[\d,]*(?:\.\d+)?\s*(?=[十百千万亿])|{NUMERAL}){NUMERAL}*)(?P<many>多|余|几)?"
    rf"|(?<![\w.-])(?P<number>\d+(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    rf"(?:\s*(?P<scale>thousand|million|billion|mio|mn|bn|[kmb])(?![a-z]))?"
    rf"|(?<![\w.-])(?P<word>{_any(list(_WORDS))})\b(?=\s+(?:{_EN_UNIT}|thousand|million|billion))"
    rf"(?:\s*(?P<scale2>thousand|million|billion))?)"
    rf"\s*(?P<unit>%|{_ZH_UNIT}|(?:{_EN_UNIT})(?:s\b|\b))?",
    re.IGNORECASE | re.ASCII,
)
_BEFORE: tuple[tuple[Comparison, str], ...] = (
    (
        "at_least",
        r"at least|no less than|not less than"
        r"|minimum(?: of)?|>=|≥|from|不低于|不少于|至少|不小于|起码|最少",
    ),
    (
        "at_most",
        r"at most|no more than|not more than"
        r"|up to|maximum(?: of)?|<=|≤|不超过|不高于|不多于|至多|最多|不大于",
    ),
    (
        "more_than",
        r"more than|over|above|exceed(?:s"
        r"|ing)?|greater than|larger than|bigger than|higher than|worth over"
        r"|>|超过|大于|高于|多于|超出|突破|逾",
    ),
    (
        "less_than",
        r"less than|under|below|fewer than|smaller than|lower than|<|小于|低于|少于|不足|不到",
    ),
)
_AFTER: tuple[tuple[Comparison, str], ...] = (
    (
        "at_least",
        r"\s*(?:or more|or above|or higher|and up|and above|\+|(?:及|或|和)?以上|起(?!来))",
    ),
    ("at_most", r"\s*(?:or less|or fewer|or below|or lower|(?:及|或|和)?以下|(?:之|以)内)"),
)
_BEFORE_PATTERNS = [
    (kind, re.compile(rf"(?:{words})\s*(?:了\s*)?$", re.I)) for kind, words in _BEFORE
]
_AFTER_PATTERNS = [(kind, re.compile(words, re.I)) for kind, words in _AFTER]
_PAIR_GAP = re.compile(r"\s*(?:and|to|-|–|—|~|到|至|和|与)\s*", re.IGNORECASE)
_PAIR_START = re.compile(r"(?:\bbetween|\bfrom|介于|在|从)\s*$", re.IGNORECASE)
_PAIR_END = re.compile(r"\s*(?:之间|间)")
_SCALE = re.compile(
    r"(?<=[\d\s])(thousand|million|billion|mio|mn|bn|[kmb]|[万亿])(?![a-z])", re.IGNORECASE
)
_IDENTIFIER = re.compile(r"(?:[A-Za-z][-_]?|#|\b(?:SOC|ISO|Q|H|FY|top|bottom)\s*)$", re.IGNORECASE)
_BARE_HAN = re.compile(r"[一两二三四五六七八九十百千万亿零〇]{1,2}")


def find_quantities(
    text: str, *, exclude_spans: Sequence[tuple[int, int]] = ()
) -> list[QuantityMention]:
    """Return amounts, percentages and counts in a text, in its order; spans excluded are skipped.

    Pass the spans of periods, or "2017" is an amount. A Chinese numeral of one or two characters
    counts only with a unit or a comparison. Only the first 4,000 characters are read.
    """
    text = text[:MAX_CHARS]
    folded = fold_script(text)
    found = []
    for match in _AMOUNT.finditer(folded):
        start, end = match.span()
        if any(start < stop and begin < end for begin, stop in exclude_spans):
            continue
        mention = _quantity(text, folded, match)
        if mention:
            found.append(mention)
    return _paired(folded, found)


def _quantity(text: str, folded: str, match: "re.Match[str]") -> QuantityMention | None:
    start = match.start() + len(match.group()) - len(match.group().lstrip())
    value, before = _value(match), folded[:start]
    if value is None or _IDENTIFIER.search(before):
        return None
    currency, unit = _currency(match), _unit(match)
    comparison, end = _comparison(before, folded, match.end())
    numeral = match["zh"]
    if numeral and _BARE_HAN.fullmatch(numeral):
        is_counted = currency or comparison or unit not in (None, "items")
        if not is_counted or re.search(r"[第周期]$", before):
            return None
    if match["unit"] == "成":
        if folded[match.end() : match.end() + 1] in ("交", "功", "为", "本", "长"):
            return None
        value *= 10
    if end == match.end():
        end = start + len(match.group().strip())
    return QuantityMention((start, end), text[start:end], value, currency, unit, comparison)


def _value(match: "re.Match[str]") -> Decimal | None:
    if match["zh"]:
        return parse_number(match["zh"])
    scale = _SCALES.get((match["scale"] or match["scale2"] or "").lower(), 1)
    if match["word"]:
        return Decimal(_WORDS[match["word"].lower()] * scale)
    return Decimal(match["number"].replace(",", "")) * scale


def _currency(match: "re.Match[str]") -> str | None:
    sign, unit = (match["sign"] or "").strip().lower(), (match["unit"] or "").lower()
    return _SIGNS.get(sign) or _CURRENCIES.get(sign) or _CURRENCIES.get(unit)


def _unit(match: "re.Match[str]") -> str | None:
    unit = (match["unit"] or "").lower()
    return _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))


def _comparison(before: str, text: str, end: int) -> tuple[Comparison | None, int]:
    for kind, pattern in _AFTER_PATTERNS:
        match = pattern.match(text, end)
        if match:
            return kind, match.end()
    for kind, pattern in _BEFORE_PATTERNS:
        if pattern.search(before):
            return (None if kind == "at_least" and before.rstrip().endswith("from") else kind), end
    return None, end


def _paired(text: str, found: list[QuantityMention]) -> list[QuantityMention]:
    made = list(found)
    for index in range(len(made) - 1):
        left, right = made[index], made[index + 1]
        gap = text[left.span[1] : right.span[0]]
        is_open = _PAIR_START.search(text[: left.span[0]]) or _PAIR_END.match(text, right.span[1])
        if not _PAIR_GAP.fullmatch(gap) or not (is_open or gap.strip() in "-–—~到至"):
            continue
        currency, unit = left.currency or right.currency, left.unit or right.unit
        left = _scaled_like(left, right)
        low = _as_bound(left, currency, unit, "at_least")
        made[index : index + 2] = [low, _as_bound(right, currency, unit, "at_most")]
    return made


def _scaled_like(left: QuantityMention, right: QuantityMention) -> QuantityMention:
    """Read "between $1 and $2 million" as both in millions."""
    scale = _SCALE.search(right.text)
    if not scale or _SCALE.search(left.text) or left.value >= 1000:
        return left
    factor = _SCALES.get(scale[1].lower()) or {"万": 10**4, "亿": 10**8}[scale[1]]
    return replace(left, value=left.value * factor)


def _as_bound(
    mention: QuantityMention, currency: str | None, unit: str | None, comparison: Comparison
) -> QuantityMention:
    return replace(mention, currency=currency, unit=unit, comparison=comparison)


_ORDINALS = {"second": 2, "third": 3, "fourth": 4, "fifth": 5, "2nd": 2, "3rd": 3, "4th": 4}
_ORDINALS |= {"next": 2}
_N = r"\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten"
_HIGH = r"highest|biggest|largest|best|greatest|strongest|longest|most(?! recent)|top"
_LOW = r"lowest|smallest|worst|fewest|least|weakest|shortest|poorest"
_ZN = r"\d{1,3}|[一二两三四五六七八九十]{1,3}"
_ZH_HIGH = r"最(?:高|多|大|好|强|长|佳|贵|值钱|优秀)"
_ZH_LOW = r"最(?:低|少|小|差|弱|短|便宜|慢)"
_RANKS: tuple[tuple[str, "re.Pattern[str]"], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("date_desc", r"\bmost recent\b|\blatest\b|\bnewest\b|最新|最近的?一[次笔个通场封条]|最晚"),
        ("date_asc", r"\bearliest\b|\boldest\b|最早"),
        ("nth_low", rf"\b(?P<o>second|third|fourth|fifth|2nd|3rd|4th)[\s-]+(?:{_LOW})\b"),
        ("nth_high", rf"\b(?P<o>second|third|fourth|fifth|2nd|3rd|4th|next)[\s-]+(?:{_HIGH})\b"),
        ("nth_low", rf"倒数第(?P<o>{_ZN})|第(?P<o2>{_ZN})[低少小差]"),
        ("nth_high", rf"第(?P<o>{_ZN})[高多大好]|排名?第(?P<o2>{_ZN})|第(?P<o3>{_ZN})名"),
        (
            "many_low",
            rf"\b(?:bottom|worst|lowest)\s+(?P<n>{_N})\b"
            rf"|(?:后|末)(?P<n2>{_ZN})(?:名|位|大)|\b(?P<n3>{_N})\s+(?:{_LOW})\b"
            rf"|{_ZH_LOW}的?前?(?P<n4>{_ZN})(?:名|位|个|家|单|笔)",
        ),
        (
            "many_high",
            rf"\b(?:top|best|largest|biggest|highest)[\s-]*(?P<n>{_N})\b"
            rf"|前(?P<n2>{_ZN})(?:名|位|大|强|家|单|笔)|\b(?P<n3>{_N})\s+(?:{_HIGH})\b"
            rf"|(?P<n6>{_ZN})(?:个|家|名|位|单|笔)?{_ZH_HIGH}"
            rf"|{_ZH_HIGH}的?前?(?P<n4>{_ZN})(?:名|位|个|家|单|笔)|\bTOP\s?(?P<n5>\d+)",
        ),
        ("one_low", rf"\b(?:{_LOW})\b|\bbottom\b|{_ZH_LOW}"),
        ("one_high", rf"\b(?:{_HIGH})\b|{_ZH_HIGH}|销冠|冠军"),
    )
)
_NOT_A_RANK = re.compile(
    r"\bat (?:most|least|best|worst)\b|\bmost of\b|\bthe most part\b|\bbest practices?\b"
    r"|\bbest regards\b"
    r"|\bon top of\b|\blast but not least\b"
    r"|\bsecond[- ]best practice|\b(?:最多|最少)(?=\s*\d)|至[多少]",
    re.IGNORECASE,
)


def find_rank(text: str) -> RankMention | None:
    """Return the ranking that the question asks for, or None; "at most" and "Q1" are none."""
    folded = fold_script(text[:MAX_CHARS])
    folded = _NOT_A_RANK.sub(lambda match: " " * len(match.group()), folded)
    for name, pattern in _RANKS:
        match = pattern.search(folded)
        if match:
            return _rank(text, name, match)
    return None


def _rank(text: str, name: str, match: "re.Match[str]") -> RankMention:
    count = next((value for value in match.groupdict().values() if value), None)
    form, direction = name.split("_")
    kind: Literal["value", "date"] = "date" if form == "date" else "value"
    number = _small_number(count) if count else 1
    return RankMention(
        match.span(),
        text[match.start() : match.end()],
        limit=number if form == "many" else 1,
        direction="asc" if direction in ("asc", "low") else "desc",
        ordinal=number if form == "nth" else 1,
        kind=kind,
    )


def _small_number(text: str) -> int:
    word = text.lower()
    return _ORDINALS.get(word) or _WORDS.get(word) or parse_int(word) or 1
