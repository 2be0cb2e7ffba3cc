"""What a search finds inside long conversations: moments, people, days, kinds and budgets."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from crm.errors import TransientError
from crm.index.asked import kind_named
from crm.index.chroma import ChromaIndex
from crm.index.conversations import ConversationIndex
from crm.index.filters import SearchFilters
from crm.index.full_text import count_holders
from crm.index.reading import PassageHit
from crm.index.speakers import is_called
from crm.models import Conversation, ConversationKind, Participant, Side
from crm.period import Period
from crm.principal import Principal
from crm.store import Store
from tests.conversation_seed import WordEmbedder, add_conversation
from tests.statements import counted

FILLER = "We went on about the garden and the weather of that day."
LONG = " ".join([f"{FILLER} Part {n}." for n in range(60)])


def search(
    index: ConversationIndex, store: Store, query: str, limit: int = 10, **limits: object
) -> list[PassageHit]:
    with store.session() as session:
        return index.search(
            session,
            query,
            principal=Principal.local_owner(),
            filters=SearchFilters(**limits),  # type: ignore[arg-type]
            limit=limit,
        )


def add(store: Store, number: int, said: list[tuple[str, str]], **columns: object) -> None:
    with store.session() as session:
        add_conversation(session, number, said, **columns)  # type: ignore[arg-type]
        for position, name in enumerate(dict.fromkeys(speaker for speaker, _ in said)):
            session.add(
                Participant(conversation_id=number, position=position, name=name, side=Side.UNKNOWN)
            )


def test_of_a_very_long_turn_only_the_part_that_answers_is_read(store: Store) -> None:
    text = f"{LONG} The valve must be made of brass. {LONG}"
    add(store, 1, [("Ann", "Hello."), ("Bob", text), ("Ann", "Thanks.")])
    index = ConversationIndex(store)
    index.index_texts([1])
    [hit] = search(index, store, "brass valve", limit=1, conversation_id=1)
    assert (hit.first_segment, hit.last_segment) == (1, 1)
    assert "valve must be made of brass" in hit.text
    assert hit.text.startswith("Bob: …")
    assert hit.text.endswith("…")
    assert len(hit.text.split()) < 300


def test_a_long_turn_without_any_mark_or_space_is_cut_too(store: Store) -> None:
    add(store, 1, [("王伟", "天气" * 800 + "黄铜阀门" + "花园" * 800)])
    index = ConversationIndex(store)
    index.index_texts([1])
    hits = search(index, store, "黄铜阀门", limit=1)
    assert "黄铜阀门" in hits[0].text
    assert len(hits[0].text) < 2_500


def test_many_hits_are_short_and_few_are_long(store: Store) -> None:
    said = [("Ann", f"{FILLER} {'The pump leaks.' if n % 6 == 0 else ''}") for n in range(120)]
    add(store, 1, said)
    index = ConversationIndex(store)
    index.index_texts([1])
    few, many = (search(index, store, "pump leaks", limit=limit) for limit in (2, 20))
    assert len(few) == 2
    assert len(many) > 5
    few_words, many_words = ([len(hit.text.split()) for hit in hits] for hits in (few, many))
    assert sum(few_words) <= 2 * 200 + 20
    assert sum(many_words[:3]) <= 1_000
    assert len({hit.score for hit in many}) > 1


def test_no_segment_is_told_twice(store: Store) -> None:
    add(store, 1, [("Ann", f"pump {n} {FILLER}") for n in range(300)])
    index = ConversationIndex(store)
    index.index_texts([1])
    hits = search(index, store, "pump garden", limit=100)
    told = [n for hit in hits for n in range(hit.first_segment, hit.last_segment + 1)]
    assert len(told) == len(set(told)) > 60


def test_what_is_said_around_a_word_speaks_for_it(store: Store) -> None:
    lone = [("Ann", FILLER)] * 12 + [("Ann", "Brass it is.")] + [("Ann", FILLER)] * 12
    near = [
        ("Ann", "The valve of the boiler."),
        ("Ann", "Brass it is."),
        ("Ann", "A boiler valve."),
    ]
    add(store, 1, lone)
    add(store, 2, near)
    index = ConversationIndex(store)
    index.index_texts([1, 2])
    assert search(index, store, "brass boiler")[0].conversation_id == 2


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("discussing prices", 1),
        ("did they discuss a price", 1),
        ("who polices it", 2),
        ("policing", 2),
        ("all policies", 3),
    ],
)
def test_other_forms_of_an_english_word_are_found(store: Store, query: str, expected: int) -> None:
    add(store, 1, [("Ann", "We discussed the pricing.")])
    add(store, 2, [("Ann", "The city police came.")])
    add(store, 3, [("Ann", "There is a new policy.")])
    index = ConversationIndex(store)
    index.index_texts([1, 2, 3])
    hits = search(index, store, query)
    assert [hit.conversation_id for hit in hits] == [expected]
    assert hits[0].matched_terms


def test_a_word_that_only_begins_alike_is_not_found(store: Store) -> None:
    add(store, 1, [("Ann", "The costume is red.")])
    index = ConversationIndex(store)
    index.index_texts([1])
    assert search(index, store, "costs") == []


def test_words_of_the_title_lead_to_the_conversation(store: Store) -> None:
    add(store, 1, [("Ann", "The price is too high.")], title="Northvale Foods: first call")
    add(store, 2, [("Bob", "The price is too high.")], title="Cedar Ridge: first call")
    index = ConversationIndex(store)
    index.index_texts([1, 2])
    hits = search(index, store, "What did Northvale say about price?")
    assert hits[0].conversation_id == 1
    assert hits[0].matched_terms == ("northvale", "price")


@pytest.mark.parametrize(
    ("label", "name", "fits"),
    [
        ("Maria Lopez", "maria", True),
        ("Maria Lopez (Acme)", "LOPEZ Maria", True),
        ("José Pérez", "jose", True),
        ("Hon. Dr. B. C. Prasad", "Dr Prasad", True),
        ("Project Manager", "project manager", True),
        ("王伟（采购）", "王伟", True),
        ("Marianne Lopez", "maria", False),
        ("Maria", "Maria Lopez", False),
        ("Maria Lopez", " ", False),
        ("Dr. Who", "Dr.", False),
    ],
)
def test_a_name_fits_the_labels_that_hold_its_words(label: str, name: str, fits: bool) -> None:
    assert is_called(label, name) is fits


@pytest.mark.parametrize("name", ["maria", "LOPEZ", "Maria Lopez", "maria lópez"])
@pytest.mark.parametrize("is_embedded", [False, True])
@pytest.mark.parametrize("within", [None, 1])
def test_a_speaker_is_met_by_part_of_the_name_and_alone(
    store: Store, tmp_path: Path, name: str, is_embedded: bool, within: int | None
) -> None:
    add(store, 1, [("Maria Lopez (Acme)", "The pump leaks."), ("Tom Hill", "The pump is fine.")])
    add(store, 2, [("Tom Hill", "Which pump?"), ("Mariana Li", "The old pump.")])
    vectors = ChromaIndex(tmp_path / "vectors", embedder_name="words")
    index = ConversationIndex(store, embedder=WordEmbedder(), vectors=vectors)
    index.index_texts([1, 2])
    if is_embedded:
        index.embed_pending()
    hits = search(index, store, "pump", speaker=name, conversation_id=within)
    assert [hit.text for hit in hits] == ["Maria Lopez (Acme): The pump leaks."]


def test_a_speaker_nobody_is_called_finds_nothing(store: Store) -> None:
    add(store, 1, [("Maria Lopez", "The pump leaks.")])
    index = ConversationIndex(store)
    index.index_texts([1])
    assert search(index, store, "pump", speaker="Zoe") == []


def test_the_speaker_a_question_names_comes_first(store: Store) -> None:
    add(store, 1, [("Tom Hill", f"The pump leaks. {FILLER * 4}")])
    add(store, 2, [("Barry Cole", f"The pump leaks. {FILLER * 4}")])
    add(store, 3, [("Ann Moor", f"The pump leaks. {FILLER * 4}")])
    index = ConversationIndex(store)
    index.index_texts([1, 2, 3])
    hits = search(index, store, "What did Barry think about the pump?")
    assert hits[0].conversation_id == 2
    assert len(hits) == 3


def test_the_days_and_the_kind_a_question_names_come_first_but_not_alone(store: Store) -> None:
    days = [datetime(2026, month, 10, tzinfo=UTC) for month in (1, 2, 3, 4)]
    for number, day in enumerate(days, start=1):
        kind = "email" if number == 3 else "call"
        add(store, number, [("Ann", "The pump leaks.")], started_at=day, kind=kind)
    index = ConversationIndex(store)
    index.index_texts([1, 2, 3, 4])
    likely = Period(date(2026, 2, 1), date(2026, 2, 28))
    in_february = search(index, store, "the pump", likely=likely)
    by_mail = search(index, store, "the email on the pump")
    assert [in_february[0].conversation_id, by_mail[0].conversation_id] == [2, 3]
    assert len(in_february) == len(by_mail) == 4


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("what did they write in the e-mail", ConversationKind.EMAIL),
        ("他们在电话里说了什么", ConversationKind.CALL),
        ("会议上谁反对", ConversationKind.MEETING),
        ("calls and emails about price", None),
        ("recall the emailed quote", None),
    ],
)
def test_one_kind_named_is_read_and_several_are_not(
    text: str, kind: ConversationKind | None
) -> None:
    assert kind_named(text) is kind


def test_a_known_conversation_is_read_as_a_whole_and_nothing_else(store: Store) -> None:
    add(store, 1, [("Ann", "The pump leaks.")])
    add(store, 2, [("Bob", FILLER)] * 50 + [("Bob", "A pump, yes.")])
    index = ConversationIndex(store)
    index.index_texts([1, 2])
    hits = search(index, store, "pump leaks", conversation_id=2)
    assert {hit.conversation_id for hit in hits} == {2}
    assert hits[0].last_segment == 50


def test_what_its_source_has_deleted_is_never_read(store: Store, tmp_path: Path) -> None:
    add(store, 1, [("Ann", "The pump leaks.")])
    add(store, 2, [("Ann", "The pump leaks again.")])
    vectors = ChromaIndex(tmp_path / "vectors", embedder_name="words")
    index = ConversationIndex(store, embedder=WordEmbedder(), vectors=vectors)
    index.index_texts([1, 2])
    index.embed_pending()
    with store.session() as session:
        session.get_one(Conversation, 1).deleted_at = datetime(2026, 11, 1, tzinfo=UTC)
    assert {hit.conversation_id for hit in search(index, store, "pump leaks")} == {2}
    assert search(index, store, "pump leaks", conversation_id=1) == []
    assert search(index, store, "pump", speaker="ann", conversation_id=1) == []


class _Backwards:
    """A reranker that prefers what is longer, or is out of order."""

    name = "backwards"

    def __init__(self, *, is_down: bool = False) -> None:
        self._is_down = is_down

    def score(self, query: str, texts: list[str]) -> list[float]:
        if self._is_down:
            raise TransientError("no answer: try again")
        return [float(len(text)) for text in texts]


def test_a_reranker_has_the_last_word_unless_it_is_down(store: Store) -> None:
    add(store, 1, [("Ann", "The pump leaks.")])
    add(store, 2, [("Ann", f"A pump. {FILLER}")])
    ConversationIndex(store).index_texts([1, 2])
    orders = []
    for reranker in (None, _Backwards(), _Backwards(is_down=True)):
        index = ConversationIndex(store, reranker=reranker)
        hits = search(index, store, "pump leaks")
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        orders.append([hit.conversation_id for hit in hits])
    assert orders == [[1, 2], [2, 1], [1, 2]]


def test_more_hits_cost_no_more_statements(store: Store) -> None:
    for number in range(1, 40):
        add(store, number, [("Ann", f"The pump leaks. {FILLER}")])
    index = ConversationIndex(store)
    index.index_texts(list(range(1, 40)))
    with counted(store) as few:
        search(index, store, "pump", limit=1)
    with counted(store) as many:
        assert len(search(index, store, "pump leaks", limit=30)) == 30
    assert len(few) == len(many)


def test_a_known_conversation_too_long_to_read_whole_is_still_found_in(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.index.searching._WHOLE", 5)
    add(store, 1, [("Bob", FILLER)] * 300 + [("Bob", "A pump, yes.")])
    index = ConversationIndex(store)
    index.index_texts([1])
    assert search(index, store, "pump", conversation_id=1)[0].last_segment == 300


def test_full_text_knows_how_many_passages_hold_a_word(store: Store) -> None:
    for number, text in enumerate(["a pump", "pumps and pumping", "数据安全", "a valve"], start=1):
        add(store, number, [("Ann", text)])
    ConversationIndex(store).index_texts([1, 2, 3, 4])
    with store.session() as session:
        assert count_holders(session, ["pump", "安全", "boiler"]) == (4, [2, 1, 0])
