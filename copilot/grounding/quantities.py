"""Finding amounts, percentages, durations and plain numbers in a text, in English and Chinese."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from copilot.grounding import numerals
from copilot.grounding.currencies import (
    CURRENCY_CODES,
    CURRENCY_WORDS,
    SYMBOLS,
    currency_set,
)
from copilot.grounding.sentences import ProblemKind

SCALES = {
    "thousand": 1e3, "million": 1e6, "billion": 1e9, "mn": 1e6, "bn": 1e9, "k": 1e3, "K": 1e3,
    "m": 1e6, "M": 1e6, "B": 1e9, "百": 1e2, "千": 1e3, "万": 1e4, "百万": 1e6, "千万": 1e7,
    "亿": 1e8, "万亿": 1e12, "dozen": 12,
}  # fmt: skip
# Units that turn into one another by a fixed factor share a class.
DURATIONS = {
    "second": ("s", 1), "minute": ("s", 60), "min": ("s", 60), "mins": ("s", 60),
    "hour": ("s", 3600), "hr": ("s", 3600), "hrs": ("s", 3600), "day": ("d", 1),
    "business day": ("bd", 1), "working day": ("bd", 1), "week": ("d", 7), "month": ("m", 1),
    "quarter": ("m", 3), "year": ("m", 12), "yr": ("m", 12), "yrs": ("m", 12),
    "秒": ("s", 1), "分钟": ("s", 60), "个小时": ("s", 3600), "小时": ("s", 3600), "天": ("d", 1),
    "日": ("d", 1), "个工作日": ("bd", 1), "工作日": ("bd", 1), "周": ("d", 7), "个星期": ("d", 7),
    "星期": ("d", 7), "个月": ("m", 1), "个季度": ("m", 3), "年": ("m", 12),
}  # fmt: skip
FRACTION_WORDS = {
    "half of": 0.5, "half the": 0.5, "a quarter of": 0.25, "one quarter of": 0.25,
    "three quarters of": 0.75, "a third of": 1 / 3, "one third of": 1 / 3, "two thirds of": 2 / 3,
    "一半": 0.5,
}  # fmt: skip

_NUM = (
    rf"(?P<num>(?<![A-Za-z0-9_])(?<!\d[.,])(?:{numerals.DIGITS})"
    rf"|\b{numerals.EN_NUMERAL}|(?<![第几数双]){numerals.ZH_NUMERAL})"
)
_SCALE = (
    r"(?:[\s-]?[多余几]?(?P<scale>thousand|million|billion|dozen|mn|bn|百万|千万|万亿|[百千万亿]|"
    r"[kKmMB](?![A-Za-z])))?"
)


def _either(words: object) -> str:
    return "|".join(re.escape(word) for word in sorted(map(str, words), key=len, reverse=True))  # type: ignore[call-overload]


_PRE = rf"(?P<pre>{_either(SYMBOLS)}|(?<![A-Za-z])(?:{'|'.join(CURRENCY_CODES)})(?![A-Za-z]))"
_POST = (
    rf"(?P<post>(?:{'|'.join(CURRENCY_CODES)})\b"
    rf"|(?i:{_either(w for w in CURRENCY_WORDS if w.isascii())})\b"
    rf"|{_either(w for w in CURRENCY_WORDS if not w.isascii())})"
)
_EN_UNITS = _either(unit for unit in DURATIONS if unit.isascii())
_ZH_UNITS = _either(unit for unit in DURATIONS if not unit.isascii())
_UNIT = rf"(?:(?P<unit>{_EN_UNITS})s?\b|(?P<zhunit>{_ZH_UNITS}))"
_MEASURE = (
    "根只户亩箱包瓶桶卷颗株头栋幢盒袋册页节扇盏支段批"
    "个家位名套台次场份项条款步轮人倍辆件张间座组路种吨米层站级"
)

_PERCENT = re.compile(
    rf"{_NUM}\s?(?:%|％|(?i:percentage points?|percent|per cent|pct)\b|个百分点)"
    rf"|(?P<below>{numerals.ZH_NUMERAL}|\d+)分之(?P<above>{numerals.ZH_NUMERAL}|\d+(?:\.\d+)?)"
    rf"|{_NUM.replace('?P<num>', '?P<points>')}个点(?!心)"
    rf"|{_NUM.replace('?P<num>', '?P<inhundred>')} (?:in|out of) (?:a|every|one) hundred"
    r"|(?P<tenths>[一二两三四五六七八九\d])成(?P<half>半)?(?![本交功立为员果熟长效])"
    r"|(?P<off>[一二三四五六七八九\d]{1,2}(?:\.\d)?)折(?!叠|算|旧)"
    rf"|(?<!and a )(?P<word>{_either(FRACTION_WORDS)})",
    re.IGNORECASE,
)
_MONEY = re.compile(
    rf"{_PRE}\s?(?:{_NUM}{_SCALE})(?![A-Za-z0-9])(?:\s?(?:{_POST}))?"
    rf"|{_NUM.replace('?P<num>', '?P<num2>')}{_SCALE.replace('?P<scale>', '?P<scale2>')}"
    rf"\s?{_POST.replace('?P<post>', '?P<post2>')}",
    re.IGNORECASE,
)
_DURATION = re.compile(
    rf"{_NUM.replace('?P<num>', '?P<whole>')}个半(?P<wholeunit>小时|钟头|月|星期)"
    rf"|{_NUM.replace('?P<num>', '?P<ands>')} (?P<andunit>hour|day|week|month|year)s? and a half"
    rf"|(?P<anda>\ban?) (?P<andaunit>hour|day|week|month|year) and a half"
    rf"|{_NUM}[\s-]?[多余几]?{_UNIT}|(?P<article>\b(?:a|an)) (?P<unit3>{_EN_UNITS})\b"
    rf"|(?P<halfof>半(?:个)?|half[ -]an?[ -]|half[ -])(?P<halfunit>小时|天|月|年|hour|day|year)",
    re.IGNORECASE,
)
_NUMBER = re.compile(rf"{_NUM}{_SCALE}(?![A-Za-z0-9])", re.IGNORECASE)
_LIST_WORDS = re.compile(
    r"\s*(?:other |quick |key |main |open )?(?:things|points|questions|items|topics)\b"
    r"|[个点件条]?(?:问题|方面|建议|事情|事项|要点|小问题)",
    re.IGNORECASE,
)
_LISTED = 5
_ROUGH_BEFORE = re.compile(
    r"(?:\b(?:about|around|roughly|approximately|approx\.?|nearly|almost|circa|some|over|"
    r"more than|just under|just over|close to)|~|≈|约|大约|大概|将近|接近|近"
    r"|差不多|超过)\s*\S{0,3}$",
    re.IGNORECASE,
)
# 三十多万: thirty-odd, up to the next round number.
_OVER = re.compile(rf"{numerals.ZH_NUMERAL}[多余几]|\d+[多余几]")
_OVER_AFTER = re.compile(r"[多余]")
_ROUGH_AFTER = re.compile(r"^\s*(?:or so\b|左右|上下|多|余)", re.IGNORECASE)


@dataclass(frozen=True)
class Quantity:
    """A number as written, with every value that it can mean.

    `unit` is the currencies of an amount, or the class of a duration (s, d, bd or m); `is_rough`
    says that words like "about" stand around it; `is_article` that only "a" or "an" counts.
    """

    kind: ProblemKind
    values: tuple[float, ...]
    raw: str
    start: int
    end: int
    unit: frozenset[str] = frozenset()
    is_rough: bool = False
    is_article: bool = False
    is_over: bool = False


def find_quantities(text: str) -> tuple[list[Quantity], str]:
    """Return the quantities of a text and the text with them blanked out (same length)."""
    found: list[Quantity] = []
    for pattern, read in _READERS:
        for match in list(pattern.finditer(text)):
            quantity = read(match, text)
            if quantity is not None:
                found.append(quantity)
                text = blank(text, match.start(), match.end())
    return sorted(found, key=lambda quantity: quantity.start), text


def blank(text: str, start: int, end: int) -> str:
    """Return the text with a stretch replaced by spaces."""
    return text[:start] + " " * (end - start) + text[end:]


def read_values(numeral: str, scale: str | None) -> tuple[float, ...]:
    """Return the possible values of a numeral with an optional scale word; empty if none."""
    if numeral[0].isdigit():
        values = numerals.read_digits(numeral)
    elif numeral[0].isascii():
        values = (numerals.read_en(numeral),)
    else:
        value = numerals.read_zh(numeral)
        values = () if value is None else (value,)
    factor = SCALES.get(scale, SCALES.get(scale.lower(), 1.0)) if scale else 1.0
    return tuple(value * factor for value in values)


def _make(
    kind: ProblemKind,
    values: tuple[float, ...],
    match: re.Match[str],
    text: str,
    *,
    unit: frozenset[str] = frozenset(),
    is_article: bool = False,
) -> Quantity | None:
    if not values:
        return None
    start, end = match.span()
    rough = bool(
        _ROUGH_BEFORE.search(text[max(0, start - 16) : start])
        or _ROUGH_AFTER.match(text[end : end + 8])
    )
    raw = match.group().strip()
    over = bool(_OVER.match(text[start:end]) or _OVER_AFTER.match(text[end : end + 1]))
    return Quantity(kind, values, raw, start, end, unit, rough, is_article, over)


def _percentage(match: re.Match[str], text: str) -> Quantity | None:
    parts = match.groupdict()
    numeral = parts["num"] or parts["points"] or parts["inhundred"]
    if numeral:
        values = tuple(value / 100 for value in read_values(numeral, None))
    elif parts["below"]:
        below, above = (read_values(parts[name], None) for name in ("below", "above"))
        values = (above[0] / below[0],) if below and above and below[0] else ()
    elif parts["tenths"]:
        tenths = read_values(parts["tenths"], None)[0]
        values = ((tenths + (0.5 if parts["half"] else 0)) / 10,)
    elif parts["off"]:
        values = _discounted(parts["off"])
    else:
        values = (FRACTION_WORDS[parts["word"].lower()],)
    return _make(ProblemKind.PERCENTAGE, values, match, text)


def _discounted(numeral: str) -> tuple[float, ...]:
    # 八折 and 八五折 leave 80 and 85 per cent to pay: discounts of 20 and 15 per cent.
    value = read_values(numeral, None)[0]
    return (1 - value / (10 if value < 10 else 100),)


def _money(match: re.Match[str], text: str) -> Quantity | None:
    numeral = match["num"] or match["num2"]
    if not match["pre"] and numeral in {"一", "两"}:
        return None  # 一块, 两块: pieces, hardly ever money
    mark = match["pre"] or match["post2"]
    unit = currency_set(mark)
    if match["pre"] and match["post"] and not currency_set(match["post"]) & unit:
        return None
    values = read_values(numeral, match["scale"] or match["scale2"])
    return _make(ProblemKind.AMOUNT, values, match, text, unit=unit)


def _duration(match: re.Match[str], text: str) -> Quantity | None:
    parts = match.groupdict()
    if parts["halfof"]:
        return _half(match, text)
    if parts["whole"] or parts["ands"] or parts["anda"]:
        return _and_half(match, text)
    name = parts["unit"] or parts["zhunit"] or parts["unit3"]
    unit, factor = DURATIONS[name.lower()]
    values = (1.0,) if parts["article"] else read_values(parts["num"], None)
    if name == "年" and values and values[0] >= 1900:
        return None
    return _make(
        ProblemKind.DURATION,
        tuple(value * factor for value in values),
        match,
        text,
        unit=frozenset([unit]),
        is_article=bool(parts["article"]) or _is_rate(match, text),
    )


def _is_rate(match: re.Match[str], text: str) -> bool:
    """Say whether this is the "a year" of a price: 一年26.8万元."""
    is_one = match["num"] == "一"
    # Amounts are taken first, so spaces stand in their place.
    return bool(is_one and re.match(r"(?:约|大约|共)?(?:[¥￥$€£\d]|\s{2})", text[match.end() :]))


def _and_half(match: re.Match[str], text: str) -> Quantity | None:
    parts = match.groupdict()
    name = parts["wholeunit"] or parts["andunit"] or parts["andaunit"]
    unit, factor = DURATIONS[{"钟头": "小时", "月": "个月"}.get(name, name.lower())]
    numeral = parts["whole"] or parts["ands"]
    values = read_values(numeral, None) if numeral else (1.0,)
    halved = tuple((value + 0.5) * factor for value in values)
    return _make(ProblemKind.DURATION, halved, match, text, unit=frozenset([unit]))


def _half(match: re.Match[str], text: str) -> Quantity | None:
    name = match["halfunit"].lower()
    unit, value = {
        "小时": ("s", 1800), "hour": ("s", 1800), "天": ("s", 43200), "day": ("s", 43200),
        "月": ("d", 15), "年": ("m", 6), "year": ("m", 6),
    }[name]  # fmt: skip
    return _make(ProblemKind.DURATION, (float(value),), match, text, unit=frozenset([unit]))


def _number(match: re.Match[str], text: str) -> Quantity | None:
    numeral, after = match["num"], text[match.end() :]
    is_list = _LIST_WORDS.match(after) and max(read_values(numeral, None), default=9) <= _LISTED
    if numeral.lower() == "one" or is_list:
        return None
    if numeral[0] in numerals.ZH_CHARS and not match["scale"] and not _counts(numeral, after):
        return None
    return _make(ProblemKind.NUMBER, read_values(numeral, match["scale"]), match, text)


def _counts(numeral: str, after: str) -> bool:
    """Say whether Chinese characters are a count here, not part of a word such as 万一 or 十分."""
    if len(numeral) == 1:
        return numeral not in "一百千万亿" and after[:1] != "" and after[0] in _MEASURE
    if numeral in {"千万", "万一", "百万"} or (numeral == "十" and after.startswith("分")):
        return False
    return any(mark in numeral for mark in "十百千万亿")


_Reader = Callable[[re.Match[str], str], Quantity | None]
_READERS: tuple[tuple[re.Pattern[str], _Reader], ...] = (
    (_PERCENT, _percentage),
    (_MONEY, _money),
    (_DURATION, _duration),
    (_NUMBER, _number),
)
