"""Checks the time that a price is for: a yearly fee is not told as a monthly one."""

import re
from datetime import date

from copilot.grounding import measures
from copilot.grounding.quantities import Quantity
from copilot.grounding.sentences import Problem, ProblemKind
from copilot.grounding.support import Support, read_text

_RATE = {
    "day": r"\b(?:per|a|each|every|and) day\b|/\s?day\b|\bdaily\b|每天|每日|一天|/天|/日",
    "week": r"\b(?:per|a|each|every|and) week\b|/\s?week\b|\bweekly\b|每周|一周|/周",
    "month": r"\b(?:per|a|each|every|and) month\b|/\s?mo(?:nth)?\b|\bmonthly\b"
    r"|每个?月|一个月|/月|按月|月费",
    "quarter": r"\b(?:per|a|each|every) quarter\b|\bquarterly\b|每个?季度|/季",
    "year": r"\b(?:per|a|each|every|and) year\b|/\s?y(?:ea)?r\b|\b(?:yearly"
    r"|annual\w*|per annum)\b|每年|一年|/年|按年|年费",
}
_RATES = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _RATE.items()}
_PART = re.compile(r"[;；，,](?!\d)|\.(?!\d)|。|\b(?:and|but)\b(?! (?:year|month|week|day)\b)")


def check_rates(sentence: str, support: Support) -> list[Problem]:
    """Return a problem if an amount of the facts is told for another stretch of time."""
    for amount, rate in _rated(sentence, support, support.today):
        stated = {
            theirs
            for reading in support.readings
            for other, theirs in _rated(reading.text, support, reading.base)
            if measures.supports(other, amount)
        }
        if stated and rate not in stated:
            return [Problem(ProblemKind.AMOUNT, f"{amount.raw} / {rate}")]
    return []


def _rated(text: str, support: Support, base: date) -> list[tuple[Quantity, str]]:
    found = []
    for part in _PART.split(text):
        rates = [name for name, pattern in _RATES.items() if part and pattern.search(part)]
        if len(rates) != 1:
            continue
        reading = read_text(part, base, support.known)
        found += [(each, rates[0]) for each in reading.counted if each.kind is ProblemKind.AMOUNT]
    return found
