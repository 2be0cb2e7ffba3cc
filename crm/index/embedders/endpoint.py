"""Embeddings from any OpenAI-compatible endpoint."""

from urllib.parse import urlsplit

import numpy as np
import openai
from pydantic import SecretStr

from crm.errors import CopilotError, PermanentError, TransientError
from crm.index.embedder import Vectors, without_broken_characters

_BATCH = 64
_CHARACTERS = 8_000
_TRANSIENT = (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError)


class EndpointEmbedder:
    """A model behind `POST {base_url}/embeddings`; its vectors must have `dimensions` numbers.

    Every call raises TransientError if the endpoint does not answer now, PermanentError if it
    refuses, does not speak the interface or returns vectors of another size.
    """

    def __init__(
        self,
        model: str,
        *,
        dimensions: int,
        base_url: str,
        api_key: SecretStr | None = None,
        query_prefix: str = "",
        passage_prefix: str = "",
        timeout_s: float = 60.0,
        max_retries: int = 3,
    ) -> None:
        self.name = f"endpoint-{model}-{dimensions}"
        self.dimensions = dimensions
        self._model = model
        self._prefixes = (query_prefix, passage_prefix)
        self._key = api_key.get_secret_value() if api_key else ""
        self._place = _without_credentials(base_url)
        # The SDK is the one place that retries, waiting as long as Retry-After says.
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key=self._key or "none",
            timeout=timeout_s,
            max_retries=max_retries,
        )

    @property
    def place(self) -> str:
        """The endpoint's address, without credentials."""
        return self._place

    def embed_passages(self, texts: list[str]) -> Vectors:
        """Return one unit vector a text, shape (len(texts), dimensions)."""
        parts = [
            self._ask([self._prefixes[1] + text for text in texts[start : start + _BATCH]])
            for start in range(0, len(texts), _BATCH)
        ]
        return np.concatenate([np.empty((0, self.dimensions), np.float32), *parts])

    def embed_query(self, text: str) -> Vectors:
        """Return the unit vector of a question, shape (dimensions,)."""
        vector: Vectors = self._ask([self._prefixes[0] + text])[0]
        return vector

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, texts: list[str]) -> Vectors:
        given = [without_broken_characters(text)[:_CHARACTERS] for text in texts]
        try:
            answer = self._client.embeddings.create(
                model=self._model, input=given, encoding_format="float"
            )
            items = sorted(answer.data, key=lambda item: item.index)
            vectors = np.array([item.embedding for item in items], dtype=np.float32)
        except openai.APIError as error:
            # The SDK's exception holds the request with the key: it is not chained.
            raise self._in_our_words(error) from None
        except (AttributeError, TypeError, ValueError):
            raise PermanentError(
                f"{self._place!r} answers, but not with embeddings; check the base address, "
                "which often ends in '/v1'"
            ) from None
        return self._checked(vectors, len(texts))

    def _checked(self, vectors: Vectors, count: int) -> Vectors:
        if vectors.shape != (count, self.dimensions):
            raise PermanentError(
                f"{self._model!r} at {self._place!r} returned vectors of shape {vectors.shape!r} "
                f"instead of {(count, self.dimensions)!r}: set the number of dimensions it has"
            )
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise PermanentError(
                f"{self._model!r} at {self._place!r} returned a vector without a direction: "
                "use another model"
            )
        unit: Vectors = vectors / lengths
        return unit

    def _in_our_words(self, error: openai.APIError) -> CopilotError:
        said = (error.message.replace(self._key, "***") if self._key else error.message)[:300]
        if isinstance(error, _TRANSIENT) and error.code != "insufficient_quota":
            return TransientError(
                f"the embedder at {self._place!r} does not answer now ({said}): try again later"
            )
        if isinstance(error, (openai.AuthenticationError, openai.PermissionDeniedError)):
            return PermanentError(f"{self._place!r} refused the key of the embedder: set another")
        return PermanentError(
            f"{self._place!r} refused to embed with {self._model!r}: {said}; check the model's "
            "name and the base address"
        )


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
