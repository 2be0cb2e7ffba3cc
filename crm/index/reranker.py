"""Rerankers: what reads a question and a text together and says how well they fit."""

from typing import Protocol

# So many of the best passages are worth reading again.
RERANKED = 50


class Reranker(Protocol):
    """Scores texts against one question; scores order the texts and mean nothing else."""

    name: str

    def score(self, query: str, texts: list[str]) -> list[float]:
        """Return one score a text, in the order of the texts, the higher the better.

        Raises TransientError if a service behind it does not answer now: then keep the order.
        """
        ...
