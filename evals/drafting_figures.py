"""The numbers that a text states, by rules of the evals' own: both languages, one normal form."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

FigureKind = Literal["amount", "percent", "duration", "number", "code"]

_HAN = {char: place for place, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_TENS = {"十": 10, "百": 100, "千": 1_000}
_SCALES = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9,
    "百": 1e2, "千": 1e3, "万": 1e4, "百万": 1e6, "千万": 1e7, "亿": 1e8,
}  # fmt: skip
_WORDS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "sixteen": 16, "eighteen": 18,
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
    "eighty": 80, "ninety": 90, "hundred": 100, "dozen": 12, "half": 0.5, "twice": 2,
}  # fmt: skip
_CURRENCIES = {
    "$": "USD", "us$": "USD", "usd": "USD", "dollars": "USD", "dollar": "USD", "美元": "USD",
    "€": "EUR", "eur": "EUR", "euros": "EUR", "euro": "EUR", "欧元": "EUR", "£": "GBP",
    "gbp": "GBP", "¥": "CNY", "cny": "CNY", "rmb": "CNY", "元": "CNY", "块": "CNY",
    "人民币": "CNY", "yuan": "CNY",
}  # fmt: skip
_UNITS = {
    "minute": 1, "min": 1, "分钟": 1, "hour": 60, "小时": 60, "钟头": 60, "day": 1_440,
    "天": 1_440, "日内": 1_440, "工作日": 1_440, "week": 10_080, "周": 10_080, "星期": 10_080,
    "month": 43_200, "个月": 43_200, "quarter": 129_600, "季度": 129_600, "year": 525_600,
    "年": 525_600,
}  # fmt: skip
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_HAN_NUMBER = r"[零〇一二两三四五六七八九十百千]+"
_WORD_NUMBER = "|".join(sorted(_WORDS, key=len, reverse=True))
_FIGURE = re.compile(
    rf"(?P<before>us\$|usd|eur|cny|rmb|gbp|人民币|[$€£¥])?\s?"
    rf"(?P<hundredth>百分之)?"
    rf"(?P<value>{_DIGITS}|\b(?:{_WORD_NUMBER})(?:[- ](?:{_WORD_NUMBER}))?\b|{_HAN_NUMBER})"
    rf"\s?(?P<scale>(?:k|mn|m|thousand|million|bn|billion)\b|百万|千万|万|亿)?"
    rf"\s?[- ]?(?P<after>%|percent\b|per cent\b|usd\b|eur\b|cny\b|rmb\b|gbp\b|dollars?\b|euros?\b"
    rf"|yuan\b|美元|欧元|人民币|元|块|折|成(?![了功本为员立交果])"
    rf"|(?:business |working )?(?:minute|min|hour|day|week|month|quarter|year)s?\b|个?工作日"
    rf"|分钟|个?小时|钟头|天|日内|个?星期|周(?![一二三四五六日末])|个月|个?季度|年(?!前|底|初|度|内))?",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Z]{1,5}-?\d{3,}(?:-\d+)*|[A-Z]{2,}-\d[0-9A-Za-z-]*)(?![A-Za-z0-9])"
)
_MEASURES = "个家台套次份名位人条项点块座厂车间张页步种层米"
_ABOUT = re.compile(
    r"(?:about|around|roughly|nearly|almost|some|approximately|over|more than|up to"
    r"|约|大约|大概|近|差不多)\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Figure:
    """One number: `value` in full (percent as 8 for 8 %, durations in minutes)."""

    kind: FigureKind
    value: float
    text: str
    start: int
    currency: str | None = None
    is_about: bool = False

    def is_in(self, others: Iterable["Figure"]) -> bool:
        """Say whether one of the others states it."""
        return any(self._same(other) for other in others)

    def _same(self, other: "Figure") -> bool:
        if "code" in (self.kind, other.kind):
            return self.kind == other.kind and self.text == other.text
        slack = abs(other.value) * (0.1 if self.is_about else 1e-9)
        if abs(self.value - other.value) > slack:
            return False
        if self.kind == "percent" or other.kind == "percent":
            return self.kind == other.kind
        if self.kind == "duration":
            return other.kind == "duration"
        if self.currency and other.currency:
            return self.currency == other.currency
        return other.kind != "duration" or self.kind == "number"


def flat(text: str) -> str:
    """Return the text in one form: full-width signs narrow, hidden characters gone."""
    normal = unicodedata.normalize("NFKC", text)
    return re.sub(r"[\u200b-\u200f\u2060\ufeff\u00ad]", "", normal)


def figures(text: str) -> list[Figure]:
    """Return the numbers of a text, those of dates and times of day among them."""
    plain = flat(text)
    codes = [Figure("code", 0.0, one[0], one.start()) for one in _CODE.finditer(plain)]
    masked = _CODE.sub(lambda one: " " * len(one[0]), plain)
    return [*codes, *_numbers(masked)]


def _numbers(text: str) -> Iterator[Figure]:
    for match in _FIGURE.finditer(text):
        found = _read(match, text)
        if found is not None:
            yield found


def _read(match: re.Match[str], text: str) -> Figure | None:
    written, after = match["value"], (match["after"] or "").lower()
    if not _is_number(match, text):
        return None
    value = _value(written) * _SCALES.get((match["scale"] or "").lower(), 1)
    before = (match["before"] or "").lower().strip()
    is_about = (
        _ABOUT.search(text[: match.start()]) is not None
        or "左右" in text[match.end() : match.end() + 3]
    )
    place = match.start("value")
    if match["hundredth"] or after in {"%", "percent", "per cent"}:
        return Figure("percent", value, match[0], place, is_about=is_about)
    if after in {"折", "成"}:
        percent = value * 10 if after == "成" else 100 - value * (10 if value < 10 else 1)
        return Figure("percent", percent, match[0], place, is_about=is_about)
    currency = _CURRENCIES.get(before) or _CURRENCIES.get(after)
    if currency:
        return Figure("amount", value, match[0], place, currency, is_about)
    unit = _UNITS.get(_unit(after))
    if unit:
        return Figure("duration", value * unit, match[0], place, is_about=is_about)
    return Figure("number", value, match[0], place, is_about=is_about)


def _unit(after: str) -> str:
    bare = re.sub(r"^(?:business |working )", "", after)
    if bare != "个月":
        bare = bare.removeprefix("个")
    return bare.removesuffix("s") if bare.isascii() else bare


def _is_number(match: re.Match[str], text: str) -> bool:
    """Say whether it counts something: 一起, 十分 and "one" do not."""
    written = match["value"]
    if written[0].isdigit() or written.lower() in _WORDS or written[0].isascii():
        return True
    if match["hundredth"] or match["scale"]:
        return True
    behind, ahead = text[match.end("value") : match.end("value") + 1], text[: match.start("value")]
    if written in {"一", "零", "十", "百", "千"} or ahead.endswith(
        ("第", "周", "星期", "统", "礼拜")
    ):
        return written == "十" and (bool(match["after"]) or behind in _MEASURES)
    return bool(match["after"]) or behind in _MEASURES or len(written) > 1


def _value(written: str) -> float:
    if written[0].isdigit():
        return float(written.replace(",", ""))
    if written[0].isascii():
        parts = [_WORDS[part] for part in re.split(r"[- ]", written.lower()) if part in _WORDS]
        if len(parts) > 1 and parts[-1] == 100:
            return float(parts[0] * 100)
        return float(sum(parts))
    return _han(written)


def _han(written: str) -> float:
    if not set(written) & set(_TENS):
        return float("".join(str(_HAN[char]) for char in written))
    total, digit = 0, 0
    for char in written:
        if char in _TENS:
            total += (digit or 1) * _TENS[char]
            digit = 0
        else:
            digit = _HAN[char]
    return float(total + digit)
