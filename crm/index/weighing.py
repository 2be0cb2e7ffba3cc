"""Weighs moments for a query: their words, the words around them, and how their passage stands."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import NDArray

from crm.index.moments import Moment

Scores = NDArray[np.float64]


# BM25's usual constants (Robertson & Zaragoza, "The Probabilistic Relevance Framework", 2009).
_K1 = 1.2
_B = 0.75
# What is said around a moment belongs to it, the less the farther away.
_AROUND = (0.5, 0.35, 0.25, 0.15)
# What the standing of its passage adds to a moment.
_STANDING = 0.5
_TITLE = 2.0
_HALF_RANK = 5.0
_GAP = 2


def standing_of(rankings: Sequence[tuple[Sequence[int], float]]) -> dict[int, float]:
    """Return how passages stand in weighted rankings together, 0 to 1, 1 for the best."""
    sums: dict[int, float] = {}
    for ranking, weight in rankings:
        for rank, passage_id in enumerate(ranking):
            sums[passage_id] = sums.get(passage_id, 0.0) + weight / (1 + rank / _HALF_RANK)
    best = max(sums.values(), default=1.0)
    return {passage_id: total / best for passage_id, total in sums.items()}


def weigh(
    moments: Sequence[Moment],
    *,
    rarities: Mapping[str, float],
    titles: Mapping[int, frozenset[str]],
    standing: Mapping[int, float],
    meant: AbstractSet[int],
) -> Scores:
    """Return one score a moment; 0 says that nothing speaks for it.

    `moments` are in order of conversation and place. `rarities` weigh the wanted stems, `titles`
    are those in a conversation's title, `standing` is that of the passages, and those `meant` were
    found by meaning, so that they need no word.
    """
    if not moments:
        return np.zeros(0)
    words = _around(_bm25(moments, rarities), moments)
    entitled = [
        sum(rarities[stem] for stem in titles.get(moment.conversation_id, ())) for moment in moments
    ]
    stands = np.array([standing.get(moment.passage_id, 0.0) for moment in moments])
    words += _TITLE * np.array(entitled) * (stands > 0)
    is_meant = np.array([moment.passage_id in meant for moment in moments])
    stands *= is_meant | (words > 0)
    return words / max(float(words.max()), 1e-9) + _STANDING * stands


def _bm25(moments: Sequence[Moment], rarities: Mapping[str, float]) -> Scores:
    terms = np.array([moment.terms for moment in moments], dtype=np.float64)
    norm = _K1 * (1 - _B + _B * terms / max(float(terms.mean()), 1.0))
    scores = np.zeros(len(moments))
    for stem, rarity in rarities.items():
        often = np.array([moment.found[stem] for moment in moments], dtype=np.float64)
        scores += rarity * often * (_K1 + 1) / (often + norm)
    return scores


def _around(scores: Scores, moments: Sequence[Moment]) -> Scores:
    """Add to each score a share of those before and after it in one unbroken stretch."""
    stretch = np.cumsum(
        [
            index > 0 and not _follows(moments[index - 1], moment)
            for index, moment in enumerate(moments)
        ]
    )
    total = scores.copy()
    for distance, share in enumerate(_AROUND, start=1):
        is_near = stretch[distance:] == stretch[:-distance]
        total[distance:] += share * np.where(is_near, scores[:-distance], 0.0)
        total[:-distance] += share * np.where(is_near, scores[distance:], 0.0)
    return total


def _follows(before: Moment, after: Moment) -> bool:
    is_same = before.conversation_id == after.conversation_id
    return is_same and after.first - before.last <= _GAP
