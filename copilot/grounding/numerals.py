"""Reading one numeral: digits in any grouping, Chinese numerals, English number words."""

import re

from tools.numerals import CHINESE_CHARS, ENGLISH_UNITS, read_chinese

ZH_CHARS = CHINESE_CHARS
_EN_TENS = {
    word: 10 * number
    for number, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_EN_SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9}
_EN_UNIT = "|".join(sorted(ENGLISH_UNITS, key=len, reverse=True))
_EN_SMALL = rf"(?:(?:{'|'.join(_EN_TENS)})(?:[ -](?:{_EN_UNIT})\b)?|(?:{_EN_UNIT})\b)"
_EN_SCALE = r"(?:hundred|thousand|million|billion|dozen)\b"
_EN_POINT = rf"(?:\bpoint(?:[ -](?:{_EN_UNIT}|zero|oh)\b)+|\band a half\b)"
EN_NUMERAL = (
    rf"(?:half a dozen|a dozen|half an? (?:million|thousand|hundred|billion)\b"
    rf"|{_EN_SMALL}[ -]{_EN_POINT}(?:[ -]{_EN_SCALE})?|(?:a\b|{_EN_SMALL})[ -]{_EN_SCALE}"
    rf"(?:[ -](?:and )?(?:{_EN_SMALL}|{_EN_SCALE}))*|{_EN_SMALL})"
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
    value = read_chinese(text)
    return None if value is None else float(value)


def read_en(text: str) -> float:
    """Return the value of English number words such as "twenty-five" or "a dozen"."""
    text = text.lower()
    if text.startswith("half a"):
        return 0.5 * _scale_of(text)
    for mark, read in ((" point ", _read_point), (" and a half", _read_half)):
        whole, found, rest = text.partition(mark)
        if found:
            return read(whole, rest)
    return _read_words(text)


def _read_half(whole: str, rest: str) -> float:
    return (read_en(whole) + 0.5) * _scale_of(rest)


def _read_words(text: str) -> float:
    total = section = 0.0
    for word in re.findall(r"[a-z]+", text):
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


def _read_point(whole: str, rest: str) -> float:
    digits = ""
    for word in re.findall(r"[a-z]+", rest):
        if word in _EN_SCALES or word == "hundred":
            break
        digits += str(ENGLISH_UNITS.get(word, 0))
    return float(f"{int(read_en(whole))}.{digits or 0}") * _scale_of(rest)


def _scale_of(text: str) -> float:
    scales = {"hundred": 1e2, "dozen": 12.0, **_EN_SCALES}
    return next((value for word, value in scales.items() if word in text), 1.0)
