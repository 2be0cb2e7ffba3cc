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
CHINESE_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")}
CHINESE_DIGITS |= {"〇": 0, "两": 2, "壹": 1, "贰": 2, "叁": 3, "肆": 4, "伍": 5}
CHINESE_DIGITS |= {"陆": 6, "柒": 7, "捌": 8, "玖": 9}
_SMALL = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_LARGE = {"万": 10**4, "亿": 10**8, "萬": 10**4, "億": 10**8}
# Every character that a Chinese numeral can hold, the decimal 点 apart.
CHINESE_CHARS = "".join([*CHINESE_DIGITS, *_SMALL, *_LARGE])

NUMERAL = "[零〇一二三四五六七八九两十百千万亿壹贰叁肆伍陆柒捌玖拾佰仟]"
_ARABIC = re.compile(r"\d[\d,]*(?:\.\d+)?")


def parse_number(text: str) -> Decimal | None:
    """Return the value of an Arabic, Chinese or mixed number (12, 十二, 1.5亿), or None."""
    text = text.strip().replace(" ", "")
    arabic = _ARABIC.match(text)
    if arabic:
        return _scaled(Decimal(arabic.group().replace(",", "")), text[arabic.end() :])
    return read_chinese(text)


def read_chinese(text: str) -> Decimal | None:
    """Return the value of a Chinese numeral (三点五, 七亿八千万), or None if it is none."""
    whole, point, decimals = text.partition("点")
    if not whole or any(char not in CHINESE_CHARS for char in whole):
        return None
    if point and (not decimals or any(char not in CHINESE_DIGITS for char in decimals)):
        return None
    if all(char in CHINESE_DIGITS for char in whole):
        value = Decimal("".join(str(CHINESE_DIGITS[char]) for char in whole))
    else:
        value = Decimal(_spoken(whole))
    return value + Decimal("0." + "".join(str(CHINESE_DIGITS[char]) for char in decimals or "零"))


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
        if char in CHINESE_DIGITS:
            digit = CHINESE_DIGITS[char]
            last_unit = 1 if digit == 0 else last_unit
        elif char in _SMALL:
            section += (digit or 1) * _SMALL[char]
            digit, last_unit = 0, _SMALL[char]
        else:
            last_unit = _LARGE[char]
            # 七亿八千万 adds its 八千万; 一万亿 multiplies its 一万.
            head, total = (0, total) if total >= last_unit else (total, 0)
            total += (head + section + digit) * last_unit
            section = digit = 0
    # 一万五 is 15,000: a digit left over belongs to the next lower unit.
    return total + section + digit * (last_unit // 10 if last_unit >= 100 else 1)
