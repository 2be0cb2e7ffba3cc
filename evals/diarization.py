"""`python -m evals.diarization [VOICES]`: how well voices are told apart, how fast, in what memory.

Without VOICES (a folder with a subfolder of recordings for each voice) the voices are those of
the demo recordings: a channel of the stereo call each, and the voicemail's.
"""

import argparse
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from copilot.llm.modelfiles import ModelSet, find_models
from copilot.settings import Settings
from crm.errors import PermanentError
from evals.measure import Measure
from evals.talks import (
    Spoken,
    Talk,
    Voices,
    channels_mixed,
    make_talk,
    noisy,
    telephone,
    voices_in,
)
from ingest.speech.channels import SAMPLE_RATE, Samples
from ingest.speech.diarizer import Diarizer, VoiceTurn
from ingest.speech.voices import VoiceDiarizer

COLLAR_MS = 250
_FRAME_MS = 10
_PART_SECONDS = 300
_STEREO = "northvale_security_call.ogg"
_ALONE = "cedar_ridge_voicemail.ogg"


@dataclass(frozen=True)
class Errors:
    """Shares of the speech that should have been heard: 0 is perfect, the sum may pass 1."""

    missed: float
    false_alarm: float
    confused: float

    @property
    def rate(self) -> float:
        """The diarization error rate."""
        return self.missed + self.false_alarm + self.confused


@dataclass(frozen=True)
class Outcome:
    """One case: the errors, the voices found, and the seconds taken."""

    errors: Errors
    found: int
    seconds: float


def score(
    spoken: Sequence[Spoken], turns: Sequence[VoiceTurn], *, collar_ms: int = COLLAR_MS
) -> Errors:
    """Return the diarization error rate's parts (NIST RT-09), overlapped speech included.

    Within the collar around each true change nothing counts. Found voices are taken for true ones
    in the way that agrees best.
    """
    last_ms = max([one.end_ms for one in spoken] + [one.end_ms for one in turns], default=0)
    frames = last_ms // _FRAME_MS + 1
    counted = np.ones(frames, bool)
    for edge in (edge for one in spoken for edge in (one.start_ms, one.end_ms)):
        first = max(0, (edge - collar_ms) // _FRAME_MS)
        counted[first : (edge + collar_ms) // _FRAME_MS] = False
    true = _tracks([(one.start_ms, one.end_ms, one.voice) for one in spoken], frames)[:, counted]
    found = _tracks([(one.start_ms, one.end_ms, one.voice) for one in turns], frames)[:, counted]
    total = int(true.sum())
    if not total:
        return Errors(0.0, float(found.any()), 0.0)
    who_true, who_found = true.sum(axis=0), found.sum(axis=0)
    right = best_agreement(true.astype(np.int64) @ found.astype(np.int64).T)
    return Errors(
        missed=float(np.maximum(who_true - who_found, 0).sum()) / total,
        false_alarm=float(np.maximum(who_found - who_true, 0).sum()) / total,
        confused=float(np.minimum(who_true, who_found).sum() - right) / total,
    )


def best_agreement(shared: NDArray[np.int64]) -> int:
    """Return the most that one-to-one pairs of rows and columns can share; up to some 15 rows."""
    best = {0: 0}
    for column in shared.T:
        grown = dict(best)
        for used, value in best.items():
            for row, common in enumerate(column.tolist()):
                if not used >> row & 1:
                    with_row = used | 1 << row
                    grown[with_row] = max(grown.get(with_row, 0), value + common)
        best = grown
    return max(best.values())


def run(diarizer: Diarizer, talk: Talk) -> Outcome:
    """Tell the voices of a talk apart, part by part as the transcriber does."""
    started = time.perf_counter()
    prints = []
    size = _PART_SECONDS * SAMPLE_RATE
    for start in range(0, len(talk.samples), size):
        part = talk.samples[start : start + size]
        prints += diarizer.listen(part, offset_ms=start * 1000 // SAMPLE_RATE)
    turns = diarizer.group(prints)
    seconds = time.perf_counter() - started
    return Outcome(score(talk.spoken, turns), len({turn.voice for turn in turns}), seconds)


def cases(voices: Voices) -> Iterator[tuple[str, int, Talk]]:
    """Yield (name, number of voices, talk) for the voices at hand."""
    names = list(voices)

    def some(count: int, first: int = 0) -> Voices:
        rolled = names[first % len(names) :] + names[: first % len(names)]
        return {name: voices[name] for name in rolled[:count]}

    for first in range(0, min(len(names), 3)):
        alone = make_talk(some(1, first), seconds=120, seed=first)
        yield f"one voice ({first + 1})", 1, alone
        yield (
            f"one voice ({first + 1}), telephone and noise",
            1,
            noisy(telephone(alone), snr_db=15, seed=first),
        )
    two = make_talk(some(2), seconds=180, seed=1)
    yield "two voices", 2, two
    yield "two voices, telephone", 2, telephone(two)
    yield "two voices, noise 10 dB below", 2, noisy(two, snr_db=10, seed=1)
    yield "two voices, 40 s", 2, make_talk(some(2, 2), seconds=40, seed=2)
    yield "two voices, one speaks 10 %", 2, make_talk(some(2), seconds=300, seed=3, shares=(9, 1))
    if len(names) >= 3:
        three = make_talk(some(3, 1), seconds=180, seed=4)
        yield "three voices", 3, three
        yield "three voices, telephone and noise", 3, noisy(telephone(three), snr_db=15, seed=4)
    if len(names) >= 8:
        yield "five voices", 5, make_talk(some(5, 3), seconds=300, seed=5)
        yield "eight voices", 8, make_talk(some(8, 1), seconds=480, seed=6)
    yield "two voices, 45 minutes", 2, make_talk(some(2), seconds=2700, seed=7)


def measures(voices: Path | None = None) -> Iterator[Measure]:
    """Yield error, number of voices found, speed and memory for each case.

    Raises PermanentError if the voice encoder is not installed.
    """
    diarizer = VoiceDiarizer(_weights())
    at_hand, demo = _demo()
    yield _measured(diarizer, "demo call mixed to mono", 2, demo)
    source = voices_in(voices) if voices else at_hand
    for name, count, talk in cases(source):
        yield _measured(diarizer, name, count, talk)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("voices", type=Path, nargs="?", help="a folder of folders of recordings")
    table = Table(title="Voices told apart")
    for heading in ("what", "measured", "how"):
        table.add_column(heading)
    for one in measures(parser.parse_args().voices):
        table.add_row(one.name, one.figure, one.how)
    Console().print(table)


def _measured(diarizer: Diarizer, name: str, count: int, talk: Talk) -> Measure:
    done = run(diarizer, talk)
    errors = done.errors
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measure(
        f"voices: {name}",
        f"DER {errors.rate:.1%}, {done.found} of {count} voices",
        f"missed {errors.missed:.1%}, false {errors.false_alarm:.1%}, "
        f"confused {errors.confused:.1%}; {talk.seconds:.0f} s in {done.seconds:.1f} s "
        f"(RTF {done.seconds / talk.seconds:.3f}); peak {peak_mb:.0f} MB",
    )


def _weights() -> Path:
    cache = Settings.load().cache_dir
    found = find_models(cache, which=[ModelSet.VOICES]).voices
    if found is None:
        raise PermanentError(
            f"no voice encoder is installed in {str(cache)!r}: run `sales-copilot setup`"
        )
    return found


def _demo() -> tuple[dict[str, list[Samples]], Talk]:
    """Return the demo recordings' voices, and its stereo call as mono."""
    from faster_whisper import decode_audio

    folder = files("ingest.demo.recordings")
    with as_file(folder / _STEREO) as path:
        left, right = (
            np.asarray(channel, np.float32)
            for channel in decode_audio(str(path), split_stereo=True)
        )
    with as_file(folder / _ALONE) as path:
        alone = np.asarray(decode_audio(str(path)), np.float32)
    voices = {"left": [left], "right": [right], "voicemail": [alone]}
    return voices, channels_mixed({"left": left, "right": right})


def _tracks(heard: Sequence[tuple[int, int, object]], frames: int) -> NDArray[np.bool_]:
    """Return who speaks in which frame, (voices, frames)."""
    voices = list(dict.fromkeys(voice for _, _, voice in heard))
    tracks = np.zeros((len(voices), frames), bool)
    for start, end, voice in heard:
        tracks[voices.index(voice), start // _FRAME_MS : end // _FRAME_MS] = True
    return tracks


if __name__ == "__main__":
    main()
