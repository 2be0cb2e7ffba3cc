"""Makes text from outside fit to print: no control characters, no reordering, words that wrap."""

import re
import unicodedata

# Left-to-right and right-to-left embeddings, overrides and isolates can make an amount read
# backwards; U+FFFE and U+FFFF are no characters and forbidden in XML.
_REORDERING = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufffe\uffff\ufeff]")
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\n{3,}")
_LONG = re.compile(r"[^\s\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\u200b]{25,}")
_CHUNK = 12


def clean(text: str) -> str:
    """Return the text without control characters and bidirectional marks; newlines stay."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    text = text.replace("\u2029", "\n\n")
    text = _REORDERING.sub("", unicodedata.normalize("NFC", text))
    kept = "".join(c if c in "\n\t" or unicodedata.category(c) not in _UNFIT else " " for c in text)
    return _LINES.sub("\n\n", _SPACES.sub(" ", kept)).strip()


def one_line(text: str) -> str:
    """Return the cleaned text on one line."""
    return " ".join(clean(text).split())


def with_breaks(text: str) -> str:
    """Return the text with zero-width spaces in words so long that no line holds them."""
    return _LONG.sub(lambda match: _broken(match.group()), text)


def east_asian_columns(text: str) -> int:
    """Return the width of the text where a Chinese character counts two."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def shortened(text: str, columns: int) -> str:
    """Return the text cut to a width where Chinese characters count two, marked by an ellipsis."""
    width = 0
    for at, character in enumerate(text):
        width += east_asian_columns(character)
        if width > columns:
            return text[: max(at - 1, 0)].rstrip() + "…"
    return text


def _broken(word: str) -> str:
    return "\u200b".join(word[at : at + _CHUNK] for at in range(0, len(word), _CHUNK))


_UNFIT = frozenset({"Cc", "Cs", "Cn", "Co"})
