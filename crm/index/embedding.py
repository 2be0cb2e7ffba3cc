"""Keeps the vectors of passages: which wait, which are made, and where."""

from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from crm.index.comparing import passage_labels, passages_elsewhere, tidy, tidy_all
from crm.index.embedder import Embedder
from crm.index.passages import chunks
from crm.index.vector_names import digest_of, name_of, without_chunk
from crm.index.vectors import VectorIndex
from crm.models import Conversation, Passage
from crm.store import Store

Progress = Callable[[int, int], None]

_EMBEDDED_AT_ONCE = 16


class PassageVectors:
    """The vectors of all passages by one embedder, named `passage:chunk:digest of the text`."""

    def __init__(self, store: Store, embedder: Embedder, vectors: VectorIndex) -> None:
        self._store = store
        self._embedder = embedder
        self._vectors = vectors
        self._missing: list[int] = []

    def pending(self) -> int:
        """Return how many passages wait for a vector of the embedder."""
        with self._store.session() as session:
            statement = select(func.count()).select_from(Passage).where(self._is_pending())
            return (session.scalar(statement) or 0) + len(self._missing)

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
        tidy(self._store, self._vectors, conversation_ids)

    def tidy_all(self) -> None:
        """Bring all vectors in line with the database, whichever machine changed that."""
        tidy_all(self._store, self._vectors)

    def find_missing(self) -> int:
        """Let passages wait whose vectors another machine has, or that were lost; count them.

        Raises PermanentError if the vector index cannot be opened.
        """
        self._missing = passages_elsewhere(self._store, self._vectors, self._embedder.name)
        return len(self._missing)

    def _is_pending(self) -> ColumnElement[bool]:
        return Passage.embedding_model.is_distinct_from(self._embedder.name)

    def _embed_batch(self, size: int, first: Sequence[int]) -> int:
        with self._store.session() as session:
            passages = list(
                session.scalars(
                    select(Passage)
                    .join(Conversation, Conversation.id == Passage.conversation_id)
                    .where(self._is_pending())
                    .order_by(
                        Passage.conversation_id.in_(list(first)).desc(),
                        Conversation.started_at.desc(),
                        Passage.id,
                    )
                    .limit(size)
                )
            )
            passages += self._take_missing(session, size - len(passages))
            labels = passage_labels(session, [passage.id for passage in passages])
        parts = [
            (name_of(passage.id, number, passage.text), text, labels[passage.id])
            for passage in passages
            for number, text in enumerate(chunks(passage.text))
        ]
        if not parts:
            return 0
        ids, texts, part_labels = map(list, zip(*parts, strict=True))
        self._vectors.add(ids, self._embedder.embed_passages(texts), part_labels)
        self._mark(passages, ids)
        return len(passages)

    def _take_missing(self, session: Session, size: int) -> list[Passage]:
        """Return up to `size` passages that have no vector here; they wait no longer."""
        found: list[Passage] = []
        while self._missing and len(found) < size:
            some = self._missing[: size - len(found)]
            self._missing = self._missing[len(some) :]
            still = Passage.embedding_model == self._embedder.name
            found += session.scalars(select(Passage).where(Passage.id.in_(some), still))
        return found

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
        self._vectors.delete([v for v in vector_ids if without_chunk(v) not in kept])
