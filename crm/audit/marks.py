"""By what a person is known in texts: names, addresses and numbers, found and blotted out."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

BLOTTED = "[erased]"
_HAN = re.compile(r"[㐀-鿿]")
_LEAST_LETTERS, _LEAST_HAN, _LEAST_DIGITS = 4, 2, 6


@dataclass(frozen=True)
class Marks:
    """The names, emails and telephone numbers of one person; what is too short tells of nobody."""

    texts: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str | None]) -> "Marks":
        """Return the marks among these texts, the longest first."""
        stripped = {text.strip() for text in texts if text} - {BLOTTED}
        kept = {text for text in stripped if _is_telling(text)}
        return cls(tuple(sorted(kept, key=lambda text: (-len(text), text))))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What finds them, whatever their case and the space in them."""
        return re.compile("|".join(_spelled(text) for text in self.texts) or r"(?!)", re.IGNORECASE)

    def are_in(self, value: Any) -> bool:
        """Say whether a text, or a text anywhere in a JSON value, holds one."""
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return self.pattern.search(text) is not None

    def blotted(self, value: Any) -> Any:
        """Return the text or JSON value with what they stand for left out."""
        if isinstance(value, str):
            return self.pattern.sub(BLOTTED, value)
        if isinstance(value, list):
            return [self.blotted(one) for one in value]
        if isinstance(value, dict):
            return {self.blotted(key): self.blotted(one) for key, one in value.items()}
        return value

    @property
    def fragments(self) -> tuple[str, ...]:
        """Stretches without spaces, one of each: a database finds by them what may hold a mark."""
        return tuple(dict.fromkeys(max(text.split(), key=len) for text in self.texts))


def _is_telling(text: str) -> bool:
    if _HAN.search(text):
        return len(_HAN.findall(text)) >= _LEAST_HAN
    if not any(char.isalpha() for char in text):
        return sum(char.isdigit() for char in text) >= _LEAST_DIGITS
    return sum(char.isalnum() for char in text) >= _LEAST_LETTERS


def _spelled(text: str) -> str:
    words = r"\s+".join(re.escape(word) for word in text.split())
    before = r"(?<![^\W_])" if text[0].isalnum() and not _HAN.match(text[0]) else ""
    after = r"(?![^\W_])" if text[-1].isalnum() and not _HAN.match(text[-1]) else ""
    return f"{before}{words}{after}"
