"""Sorts voice prints by voice: spectral clustering by cosine, the number of voices estimated.

The number comes from the normalised maximum eigengap (Park et al., 2020, "Auto-tuning spectral
clustering for speaker diarization using normalized maximum eigengap", IEEE SPL 27): it adapts to
how alike voices are on a line, where a fixed threshold would not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_VOICES = 8

# Fewer prints than this, some three seconds of speech, tell one voice from none.
_FEWEST_PRINTS = 8
_MAX_AT_ONCE = 480
_CONDENSED_TO = 0.3
_NEIGHBOURS = (0.04, 0.40)
_TRIED = 12
_ROUNDS = 30

Array = NDArray[np.float64]
Labels = NDArray[np.intp]


@dataclass(frozen=True)
class _Leaves:
    """Groups of prints that are taken as one; `of_print` says which leaf each print is in."""

    means: Array
    weights: Array
    of_print: Labels


def sort_by_voice(vectors: Array, weights: Array, *, voices: int | None = None) -> Labels:
    """Return the voice of each print, counted from 0.

    `vectors` are unit vectors in order of time, (prints, dimensions); `weights` say how much
    speech each stands for. `voices` is their number if it is known. Time and memory grow with
    the prints, not with their square.
    """
    if voices == 1 or len(vectors) < max(_FEWEST_PRINTS, voices or 0):
        return np.zeros(len(vectors), np.intp)
    leaves = _condense(vectors, weights)
    alike = _unit(leaves.means) @ _unit(leaves.means).T
    neighbours, estimate = _best_graph(alike)
    count = min(voices or estimate, len(alike))
    if count == 1:
        return np.zeros(len(vectors), np.intp)
    vectors_of_graph = np.linalg.eigh(_laplacian(_graph(alike, neighbours)))[1][:, :count]
    return _nearest_groups(_unit(vectors_of_graph), count)[leaves.of_print]


def centres_of(vectors: Array, weights: Array, labels: Labels) -> Array:
    """Return the mean print of each voice, of unit length; labels count from 0 without a gap."""
    return _unit(_means(vectors, weights, labels)[0])


def _best_graph(alike: Array) -> tuple[int, int]:
    """Return how many neighbours to join each print with, and how many voices that shows.

    The fewer neighbours make the greater gap between eigenvalues, the clearer the picture.
    """
    size = len(alike)
    low, high = (max(3, round(share * size)) for share in _NEIGHBOURS)
    best = (np.inf, low, 1)
    for neighbours in np.unique(np.geomspace(low, max(low, high), _TRIED).round().astype(int)):
        eigenvalues = np.linalg.eigvalsh(_laplacian(_graph(alike, int(neighbours))))
        gaps = np.diff(eigenvalues[: MAX_VOICES + 1])
        gap = float(gaps.max() / max(eigenvalues[-1], 1e-9))
        ratio = neighbours / size / max(gap, 1e-9)
        if ratio < best[0]:
            best = (ratio, int(neighbours), int(gaps.argmax()) + 1)
    return best[1], best[2]


def _graph(alike: Array, neighbours: int) -> Array:
    """Return the graph that joins each print with those most like it, both ways."""
    count = min(neighbours, len(alike))
    nearest = np.argpartition(-alike, count - 1, axis=1)[:, :count]
    graph = np.zeros_like(alike)
    np.put_along_axis(graph, nearest, 1.0, axis=1)
    return (graph + graph.T) / 2


def _laplacian(graph: Array) -> Array:
    return np.diag(graph.sum(axis=1)) - graph


def _nearest_groups(points: Array, count: int) -> Labels:
    """Return which of `count` groups each point is in: k-means on the sphere, the same each time.

    It starts from points far apart, so that a voice that says little gets a group.
    """
    chosen = [int(np.argmax(np.abs(points.mean(axis=0) @ points.T)))]
    nearest = points @ points[chosen[0]]
    while len(chosen) < count:
        chosen.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, points @ points[chosen[-1]])
    centres = points[chosen]
    labels = (points @ centres.T).argmax(axis=1)
    for _ in range(_ROUNDS):
        labels = np.unique(labels, return_inverse=True)[1]
        centres = centres_of(points, np.ones(len(points)), labels)
        after = (points @ centres.T).argmax(axis=1)
        if np.array_equal(after, labels):
            break
        labels = after
    settled: Labels = labels.astype(np.intp)
    return settled


def _condense(vectors: Array, weights: Array) -> _Leaves:
    """Merge the most alike among neighbouring prints until few enough are left to compare all."""
    leaves = _Leaves(vectors, weights, np.arange(len(vectors)))
    while len(leaves.means) > _MAX_AT_ONCE:
        labels = np.empty(len(leaves.means), np.intp)
        total = 0
        for start in range(0, len(labels), _MAX_AT_ONCE):
            part = slice(start, start + _MAX_AT_ONCE)
            merged = _merge(leaves.means[part], leaves.weights[part])
            labels[part] = merged + total
            total += int(merged.max()) + 1
        means, heavier = _means(leaves.means, leaves.weights, labels)
        leaves = _Leaves(means, heavier, labels[leaves.of_print])
    return leaves


def _merge(means: Array, weights: Array) -> Labels:
    """Return groups made by joining the two most alike (average linkage), again and again."""
    means, weights = means.copy(), weights.copy()
    labels = np.arange(len(means))
    # The product of two means is the mean of all products between their members.
    alike = means @ means.T
    np.fill_diagonal(alike, -np.inf)
    for _ in range(len(means) - max(1, round(len(means) * _CONDENSED_TO))):
        kept, gone = divmod(int(alike.argmax()), len(means))
        together = weights[kept] + weights[gone]
        means[kept] = (means[kept] * weights[kept] + means[gone] * weights[gone]) / together
        weights[kept] = together
        labels[labels == gone] = kept
        row = np.where(np.isneginf(alike[kept]), -np.inf, means @ means[kept])
        row[[kept, gone]] = -np.inf
        alike[kept], alike[:, kept] = row, row
        alike[gone], alike[:, gone] = -np.inf, -np.inf
    return np.unique(labels, return_inverse=True)[1].astype(np.intp)


def _means(vectors: Array, weights: Array, labels: Labels) -> tuple[Array, Array]:
    totals = np.bincount(labels, weights).astype(np.float64)
    sums = np.zeros((len(totals), vectors.shape[1]))
    np.add.at(sums, labels, vectors * weights[:, None])
    return sums / np.maximum(totals, 1e-9)[:, None], totals


def _unit(vectors: Array) -> Array:
    unit: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return unit
