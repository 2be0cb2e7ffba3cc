"""The conversation index: passages, full text and vectors, kept together, searched as one."""

from collections.abc import Sequence

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from crm.index.embedder import Embedder
from crm.index.embedding import PassageVectors, Progress
from crm.index.filters import SearchFilters
from crm.index.full_text import optimize
from crm.index.nearest import NearestOfAll, NearestPassages
from crm.index.passages import build_passages
from crm.index.reading import PassageHit
from crm.index.reranker import Reranker
from crm.index.searching import PassageSearch
from crm.index.turns import TurnRanker
from crm.index.vectors import VectorIndex
from crm.models import Conversation, Passage, Segment
from crm.principal import Principal
from crm.store import Store
from crm.tracing import span

_BATCH = 200


class ConversationIndex:
    """Everything said or written, searchable at once by words and, once embedded, by meaning.

    Without an embedder and a vector index it is full text only. The SQL database is the truth:
    it commits first, and a vector without its passage is never shown.
    """

    def __init__(
        self,
        store: Store,
        *,
        embedder: Embedder | None = None,
        vectors: VectorIndex | None = None,
        reranker: Reranker | None = None,
        former: Sequence[tuple[Embedder, VectorIndex]] = (),
    ) -> None:
        """Take embedder and vectors; `former` ones serve passages not yet embedded anew."""
        self._store = store
        self._vectors = vectors
        self._passage_vectors: PassageVectors | None = None
        nearest: NearestPassages | NearestOfAll | None = None
        if embedder is not None and vectors is not None:
            self._passage_vectors = PassageVectors(store, embedder, vectors)
            pairs = [(embedder, vectors), *former]
            each = [NearestPassages(model, index) for model, index in pairs]
            nearest = NearestOfAll(each) if former else each[0]
        self._search = PassageSearch(nearest, reranker=reranker)
        self.turns = TurnRanker(embedder if vectors is not None else None)

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
            if self._passage_vectors is not None:
                self._passage_vectors.tidy(batch)
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

    def find_missing(self) -> int:
        """Let passages wait that count as embedded and have no vector in this index; count them.

        Another machine that uses the same database embedded them, or vectors were lost. Raises
        PermanentError if the vector index cannot be opened.
        """
        return self._passage_vectors.find_missing() if self._passage_vectors is not None else 0

    def tidy_vectors(self) -> None:
        """Bring the vectors in line with the database, which other machines may have changed.

        What was forgotten elsewhere goes from the files here too; the rest gets its present labels.
        """
        if self._passage_vectors is not None:
            self._passage_vectors.tidy_all()

    def pending(self) -> int:
        """Return how many passages wait for a vector of the present embedder."""
        return self._passage_vectors.pending() if self._passage_vectors is not None else 0

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
        if self._passage_vectors is None:
            return 0
        return self._passage_vectors.embed_pending(limit, progress, first=first)

    def search(
        self,
        session: Session,
        text: str,
        *,
        principal: Principal,
        filters: SearchFilters | None = None,
        limit: int = 10,
    ) -> list[PassageHit]:
        """Return the stretches that fit the text best, as `crm.index.searching` finds them."""
        with span("search") as told:
            hits = self._search.search(
                session, text, principal=principal, filters=filters, limit=limit
            )
            told.note(hits=len(hits))
        return hits

    @property
    def trouble(self) -> str | None:
        """Why the last search went by words only, None if meaning was looked at as well."""
        return self._search.trouble

    def delete(self, *conversation_ids: int) -> None:
        """Remove every trace of conversations from passages, full text and vectors.

        Raises TransientError if another process holds the vectors: they are no longer found, but
        bytes of them may be left in the files.
        """
        with self._store.session() as session:
            session.execute(delete(Passage).where(Passage.conversation_id.in_(conversation_ids)))
            optimize(session)
        if self._vectors is not None:
            self._vectors.forget(conversation_ids)
