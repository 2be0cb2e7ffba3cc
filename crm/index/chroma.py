"""The vector index in Chroma, embedded in this process and kept in a folder."""

import re
import sqlite3
import warnings
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from crm.disk import disk_trouble
from crm.errors import PermanentError, TransientError
from crm.index.embedder import Vectors
from crm.index.filters import Condition
from crm.index.graph_files import blank_unused
from crm.index.vectors import Labels
from crm.onnx_reports import forbid_reports

_OPERATORS = {
    "=": "$eq", "in": "$in", "not in": "$nin", ">=": "$gte", "<": "$lt", "contains": "$contains"
}  # fmt: skip
_BATCH = 1_000
_DATABASE = "chroma.sqlite3"
_VACUUM_WAIT_S = 30.0
_FLUSHING = "flushing"
_AT_ONCE = {"sync_threshold": 2, "batch_size": 2}
_IN_BULK = {"sync_threshold": 1_000, "batch_size": 100}


class ChromaIndex:
    """Vectors in a folder, one collection an embedder, opened at first use.

    Raises PermanentError if the folder cannot be opened as a Chroma database.
    """

    def __init__(self, path: Path, *, embedder_name: str) -> None:
        self._path = path
        self._name = "passages.2-" + re.sub(r"[^a-zA-Z0-9_-]+", "-", embedder_name).strip("-_")
        self._client: Any = None
        self._collection: Any = None

    def add(self, ids: Sequence[str], vectors: Vectors, labels: Sequence[Labels]) -> None:
        """Add vectors, shape (len(ids), dimensions), replacing those with the same id."""
        for part in _parts(len(ids)):
            self._opened().upsert(
                ids=list(ids[part]),
                embeddings=vectors[part],
                metadatas=[_metadata(label) for label in labels[part]],
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
                ids=list(ids[part]), metadatas=[_metadata(label) for label in labels[part]]
            )

    def ids(self) -> list[str]:
        """Return the ids of all vectors."""
        found: list[str] = self._opened().get(include=[])["ids"]
        return found

    def labels(self, ids: Sequence[str]) -> dict[str, Labels]:
        """Return the labels of vectors by their ids; ids that are not there are passed over."""
        found: dict[str, Labels] = {}
        for part in _parts(len(ids)):
            held = self._opened().get(ids=list(ids[part]), include=["metadatas"])
            for one, metadata in zip(held["ids"], held["metadatas"], strict=True):
                found[one] = {
                    name: tuple(value) if isinstance(value, list) else value
                    for name, value in metadata.items()
                }
        return found

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
        """Remove all vectors of the conversations, those of other embedders included.

        Nothing of them stays in the folder's files. Raises TransientError if another process
        holds them too long: what was removed is no longer found, but bytes of it may be left.
        """
        affected = [name for name in self._names() if self._ids(name, conversation_ids)]
        # An opened collection keeps the threshold it was opened with, so each change opens anew.
        self._configure(affected, _AT_ONCE)
        for name in affected:
            _overwrite(
                self._client.get_collection(name, embedding_function=None),
                self._ids(name, conversation_ids),
            )
        self._configure(affected, _IN_BULK)
        blank_unused(self._path)
        if affected:
            self._vacuum()

    def _names(self) -> list[str]:
        self._opened()
        return [collection.name for collection in self._client.list_collections()]

    def _ids(self, name: str, conversation_ids: Sequence[int]) -> list[str]:
        collection = self._client.get_collection(name, embedding_function=None)
        found: list[str] = []
        for part in _parts(len(conversation_ids)):
            found += collection.get(where=_of(conversation_ids[part]), include=[])["ids"]
        return found

    def _configure(self, names: Sequence[str], hnsw: dict[str, int]) -> None:
        for name in names:
            with warnings.catch_warnings():
                # Chroma warns of collections without an embedding function, as all of ours are.
                warnings.filterwarnings("ignore", "legacy embedding", DeprecationWarning)
                self._client.get_collection(name, embedding_function=None).modify(
                    configuration={"hnsw": hnsw}
                )
        if names:
            self._reopen()
            self._opened()

    def _vacuum(self) -> None:
        try:
            with closing(sqlite3.connect(self._path / _DATABASE, timeout=_VACUUM_WAIT_S)) as file:
                file.execute("VACUUM")
        except sqlite3.OperationalError as error:
            raise TransientError(
                f"the vector index in {str(self._path)!r} is in use ({error}): forget again later"
            ) from error

    def count(self) -> int:
        """Return how many vectors there are."""
        return int(self._opened().count())

    def _opened(self) -> Any:
        if self._collection is None:
            forbid_reports()
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
                    configuration={"hnsw": {"space": "cosine", **_IN_BULK}},
                )
            except (ValueError, chromadb.errors.ChromaError) as error:
                raise PermanentError(self._cannot_open(str(error))) from error
        return self._collection

    def _cannot_open(self, reason: str) -> str:
        trouble = disk_trouble(reason, self._path)
        if trouble is not None:
            return trouble
        return (
            f"the vector index in {str(self._path)!r} cannot be opened ({reason}); "
            "move the folder away and run `sales-copilot index`"
        )


def _overwrite(collection: Any, ids: Sequence[str]) -> None:
    """Delete vectors so that their numbers go too, from the graph's file and from the queue.

    The graph only marks what is deleted, and writes its file once `sync_threshold` changes have
    come; the queue is emptied up to there. So the numbers are replaced first, and the threshold
    is low meanwhile.
    """
    sample = collection.get(ids=[ids[0]], include=["embeddings"])["embeddings"]
    nothing = np.zeros(len(sample[0]), dtype=np.float32)
    nothing[0] = 1.0
    for part in _parts(len(ids)):
        some = list(ids[part])
        collection.update(ids=some, embeddings=np.tile(nothing, (len(some), 1)))
        collection.delete(ids=some)
    for _ in range(2):
        collection.upsert(ids=[_FLUSHING], embeddings=[nothing])
        collection.delete(ids=[_FLUSHING])


def _metadata(labels: Labels) -> dict[str, Any]:
    # Chroma takes lists, but no empty ones.
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in labels.items()
        if value != ()
    }


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
