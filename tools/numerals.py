"""Numerals: Chinese digits and their value, and the English words for small numbers."""

import re
from decimal import Decimal

# "zero" to "nineteen", each to its value.
ENGLISH_UNITS = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
# "one" to "twelve": the counts that people write out.
ENGLISH_COUNTS = {word: value for word, value in ENGLISH_UNITS.items() if 1 <= value <= 12}
_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")}
_DIGITS |= {"〇": 0, "两": 2, "壹": 1, "贰": 2, "叁": 3, "肆": 4, "伍": 5}
_DIGITS |= {"陆": 6, "柒": 7, "捌": 8, "玖": 9}
_SMALL = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_LARGE = {"万": 10**4, "亿": 10**8}

NUMERAL = "[零〇一二三四五六七八九两十百千万亿壹贰叁肆伍陆柒捌玖拾佰仟]"
_ARABIC = re.compile(r"\d[\d,]*(?:\.\d+)?")


def parse_number(text: str) -> Decimal | None:
    """Return the value of an Arabic, Chinese or mixed number (12, 十二, 1.5亿), or None."""
    text = text.strip().replace(" ", "")
    arabic = _ARABIC.match(text)
    if arabic:
        return _scaled(Decimal(arabic.group().replace(",", "")), text[arabic.end() :])
    if not text or any(char not in _DIGITS | _SMALL | _LARGE for char in text):
        return None
    if all(char in _DIGITS for char in text):
        return Decimal("".join(str(_DIGITS[char]) for char in text))
    return Decimal(_spoken(text))


def parse_int(text: str) -> int | None:
    """Return the whole value of a number in either script, or None."""
    value = parse_number(text)
    return int(value) if value is not None and value == int(value) else None


def _scaled(value: Decimal, signs: str) -> Decimal | None:
    factors = _SMALL | _LARGE
    for sign in signs:
        if sign not in factors:
            return None
        value *= factors[sign]
    return value


def _spoken(text: str) -> int:
    total = section = digit = 0
    last_unit = 1
    for char in text:
        if char in _DIGITS:
            digit = _DIGITS[char]
            last_unit = 1 if char in "零〇" else last_unit
        elif char in _SMALL:
            section += (digit or 1) * _SMALL[char]
            digit, last_unit = 0, _SMALL[char]
        else:
            part, last_unit = section + digit, _LARGE[char]
            total = (total + part) * last_unit if char == "亿" else total + part * last_unit
            section = digit = 0
    # 一万五 is 15,000: a digit left over belongs to the next lower unit.
    return total + section + digit * (last_unit // 10 if last_unit >= 100 else 1)
