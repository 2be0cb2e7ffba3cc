"""How a draft should sound: what was learned of the rep and the customer, over the house style."""

from dataclasses import dataclass
from typing import Literal

Formality = Literal["formal", "neutral", "casual"]


@dataclass(frozen=True)
class Swap:
    """A phrase that this rep or the company avoids, and what is written in its place."""

    phrase: str
    instead: str


@dataclass(frozen=True)
class Style:
    """What is known; None leaves the choice to the kind of draft.

    `greeting` and `sign_off` hold `{name}`, `{first}`, `{surname}`, `{title}` or `{sender}` where
    the person goes; `sources` say in words where each comes from, for the rep to see.
    """

    greeting: str | None = None
    sign_off: str | None = None
    most_words: int | None = None
    formality: Formality | None = None
    swaps: tuple[Swap, ...] = ()
    sources: tuple[str, ...] = ()
