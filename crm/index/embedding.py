"""Keeps the vectors of passages: which are pending, made, out of date or lost."""

import zlib
from collections import defaultdict
from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import Session

from crm.index.embedder import Embedder
from crm.index.filters import Label, labels_of
from crm.index.passages import chunks
from crm.index.vectors import VectorIndex
from crm.models import Conversation, Passage, Segment
from crm.store import Store

Progress = Callable[[int, int], None]

_EMBEDDED_AT_ONCE = 16


class PassageVectors:
    """The vectors of all passages by one embedder, named `passage:chunk:digest of the text`."""

    def __init__(self, store: Store, embedder: Embedder, vectors: VectorIndex) -> None:
        self._store = store
        self._embedder = embedder
        self._vectors = vectors

    def are_lost(self) -> bool:
        """Say whether passages count as embedded although the vector index is empty.

        Raises PermanentError if the vector index cannot be opened.
        """
        with self._store.session() as session:
            done = Passage.embedding_model == self._embedder.name
            is_marked = session.scalar(select(exists().where(done)))
        return bool(is_marked) and not self._vectors.count()

    def pending(self) -> int:
        """Return how many passages have no vector of the embedder yet."""
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

    def tidy(self, conversation_ids: Sequence[int]) -> None:
        """Drop vectors of text that is no more, and give the others their present labels."""
        if not self._vectors.count():
            return
        with self._store.session() as session:
            rows = session.execute(
                select(Passage.id, Passage.text).where(
                    Passage.conversation_id.in_(conversation_ids),
                    Passage.embedding_model == self._embedder.name,
                )
            )
            kept = {f"{passage_id}:{digest_of(text)}": passage_id for passage_id, text in rows}
            labels = _labels(session, list(kept.values()))
        present = self._vectors.ids_of(conversation_ids)
        self._vectors.delete([v for v in present if _without_chunk(v) not in kept])
        true = [v for v in present if _without_chunk(v) in kept]
        self._vectors.relabel(true, [labels[passage_of(v)] for v in true])

    def _is_pending(self) -> ColumnElement[bool]:
        return Passage.embedding_model.is_distinct_from(self._embedder.name)

    def _embed_batch(self, size: int, first: Sequence[int]) -> int:
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
            (f"{passage.id}:{number}:{digest_of(passage.text)}", text, labels[passage.id])
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
        with self._store.session() as session:
            for passage in passages:
                session.execute(
                    update(Passage)
                    .where(Passage.id == passage.id, Passage.text == passage.text)
                    .values(embedding_model=self._embedder.name)
                )
            ids = [passage.id for passage in passages]
            kept = {
                f"{passage_id}:{digest_of(text)}"
                for passage_id, text in session.execute(
                    select(Passage.id, Passage.text).where(Passage.id.in_(ids))
                )
            }
        self._vectors.delete([v for v in vector_ids if _without_chunk(v) not in kept])


def forget_embeddings(session: Session) -> None:
    """Let every passage wait for its vector again."""
    session.execute(update(Passage).values(embedding_model=None))


def digest_of(text: str) -> str:
    """Return the digest of a passage's text that its vectors carry in their ids."""
    return f"{zlib.crc32(text.encode('utf-8', 'replace')):08x}"


def passage_of(vector_id: str) -> int:
    """Return the id of the passage that a vector belongs to."""
    return int(vector_id.partition(":")[0])


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


def _without_chunk(vector_id: str) -> str:
    passage_id, _, digest = vector_id.split(":")
    return f"{passage_id}:{digest}"
