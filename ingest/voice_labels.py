"""Recognises a voice of a conversation when its recording is heard anew, under whatever label."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol

# A voice heard anew is the one heard before if it has at least this part of its time.
_SAME_TIME = 0.5


class Labelled(Protocol):
    """A segment: its label tells voices apart, times are milliseconds."""

    @property
    def speaker(self) -> str:
        """Who speaks."""
        ...

    @property
    def voice(self) -> str | None:
        """What told the voice apart, if anything did."""
        ...

    @property
    def start_ms(self) -> int | None:
        """When it begins."""
        ...

    @property
    def end_ms(self) -> int | None:
        """When it ends."""
        ...


def label_of(segment: Labelled) -> str:
    """Return the voice of a segment; where voices were never told apart, its speaker is one."""
    return segment.voice or segment.speaker


def follow_voices(
    names: Mapping[str, str], before: Sequence[Labelled], after: Sequence[Labelled]
) -> dict[str, str]:
    """Return the names, given by the labels that voices had before, by those that they have now.

    A voice is recognised by when it speaks; where there are no times, by its label. One that
    cannot be recognised is left out.
    """
    followed: dict[str, str] = {}
    for label, name in names.items():
        found = _same_voice(label, before, after)
        if found is not None:
            followed.setdefault(found, name)
    return followed


def _same_voice(label: str, before: Sequence[Labelled], after: Sequence[Labelled]) -> str | None:
    spans = _spans(label, before)
    if not spans:
        return label if any(label_of(one) == label for one in after) else None
    shared: dict[str, int] = defaultdict(int)
    for one in after:
        if one.start_ms is not None and one.end_ms is not None:
            shared[label_of(one)] += _overlap(one.start_ms, one.end_ms, spans)
    best = max(shared, key=lambda found: shared[found], default=None)
    length = sum(end - start for start, end in spans)
    return best if best is not None and shared[best] >= _SAME_TIME * length > 0 else None


def _spans(label: str, segments: Sequence[Labelled]) -> list[tuple[int, int]]:
    return [
        (one.start_ms, one.end_ms)
        for one in segments
        if label_of(one) == label and one.start_ms is not None and one.end_ms is not None
    ]


def _overlap(start: int, end: int, spans: Sequence[tuple[int, int]]) -> int:
    return sum(max(0, min(end, last) - max(start, first)) for first, last in spans)
