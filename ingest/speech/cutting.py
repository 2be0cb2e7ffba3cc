"""Where a long recording is cut into parts: in a pause, after some five minutes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ingest.speech.activity import FRAME, Activity, find_speech
from ingest.speech.channels import SAMPLE_RATE, Channel, Samples, Sound

PLAN = "parts of 4-6 min, cut in the longest pause"
EARLIEST_CUT = 4 * 60 * SAMPLE_RATE
LATEST_CUT = 6 * 60 * SAMPLE_RATE


@dataclass(frozen=True)
class Part:
    """A stretch of a recording: its number from 0, where it lies in samples, and its sound."""

    number: int
    start: int
    end: int
    tracks: dict[Channel, Samples]


def cut_parts(sound: Sound, known_ends: Sequence[int] = ()) -> Iterator[Part]:
    """Yield the parts of a recording in order, each read when it is asked for.

    Only one part is held at a time. `known_ends` are where its first parts ended when it was cut
    before; the same sound is cut in the same places anyway, but finding them takes time.
    """
    waiting: list[dict[Channel, Samples]] = []
    start = number = 0
    for block in sound.blocks():
        waiting.append(block)
        while _length(waiting) >= LATEST_CUT:
            tracks = _joined(waiting)
            size = known_ends[number] - start if number < len(known_ends) else _find_cut(tracks)
            yield Part(number, start, start + size, {k: v[:size] for k, v in tracks.items()})
            waiting = [{k: v[size:].copy() for k, v in tracks.items()}]
            start, number = start + size, number + 1
    if _length(waiting):
        yield Part(number, start, start + _length(waiting), _joined(waiting))


def _length(waiting: list[dict[Channel, Samples]]) -> int:
    return sum(len(next(iter(block.values()))) for block in waiting)


def _joined(waiting: list[dict[Channel, Samples]]) -> dict[Channel, Samples]:
    return {name: np.concatenate([block[name] for block in waiting]) for name in waiting[0]}


def _find_cut(tracks: dict[Channel, Samples]) -> int:
    """Return the middle of the longest pause of all speakers, else the least likely speech."""
    heard = [find_speech(track[EARLIEST_CUT:LATEST_CUT]) for track in tracks.values()]
    pause = _longest_pause(heard)
    if pause is None:
        likelihood = np.max([one.likelihood for one in heard], axis=0)
        return EARLIEST_CUT + int(np.argmin(likelihood)) * FRAME
    return EARLIEST_CUT + sum(pause) // 2


def _longest_pause(heard: list[Activity]) -> tuple[int, int] | None:
    spans = sorted((span.start, span.end) for one in heard for span in one.spans)
    pauses, end = [], 0
    for first, last in [*spans, (LATEST_CUT - EARLIEST_CUT,) * 2]:
        if first > end:
            pauses.append((end, first))
        end = max(end, last)
    return max(pauses, key=lambda pause: (pause[1] - pause[0], -pause[0]), default=None)
