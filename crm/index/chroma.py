"""The vector index in Chroma, embedded in this process and kept in a folder."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crm.errors import PermanentError, TransientError
from crm.index.embedder import Vectors
from crm.index.filters import Condition
from crm.index.vectors import Labels

_OPERATORS = {"=": "$eq", "in": "$in", ">=": "$gte", "<": "$lt"}
_BATCH = 1_000


class ChromaIndex:
    """Vectors in a folder, one collection an embedder, opened at first use.

    Raises PermanentError if the folder cannot be opened as a Chroma database.
    """

    def __init__(self, path: Path, *, embedder_name: str) -> None:
        self._path = path
        self._name = "passages-" + re.sub(r"[^a-zA-Z0-9_-]+", "-", embedder_name).strip("-_")
        self._client: Any = None
        self._collection: Any = None

    def add(self, ids: Sequence[str], vectors: Vectors, labels: Sequence[Labels]) -> None:
        """Add vectors, shape (len(ids), dimensions), replacing those with the same id."""
        for part in _parts(len(ids)):
            self._opened().upsert(
                ids=list(ids[part]),
                embeddings=vectors[part],
                metadatas=[dict(label) for label in labels[part]],
            )

    def search(self, vector: Vectors, *, conditions: Sequence[Condition], limit: int) -> list[str]:
        """Return the ids of the nearest vectors whose labels meet all conditions, best first.

        Raises TransientError while another process is writing and the view of it is torn.
        """
        try:
            return self._query(vector, conditions, limit)
        except TransientError:
            self._reopen()
            return self._query(vector, conditions, limit)

    def _query(self, vector: Vectors, conditions: Sequence[Condition], limit: int) -> list[str]:
        import chromadb

        try:
            found = self._opened().query(
                query_embeddings=[vector], n_results=limit, where=_where(conditions), include=[]
            )
        except chromadb.errors.ChromaError as error:
            raise TransientError(
                f"the vector index in {str(self._path)!r} is being written ({error}); "
                "ask again in a moment"
            ) from error
        ids: list[str] = found["ids"][0]
        return ids

    def _reopen(self) -> None:
        """Forget what this process has read, so that another process's writes are seen whole."""
        from chromadb.api.shared_system_client import SharedSystemClient

        self._client = self._collection = None
        SharedSystemClient.clear_system_cache()

    def relabel(self, ids: Sequence[str], labels: Sequence[Labels]) -> None:
        """Change labels of vectors that are there; other ids are passed over."""
        for part in _parts(len(ids)):
            self._opened().update(
                ids=list(ids[part]), metadatas=[dict(label) for label in labels[part]]
            )

    def ids_of(self, conversation_ids: Sequence[int]) -> list[str]:
        """Return the ids of all vectors of the conversations."""
        ids: list[str] = []
        for part in _parts(len(conversation_ids)):
            where = _of(conversation_ids[part])
            ids += self._opened().get(where=where, include=[])["ids"]
        return ids

    def delete(self, ids: Sequence[str]) -> None:
        """Remove vectors; ids that are not there are passed over."""
        for part in _parts(len(ids)):
            self._opened().delete(ids=list(ids[part]))

    def forget(self, conversation_ids: Sequence[int]) -> None:
        """Remove all vectors of the conversations, those of other embedders included."""
        self._opened()
        for collection in self._client.list_collections():
            for part in _parts(len(conversation_ids)):
                collection.delete(where=_of(conversation_ids[part]))

    def count(self) -> int:
        """Return how many vectors there are."""
        return int(self._opened().count())

    def _opened(self) -> Any:
        if self._collection is None:
            import chromadb
            from chromadb.config import Settings

            self._path.mkdir(parents=True, exist_ok=True)
            try:
                self._client = chromadb.PersistentClient(
                    path=str(self._path), settings=Settings(anonymized_telemetry=False)
                )
                self._collection = self._client.get_or_create_collection(
                    self._name,
                    embedding_function=None,
                    configuration={"hnsw": {"space": "cosine"}},
                )
            except (ValueError, chromadb.errors.ChromaError) as error:
                raise PermanentError(
                    f"the vector index in {str(self._path)!r} cannot be opened ({error}); "
                    "move the folder away and run `sales-copilot index`"
                ) from error
        return self._collection


def _of(conversation_ids: Sequence[int]) -> dict[str, Any]:
    return {"conversation_id": {"$in": list(conversation_ids)}}


def _where(conditions: Sequence[Condition]) -> dict[str, Any] | None:
    clauses = [
        {
            condition.label: {
                _OPERATORS[condition.operator]: list(condition.value)
                if isinstance(condition.value, tuple)
                else condition.value
            }
        }
        for condition in conditions
    ]
    if len(clauses) > 1:
        return {"$and": clauses}
    return clauses[0] if clauses else None


def _parts(count: int) -> list[slice]:
    return [slice(start, start + _BATCH) for start in range(0, count, _BATCH)]
