from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, select, text

from crm.access.bindings import Bindings
from crm.access.policy import Policy
from crm.access.scope import Scope
from crm.errors import BadInput, PermanentError
from crm.index import filters
from crm.index.chroma import ChromaIndex
from crm.index.conversations import ConversationIndex
from crm.index.filters import Condition, SearchFilters
from crm.index.passages import build_passages
from crm.models import Conversation, ConversationKind, Passage, Segment
from crm.principal import Principal, Role
from crm.store import Store
from tests.conversation_seed import WordEmbedder, add_account, add_conversation
from tests.statements import counted

SECURITY = [
    ("Maria Lopez", "Our legal team asks for the SOC2 report before we sign."),
    ("Anna Berg", "I will send the security whitepaper today."),
]
PRICE = [("Tom Hill", "The quote is too expensive, we need a discount of ten percent.")]
CHINESE = [("王伟", "我们下个季度需要安全白皮书，报价也要更新。")]


@pytest.fixture
def vectors(tmp_path: Path) -> ChromaIndex:
    return ChromaIndex(tmp_path / "vectors", embedder_name="words")


@pytest.fixture
def index(store: Store, vectors: ChromaIndex) -> ConversationIndex:
    with store.session() as session:
        add_account(session, 1, "Acme")
        add_account(session, 2, "华东制造")
        add_conversation(session, 1, SECURITY, title="Acme review", account_id=1, language="en")
        add_conversation(
            session,
            2,
            PRICE,
            kind="email",
            title="Quote",
            account_id=1,
            started_at=datetime(2026, 10, 1, tzinfo=UTC),
        )
        add_conversation(session, 3, CHINESE, title="季度电话", account_id=2, language="zh")
    embedder = WordEmbedder(synonyms={"costly": "expensive"})
    return ConversationIndex(store, embedder=embedder, vectors=vectors)


def found(index: ConversationIndex, store: Store, query: str, **limits: object) -> list[int]:
    with store.session() as session:
        hits = index.search(
            session,
            query,
            principal=Principal.local_owner(),
            filters=SearchFilters(**limits),  # type: ignore[arg-type]
        )
    return [hit.conversation_id for hit in hits]


def test_words_are_found_at_once_without_any_vector(index: ConversationIndex, store: Store) -> None:
    index.index_texts([1, 2, 3])
    assert found(index, store, "SOC2 reports") == [1]
    assert found(index, store, "安全") == [3]
    assert found(index, store, "costly") == []
    assert index.pending() == 3


def test_meaning_is_found_once_embedded(index: ConversationIndex, store: Store) -> None:
    index.index_texts([1, 2, 3])
    assert index.embed_pending() == 3
    assert found(index, store, "costly")[0] == 2
    assert index.pending() == 0


def test_a_hit_tells_who_said_what_where_and_which_words_matched(
    index: ConversationIndex, store: Store, owner: Principal
) -> None:
    index.index_texts([1, 2, 3])
    with store.session() as session:
        [hit] = index.search(session, "the SOC2 whitepaper for helicopters", principal=owner)
    assert (hit.conversation_id, hit.first_segment, hit.last_segment) == (1, 0, 1)
    assert hit.speakers == ("Maria Lopez", "Anna Berg")
    assert hit.matched_terms == ("soc2", "whitepaper")
    assert hit.text.splitlines()[1] == "Anna Berg: I will send the security whitepaper today."
    assert (hit.title, hit.external_id, hit.kind) == ("Acme review", "x1", "call")


@pytest.mark.parametrize("is_embedded", [False, True])
@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"account_id": 1}, {1, 2}),
        ({"account_id": 2}, {3}),
        ({"conversation_id": 2}, {2}),
        ({"kind": ConversationKind.EMAIL}, {2}),
        ({"speaker": "maria lopez"}, {1}),
        ({"speaker": "王伟"}, {3}),
        ({"language": "zh"}, {3}),
        ({"since": datetime(2026, 11, 1, tzinfo=UTC)}, {1, 3}),
        ({"until": datetime(2026, 11, 1, tzinfo=UTC)}, {2}),
        ({"opportunity_id": 9}, set()),
    ],
)
def test_filters_limit_both_searches(
    index: ConversationIndex,
    store: Store,
    limits: dict[str, object],
    expected: set[int],
    is_embedded: bool,
) -> None:
    index.index_texts([1, 2, 3])
    if is_embedded:
        index.embed_pending()
    assert set(found(index, store, "SOC2 quote 安全", **limits)) == expected


def test_a_filter_reaches_what_a_hundred_better_matches_would_hide(
    index: ConversationIndex, store: Store
) -> None:
    with store.session() as session:
        for number in range(100, 250):
            add_conversation(session, number, [("Bo", "discount discount quote")], account_id=2)
    index.index_texts([1, 2, 3, *range(100, 250)])
    index.embed_pending()
    assert found(index, store, "discount", account_id=1)[0] == 2


def test_the_callers_scope_is_part_of_both_queries(
    index: ConversationIndex, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.index_texts([1, 2, 3])
    index.embed_pending()
    asked: list[list[Condition]] = []
    search = index._vectors.search  # type: ignore[union-attr]

    def spy(vector, *, conditions, limit):  # type: ignore[no-untyped-def]
        asked.append(list(conditions))
        return search(vector, conditions=conditions, limit=limit)

    monkeypatch.setattr(index._vectors, "search", spy)
    with store.session() as session:
        text = "permit (principal, action, resource is Conversation) when { resource.squad };"
        bound = Bindings(user_id=1, account_ids=frozenset({7}))
        scope = Scope(Policy(text), Role.REP, bound)
        add_account(session, 7, "Umbra")
        session.get_one(Conversation, 2).account_id = 7
        session.flush()
        caller = Principal(1, "Anna", Role.REP, scopes=(scope,))
        hits = index.search(session, "SOC2 quote 安全", principal=caller)
        session.rollback()
    assert [hit.conversation_id for hit in hits] == [2]
    assert asked == [[Condition("conversation_id", "not in", (1, 3))]]


@pytest.mark.parametrize(("most", "named"), [(1, [("in", (2,))]), (0, None)])
def test_a_scope_is_told_to_the_vectors_as_long_as_it_is_short(
    store: Store,
    index: ConversationIndex,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    named: list[tuple[str, tuple[int, ...]]] | None,
) -> None:
    index.index_texts([1, 2, 3])
    index.embed_pending()
    monkeypatch.setattr(filters, "MOST_NAMED", most)
    text = "permit (principal, action, resource is Conversation) when { resource.squad };"
    scope = Scope(Policy(text), Role.REP, Bindings(user_id=1, account_ids=frozenset({7})))
    caller = Principal(1, "Anna", Role.REP, scopes=(scope,))
    with store.session() as session:
        add_account(session, 7, "Umbra")
        session.get_one(Conversation, 2).account_id = 7
        session.flush()
        told = filters.vector_scope(session, caller)
        hits = index.search(session, "SOC2 quote 安全", principal=caller)
    assert [hit.conversation_id for hit in hits] == [2]
    assert named == (told and [(one.operator, one.value) for one in told])


def test_a_search_without_a_caller_is_refused(index: ConversationIndex, store: Store) -> None:
    with store.session() as session, pytest.raises(TypeError, match="Principal"):
        index.search(session, "SOC2", principal=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "query",
    [
        '"', "SOC2 OR", "NEAR(a b)", "soc2*", "terms:soc2", "-soc2", "^soc2", "((soc2",
        "a AND NOT b", "'; DROP TABLE passages; --", "soc2\x00", "{terms}: x", "{x + y}",
        "\ud800 soc2", "SOC2 " * 5_000,
    ],
)  # fmt: skip
def test_hostile_queries_are_only_words(index: ConversationIndex, store: Store, query: str) -> None:
    index.index_texts([1, 2, 3])
    index.embed_pending()
    hits = found(index, store, query)
    assert ("soc2" not in query.lower()) or hits[0] == 1
    with store.session() as session:
        assert len(session.scalars(select(Passage.id)).all()) == 3


@pytest.mark.parametrize("query", ["", "  \n"])
def test_a_blank_query_is_refused(index: ConversationIndex, store: Store, query: str) -> None:
    with pytest.raises(BadInput, match="empty"):
        found(index, store, query)


def test_a_query_without_any_word_finds_nothing(index: ConversationIndex, store: Store) -> None:
    index.index_texts([1, 2, 3])
    index.embed_pending()
    assert found(index, store, "?!… —") == []


def test_deleting_leaves_no_trace(
    index: ConversationIndex, store: Store, vectors: ChromaIndex, tmp_path: Path
) -> None:
    index.index_texts([1, 2, 3])
    index.embed_pending()
    other = ChromaIndex(tmp_path / "vectors", embedder_name="older model")
    other.add(["1:0:0"], WordEmbedder().embed_passages(["soc2"]), [{"conversation_id": 1}])
    index.delete(1)
    assert vectors.count() == 2
    assert other.count() == 0
    assert 1 not in found(index, store, "SOC2 whitepaper")
    with store.session() as session:
        assert not session.scalars(select(Passage).where(Passage.conversation_id == 1)).all()
        session.execute(
            text("CREATE VIRTUAL TABLE temp.words USING fts5vocab('main', 'passage_terms', 'row')")
        )
        words = set(session.scalars(text("SELECT term FROM temp.words")))
        pages = b"".join(session.scalars(text("SELECT block FROM passage_terms_data")))
    assert "discount" in words
    assert "whitepaper" not in words
    assert b"whitepaper" not in pages


def test_deleting_a_conversation_row_takes_its_full_text_along(
    index: ConversationIndex, store: Store
) -> None:
    index.index_texts([1, 2, 3])
    with store.session() as session:
        session.execute(delete(Conversation).where(Conversation.id == 1))
    with store.session() as session:
        match = "SELECT rowid FROM passage_terms WHERE passage_terms MATCH :term"
        assert not session.scalars(text(match), {"term": "soc2"}).all()
        assert session.scalars(text(match), {"term": "discount"}).all()


def test_indexing_again_changes_nothing_and_keeps_the_vectors(
    index: ConversationIndex, vectors: ChromaIndex
) -> None:
    assert index.index_texts([1, 2, 3]) == 3
    index.embed_pending()
    assert index.index_texts([1, 2, 3]) == 0
    assert (index.pending(), vectors.count()) == (0, 3)


def test_changed_words_replace_passage_and_vector(
    index: ConversationIndex, store: Store, vectors: ChromaIndex
) -> None:
    index.index_texts([1, 2, 3])
    index.embed_pending()
    with store.session() as session:
        turn = session.scalars(select(Segment).where(Segment.conversation_id == 2)).one()
        turn.text = "We accept the helicopter clause."
    index.index_texts([2])
    assert (index.pending(), vectors.count()) == (1, 2)
    index.embed_pending()
    assert found(index, store, "helicopter")[0] == 2
    with store.session() as session:
        [hit] = index.search(
            session,
            "discount",
            principal=Principal.local_owner(),
            filters=SearchFilters(conversation_id=2),
        )
    assert hit.matched_terms == ()
    assert hit.text == "Tom Hill: We accept the helicopter clause."


def test_a_conversation_moved_to_another_account_is_found_there(
    index: ConversationIndex, store: Store
) -> None:
    index.index_texts([1, 2, 3])
    index.embed_pending()
    with store.session() as session:
        session.get_one(Conversation, 2).account_id = 2
    index.index_texts([2])
    assert index.pending() == 0
    assert found(index, store, "costly", account_id=2)[0] == 2
    assert 2 not in found(index, store, "costly", account_id=1)


def test_embedding_resumes_and_takes_the_given_then_the_newest_first(
    index: ConversationIndex, store: Store
) -> None:
    index.index_texts([1, 2, 3])
    heard: list[tuple[int, int]] = []
    assert index.embed_pending(1, lambda done, todo: heard.append((done, todo)), first=[2]) == 1
    assert heard == [(1, 1)]
    with store.session() as session:
        done = select(Passage.conversation_id).where(Passage.embedding_model == "words")
        assert session.scalars(done).all() == [2]
    assert index.embed_pending() == 2


def test_another_embedder_starts_afresh_and_never_mixes(
    index: ConversationIndex, store: Store, tmp_path: Path
) -> None:
    index.index_texts([1, 2, 3])
    index.embed_pending()
    fresh = ChromaIndex(tmp_path / "vectors", embedder_name="other")
    other = ConversationIndex(store, embedder=WordEmbedder("other"), vectors=fresh)
    assert (other.pending(), fresh.count()) == (3, 0)
    assert other.embed_pending() == 3
    assert fresh.count() == 3


def test_a_vector_left_behind_by_a_crash_is_never_shown(
    index: ConversationIndex, store: Store
) -> None:
    index.index_texts([1, 2, 3])
    index.embed_pending()
    with store.session() as session:
        session.execute(delete(Passage).where(Passage.conversation_id == 3))
    assert 3 not in found(index, store, "白皮书 季度")


def test_neighbouring_passages_are_read_as_one(
    index: ConversationIndex, store: Store, owner: Principal
) -> None:
    said = [("Maria Lopez", f"gearbox {number} " + "word " * 60) for number in range(3)]
    with store.session() as session:
        add_conversation(session, 9, said)
    index.index_texts([9])
    with store.session() as session:
        assert len(session.scalars(select(Passage.id)).all()) == 2
        [hit] = index.search(session, "gearbox", principal=owner)
    assert (hit.first_segment, hit.last_segment) == (0, 2)


def test_a_folder_that_holds_something_else_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "vectors").mkdir()
    (tmp_path / "vectors" / "chroma.sqlite3").write_text("this is not a database " * 100)
    with pytest.raises(PermanentError, match="cannot be opened"):
        ChromaIndex(tmp_path / "vectors", embedder_name="words").count()


def test_a_search_costs_a_fixed_number_of_statements(
    index: ConversationIndex, store: Store, owner: Principal
) -> None:
    index.index_texts([1, 2, 3])
    index.embed_pending()

    with store.session() as session, counted(store) as few:
        index.search(session, "SOC2", principal=owner, limit=1)
    with store.session() as session, counted(store) as many:
        assert len(index.search(session, "SOC2 quote 安全", principal=owner, limit=10)) == 3
    assert len(few) == len(many) == 5


def test_passages_whose_segments_are_gone_do_not_stop_the_others(
    index: ConversationIndex, store: Store
) -> None:
    index.index_texts([1, 2, 3])
    with store.session() as session:
        session.execute(delete(Segment).where(Segment.conversation_id == 3))
    assert index.embed_pending() == 3
    index.index_texts([3])
    assert 3 not in found(index, store, "安全 白皮书")


def test_two_who_index_the_same_conversations_at_once_write_each_passage_once(
    index: ConversationIndex, store: Store
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with store.session() as session:
            assert build_passages(session, [1, 2, 3]) == 3
            second = pool.submit(index.index_texts, [1, 2, 3])
            # Time for the other to look at what is there, if it does not wait.
            assert not wait([second], timeout=0.3).done
        assert second.result() == 0
    assert found(index, store, "SOC2 reports") == [1]
