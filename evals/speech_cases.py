"""Recordings to hear, made of the demo's: other lengths, bands and noises, and no speech at all."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from ingest.speech.channels import SAMPLE_RATE, open_sound

Track = NDArray[np.float32]

CALL = "northvale_security_call"
CHINESE_CALL = "huarui_pricing_call"
VOICEMAIL = "cedar_ridge_voicemail"
_FRAME = SAMPLE_RATE // 50


@dataclass(frozen=True)
class Case:
    """A recording as tracks at `rate`, with what is said in it; empty if nobody speaks."""

    name: str
    tracks: tuple[Track, ...]
    said: str
    language: str
    rate: int = SAMPLE_RATE

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.tracks[0]) / self.rate

    def write(self, folder: Path) -> Path:
        """Write it as FLAC, or as telephone exchanges do at 8 kHz, and return its path."""
        is_phone = self.rate == 8_000
        path = folder / f"{self.name.replace(' ', '_')}.{'wav' if is_phone else 'flac'}"
        layout = "stereo" if len(self.tracks) == 2 else "mono"
        pcm = (np.clip(np.stack(self.tracks, axis=1), -1, 1) * 32_767).astype("<i2")
        with av.open(str(path), "w") as container:
            codec = "pcm_mulaw" if is_phone else "flac"
            stream: Any = container.add_stream(codec, rate=self.rate, layout=layout)
            for start in range(0, len(pcm), self.rate * 10):
                block = np.ascontiguousarray(pcm[start : start + self.rate * 10]).reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(block, "s16", layout)
                frame.sample_rate = self.rate
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path


def speech_cases() -> Iterator[Case]:
    """Yield the short recordings in which somebody speaks."""
    call, chinese, voicemail = (recorded(one) for one in (CALL, CHINESE_CALL, VOICEMAIL))
    yield Case("call, stereo", call, said(CALL), "en")
    yield Case("call, mono", (_mixed(call),), said(CALL), "en")
    yield Case("voicemail, mono", voicemail, said(VOICEMAIL), "en")
    yield Case("Chinese call, mono", chinese, said(CHINESE_CALL), "zh")
    yield Case("call, telephone", (_telephone(_mixed(call)),), said(CALL), "en", 8_000)
    yield Case(
        "Chinese call, telephone", (_telephone(chinese[0]),), said(CHINESE_CALL), "zh", 8_000
    )
    for decibels in (20, 10, 5):
        noisy = _with_noise(_mixed(call), decibels)
        yield Case(f"call, noise {decibels} dB below", (noisy,), said(CALL), "en")
    yield Case(
        "Chinese call, noise 10 dB below", (_with_noise(chinese[0], 10),), said(CHINESE_CALL), "zh"
    )


def empty_cases(seconds: int = 60) -> Iterator[Case]:
    """Yield recordings in which nobody speaks."""
    size = seconds * SAMPLE_RATE
    chance = np.random.default_rng(3)
    hiss = chance.normal(0, 0.003, size).astype(np.float32)
    yield Case("near silence", (hiss,), "", "en")
    yield Case("white noise", (chance.normal(0, 0.1, size).astype(np.float32),), "", "en")
    yield Case("pink noise", (_pink(size) * 0.2,), "", "en")
    yield Case("babble-like noise", (_modulated(_pink(size)) * 0.3,), "", "en")
    yield Case("piano-like music", (_music(seconds, drums=False),), "", "en")
    yield Case("music with drums", (_music(seconds, drums=True),), "", "en")
    yield Case("gliding voice-like tone", (_vowels(seconds),), "", "en")
    yield Case("ringing and key tones", (_ringing(seconds),), "", "en")


def long_call(minutes: float, *, share_of_speech: float = 1.0, seed: int = 1) -> Case:
    """Return a stereo call of this length: the demo call's turns in a random order, with pauses.

    With a small share of speech, the pauses are long.
    """
    chance = np.random.default_rng(seed)
    turns = _turns()
    left: list[Track] = []
    right: list[Track] = []
    words: list[str] = []
    length = 0
    while length < minutes * 60 * SAMPLE_RATE:
        side, sound, text = turns[int(chance.integers(len(turns)))]
        rest = (1 / share_of_speech - 1) * len(sound)
        pause = int(rest + chance.uniform(0.3, 1.5) * SAMPLE_RATE)
        piece = np.concatenate([sound, np.zeros(pause, np.float32)])
        piece = piece * np.float32(chance.uniform(0.6, 1.2))
        for track, is_own in ((left, side == 0), (right, side == 1)):
            track.append(piece if is_own else np.zeros_like(piece))
        words.append(text)
        length += len(piece)
    tracks = (np.concatenate(left), np.concatenate(right))
    return Case(f"call of {minutes:g} min, stereo", tracks, " ".join(words), "en")


@cache
def recorded(stem: str) -> tuple[Track, ...]:
    """Return a demo recording's tracks."""
    blocks = list(open_sound(_folder() / f"{stem}.ogg").blocks())
    return tuple(np.concatenate([block[name] for block in blocks]) for name in blocks[0])


def said(stem: str) -> str:
    """Return what is said in a demo recording."""
    return " ".join(turn["text"] for turn in _script(stem))


def _folder() -> Path:
    return Path(str(files("ingest.demo") / "recordings"))


def _script(stem: str) -> list[dict[str, str]]:
    turns: list[dict[str, str]] = json.loads((_folder() / f"{stem}.script.json").read_text("utf-8"))
    return turns


def _turns() -> list[tuple[int, Track, str]]:
    """Return the stereo call's turns: channel, sound, words. A turn ends where the other begins."""
    tracks = recorded(CALL)
    size = len(tracks[0]) // _FRAME
    levels = np.stack(
        [np.abs(track[: size * _FRAME]).reshape(size, _FRAME).max(axis=1) for track in tracks]
    )
    loud = np.flatnonzero(levels.max(axis=0) > 0.02)
    sides = levels[:, loud].argmax(axis=0)
    starts = [0, *(np.flatnonzero(np.diff(sides)) + 1).tolist()]
    script = _script(CALL)
    if len(starts) != len(script):
        raise AssertionError(f"{len(starts)} turns heard, {len(script)} written")
    found = []
    for number, first in enumerate(starts):
        last = (starts[number + 1] if number + 1 < len(starts) else len(loud)) - 1
        side = int(sides[first])
        begin, end = max(0, loud[first] - 5) * _FRAME, (loud[last] + 6) * _FRAME
        found.append((side, tracks[side][begin:end], script[number]["text"]))
    return found


def _mixed(tracks: tuple[Track, ...]) -> Track:
    mixed: Track = np.sum(tracks, axis=0, dtype=np.float32)
    return mixed


def _telephone(track: Track) -> Track:
    """Return 300-3400 Hz of it at 8 kHz."""
    spectrum = np.fft.rfft(track)
    hertz = np.fft.rfftfreq(len(track), 1 / SAMPLE_RATE)
    spectrum[(hertz < 300) | (hertz > 3_400)] = 0
    narrow: Track = np.fft.irfft(spectrum, len(track))[::2].astype(np.float32)
    return narrow


def _with_noise(track: Track, decibels: float) -> Track:
    """Return it with pink noise that much below the level of its speech."""
    level = float(np.sqrt(np.mean(np.square(track[np.abs(track) > 0.01]))))
    noise = _pink(len(track))
    factor = level * 10 ** (-decibels / 20) / float(np.sqrt(np.mean(np.square(noise))))
    return (track + noise * np.float32(factor)).astype(np.float32)


def _pink(size: int) -> Track:
    spectrum = np.fft.rfft(np.random.default_rng(5).normal(0, 1, size))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    noise = np.fft.irfft(spectrum, size)
    pink: Track = (noise / np.max(np.abs(noise))).astype(np.float32)
    return pink


def _modulated(noise: Track) -> Track:
    """Return noise that swells and fades as fast as syllables do."""
    at = np.arange(len(noise)) / SAMPLE_RATE
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * 4 * at) * np.sin(2 * np.pi * 0.3 * at)
    return (noise * swell).astype(np.float32)


def _music(seconds: int, *, drums: bool) -> Track:
    """Return chords struck twice a second, each note with five overtones that fade."""
    chance = np.random.default_rng(11)
    total = np.zeros(seconds * SAMPLE_RATE, np.float32)
    at = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    for beat in range(seconds * 2 - 2):
        root = 110 * 2 ** (float(chance.integers(0, 12)) / 12)
        chord = np.zeros_like(at)
        for step in (0, 4, 7, 12):
            hertz = root * 2 ** (step / 12)
            for overtone in range(1, 6):
                fade = np.exp(-3 * overtone * at) / overtone
                chord += fade * np.sin(2 * np.pi * hertz * overtone * at)
        if drums:
            chord += np.exp(-30 * at) * chance.normal(0, 2, len(at))
            chord += 4 * np.exp(-12 * at) * np.sin(2 * np.pi * 60 * at)
        start = beat * SAMPLE_RATE // 2
        total[start : start + len(at)] += (0.04 * chord).astype(np.float32)
    return total


def _vowels(seconds: int) -> Track:
    """Return a buzz through moving formants: it sounds like a voice and says nothing."""
    at = np.arange(seconds * SAMPLE_RATE) / SAMPLE_RATE
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.4 * at)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    first = 500 + 250 * np.sin(2 * np.pi * 0.7 * at)
    second = 1_500 + 600 * np.sin(2 * np.pi * 0.9 * at + 1)
    sound = np.zeros_like(at)
    for harmonic in range(1, 25):
        hertz = harmonic * pitch
        gain = np.exp(-(((hertz - first) / 120) ** 2)) + np.exp(-(((hertz - second) / 160) ** 2))
        sound += gain * np.sin(harmonic * phase)
    breath = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * 0.5 * at))
    return (0.1 * sound * breath).astype(np.float32)


def _ringing(seconds: int) -> Track:
    """Return a ringing tone, then key tones."""
    at = np.arange(seconds * SAMPLE_RATE) / SAMPLE_RATE
    ring = (np.sin(2 * np.pi * 440 * at) + np.sin(2 * np.pi * 480 * at)) * (at % 6 < 2)
    keys = (np.sin(2 * np.pi * 770 * at) + np.sin(2 * np.pi * 1_336 * at)) * (at % 0.4 < 0.2)
    return (0.2 * np.where(at < seconds / 2, ring, keys)).astype(np.float32)
