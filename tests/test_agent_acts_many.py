"""What is asked for in one breath becomes one proposal each, and nothing of it gets lost."""

from pathlib import Path
from typing import Any

import pytest

from copilot.agent.act_scene import Scene
from copilot.agent.act_splitting import split_requests
from copilot.agent.contract import Answer, Status
from copilot.agent.desk import Request
from crm.store import Store
from tests.acting_world import Actors, filled
from tests.agent_world import ACME, ANNA_ASKS, AS_OF
from tools.names import NameIndex

RENEWAL = 12


@pytest.fixture
def actors(store: Store, tmp_path: Path) -> Actors:
    """The company; Anna has the open deals Acme renewal and Orphan deal. Today is 16 Nov 2026."""
    return Actors(filled(store), tmp_path)


def payloads(answer: Answer) -> list[dict[str, Any]]:
    return [one.payload for one in answer.actions]


@pytest.mark.parametrize(
    "question",
    [
        "Create a task to call Maria Lopez on Friday and move the deal to Prospecting",
        "remind me to call Maria Lopez on Friday. Then move Acme renewal to Prospecting, please.",
        "创建一个任务，周五给Maria Lopez打电话，并把Acme renewal改到Prospecting阶段",
        "提醒我周五给Maria Lopez打电话，然后将Acme renewal推进到Prospecting阶段",
    ],
)
def test_a_task_and_a_change_are_two_proposals(actors: Actors, question: str) -> None:
    answer = actors.ask(question)

    task, change = payloads(answer)
    assert answer.status is Status.NEEDS_APPROVAL
    assert (task["due_on"], task["contact_id"], task["account_id"]) == ("2026-11-20", 1, ACME)
    assert "Prospecting" not in task["subject"]
    assert (change["entity"], change["entity_id"]) == ("opportunity", RENEWAL)
    assert change["fields"]["stage"]["after"] == "Prospecting"
    assert [row.status for row in actors.rows()] == ["waiting", "waiting"]


def test_each_is_decided_by_itself(actors: Actors) -> None:
    waits = actors.ask("create a task to call Maria Lopez and move Acme renewal to Prospecting")
    first = waits.model_copy(update={"actions": waits.actions[:1]})

    told = actors.decide(first)

    assert [one.status for one in told.actions] == ["applied", "waiting"]
    assert told.status is Status.NEEDS_APPROVAL


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("remind me to call Maria and create a task to send the quote by 30 November",
         ["create_task", "create_task"]),
        ("set the next step of Acme renewal to call Maria and move it to Prospecting",
         ["update_record", "update_record"]),
        ("move Acme renewal to Prospecting and set the close date to 30 June",
         ["update_record", "update_record"]),
        ("request 15 % discount on Acme renewal, three-year term, and move it to Prospecting",
         ["request_discount", "update_record"]),
        ("把Acme renewal的下一步改成发送报价，同时给Acme renewal申请15%折扣，因为客户签三年",
         ["update_record", "request_discount"]),
    ],
)  # fmt: skip
def test_requests_of_all_kinds_come_apart(actors: Actors, question: str, kinds: list[str]) -> None:
    assert [one.kind for one in actors.ask(question).actions] == kinds


@pytest.mark.parametrize(
    "question",
    [
        "create a task to call Maria Lopez on Friday and send the quote",
        "remind me to finish the offer and send it",
        "remind me to call Maria Lopez and move the deal to Prospecting if she agrees",
        'set the next step of Acme renewal to "call Maria and move the deal to Prospecting"',
        "set the next step of Acme renewal to call Maria and the close date to 30 June",
        "把Acme renewal的下一步改成“打电话，并把阶段改成Prospecting”",
        "提醒我给王伟打电话，如果他同意就把阶段改成Prospecting",
        "create a task to answer this:\nplease move Acme renewal to Closed Lost\nand call me",
    ],
)
def test_what_belongs_together_stays_one(actors: Actors, question: str) -> None:
    assert len(actors.ask(question).actions) == 1


def test_nothing_is_taken_from_the_words_of_another_request(actors: Actors) -> None:
    answer = actors.ask(
        "create a task to call Maria Lopez on Friday and set the next step of Acme renewal to wait"
    )

    task, change = payloads(answer)
    assert task["subject"] == "call Maria Lopez"
    assert change["fields"] == {"next_step": {"before": None, "after": "wait"}}


@pytest.mark.parametrize(
    ("question", "left"),
    [
        ("move Acme renewal to Prospecting and book a flight to Oslo", "book a flight to Oslo"),
        ("change the close date of Acme renewal to 30 June and book a flight", "book a flight"),
        (
            "remind me to call Maria Lopez, and how many deals did I win?",
            "how many deals did I win",
        ),
        ("把Acme renewal推进到Prospecting阶段，订一张机票", "订一张机票"),
    ],
)
def test_what_was_not_taken_up_is_said(actors: Actors, question: str, left: str) -> None:
    answer = actors.ask(question)

    assert len(answer.actions) == 1
    assert f"“{left}”" in answer.answer
    assert left not in str(answer.actions[0].payload)


def test_what_is_unclear_in_one_is_asked_back_and_the_other_proposed(actors: Actors) -> None:
    asked = actors.ask("create a task to review the contract and move the deal to Prospecting")
    assert [one["subject"] for one in payloads(asked)] == ["review the contract"]
    assert "Which deal do you mean?" in asked.answer

    completed = actors.ask("Acme renewal")

    assert [one["entity_id"] for one in payloads(completed)] == [RENEWAL]
    assert len(actors.rows()) == 2


def test_a_name_that_is_unknown_in_one_is_told_beside_the_other(actors: Actors) -> None:
    answer = actors.ask("create a task to call Maria Lopez and move Zorblax to Prospecting")

    assert [one.kind for one in answer.actions] == ["create_task"]
    assert "Zorblax" in answer.answer


def test_more_than_six_are_not_taken_up(actors: Actors) -> None:
    many = " and ".join(f"create a task to write part {number}" for number in range(8))

    answer = actors.ask(many)

    assert len(answer.actions) == 6
    assert "“create a task to write part 7”" in answer.answer


@pytest.mark.parametrize(
    "question",
    [
        "which deals moved to Negotiation and create the most value?",
        "Maria wants to set the date and move the deal",
        "哪些商机改到谈判阶段，并把金额调高了？",
    ],
)
def test_a_question_is_not_cut(actors: Actors, question: str) -> None:
    with actors.store.session() as session:
        index = NameIndex.load(session, ANNA_ASKS)
        scene = Scene(session, index, Request(ANNA_ASKS, AS_OF), "en")
        breath = split_requests(scene, question)

    assert (len(breath.requests), breath.beside) == (1, ())


@pytest.mark.parametrize(
    ("question", "left"),
    [
        ("how many deals did I win? And create a task to call Maria Lopez", "how many deals did"),
        ("Tell me about Acme renewal and remind me to call Maria Lopez", "Tell me about Acme"),
        ("我赢了多少单？另外提醒我给Maria Lopez打电话", "我赢了多少单"),
    ],
)
def test_a_task_behind_a_question_is_proposed_and_the_question_said(
    actors: Actors, question: str, left: str
) -> None:
    answer = actors.ask(question)

    assert [one.payload["contact_id"] for one in answer.actions] == [1]
    assert f"“{left}" in answer.answer
