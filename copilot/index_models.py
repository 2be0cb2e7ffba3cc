"""Which embedder and which reranker the settings ask for, each loaded at its first use."""

from typing import TYPE_CHECKING

from copilot.settings import OPENAI_URL, Settings
from crm.index.embedder import Embedder

if TYPE_CHECKING:
    from crm.index.reranker import Reranker


def make_embedder(settings: Settings) -> Embedder:
    """Return the embedder. Raises PermanentError if its model or its package is missing."""
    kind, _, model = settings.embedder.partition(":")
    if kind == "sentence-transformers":
        from crm.index.embedders.sentence_transformer import (
            SentenceTransformerEmbedder,
            find_model_folder,
        )

        return SentenceTransformerEmbedder(
            find_model_folder(model),
            query_prefix=settings.embedder_query_prefix,
            passage_prefix=settings.embedder_passage_prefix,
        )
    if kind == "openai":
        from crm.index.embedders.endpoint import EndpointEmbedder

        return EndpointEmbedder(
            model,
            dimensions=settings.embedder_dimensions or 0,
            base_url=settings.embedder_base_url or OPENAI_URL,
            api_key=settings.embedder_api_key,
            query_prefix=settings.embedder_query_prefix,
            passage_prefix=settings.embedder_passage_prefix,
        )
    from crm.index.embedders.e5 import E5Embedder

    return E5Embedder(threads=settings.embedder_threads)


def make_reranker(settings: Settings) -> "Reranker | None":
    """Return the reranker, None without one. Raises PermanentError if its model is missing."""
    _, _, model = settings.reranker.partition(":")
    if not model:
        return None
    from crm.index.embedders.sentence_transformer import CrossEncoderReranker, find_model_folder

    return CrossEncoderReranker(find_model_folder(model))
