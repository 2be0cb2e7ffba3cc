"""What a draft may rest on: scope, people, kinds, and the words of both sides told apart."""

from datetime import date, timedelta

import pytest
from sqlalchemy import event
from sqlalchemy import text as sql

from copilot.grounding.pack.asked import DraftKind, DraftRequest
from copilot.grounding.pack.choosing import estimate_tokens
from copilot.grounding.pack.gather import gather_evidence
from copilot.grounding.pack.model import THEIRS, DraftEvidence, Party, Role
from crm.errors import BadInput, NotFound
from crm.models import Case, Contact, NoteKind, Participant
from crm.principal import Principal
from crm.principal import Role as Position
from crm.store import Store
from tests.conversation_seed import add_account, add_user, sourced
from tests.pack_seed import (
    AS_OF,
    add_mail,
    add_quote,
    delete_talk,
    gather,
    pieces,
    quotes,
    texts,
)
from tests.profile_seed import (
    WON,
    add_customer,
    add_deal,
    add_note,
    add_role,
    add_talk,
    at,
)

CALL = [
    ("Anna Lind", "Hi Priya, how was the weekend?"),
    ("Priya Shah", "Fine."),
    ("Priya Shah", "Our security team asks whether you are certified for SOC 2."),
    ("Anna Lind", "We have SOC 2, and the report covers all of last year."),
    ("Priya Shah", "And do you support single sign-on with Okta?"),
    ("Anna Lind", "I'd have to check that with our engineers and get back to you."),
    ("Priya Shah", "I am worried that the change takes too long for our plant."),
    ("Anna Lind", "I see."),
    ("Priya Shah", "I will talk to our finance director by November 20."),
    ("Anna Lind", "I will send you the price list tomorrow."),
]


@pytest.fixture
def rich(store: Store) -> Store:
    with store.session() as session:
        add_customer(session, domain="northvale.example", city="Kiel")
        add_talk(session, 1, CALL, started_at=at(11, 12), language="en")
    return store


def test_both_sides_are_told_apart_in_a_call(rich: Store) -> None:
    with rich.session() as session:
        evidence = gather(session)
    assert quotes(evidence, Role.THEIR_QUESTION) == [
        "Our security team asks whether you are certified for SOC 2.",
        "And do you support single sign-on with Okta?",
    ]
    assert quotes(evidence, Role.THEIR_CONCERN) == [
        "I am worried that the change takes too long for our plant."
    ]
    assert quotes(evidence, Role.OUR_ANSWER) == [
        "We have SOC 2, and the report covers all of 2025."
    ]
    assert all(
        (piece.who == "Priya Shah") == (piece.role in THEIRS)
        for piece in evidence.pieces
        if piece.who
    )


def test_a_fact_has_its_speaker_side_and_day(rich: Store) -> None:
    with rich.session() as session:
        fact = pieces(gather(session), Role.THEIR_CONCERN)[0].fact
    assert fact.text == (
        "Priya Shah (customer), call on 2026-11-12, 01:00: "
        '"I am worried that the change takes too long for our plant."'
    )
    assert fact.source == "conversation:1#6@01:00"
    assert fact.as_of == at(11, 12)


def test_an_answer_points_to_its_question_and_a_deferred_question_is_open(rich: Store) -> None:
    with rich.session() as session:
        evidence = gather(session)
    soc, okta = pieces(evidence, Role.THEIR_QUESTION)
    assert [answer.answers for answer in pieces(evidence, Role.OUR_ANSWER)] == [soc.fact.id]
    assert (soc.is_open, okta.is_open) == (False, True)
    assert evidence.questions == ("And do you support single sign-on with Okta?",)


def test_a_promise_is_open_with_its_day_and_tomorrow_is_resolved(rich: Store) -> None:
    with rich.session() as session:
        evidence = gather(session)
    theirs = pieces(evidence, Role.THEIR_PROMISE)[0]
    ours = next(p for p in pieces(evidence, Role.OUR_PROMISE) if "price list" in p.fact.text)
    assert (theirs.is_open, theirs.due_on) == (True, date(2026, 11, 20))
    assert (ours.is_open, ours.due_on) == (True, date(2026, 11, 13))
    assert ours.quote == "I will send you the price list on 13 November."
    assert '"I will send you the price list tomorrow."' in ours.fact.text


def test_small_talk_is_left_out(rich: Store) -> None:
    with rich.session() as session:
        evidence = gather(session)
    said = " ".join(piece.fact.text for piece in evidence.pieces)
    assert "weekend" not in said
    assert '"Fine."' not in said


def test_words_of_an_unknown_side_are_never_pieces(store: Store) -> None:
    said = [
        ("Priya Shah", "Do you support single sign-on with Okta?"),
        ("Speaker 2", "Yes, we will give you that for free until March."),
    ]
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, said, started_at=at(11, 12))
        evidence = gather(session)
    assert not any("for free" in piece.fact.text for piece in evidence.pieces)
    assert not pieces(evidence, Role.OUR_ANSWER)
    assert pieces(evidence, Role.THEIR_QUESTION)[0].is_open


def test_a_name_on_both_sides_counts_as_unknown(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, [("Ana", "We will pay the full price by Friday.")])
        for number, side in ((8, "ours"), (9, "customer")):
            session.add(Participant(conversation_id=1, position=number, name="Ana", side=side))
        session.flush()
        evidence = gather(session)
    assert not any("full price" in piece.fact.text for piece in evidence.pieces)


def test_the_same_facts_give_the_same_pack(rich: Store) -> None:
    with rich.session() as session:
        first = gather(session, purpose="security")
    with rich.session() as session:
        second = gather(session, purpose="security")
    assert repr(first.pieces) == repr(second.pieces)
    assert [fact.id for fact in first.facts] == [f"F{n}" for n in range(1, len(first.facts) + 1)]


def test_a_new_conversation_leaves_the_ids_of_records_alone(rich: Store) -> None:
    with rich.session() as session:
        before = gather(session, kind=DraftKind.PROPOSAL_COVER)
        add_mail(session, 2, ["We need an answer on the data location."], started_at=at(11, 14))
        after = gather(session, kind=DraftKind.PROPOSAL_COVER)
    records = [piece for piece in before.pieces if piece.role in {Role.DEAL, Role.COMPANY}]
    assert records
    assert all(piece in after.pieces for piece in records)


def test_texts_stay_within_the_budget_and_talk_comes_first(rich: Store) -> None:
    with rich.session() as session:
        evidence = gather(session, budget_tokens=90)
    assert 0 < sum(estimate_tokens(fact.text) for fact in evidence.facts) <= 90
    assert pieces(evidence, Role.TALK)


def test_deleted_conversations_never_appear(rich: Store) -> None:
    with rich.session() as session:
        delete_talk(session, 1)
        evidence = gather(session)
    assert not any("conversation:" in fact.source for fact in evidence.facts)
    assert not any("SOC 2" in fact.text for fact in evidence.facts)


def test_conversations_after_the_clock_are_not_seen(rich: Store) -> None:
    with rich.session() as session:
        evidence = gather(session, as_of=at(11, 1))
    assert not any("conversation:" in fact.source for fact in evidence.facts)


# Scope -------------------------------------------------------------------------------------


def test_a_contact_alone_leads_to_account_and_open_deal(rich: Store) -> None:
    with rich.session() as session:
        evidence = gather(session, contact_id=2)
    assert (evidence.opportunity_id, evidence.account_id) == (1, 1)
    assert evidence.recipient.name == "Marcus Bell"
    assert evidence.recipient.company == "Northvale"


def test_a_mail_alone_leads_to_deal_account_and_sender(rich: Store) -> None:
    with rich.session() as session:
        add_mail(session, 2, ["Where is our data stored?"], started_at=at(11, 14))
        evidence = gather(session, reply_to=2)
    assert (evidence.opportunity_id, evidence.account_id) == (1, 1)
    assert (evidence.recipient.name, evidence.recipient.email) == ("Priya Shah", "priya@x.example")
    assert evidence.recipient.contact_id == 1


def test_an_account_alone_leads_to_its_open_deal(rich: Store) -> None:
    with rich.session() as session:
        add_deal(session, 2, WON, closed_on=date(2026, 11, 1))
        evidence = gather(session, account_id=1)
    assert evidence.opportunity_id == 1


def test_a_request_without_any_record_says_what_to_name(store: Store) -> None:
    with store.session() as session, pytest.raises(BadInput, match="name a deal"):
        gather_evidence(
            session, None, DraftRequest(), principal=Principal.local_owner(), as_of=AS_OF
        )


@pytest.mark.parametrize("field", ["opportunity_id", "account_id", "contact_id", "reply_to"])
def test_a_record_that_is_not_there_is_not_found(rich: Store, field: str) -> None:
    with rich.session() as session, pytest.raises(NotFound, match="99"):
        gather(session, **{field: 99})


@pytest.mark.parametrize(
    ("field", "model"), [("opportunity_id", "opportunities"), ("contact_id", "contacts")]
)
def test_a_record_that_the_caller_may_not_read_is_not_found(
    rich: Store, field: str, model: str
) -> None:
    with rich.session() as session:
        session.execute(sql(f"UPDATE {model} SET deleted_at = '2026-11-01' WHERE id = 1"))
        session.expire_all()
        with pytest.raises(NotFound):
            gather(session, **{field: 1})


def test_a_mail_in_a_deal_that_the_caller_may_not_read_tells_nothing_of_it(rich: Store) -> None:
    with rich.session() as session:
        add_mail(session, 2, ["Where is our data stored?"], started_at=at(11, 14))
        session.execute(sql("UPDATE opportunities SET deleted_at = '2026-11-01' WHERE id = 1"))
        session.expire_all()
        evidence = gather(session, reply_to=2)
    assert evidence.opportunity_id is None
    assert not any("Deal 1" in fact.text for fact in evidence.facts)


def test_a_deal_and_an_account_that_do_not_belong_together_are_refused(rich: Store) -> None:
    with rich.session() as session:
        add_account(session, 2, "Other")
        with pytest.raises(BadInput, match="account 1"):
            gather(session, opportunity_id=1, account_id=2)


def test_a_call_cannot_be_answered(rich: Store) -> None:
    with rich.session() as session, pytest.raises(BadInput, match="only a mail or chat"):
        gather(session, reply_to=1)


# People ------------------------------------------------------------------------------------


def test_who_said_most_in_the_last_talk_receives_the_draft(rich: Store) -> None:
    with rich.session() as session:
        evidence = gather(session)
    assert evidence.recipient == Party(
        name="Priya Shah", title="Head of IT", company="Northvale", contact_id=1
    )


def test_without_a_talk_the_champion_receives_it(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        add_role(session, 1, 1, "user")
        add_role(session, 2, 2, "Champion")
        evidence = gather(session)
    assert evidence.recipient.name == "Marcus Bell"


def test_the_sender_is_given_else_the_caller_else_the_owner(rich: Store) -> None:
    with rich.session() as session:
        add_user(session, 7, "Ben Carver", email="ben@ours.example", title="Account Executive")
        caller = Principal(user_id=7, name="Ben", role=Position.REP)
        given = gather(session, sender=Party(name="Eve"))
        as_caller = gather(session, principal=caller)
        as_owner = gather(session)
    assert given.sender.name == "Eve"
    assert as_caller.sender == Party(
        "Ben Carver", "ben@ours.example", title="Account Executive", user_id=7
    )
    assert as_owner.sender.name == "Anna Lind"


# Kinds -------------------------------------------------------------------------------------


def kind(evidence: DraftEvidence) -> DraftKind:
    return evidence.kind


def test_a_recent_talk_asks_for_a_follow_up(rich: Store) -> None:
    with rich.session() as session:
        assert kind(gather(session)) is DraftKind.FOLLOW_UP


def test_our_mail_without_an_answer_asks_for_a_nudge(rich: Store) -> None:
    with rich.session() as session:
        sent = at(11, 13)
        add_mail(
            session,
            2,
            ["Here is our offer over 90,000 EUR."],
            started_at=sent,
            by="Anna Lind",
            opportunity_id=1,
        )
        late = gather(session, as_of=sent + timedelta(days=8))
        early = gather(session, as_of=sent + timedelta(days=4))
    assert kind(late) is DraftKind.NUDGE
    assert kind(early) is DraftKind.FOLLOW_UP
    assert quotes(late, Role.OUR_WORDS) == ["Here is our offer over 90,000 EUR."]


def test_a_long_silence_with_an_open_deal_asks_for_a_new_start(rich: Store) -> None:
    with rich.session() as session:
        evidence = gather(session, as_of=at(11, 12) + timedelta(days=60))
        sooner = gather(session, as_of=at(11, 12) + timedelta(days=59))
    assert kind(evidence) is DraftKind.RE_ENGAGEMENT
    assert kind(sooner) is DraftKind.FOLLOW_UP


def test_a_deal_won_a_year_ago_asks_for_a_renewal(store: Store) -> None:
    with store.session() as session:
        add_customer(session)
        session.execute(
            sql("UPDATE opportunities SET stage_id = 2, closed_on = '2025-12-01' WHERE id = 1")
        )
        session.expire_all()
        add_quote(session, 1, status="accepted", created_on=date(2025, 11, 1))
        session.add(
            Case(
                **sourced(1), subject="Alarm late", status="open", account_id=1, opened_at=at(10, 1)
            )
        )
        session.flush()
        evidence = gather(session, account_id=1)
    assert kind(evidence) is DraftKind.RENEWAL
    assert evidence.opportunity_id == 1
    assert any("Alarm late" in text for text in texts(evidence, Role.SERVICE))
    assert not pieces(evidence, Role.OFFER)
    assert any("Q-1" in text for text in texts(evidence, Role.EVENT))


def test_nothing_known_asks_for_cold_outreach(store: Store) -> None:
    with store.session() as session:
        add_account(session, 5, "Ridgeway", industry="Chemicals", employees=645)
        session.add(Contact(**sourced(5), name="Robert Novak", title="CIO", account_id=5))
        session.flush()
        evidence = gather(session, contact_id=5)
    assert kind(evidence) is DraftKind.COLD_OUTREACH
    assert texts(evidence, Role.COMPANY) == [
        "Ridgeway: industry Chemicals, 645 employees.",
        "Robert Novak is CIO at Ridgeway.",
    ]


def test_a_contact_and_nothing_else_still_gives_a_pack(store: Store) -> None:
    with store.session() as session:
        session.add(Contact(**sourced(5), name="王小明"))
        session.flush()
        evidence = gather(session, contact_id=5)
    assert evidence.pieces == ()
    assert (evidence.language, evidence.subject_of) == ("zh", "王小明")
    assert evidence.recipient.name == "王小明"


# Cost --------------------------------------------------------------------------------------


def _statements(store: Store, talks: int) -> int:
    with store.session() as session:
        add_customer(session)
        for number in range(1, talks + 1):
            add_talk(session, number, CALL, started_at=at(9, 1) + timedelta(hours=number))
            add_note(session, number, NoteKind.QUESTION, CALL[4][1], segments=[4])
        counted: list[str] = []
        engine = session.get_bind()
        listener = lambda *args: counted.append(args[2])  # noqa: E731
        event.listen(engine, "before_cursor_execute", listener)
        gather(session, purpose="security")
        event.remove(engine, "before_cursor_execute", listener)
    return len(counted)


def test_the_number_of_statements_does_not_grow_with_the_history(store: Store, tmp_path) -> None:  # type: ignore[no-untyped-def]
    other = Store.sqlite(tmp_path / "other.db")
    other.migrate()
    few, many = _statements(store, 2), _statements(other, 60)
    other.close()
    assert few == many <= 50
