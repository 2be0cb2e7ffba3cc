"""Tells of which kind a question from outside is, by its likeness to examples in two languages.

Every example has a say, by its likeness in two views of a text: the vector of the embedder that
ships with the product, which knows other words for the same thing, and its words and letters, which
need no model. What was learned of them is in a file that `python -m evals.outside_kinds` writes.
"""

import hashlib
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from importlib import resources
from threading import Lock
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from crm.errors import PermanentError
from crm.index.embedder import Embedder
from tools.language import has_han

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
_LEARNED = "outside_kinds.npz"
_OTHER_THAN_WORDS = re.compile(r"[^\w\s]")
_CHARS = 600
_WORD, _PAIR, _LETTERS = 1.0, 0.7, 0.4
# How much a meaning counts beside the words, and how fast it counts less where it is less alike.
_WEIGHT, _STEEPNESS = 2.0, 1.5


class Kind(StrEnum):
    """What people outside ask for: some told to contacts, deals to partners, the rest to nobody."""

    CASES = "cases"
    TALKS = "talks"
    DETAILS = "details"
    COMPANY = "company"
    PRODUCTS = "products"
    REACH = "reach"
    HELP = "help"
    DEALS = "deals"
    PRIVATE = "private"
    OPERATIONS = "operations"
    KNOWLEDGE = "knowledge"
    ORDERS = "orders"
    RIVALS = "rivals"
    BEYOND = "beyond"


KINDS = tuple(Kind)
TOLD = frozenset(KINDS[: KINDS.index(Kind.DEALS)])
TOLD_TO_PARTNERS = frozenset({Kind.DEALS})


@dataclass(frozen=True)
class Guess:
    """The likeliest kind that is told, the likeliest that is not, and by how much it is ahead.

    A margin of 0 leaves it open; 1 is as sure as an example. Below 0 it is rather not told. Without
    an embedder it is a guess from words alone.
    """

    kind: Kind
    declined: Kind
    margin: float
    by_meaning: bool = True


@dataclass(frozen=True)
class Examples:
    """Texts and their kinds, in the order of the files."""

    texts: tuple[str, ...]
    kinds: tuple[Kind, ...]

    @property
    def digest(self) -> str:
        """What changes with any example."""
        told = "\n".join(f"{k} {t}" for k, t in zip(self.kinds, self.texts, strict=True))
        return hashlib.sha256(told.encode()).hexdigest()


class OutsideKinds:
    """Guesses kinds; with an embedder by meaning and words, without one by words alone.

    Nothing is loaded before the first guess. An embedder that cannot be loaded is done without.
    """

    def __init__(self, embedder: Embedder | None = None) -> None:
        self._embedder = embedder
        self._lock = Lock()

    def guess(self, text: str, told: frozenset[Kind] = TOLD) -> Guess:
        """Return of which kind a question is whose names have been replaced."""
        text = text[:_CHARS]
        vector = self._vector(text)
        with self._lock:
            learned = self._learned
        if vector is None:
            return guess_of(learned.words_alone.score(text), told, by_meaning=False)
        meant = learned.meaning.score(vector)
        return guess_of((meant + learned.words.score(text)).astype(np.float32), told)

    def _vector(self, text: str) -> Floats | None:
        if self._embedder is None:
            return None
        try:
            return self._embedder.embed_query(text)
        except PermanentError as error:
            log.warning("questions from outside are read by their words alone: %s", error)
            self._embedder = None
            return None

    @cached_property
    def _learned(self) -> "_Learned":
        return load_learned()


def guess_of(scores: Floats, told: frozenset[Kind] = TOLD, *, by_meaning: bool = True) -> Guess:
    """Return what the scores of all kinds say to one who is told some of them.

    A score is about 1 for what is of its kind and -1 for what is not.
    """
    rated = dict(zip(KINDS, scores.tolist(), strict=True))
    best = max(told, key=lambda kind: (rated[kind], kind))
    worst = max((kind for kind in KINDS if kind not in told), key=lambda kind: (rated[kind], kind))
    return Guess(best, worst, rated[best] - rated[worst], by_meaning=by_meaning)


@dataclass(frozen=True)
class WordWeights:
    """What each word and run of letters says for each kind."""

    rarity: Mapping[str, float]
    weights: Mapping[str, Floats]

    def score(self, text: str) -> Floats:
        """Return one score a kind."""
        found = np.zeros(len(KINDS), dtype=np.float32)
        for part, weight in weighted_parts(text, self.rarity).items():
            found += weight * self.weights[part]
        return found


@dataclass(frozen=True)
class MeaningWeights:
    """What the likeness to each example says for each kind.

    `axes` has a column for each direction in which the examples differ most; `places` has where the
    examples are on them, and `weights` the kinds, a row for an example.
    """

    middle: Floats
    axes: Floats
    places: Floats
    weights: Floats

    def score(self, vector: Floats) -> Floats:
        """Return one score a kind."""
        place = placed(vector[None, :], self.middle, self.axes)
        found: Floats = (likeness_by_meaning(place, self.places) @ self.weights)[0]
        return found


def meaning_of(learned: Mapping[str, NDArray[Any]]) -> MeaningWeights:
    """Return the weights that stand in the file's arrays, whose places are whole numbers."""
    return MeaningWeights(
        learned["middle"].astype(np.float32),
        learned["axes"].astype(np.float32),
        of_length_1(learned["places"].astype(np.float32)),
        learned["both"].astype(np.float32),
    )


def placed(vectors: Floats, middle: Floats, axes: Floats) -> Floats:
    """Return where vectors are on the axes, as seen from the middle, each of length 1."""
    apart: Floats = np.subtract(vectors, middle, dtype=np.float32)
    places: Floats = apart @ axes
    return of_length_1(places)


def of_length_1(rows: Floats) -> Floats:
    """Return rows of the same directions whose length is 1, but for those that have none."""
    found: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return found


def likeness_by_meaning(some: Floats, others: Floats) -> Floats:
    """Return how like each place is to each other, shape (some, others)."""
    found: Floats = _WEIGHT * np.exp(_STEEPNESS * (some @ others.T - 1))
    return found


@dataclass(frozen=True)
class _Learned:
    meaning: MeaningWeights
    words: WordWeights
    words_alone: WordWeights


@cache
def load_learned() -> _Learned:
    """Return what was learned of the examples, once a process.

    Raises PermanentError if the examples are others than those it was learned of.
    """
    examples = load_examples()
    path = resources.files("copilot.agent") / "words" / _LEARNED
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
        held = {name: stored[name] for name in stored.files}
    if str(held["digest"]) != examples.digest:
        raise PermanentError(
            f"{_LEARNED!r} was learned of other examples: install the product anew, or"
            " run python -m evals.outside_kinds in a checkout"
        )
    rarity = rarity_of(examples.texts)
    parts = [weighted_parts(text, rarity) for text in examples.texts]
    summed = _summed(parts, np.hstack([held["both"], held["words"]]).astype(np.float32))
    count = len(KINDS)
    return _Learned(
        meaning_of(held),
        WordWeights(rarity, {part: row[:count] for part, row in summed.items()}),
        WordWeights(rarity, {part: row[count:] for part, row in summed.items()}),
    )


def _summed(parts: Sequence[Mapping[str, float]], by_example: Floats) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for counted, row in zip(parts, by_example, strict=True):
        for part, weight in counted.items():
            held = found.get(part)
            found[part] = weight * row if held is None else held + weight * row
    return found


@cache
def load_examples() -> Examples:
    """Return all examples of both languages."""
    texts: list[str] = []
    kinds: list[Kind] = []
    for language in ("en", "zh"):
        path = resources.files("copilot.agent") / "words" / f"outside_kinds.{language}.yaml"
        loaded: dict[str, list[Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
        for kind, lines in loaded.items():
            texts += [str(line) for line in lines]
            kinds += [Kind(kind)] * len(lines)
    return Examples(tuple(texts), tuple(kinds))


def rarity_of(texts: Iterable[str]) -> dict[str, float]:
    """Return how much each part says, by the number of texts that it is in."""
    each = [set(parts_of(text)) for text in texts]
    seen = Counter(part for parts in each for part in parts)
    return {part: float(np.log((1 + len(each)) / (1 + n))) for part, n in seen.items()}


def weighted_parts(text: str, rarity: Mapping[str, float]) -> dict[str, float]:
    """Return the known parts of a text with their weights, of length 1 together."""
    found = {part: count * rarity[part] for part, count in parts_of(text).items() if part in rarity}
    length = float(np.sqrt(sum(weight * weight for weight in found.values()))) or 1.0
    return {part: weight / length for part, weight in found.items()}


def parts_of(text: str) -> dict[str, float]:
    """Return words, pairs of words and runs of letters, of Chinese runs of characters, counted."""
    words = _OTHER_THAN_WORDS.sub(" ", text.lower()).split()
    found: defaultdict[str, float] = defaultdict(float)
    if has_han(text):
        for length in (1, 2, 3):
            for run in _runs("".join(words), length):
                found[run] += 1
        return found
    for before, word in zip(["^", *words], [*words, "$"], strict=True):
        found[f"{before} {word}"] += _PAIR
    for word in words:
        found[f" {word}"] += _WORD
        for length in (3, 4):
            for run in _runs(f"<{word}>", length):
                found[run] += _LETTERS
    return found


def _runs(text: str, length: int) -> list[str]:
    return [text[at : at + length] for at in range(len(text) - length + 1)]
