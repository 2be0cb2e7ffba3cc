"""Notes are stored whole, made anew only where words changed, and decisions of people stay."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from copilot.writers.calls.storing import pending_notes, understand_conversation
from crm.errors import NotFound, TransientError
from crm.models import (
    Contact,
    Conversation,
    FieldProposal,
    Note,
    NoteSet,
    Opportunity,
    ProposalStatus,
    Segment,
    Stage,
)
from crm.principal import Principal
from crm.store import Store
from tests.conversation_seed import add_account, add_conversation, sourced
from tests.scripted import ScriptedModel
from tools.notes import (
    FindCommitments,
    FindProposals,
    ReadNotes,
    find_commitments,
    find_proposals,
    read_notes,
)

OWNER = Principal.local_owner()
NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
SAID = [
    ("Ben", "What made you look for this now?"),
    ("Rosa", "Our main problem is rework, it costs us 900 dollars a day."),
    ("Rosa", "We have 35,000 dollars in the budget."),
    ("Ben", "I'll send you a plan by Friday."),
]


@pytest.fixture
def call(store: Store) -> int:
    with store.session() as session:
        add_account(session, 1, "Acme")
        session.add(Stage(**sourced(1), name="Proposal", position=1, status="open"))
        session.flush()
        session.add(
            Opportunity(
                **sourced(5), name="Acme – lines", account_id=1, stage_id=1,
                amount_minor=4_000_000, currency="USD",
            )
        )  # fmt: skip
        session.add(Contact(**sourced(9), name="Rosa", account_id=1))
        session.flush()
        add_conversation(
            session, 3, SAID, sides={"Ben": "ours", "Rosa": "customer"},
            account_id=1, opportunity_id=5,
        )  # fmt: skip
    return 3


def run(store: Store, call: int, **given: object) -> bool:
    asked = {"model": None, "principal": OWNER, "now": NOW} | given
    return understand_conversation(store, call, **asked).changed  # type: ignore[arg-type]


def proposals(session: Session) -> dict[tuple[str, str], str]:
    rows = session.scalars(select(FieldProposal).order_by(FieldProposal.id))
    return {(row.field, row.new_value): row.status for row in rows}


def change(store: Store, position: int, text: str) -> None:
    with store.session() as session:
        session.execute(
            update(Segment)
            .where(Segment.conversation_id == 3, Segment.position == position)
            .values(text=text)
        )
        session.execute(update(Conversation).values(content_sha256="f" * 64, synced_at=NOW))


def test_current_notes_are_not_made_again(store: Store, call: int) -> None:
    assert run(store, call)
    assert not run(store, call)
    assert run(store, call, refresh=True)


def test_twice_leaves_the_same_rows(store: Store, call: int) -> None:
    def rows() -> list[tuple[object, ...]]:
        with store.session() as session:
            notes = session.execute(select(Note.kind, Note.text, Note.segments, Note.position))
            made = session.execute(select(FieldProposal.id, FieldProposal.status))
            return [*map(tuple, notes), *map(tuple, made)]

    run(store, call)
    before = rows()
    run(store, call, refresh=True)
    assert rows() == before
    assert len(before) > 6


def test_changed_words_supersede_what_was_proposed(store: Store, call: int) -> None:
    run(store, call)
    change(store, 2, "We have 38,000 dollars in the budget.")
    assert run(store, call)
    with store.session() as session:
        found = proposals(session)
    assert found["bant.budget", "35000 USD"] == ProposalStatus.SUPERSEDED
    assert found["bant.budget", "38000 USD"] == ProposalStatus.PROPOSED


def test_what_comes_back_is_the_same_proposal_again(store: Store, call: int) -> None:
    run(store, call)
    change(store, 2, "Nothing to say.")
    run(store, call)
    change(store, 2, SAID[2][1])
    run(store, call, refresh=True)
    with store.session() as session:
        rows = session.scalars(
            select(FieldProposal.status).where(FieldProposal.field == "bant.budget")
        ).all()
    assert rows == [ProposalStatus.PROPOSED]


@pytest.mark.parametrize("decision", [ProposalStatus.ACCEPTED, ProposalStatus.REJECTED])
def test_what_a_person_decided_stays(store: Store, call: int, decision: ProposalStatus) -> None:
    run(store, call)
    with store.session() as session:
        session.execute(
            update(FieldProposal)
            .where(FieldProposal.field == "bant.budget")
            .values(status=decision.value)
        )
    run(store, call, refresh=True)
    change(store, 2, "We have 38,000 dollars in the budget.")
    run(store, call)
    with store.session() as session:
        found = proposals(session)
    assert found["bant.budget", "35000 USD"] == decision
    assert found["bant.budget", "38000 USD"] == ProposalStatus.PROPOSED


def test_a_failing_model_leaves_the_old_notes(store: Store, call: int) -> None:
    run(store, call)
    with store.session() as session:
        before = session.scalars(select(Note.text)).all()
    broken = ScriptedModel([TransientError("the model is busy")])
    with pytest.raises(TransientError, match="busy"):
        run(store, call, model=broken)
    with store.session() as session:
        assert session.scalars(select(Note.text)).all() == before
        assert session.get_one(NoteSet, call).maker == "rules-1"


def test_pending_are_the_new_the_changed_and_those_of_another_maker(
    store: Store, call: int
) -> None:
    def pending(**given: object) -> list[int]:
        with store.session() as session:
            return pending_notes(session, OWNER, 10, **given)  # type: ignore[arg-type]

    assert pending() == [call]
    run(store, call)
    assert pending() == []
    assert pending(model=ScriptedModel([])) == [call]
    change(store, 0, "What brings you here?")
    assert pending() == [call]
    run(store, call, now=NOW + timedelta(seconds=1))
    assert pending() == []


def test_synced_again_with_the_same_words_costs_nothing(store: Store, call: int) -> None:
    run(store, call)
    with store.session() as session:
        session.execute(update(Conversation).values(synced_at=NOW + timedelta(hours=1)))
    assert not run(store, call, now=NOW + timedelta(hours=2))
    with store.session() as session:
        assert pending_notes(session, OWNER, 10) == []


def test_a_conversation_deleted_at_its_source_is_not_understood_or_shown(
    store: Store, call: int
) -> None:
    run(store, call)
    with store.session() as session:
        session.execute(update(Conversation).values(deleted_at=NOW))
    with pytest.raises(NotFound, match="there is no conversation 3"):
        run(store, call)
    with store.session() as session:
        asked = {"principal": OWNER, "as_of": NOW}
        with pytest.raises(NotFound):
            read_notes(session, ReadNotes(conversation_id=call), **asked)
        assert find_commitments(session, FindCommitments(), **asked).total == 0
        assert find_proposals(session, FindProposals(), **asked).total == 0
        assert pending_notes(session, OWNER, 10) == []


def test_notes_are_read_as_facts_with_their_place(store: Store, call: int) -> None:
    with store.session() as session, pytest.raises(NotFound, match="has no notes yet"):
        read_notes(session, ReadNotes(conversation_id=call), principal=OWNER, as_of=NOW)
    run(store, call)
    with store.session() as session:
        found = read_notes(session, ReadNotes(conversation_id=call), principal=OWNER, as_of=NOW)
    promise = next(note for note in found.notes if note.kind == "commitment")
    assert (promise.side, str(promise.due_on)) == ("ours", "2026-11-13")
    fact = next(
        fact for fact in found.facts if "plan by Friday" in fact.text and "due" in fact.text
    )
    assert fact.source == "conversation:3#3@00:30"
    budget = next(one for one in found.proposals if one.field == "bant.budget")
    assert (budget.entity, budget.entity_id, budget.new_value) == ("opportunity", 5, "35000 USD")
    assert any("not applied" in fact.text for fact in found.facts)


def test_commitments_are_found_by_deal_side_and_day(store: Store, call: int) -> None:
    run(store, call)
    with store.session() as session:

        def texts(**given: object) -> list[str]:
            asked = FindCommitments.model_validate(given)
            found = find_commitments(session, asked, principal=OWNER, as_of=NOW, language="zh")
            return [note.text for note in found.notes]

        assert texts(opportunity_id=5, side="ours") == ["I'll send you a plan by Friday."]
        assert texts(side="customer") == []
        assert texts(opportunity_id=6) == []
        assert texts(due_until="2026-11-12") == []
        assert len(texts(due_from="2026-11-13", due_until="2026-11-13")) == 1


def test_sides_of_emailed_speakers_are_known_by_address(store: Store) -> None:
    with store.session() as session:
        add_conversation(session, 8, [("Rosa", "That is too expensive.")], kind="email",
                         sides={"Rosa": "customer"})  # fmt: skip
    assert run(store, 8)
    with store.session() as session:
        kinds = session.scalars(select(Note.kind).where(Note.conversation_id == 8)).all()
    assert "objection" in kinds
