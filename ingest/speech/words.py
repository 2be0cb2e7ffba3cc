"""A recognised word with its time."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """A word as recognised, with the space before it; times in milliseconds.

    `probability` is the recogniser's, 0 to 1; None where it states none.
    """

    text: str
    start_ms: int
    end_ms: int
    probability: float | None


@dataclass(frozen=True)
class Heard:
    """A stretch as the recogniser returned it, with its own measures of silence and of doubt.

    `no_speech` is a probability, `log_probability` the mean over what was written.
    """

    words: tuple[Word, ...]
    no_speech: float
    log_probability: float
