"""Several machines on one database: each has vectors of its own, and all find the same."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from crm.index.chroma import ChromaIndex
from crm.index.conversations import ConversationIndex
from crm.index.filters import SearchFilters
from crm.index.forgetting import forget_conversations
from crm.index.vector_names import name_of
from crm.models import Conversation, Passage, Segment
from crm.principal import Principal
from crm.store import Store
from tests.conversation_seed import WordEmbedder, add_account, add_conversation

MEANT = {"costly": "expensive"}
SAID = [
    ("Tom Hill", "The quote is too expensive for us."),
    ("Maria Lopez", "The helicopter is expensive as well."),
]


@pytest.fixture
def machine(store: Store, tmp_path: Path) -> Callable[[str], ConversationIndex]:
    """Make the index that a machine of this name has on the one database."""
    with store.session() as session:
        add_account(session, 1, "Acme")
        add_account(session, 2, "Beta")
        for number, said in enumerate(SAID, start=1):
            add_conversation(session, number, [said], account_id=1)

    def made(name: str) -> ConversationIndex:
        vectors = ChromaIndex(tmp_path / name, embedder_name="words")
        return ConversationIndex(store, embedder=WordEmbedder(synonyms=MEANT), vectors=vectors)

    return made


def meant(index: ConversationIndex, store: Store, account_id: int | None = None) -> list[int]:
    """Return the conversations found by a word that stands in none of them."""
    with store.session() as session:
        hits = index.search(
            session, "costly", principal=Principal.local_owner(),
            filters=SearchFilters(account_id=account_id),
        )  # fmt: skip
    return sorted(hit.conversation_id for hit in hits)


def vectors_of(index: ConversationIndex) -> list[str]:
    assert index._vectors is not None
    return sorted(index._vectors.ids())


def test_a_second_machine_makes_its_own_vectors_and_takes_none_from_the_first(
    machine: Callable[[str], ConversationIndex], store: Store
) -> None:
    first, second = machine("one"), machine("two")
    first.index_texts([1, 2])
    first.embed_pending()
    assert (meant(first, store), meant(second, store)) == ([1, 2], [])
    assert second.pending() == 0
    assert second.find_missing() == second.pending() == 2
    # The first is not made to wait meanwhile.
    assert (meant(first, store), first.pending()) == ([1, 2], 0)
    assert second.embed_pending(1) == 1
    assert second.embed_pending() == 1
    assert (second.pending(), second.find_missing()) == (0, 0)
    assert meant(second, store) == [1, 2]


def test_what_one_machine_embeds_later_is_missing_on_the_other_alone(
    machine: Callable[[str], ConversationIndex], store: Store
) -> None:
    first, second = machine("one"), machine("two")
    first.index_texts([1])
    first.embed_pending()
    second.find_missing()
    second.embed_pending()
    second.index_texts([2])
    assert second.embed_pending() == 1
    assert (first.find_missing(), second.find_missing()) == (1, 0)
    first.embed_pending()
    assert meant(first, store) == meant(second, store) == [1, 2]


def test_a_passage_that_changed_before_its_turn_is_embedded_with_its_new_words(
    machine: Callable[[str], ConversationIndex], store: Store
) -> None:
    first, second = machine("one"), machine("two")
    first.index_texts([1, 2])
    first.embed_pending()
    second.find_missing()
    with store.session() as session:
        session.scalars(select(Segment).where(Segment.conversation_id == 2)).one().text = "Fine."
    first.index_texts([2])
    assert second.embed_pending() == 2
    assert second.find_missing() == second.pending() == 0
    with store.session() as session:
        texts = session.execute(select(Passage.id, Passage.text)).all()
    assert vectors_of(second) == sorted(name_of(number, 0, text) for number, text in texts)


def test_what_another_machine_forgot_or_moved_is_taken_over(
    machine: Callable[[str], ConversationIndex], store: Store
) -> None:
    first, second = machine("one"), machine("two")
    first.index_texts([1, 2])
    first.embed_pending()
    second.find_missing()
    second.embed_pending()
    assert len(vectors_of(second)) == 2
    forget_conversations(store, first, [2])
    with store.session() as session:
        session.get_one(Conversation, 1).account_id = 2
    first.index_texts([1])
    assert len(vectors_of(second)) == 2
    assert meant(second, store, account_id=2) == []
    second.tidy_vectors()
    assert vectors_of(second) == vectors_of(first)
    assert meant(second, store, account_id=2) == [1]


def test_vectors_of_words_that_another_machine_replaced_go(
    machine: Callable[[str], ConversationIndex], store: Store
) -> None:
    first, second = machine("one"), machine("two")
    first.index_texts([1, 2])
    first.embed_pending()
    second.find_missing()
    second.embed_pending()
    with store.session() as session:
        session.scalars(select(Segment).where(Segment.conversation_id == 2)).one().text = "Fine."
    first.index_texts([2])
    second.tidy_vectors()
    assert [one.partition(":")[0] for one in vectors_of(second)] == ["1"]


def test_vectors_whose_labels_are_true_are_not_written_again(
    machine: Callable[[str], ConversationIndex], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = machine("one")
    index.index_texts([1, 2])
    index.embed_pending()
    relabelled: list[str] = []
    monkeypatch.setattr(ChromaIndex, "relabel", lambda _self, ids, _labels: relabelled.extend(ids))
    index.index_texts([1, 2])
    assert relabelled == []
    with store.session() as session:
        session.get_one(Conversation, 1).account_id = 2
    index.index_texts([1, 2])
    with store.session() as session:
        [moved] = session.scalars(select(Passage.id).where(Passage.conversation_id == 1))
    assert [one.partition(":")[0] for one in relabelled] == [str(moved)]


def test_vectors_that_are_not_counted_yet_outlive_tidying(
    machine: Callable[[str], ConversationIndex], store: Store
) -> None:
    index = machine("one")
    index.index_texts([1, 2])
    index.embed_pending()
    with store.session() as session:
        # As it is between the vector and the note of it, in another process.
        session.scalars(
            select(Passage).where(Passage.conversation_id == 1)
        ).one().embedding_model = None
    before = vectors_of(index)
    index.index_texts([1, 2])
    index.tidy_vectors()
    assert vectors_of(index) == before
