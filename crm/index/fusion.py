"""Rank fusion: one order out of several."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

# The constant of reciprocal rank fusion (Cormack, Clarke & Büttcher, SIGIR 2009).
RRF_K = 60


def fuse(rankings: Sequence[tuple[Sequence[T], float]]) -> dict[T, float]:
    """Return each item's summed weight / (60 + rank) over the weighted rankings, best first."""
    scores: dict[T, float] = {}
    for ranking, weight in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + weight / (RRF_K + rank)
    return dict(sorted(scores.items(), key=lambda pair: -pair[1]))
