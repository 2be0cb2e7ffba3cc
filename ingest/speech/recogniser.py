"""What turns packed speech into words: a protocol, with what it returns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ingest.speech.channels import Samples
from ingest.speech.packing import Packed
from ingest.speech.words import Heard


@dataclass(frozen=True)
class Recognised:
    """The stretches heard in a part, in order, and their language (ISO 639-1) if known."""

    stretches: tuple[Heard, ...]
    language: str | None


class Recogniser(Protocol):
    """Hears the words in a part. `name` says all of it that could change what is heard."""

    @property
    def name(self) -> str:
        """The model, and how it is asked."""
        ...

    def detect_language(self, windows: Sequence[Samples]) -> str | None:
        """Return the language spoken in these windows; None if it only shows later, or nowhere."""
        ...

    def recognise(
        self,
        packed: Packed,
        *,
        language: str | None,
        hints: Sequence[str],
        progress: Callable[[float], None],
    ) -> Recognised:
        """Return what is said; `progress` is told the fraction done.

        TransientError if it may work later, PermanentError if it never will.
        """
        ...
