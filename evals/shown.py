"""What a reader sees in an answer: its numbers at the precision shown, and its names in order."""

import re
from calendar import month_abbr, month_name
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

_NUMBER = re.compile(
    r"(?<![\w.,-])[-−]?(?:[$€£¥]|US\$|[A-Z]{3}\s)?\s?(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"\s?(%|％|万亿|亿|万|(?:k|m|bn|b|million|billion|thousand)\b)?",
    re.IGNORECASE,
)
_SCALES = {
    "%": 0.01, "％": 0.01, "万": 1e4, "亿": 1e8, "万亿": 1e12, "k": 1e3, "thousand": 1e3, "m": 1e6,
    "million": 1e6, "b": 1e9, "bn": 1e9, "billion": 1e9,
}  # fmt: skip
_MONTH = re.compile(r"(\d{4})-(\d\d)")
_QUARTER = re.compile(r"(\d{4}) Q([1-4])")
_DIGITS = "零一二三四五六七八九"


@dataclass(frozen=True)
class Shown:
    """A number in a text; `step` is what its last digit stands for."""

    value: float
    step: float
    is_percent: bool = False

    def shows(self, value: float) -> bool:
        """Say whether this is `value`, rounded or cut as a writer may."""
        shown = self.value
        return abs(shown - value) <= max(self.step * 0.5000001, abs(value) * 1e-9)


def numbers_in(text: str) -> list[Shown]:
    """Return the numbers that stand in a text, percentages as fractions of 1."""
    found = []
    for match in _NUMBER.finditer(text):
        digits = match[1].replace(",", "")
        unit = (match[2] or "").lower()
        scale = _SCALES.get(unit, 1.0)
        places = len(digits.partition(".")[2])
        found.append(Shown(float(digits) * scale, scale * 10.0**-places, unit in {"%", "％"}))
    return found


def spellings_of(name: str, others: Mapping[str, Collection[str]]) -> list[str]:
    """Return the ways in which a name, month, quarter or day may be written."""
    ways = [name, *others.get(name, ())]
    if month := _MONTH.fullmatch(name):
        year, number = month[1], int(month[2])
        ways += [f"{month_name[number]} {year}", f"{month_abbr[number]} {year}"]
        ways += [f"{year}年{number}月", f"{month_name[number]}", f"{number}月"]
    if quarter := _QUARTER.fullmatch(name):
        year, number = quarter[1], int(quarter[2])
        ways += [f"Q{number} {year}", f"{year}-Q{number}", f"{year}Q{number}", f"Q{number}"]
        ways += [f"第{_DIGITS[number]}季度", f"{_DIGITS[number]}季度", f"第{number}季度"]
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return ways
    ways += [f"{day.day} {day:%B %Y}", f"{day:%B} {day.day}, {day.year}"]
    return [*ways, f"{day:%b} {day.day}, {day.year}", f"{day.year}年{day.month}月{day.day}日"]


def order_of_names(
    text: str, names: Sequence[str], others: Mapping[str, Collection[str]]
) -> list[str]:
    """Return those of `names` that stand in the text, in order of first appearance."""
    ways = [(way, name) for name in dict.fromkeys(names) for way in spellings_of(name, others)]
    places: dict[str, int] = {}
    rest = _even(text)
    # Longer names first, each struck out, so that a part of a name is not taken for another.
    for way, name in sorted(ways, key=lambda pair: -len(pair[0])):
        pattern = re.escape(_even(way))
        if way.isascii():
            pattern = rf"(?<![a-z0-9]){pattern}(?![a-z0-9])"
        for match in re.finditer(pattern, rest):
            places[name] = min(places.get(name, match.start()), match.start())
        rest = re.sub(pattern, lambda match: "\0" * len(match[0]), rest)
    return sorted(places, key=lambda name: places[name])


def _even(text: str) -> str:
    return text.casefold().replace("’", "'").replace("–", "-").replace("—", "-")
