"""Finds known phrases in a question: word stems in Latin script, characters in Chinese."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

_TOKEN = re.compile(r"[a-z]+|\d[\d.,]*|[\u3400-\u9fff]|#|%")
_IRREGULAR = {
    "won": "win", "lost": "lose", "sold": "sell", "bought": "buy", "said": "say", "slid": "slide",
    "brought": "bring", "made": "make", "wrote": "write", "written": "write", "told": "tell",
    "spoke": "speak", "spoken": "speak", "gone": "go", "went": "go", "had": "have", "has": "have",
    "did": "do", "does": "do", "done": "do", "was": "be", "were": "be", "is": "be", "are": "be",
    "been": "be", "being": "be", "people": "person", "met": "meet", "sent": "send",
    "thought": "think", "led": "lead", "got": "get", "gave": "give", "took": "take",
    "sales": "sales", "leading": "leading", "planned": "planned",
    "losses": "losses", "companies": "company", "dealt": "deal", "heard": "hear",
}  # fmt: skip
_SHORTEST_TYPO = 7
_DOUBLED = re.compile(r"([bdglmnprt])\1$")


@dataclass(frozen=True)
class Token:
    """A word stem or one Chinese character, with its place in the text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class PhraseMatch:
    """A phrase found: what it means, and the characters it covers."""

    section: str
    key: str
    start: int
    end: int
    text: str


def tokens(text: str) -> list[Token]:
    """Return the text's tokens; positions count characters of the given text."""
    folded = "".join(_fold(char) for char in text)
    return [Token(stem(m.group()), m.start(), m.end()) for m in _TOKEN.finditer(folded)]


def stem(word: str) -> str:
    """Return a rough stem, the same for a phrase and for the question it is looked for in."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    for ending in ("ing", "ed"):
        base = word.removesuffix(ending)
        if base != word and len(base) >= 3:
            return _DOUBLED.sub(r"\1", base).removesuffix("e")
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-2] if word.endswith(("sses", "xes", "ches", "shes")) else word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


class Phrasebook:
    """Phrases by meaning; `find` returns the longest matches, none overlapping."""

    def __init__(self) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], str, str]]] = {}
        self._words: dict[str, str] = {}

    def add(self, section: str, key: str, phrases: Iterable[str]) -> None:
        """Add phrases under a section and a key; the first owner of a phrase keeps it."""
        for phrase in phrases:
            words = tuple(token.text for token in tokens(str(phrase)))
            for word in str(phrase).lower().split():
                if len(word) >= _SHORTEST_TYPO and word.isascii():
                    self._words[word] = word
            if not words:
                continue
            entries = self._by_first.setdefault(words[0], [])
            if all(entry[0] != words for entry in entries):
                entries.append((words, section, key))

    def find(self, text: str, taken: Sequence[tuple[int, int]] = ()) -> list[PhraseMatch]:
        """Return the phrases found left to right outside the `taken` character spans."""
        found: list[PhraseMatch] = []
        stream = tokens(text)
        at = 0
        while at < len(stream):
            match = self._longest(stream, at, taken)
            if match is None:
                at += 1
                continue
            (words, section, key) = match
            start, end = stream[at].start, stream[at + len(words) - 1].end
            found.append(PhraseMatch(section, key, start, end, text[start:end]))
            at += len(words)
        return found

    def is_filler(self, word: str) -> bool:
        """Say whether a word, taken alone, is one that carries no topic."""
        match = self.find(word)
        covered = sum(one.end - one.start for one in match if one.section in {"filler", "intent"})
        return bool(match) and covered >= len(word.strip())

    def spelling(self, word: str) -> str | None:
        """Return the one known word that this one must be a misspelling of, None if unsure."""
        if len(word) < _SHORTEST_TYPO or not word.isascii():
            return None
        allowed = 1 if len(word) < 10 else 2
        found = process.extract(
            word, self._words, scorer=OSA.distance, score_cutoff=allowed, limit=2
        )
        best = [match for match in found if match[1] == found[0][1]]
        return str(best[0][0]) if len(best) == 1 and best[0][0] != word else None

    def _longest(
        self, stream: list[Token], at: int, taken: Sequence[tuple[int, int]]
    ) -> tuple[tuple[str, ...], str, str] | None:
        best: tuple[tuple[str, ...], str, str] | None = None
        for entry in self._by_first.get(stream[at].text, ()):
            words = entry[0]
            span = stream[at : at + len(words)]
            fits = tuple(token.text for token in span) == words
            if fits and (best is None or len(words) > len(best[0])):
                best = None if overlaps(span[0].start, span[-1].end, taken) else entry
        return best


def overlaps(start: int, end: int, spans: Iterable[tuple[int, int]]) -> bool:
    """Say whether the characters from start to end touch any of the spans."""
    return any(start < span_end and span_start < end for span_start, span_end in spans)


def _fold(char: str) -> str:
    """Fold one character to one character, so that positions stay true."""
    folded = unicodedata.normalize("NFKC", char).lower()
    return folded if len(folded) == 1 else char
