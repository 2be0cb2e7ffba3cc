"""The installation builds only what is asked for, and its locks keep processes apart."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import event, func, select

import crm.store
from copilot.settings import Settings
from copilot.wiring import Installation
from crm.errors import NotFound, PermanentError, TransientError
from crm.index.chroma import ChromaIndex
from crm.index.conversations import ConversationIndex
from crm.models import ConversationKind, Passage
from crm.principal import Principal
from crm.store import Store, newest_revision
from ingest.conversations import ParsedConversation, ParsedSegment, store_conversation
from tests.conversation_seed import WordEmbedder, add_conversation, add_user


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(Settings(home=tmp_path, cache_dir=tmp_path / "cache"))


def test_a_command_imports_only_what_it_needs() -> None:
    """The list for humans: without these the help and a plain question start fast."""
    code = """
import sys
import copilot.cli.main
assert not {"sqlalchemy", "pydantic", "langgraph", "openai"} & set(sys.modules), "main"
import copilot.cli.showing, copilot.cli.context
assert not {"alembic", "langgraph", "openai", "chromadb", "xllamacpp"} & set(sys.modules)
import copilot.cli.asking
assert not {"alembic", "openai", "chromadb", "xllamacpp", "faster_whisper"} & set(sys.modules)
"""
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_newest_revision_is_alembics_head() -> None:
    config = Config()
    folder = Path(crm.store.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    assert newest_revision() == ScriptDirectory.from_config(config).get_current_head()


def test_tables_that_are_current_are_not_migrated_again(store: Store) -> None:
    seen: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *a: seen.append(str(a[2])))
    assert store.is_current()
    store.migrate()
    assert seen
    assert all(statement.startswith(("SELECT", "PRAGMA")) for statement in seen)


def test_a_store_without_tables_is_not_current(tmp_path: Path) -> None:
    store = Store.sqlite(tmp_path / "new.db")
    assert not store.is_current()
    store.migrate()
    assert store.is_current()
    store.close()


def test_only_one_process_embeds(installation: Installation, tmp_path: Path) -> None:
    other = Installation(Settings(home=tmp_path, cache_dir=tmp_path / "cache"))
    with installation.embedding() as first, other.embedding() as second:
        assert (bool(first), bool(second)) == (True, False)
    with other.embedding() as later:
        assert later


def test_an_import_waits_no_longer_than_it_may(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copilot.wiring.IMPORT_WAIT_S", 0.05)
    other = Installation(Settings(home=tmp_path, cache_dir=tmp_path / "cache"))
    with installation.importing():  # noqa: SIM117
        with pytest.raises(TransientError, match="another import"), other.importing():
            pytest.fail("two imports at once")


def test_a_missing_model_names_the_way_to_it(installation: Installation, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="sales-copilot setup"):
        _ = installation.model
    chosen = Settings(home=tmp_path, llm_model_path=tmp_path / "none.gguf")
    with pytest.raises(PermanentError, match="SALES_COPILOT_LLM_MODEL_PATH"):
        _ = Installation(chosen).model


def test_the_principal_is_found_by_email_and_by_name(installation: Installation) -> None:
    with installation.store.session() as session:
        add_user(session, 1, "Anna Berg", email="anna@acme.example", role="rep")
    assert installation.principal(None).is_local_owner
    assert installation.principal(" ANNA@acme.example").user_id == 1
    assert installation.principal("anna berg").name == "Anna Berg"
    with pytest.raises(NotFound, match="did you mean Anna Berg"):
        installation.principal("Ana Berg")
    installation.close()


def test_conversations_stored_but_not_indexed_become_searchable(
    store: Store, owner: Principal
) -> None:
    index = ConversationIndex(store)
    with store.session() as session:
        add_conversation(session, 1, [("Mary", "We need single sign-on.")])
        add_conversation(session, 2, [("Mary", "")])
    assert index.index_missing() == 1
    assert index.index_missing() == 0
    with store.session() as session:
        hits = index.search(session, "single sign-on", principal=owner)
    assert [hit.conversation_id for hit in hits] == [1]


def test_lost_vectors_are_noticed_and_made_anew(
    store: Store, owner: Principal, tmp_path: Path
) -> None:
    def index(folder: str) -> ConversationIndex:
        vectors = ChromaIndex(tmp_path / folder, embedder_name="words")
        return ConversationIndex(store, embedder=WordEmbedder(), vectors=vectors)

    with store.session() as session:
        add_conversation(session, 1, [("Mary", "We need single sign-on.")])
    first = index("one")
    assert first.find_missing() == 0
    first.index_texts([1])
    assert first.embed_pending() == 1
    assert first.find_missing() == 0
    lost = index("two")
    assert lost.pending() == 0
    assert lost.find_missing() == lost.pending() == 1
    assert lost.embed_pending() == 1
    assert lost.find_missing() == lost.pending() == 0


def test_a_text_that_changed_counts_as_not_indexed(store: Store, owner: Principal) -> None:
    index = ConversationIndex(store)
    for text in ("We need single sign-on.", "We need a rebate."):
        parsed = ParsedConversation(
            source="test",
            external_id="c1",
            kind=ConversationKind.CALL,
            title="Call",
            started_at=datetime(2026, 11, 1, tzinfo=UTC),
            participants=(),
            segments=(ParsedSegment("Mary", text),),
            content_sha256=text,
        )
        with store.session() as session:
            store_conversation(session, parsed, now=parsed.started_at, principal=owner)
        if text.endswith("sign-on."):
            index.index_texts([1])
    assert index.index_missing() == 1
    with store.session() as session:
        assert session.scalar(select(func.count()).select_from(Passage)) == 1
        assert index.search(session, "rebate", principal=owner)
