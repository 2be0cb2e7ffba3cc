"""Any model of sentence-transformers on this machine as an embedder or a reranker."""

import hashlib
import re
import threading
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from crm.errors import PermanentError
from crm.index.embedder import Vectors, without_broken_characters

_INSTALL = "install it with `make embedders`, or `pip install 'sales-copilot[embedders]'`"
_BATCH = 16


class SentenceTransformerEmbedder:
    """A bi-encoder from a folder; nothing is ever fetched. Some models want prefixes.

    The name holds a digest of the folder's configuration, so that another model never searches
    its vectors. Raises PermanentError if the folder or the library cannot be loaded.
    """

    def __init__(self, folder: Path, *, query_prefix: str = "", passage_prefix: str = "") -> None:
        self._folder = _existing(folder)
        self._query_prefix, self._passage_prefix = query_prefix, passage_prefix
        self._loading = threading.Lock()
        self.name = _name_of(self._folder, query_prefix, passage_prefix)

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has; the model is loaded for it."""
        return int(self._model.get_embedding_dimension())

    def embed_passages(self, texts: list[str]) -> Vectors:
        """Return one unit vector a text, shape (len(texts), dimensions)."""
        if not texts:
            return np.empty((0, self.dimensions), dtype=np.float32)
        return self._encode([self._passage_prefix + text for text in texts])

    def embed_query(self, text: str) -> Vectors:
        """Return the unit vector of a question, shape (dimensions,)."""
        vector: Vectors = self._encode([self._query_prefix + text])[0]
        return vector

    def _encode(self, texts: list[str]) -> Vectors:
        with self._loading:
            model = self._model
        vectors = model.encode(
            [without_broken_characters(text) for text in texts],
            batch_size=_BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, dtype=np.float32)

    @cached_property
    def _model(self) -> Any:
        return load_local("SentenceTransformer", self._folder)


class CrossEncoderReranker:
    """A cross-encoder from a folder: reads question and text together; nothing is ever fetched.

    Raises PermanentError if the folder or the library cannot be loaded.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = _existing(folder)
        self._loading = threading.Lock()
        self.name = _name_of(self._folder)

    def score(self, query: str, texts: list[str]) -> list[float]:
        """Return one score a text, the higher the better."""
        if not texts:
            return []
        with self._loading:
            model = self._model
        asked = without_broken_characters(query)
        pairs = [(asked, without_broken_characters(text)) for text in texts]
        scores = model.predict(pairs, batch_size=_BATCH, show_progress_bar=False)
        return [float(score) for score in np.asarray(scores).reshape(len(texts), -1)[:, -1]]

    @cached_property
    def _model(self) -> Any:
        return load_local("CrossEncoder", self._folder)


def find_model_folder(name: str) -> Path:
    """Return the folder that a model's name stands for: a path, or a package that carries one.

    Such a package keeps the model in its folder `model`. Raises PermanentError if there is none.
    """
    if Path(name).is_dir() or not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        return _existing(Path(name))
    module = name.replace("-", "_").replace(".", "_")
    found = find_spec(module)
    if found is None or found.origin is None:
        raise PermanentError(
            f"the model {name!r} is neither a folder nor an installed package: {_INSTALL}"
        )
    return _existing(Path(found.origin).parent / "model")


def _existing(folder: Path) -> Path:
    if not (folder / "config.json").is_file():
        raise PermanentError(
            f"{str(folder)!r} holds no model: name the folder with its config.json; models are "
            "never fetched from a hub"
        )
    return folder


def _name_of(folder: Path, *more: str) -> str:
    """Return a name that changes with the model: the sizes of its files tell models apart."""
    told = [(path.name, path.stat().st_size) for path in sorted(folder.rglob("*.*"))]
    config = (folder / "config.json").read_bytes()
    digest = hashlib.sha256(repr((told, config, more)).encode()).hexdigest()[:8]
    return f"{folder.resolve().name[:40]}-{digest}"


def load_local(kind: str, folder: Path) -> Any:
    """Return a model of sentence-transformers from a folder; nothing is fetched.

    Raises PermanentError if the library is missing or the folder does not hold such a model.
    """
    try:
        import sentence_transformers
        from transformers.utils import logging
    except ImportError as error:
        raise PermanentError(f"sentence-transformers is missing ({error}): {_INSTALL}") from error
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        make = getattr(sentence_transformers, kind)
        return make(str(folder), local_files_only=True, device="cpu")
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise PermanentError(
            f"the model in {str(folder)!r} cannot be loaded ({error}): check that it is a "
            f"{kind} and complete"
        ) from error
