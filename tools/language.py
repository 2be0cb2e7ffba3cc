"""The language of a question, and folding of its script without moving a character."""

import re
import unicodedata
from functools import lru_cache
from typing import Literal

from opencc import OpenCC

Language = Literal["en", "zh"]

HAN = r"\u3400-\u4dbf\u4e00-\u9fff\u3007"
_HAN_CHAR = re.compile(f"[{HAN}]")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ɏ]+(?:['’][A-Za-z]+)?")
_QUOTES = frozenset("’‘`´")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|「[^」]*」|《[^》]*》")
_ENGLISH_GRAMMAR = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "by",
        "did",
        "do",
        "does",
        "find",
        "for",
        "from",
        "give",
        "had",
        "has",
        "have",
        "how",
        "i",
        "in",
        "is",
        "list",
        "many",
        "me",
        "much",
        "my",
        "of",
        "on",
        "or",
        "our",
        "show",
        "tell",
        "that",
        "the",
        "their",
        "this",
        "to",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whose",
        "why",
        "will",
        "with",
        "you",
        "your",
    ]
)
_CHINESE_GRAMMAR = re.compile(r"[的了吗呢是在有哪谁几和与请把给对我你他们这那么]|多少|什么|怎")


def detect_language(text: str) -> Language:
    """Return the language a question is asked in: "zh" or "en".

    Names in the other script do not decide: grammar words outweigh them, and one Latin word counts
    about as much as two Chinese characters. Text with neither script is "en".
    """
    bare = _QUOTED.sub(" ", text)
    if not _HAN_CHAR.search(bare) and not _LATIN_WORD.search(bare):
        bare = text
    bare = to_simplified(bare)
    han = len(_HAN_CHAR.findall(bare))
    words = [word.lower() for word in _LATIN_WORD.findall(bare)]
    if not han:
        return "en"
    english = 2 * len(words) + 4 * sum(word in _ENGLISH_GRAMMAR for word in words)
    chinese = han + 4 * len(_CHINESE_GRAMMAR.findall(bare))
    return "zh" if chinese >= english else "en"


def has_han(text: str) -> bool:
    """Say whether a Chinese character stands in the text."""
    return _HAN_CHAR.search(text) is not None


def fold_width(text: str) -> str:
    """Return the text with full-width letters, digits and signs made plain, same length."""
    if text.isascii():
        return text
    return "".join(_plain(char) for char in text)


def to_simplified(text: str) -> str:
    """Return the text in Simplified characters, one for one, same length."""
    return text if text.isascii() else text.translate(_simplified_table())


def fold_script(text: str) -> str:
    """Return plain width, no accents and Simplified characters, same length: offsets stay valid."""
    return to_simplified(fold_width(text))


@lru_cache(maxsize=4096)
def _plain(char: str) -> str:
    if char in _QUOTES:
        return "'"
    folded = unicodedata.normalize("NFKC", char)
    if len(folded) != 1:
        return char
    bare = unicodedata.normalize("NFKD", folded)[0]
    return bare if bare.isascii() and bare.isalpha() else folded


@lru_cache(maxsize=1)
def _simplified_table() -> dict[int, int]:
    # Lines keep characters apart, so that no phrase rule joins neighbours.
    traditional = [chr(code) for code in range(0x4E00, 0xA000)]
    simplified = OpenCC("t2s").convert("\n".join(traditional)).split("\n")
    pairs = zip(traditional, simplified, strict=True)
    return {ord(old): ord(new) for old, new in pairs if old != new and len(new) == 1}
