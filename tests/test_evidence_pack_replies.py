"""What a draft may rest on in replies, and what records and the profile give to it."""

from datetime import date

import pytest
from sqlalchemy import text as sql

from copilot.grounding.pack.asked import Channel, DraftKind
from copilot.grounding.pack.model import DraftEvidence, Role
from crm.errors import BadInput
from crm.models import NoteKind
from crm.store import Store
from tests.pack_seed import (
    add_activity,
    add_line,
    add_mail,
    add_price,
    add_product,
    add_quote,
    delete_talk,
    gather,
    pieces,
    quotes,
    texts,
)
from tests.profile_seed import (
    add_customer,
    add_note,
    add_proposal,
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


def kind(evidence: DraftEvidence) -> DraftKind:
    return evidence.kind


MAIL = [
    "Hi Anna,",
    "Where is our data stored? Please send us the price for 3 sites.",
    "We need it before the board meeting on November 24. Our plant in Kiel runs day and night.",
    "Best regards,\nPriya",
]


def test_each_question_and_statement_of_the_mail_is_its_own_piece(rich: Store) -> None:
    with rich.session() as session:
        add_mail(session, 2, MAIL, started_at=at(11, 14))
        evidence = gather(session, reply_to=2)
    mail = [p for p in evidence.pieces if p.fact.source.startswith("conversation:2#")]
    assert [(p.role, p.quote) for p in mail] == [
        (Role.THEIR_QUESTION, "Where is our data stored?"),
        (Role.THEIR_QUESTION, "Please send us the price for 3 sites."),
        (Role.THEIR_NEED, "We need it before the board meeting on November 24."),
        (Role.THEIR_WORDS, "Our plant in Kiel runs day and night."),
    ]
    assert kind(evidence) is DraftKind.REPLY
    assert evidence.questions[:2] == (
        "Where is our data stored?",
        "Please send us the price for 3 sites.",
    )


def test_a_reply_to_our_own_mail_answers_their_newest_in_the_thread(rich: Store) -> None:
    with rich.session() as session:
        add_mail(session, 2, MAIL, started_at=at(11, 13))
        add_mail(
            session, 3, ["Your data is stored in Ohio."], started_at=at(11, 14), by="Anna Lind"
        )
        evidence = gather(session, reply_to=3)
    assert evidence.answered is not None
    assert evidence.answered.conversation_id == 2
    assert evidence.answered.message_id == "<m2@x.example>"
    asked = [p for p in pieces(evidence, Role.THEIR_QUESTION) if p.fact.as_of == at(11, 13)]
    assert [piece.is_open for piece in asked] == [False, False]


def test_our_own_mail_that_nobody_answered_gets_a_nudge_in_its_thread(rich: Store) -> None:
    with rich.session() as session:
        add_mail(
            session,
            3,
            ["Your price is 9,000 EUR."],
            started_at=at(11, 8),
            by="Anna Lind",
            thread="t9",
        )
        delete_talk(session, 1)
        evidence = gather(session, reply_to=3)
        with pytest.raises(BadInput, match="ask for a nudge"):
            gather(session, reply_to=3, kind=DraftKind.REPLY)
    assert kind(evidence) is DraftKind.NUDGE
    assert evidence.answered is not None
    assert evidence.answered.message_id == "<m3@x.example>"
    assert evidence.recipient.name == "Priya Shah"


def test_a_question_asked_again_comes_with_our_earlier_answer(rich: Store) -> None:
    with rich.session() as session:
        add_mail(
            session,
            2,
            ["Are you certified for SOC 2? And who installs it?"],
            started_at=at(11, 14),
        )
        evidence = gather(session, reply_to=2)
    asked = pieces(evidence, Role.THEIR_QUESTION)
    again = next(piece for piece in asked if piece.fact.source.startswith("conversation:2#"))
    answers = {piece.answers: piece.quote for piece in pieces(evidence, Role.OUR_ANSWER)}
    assert again.quote == "Are you certified for SOC 2?"
    assert answers == {again.fact.id: "We have SOC 2, and the report covers all of 2025."}
    assert not again.is_open


def test_settled_questions_on_other_things_stay_out_of_a_reply(rich: Store) -> None:
    with rich.session() as session:
        add_mail(session, 2, ["When can you come to Kiel?"], started_at=at(11, 14))
        evidence = gather(session, reply_to=2)
    assert not pieces(evidence, Role.OUR_ANSWER)
    assert not any("SOC 2" in text for text in texts(evidence, Role.THEIR_QUESTION))


def test_a_reply_without_a_mail_answers_their_newest(rich: Store) -> None:
    with rich.session() as session:
        add_mail(session, 2, ["Where is our data stored?"], started_at=at(11, 13))
        evidence = gather(session, kind=DraftKind.REPLY)
    assert evidence.answered is not None
    assert evidence.answered.conversation_id == 2


def test_a_reply_where_nobody_wrote_says_what_else_to_ask_for(rich: Store) -> None:
    with rich.session() as session, pytest.raises(BadInput, match="a nudge or a follow-up"):
        gather(session, kind=DraftKind.REPLY)


def test_a_chat_can_be_answered_and_its_last_open_question_comes_first(rich: Store) -> None:
    said = [
        ("Anna Lind", "The report is in your folder."),
        ("Priya Shah", "Thanks. When can your engineer come to Kiel?"),
    ]
    with rich.session() as session:
        add_talk(session, 2, said, started_at=at(11, 14), kind="chat", title="WeChat")
        evidence = gather(session, reply_to=2, channel=Channel.WECHAT)
    assert (kind(evidence), evidence.talk_kind) == (DraftKind.REPLY, "chat")
    assert evidence.questions[0] == "When can your engineer come to Kiel?"
    assert evidence.recipient.name == "Priya Shah"


def test_a_mail_of_somebody_unknown_is_answered_as_a_customers(rich: Store) -> None:
    with rich.session() as session:
        add_mail(
            session,
            2,
            ["We give you this for free. Where is our data stored?"],
            started_at=at(11, 14),
        )
        session.execute(sql("UPDATE participants SET side = 'unknown' WHERE conversation_id = 2"))
        session.expire_all()
        evidence = gather(session, reply_to=2)
    assert "Where is our data stored?" in quotes(evidence, Role.THEIR_QUESTION)
    mail = [p for p in evidence.pieces if p.fact.source.startswith("conversation:2#")]
    assert {piece.fact.id for piece in mail} <= evidence.outside


def test_a_contact_is_not_thanked_for_a_call_of_somebody_else(rich: Store) -> None:
    with rich.session() as session:
        evidence = gather(session, contact_id=2)
    assert not pieces(evidence, Role.TALK)
    assert evidence.talk_kind is None


def test_references_are_those_of_the_mail_without_its_own_id(rich: Store) -> None:
    with rich.session() as session:
        add_mail(
            session, 2, ["First mail on this."], started_at=at(11, 13), by="Anna Lind", thread="m2"
        )
        add_mail(
            session,
            3,
            ["Where is our data stored?"],
            started_at=at(11, 14),
            thread="m2",
            in_reply_to="m2@x.example",
        )
        answered = gather(session, reply_to=3).answered
    assert answered is not None
    assert (answered.message_id, answered.references) == ("<m3@x.example>", ("<m2@x.example>",))


# Records -----------------------------------------------------------------------------------


def test_only_a_quote_that_stands_today_is_an_offer(rich: Store) -> None:
    with rich.session() as session:
        add_quote(session, 1, created_on=date(2026, 11, 1), valid_until=date(2026, 12, 1))
        add_quote(session, 2, created_on=date(2026, 11, 10), status="Rejected")
        add_quote(session, 3, created_on=date(2026, 11, 11), status="草稿")
        add_quote(session, 4, created_on=date(2026, 11, 30))
        evidence = gather(session)
        late = gather(session, as_of=at(12, 2))
    offer = pieces(evidence, Role.OFFER)
    assert [piece.fact.text for piece in offer] == [
        "Quote Q-1 (sent): total €90,000, discount 5 %, valid until 2026-12-01."
    ]
    assert offer[0].fact.id in evidence.approved
    assert not [p for p in pieces(late, Role.OFFER) if p.fact.source == "quote:1"]


def test_prices_are_those_of_the_deals_currency(rich: Store) -> None:
    with rich.session() as session:
        add_product(session, 1, "Beacon")
        add_line(session, 1, 1)
        add_price(session, 1, 1, "EUR", 100_000)
        add_price(session, 2, 1, "USD", 120_000)
        evidence = gather(session, kind=DraftKind.PROPOSAL_COVER)
    assert texts(evidence, Role.PRICE) == ["List price of Beacon (List EUR): €1,000."]
    assert texts(evidence, Role.PRODUCT) == ["Beacon × 2 in the deal."]


def test_a_product_named_in_the_mail_comes_with_its_price(rich: Store) -> None:
    with rich.session() as session:
        add_product(session, 1, "Tidemark Gateway", description="For up to 64 sensors")
        add_price(session, 1, 1, "EUR", 185_000)
        add_mail(session, 2, ["What does the tidemark gateway cost?"], started_at=at(11, 14))
        evidence = gather(session, reply_to=2)
    assert texts(evidence, Role.PRODUCT) == ["Tidemark Gateway: For up to 64 sensors."]
    assert texts(evidence, Role.PRICE) == ["List price of Tidemark Gateway (List EUR): €1,850."]


def test_tasks_and_planned_meetings_come_with_their_days(rich: Store) -> None:
    with rich.session() as session:
        add_activity(session, 1, due_on=date(2026, 11, 18))
        add_activity(session, 2, kind="meeting", subject="Site visit", occurred_at=at(11, 20))
        add_activity(session, 3, kind="meeting", subject="Past visit", occurred_at=at(11, 2))
        evidence = gather(session)
    task, meeting = pieces(evidence, Role.OUR_TASK)[0], pieces(evidence, Role.MEETING)[0]
    assert (task.quote, task.due_on) == ("Send the report", date(2026, 11, 18))
    assert (meeting.fact.text, meeting.due_on) == (
        'Planned for 2026-11-20: "Site visit".',
        date(2026, 11, 20),
    )
    assert not any("Past visit" in text for text in texts(evidence, Role.MEETING))


def test_policies_are_asked_for_in_the_language_of_the_draft(rich: Store) -> None:
    said = {"en": "We are certified for SOC 2.", "zh": "我们已通过 SOC 2 认证。"}
    with rich.session() as session:
        evidence = gather(session, policies=lambda language: [("soc2", said[language])])
    policy = pieces(evidence, Role.POLICY)[0]
    assert (policy.fact.text, policy.fact.source) == (said["en"], "policy:soc2")
    assert policy.fact.id in evidence.approved


# The profile -------------------------------------------------------------------------------


def test_a_noted_commitment_brings_its_words_and_day(rich: Store) -> None:
    with rich.session() as session:
        add_note(
            session,
            1,
            NoteKind.COMMITMENT,
            "send you the price list tomorrow",
            side="ours",
            speaker="Anna Lind",
            segments=[9],
            due_on=date(2026, 11, 13),
        )
        promises = pieces(gather(session), Role.OUR_PROMISE)
    assert [p.due_on for p in promises if "price list" in p.fact.text] == [date(2026, 11, 13)]


def test_what_our_side_said_of_their_needs_is_not_their_need(rich: Store) -> None:
    with rich.session() as session:
        add_proposal(
            session,
            1,
            "meddicc.identify_pain",
            "We have SOC 2",
            segments=[3],
            reason='Anna Lind: "We have SOC 2"',
        )
        evidence = gather(session)
    assert not any("SOC 2, and" in text for text in texts(evidence, Role.THEIR_NEED))


def test_both_sides_of_a_contradiction_come_marked_and_the_deal_states_neither(
    rich: Store,
) -> None:
    with rich.session() as session:
        add_talk(
            session,
            2,
            [("Priya Shah", "We sign on January 30, not before.")],
            started_at=at(11, 14),
        )
        add_proposal(session, 2, "expected_close_on", "2027-01-30")
        evidence = gather(session, kind=DraftKind.PROPOSAL_COVER)
    marked = [piece for piece in evidence.pieces if piece.fact.text.startswith("Not settled")]
    assert {piece.role for piece in marked} == {Role.THEIR_WORDS, Role.DEAL}
    assert all(piece.is_open for piece in marked)
    plain = [t for t in texts(evidence, Role.DEAL) if not t.startswith("Not settled")]
    assert len(plain) == 1
    assert "expected close" not in plain[0]


def test_a_chinese_draft_words_facts_in_chinese_and_quotes_as_said(store: Store) -> None:
    said = [("Priya Shah", "我们担心明天的切换时间太长。"), ("Anna Lind", "我明天把方案发给您。")]
    with store.session() as session:
        add_customer(session)
        add_talk(session, 1, said, started_at=at(11, 12), language="zh")
        evidence = gather(session)
    assert evidence.language == "zh"
    concern, promise = (
        pieces(evidence, Role.THEIR_CONCERN)[0],
        pieces(evidence, Role.OUR_PROMISE)[0],
    )
    assert (
        concern.fact.text
        == "Priya Shah（客户），2026-11-12通话00:00：“我们担心明天的切换时间太长。”"
    )
    assert concern.quote == "我们担心11月13日的切换时间太长。"
    assert promise.due_on == date(2026, 11, 13)


def test_the_language_asked_for_comes_before_the_one_spoken(rich: Store) -> None:
    with rich.session() as session:
        evidence = gather(session, language="zh")
    assert evidence.language == "zh"
    assert texts(evidence, Role.TALK) == ["2026-11-12 与Priya Shah的通话《Weekly call》。"]
