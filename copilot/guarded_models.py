"""Embedders and recognisers elsewhere, each behind the circuit breaker of its server."""

from collections.abc import Callable, Sequence
from pathlib import Path

from copilot.breakers import Breaker
from copilot.llm.deadline import within
from crm.index.embedder import Embedder, Vectors
from ingest.speech.parts import PartStore
from ingest.speech.transcriber import Transcriber, Transcript

QUERY_S = 15.0


class GuardedEmbedder:
    """Passes texts on; a question is not kept waiting, since words find passages as well."""

    def __init__(self, embedder: Embedder, breaker: Breaker) -> None:
        self._embedder = embedder
        self._breaker = breaker

    @property
    def name(self) -> str:
        """What made the vectors."""
        return self._embedder.name

    @property
    def dimensions(self) -> int:
        """How long a vector is."""
        return self._embedder.dimensions

    def embed_passages(self, texts: list[str]) -> Vectors:
        """Return one unit vector a text, shape (len(texts), dimensions)."""
        return self._breaker.call(lambda: self._embedder.embed_passages(texts))

    def embed_query(self, text: str) -> Vectors:
        """Return the unit vector of a question. Raises TransientError after `QUERY_S` seconds."""
        late = f"the embedder {self.name!r} did not answer within {QUERY_S:g} s: try again later"
        return self._breaker.call(
            lambda: within(QUERY_S, lambda: self._embedder.embed_query(text), late=late)
        )


class GuardedTranscriber:
    """Passes recordings on."""

    def __init__(self, transcriber: Transcriber, breaker: Breaker) -> None:
        self._transcriber = transcriber
        self._breaker = breaker

    def transcribe(
        self,
        path: Path,
        *,
        language: str | None,
        hints: Sequence[str],
        progress: Callable[[float], None] | None,
        parts: PartStore | None = None,
    ) -> Transcript:
        """Return what is said, as the recogniser does."""
        return self._breaker.call(
            lambda: self._transcriber.transcribe(
                path, language=language, hints=hints, progress=progress, parts=parts
            )
        )
