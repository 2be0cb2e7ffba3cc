"""Sounds written to files, and a recogniser that hears what it is told to."""

import os
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.speech.channels import Samples
from ingest.speech.diarizer import VoicePrint, VoiceTurn
from ingest.speech.packing import Packed
from ingest.speech.recogniser import Recognised
from ingest.speech.words import Heard, Word

RATE = 16_000
RECORDINGS = Path(__file__).parents[1] / "ingest" / "demo" / "recordings"
CALL = RECORDINGS / "northvale_security_call.ogg"
CHINESE_CALL = RECORDINGS / "huarui_pricing_call.ogg"
VOICEMAIL = RECORDINGS / "cedar_ridge_voicemail.ogg"

Track = NDArray[np.float64]


def tone(seconds: float, hertz: float = 440.0) -> Track:
    return 0.4 * np.sin(2 * np.pi * hertz * np.arange(int(RATE * seconds)) / RATE)


def write_wave(path: Path, *tracks: Track) -> Path:
    samples = (np.stack(tracks, axis=1) * 32_000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(tracks))
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return path


@dataclass
class ScriptedRecogniser:
    """Says where a window lies, then `words`, in each; `dies_at` ends the process in that call."""

    words: tuple[str, ...] = (" We", " talk", " about", " it.")
    language: str | None = "en"
    dies_at: int | None = None
    log: Path | None = None
    starts_ms: list[int] = field(default_factory=list)
    languages: list[str | None] = field(default_factory=list)
    windows_asked: int = 0
    name: str = "scripted"

    def detect_language(self, windows: Sequence[Samples]) -> str | None:
        self.windows_asked += len(windows)
        return self.language

    def recognise(
        self,
        packed: Packed,
        *,
        language: str | None,
        hints: Sequence[str],
        progress: Callable[[float], None],
    ) -> Recognised:
        self.starts_ms.append(packed.restore(0, 0)[0])
        self.languages.append(language)
        if self.log:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(f"{self.starts_ms[-1]}\n")
        if len(self.starts_ms) == self.dies_at:
            os._exit(9)
        progress(0.5)
        heard = tuple(self._heard(packed, number) for number in range(len(packed.windows)))
        return Recognised(heard, language)

    def _heard(self, packed: Packed, number: int) -> Heard:
        window = packed.windows[number]
        begin, end = window.start / RATE, window.end / RATE
        said = (f" {packed.restore(begin, begin)[0]}", *self.words)
        step = (end - begin) / len(said)
        words = tuple(
            Word(text, *packed.restore(begin + place * step, begin + (place + 1) * step), 0.9)
            for place, text in enumerate(said)
        )
        return Heard(words, 0.1, -0.2)


@dataclass
class ScriptedDiarizer:
    """Hears a voice change every `turn_ms`; the prints say no more than when."""

    turn_ms: int = 10_000
    listened: list[int] = field(default_factory=list)
    name: str = "by the clock"

    def listen(self, samples: Samples, *, offset_ms: int = 0) -> list[VoicePrint]:
        self.listened.append(offset_ms)
        length = len(samples) * 1000 // RATE
        return [
            VoicePrint(offset_ms + start, offset_ms + min(start + 1000, length), (0.6, 0.8))
            for start in range(0, length, 1000)
        ]

    def group(self, prints: Sequence[VoicePrint], *, voices: int | None = None) -> list[VoiceTurn]:
        return [
            VoiceTurn(one.start_ms, one.end_ms, 2 - one.start_ms // self.turn_ms % 2)
            for one in prints
        ]
