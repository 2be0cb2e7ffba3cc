from pathlib import Path

import pytest
from sqlalchemy import select

from crm.index.chroma import ChromaIndex
from crm.index.conversations import ConversationIndex
from crm.models import Segment
from crm.store import Store
from tests.conversation_seed import WordEmbedder, add_conversation


@pytest.fixture
def vectors(tmp_path: Path) -> ChromaIndex:
    return ChromaIndex(tmp_path / "vectors", embedder_name="words")


def test_text_changed_while_it_is_embedded_stays_pending(
    store: Store, vectors: ChromaIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = WordEmbedder()
    index = ConversationIndex(store, embedder=embedder, vectors=vectors)
    with store.session() as session:
        add_conversation(session, 2, [("Tom", "We need a discount.")])
    index.index_texts([2])
    embed = embedder.embed_passages

    def change_meanwhile(texts: list[str]) -> object:
        with store.session() as session:
            session.scalars(select(Segment)).one().text = "New."
        index.index_texts([2])
        monkeypatch.setattr(embedder, "embed_passages", embed)
        return embed(texts)

    monkeypatch.setattr(embedder, "embed_passages", change_meanwhile)
    assert index.embed_pending(1) == 1
    assert (index.pending(), vectors.count()) == (1, 0)
