"""Speech to text as the importer sees it: a protocol, and the transcript that it yields."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

Channel = Literal["left", "right", "mono"]


@dataclass(frozen=True)
class Utterance:
    """A stretch of speech by one speaker; times in milliseconds from the start.

    `confidence` is the mean probability of its words, 0 to 1.
    """

    channel: Channel
    start_ms: int
    end_ms: int
    text: str
    confidence: float | None = None


@dataclass(frozen=True)
class Transcript:
    """What was heard, in order of time; `language` is an ISO 639-1 code, None if unknown.

    `dropped` counts stretches left out because they were probably invented.
    """

    utterances: tuple[Utterance, ...]
    language: str | None
    duration_ms: int
    dropped: int = 0

    @property
    def is_stereo(self) -> bool:
        """Say whether each speaker has a channel of their own."""
        return any(one.channel != "mono" for one in self.utterances)


@runtime_checkable
class Transcriber(Protocol):
    """Turns a recording into a transcript."""

    def transcribe(
        self,
        path: Path,
        *,
        language: str | None,
        hints: Sequence[str],
        progress: Callable[[float], None] | None,
    ) -> Transcript:
        """Return what is said in the file.

        `language` None means detect it; `hints` are names and words to expect; `progress` is
        told the fraction done. BadInput for a file without audio or speech, or cut off.
        """
        ...
