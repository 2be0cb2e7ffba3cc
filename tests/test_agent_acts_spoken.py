"""What people say beside a plain request: conditions, days in names, ranges, and taking it back."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from copilot.agent.contract import Answer, Status
from crm import models as m
from crm.store import Store
from tests.acting_world import Actors, filled
from tests.agent_world import ACME, ANNA_ASKS

RENEWAL = 12
APRIL, SUMMIT = 90, 91


@pytest.fixture
def actors(store: Store, tmp_path: Path) -> Actors:
    """The company with a contact and a deal that have days in their names. It is 16 Nov 2026."""
    actors = Actors(filled(store), tmp_path)
    with actors.store.session() as session:
        known = session.get_one(m.Opportunity, RENEWAL)
        common: dict[str, Any] = {"source": "t", "synced_at": known.synced_at, "account_id": ACME}
        session.add(m.Contact(id=APRIL, external_id="april", name="April Jones", **common))
        session.add(
            m.Opportunity(
                id=SUMMIT, external_id="OP-91", name='Éclair "Q4" – phase 2 (50% upfront)',
                owner_id=ANNA_ASKS.user_id, stage_id=known.stage_id, currency="EUR",
                opened_on=date(2026, 1, 1), expected_close_on=date(2026, 12, 1), **common,
            )
        )  # fmt: skip
    return actors


def only(answer: Answer) -> dict[str, Any]:
    assert len(answer.actions) == 1, answer.answer
    return answer.actions[0].payload


@pytest.mark.parametrize(
    ("question", "subject", "due"),
    [
        ("create a task to call April Jones on Friday", "call April Jones", "2026-11-20"),
        ("create a task to call April Jones", "call April Jones", None),
        ("create a task to prepare the June report", "prepare the June report", None),
        ("create a task to prepare the June report by Friday", "prepare the June report",
         "2026-11-20"),
        ("create a task to prepare the Friday demo on Thursday", "prepare the Friday demo",
         "2026-11-19"),
        ("create a task to plan the offsite in June", "plan the offsite", "2027-06-30"),
        ("On Friday, remind me to call April Jones", "call April Jones", "2026-11-20"),
        ("by 5 December at 3 pm please create a task to send the offer",
         "at 3 pm send the offer", "2026-12-05"),
        ("周五提醒我给王伟打电话", "给王伟打电话", "2026-11-20"),
        ("月底前提醒我发送报价", "发送报价", "2026-11-30"),
        ("明天下午3点提醒我发送报价", "下午3点发送报价", "2026-11-17"),
    ],
)  # fmt: skip
def test_a_task_takes_its_day_from_the_words_that_say_when(
    actors: Actors, question: str, subject: str, due: str | None
) -> None:
    payload = only(actors.ask(question))

    assert (payload["subject"], payload["due_on"]) == (subject, due)


@pytest.mark.parametrize(
    "question",
    [
        "move Acme renewal to Prospecting if April Jones agrees",
        "if April Jones agrees, move Acme renewal to Prospecting",
        "change the close date of Acme renewal to 30 June once they sign",
        "set the amount of Acme renewal to 5000 unless they object",
        "request 10 % discount on Acme renewal if they sign for three years",
        "把Acme renewal推进到Prospecting阶段，如果王伟同意的话",
        "如果王伟同意，就把Acme renewal推进到Prospecting阶段",
        "如果王伟同意就把Acme renewal推进到Prospecting阶段",
    ],
)
def test_nothing_is_proposed_on_a_condition(actors: Actors, question: str) -> None:
    answer = actors.ask(question)

    assert answer.status is Status.DECLINED
    assert "on a condition" in answer.answer or "按条件" in answer.answer
    assert actors.rows() == []


@pytest.mark.parametrize(
    "question",
    [
        "create a task to call April Jones and move Acme renewal to Prospecting, if she agrees",
        "创建一个任务，给王伟打电话并把Acme renewal推进到Prospecting阶段，如果他同意",
    ],
)
def test_a_condition_behind_the_last_sign_stays_with_its_task(
    actors: Actors, question: str
) -> None:
    assert "Prospecting" in only(actors.ask(question))["subject"]


@pytest.mark.parametrize(
    ("question", "after"),
    [
        ("set the next step of Acme renewal to call if they agree", "call if they agree"),
        ("if possible, set the next step of Acme renewal to wait", "wait"),
    ],
)
def test_an_if_within_a_text_or_out_of_politeness_is_no_condition(
    actors: Actors, question: str, after: str
) -> None:
    assert only(actors.ask(question))["fields"]["next_step"]["after"] == after


@pytest.mark.parametrize(
    ("question", "discount"),
    [
        ("request fifteen percent discount on Acme renewal because of volume", 1500),
        ("knock 8% off Acme renewal, they are loyal", 800),
        ("给Acme renewal申请百分之十二的折扣，理由：竞争激烈", 1200),
        ("request 10% discount on Acme renewal because a rival gives 20%", 1000),
        ("request 5% discount on OP-91 because of delay", 500),
    ],
)
def test_a_percentage_is_understood_in_words_too(
    actors: Actors, question: str, discount: int
) -> None:
    assert only(actors.ask(question))["discount"] == discount


@pytest.mark.parametrize(
    "question",
    [
        "request 15% or 20% discount on Acme renewal because of volume",
        "request between 5 and 10% discount on Acme renewal because of volume",
        "request 5 to ten percent discount on Acme renewal because of volume",
        "request a discount of 5000 USD on Acme renewal because of volume",
        "give Acme renewal 15 off, loyal customer",
        "给Acme renewal申请10%到15%的折扣，因为量大",
        "给Acme renewal申请优惠5万元，因为量大",
    ],
)
def test_a_discount_without_one_percentage_is_asked_back(actors: Actors, question: str) -> None:
    assert actors.ask(question).status is Status.AMBIGUOUS
    assert actors.rows() == []


@pytest.mark.parametrize("amount", ["52.500,00 USD", "52.500 USD", "1.234.567 USD", "32,000 pesos"])
def test_an_amount_that_may_be_read_otherwise_is_asked_back(actors: Actors, amount: str) -> None:
    answer = actors.ask(f"set the amount of Acme renewal to {amount}")

    assert "Which amount?" in answer.answer
    assert actors.rows() == []


def test_an_amount_is_raised_to_a_value(actors: Actors) -> None:
    payload = only(actors.ask("raise the amount of Acme renewal to 31,000"))

    assert payload["fields"]["amount"]["after"] == "31000 USD"


def test_a_name_is_known_whatever_letters_and_signs_it_has(actors: Actors) -> None:
    payload = only(
        actors.ask('change the stage of Éclair "Q4" – phase 2 (50% upfront) to Prospecting')
    )

    assert payload["entity_id"] == SUMMIT


@pytest.mark.parametrize(
    "question",
    [
        "create a task to call April Jones on Thursday and move the meeting to Monday",
        "create a task on Friday: call April Jones and move Acme renewal to Prospecting",
        "创建一个任务：给王伟打电话并把Acme renewal推进到Prospecting阶段",
    ],
)
def test_what_a_task_speaks_of_stays_in_it(actors: Actors, question: str) -> None:
    assert only(actors.ask(question))["subject"].startswith(("call April Jones and", "给王伟"))


def test_a_new_sentence_behind_a_dictated_task_is_another_request(actors: Actors) -> None:
    answer = actors.ask("create a task: call April Jones. Then move Acme renewal to Prospecting")

    assert [one.kind for one in answer.actions] == ["create_task", "update_record"]


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("don't move Acme renewal to Prospecting", "Nothing was done."),
        ("不要把Acme renewal推进到Prospecting阶段", "未执行任何操作。"),
        ("how do I move Acme renewal to Prospecting?", "asks about an action"),
        ("what would happen if I moved Acme renewal to Prospecting?", "asks about an action"),
        ("你把Acme renewal推进到Prospecting阶段了吗？", "是在询问"),
        ("increase the amount of Acme renewal by 10%", "by how much"),
        ("把Acme renewal的金额增加10%", "增减多少"),
    ],
)
def test_speaking_of_an_action_is_told_from_asking_for_it(
    actors: Actors, question: str, told: str
) -> None:
    answer = actors.ask(question)

    assert answer.status is Status.DECLINED
    assert told in answer.answer
    assert actors.rows() == []


@pytest.mark.parametrize(
    "said", ["no, make it Monday", "cancel that", "不对，改成下周三", "算了，取消", "yes", "好的"]
)
def test_words_change_nothing_that_was_proposed_and_say_what_does(
    actors: Actors, said: str
) -> None:
    actors.ask("create a task to call April Jones on Friday")

    answer = actors.ask(said)

    assert answer.status is Status.DECLINED
    assert "`sales-copilot approvals" in answer.answer
    assert [row.payload["due_on"] for row in actors.rows()] == ["2026-11-20"]


@pytest.mark.parametrize("said", ["never mind", "cancel", "算了"])
def test_what_was_asked_back_can_be_dropped(actors: Actors, said: str) -> None:
    actors.ask("request 10% discount on Acme renewal")

    assert actors.ask(said).status is Status.DECLINED
    assert actors.rows() == []


@pytest.mark.parametrize("said", ["how many deals do I have", "我有多少商机"])
def test_a_question_is_no_reason_for_a_discount(actors: Actors, said: str) -> None:
    actors.ask("request 10% discount on Acme renewal")

    actors.ask(said)

    assert actors.rows() == []


def test_the_deal_that_was_looked_up_is_meant_by_it(actors: Actors) -> None:
    actors.ask("What is the stage of Acme renewal?")
    task = only(actors.ask("remind me to follow up on that deal on Friday"))
    change = only(actors.ask("move it to Prospecting"))

    assert (task["opportunity_id"], change["entity_id"]) == (RENEWAL, RENEWAL)
