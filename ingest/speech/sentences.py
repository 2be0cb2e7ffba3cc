"""Text with punctuation and words with times, as endpoints return them, brought together."""

import re
import unicodedata
from collections.abc import Sequence

_SENTENCE_END = re.compile(r"(?<=[。！？])|(?<=[.!?])\s+")
_LONGEST_GAP = 60


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a text, without what surrounds them."""
    return [piece.strip() for piece in _SENTENCE_END.split(text) if piece.strip()]


def spaced(text: str) -> str:
    """Return the text ready for another to follow it: with a space, except in scripts without."""
    is_open = (
        bool(text) and not text[-1].isspace() and unicodedata.east_asian_width(text[-1]) not in "WF"
    )
    return f"{text} " if is_open else text


def spoken_words(texts: Sequence[str], words: Sequence[str]) -> list[list[tuple[int, str]]]:
    """Return for each text its words as (number of the word, its text with what follows it).

    Words come without punctuation, texts with it: each word is found again in the texts, in
    order, and takes along what stands between it and the next. A word that is not found nearby is
    kept as it is, in the text where the search stands.
    """
    found: list[list[tuple[int, int]]] = [[] for _ in texts]
    lowered = [text.lower() for text in texts]
    at = text_number = 0
    for number, word in enumerate(words):
        wanted = word.strip().lower()
        for candidate in range(text_number, len(texts)):
            start = at if candidate == text_number else 0
            position = lowered[candidate].find(wanted, start, start + len(wanted) + _LONGEST_GAP)
            if wanted and position >= 0:
                text_number, at = candidate, position + len(wanted)
                found[candidate].append((number, position))
                break
        else:
            if texts:
                found[text_number].append((number, -1))
    return [
        _with_what_follows(text, pairs, words) for text, pairs in zip(texts, found, strict=True)
    ]


def _with_what_follows(
    text: str, pairs: Sequence[tuple[int, int]], words: Sequence[str]
) -> list[tuple[int, str]]:
    known = [(number, position) for number, position in pairs if position >= 0]
    ends = [position for _, position in known[1:]] + [len(text)]
    slices = {
        number: text[position:end] for (number, position), end in zip(known, ends, strict=False)
    }
    last = known[-1][0] if known else -1
    return [
        (number, slices[number] if number in slices and number != last else spaced(piece))
        for number, _ in pairs
        for piece in [slices.get(number, words[number].strip())]
    ]
