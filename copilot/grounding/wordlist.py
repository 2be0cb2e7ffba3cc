"""Word lists from the tables beside this code, made into patterns."""

import importlib.resources
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import yaml

_NUMBER = r"(?:[$€£¥￥₹]\s?)?(?:\d|(?:two|three|four|five|six|seven|eight|nine|ten|twelve)\b)"


@cache
def load_table(name: str) -> dict[str, Any]:
    """Return a table of `words/`, as its YAML says."""
    file = importlib.resources.files("copilot.grounding") / "words" / f"{name}.yaml"
    loaded: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    return loaded


def pattern_of(words: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for any of the words, the longest first.

    A trailing `*` takes any ending, `*` between words up to three words, `#` a number; in Chinese
    `*` takes up to six characters. Spaces and hyphens are alike.
    """
    groups: dict[tuple[bool, bool], list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        edges = (
            word[0].isascii() and word[0].isalnum(),
            word[-1].isascii() and word[-1] not in "%",
        )
        groups.setdefault(edges, []).append(_body(word))
    parts = [
        (r"(?<![A-Za-z0-9])" if head else "")
        + f"(?:{'|'.join(bodies)})"
        + (r"(?![A-Za-z0-9])" if tail else "")
        for (head, tail), bodies in groups.items()
    ]
    return re.compile("|".join(parts) or r"(?!)", re.IGNORECASE)


def _body(word: str) -> str:
    if not word.isascii():
        return re.escape(word).replace(r"\*", "[^，。；,;]{1,8}?")
    body = r"[\s-]+".join(_piece(piece) for piece in re.split(r"[ -]", word))
    return body.replace(r"(?:\w+\s+){0,3}[\s-]+", r"(?:\w+\s+){0,3}")


def _piece(piece: str) -> str:
    if piece == "*":
        return r"(?:\w+\s+){0,3}"
    if piece == "#":
        return _NUMBER
    return re.escape(piece).replace(r"\*", r"[A-Za-z]*").replace("'", "['’]")


def blank_words(text: str, words: re.Pattern[str]) -> str:
    """Return the text with every match replaced by spaces, its length unchanged."""
    return words.sub(lambda match: " " * len(match.group()), text)
