"""The speech of a channel's part without its pauses, as a recogniser takes it."""

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from ingest.speech.activity import Activity, Span, windows_of
from ingest.speech.channels import SAMPLE_RATE, Samples


@dataclass(frozen=True)
class Packed:
    """Spans of speech laid end to end; `windows` are groups of them short enough for one go.

    The times of `restore` count from the start of the recording.
    """

    samples: Samples
    windows: tuple[Span, ...]
    _spans: tuple[Span, ...]
    _starts: tuple[int, ...]
    _offset: int

    @property
    def seconds(self) -> float:
        """How much speech there is."""
        return len(self.samples) / SAMPLE_RATE

    def restore(self, start_s: float, end_s: float) -> tuple[int, int]:
        """Return where a stretch of the packed sound lies in the recording, in milliseconds.

        It stays within the span of speech that holds its middle.
        """
        start, end = round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE)
        number = max(0, bisect_right(self._starts, (start + end) // 2) - 1)
        span, begin = self._spans[number], self._starts[number]
        first, last = (
            min(max(span.start + at - begin, span.start), span.end) for at in (start, end)
        )
        return (
            round((self._offset + first) * 1000 / SAMPLE_RATE),
            round((self._offset + max(first, last)) * 1000 / SAMPLE_RATE),
        )


def pack(samples: Samples, activity: Activity, *, offset: int) -> Packed:
    """Return the speech in a channel's part that begins at sample `offset` of the recording."""
    pieces, starts, windows = [], [], []
    length = 0
    for group in windows_of(activity.spans):
        begin = length
        for span in group:
            pieces.append(samples[span.start : span.end])
            starts.append(length)
            length += span.end - span.start
        windows.append(Span(begin, length))
    packed = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    return Packed(packed, tuple(windows), activity.spans, tuple(starts), offset)
