"""Joins sentences into paragraphs that read well: no repeats, connectives that vary."""

import re
from collections.abc import Iterable, Sequence

from copilot.grounding.promises import content_words
from copilot.grounding.sentences import CitedSentence
from tools.language import Language

_SAME = 0.8
_AGAIN: dict[Language, tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]] = {
    "en": (
        (re.compile(r"^You asked:? (?=[\w“])"), ("You also asked ", "And you wanted to know ")),
        (re.compile(r"^You mentioned "), ("You also mentioned ", "And you told us ")),
        (re.compile(r"^You (?=need |want |would like |expect |are concerned )"), ("You also ",)),
    ),
    "zh": (
        (re.compile(r"^您问到"), ("您还问到", "另外，您也问到")),
        (re.compile(r"^您提到"), ("您还提到", "另外，您也提到")),
        (re.compile(r"^您(?=希望|要求|需要|担心)"), ("您还", "另外，您也")),
    ),
}  # fmt: skip


def without_repeats(groups: Iterable[Sequence[CitedSentence]]) -> list[list[CitedSentence]]:
    """Return the groups without sentences that say what an earlier one says."""
    seen: list[frozenset[str]] = []
    kept: list[list[CitedSentence]] = []
    for group in groups:
        fresh: list[CitedSentence] = []
        for sentence in group:
            words = frozenset(content_words(sentence.text))
            if any(_are_same(words, other) for other in seen):
                continue
            seen.append(words)
            fresh.append(sentence)
        kept.append(fresh)
    return kept


def _are_same(first: frozenset[str], second: frozenset[str]) -> bool:
    if not first or not second:
        return False
    return len(first & second) >= _SAME * min(len(first), len(second)) and (
        len(first & second) >= _SAME * max(len(first), len(second)) - 1
    )


def vary(sentences: Sequence[CitedSentence], language: Language) -> list[CitedSentence]:
    """Return the sentences with the second "You asked" made "You also asked", and so on."""
    used: dict[int, int] = {}
    return [_varied(sentence, language, used) for sentence in sentences]


def _varied(sentence: CitedSentence, language: Language, used: dict[int, int]) -> CitedSentence:
    for number, (pattern, others) in enumerate(_AGAIN[language]):
        if not pattern.match(sentence.text):
            continue
        count = used.get(number, 0)
        used[number] = count + 1
        if count == 0:
            return sentence
        lead = others[(count - 1) % len(others)]
        if "“" in sentence.text[:14]:
            lead = lead.rstrip() + ": " if language == "en" else lead
        return CitedSentence(text=pattern.sub(lead, sentence.text, count=1), facts=sentence.facts)
    return sentence


def joined(sentences: Sequence[CitedSentence], language: Language) -> str:
    """Return the sentences as running text."""
    return ("" if language == "zh" else " ").join(sentence.text for sentence in sentences)
