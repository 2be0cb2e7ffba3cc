"""Finds the passages nearest to a text by meaning, those of old text left out."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

from sqlalchemy.orm import Session

from crm.errors import PermanentError, TransientError
from crm.index.embedder import Embedder
from crm.index.filters import (
    SearchFilters,
    allowed_passages,
    speaker_label,
    vector_conditions,
    vector_scope,
)
from crm.index.vector_names import digest_of, passage_of
from crm.index.vectors import VectorIndex
from crm.models import Passage
from crm.principal import Principal

log = logging.getLogger(__name__)

_QUERY_CHARACTERS = 1_000
# Where SQL sifts by the caller's scope what was found, so many times more is looked at.
_SIFTED = 10


class NearestPassages:
    """Nearest passages by the vectors of one embedder."""

    def __init__(self, embedder: Embedder, vectors: VectorIndex) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self.trouble: str | None = None
        """Why the last search went by words only, None if it did not."""

    def rank(
        self,
        session: Session,
        text: str,
        *,
        filters: SearchFilters,
        principal: Principal,
        limit: int,
    ) -> list[int]:
        """Return ids of passages, the nearest first, within the filters and the caller's scope.

        Nothing is found while the embedder or the vector index cannot be used; `trouble` and the
        log say so.
        """
        self.trouble = None
        try:
            if not self._vectors.count():
                return []
            found = self._found(session, text, filters, principal, limit)
        except (TransientError, PermanentError) as error:
            log.warning("searching by words only: %s", type(error).__name__)
            self.trouble = str(error)
            return []
        ids = list(dict.fromkeys(passage_of(vector_id) for vector_id in found))
        rows = session.execute(
            allowed_passages(filters, principal)
            .add_columns(Passage.text)
            .where(Passage.id.in_(ids), Passage.embedding_model == self._embedder.name)
        )
        alive = {passage_id: digest_of(passage_text) for passage_id, passage_text in rows}
        true = [v for v in found if alive.get(passage_of(v)) == v.rpartition(":")[2]]
        ranked = list(dict.fromkeys(passage_of(vector_id) for vector_id in true))
        return ranked[:limit] if principal.scopes else ranked

    def _found(
        self,
        session: Session,
        text: str,
        filters: SearchFilters,
        principal: Principal,
        limit: int,
    ) -> list[str]:
        """Return ids of vectors, those of each label of the speaker in turns."""
        query = self._embedder.embed_query(text[:_QUERY_CHARACTERS])
        labels = dict.fromkeys(map(speaker_label, filters.speakers)) or [filters.speaker]
        scope = vector_scope(session, principal)
        wide = limit if scope is not None else limit * _SIFTED
        found = [
            self._vectors.search(
                query,
                conditions=vector_conditions(replace(filters, speaker=label)) + (scope or []),
                limit=wide,
            )
            for label in labels
        ]
        rows = (each for row in zip_longest(*found) for each in row if each is not None)
        return list(dict.fromkeys(rows))


class NearestOfAll:
    """Nearest passages while they change from one embedder to another: each by the vector it has.

    The rankings of the embedders are taken in turns, since no cosine of one compares with one of
    another. A passage has the vectors of one embedder only, so it comes once.
    """

    def __init__(self, each: Sequence[NearestPassages]) -> None:
        self._each = each

    @property
    def trouble(self) -> str | None:
        """Why the last search went by words only, in part at least; None if it did not."""
        return next((one.trouble for one in self._each if one.trouble), None)

    def rank(
        self,
        session: Session,
        text: str,
        *,
        filters: SearchFilters,
        principal: Principal,
        limit: int,
    ) -> list[int]:
        """Return ids of passages as `NearestPassages.rank` does."""
        ranked = [
            one.rank(session, text, filters=filters, principal=principal, limit=limit)
            for one in self._each
        ]
        rows = (each for row in zip_longest(*ranked) for each in row if each is not None)
        return list(dict.fromkeys(rows))[:limit]
