"""An optional model that says whether facts bear a sentence out, asked after the rules."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol


class Entailment(Protocol):
    """Anything that can say how well premises bear out a claim."""

    def supports(self, premises: Sequence[str], claim: str) -> float:
        """Return from 0 (not at all, or the contrary) to 1 (surely) how far the claim follows."""
        ...


@dataclass(frozen=True)
class CrossEncoderEntailment:
    """A sentence-transformers cross-encoder trained on natural language inference.

    `model` is a name or a folder; `labels` is the order of its classes, of which one is
    "entailment". It is loaded at the first question and never fetched: the files must be there.
    """

    model: str
    labels: tuple[str, ...] = ("contradiction", "entailment", "neutral")
    load: Callable[[str], Any] | None = None

    @cached_property
    def _encoder(self) -> Any:
        if self.load is not None:
            return self.load(self.model)
        from sentence_transformers import CrossEncoder

        return CrossEncoder(self.model, local_files_only=True)

    def supports(self, premises: Sequence[str], claim: str) -> float:
        """Return the best probability of entailment over the premises, alone and together."""
        if not premises:
            return 0.0
        tried = list(dict.fromkeys([*premises, " ".join(premises)]))
        scores = self._encoder.predict([(premise, claim) for premise in tried])
        place = self.labels.index("entailment")
        return max(_probability([float(score) for score in row], place) for row in scores)


@dataclass(frozen=True)
class AskedEntailment:
    """A yes-or-no question to a language model, which the caller hands in as a function.

    `ask` takes the premises and the claim and says whether the claim follows.
    """

    ask: Callable[[Sequence[str], str], bool]

    def supports(self, premises: Sequence[str], claim: str) -> float:
        """Return 1 for yes and 0 for no."""
        return 1.0 if premises and self.ask(premises, claim) else 0.0


def _probability(scores: Sequence[float], place: int) -> float:
    """Return one class's share of a softmax over raw scores."""
    highest = max(scores)
    weights = [math.exp(score - highest) for score in scores]
    return weights[place] / sum(weights)
