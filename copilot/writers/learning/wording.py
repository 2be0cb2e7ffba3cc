"""Texts as words: their edit distance, what changed between two, and which sentences belong."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import rjieba
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from tools.language import HAN

_TOKEN = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+(?:['’.-][^\W_{HAN}]+)*|[^\s\w]|_", re.UNICODE)
_HAN = re.compile(f"[{HAN}]")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*|\n+")
_SAME_SENTENCE = 45.0
_MOST_SHOWN = 200
_MOST_SENTENCES = 400


@dataclass(frozen=True)
class Change:
    """A stretch of words that differs; one of the sides may be empty."""

    before: tuple[str, ...]
    after: tuple[str, ...]


def words_of(text: str) -> list[str]:
    """Return words and marks in order; Chinese is cut into words."""
    found: list[str] = []
    for match in _TOKEN.finditer(text):
        token = match.group()
        found += rjieba.cut(token) if _HAN.match(token) else [token]
    return found


def is_mark(word: str) -> bool:
    """Say whether a token is punctuation."""
    return not any(char.isalnum() for char in word)


def join_words(words: Sequence[str]) -> str:
    """Return words as a text: spaces as English has them, none around Chinese."""
    text = ""
    for word in words:
        is_tight = not text or is_mark(word) or _HAN.match(word) or _HAN.match(text[-1])
        text += word if is_tight else f" {word}"
    return text


def edit_distance(before: str, after: str) -> float:
    """Return the Levenshtein distance over words by the longer text's length, 0 to 1.

    A Chinese character counts as a word, so that no segmentation bears on the figure.
    """
    return float(Levenshtein.normalized_distance(_units(before), _units(after)))


def differences(before: str, after: str) -> list[list[str]]:
    """Return the changed stretches as [before, after], at most 200."""
    return [
        [join_words(change.before), join_words(change.after)]
        for change in changes(words_of(before), words_of(after))
    ][:_MOST_SHOWN]


def changes(before: Sequence[str], after: Sequence[str], *, gap: int = 0) -> list[Change]:
    """Return what differs; changes with at most `gap` words between them are one change."""
    spans: list[list[int]] = []
    folded = [word.casefold() for word in before], [word.casefold() for word in after]
    for code in Levenshtein.opcodes(*folded):
        if code.tag == "equal":
            continue
        if spans and code.src_start - spans[-1][1] <= gap and code.dest_start - spans[-1][3] <= gap:
            spans[-1][1], spans[-1][3] = code.src_end, code.dest_end
        else:
            spans.append([code.src_start, code.src_end, code.dest_start, code.dest_end])
    return [Change(tuple(before[a:b]), tuple(after[c:d])) for a, b, c, d in spans]


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text."""
    return [part.strip() for part in _SENTENCE.split(text) if part and part.strip()]


def paired_sentences(before: str, after: str) -> list[tuple[str, str]]:
    """Return each sentence of the first text with the one that became of it; dropped ones lack.

    Of each text the first 400 sentences are read.
    """
    later = sentences_of(after)[:_MOST_SENTENCES]
    pairs = []
    for sentence in sentences_of(before)[:_MOST_SENTENCES]:
        scored = [(fuzz.ratio(sentence, one), place) for place, one in enumerate(later)]
        score, place = max(scored, default=(0.0, -1))
        if score >= _SAME_SENTENCE:
            pairs.append((sentence, later.pop(place)))
    return pairs


def _units(text: str) -> list[str]:
    units: list[str] = []
    for match in _TOKEN.finditer(text):
        token = match.group()
        units += list(token) if _HAN.match(token) else [token]
    return units
