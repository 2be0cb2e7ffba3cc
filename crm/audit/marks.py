"""By what a person is known in texts: names, addresses and numbers, found and blotted out."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

BLOTTED = "[erased]"
_STAND_IN = re.compile(r"\[(?:erased|user \d+)\]")
_HAN = re.compile(r"[㐀-鿿]")
# Scripts written without spaces, and Korean, whose particles follow a name at once: a foreign name
# or number ends where they begin. Kana, Han, Hangul, Thai, Lao, Burmese, Khmer.
_UNSPACED = "぀-ヿㇰ-ㇿ㐀-鿿豈-﫿가-힣ก-๛ກ-ໟက-႟ក-៿\U00020000-\U0003ffff"
_LETTER = rf"[^\W_{_UNSPACED}]"
_LEAST_LETTERS, _LEAST_HAN, _LEAST_DIGITS = 4, 2, 6


@dataclass(frozen=True)
class Marks:
    """The names, emails and telephone numbers of one person; what is too short tells of nobody.

    `stand_in` is what is written in their place.
    """

    texts: tuple[str, ...]
    stand_in: str = BLOTTED

    @classmethod
    def of(cls, texts: Iterable[str | None], *, stand_in: str = BLOTTED) -> "Marks":
        """Return the marks among these texts, the longest first."""
        stripped = {text.strip() for text in texts if text}
        kept = {text for text in stripped if _is_telling(text) and not _STAND_IN.fullmatch(text)}
        return cls(tuple(sorted(kept, key=lambda text: (-len(text), text))), stand_in)

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
            return self.pattern.sub(self.stand_in, value)
        if isinstance(value, list):
            return [self.blotted(one) for one in value]
        if isinstance(value, dict):
            return {self.blotted(key): self.blotted(one) for key, one in value.items()}
        return value

    @property
    def fragments(self) -> tuple[str, ...]:
        """Stretches without spaces, one of each: a database finds by them what may hold a mark."""
        return tuple(dict.fromkeys(max(text.split(), key=len) for text in self.texts))


def pseudonym_of(user_id: int) -> str:
    """Return what stands for a colleague who was erased, in every text and table."""
    return f"[user {user_id}]"


def erased_user(name: str) -> int | None:
    """Return the user for whom a pseudonym stands, None for any other name."""
    found = re.fullmatch(r"\[user (\d{1,18})\]", name)
    return int(found[1]) if found else None


def gaps_of(kept: str, text: str) -> list[str]:
    """Return what a text has where the kept one has stand-ins; nothing if it differs elsewhere."""
    first, *others = _STAND_IN.split(kept)
    if not others or not text.startswith(first):
        return []
    gaps, place = [], len(first)
    for number, other in enumerate(others, start=1):
        is_last = number == len(others)
        end = len(text) - len(other) if is_last else text.find(other, place)
        if end < place or text[end : end + len(other)] != other:
            return []
        gaps.append(text[place:end])
        place = end + len(other)
    return gaps


def _is_telling(text: str) -> bool:
    if _HAN.search(text):
        return len(_HAN.findall(text)) >= _LEAST_HAN
    if not any(char.isalpha() for char in text):
        return sum(char.isdigit() for char in text) >= _LEAST_DIGITS
    return sum(char.isalnum() for char in text) >= _LEAST_LETTERS


def _spelled(text: str) -> str:
    words = r"\s+".join(re.escape(word) for word in text.split())
    before = f"(?<!{_LETTER})" if text[0].isalnum() and not _HAN.match(text[0]) else ""
    after = f"(?!{_LETTER})" if text[-1].isalnum() and not _HAN.match(text[-1]) else ""
    return f"{before}{words}{after}"
