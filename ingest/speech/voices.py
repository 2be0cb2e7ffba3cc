"""The embedded diarizer: prints by the voice encoder, sorted by voice, joined into turns."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.speech.activity import FRAME_MS, find_speech
from ingest.speech.channels import SAMPLE_RATE, Samples
from ingest.speech.clustering import Array, Labels, centres_of, sort_by_voice
from ingest.speech.diarizer import VoicePrint, VoiceTurn
from ingest.speech.voiceprint import (
    DIMENSIONS,
    WINDOW_FRAMES,
    WINDOW_MS,
    VoiceEncoder,
    levelled,
    mel_frames,
)
from ingest.speech.voiceprint import FRAME_MS as MEL_MS

HOP_FRAMES = 40
# Grows when the same sound would be told apart otherwise.
METHOD = f"ge2e 1, {WINDOW_MS} ms every {HOP_FRAMES * MEL_MS} ms"

# Speech is where the detector is sure of some of it; its edges are where it doubts all of it.
_SURE = 0.5
_MAYBE = 0.2
_PAUSE_MS = 150
_MARGIN_MS = 60
_SHORTEST_MS = 250

# What a change of voice has to gain in cosine, within speech and after a pause.
_CHANGE_COST = 0.15
_CHANGE_COST_AFTER_PAUSE = 0.05
_SETTLING_ROUNDS = 12
# Less speech than this is no voice of its own, in seconds and as a share of all.
_LEAST_SECONDS = 3.0
_LEAST_SHARE = 0.015
# Two halves of one voice's speech are at least this alike (0.90 in the worst case measured), those
# of two voices less (0.88 in the worst case: two women on one telephone line, 24 s).
_ONE_VOICE = 0.89
# A mean of few prints wanders: so alike are two prints of one voice, and from so many windows of
# speech on its mean hardly moves.
_PRINTS_ALIKE = 0.7
_STEADY_WINDOWS = 6.25

Times = NDArray[np.int64]


class VoiceDiarizer:
    """Tells voices apart without a network; loads the encoder's weights when made."""

    name = METHOD

    def __init__(self, weights: Path) -> None:
        """Load the encoder; PermanentError if its file is missing or damaged."""
        self._encoder = VoiceEncoder(weights)

    def listen(self, samples: Samples, *, offset_ms: int = 0) -> list[VoicePrint]:
        """Return a print for every 0.4 s of speech, each of up to 1.6 s; 16 kHz, mono, float32."""
        stretches = _speech_in(samples)
        if not stretches:
            return []
        speech = np.concatenate([_cut(samples, *stretch) for stretch in stretches])
        mels = mel_frames(levelled(samples, speech))
        spans = [span for stretch in stretches for span in _windows(*stretch)]
        windows = np.stack([_window(mels, *span) for span in spans])
        vectors = self._encoder.embed(windows).tolist()
        return [
            VoicePrint(offset_ms + start, offset_ms + end, tuple(vector))
            for (start, end), vector in zip(spans, vectors, strict=True)
        ]

    def group(self, prints: Sequence[VoicePrint], *, voices: int | None = None) -> list[VoiceTurn]:
        """Return the turns in order of time; every stretch that was listened to is in one."""
        if not prints:
            return []
        times = np.array([(one.start_ms, one.end_ms) for one in prints], np.int64)
        vectors = np.empty((len(prints), DIMENSIONS), np.float64)
        for number, one in enumerate(prints):
            vectors[number] = one.vector
        order = np.argsort(times[:, 0], kind="stable")
        times, vectors = times[order], vectors[order]
        weights = np.minimum((times[:, 1] - times[:, 0]) / WINDOW_MS, 1.0)
        labels = sort_by_voice(vectors, weights, voices=voices)
        labels = _settled(times, vectors, weights, labels, is_fixed=voices is not None)
        return _turns(times, labels)


def _speech_in(samples: Samples) -> list[tuple[int, int]]:
    """Return (start, end) in milliseconds of stretches of speech, by one voice or several."""
    likelihood = find_speech(samples).likelihood
    maybe = np.concatenate([[0], (likelihood >= _MAYBE).astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(maybe)).reshape(-1, 2).tolist()
    length_ms = len(samples) * 1000 // SAMPLE_RATE
    stretches: list[tuple[int, int]] = []
    for first, last in edges:
        if likelihood[first:last].max() < _SURE:
            continue
        start = max(0, first * FRAME_MS - _MARGIN_MS)
        end = min(length_ms, last * FRAME_MS + _MARGIN_MS)
        if stretches and start - stretches[-1][1] <= _PAUSE_MS:
            stretches[-1] = (stretches[-1][0], end)
        else:
            stretches.append((start, end))
    return [(start, end) for start, end in stretches if end - start >= _SHORTEST_MS]


def _cut(samples: Samples, start_ms: int, end_ms: int) -> Samples:
    return samples[start_ms * SAMPLE_RATE // 1000 : end_ms * SAMPLE_RATE // 1000]


def _windows(start_ms: int, end_ms: int) -> list[tuple[int, int]]:
    """Return windows that cover a stretch evenly; one shorter than a window is one."""
    room = (end_ms - start_ms - WINDOW_MS) // MEL_MS
    if room <= 0:
        return [(start_ms, end_ms)]
    starts = np.linspace(0, room, -(-room // HOP_FRAMES) + 1).round().astype(int) * MEL_MS
    return [(start_ms + at, start_ms + at + WINDOW_MS) for at in starts.tolist()]


def _window(mels: NDArray[np.float32], start_ms: int, end_ms: int) -> NDArray[np.float32]:
    """Return the frames of a window, repeated where there are too few to fill one."""
    frames = mels[start_ms // MEL_MS : end_ms // MEL_MS]
    times = -(-WINDOW_FRAMES // len(frames))
    return np.tile(frames, (times, 1))[:WINDOW_FRAMES]


def _settled(
    times: Times, vectors: Array, weights: Array, labels: Labels, *, is_fixed: bool
) -> Labels:
    """Return the labels after voices and turns were fitted to each other, again and again.

    Voices that hardly speak, or that sound as another does, are given up unless their number is
    fixed.
    """
    costs = np.where(times[1:, 0] > times[:-1, 1], _CHANGE_COST_AFTER_PAUSE, _CHANGE_COST)
    for _ in range(_SETTLING_ROUNDS):
        labels = np.unique(labels, return_inverse=True)[1].astype(np.intp)
        centres = centres_of(vectors, weights, labels)
        if not is_fixed:
            centres = _distinct(centres, np.bincount(labels, weights).astype(np.float64))
        after = _likeliest(vectors @ centres.T * weights[:, None], costs)
        if np.array_equal(after, labels):
            break
        labels = after
    return labels


def _distinct(centres: Array, weights: Array) -> Array:
    """Return the centres without the smallest if it is too small, else with two alike made one."""
    # Prints come every hop, so that their weights are seconds by this much.
    seconds = weights * HOP_FRAMES * MEL_MS / 1000
    needed = min(max(_LEAST_SECONDS, _LEAST_SHARE * seconds.sum()), seconds.sum() / 8)
    smallest = int(seconds.argmin())
    if len(centres) > 1 and seconds[smallest] < needed:
        return np.delete(centres, smallest, axis=0)
    steady = _steadiness(seconds * 1000 / WINDOW_MS)
    alike = centres @ centres.T / np.sqrt(np.outer(steady, steady)) - 2 * np.eye(len(centres))
    one, other = divmod(int(alike.argmax()), len(centres))
    if len(centres) > 1 and alike[one, other] > _ONE_VOICE:
        both = centres[one] * seconds[one] + centres[other] * seconds[other]
        centres[one] = both / np.linalg.norm(both)
        return np.delete(centres, other, axis=0)
    return centres


def _steadiness(windows: Array) -> Array:
    """Return how alike the means of two samples of one voice are, against those of long ones."""

    def expected(count: Array) -> Array:
        return _PRINTS_ALIKE / (_PRINTS_ALIKE + (1 - _PRINTS_ALIKE) / count)

    few: Array = np.minimum(windows, _STEADY_WINDOWS)
    return expected(np.maximum(few, 0.5)) / expected(np.array(_STEADY_WINDOWS))


def _likeliest(scores: Array, costs: Array) -> Labels:
    """Return the voice of each print such that likeness less the cost of changes is greatest.

    `scores` are (prints, voices), `costs` those of a change before each print but the first.
    """
    best = scores[0]
    came_from = np.zeros(scores.shape, np.intp)
    voices = np.arange(scores.shape[1])
    for number in range(1, len(scores)):
        leader = int(best.argmax())
        changed = best[leader] - costs[number - 1]
        came_from[number] = np.where(best >= changed, voices, leader)
        best = np.maximum(best, changed) + scores[number]
    labels = np.empty(len(scores), np.intp)
    labels[-1] = best.argmax()
    for number in range(len(scores) - 1, 0, -1):
        labels[number - 1] = came_from[number, labels[number]]
    return labels


def _turns(times: Times, labels: Labels) -> list[VoiceTurn]:
    """Return turns: where prints of two voices overlap, halfway between their middles."""
    numbers: dict[int, int] = {}
    turns: list[VoiceTurn] = []
    middles = times.mean(axis=1)
    for place, label in enumerate(labels.tolist()):
        voice = numbers.setdefault(label, len(numbers) + 1)
        start, end = (int(time) for time in times[place])
        if turns and turns[-1].end_ms >= start:
            if turns[-1].voice == voice:
                turns[-1] = VoiceTurn(turns[-1].start_ms, max(end, turns[-1].end_ms), voice)
                continue
            start = int(middles[place - 1] + middles[place]) // 2
            last = turns.pop()
            turns.append(VoiceTurn(last.start_ms, max(last.start_ms + 1, start), last.voice))
        turns.append(VoiceTurn(start, max(end, start + 1), voice))
    return turns
