"""Who speaks when in one channel, as the transcriber sees it: a protocol in two steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ingest.speech.channels import Samples


@dataclass(frozen=True)
class VoicePrint:
    """How a stretch of speech sounds; `vector` has unit length, times are milliseconds."""

    start_ms: int
    end_ms: int
    vector: tuple[float, ...]


@dataclass(frozen=True)
class VoiceTurn:
    """A stretch by one voice; voices are numbered from 1 in the order of their first words."""

    start_ms: int
    end_ms: int
    voice: int


class Diarizer(Protocol):
    """Tells voices apart. Prints are made part by part, so that they can be kept over a crash."""

    name: str

    def listen(self, samples: Samples, *, offset_ms: int = 0) -> list[VoicePrint]:
        """Return the prints of the speech in a part of a recording: 16 kHz, mono, float32."""
        ...

    def group(self, prints: Sequence[VoicePrint], *, voices: int | None = None) -> list[VoiceTurn]:
        """Return who speaks when over the whole recording, given the number of voices if known."""
        ...
