"""Where somebody speaks in a channel: the voice detector's verdict, as spans and windows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm.onnx_reports import forbid_reports
from ingest.speech.channels import SAMPLE_RATE, Samples

FRAME = 512
FRAME_MS = FRAME * 1000 // SAMPLE_RATE
SPEECH_ABOVE = 0.5
# Speech goes on while the detector wavers.
SPEECH_UNTIL_BELOW = 0.35
MIN_PAUSE_FRAMES = 5
PAD_SAMPLES = SAMPLE_RATE // 4
WINDOW_SAMPLES = 29 * SAMPLE_RATE
# The detector is surest at this loudness, and deaf to voices whose fundamental a telephone cut.
_USUAL_PEAK, _LOUDEST = 0.1, 0.5
_FUNDAMENTAL_HERTZ = (60, 300)
_BLOCK = 2**20
_MINUTE = 1_875 * FRAME
_SETTLING = 64 * FRAME


@dataclass(frozen=True)
class Span:
    """A stretch of samples, the end not included."""

    start: int
    end: int


@dataclass(frozen=True)
class Activity:
    """How likely it is, frame by frame of 32 ms, that somebody speaks; and the spans of speech.

    The spans are padded by a quarter of a second, in order, apart from each other, and none is
    longer than the 29 s that a recogniser takes at once.
    """

    likelihood: NDArray[np.float32]
    spans: tuple[Span, ...]

    def share_of_speech(self, start: int, end: int) -> float:
        """Return the part of these samples, 0 to 1, in which somebody speaks."""
        frames = self.likelihood[start // FRAME : max(end // FRAME, start // FRAME + 1)]
        return float(np.mean(frames >= SPEECH_UNTIL_BELOW)) if len(frames) else 0.0


def find_speech(samples: Samples) -> Activity:
    """Return where somebody speaks in one channel at 16 kHz."""
    whole = np.pad(samples, (0, -len(samples) % FRAME))
    if not len(whole):
        return Activity(np.zeros(0, np.float32), ())
    likelihood = _likelihood(_prepared(whole))
    frames = [piece for span in _voiced(likelihood) for piece in _short_enough(span, likelihood)]
    return Activity(likelihood, tuple(_padded(frames, len(samples))))


def windows_of(spans: Sequence[Span]) -> list[list[Span]]:
    """Return the spans in groups that together are short enough to be recognised at once."""
    groups: list[list[Span]] = []
    length = 0
    for span in spans:
        size = span.end - span.start
        if not groups or length + size > WINDOW_SAMPLES:
            groups.append([])
            length = 0
        groups[-1].append(span)
        length += size
    return groups


def _likelihood(samples: Samples) -> NDArray[np.float32]:
    """Ask the detector minute by minute: its memory grows with what it is given at once."""
    forbid_reports()
    from faster_whisper.vad import get_vad_model

    detector = get_vad_model()
    found = []
    for start in range(0, len(samples), _MINUTE):
        # It needs a moment to get used to a sound.
        begin = max(0, start - _SETTLING)
        frames = np.asarray(detector(samples[begin : start + _MINUTE]), np.float32).reshape(-1)
        found.append(frames[(start - begin) // FRAME :])
    return np.concatenate(found)


def _prepared(samples: Samples) -> Samples:
    """Return the sound as loud as usual, with the lowest tones of a voice that lost them.

    Half-wave rectification brings a fundamental back from its overtones, as the ear does.
    """
    prepared = np.empty_like(samples)
    for start in range(0, len(samples), _BLOCK):
        block = samples[start : start + _BLOCK]
        spectrum = np.fft.rfft(np.maximum(block, 0))
        hertz = np.fft.rfftfreq(len(block), 1 / SAMPLE_RATE)
        low, high = _FUNDAMENTAL_HERTZ
        spectrum[(hertz < low) | (hertz > high)] = 0
        prepared[start : start + _BLOCK] = block + np.fft.irfft(spectrum, len(block))
    usual, loudest = np.percentile(np.abs(prepared), (99, 99.9))
    if loudest <= 0:
        return prepared
    louder: Samples = prepared * np.float32(min(_USUAL_PEAK / max(usual, 1e-9), _LOUDEST / loudest))
    return louder


def _voiced(likelihood: NDArray[np.float32]) -> list[Span]:
    """Return the frames of speech: begun above one threshold, ended by a pause below the other."""
    spans: list[Span] = []
    start, last = -1, -1
    for number, likely in enumerate(likelihood.tolist()):
        if likely >= SPEECH_ABOVE and start < 0:
            start = number
        if start < 0:
            continue
        if likely >= SPEECH_UNTIL_BELOW:
            last = number
        elif number - last >= MIN_PAUSE_FRAMES:
            spans.append(Span(start, last + 1))
            start = -1
    if start >= 0:
        spans.append(Span(start, last + 1))
    return spans


def _short_enough(span: Span, likelihood: NDArray[np.float32]) -> list[Span]:
    """Return the span cut where it is least like speech, until no piece is too long."""
    pieces = []
    longest = (WINDOW_SAMPLES - 2 * PAD_SAMPLES) // FRAME
    start = span.start
    while span.end - start > longest:
        earliest = start + longest // 2
        cut = earliest + int(np.argmin(likelihood[earliest : start + longest]))
        pieces.append(Span(start, cut))
        start = cut
    return [*pieces, Span(start, span.end)]


def _padded(frames: list[Span], length: int) -> list[Span]:
    """Return spans of samples with some sound around each, up to halfway to the next."""
    starts = [span.start * FRAME for span in frames]
    ends = [min(span.end * FRAME, length) for span in frames]
    padded = []
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        before = (start - ends[number - 1]) // 2 if number else start
        after = (starts[number + 1] - end + 1) // 2 if number + 1 < len(frames) else length - end
        padded.append(Span(start - min(PAD_SAMPLES, before), end + min(PAD_SAMPLES, after)))
    return padded
