"""Learns of which kind questions from outside are, and writes what was learned beside the examples.

Kernel ridge regression on the likeness of examples: by the angle between their vectors, seen from
the middle on the axes on which they differ most, plus the product of their weighted words. Each
example is then left out once and guessed by the rest, which tells how far the examples carry.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import copilot.agent
from copilot.agent.kinds import (
    KINDS,
    TOLD,
    Examples,
    Floats,
    guess_of,
    likeness_by_meaning,
    load_examples,
    of_length_1,
    placed,
    rarity_of,
    weighted_parts,
)
from crm.index.embedders.e5 import E5Embedder

_EASE = 0.3
_AXES = 192
_FINEST = 127
_FILE = Path(copilot.agent.__file__).parent / "words" / "outside_kinds.npz"


def likeness_by_words(texts: tuple[str, ...]) -> Floats:
    """Return how like each text is to each other by words, shape (texts, texts)."""
    rarity = rarity_of(texts)
    place = {part: at for at, part in enumerate(rarity)}
    rows = np.zeros((len(texts), len(place)), dtype=np.float32)
    for at, text in enumerate(texts):
        for part, weight in weighted_parts(text, rarity).items():
            rows[at, place[part]] = weight
    return rows @ rows.T


def learn(examples: Examples, vectors: Floats) -> dict[str, NDArray[Any]]:
    """Return the arrays that `copilot.agent.kinds` reads; a vector is a row for an example."""
    wanted = _wanted(examples)
    middle, axes, places = _placed(vectors)
    words = likeness_by_words(examples.texts)
    return {
        "middle": middle,
        "axes": axes,
        "places": places,
        "both": _solved(_by_meaning(places) + words, wanted).astype(np.float16),
        "words": _solved(words, wanted).astype(np.float16),
    }


def _placed(vectors: Floats) -> tuple[Floats, NDArray[Any], NDArray[np.int8]]:
    """Return the middle, the axes, and the places on them, rounded as they are stored."""
    middle = vectors.mean(axis=0)
    apart = of_length_1(vectors - middle)
    _, directions = np.linalg.eigh(apart.T @ apart)
    axes = directions[:, -_AXES:].astype(np.float16)
    exact = placed(vectors, middle, axes.astype(np.float32))
    return middle, axes, np.rint(exact * (_FINEST / np.abs(exact).max())).astype(np.int8)


def _by_meaning(places: NDArray[np.int8]) -> Floats:
    stored = of_length_1(places.astype(np.float32))
    return likeness_by_meaning(stored, stored)


def left_out(examples: Examples, likeness: Floats) -> Floats:
    """Return each example's scores by what is learned of all others, shape (examples, kinds)."""
    wanted = _wanted(examples)
    inverse = np.linalg.inv(likeness + _EASE * np.eye(len(likeness), dtype=np.float32))
    found = wanted - (inverse @ wanted) / np.diag(inverse)[:, None]
    return found.astype(np.float32)


def _wanted(examples: Examples) -> Floats:
    return np.array(
        [[1.0 if kind is one else -1.0 for one in KINDS] for kind in examples.kinds], np.float32
    )


def _solved(likeness: Floats, wanted: Floats) -> Floats:
    eased = likeness + _EASE * np.eye(len(likeness), dtype=np.float32)
    solved: Floats = np.linalg.solve(eased, wanted).astype(np.float32)
    return solved


def embed(examples: Examples) -> Floats:
    """Return the vectors of the examples as questions."""
    embedder = E5Embedder()
    return np.array([embedder.embed_query(text) for text in examples.texts])


def report(examples: Examples, places: NDArray[np.int8]) -> str:
    """Return how many examples are guessed right by the others, with vectors and without."""
    words = likeness_by_words(examples.texts)
    both = _by_meaning(places) + words
    lines = []
    for name, likeness in (("meaning and words", both), ("words", words)):
        guesses = [guess_of(scores) for scores in left_out(examples, likeness)]
        pairs = list(zip(examples.kinds, guesses, strict=True))
        told = [(kind, guess) for kind, guess in pairs if kind in TOLD]
        kept = [guess for kind, guess in pairs if kind not in TOLD]
        right = sum(guess.margin > 0 and guess.kind is kind for kind, guess in told)
        shut = sum(guess.margin <= 0 for guess in kept)
        lines.append(f"{name}: {right} of {len(told)} told, {shut} of {len(kept)} declined")
    return "\n".join(lines)


def main() -> None:
    """Write the file and print how far the examples carry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=_FILE)
    given = parser.parse_args()
    examples = load_examples()
    vectors = embed(examples)
    arrays = learn(examples, vectors)
    np.savez_compressed(given.into, digest=np.array(examples.digest), **arrays)  # type: ignore[arg-type]
    told = report(examples, arrays["places"])
    sys.stdout.write(f"{told}\n")


if __name__ == "__main__":
    main()
