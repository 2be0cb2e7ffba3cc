"""Picks the turns of a conversation that bear on a topic, by words and by meaning."""

import math
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crm.index.embedder import Embedder, Vectors
from crm.index.fusion import fuse
from crm.index.terms import query_terms, terms_of

DENSE_LIMIT = 200
_CACHED_TURNS = 4_000
_EMBEDDED_CHARACTERS = 1_200
# An answer often repeats no word of its question, so the turn before counts as well, but less.
_CONTEXT_WEIGHT = 0.5


@dataclass(frozen=True)
class Turn:
    """What somebody said, and what was said just before."""

    text: str
    before: str = ""


@dataclass(frozen=True)
class RankedTurn:
    """A turn by its place in the list that was ranked; `score` is good for order only."""

    place: int
    score: float
    matched_terms: tuple[str, ...]


class TurnRanker:
    """Ranks turns; vectors of turns seen lately are kept, by their text."""

    def __init__(self, embedder: Embedder | None) -> None:
        self._embedder = embedder
        self._seen: OrderedDict[str, Vectors] = OrderedDict()

    def rank(
        self, query: str, turns: Sequence[Turn], *, by_words_only: bool = False
    ) -> list[RankedTurn]:
        """Return the turns that may bear on the query, best first.

        With an embedder the first `DENSE_LIMIT` turns, those that share words first, are ranked
        by meaning too; without one, or by words only, turns that share no word with the query
        are left out.
        """
        wanted = query_terms(query)
        terms = [Counter(terms_of(turn.text)) for turn in turns]
        around = [Counter(terms_of(f"{turn.before}\n{turn.text}")) for turn in turns]
        own, context = _by_words(wanted, terms), _by_words(wanted, around)
        meaning = [] if by_words_only else self._by_meaning(query, turns, own)
        scores = fuse([(own, 1.0), (context, _CONTEXT_WEIGHT), (meaning, 1.0)])
        return [
            RankedTurn(place, score, tuple(term for term in wanted if term in terms[place]))
            for place, score in scores.items()
        ]

    def _by_meaning(self, query: str, turns: Sequence[Turn], first: list[int]) -> list[int]:
        if self._embedder is None or not turns:
            return []
        places = list(dict.fromkeys([*first, *range(len(turns))]))[:DENSE_LIMIT]
        vectors = self._vectors([turns[place].text for place in places])
        cosines = vectors @ self._embedder.embed_query(query)
        return [places[index] for index in np.argsort(-cosines, kind="stable")]

    def _vectors(self, texts: Sequence[str]) -> Vectors:
        assert self._embedder is not None  # noqa: S101
        keys = [text[:_EMBEDDED_CHARACTERS] for text in texts]
        found = {key: self._seen[key] for key in keys if key in self._seen}
        missing = [key for key in dict.fromkeys(keys) if key not in found]
        if missing:
            found |= dict(zip(missing, self._embedder.embed_passages(missing), strict=True))
        for key in keys:
            self._seen[key] = found[key]
            self._seen.move_to_end(key)
        while len(self._seen) > _CACHED_TURNS:
            self._seen.popitem(last=False)
        return np.stack([found[key] for key in keys])


def _by_words(wanted: Sequence[str], documents: Sequence[Counter[str]]) -> list[int]:
    """Return the places of documents that hold a wanted term, by summed idf, best first."""
    scores: dict[int, float] = {}
    for term in wanted:
        holders = [place for place, document in enumerate(documents) if term in document]
        idf = math.log(1 + (len(documents) - len(holders) + 0.5) / (len(holders) + 0.5))
        for place in holders:
            often = documents[place][term]
            scores[place] = scores.get(place, 0.0) + idf * often / (often + 0.5)
    return sorted(scores, key=lambda place: -scores[place])
