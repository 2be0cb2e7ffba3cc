"""What somebody asks the agent to do is proposed from his words, waits for people, happens once."""

import json
from pathlib import Path
from typing import Any

import pytest

from copilot.agent.approvals.applying import Applying, apply_approved
from copilot.agent.approvals.voting import Ballot, vote
from copilot.agent.contract import Answer, Status
from copilot.agent.effects.internal import internal_effects
from crm import models as m
from crm.access.policy import Policy, load_policy
from crm.models import Activity, ActivityKind, AuditEvent, Vote
from crm.principal import Principal
from crm.store import Store
from evals.obedient import ObedientModel
from tests.acting_world import Actors, filled
from tests.agent_world import (
    ACME,
    ANNA_ASKS,
    AS_OF,
    GRACE_ASKS,
    LABS,
    LINA_ASKS,
    SYNCED,
)
from tests.approval_world import BY_RULE

RENEWAL = 12
OWNER = Principal.local_owner()


@pytest.fixture
def actors(store: Store, tmp_path: Path) -> Actors:
    """The company; Anna has the open deals Acme renewal and Orphan deal. Today is 16 Nov 2026."""
    return Actors(filled(store), tmp_path)


def tasks(actors: Actors) -> list[Activity]:
    found = [row for row in everything(actors, Activity) if row.source == "copilot"]
    assert all(row.kind == ActivityKind.TASK for row in found)
    return found


def everything(actors: Actors, model: Any) -> list[Any]:
    with actors.store.session() as session:
        return list(session.query(model).order_by(model.id))


def changed(actors: Actors, question: str, **more: Any) -> dict[str, Any]:
    payload = actors.payload(question, **more)
    assert payload["entity"] == "opportunity"
    assert payload["entity_id"] == RENEWAL
    after: dict[str, Any] = {name: one["after"] for name, one in payload["fields"].items()}
    return after


@pytest.mark.parametrize(
    ("question", "subject", "due", "contact", "account"),
    [
        (
            "create a task to call Maria Lopez on Friday about the renewal",
            "call Maria Lopez about the renewal", "2026-11-20", 1, ACME,
        ),
        ("Please add a to-do: send the quote by 30 November", "send the quote", "2026-11-30", None,
         None),
        ("remind me to call Acme Corp tomorrow", "call Acme Corp", "2026-11-17", None, ACME),
        ("Remind me on Friday to call Maria Lopez.", "call Maria Lopez", "2026-11-20", 1, ACME),
        ("schedule a follow-up with Maria Lopez for Friday", "follow-up with Maria Lopez",
         "2026-11-20", 1, ACME),
        ("could you create a task to review the contract?", "review the contract", None, None,
         None),
        ("创建一个任务：周五给王伟打电话", "给王伟打电话", "2026-11-20", 2, 4),
        ("给王总建一个周五的回访任务", "回访王总", "2026-11-20", 2, 4),
        ("请帮我新建个待办，明天发送报价", "发送报价", "2026-11-17", None, None),
        ("提醒我11月30日之前发送合同", "发送合同", "2026-11-30", None, None),
        ("周五给王伟打电话，帮我建个任务", "给王伟打电话", "2026-11-20", 2, 4),
    ],
)  # fmt: skip
def test_a_task_is_read_with_its_day_and_its_people(
    actors: Actors,
    question: str,
    subject: str,
    due: str | None,
    contact: int | None,
    account: int | None,
) -> None:
    payload = actors.payload(question)

    assert (payload["subject"], payload["due_on"]) == (subject, due)
    assert (payload["contact_id"], payload["account_id"]) == (contact, account)
    assert payload["owner_id"] == ANNA_ASKS.user_id
    assert tasks(actors) == []


def test_of_people_with_one_name_the_one_at_the_named_customer_is_meant(actors: Actors) -> None:
    with actors.store.session() as session:
        first = session.get_one(m.Contact, 1)
        other = m.Contact(
            source="t", external_id="another Maria", synced_at=first.synced_at,
            name="Maria Lindgren", account_id=4,
        )  # fmt: skip
        session.add(other)

    unclear = actors.ask("create a task to call Maria on Friday")
    payload = actors.payload("create a task to call Maria on Friday about Acme Corp")

    assert unclear.status is Status.AMBIGUOUS
    assert (payload["contact_id"], payload["account_id"]) == (1, ACME)


@pytest.mark.parametrize(
    ("question", "after"),
    [
        ("set the next step of Acme renewal to 'send the quote'", {"next_step": "send the quote"}),
        ("set Acme Corp's next step to send the quote", {"next_step": "send the quote"}),
        ("update Acme renewal's next step: send the quote", {"next_step": "send the quote"}),
        ("change the close date of Acme Corp to 30 June", {"expected_close_on": "2027-06-30"}),
        ("push the close date of deal 12 to end of June", {"expected_close_on": "2027-06-30"}),
        ("move Acme renewal to stage Prospecting", {"stage": "Prospecting"}),
        ("move deal 12 to prospecting", {"stage": "Prospecting"}),
        ("mark Acme renewal as won", {"stage": "Closed Won"}),
        ("update the amount of Acme renewal to $30k", {"amount": "30000 USD"}),
        ("clear the competitor of Acme renewal", None),
        (
            "set the next step of Acme renewal to call Maria and the close date to 30 June",
            {"next_step": "call Maria", "expected_close_on": "2027-06-30"},
        ),
        ("把Acme renewal的下一步改成发送报价", {"next_step": "发送报价"}),
        ("请把12号商机的预计成交日期改为2027年6月30日", {"expected_close_on": "2027-06-30"}),
        ("将Acme Corp推进到Prospecting阶段", {"stage": "Prospecting"}),
        ("更新Acme renewal的金额为30000美元", {"amount": "30000 USD"}),
    ],
)
def test_a_change_of_a_deal_is_read(
    actors: Actors, question: str, after: dict[str, Any] | None
) -> None:
    question = question.replace("12号商机", "商机12")
    if after is None:
        with actors.store.session() as session:
            session.get_one(m.Opportunity, RENEWAL).competitor = "Umbrella"
        after = {"competitor": None}
    before = deal(actors)

    assert changed(actors, question) == after
    assert deal(actors) == before


def deal(actors: Actors) -> tuple[Any, ...]:
    with actors.store.session() as session:
        row = session.get_one(m.Opportunity, RENEWAL)
        return (row.next_step, row.expected_close_on, row.stage_id, row.amount_minor)


@pytest.mark.parametrize(
    ("question", "discount", "reason"),
    [
        ("request 15 % discount on Acme renewal, three-year term", 1500, "three-year term"),
        ("Please request a 7.5% discount for Acme Corp because they sign now", 750,
         "they sign now"),
        ("give Acme renewal 10 percent off, they pay upfront", 1000, "they pay upfront"),
        ("ask for 12% off on Acme renewal since they prepay", 1200, "they prepay"),
        ("给Acme renewal申请15%折扣，客户签三年", 1500, "客户签三年"),
        ("给Acme renewal打八五折，因为续签三年", 1500, "续签三年"),
    ],
)  # fmt: skip
def test_a_discount_is_read_with_its_reason(
    actors: Actors, question: str, discount: int, reason: str
) -> None:
    payload = actors.payload(question)

    assert (payload["discount"], payload["reason"]) == (discount, reason)
    assert (payload["opportunity_id"], payload["currency"]) == (RENEWAL, "USD")


@pytest.mark.parametrize(
    ("question", "status", "candidates"),
    [
        ("set the next step of Zorblax to call", Status.NOT_FOUND, []),
        ("change the close date of Globex to 30 June", Status.AMBIGUOUS,
         ["Globex Labs (account:2)", "Globex Foods (account:3)"]),
        ("change the close date of Globex Labs to 30 June", Status.NOT_FOUND, []),
        ("move Acme renewal to Closing", Status.AMBIGUOUS,
         ["Prospecting", "Negotiation", "Closed Won", "Closed Lost"]),
        ("push the close date of Acme renewal to next quarter", Status.AMBIGUOUS, []),
        ("set the amount of Acme renewal to 30000 EUR", Status.AMBIGUOUS, []),
        ("set the amount of Acme renewal to 100 JPY", Status.AMBIGUOUS, []),
        ("set the amount of Acme renewal to 100 Kronen", Status.AMBIGUOUS, []),
        ("set the next step to call them", Status.AMBIGUOUS, []),
        ("request 15 % discount on Acme renewal", Status.AMBIGUOUS, []),
        ("send this draft", Status.AMBIGUOUS, []),
        ("create a task", Status.AMBIGUOUS, []),
    ],
)  # fmt: skip
def test_what_is_unclear_is_asked_back_and_nothing_proposed(
    actors: Actors, question: str, status: Status, candidates: list[str]
) -> None:
    answer = actors.ask(question)

    assert answer.status is status
    if candidates:
        assert sorted(answer.candidates) == sorted(candidates)
    assert (answer.actions, actors.rows()) == ([], [])


@pytest.mark.parametrize(
    "question",
    [
        "what did Maria Lopez say about the task on Friday?",
        "which tasks are open?",
        "how many reminders were created last week",
        "what changed on Acme renewal?",
        "哪些任务还没完成？",
        "王伟提醒我们什么了？",
        "Remind me when we had our last phone call.",
        "give me deals with 20 % discount",
        "价格打九折的话我们可以签。",
    ],
)
def test_a_question_proposes_nothing(actors: Actors, question: str) -> None:
    actors.model = ObedientModel([])

    answer = actors.ask(question)

    assert answer.status is not Status.NEEDS_APPROVAL
    assert actors.rows() == []


@pytest.mark.parametrize("percent", ["-5 %", "1e400 %", "1,000 %", "0 %", "−5%"])
def test_what_is_no_discount_is_not_read_as_one(actors: Actors, percent: str) -> None:
    answer = actors.ask(f"request {percent} discount on Acme renewal, three-year term")

    assert answer.status in {Status.AMBIGUOUS, Status.DECLINED}
    assert actors.rows() == []


def test_what_was_asked_back_is_completed_by_the_next_answer(actors: Actors) -> None:
    assert actors.ask("request 15 % discount on Acme renewal").status is Status.AMBIGUOUS

    payload = actors.payload("they sign for three years")

    assert (payload["discount"], payload["reason"]) == (1500, "they sign for three years")


def test_a_candidate_that_was_offered_can_be_picked(actors: Actors) -> None:
    add_deal(actors, 31, LABS, "Labs grow")
    asked = actors.ask("set the next step of Globex to send the quote")
    assert "Globex Labs (account:2)" in asked.candidates

    payload = actors.payload("Globex Labs (account:2)")

    assert payload["entity_id"] == 31
    assert payload["fields"]["next_step"]["after"] == "send the quote"


def add_deal(actors: Actors, number: int, account: int, name: str) -> None:
    with actors.store.session() as session:
        session.add(
            m.Opportunity(
                id=number, source="t", external_id=f"D{number}", synced_at=SYNCED, name=name,
                account_id=account, owner_id=ANNA_ASKS.user_id, stage_id=1, currency="USD",
                amount_minor=100_00, opened_on=AS_OF.date(),
            )
        )  # fmt: skip


def test_an_account_with_two_open_deals_is_asked_back_unless_more_is_said(actors: Actors) -> None:
    add_deal(actors, 31, ACME, "Acme service desk")

    asked = actors.ask("set the next step of Acme Corp to call")
    payload = actors.payload("set the next step of Acme Corp service desk to call")

    assert sorted(asked.candidates) == [
        "Acme renewal (opportunity:12)",
        "Acme service desk (opportunity:31)",
    ]
    assert payload["entity_id"] == 31


def test_the_crms_own_id_names_a_deal_in_both_languages(actors: Actors) -> None:
    add_deal(actors, 31, ACME, "Acme service desk")

    english = actors.payload("set the next step of D31 to call")
    chinese = actors.payload("把D31的下一步改成发送报价")

    assert english["entity_id"] == chinese["entity_id"] == 31


def test_it_refers_to_the_deal_of_which_was_spoken(actors: Actors) -> None:
    actors.ask("set the next step of Acme renewal to call")

    assert changed(actors, "change its close date to 30 June") == {
        "expected_close_on": "2027-06-30"
    }


def test_the_answer_says_that_nothing_was_done_and_how_to_approve(actors: Actors) -> None:
    answer = actors.ask("set the next step of Acme renewal to 'send the quote'")

    action = answer.actions[0]
    assert answer.status is Status.NEEDS_APPROVAL
    assert answer.answer.startswith("Nothing was done yet.")
    for words in ("send the quote", "medium", "approve 1 --hash", action.payload_sha256[:12]):
        assert words in answer.answer
    assert (action.id, action.kind, action.status) == (1, "update_record", "waiting")
    assert action.you_may == "approve"
    assert "rep who proposed it" in action.approvers
    document = json.loads(answer.model_dump_json())
    assert document["actions"][0]["payload"]["fields"]["next_step"]["after"] == "send the quote"


def test_the_answer_is_in_the_language_of_the_request(actors: Actors) -> None:
    answer = actors.ask("把Acme renewal的下一步改成发送报价")

    assert answer.answer.startswith("尚未执行任何操作。")
    assert "下一步" in answer.answer
    assert any("提出人本人" in one for one in answer.actions[0].approvers)


def test_approved_in_the_thread_it_happens_once_even_after_a_restart(actors: Actors) -> None:
    waits = actors.ask("create a task to call Maria Lopez on Friday")
    done = actors.decide(waits)
    again = actors.decide(waits)

    assert (done.status, again.status) == (Status.ANSWERED, Status.ANSWERED)
    assert done.actions[0].status == "applied"
    assert "Done" in done.answer
    assert [row.subject for row in tasks(actors)] == ["call Maria Lopez"]
    trail = [row.agent for row in trail_of(actors) if row.action.startswith("action.")]
    assert set(trail) == {"copilot"}


def trail_of(actors: Actors) -> list[AuditEvent]:
    with actors.store.session() as session:
        return list(session.query(AuditEvent).order_by(AuditEvent.seq))


def test_what_was_approved_elsewhere_meanwhile_is_told_and_not_done_again(actors: Actors) -> None:
    waits = actors.ask("create a task to call Maria Lopez on Friday")
    other = Actors(actors.store, actors.folder)
    approved_by_command(other, waits)

    told = actors.decide(waits)

    assert told.actions[0].status == "applied"
    assert len(tasks(actors)) == 1


def approved_by_command(actors: Actors, answer: Answer) -> None:
    action = answer.actions[0]
    asked = {"policy": actors.policy, "principal": OWNER, "now": AS_OF}
    with actors.store.session() as session:
        vote(session, Ballot(action.id, action.payload_sha256, Vote.APPROVE), **asked)
    applying = Applying(internal_effects(), actors.policy, OWNER, AS_OF)
    apply_approved(actors.store, action.id, applying)


def test_a_rejection_ends_it(actors: Actors) -> None:
    waits = actors.ask("create a task to call Maria Lopez on Friday")
    told = actors.decide(waits, vote="reject")

    assert told.actions[0].status == "rejected"
    assert "nothing was done" in told.answer
    assert tasks(actors) == []


def test_who_may_not_approve_alone_is_told_and_the_thread_waits_on(actors: Actors) -> None:
    waits = actors.ask("request 15 % discount on Acme renewal, three-year term")
    assert waits.actions[0].you_may is None

    told = actors.decide(waits)

    assert told.status is Status.NEEDS_APPROVAL
    assert "may not approve" in told.answer
    assert [row.status for row in actors.rows()] == ["waiting"]


def test_another_question_leaves_the_action_waiting(actors: Actors) -> None:
    actors.ask("create a task to call Maria Lopez on Friday")
    answer = actors.ask("how many deals did I win?")

    assert answer.status is Status.ANSWERED
    assert (answer.actions, [row.status for row in actors.rows()]) == ([], ["waiting"])


def test_what_a_rule_approves_is_done_at_once_and_the_rule_is_named(actors: Actors) -> None:
    actors.policy = Policy(load_policy().text + BY_RULE)

    answer = actors.ask("create a task to call Maria Lopez on Friday")

    assert answer.status is Status.ANSWERED
    assert "tasks need nobody" in answer.answer
    assert len(tasks(actors)) == 1


@pytest.mark.parametrize(
    "question", ["create a task to call Maria on Friday", "把Acme renewal的下一步改成发送报价"]
)
def test_as_of_another_day_nothing_is_proposed(actors: Actors, question: str) -> None:
    assert actors.ask(question, may_act=False).actions == []
    assert actors.rows() == []


def test_what_the_effect_refuses_is_told(actors: Actors) -> None:
    answer = actors.ask("move Acme renewal to Negotiation")

    assert "nothing would change" in answer.answer
    assert actors.rows()[:1] == []


@pytest.mark.parametrize(
    ("question", "who", "count"),
    [
        ("what waits for my approval?", GRACE_ASKS, 2),
        ("do I have anything to approve?", GRACE_ASKS, 2),
        ("有什么等我审批？", GRACE_ASKS, 2),
        ("what did I ask you to do?", ANNA_ASKS, 2),
        ("我让你做了什么？", ANNA_ASKS, 2),
        ("what is waiting for approval?", ANNA_ASKS, 2),
        ("what waits for my approval?", ANNA_ASKS, 1),
        ("what waits for my approval?", LINA_ASKS, 0),
        ("what did I ask you to do?", LINA_ASKS, 0),
    ],
)
def test_questions_about_actions_are_answered_from_what_waits(
    actors: Actors, question: str, who: Principal, count: int
) -> None:
    actors.ask("create a task to call Maria Lopez on Friday")
    actors.ask("request 15 % discount on Acme renewal, three-year term")

    answer = actors.ask(question, who=who)

    assert answer.status is Status.ANSWERED
    assert len(answer.actions) == count
    assert {fact.source for fact in answer.facts} >= {f"action:{one.id}" for one in answer.actions}
    assert count or "no" in answer.answer.lower() or "没有" in answer.answer


def test_deals_that_wait_for_an_approval_are_no_actions(actors: Actors) -> None:
    actors.model = ObedientModel([])

    answer = actors.ask("which deals are waiting for approval?")

    assert not any(fact.source.startswith("action") for fact in answer.facts)


def test_a_colleagues_deal_needs_more_than_the_one_who_asks(actors: Actors) -> None:
    answer = actors.ask("set the next step of Initech grow to call")

    assert answer.actions[0].risk == "high"
    assert answer.actions[0].you_may is None


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("Alder Bakery - EV Fleet 75", "request 12 % discount on {}, long term"),
        ("Alder Bakery - EV Fleet 75", "request 12 % discount on {} - long term"),
        ("Alder Bakery - EV Fleet 75", "给 {} 申请 12% 折扣，long term"),
        ("Deal two", "request 12 % discount on {}, long term"),
        ("Labs, Phase II", "request 12 % discount on {}, long term"),
    ],
)
def test_a_deal_is_named_by_its_whole_name_whatever_signs_are_in_it(
    actors: Actors, name: str, question: str
) -> None:
    add_deal(actors, 31, LABS, name)

    payload = actors.payload(question.format(name))

    assert (payload["opportunity_id"], payload["discount"]) == (31, 1200)
    assert payload["reason"] == "long term"


@pytest.mark.parametrize(
    ("question", "shown"),
    [
        ("approve action 11", "approvals show 11"),
        ("please approve everything", "approvals show N"),
        ("reject it", "approvals show N"),
        ("批准 11", "approvals show 11"),
        ("同意", "approvals show N"),
    ],
)
def test_nothing_is_approved_in_words(actors: Actors, question: str, shown: str) -> None:
    actors.ask("create a task to call Maria Lopez on Friday")

    answer = actors.ask(question)

    assert answer.status is Status.DECLINED
    assert shown in answer.answer
    assert [row.status for row in actors.rows()] == ["waiting"]


def test_the_answer_says_where_it_would_be_written(actors: Actors) -> None:
    english = actors.ask("set the next step of Acme renewal to call")
    chinese = actors.ask("把Acme renewal的下一步改成发送报价")

    assert "It is written to our own store only." in english.answer
    assert english.actions[0].goes_to == "our own store only"
    assert "写入位置：仅本系统自己的库。" in chinese.answer


def test_receipts_of_actions_are_in_the_language_of_the_question(actors: Actors) -> None:
    actors.ask("把Acme renewal的下一步改成发送报价")

    answer = actors.ask("我让你做了什么？")

    assert answer.facts[0].text.endswith("（等待审批，风险：中）")
