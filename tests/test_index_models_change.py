"""While passages change from one embedder to another, each is found by the vector it has."""

from pathlib import Path

import pytest

from copilot.index_models import former_embedders, make_embedder
from copilot.settings import Settings
from crm.index.chroma import ChromaIndex
from crm.index.conversations import ConversationIndex
from crm.principal import Principal
from crm.store import Store
from tests.conversation_seed import WordEmbedder, add_conversation

SYNONYMS = {"postpone": "delay", "pushed": "delay"}


def found(index: ConversationIndex, store: Store, text: str) -> set[int]:
    with store.session() as session:
        hits = index.search(session, text, principal=Principal.local_owner(), limit=10)
    return {hit.conversation_id for hit in hits}


def test_the_old_vectors_serve_until_the_new_ones_are_there(store: Store, tmp_path: Path) -> None:
    with store.session() as session:
        for number in (1, 2):
            add_conversation(session, number, [("Ann", f"It was pushed back, contract {number}")])
    old, new = WordEmbedder("old", SYNONYMS), WordEmbedder("new", SYNONYMS)
    olds = ChromaIndex(tmp_path / "index", embedder_name="old")
    before = ConversationIndex(store, embedder=old, vectors=olds)
    before.index_texts([1, 2])
    before.embed_pending()

    news = ChromaIndex(tmp_path / "index", embedder_name="new")
    alone = ConversationIndex(store, embedder=new, vectors=news)
    both = ConversationIndex(store, embedder=new, vectors=news, former=[(old, olds)])

    assert both.pending() == 2
    assert found(alone, store, "postpone") == set()
    assert found(both, store, "postpone") == {1, 2}
    both.embed_pending(1)
    assert found(both, store, "postpone") == {1, 2}
    both.embed_pending()
    assert found(alone, store, "postpone") == {1, 2}


def test_a_workspace_remembers_the_embedders_that_it_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.load(home=tmp_path)
    default = make_embedder(settings)
    assert former_embedders(settings, default) == []

    elsewhere = Settings.load(
        home=tmp_path, embedder="openai:small", embedder_dimensions=64,
        embedder_base_url="http://127.0.0.1:1/v1", embedder_api_key="hidden-key",
    )  # fmt: skip
    endpoint = make_embedder(elsewhere)
    assert [one.name for one in former_embedders(elsewhere, endpoint)] == [default.name]
    assert [one.name for one in former_embedders(settings, default)] == [endpoint.name]
    noted = (settings.workspace_dir / "embedders.json").read_text()
    assert "openai:small" in noted
    assert "hidden-key" not in noted


def test_a_broken_note_of_former_embedders_is_no_failure(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path)
    settings.workspace_dir.mkdir(parents=True)
    (settings.workspace_dir / "embedders.json").write_text("{")
    assert former_embedders(settings, make_embedder(settings)) == []
