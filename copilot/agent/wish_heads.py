"""The head of a wish for a draft: where it begins and ends, and what its words mean."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from copilot.agent.wish_words import rule
from tools.language import Language

_CLAUSES = re.compile(r"[^,.;:!?\n，。；：！？]+")
_MANY_CLAUSES = 12


@dataclass(frozen=True)
class Head:
    """Where a wish begins and ends to say what is wanted, and what its noun or verb means."""

    start: int
    end: int
    meaning: str


@dataclass(frozen=True)
class Clause:
    """A clause without its words of courtesy: `begins` with them, `start` after them."""

    begins: int
    start: int
    text: str


def find_clauses(text: str, language: Language) -> Iterator[Clause]:
    """Yield the first clauses of a text; positions count its characters."""
    opener = rule(language, r"«openers»[\s,，]*")
    for number, match in enumerate(_CLAUSES.finditer(text)):
        if number == _MANY_CLAUSES:
            return
        start, clause = match.start(), match[0]
        while True:
            blank = len(clause) - len(clause.lstrip())
            start, clause = start + blank, clause[blank:]
            found = opener.match(clause)
            if found is None or not clause[found.end() :].strip():
                break
            start, clause = start + found.end(), clause[found.end() :]
        if clause.strip():
            yield Clause(match.start(), start, clause.rstrip())


def plain_meaning(key: str) -> str:
    """Return the meaning of a word, empty where it says nothing of the draft."""
    return "" if key == "none" else key
