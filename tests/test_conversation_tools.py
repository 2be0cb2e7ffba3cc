from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from crm.errors import BadInput, NotFound
from crm.facts import FactKind
from crm.index.chroma import ChromaIndex
from crm.index.conversations import ConversationIndex
from crm.models import ConversationKind, Side
from crm.principal import Principal
from crm.store import Store
from tests.conversation_seed import WordEmbedder, add_account, add_conversation, add_user
from tests.statements import counted
from tools.conversations import (
    LastArguments,
    ReadArguments,
    SearchArguments,
    TopicArguments,
    find_in_conversation,
    last_conversation,
    read_conversation,
    search_conversations,
)

CALL = [
    ("Anna Berg", "How does your team look at security?"),
    ("Maria Lopez", "That one worries us."),
    ("Maria Lopez", "Legal wants the SOC2 report before we sign."),
    ("Anna Berg", "I will send it."),
    ("Maria Lopez", "And the price is fine."),
]
SIDES = {"Anna Berg": "ours", "Maria Lopez": "customer"}
EMAIL = [
    (
        "Maria Lopez",
        " ".join(f"Filler sentence number {n} about nothing much." for n in range(20))
        + " We need the helicopter clause in writing. "
        + " ".join(f"Closing sentence number {n} of no import." for n in range(20)),
    )
]
CHINESE = [("李娜", "请问安全方面呢？"), ("王伟", "我们法务需要安全白皮书。")]


@pytest.fixture
def index(store: Store, tmp_path: Path) -> ConversationIndex:
    with store.session() as session:
        add_account(session, 1, "Acme")
        add_user(session, 1, "Anna Berg")
        add_conversation(
            session, 1, CALL, title="Security review", sides=SIDES, account_id=1, owner_id=1
        )
        add_conversation(
            session,
            2,
            EMAIL,
            kind="email",
            title="Contract",
            account_id=1,
            sides={"Maria Lopez": "customer"},
            started_at=datetime(2026, 11, 14, tzinfo=UTC),
        )
        add_conversation(
            session,
            3,
            CHINESE,
            title="季度电话",
            sides={"李娜": "ours", "王伟": "customer"},
            started_at=datetime(2026, 11, 20, tzinfo=UTC),
        )
    index = ConversationIndex(
        store,
        embedder=WordEmbedder(synonyms={"audit": "soc2"}),
        vectors=ChromaIndex(tmp_path / "vectors", embedder_name="words"),
    )
    index.index_texts([1, 2, 3])
    index.embed_pending()
    return index


def test_a_quote_names_speaker_side_conversation_day_and_moment(
    index: ConversationIndex, store: Store, owner: Principal, as_of: datetime
) -> None:
    with store.session() as session:
        result = search_conversations(
            session, index, SearchArguments(text="SOC2 report"), principal=owner, as_of=as_of
        )
    fact = result.facts[0]
    assert fact.text == (
        'Maria Lopez (customer), call "Security review" 2026-11-12, 00:10: '
        '"That one worries us. Legal wants the SOC2 report before we sign."'
    )
    assert (fact.kind, fact.value) == (FactKind.SEGMENT, None)
    assert fact.source == "conversation:1#1-2@00:10"
    assert result.matched_terms == ["soc2", "report"]


def test_a_chinese_quote_is_worded_in_chinese(
    index: ConversationIndex, store: Store, owner: Principal
) -> None:
    later = datetime(2026, 12, 1, tzinfo=UTC)
    with store.session() as session:
        result = search_conversations(
            session,
            index,
            SearchArguments(text="白皮书"),
            principal=owner,
            as_of=later,
            language="zh",
        )
    expected = "王伟（客户），通话《季度电话》2026-11-20，00:10：“我们法务需要安全白皮书。”"
    assert result.facts[0].text == expected


def test_a_long_email_is_quoted_around_the_words_asked_for(
    index: ConversationIndex, store: Store, owner: Principal, as_of: datetime
) -> None:
    with store.session() as session:
        result = search_conversations(
            session, index, SearchArguments(text="helicopter"), principal=owner, as_of=as_of
        )
    fact = result.facts[0]
    assert (fact.kind, fact.source) == (FactKind.EMAIL, "conversation:2#0")
    assert 'email "Contract" 2026-11-14: "… ' in fact.text
    assert "We need the helicopter clause in writing." in fact.text
    assert len(fact.text.split()) < 85


def test_nothing_said_after_the_clock_is_found(
    index: ConversationIndex, store: Store, owner: Principal, as_of: datetime
) -> None:
    with store.session() as session:
        result = search_conversations(
            session, index, SearchArguments(text="白皮书"), principal=owner, as_of=as_of
        )
    assert not [fact for fact in result.facts if fact.source.startswith("conversation:3")]
    assert "白皮书" in result.unmatched_terms


def test_days_are_whole_and_both_included(
    index: ConversationIndex, store: Store, owner: Principal, as_of: datetime
) -> None:
    def sources(since: date, until: date) -> set[str]:
        arguments = SearchArguments(text="SOC2 helicopter", since=since, until=until)
        with store.session() as session:
            facts = search_conversations(
                session, index, arguments, principal=owner, as_of=as_of
            ).facts
        return {fact.source.partition("#")[0] for fact in facts}

    day = date(2026, 11, 12)
    assert sources(day, day) == {"conversation:1"}
    assert sources(date(2026, 11, 13), date(2026, 11, 14)) == {"conversation:2"}


def test_only_the_speaker_asked_for_is_quoted(
    index: ConversationIndex, store: Store, owner: Principal, as_of: datetime
) -> None:
    arguments = SearchArguments(text="security report", speaker="anna berg")
    with store.session() as session:
        result = search_conversations(session, index, arguments, principal=owner, as_of=as_of)
    assert result.facts
    assert all(fact.text.startswith("Anna Berg (our side)") for fact in result.facts)


def test_a_topic_is_found_on_the_side_asked_for(
    index: ConversationIndex, store: Store, owner: Principal, as_of: datetime
) -> None:
    arguments = TopicArguments(conversation_id=1, topic="security", side=Side.CUSTOMER, limit=1)
    with store.session() as session:
        result = find_in_conversation(session, index, arguments, principal=owner, as_of=as_of)
    [fact] = result.facts
    assert "That one worries us." in fact.text
    assert result.unmatched_terms == ["security"]


def test_a_topic_is_found_by_meaning(
    index: ConversationIndex, store: Store, owner: Principal, as_of: datetime
) -> None:
    arguments = TopicArguments(conversation_id=1, topic="audit", limit=1)
    with store.session() as session:
        result = find_in_conversation(session, index, arguments, principal=owner, as_of=as_of)
    assert "SOC2" in result.facts[0].text


def test_a_topic_is_found_in_a_conversation_of_many_turns(
    index: ConversationIndex, store: Store, owner: Principal, as_of: datetime
) -> None:
    said = [(("Bo", "Cy")[n % 2], f"small talk number {n} " + "and on " * 12) for n in range(300)]
    said[212] = ("Bo", "the turbine vibrates at full load")
    with store.session() as session:
        add_conversation(session, 8, said)
    index.index_texts([8])
    arguments = TopicArguments(conversation_id=8, topic="turbine vibration", limit=1)
    with store.session() as session:
        result = find_in_conversation(session, index, arguments, principal=owner, as_of=as_of)
    assert result.facts[0].source == "conversation:8#212@35:20"


def test_a_topic_in_no_conversation_is_not_found(
    index: ConversationIndex, store: Store, owner: Principal, as_of: datetime
) -> None:
    arguments = TopicArguments(conversation_id=404, topic="x")
    with store.session() as session, pytest.raises(NotFound, match="404"):
        find_in_conversation(session, index, arguments, principal=owner, as_of=as_of)


def test_reading_gives_turns_in_order_and_where_to_go_on(
    index: ConversationIndex, store: Store, owner: Principal, as_of: datetime
) -> None:
    arguments = ReadArguments(conversation_id=1, first_segment=1, last_segment=3)
    with store.session() as session:
        stretch = read_conversation(session, arguments, principal=owner, as_of=as_of)
        rest = ReadArguments(conversation_id=1, first_segment=4)
        end = read_conversation(session, rest, principal=owner, as_of=as_of)
    assert [fact.source for fact in stretch.facts] == [
        "conversation:1#1-2@00:10",
        "conversation:1#3@00:30",
    ]
    assert (stretch.next_segment, end.next_segment) == (4, None)


def test_reading_a_stretch_that_is_not_there_is_a_clear_error(
    index: ConversationIndex, store: Store, owner: Principal, as_of: datetime
) -> None:
    with store.session() as session:
        far = ReadArguments(conversation_id=1, first_segment=90)
        with pytest.raises(NotFound, match="90"):
            read_conversation(session, far, principal=owner, as_of=as_of)
        backwards = ReadArguments(conversation_id=1, first_segment=3, last_segment=1)
        with pytest.raises(BadInput, match="3-1"):
            read_conversation(session, backwards, principal=owner, as_of=as_of)


def test_the_last_conversation_is_the_latest_of_its_kind_before_the_clock(
    index: ConversationIndex, store: Store, owner: Principal, as_of: datetime
) -> None:
    with store.session() as session:
        call = LastArguments(account_id=1, kind=ConversationKind.CALL)
        card = last_conversation(session, call, principal=owner, as_of=as_of)
        latest = LastArguments(account_id=1)
        email = last_conversation(session, latest, principal=owner, as_of=as_of)
    assert (card.conversation_id, card.segments) == (1, 5)
    assert card.facts[0].text == (
        'The last call with Acme: "Security review" on 2026-11-12, '
        "with Anna Berg (our side), Maria Lopez (customer)"
    )
    assert email.conversation_id == 2


def test_no_last_conversation_is_an_honest_error(
    store: Store, owner: Principal, as_of: datetime
) -> None:
    with store.session() as session:
        with pytest.raises(NotFound, match="opportunity_id 7"):
            last_conversation(
                session, LastArguments(opportunity_id=7), principal=owner, as_of=as_of
            )
        with pytest.raises(NotFound, match="no conversation found up to"):
            last_conversation(session, LastArguments(), principal=owner, as_of=as_of)


def test_the_number_of_statements_does_not_grow_with_the_hits(
    index: ConversationIndex, store: Store, owner: Principal, as_of: datetime
) -> None:
    with store.session() as session:
        for number in range(20, 32):
            add_conversation(session, number, [("Bo", f"the pump leaks, case {number}")])
    index.index_texts(list(range(20, 32)))
    ran = []
    for limit in (1, 12):
        with store.session() as session, counted(store) as statements:
            arguments = SearchArguments(text="pump", limit=limit)
            result = search_conversations(session, index, arguments, principal=owner, as_of=as_of)
        assert len(result.facts) == limit
        ran.append(len(statements))
    assert ran[0] == ran[1]
