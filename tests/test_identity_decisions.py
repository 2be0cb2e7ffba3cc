"""Decisions on people: applied everywhere, kept over imports, taken back without a trace."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.access.bindings import bindings_of
from crm.access.policy import Policy
from crm.access.scope import Scope
from crm.audit.exporting import details_about, erase_details
from crm.audit.verifying import verify_trail
from crm.errors import BadInput, NotFound
from crm.models import (
    Account,
    Contact,
    Conversation,
    IdentityEntity,
    IdentityQuestion,
    NameBasis,
    Opportunity,
    Participant,
    QuestionStatus,
    Side,
    Stage,
    User,
    VoiceName,
)
from crm.principal import Principal, Role
from crm.store import Store
from ingest.conversation_run import ConversationRun
from ingest.conversations import Change, NamedVoice, ParsedSegment, store_conversation
from ingest.identity import Hints, Person
from ingest.identity.deciding import (
    Applied,
    Choice,
    answer_question,
    decide,
    read_choice,
    skip_question,
    undo,
)
from ingest.identity.pending import relink_pending
from ingest.identity.queue import list_decisions, list_questions
from tests.identity_seed import (
    AT,
    OWNER,
    SOURCED,
    add_contact,
    decisions,
    fill_crm,
    keep,
    parsed,
    tied,
    ties,
)
from tests.statements import counted

ANNA = Person("Anna Meyer", "anna@ours.example")
PRIYA = Person("Priya Nair")
ZED = Person("Zed", "zed@gmail.com")


@pytest.fixture(autouse=True)
def crm(store: Store) -> None:
    with store.session() as session:
        fill_crm(session)


def _decide(store: Store, key: str, choice: str) -> Applied:
    return decide(store, key, read_choice(choice), principal=OWNER, now=AT)


def _undo(store: Store, decision_id: int) -> Applied:
    return undo(store, decision_id, principal=OWNER, now=AT)


def _questions(store: Store) -> dict[str, tuple[int, str]]:
    with store.session() as session:
        rows = session.scalars(select(IdentityQuestion))
        return {row.key: (row.id, row.status) for row in rows}


def test_a_rules_link_is_recorded_once_and_used_again(store: Store) -> None:
    bob = Person("Bob Ray", "rray@acme.example")
    ids = keep(store, parsed("1", ANNA, bob), parsed("2", bob))
    assert [tied(store, number)[-1] for number in ids] == [(1, None), (1, None)]
    (row,) = decisions(store)
    assert (row.key, row.entity, row.entity_id, row.decided_by) == (
        "email:rray@acme.example", "contact", 1, "rule",
    )  # fmt: skip
    assert row.confidence > 0.9
    assert "the address spells the name" in row.basis


def test_an_exact_address_is_no_decision(store: Store) -> None:
    keep(store, parsed("1", Person("x", "robert.ray@acme.example")))
    assert decisions(store) == []


def test_an_answer_ties_all_conversations_under_the_key_with_account_deal_and_owner(
    store: Store,
) -> None:
    with store.session() as session:
        session.add(Stage(id=1, name="Open", position=1, status="open", external_id="s", **SOURCED))
        session.flush()
        session.add(
            Opportunity(id=5, name="Deal", account_id=2, owner_id=1, stage_id=1, currency="USD",
                        opened_on=date(2026, 1, 1), external_id="D", **SOURCED)
        )  # fmt: skip
    first, second, other = keep(
        store,
        parsed("1", ANNA, ZED),
        parsed("2", Person("Z.", "Zed+news@gmail.com")),
        parsed("3", Person("Zed", "zed@yahoo.com")),
    )
    before = ties(store)
    applied = _decide(store, "email:zed@gmail.com", "contact:6")
    assert applied.changed_ids == (first, second)
    assert tied(store, first) == [(None, 1), (6, None)]
    assert tied(store, other) == [(None, None)]
    assert ("1", 2, 5, 1) in ties(store)
    assert _undo(store, applied.decision_id).changed_ids == (first, second)
    assert ties(store) == before


def test_undoing_restores_what_files_had_stated(store: Store) -> None:
    stated = Person("Zed", side=Side.CUSTOMER)
    (number,) = keep(store, parsed("1", ANNA, stated, hints=Hints(account="Acme")))
    before = ties(store)
    first = _decide(store, "name:account:1:zed", "user:2")
    assert tied(store, number) == [(None, 1), (None, 2)]
    second = _decide(store, "name:account:1:zed", "contact:6")
    assert ties(store)[0][1] == 1
    _undo(store, first.decision_id)
    assert tied(store, number)[1] == (6, None)
    _undo(store, second.decision_id)
    assert ties(store) == before


def test_undoing_the_later_of_two_answers_brings_the_earlier_back(store: Store) -> None:
    (number,) = keep(store, parsed("1", ZED))
    _decide(store, "email:zed@gmail.com", "contact:1")
    held = ties(store)
    second = _decide(store, "email:zed@gmail.com", "contact:6")
    assert tied(store, number) == [(6, None)]
    _undo(store, second.decision_id)
    assert ties(store) == held


def test_a_person_beats_rules_and_addresses_also_later_ones(store: Store) -> None:
    robert = Person("Robert Ray", "robert.ray@acme.example")
    (number,) = keep(store, parsed("1", robert))
    _decide(store, "email:robert.ray@acme.example", "nobody")
    assert tied(store, number) == [(None, None)]
    assert ties(store)[0][1] == 1
    (later,) = keep(store, parsed("2", robert))
    (again,) = keep(store, parsed("1", robert, content="new"))
    assert (tied(store, later), tied(store, again)) == ([(None, None)], [(None, None)])


def test_a_rules_link_taken_back_is_not_made_again(store: Store) -> None:
    bob = parsed("1", Person("Bob Ray"), hints=Hints(account="Acme"))
    (number,) = keep(store, bob)
    (row,) = decisions(store)
    assert _undo(store, row.id).changed_ids == (number,)
    assert tied(store, number) == [(None, None)]
    (_, status) = _questions(store)["name:account:1:bob ray"]
    assert status == QuestionStatus.OPEN.value
    relink_pending(store, OWNER, AT)
    keep(store, parsed("1", Person("Bob Ray"), hints=Hints(account="Acme"), content="new"))
    assert tied(store, number) == [(None, None)]


def test_a_decision_on_a_name_holds_within_its_company_only(store: Store) -> None:
    first, other = keep(
        store,
        parsed("1", Person("PN"), hints=Hints(account="Acme")),
        parsed("2", Person("PN"), hints=Hints(account="A2")),
    )
    _decide(store, "name:account:1:pn", "contact:2")
    assert (tied(store, first), tied(store, other)) == ([(2, None)], [(None, None)])


def test_a_decision_on_a_name_without_company_holds_in_its_conversation(store: Store) -> None:
    first, other = keep(store, parsed("1", ANNA, PRIYA), parsed("2", ANNA, PRIYA))
    before = ties(store)
    question = _questions(store)[f"name:conversation:{first}:priya nair"][0]
    applied = answer_question(
        store, question, Choice(IdentityEntity.CONTACT, 6), principal=OWNER, now=AT
    )
    assert applied.changed_ids == (first,)
    assert (tied(store, first)[1], tied(store, other)[1]) == ((6, None), (None, None))
    assert ties(store)[0][:2] == ("1", 2)
    with pytest.raises(BadInput, match="answered already"):
        answer_question(store, question, Choice(IdentityEntity.NOBODY), principal=OWNER, now=AT)
    keep(store, parsed("1", ANNA, PRIYA, content="new"))
    assert tied(store, first)[1] == (6, None)
    _undo(store, applied.decision_id)
    assert ties(store) == before


def test_telephone_numbers_are_one_key_in_all_spellings(store: Store) -> None:
    ids = keep(
        store, parsed("1", Person("+1 415 555 0100")), parsed("2", Person("", phone="+14155550100"))
    )
    assert _decide(store, "phone:+14155550100", "contact:6").changed_ids == tuple(ids)


def test_two_contacts_of_one_person_are_shown_as_one_until_undone(store: Store) -> None:
    with store.session() as session:
        add_contact(session, 20, "R. Ray", "bob@gmail.com", account_id=1)
    ids = keep(
        store,
        parsed("1", Person("x", "bob@gmail.com")),
        parsed("2", Person("x", "robert.ray@acme.example")),
    )
    before = ties(store)
    applied = _decide(store, "contact:20", "contact:1")
    assert applied.changed_ids == (ids[0],)
    assert [tied(store, number) for number in ids] == [[(1, None)], [(1, None)]]
    (later,) = keep(store, parsed("3", Person("x", "bob@gmail.com")))
    assert tied(store, later) == [(1, None)]
    for one, other in (("contact:1", "contact:20"), ("contact:20", "contact:1")):
        with pytest.raises(BadInput, match="same contact"):
            _decide(store, one, other)
    assert _undo(store, applied.decision_id).changed_ids == (ids[0], later)
    assert ties(store)[:2] == before[:2]
    assert tied(store, ids[0]) == [(20, None)]


@pytest.mark.parametrize(
    ("key", "choice", "error"),
    [
        ("email:zed@gmail.com", "contact:999", NotFound),
        ("email:zed@gmail.com", "user:999", NotFound),
        ("email:nobody@x.example", "contact:1", NotFound),
        ("%", "contact:1", NotFound),
        ("contact:1", "user:1", BadInput),
        ("contact:1", "nobody", BadInput),
        ("contact:999", "contact:1", NotFound),
        ("contact:x", "contact:1", BadInput),
    ],
)
def test_wrong_decisions_are_refused(
    store: Store, key: str, choice: str, error: type[Exception]
) -> None:
    keep(store, parsed("1", ZED))
    before = ties(store)
    with pytest.raises(error):
        _decide(store, key, choice)
    assert (ties(store), decisions(store)) == (before, [])


@pytest.mark.parametrize("text", ["", "contact", "contact:", "contact:-1", "lead:3", "contact:²"])
def test_wrong_choices_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match="contact:12"):
        read_choice(text)


def test_undoing_twice_or_what_is_not_there_is_refused(store: Store) -> None:
    keep(store, parsed("1", ZED))
    applied = _decide(store, "email:zed@gmail.com", "contact:1")
    _undo(store, applied.decision_id)
    with pytest.raises(BadInput, match="undone already, by 'local owner'"):
        _undo(store, applied.decision_id)
    with pytest.raises(NotFound):
        _undo(store, 999)


def test_the_queue_shows_where_somebody_was_met_and_what_they_said(store: Store) -> None:
    keep(store, parsed("1", ANNA, PRIYA, title="Kick-off"), parsed("2", ZED))
    with store.session() as session:
        (one,) = list_questions(session, OWNER, limit=10)
        assert (one.name, one.title, one.quote) == (
            "Priya Nair", "Kick-off", "Priya Nair: Hello, Priya Nair speaking.",
        )  # fmt: skip
        assert [(c.id, c.company) for c in one.candidates] == [(2, "Acme"), (6, "Beta Works")]
        session.get_one(Contact, 6).deleted_at = AT
        session.flush()
        (one,) = list_questions(session, OWNER, limit=10)
        assert [c.id for c in one.candidates] == [2]
    skip_question(store, one.id, principal=OWNER)
    with store.session() as session:
        assert list_questions(session, OWNER, limit=10) == []
        assert len(list_questions(session, OWNER, limit=10, with_skipped=True)) == 1
        assert list_decisions(session, OWNER, limit=10) == []


def test_people_met_before_the_crm_knew_them_are_tied_later(store: Store) -> None:
    new = Person("Nina Novak", "nina@delta.example")
    first, second, _third = keep(
        store,
        parsed("1", ANNA, new),
        parsed("2", Person("Nina Novak"), hints=Hints(account="Acme")),
        parsed("3", Person("Someone Else", "else@other.example")),
    )
    assert relink_pending(store, OWNER, AT) == ()
    with store.session() as session:
        session.add(
            Account(id=9, name="Delta", domain="delta.example", external_id="A9", **SOURCED)
        )
        session.flush()
        add_contact(session, 30, "Nina Novak", "nina@delta.example", account_id=9)
        add_contact(session, 31, "Nina Nowak", None, account_id=1)
        add_contact(session, 32, "Nina Novak", None, account_id=1)
    assert relink_pending(store, OWNER, AT) == (first, second)
    assert tied(store, first) == [(None, 1), (30, None)]
    assert tied(store, second) == [(32, None)]
    assert ties(store)[0][:2] == ("1", 9)
    assert relink_pending(store, OWNER, AT) == ()


def test_asking_ends_once_the_crm_knows_the_address(store: Store) -> None:
    keep(store, parsed("1", Person("Priya Nair", "pn@gmail.com")))
    (key,) = _questions(store)
    with store.session() as session:
        add_contact(session, 30, "Priya Nair", "pn@gmail.com", account_id=2)
    assert len(relink_pending(store, OWNER, AT)) == 1
    assert _questions(store)[key][1] == QuestionStatus.ANSWERED.value


def test_names_that_people_gave_to_voices_stay_when_a_recording_is_heard_anew(
    store: Store,
) -> None:
    def heard(content: str, guess: str) -> Any:
        return parsed(
            "1", ANNA, Person(guess), content=content,
            voices=(
                NamedVoice("v0", "Anna Meyer", 0.9, NameBasis.SAID),
                NamedVoice("v1", guess, 0.4, NameBasis.ADDRESSED),
            ),
            segments=(
                ParsedSegment("Anna Meyer", "Hi", voice="v0"),
                ParsedSegment(guess, "Hello", voice="v1"),
            ),
        )  # fmt: skip

    (number,) = keep(store, heard("a", "Bob"))
    with store.session() as session:
        row = session.scalars(select(VoiceName).where(VoiceName.voice == "v1")).one()
        row.name, row.basis, row.confidence = "Priya Nair", NameBasis.CORRECTED.value, 1.0
    keep(store, heard("b", "Ralph"))
    with store.session() as session:
        voices = session.execute(select(VoiceName.voice, VoiceName.name, VoiceName.basis)).all()
        assert sorted(tuple(row) for row in voices) == [
            ("v0", "Anna Meyer", "said"), ("v1", "Priya Nair", "corrected"),
        ]  # fmt: skip
        people = session.scalars(
            select(Participant.name).where(Participant.conversation_id == number)
        ).all()
    assert list(people) == ["Anna Meyer", "Priya Nair"]


def test_the_same_content_again_changes_nothing(store: Store) -> None:
    one = parsed("1", ANNA, Person("Bob Ray", "rray@acme.example"), PRIYA)
    keep(store, one)
    before, kept = ties(store), len(decisions(store))
    with store.session() as session:
        later = AT + timedelta(days=1)
        assert store_conversation(session, one, now=later, principal=OWNER).change is (
            Change.UNCHANGED
        )
    assert (ties(store), len(decisions(store))) == (before, kept)


def test_a_batch_costs_few_statements_more_for_more_people(store: Store) -> None:
    def statements(name: str, number: int) -> int:
        batch = [
            parsed(f"{name}{n}", ANNA, Person(f"Guest{n} Nair", f"g{n}@acme.example"),
                   Person("Bob Ray", f"bob{n}@gmail.com"))
            for n in range(number)
        ]  # fmt: skip
        run = ConversationRun(store, "test", Path("x"), OWNER, AT)
        with counted(store) as ran:
            run.take(iter(batch))
        return len([one for one in ran if one.startswith("SELECT")])

    few, many = statements("a", 10), statements("b", 90)
    # One look-up each for the row under the same id; all else is asked once for the batch.
    assert many - few <= 80 + 15


def _reader(session: Session, user_id: int) -> Principal:
    """A rep who reads what is his own, and whom the rules show no personal data."""
    text = """
    permit (principal in Role::"rep", action == Action::"read", resource)
    when { resource has own && (resource.own || resource.account_own) };
    """
    user = session.get_one(User, user_id)
    scope = Scope(Policy(text), Role.REP, bindings_of(session, user, at=AT))
    return Principal(user_id, user.name, Role.REP, scopes=(scope,))


def test_decisions_are_told_to_and_changed_by_those_who_read_the_conversation(
    store: Store,
) -> None:
    ours, theirs = keep(store, parsed("1", ANNA, PRIYA), parsed("2", Person("李伟"), ZED))
    with store.session() as session:
        session.get_one(Conversation, ours).owner_id = 1
        session.get_one(Conversation, theirs).owner_id = 2
    question = _questions(store)[f"name:conversation:{ours}:priya nair"][0]
    _decide(store, f"name:conversation:{ours}:priya nair", "contact:6")
    mine = _decide(store, "email:zed@gmail.com", "nobody")
    merged = _decide(store, "contact:1", "contact:7")
    with store.session() as session:
        anna, li = _reader(session, 1), _reader(session, 2)
        assert len(list_decisions(session, OWNER, limit=10)) >= 3
        seen = [one.key for one in list_decisions(session, anna, limit=10)]
        assert f"name:conversation:{ours}:priya nair" in seen
        assert not any("zed" in key or key == "contact:1" for key in seen)
        assert "email:…" in [one.key for one in list_decisions(session, li, limit=10)]
    for decision_id in (mine.decision_id, merged.decision_id):
        with pytest.raises(NotFound):
            undo(store, decision_id, principal=anna, now=AT)
    with pytest.raises(NotFound):
        answer_question(store, question, Choice(IdentityEntity.NOBODY), principal=li, now=AT)
    with pytest.raises(NotFound):
        skip_question(store, question, principal=li)


def test_decisions_and_their_undoing_stand_in_the_audit_trail(store: Store) -> None:
    keep(store, parsed("1", ZED))
    applied = _decide(store, "email:zed@gmail.com", "contact:1")
    _undo(store, applied.decision_id)
    with store.session() as session:
        told = details_about(session, "contact:1", principal=OWNER)
        assert [one["action"] for one in told] == ["identity.decide", "identity.undo"]
        assert told[0]["detail"]["after"]["key"] == "email:zed@gmail.com"
        erased = erase_details(
            session, "email:zed@gmail.com", reason="asked to", principal=OWNER, now=AT
        )
        assert erased == 2
        assert details_about(session, "contact:1", principal=OWNER) == []
        assert verify_trail(session).faults == ()
