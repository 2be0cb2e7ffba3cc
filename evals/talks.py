"""Conversations put together from single voices, so that who speaks when is known to the frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.speech.channels import SAMPLE_RATE, Samples

_FRAME_MS = 10
_FRAME = SAMPLE_RATE * _FRAME_MS // 1000
# Silence within a clip up to this long belongs to what is said around it.
_BREATH_MS = 250
_QUIETER_DB = 25
_MAX_OVERLAP_MS = 700
_MAX_PAUSE_MS = 900
_RATE_PER_MS = SAMPLE_RATE // 1000

Phrases = list[tuple[int, int]]
Voices = Mapping[str, Sequence[Samples]]


@dataclass(frozen=True)
class Spoken:
    """That a voice is heard from one time to another, in milliseconds."""

    start_ms: int
    end_ms: int
    voice: str


@dataclass(frozen=True)
class Talk:
    """A mono recording at 16 kHz and who speaks when in it."""

    samples: Samples
    spoken: tuple[Spoken, ...]

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / SAMPLE_RATE


def voices_in(folder: Path) -> dict[str, list[Samples]]:
    """Return the clips of each voice: one subfolder a voice, any sound files in it."""
    from faster_whisper import decode_audio

    return {
        inner.name: [
            np.asarray(decode_audio(str(path)), np.float32)
            for path in sorted(inner.iterdir())
            if path.suffix.lower() in {".wav", ".flac", ".ogg", ".mp3"}
        ]
        for inner in sorted(folder.iterdir())
        if inner.is_dir()
    }


def phrases_of(samples: Samples) -> Phrases:
    """Return (start, end) in milliseconds of the speech in a clean recording of one voice."""
    whole = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = np.convolve(np.mean(np.square(whole), axis=1), np.ones(3) / 3, "same")
    loud = power > np.percentile(power, 95) / 10 ** (_QUIETER_DB / 10)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(np.int8)))
    phrases: Phrases = []
    for start, end in (edges * _FRAME_MS).reshape(-1, 2).tolist():
        if phrases and start - phrases[-1][1] <= _BREATH_MS:
            phrases[-1] = (phrases[-1][0], end)
        else:
            phrases.append((start, end))
    return [(start, end) for start, end in phrases if end - start >= 100]


def make_talk(
    voices: Voices, *, seconds: float, seed: int, shares: Sequence[float] | None = None
) -> Talk:
    """Return voices taking turns of 0.5 to 14 s, one in five of them short, with overlaps.

    `shares` are how likely each voice is to take the next turn; equal without it.
    """
    chance = np.random.default_rng(seed)
    names = list(voices)
    phrases = {name: [phrases_of(clip) for clip in clips] for name, clips in voices.items()}
    odds = np.asarray(shares or [1.0] * len(names))
    placed: list[tuple[int, Samples, str]] = []
    at_ms, last = 500, ""
    while at_ms < seconds * 1000:
        allowed = odds * [name != last or len(names) == 1 for name in names]
        last = names[int(chance.choice(len(names), p=allowed / allowed.sum()))]
        turn = _turn(voices[last], phrases[last], chance)
        placed.append((at_ms, turn, last))
        pause_ms = int(chance.uniform(-_MAX_OVERLAP_MS, _MAX_PAUSE_MS))
        at_ms = max(at_ms + 200, at_ms + len(turn) // _RATE_PER_MS + pause_ms)
    return _laid(placed)


def _turn(
    clips: Sequence[Samples], phrases_in: Sequence[Phrases], chance: np.random.Generator
) -> Samples:
    number = int(chance.integers(len(clips)))
    clip, phrases = clips[number], phrases_in[number]
    wanted_ms = chance.uniform(500, 1200) if chance.random() < 0.2 else chance.uniform(1500, 14000)
    first = int(chance.integers(len(phrases)))
    start = phrases[first][0]
    end = min(phrases[-1][1], start + int(wanted_ms))
    cut = clip[start * _RATE_PER_MS : end * _RATE_PER_MS].copy()
    rms = float(np.sqrt(np.mean(np.square(cut)))) or 1.0
    return cut * np.float32(0.06 / rms)


def _laid(placed: Sequence[tuple[int, Samples, str]]) -> Talk:
    length = max(start * _RATE_PER_MS + len(turn) for start, turn, _ in placed) + SAMPLE_RATE // 2
    mixed: Samples = np.zeros(length, np.float32)
    spoken = []
    for start_ms, turn, voice in placed:
        begin = start_ms * _RATE_PER_MS
        mixed[begin : begin + len(turn)] += turn
        spoken += [Spoken(start_ms + a, start_ms + b, voice) for a, b in phrases_of(turn)]
    return Talk(mixed, tuple(sorted(spoken, key=lambda one: (one.start_ms, one.end_ms))))


def channels_mixed(channels: Mapping[str, Samples]) -> Talk:
    """Return the channels of a recording, one voice each, as one mono talk."""
    mixed: Samples = np.mean(list(channels.values()), axis=0, dtype=np.float32)
    spoken = [
        Spoken(start, end, name)
        for name, samples in channels.items()
        for start, end in phrases_of(samples)
    ]
    return Talk(mixed, tuple(sorted(spoken, key=lambda one: (one.start_ms, one.end_ms))))


def telephone(talk: Talk) -> Talk:
    """Return it as a telephone line carries it: some 300 to 3,400 Hz, 8 bits by the μ-law."""
    length = len(talk.samples)
    hertz = np.fft.rfftfreq(length, 1 / SAMPLE_RATE)
    low = np.sqrt(1 + (300 / np.maximum(hertz, 1e-3)) ** 4)
    high = np.sqrt(1 + (hertz / 3_400) ** 8)
    band = np.where(hertz < 4_000, 1 / (low * high), 0)
    narrow = _real(np.fft.rfft(talk.samples) * band, length)
    pressed = np.log1p(255 * np.clip(np.abs(narrow), 0, 1)) / np.log(256)
    steps = np.round(pressed * 127) / 127
    return replace(talk, samples=(np.sign(narrow) * (256**steps - 1) / 255).astype(np.float32))


def noisy(talk: Talk, *, snr_db: float, seed: int) -> Talk:
    """Return it with pink noise, so many decibels below the mean power of the whole."""
    length = len(talk.samples)
    white = np.random.default_rng(seed).standard_normal(length)
    pink = _real(np.fft.rfft(white) / np.sqrt(np.arange(length // 2 + 1) + 10), length)
    wanted = np.mean(np.square(talk.samples)) / 10 ** (snr_db / 10)
    scale = np.sqrt(wanted / np.mean(np.square(pink)))
    return replace(talk, samples=(talk.samples + pink * scale).astype(np.float32))


def _real(spectrum: NDArray[np.complex128], length: int) -> Samples:
    samples: Samples = np.fft.irfft(spectrum, length).astype(np.float32)
    return samples
