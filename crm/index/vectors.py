"""The vector index as the rest of the product sees it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from crm.index.embedder import Vectors
from crm.index.filters import Condition, Label

Labels = Mapping[str, Label]


class VectorIndex(Protocol):
    """Vectors of one embedder with labels, searched by cosine under conditions."""

    def add(self, ids: Sequence[str], vectors: Vectors, labels: Sequence[Labels]) -> None:
        """Add vectors, shape (len(ids), dimensions), replacing those with the same id."""
        ...

    def search(self, vector: Vectors, *, conditions: Sequence[Condition], limit: int) -> list[str]:
        """Return the ids of the nearest vectors whose labels meet all conditions, best first."""
        ...

    def relabel(self, ids: Sequence[str], labels: Sequence[Labels]) -> None:
        """Change labels of vectors that are there; other ids are passed over."""
        ...

    def ids(self) -> list[str]:
        """Return the ids of all vectors."""
        ...

    def labels(self, ids: Sequence[str]) -> dict[str, Labels]:
        """Return the labels of vectors by their ids; ids that are not there are passed over."""
        ...

    def ids_of(self, conversation_ids: Sequence[int]) -> list[str]:
        """Return the ids of all vectors of the conversations."""
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Remove vectors; ids that are not there are passed over."""
        ...

    def forget(self, conversation_ids: Sequence[int]) -> None:
        """Remove all vectors of the conversations, those of other embedders included."""
        ...

    def count(self) -> int:
        """Return how many vectors there are."""
        ...
