"""Ordinary words, which are names only when written as names, and equivalents across languages."""

from functools import lru_cache
from pathlib import Path

import yaml

_FOLDER = Path(__file__).parent


@lru_cache(maxsize=1)
def ordinary_words() -> frozenset[str]:
    """Return lower-case English and Chinese words that questions use in their plain sense."""
    return frozenset((_FOLDER / "ordinary_words.txt").read_text(encoding="utf-8").split())


def is_ordinary(word: str) -> bool:
    """Say whether a lower-case word, or what it is inflected from, is an ordinary one."""
    words = ordinary_words()
    if word in words or word.isdigit():
        return True
    stems = []
    for ending, instead in (("s", ""), ("es", ""), ("ies", "y"), ("ed", ""), ("ed", "e")):
        if word.endswith(ending):
            stems.append(word[: -len(ending)] + instead)
    for ending, instead in (("ing", ""), ("ing", "e"), ("ly", ""), ("er", ""), ("est", "")):
        if word.endswith(ending):
            stems.append(word[: -len(ending)] + instead)
    doubled = [stem[:-1] for stem in stems if len(stem) > 3 and stem[-1] == stem[-2]]
    return any(len(stem) > 1 and stem in words for stem in stems + doubled)


@lru_cache(maxsize=1)
def equivalents() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return, by dimension, each folded value's other common names in English and Chinese."""
    groups = yaml.safe_load((_FOLDER / "equivalents.yaml").read_text(encoding="utf-8"))
    return {
        dimension: {
            name.lower(): tuple(other for other in group if other != name)
            for group in rows
            for name in group
        }
        for dimension, rows in groups.items()
    }
