from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event, inspect, select, text

from crm.errors import TransientError
from crm.index.chroma import ChromaIndex
from crm.index.conversations import ConversationIndex
from crm.index.forgetting import clean_files, forget_conversations
from crm.index.graph_files import blank_unused
from crm.models import Conversation, IdentityDecision, Note, NoteSet, Passage, VoiceName
from crm.store import Store
from tests.conversation_seed import WordEmbedder, add_conversation

SECRET = "zebrafinch"
NOW = datetime(2026, 11, 12, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def store(workspace: Path) -> Store:
    made = Store.sqlite(workspace / "crm.db")
    made.migrate()
    return made


@pytest.fixture
def index(store: Store, workspace: Path) -> ConversationIndex:
    with store.session() as session:
        for number in range(1, 30):
            said = [("Maria Lopez", f"We talk about contract number {number}.")]
            add_conversation(session, number, said)
        add_conversation(
            session,
            99,
            [
                (f"{SECRET} speaker", f"The {SECRET} plan is expensive. " * 30),
                ("李娜", "斑马雀计划"),
            ],
            title=f"{SECRET} call",
            sides={f"{SECRET} speaker": "customer"},
        )
        session.add(
            VoiceName(conversation_id=99, voice="A", name=SECRET, confidence=0.9, basis="said")
        )
        session.add(
            NoteSet(conversation_id=99, content_digest="x", maker="m", language="en", made_at=NOW)
        )
        session.add(
            Note(
                conversation_id=99, position=0, kind="summary", text=f"About {SECRET}",
                speaker=SECRET, side="customer", due_on=date(2026, 12, 1), start_ms=0, end_ms=1,
                segments=[0],
            )
        )  # fmt: skip
    vectors = ChromaIndex(workspace / "index", embedder_name="words")
    made = ConversationIndex(store, embedder=WordEmbedder(), vectors=vectors)
    made.index_texts([*range(1, 30), 99])
    made.embed_pending()
    return made


def holding(folder: Path, wanted: bytes) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if wanted in path.read_bytes()]


def test_no_file_keeps_a_word_of_a_forgotten_conversation(
    index: ConversationIndex, store: Store, workspace: Path
) -> None:
    words = [SECRET.encode(), "斑马雀".encode()]
    assert all(holding(workspace, word) for word in words)
    forget_conversations(store, index, [99])
    assert [holding(workspace, word) for word in words] == [[], []]
    assert holding(workspace, b"Maria Lopez")


def test_no_file_keeps_the_vector_of_a_forgotten_conversation(
    index: ConversationIndex, store: Store, workspace: Path
) -> None:
    with store.session() as session:
        passage = select(Passage.text).where(Passage.conversation_id == 99)
        vector = WordEmbedder().embed_passages([session.scalars(passage).first() or ""])[0]
    place = int(np.argmax(vector))
    telling = vector[place - 4 : place + 5].astype(np.float32).tobytes()
    assert holding(workspace, telling)
    forget_conversations(store, index, [99])
    assert holding(workspace, telling) == []


def test_what_the_process_held_before_does_not_stay_in_room_for_vectors_to_come(
    index: ConversationIndex, store: Store, workspace: Path
) -> None:
    forget_conversations(store, index, [99])
    graphs = [*workspace.rglob("data_level0.bin"), *workspace.rglob("length.bin")]
    assert not any(any(graph.read_bytes()[-100:]) for graph in graphs)
    for graph in graphs:
        whole = graph.read_bytes()
        graph.write_bytes(whole[: -2 * len(SECRET)] + 2 * SECRET.encode())
    blank_unused(workspace / "index")
    assert holding(workspace, SECRET.encode()) == []
    again = ChromaIndex(workspace / "index", embedder_name="words")
    found = again.search(WordEmbedder().embed_query("contract"), conditions=[], limit=40)
    assert len(graphs) == 2
    assert len(set(found)) == 29


def test_a_graph_of_a_version_nobody_knows_is_left_as_it_is(tmp_path: Path) -> None:
    graph = tmp_path / "one"
    graph.mkdir()
    (graph / "header.bin").write_bytes(b"\x09" + bytes(99))
    (graph / "data_level0.bin").write_bytes(b"data")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "header.bin").write_bytes(b"cut")
    blank_unused(tmp_path)
    assert (graph / "data_level0.bin").read_bytes() == b"data"


def test_forgetting_leaves_every_other_conversation_as_it_was(
    index: ConversationIndex, store: Store, workspace: Path
) -> None:
    forget_conversations(store, index, [99])
    again = ChromaIndex(workspace / "index", embedder_name="words")
    assert again.count() == 29
    query = WordEmbedder().embed_query("contract number 7")
    found = again.search(query, conditions=[], limit=29)
    assert len(found) == len(set(found)) == 29
    with store.session() as session:
        assert len(session.scalars(select(Conversation.id)).all()) == 29
    assert index.pending() == 0


def test_every_table_that_names_a_conversation_is_emptied_of_it(
    index: ConversationIndex, store: Store
) -> None:
    forget_conversations(store, index, [99])
    tables = inspect(store.engine)
    named = [
        table
        for table in tables.get_table_names()
        if "conversation_id" in {column["name"] for column in tables.get_columns(table)}
    ]
    assert len(named) >= 6
    with store.session() as session:
        for table in named:
            count = text(f"SELECT count(*) FROM {table} WHERE conversation_id = 99")
            assert session.scalar(count) == 0, table


def test_forgetting_what_is_not_there_counts_nothing(
    index: ConversationIndex, store: Store
) -> None:
    assert forget_conversations(store, index, [12345]) == 0
    assert forget_conversations(store, index, []) == 0


def test_several_are_forgotten_at_once_with_decisions_on_their_people(
    index: ConversationIndex, store: Store
) -> None:
    with store.session() as session:
        session.add_all(
            IdentityDecision(
                key=key, entity="nobody", entity_id=None, basis="asked", confidence=1.0,
                decided_by="Anna", decided_at=datetime(2026, 11, 2, tzinfo=UTC),
            )
            for key in ("name:conversation:99:zeb", "side:98:0", "side:9:0", "email:a@b.example")
        )  # fmt: skip
    assert forget_conversations(store, index, [98, 99, 12345]) == 1
    with store.session() as session:
        keys = set(session.scalars(select(IdentityDecision.key)))
    assert keys == {"side:9:0", "email:a@b.example"}


def test_vectors_that_somebody_holds_do_not_keep_the_rows(
    index: ConversationIndex, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*_ids: int) -> None:
        raise TransientError("another process holds the vectors")

    monkeypatch.setattr(index, "delete", held)
    with pytest.raises(TransientError, match="holds the vectors"):
        forget_conversations(store, index, [99])
    with store.session() as session:
        assert session.get(Conversation, 99) is None


def test_a_reader_at_work_is_no_silent_leftover(store: Store, workspace: Path) -> None:
    hurried = Store.sqlite(workspace / "crm.db")
    event.listen(hurried.engine, "connect", lambda raw, _: raw.execute("PRAGMA busy_timeout=50"))
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as reading:
        reading.execute(text("BEGIN"))
        reading.execute(select(Conversation.id)).all()
        with pytest.raises(TransientError, match="forget again"):
            clean_files(hurried)
        reading.execute(text("COMMIT"))
    clean_files(hurried)
