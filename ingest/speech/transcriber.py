"""Speech to text as the importer sees it: a protocol, and the transcript that it yields."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from ingest.speech.channels import Channel
from ingest.speech.parts import PartStore
from ingest.speech.words import Word


@dataclass(frozen=True)
class Utterance:
    """A stretch of speech by one speaker; times in milliseconds from the start.

    `confidence` is the mean probability of its words, 0 to 1. `voice` tells the speakers of one
    channel apart (`Speaker 1` spoke first), None where nobody told them apart.
    """

    channel: Channel
    start_ms: int
    end_ms: int
    text: str
    confidence: float | None = None
    words: tuple[Word, ...] = ()
    voice: str | None = None


@dataclass(frozen=True)
class Transcript:
    """What was heard, in order of time; `language` is an ISO 639-1 code, None if unknown.

    `dropped` counts words left out because nobody spoke them.
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
        parts: PartStore | None = None,
    ) -> Transcript:
        """Return what is said in the file.

        `language` None means detect it; `hints` are names and words to expect, the most likely
        first; `progress` is told the fraction done. `parts` keeps what is finished, so that a
        recording begun earlier goes on where it stopped. BadInput for a file without audio or
        speech, or cut off; TransientError if it may work later.
        """
        ...
