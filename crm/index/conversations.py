"""The conversation index: passages, full text and vectors, kept together, searched as one."""

import logging
import zlib
from collections import defaultdict
from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, delete, exists, func, select, update
from sqlalchemy.orm import Session

from crm.errors import BadInput, TransientError
from crm.index.embedder import Embedder
from crm.index.filters import (
    Label,
    SearchFilters,
    allowed_passages,
    labels_of,
    vector_conditions,
)
from crm.index.full_text import optimize, rank_passages
from crm.index.fusion import fuse
from crm.index.passages import build_passages, chunks
from crm.index.reading import PassageHit, read_hits
from crm.index.terms import query_terms
from crm.index.turns import TurnRanker
from crm.index.vectors import VectorIndex
from crm.models import Conversation, Passage, Segment
from crm.principal import Principal
from crm.store import Store

Progress = Callable[[int, int], None]
log = logging.getLogger(__name__)

_BATCH = 200
_EMBEDDED_AT_ONCE = 16
_POOL = 60
_QUERY_CHARACTERS = 1_000


class ConversationIndex:
    """Everything said or written, searchable at once by words and, once embedded, by meaning.

    Without an embedder and a vector index it is full text only. The SQL database is the truth:
    it commits first, and a vector without its passage is never shown.
    """

    def __init__(
        self, store: Store, *, embedder: Embedder | None = None, vectors: VectorIndex | None = None
    ) -> None:
        self._store = store
        self._embedder = embedder if vectors is not None else None
        self._vectors = vectors if embedder is not None else None
        self.turns = TurnRanker(embedder)

    def index_texts(self, conversation_ids: Sequence[int]) -> int:
        """Make the conversations searchable by words, at once; return how many passages changed.

        Call it after the conversations are committed. Vectors of text that changed go away, those
        of text that did not change get the conversation's new account, deal and so on.
        """
        changed = 0
        for start in range(0, len(conversation_ids), _BATCH):
            batch = conversation_ids[start : start + _BATCH]
            with self._store.session() as session:
                changed += build_passages(session, batch)
            self._tidy_vectors(batch)
        return changed

    def index_missing(self) -> int:
        """Make conversations searchable that were stored but never indexed, after a crash say.

        Returns how many passages changed.
        """
        has_text = exists().where(Segment.conversation_id == Conversation.id, Segment.text != "")
        has_passage = exists().where(Passage.conversation_id == Conversation.id)
        with self._store.session() as session:
            missing = list(session.scalars(select(Conversation.id).where(has_text, ~has_passage)))
        return self.index_texts(missing)

    def has_lost_vectors(self) -> bool:
        """Say whether passages count as embedded although the vector index is empty.

        Raises PermanentError if the vector index cannot be opened.
        """
        if self._embedder is None or self._vectors is None:
            return False
        with self._store.session() as session:
            done = Passage.embedding_model == self._embedder.name
            is_marked = session.scalar(select(exists().where(done)))
        return bool(is_marked) and not self._vectors.count()

    def embed_anew(self) -> None:
        """Let every passage wait for its vector again, after the vector index was lost."""
        with self._store.session() as session:
            session.execute(update(Passage).values(embedding_model=None))

    def pending(self) -> int:
        """Return how many passages have no vector of the present embedder yet."""
        if self._embedder is None:
            return 0
        with self._store.session() as session:
            statement = select(func.count()).select_from(Passage).where(self._is_pending())
            return session.scalar(statement) or 0

    def embed_pending(
        self,
        limit: int | None = None,
        progress: Progress | None = None,
        *,
        first: Sequence[int] = (),
    ) -> int:
        """Embed passages that have no vector yet and return how many; call again to continue.

        Conversations whose ids are in `first` come first, then the newest. `progress` hears
        (done, to do) after every batch, and each batch is committed by itself.
        """
        todo = self.pending() if limit is None else min(limit, self.pending())
        done = 0
        while done < todo:
            embedded = self._embed_batch(min(_EMBEDDED_AT_ONCE, todo - done), first)
            if not embedded:
                break
            done += embedded
            if progress is not None:
                progress(done, todo)
        return done

    def search(
        self,
        session: Session,
        text: str,
        *,
        principal: Principal,
        filters: SearchFilters | None = None,
        limit: int = 10,
    ) -> list[PassageHit]:
        """Return the stretches that fit the text best: by words and by meaning, ranks fused.

        Filters and the caller's scope bind inside both searches. Raises BadInput if the text is
        blank.
        """
        if not text.strip():
            raise BadInput(f"the search text {text!r} is empty: give some words to look for")
        filters = filters or SearchFilters()
        terms = query_terms(text)
        pool = max(_POOL, 4 * limit)
        by_words = rank_passages(session, terms, filters=filters, principal=principal, limit=pool)
        by_meaning = (
            self._nearest(session, text, filters=filters, principal=principal, limit=pool)
            if terms
            else []
        )
        scores = dict(list(fuse([(by_words, 1.0), (by_meaning, 1.0)]).items())[: 3 * limit])
        return read_hits(session, scores, wanted=terms, principal=principal, limit=limit)

    def delete(self, conversation_id: int) -> None:
        """Remove every trace of a conversation from passages, full text and vectors."""
        with self._store.session() as session:
            session.execute(delete(Passage).where(Passage.conversation_id == conversation_id))
            optimize(session)
        if self._vectors is not None:
            self._vectors.forget([conversation_id])

    def _nearest(
        self,
        session: Session,
        text: str,
        *,
        filters: SearchFilters,
        principal: Principal,
        limit: int,
    ) -> list[int]:
        if self._embedder is None or self._vectors is None or not self._vectors.count():
            return []
        try:
            found = self._vectors.search(
                self._embedder.embed_query(text[:_QUERY_CHARACTERS]),
                conditions=vector_conditions(filters, principal),
                limit=limit,
            )
        except TransientError as error:
            log.warning("searching by words only: %s", error)
            return []
        ids = list(dict.fromkeys(_passage_id(vector_id) for vector_id in found))
        rows = session.execute(
            allowed_passages(filters, principal)
            .add_columns(Passage.text)
            .where(Passage.id.in_(ids), Passage.embedding_model == self._embedder.name)
        )
        alive = {passage_id: _digest(passage_text) for passage_id, passage_text in rows}
        true = [v for v in found if alive.get(_passage_id(v)) == v.rpartition(":")[2]]
        return list(dict.fromkeys(_passage_id(vector_id) for vector_id in true))

    def _is_pending(self) -> ColumnElement[bool]:
        assert self._embedder is not None  # noqa: S101
        return Passage.embedding_model.is_distinct_from(self._embedder.name)

    def _embed_batch(self, size: int, first: Sequence[int]) -> int:
        assert self._embedder is not None and self._vectors is not None  # noqa: S101, PT018
        with self._store.session() as session:
            passages = session.scalars(
                select(Passage)
                .join(Conversation, Conversation.id == Passage.conversation_id)
                .where(self._is_pending())
                .order_by(
                    Passage.conversation_id.in_(list(first)).desc(),
                    Conversation.started_at.desc(),
                    Passage.id,
                )
                .limit(size)
            ).all()
            labels = _labels(session, [passage.id for passage in passages])
        parts = [
            (f"{passage.id}:{number}:{_digest(passage.text)}", text, labels[passage.id])
            for passage in passages
            for number, text in enumerate(chunks(passage.text))
        ]
        if not parts:
            return 0
        ids, texts, part_labels = map(list, zip(*parts, strict=True))
        self._vectors.add(ids, self._embedder.embed_passages(texts), part_labels)
        self._mark(passages, ids)
        return len(passages)

    def _mark(self, passages: Sequence[Passage], vector_ids: Sequence[str]) -> None:
        """Note which passages have vectors; one changed meanwhile loses its vector again."""
        assert self._embedder is not None and self._vectors is not None  # noqa: S101, PT018
        with self._store.session() as session:
            for passage in passages:
                session.execute(
                    update(Passage)
                    .where(Passage.id == passage.id, Passage.text == passage.text)
                    .values(embedding_model=self._embedder.name)
                )
            ids = [passage.id for passage in passages]
            kept = {
                f"{passage_id}:{_digest(text)}"
                for passage_id, text in session.execute(
                    select(Passage.id, Passage.text).where(Passage.id.in_(ids))
                )
            }
        self._vectors.delete([v for v in vector_ids if _without_chunk(v) not in kept])

    def _tidy_vectors(self, conversation_ids: Sequence[int]) -> None:
        if self._embedder is None or self._vectors is None or not self._vectors.count():
            return
        with self._store.session() as session:
            rows = session.execute(
                select(Passage.id, Passage.text).where(
                    Passage.conversation_id.in_(conversation_ids),
                    Passage.embedding_model == self._embedder.name,
                )
            )
            kept = {f"{passage_id}:{_digest(text)}": passage_id for passage_id, text in rows}
            labels = _labels(session, list(kept.values()))
        present = self._vectors.ids_of(conversation_ids)
        self._vectors.delete([v for v in present if _without_chunk(v) not in kept])
        true = [v for v in present if _without_chunk(v) in kept]
        self._vectors.relabel(true, [labels[_passage_id(v)] for v in true])


def _labels(session: Session, passage_ids: Sequence[int]) -> dict[int, dict[str, Label]]:
    rows = session.execute(
        select(Passage.id, Conversation, Segment.speaker)
        .join(Conversation, Conversation.id == Passage.conversation_id)
        .outerjoin(
            Segment,
            (Segment.conversation_id == Passage.conversation_id)
            & Segment.position.between(Passage.first_segment, Passage.last_segment),
        )
        .where(Passage.id.in_(passage_ids))
        .distinct()
    ).all()
    speakers: dict[int, list[str]] = defaultdict(list)
    for passage_id, _, speaker in rows:
        if speaker is not None:  # the segments may be gone while re-indexing is still to come
            speakers[passage_id].append(speaker)
    return {
        passage_id: labels_of(conversation, speakers[passage_id])
        for passage_id, conversation, _ in rows
    }


def _digest(text: str) -> str:
    return f"{zlib.crc32(text.encode('utf-8', 'replace')):08x}"


def _passage_id(vector_id: str) -> int:
    return int(vector_id.partition(":")[0])


def _without_chunk(vector_id: str) -> str:
    passage_id, _, digest = vector_id.split(":")
    return f"{passage_id}:{digest}"
