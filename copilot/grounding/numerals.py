"""Reading one numeral: digits in any grouping, Chinese numerals, English number words."""

import re

from tools.numerals import ENGLISH_UNITS

ZH_DIGITS = {
    "零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7,
    "八": 8, "九": 9, "壹": 1, "贰": 2, "叁": 3, "肆": 4, "伍": 5, "陆": 6, "柒": 7, "捌": 8,
    "玖": 9,
}  # fmt: skip
_ZH_SMALL = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000}
_ZH_LARGE = {"万": 10_000, "亿": 100_000_000, "萬": 10_000, "億": 100_000_000}
ZH_CHARS = "".join([*ZH_DIGITS, *_ZH_SMALL, *_ZH_LARGE])

_EN_TENS = {
    word: 10 * number
    for number, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_EN_SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9}
_EN_WORD = "|".join([*_EN_TENS, *sorted(ENGLISH_UNITS, key=len, reverse=True)])
EN_NUMERAL = (
    rf"(?:half a dozen|a dozen|(?:a|{_EN_WORD})\b[ -](?:hundred|thousand|million|billion|dozen)\b"
    rf"(?:[ -](?:and )?(?:{_EN_WORD}|hundred|thousand|million)\b)*|(?:{_EN_WORD})\b"
    rf"(?:[ -](?:and )?(?:{_EN_WORD}|hundred|thousand|million|billion|dozen)\b)*)"
)
DIGITS = r"\d{1,3}(?:[,.\u00a0\u202f'’]\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)?"
ZH_NUMERAL = rf"[{ZH_CHARS}]+(?:点[零〇一二三四五六七八九]+)?"


def read_digits(text: str) -> tuple[float, ...]:
    """Return every value the digits can mean: "1.234" is 1.234 and 1234, "1,234" is 1234."""
    plain = re.sub(r"[\u00a0\u202f'’]", "", text)
    if "," in plain and "." in plain:
        decimal = max(",", ".", key=plain.rfind)
        grouping = "." if decimal == "," else ","
        return (float(plain.replace(grouping, "").replace(decimal, ".")),)
    for mark in ",.":
        if mark in plain:
            return _one_mark(plain, mark)
    return (float(plain),)


def _one_mark(plain: str, mark: str) -> tuple[float, ...]:
    head, *groups = plain.split(mark)
    is_grouped = all(len(group) == 3 for group in groups) and head != "0"
    joined = float("".join([head, *groups]))
    if len(groups) > 1:
        return (joined,)
    decimal = float(f"{head}.{groups[0]}")
    if not is_grouped:
        return (decimal,)
    return (joined,) if mark == "," else (decimal, joined)


def read_zh(text: str) -> float | None:
    """Return the value of a Chinese numeral, or None if the characters form none."""
    whole, _, decimals = text.partition("点")
    if not any(mark in whole for mark in [*_ZH_SMALL, *_ZH_LARGE]):
        if not whole or any(char not in ZH_DIGITS for char in whole):
            return None
        value = float("".join(str(ZH_DIGITS[char]) for char in whole))
    else:
        value = _zh_scaled(whole)
    if decimals:
        value += float("0." + "".join(str(ZH_DIGITS[char]) for char in decimals))
    return value


def _zh_scaled(text: str) -> float:
    total = section = digit = 0.0
    last = 1.0
    for char in text:
        if char in ZH_DIGITS:
            digit = ZH_DIGITS[char]
            if digit == 0:
                last = 10.0
        elif char in _ZH_SMALL:
            section += (digit or 1) * _ZH_SMALL[char]
            digit, last = 0, _ZH_SMALL[char]
        else:
            scale = _ZH_LARGE[char]
            # 七亿八千万 adds its 八千万; 一万亿 multiplies its 一万.
            head, total = (0.0, total) if total >= scale else (total, 0.0)
            total += (head + section + digit) * scale
            section, digit, last = 0, 0, _ZH_LARGE[char]
    # A digit after a scale counts tenths of it: 一百二 is 120, 一万二 is 12,000.
    return total + section + digit * (last / 10 if last > 10 else 1)


def read_en(text: str) -> float:
    """Return the value of English number words such as "twenty-five" or "a dozen"."""
    total = section = 0.0
    if text.lower().startswith("half a dozen"):
        return 6.0
    for word in re.findall(r"[a-z]+", text.lower()):
        if word == "a":
            section = 1
        elif word in ENGLISH_UNITS or word in _EN_TENS:
            section += ENGLISH_UNITS.get(word, 0) or _EN_TENS.get(word, 0)
        elif word == "hundred":
            section *= 100
        elif word == "dozen":
            section *= 12
        elif word in _EN_SCALES:
            total += section * _EN_SCALES[word]
            section = 0
    return total + section
