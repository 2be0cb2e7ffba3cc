"""What the evidence for a letter contains, in which order, and what it leaves out."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from copilot.llm.budget import count_tokens
from copilot.writers.evidence import FACT_TOKENS, MAX_FACTS, DraftEvidence, gather_evidence
from crm.errors import NotFound
from crm.models import Activity, Contact, Opportunity, Quote, Stage
from crm.principal import Principal
from crm.store import Store
from tests.conversation_seed import add_account, add_conversation, sourced

SIDES = {"Priya Raman": "customer", "Anna Schmidt": "ours"}
SAID = [
    ("Anna Schmidt", "Hi Priya, how was the weekend?"),
    ("Priya Raman", "Fine."),
    ("Anna Schmidt", "Good."),
    ("Priya Raman", "Our security team asks whether you are certified for SOC 2."),
    ("Anna Schmidt", "We have SOC 2, and I'll send you the security whitepaper this week."),
    ("Priya Raman", "And do you support single sign-on with Okta?"),
    ("Anna Schmidt", "I'd have to check that with our engineers and get back to you."),
]


def add_deal(session: Session) -> None:
    """One deal of one account with a stage and a contact."""
    add_account(session, 1, "Northwind Trading")
    session.add(Stage(**sourced(1), name="Proposal", position=2, status="open"))
    session.add(
        Contact(
            **sourced(1), name="Priya Raman", email="priya@n.example", title="CIO", account_id=1
        )
    )
    session.flush()
    session.add(
        Opportunity(
            **sourced(1),
            name="Warehouse rollout",
            account_id=1,
            stage_id=1,
            amount_minor=12_000_000,
            currency="USD",
            expected_close_on=date(2026, 12, 18),
        )
    )
    session.flush()


def gather(session: Session, as_of: datetime, **changes: object) -> DraftEvidence:
    arguments: dict[str, object] = {
        "sender": "Anna Schmidt",
        "purpose": "answer the security questions",
        "principal": Principal.local_owner(),
        "as_of": as_of,
        "language": "en",
    }
    return gather_evidence(session, None, 1, **(arguments | changes))  # type: ignore[arg-type]


def test_facts_are_the_deal_its_records_and_the_telling_turns_in_order(
    store: Store, as_of: datetime
) -> None:
    with store.session() as session:
        add_deal(session)
        add_conversation(session, 1, SAID, sides=SIDES, account_id=1, opportunity_id=1)
        session.add(
            Quote(
                **sourced(1),
                opportunity_id=1,
                number="Q-7",
                status="sent",
                total_minor=11_800_000,
                currency="USD",
                discount="0.05",
                created_on=date(2026, 11, 10),
                valid_until=date(2026, 11, 30),
            )
        )
        session.add(
            Activity(
                **sourced(1),
                kind="task",
                subject="Send the security whitepaper",
                opportunity_id=1,
                due_on=date(2026, 11, 18),
            )
        )
        session.flush()
        evidence = gather(session, as_of)
    texts = [fact.text for fact in evidence.facts]
    assert [fact.id for fact in evidence.facts] == [f"F{n}" for n in range(1, len(texts) + 1)]
    assert texts[0] == (
        'Deal "Warehouse rollout", customer Northwind Trading, stage Proposal, amount $120,000, '
        "expected close 2026-12-18."
    )
    assert texts[1] == 'Call "Weekly call" with Priya Raman on 2026-11-12.'
    assert texts[2] == "Quote Q-7 (sent): total $118,000, discount 5 %, valid until 2026-11-30."
    assert texts[3] == "Our open task, due 2026-11-18: Send the security whitepaper."
    assert texts[4].startswith("Priya Raman (customer) said:")
    assert "SOC 2" in texts[4]
    assert not any("weekend" in text or '"Fine."' in text for text in texts)
    assert evidence.facts[4].source == "conversation:1#3@00:30"
    assert evidence.recipient.email == "priya@n.example"


def test_only_the_customers_turns_are_outside(store: Store, as_of: datetime) -> None:
    with store.session() as session:
        add_deal(session)
        add_conversation(session, 1, SAID, sides=SIDES, opportunity_id=1)
        evidence = gather(session, as_of)
    outside = {fact.text for fact in evidence.facts if fact.id in evidence.outside}
    assert len(outside) == 2
    assert all("(customer)" in text for text in outside)


def test_a_deferred_question_is_open_and_an_answered_one_is_not(
    store: Store, as_of: datetime
) -> None:
    with store.session() as session:
        add_deal(session)
        said = [
            ("Priya Raman", "Where is our data stored, in Europe?"),
            ("Anna Schmidt", "It is stored in Frankfurt, and it never leaves Germany."),
            *SAID[5:],
        ]
        add_conversation(session, 1, said, sides=SIDES, opportunity_id=1)
        evidence = gather(session, as_of)
    assert evidence.questions == ("And do you support single sign-on with Okta?",)


def test_without_a_conversation_the_crm_facts_remain(store: Store, as_of: datetime) -> None:
    with store.session() as session:
        add_deal(session)
        evidence = gather(session, as_of)
    assert [fact.source for fact in evidence.facts] == ["opportunity:1"]
    assert evidence.talk is None
    assert evidence.recipient.name == "Priya Raman"


def test_a_conversation_after_the_clock_is_not_seen(store: Store) -> None:
    with store.session() as session:
        add_deal(session)
        add_conversation(session, 1, SAID, sides=SIDES, opportunity_id=1)
        evidence = gather(session, datetime(2026, 11, 11, tzinfo=UTC))
    assert evidence.talk is None


def test_a_long_conversation_stays_within_the_budget(store: Store, as_of: datetime) -> None:
    wall = "Could you tell us how the security of the migration is guaranteed? " * 60
    with store.session() as session:
        add_deal(session)
        said = [("Priya Raman", wall), ("Anna Schmidt", "I will check the security.")] * 200
        add_conversation(session, 1, said, sides=SIDES, opportunity_id=1)
        evidence = gather(session, as_of)
    assert len(evidence.facts) <= MAX_FACTS
    assert sum(count_tokens(fact.text) for fact in evidence.facts) <= FACT_TOKENS
    assert all(len(fact.text.split()) <= 60 for fact in evidence.facts)


def test_an_unknown_opportunity_is_not_found(store: Store, as_of: datetime) -> None:
    with store.session() as session, pytest.raises(NotFound, match="no opportunity 1"):
        gather(session, as_of)


def test_chinese_evidence_is_worded_in_chinese(store: Store, as_of: datetime) -> None:
    with store.session() as session:
        add_deal(session)
        said = [("王建国", "系统通过等保三级了吗？"), ("陈晓", "这个我回头确认一下再答复您。")]
        sides = {"王建国": "customer", "陈晓": "ours"}
        add_conversation(session, 1, said, sides=sides, opportunity_id=1)
        evidence = gather(session, as_of, language="zh", purpose="回复安全问题")
    texts = [fact.text for fact in evidence.facts]
    assert texts[0].startswith("商机“Warehouse rollout”")
    assert texts[1] == "2026-11-12 与王建国的通话《Weekly call》。"
    assert texts[2] == "王建国（客户）说：“系统通过等保三级了吗？”"
    assert evidence.questions == ("系统通过等保三级了吗？",)
