"""What the drafting check rests on: a sentence's facts as the store knows them, and word lists."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from crm.facts import Fact
from evals.drafting_days import Span, all_readings
from evals.drafting_figures import Figure, figures, flat
from evals.drafting_store import Origin

QUOTED = re.compile(r"[\"“「《](?P<words>[^\"“”「」《》]{2,})[\"”」》]")
_STOP = frozenset(
    [
        "a",
        "an",
        "the",
        "and",
        "or",
        "but",
        "so",
        "if",
        "then",
        "than",
        "that",
        "this",
        "these",
        "those",
        "of",
        "to",
        "in",
        "on",
        "at",
        "by",
        "for",
        "from",
        "with",
        "as",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "am",
        "do",
        "does",
        "did",
        "have",
        "has",
        "had",
        "will",
        "would",
        "can",
        "could",
        "should",
        "shall",
        "may",
        "might",
        "must",
        "i",
        "you",
        "he",
        "she",
        "it",
        "we",
        "they",
        "me",
        "him",
        "her",
        "us",
        "them",
        "my",
        "your",
        "his",
        "its",
        "our",
        "their",
        "what",
        "which",
        "who",
        "whom",
        "how",
        "when",
        "where",
        "why",
        "there",
        "here",
        "not",
        "no",
        "also",
        "about",
        "into",
        "over",
        "up",
        "out",
        "more",
        "some",
        "any",
        "all",
        "both",
        "each",
        "very",
        "just",
        "only",
        "too",
        "let",
        "s",
        "t",
        "re",
        "ve",
        "ll",
        "d",
        "m",
        "please",
        "thank",
        "thanks",
        "would",
        "like",
    ]
)


@dataclass(frozen=True)
class Finding:
    """One claim that nothing bears out: its kind, the piece, and the sentence it stands in."""

    kind: str
    value: str
    sentence: str


@dataclass(frozen=True)
class Known:
    """What a draft may name without a fact: people, companies and days of its own frame."""

    today: date
    names: frozenset[str]
    contacts: frozenset[str] = frozenset()
    policies: tuple[str, ...] = ()


@dataclass
class Ground:
    """The facts that one sentence cites, with what the store says of each."""

    facts: Sequence[Fact]
    origins: Sequence[Origin]
    known: Known
    figures: list[Figure] = field(default_factory=list)
    days: list[Span] = field(default_factory=list)

    def __post_init__(self) -> None:
        for fact, origin in zip(self.facts, self.origins, strict=True):
            said_on = origin.said_on or (fact.as_of.date() if fact.as_of else self.known.today)
            spans = all_readings(fact.text, said_on)
            if origin.said_on:
                spans.append(Span(origin.said_on, origin.said_on, "", 0))
            self.days += spans
            self.figures += figures(fact.text)
            if isinstance(fact.value, int | float):
                self.figures += _figures_of_value(fact)

    @property
    def text(self) -> str:
        """What the facts say, as one text."""
        return " ".join(flat(fact.text) for fact in self.facts)

    @property
    def sides(self) -> frozenset[str]:
        """The sides whose words are cited, by the store."""
        return frozenset(side for origin in self.origins for side in origin.sides)

    @property
    def has_approved(self) -> bool:
        """Say whether a quote, a price or a policy is cited."""
        return any(one.table in {"quotes", "policy", "price_book_entries"} for one in self.origins)


def _figures_of_value(fact: Fact) -> list[Figure]:
    value = float(fact.value or 0)
    if fact.currency:
        return [Figure("amount", value, "", 0, fact.currency)]
    if fact.unit == "ratio":
        return [Figure("percent", value * 100, "", 0)]
    return [Figure("number", value, "", 0)]


def content(text: str) -> frozenset[str]:
    """Return what a text is about: stems of English words, pairs of Chinese characters."""
    plain = flat(text).casefold()
    words = {
        re.sub(r"(?:ations?|ing|ies|ed|es|s|ly)$", "", word)
        for word in re.findall(r"[a-z][a-z'’-]+|\d[\d.,]*\d|\d", plain)
        if word not in _STOP
    }
    pairs = {
        run[place : place + 2]
        for run in re.findall(r"[\u4e00-\u9fff]{2,}", plain)
        for place in range(len(run) - 1)
    }
    return frozenset(words | pairs)


def is_other_script(one: str, other: str) -> bool:
    return is_chinese(one) != is_chinese(other)


def is_chinese(text: str) -> bool:
    return len(re.findall(r"[\u4e00-\u9fff]", text)) * 4 > len(re.findall(r"[A-Za-z]", text))


def bare(words: str) -> str:
    return re.sub(r"[\W_]+", "", flat(words)).casefold()


@cache
def words() -> dict[str, Any]:
    """Return the word lists of the check and the rubric."""
    raw = (files("evals.questions") / "drafting_words.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(raw)
    return loaded


@cache
def pattern(name: str, language: str) -> re.Pattern[str]:
    """Return a word list as one pattern."""
    # Folded YAML joins its lines with blanks, which are no part of an alternative.
    written = re.sub(r"\s+\|", "|", words()[name][language])
    return re.compile(written, re.IGNORECASE)


def matches(name: str, language: str, text: str) -> str:
    """Return what of a list stands in the text, "" if nothing does."""
    match = pattern(name, language).search(text)
    return match[0] if match else ""


def without(text: str, pieces: Iterable[str]) -> str:
    for piece in sorted(map(flat, pieces), key=len, reverse=True):
        text = text.replace(piece, " ")
    return text
