"""What somebody asks the agent to do becomes a proposal, in both languages, by rules alone."""

from pathlib import Path

import pytest

from copilot.agent.approvals.proposing import Wanted
from copilot.agent.approvals.requests import read_task
from crm.errors import Ambiguous
from crm.models import Account, Contact
from crm.store import Store
from tests.approval_world import NOW, Desk, fill


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    """The organisation, with a Chinese customer. Today is Monday 16 November 2026."""
    fill(store)
    row = {"source": "test", "synced_at": NOW}
    with store.session() as session:
        session.add(Account(**row, id=2, external_id="2", name="华信科技", owner_id=1))
        session.flush()
        session.add(Contact(**row, id=2, external_id="2", name="王伟", account_id=2))
    return Desk(store, tmp_path)


def read(desk: Desk, text: str, name: str = "anna") -> Wanted | None:
    who = desk.who(name)
    with desk.store.session() as session:
        return read_task(session, text, key="k", principal=who, as_of=NOW)


@pytest.mark.parametrize(
    ("text", "subject", "due_on", "contact"),
    [
        ("create a task to call Priya Rao on Friday", "call Priya Rao", "2026-11-20", 1),
        ("Please add a to-do: send the quote by 30 November", "send the quote", "2026-11-30", None),
        ("remind me to call Priya Rao tomorrow", "call Priya Rao", "2026-11-17", 1),
        ("Remind me on Friday to call Priya Rao.", "call Priya Rao", "2026-11-20", 1),
        ("create a task to review the contract", "review the contract", None, None),
        ("创建一个任务：周五给王伟打电话", "给王伟打电话", "2026-11-20", 2),
        ("请帮我新建个待办，明天发送报价", "发送报价", "2026-11-17", None),
        ("提醒我11月30日之前发送合同", "发送合同", "2026-11-30", None),
        ("周五给王伟打电话，帮我建个任务", "给王伟打电话", "2026-11-20", 2),
    ],
)
def test_a_request_is_read_with_its_day_and_its_people(
    desk: Desk, text: str, subject: str, due_on: str | None, contact: int | None
) -> None:
    wanted = read(desk, text)

    assert wanted is not None
    payload = wanted.payload
    assert payload["subject"] == subject
    assert (payload["due_on"], payload["contact_id"]) == (due_on, contact)
    assert (payload["owner_id"], payload["account_id"]) == (1, contact)


@pytest.mark.parametrize(
    "text",
    [
        "which tasks are open?",
        "what did Priya say about the task on Friday?",
        "how many reminders were created last week",
        "哪些任务还没完成？",
        "王伟提醒我们什么了？",
        "create a task",
        "",
    ],
)
def test_a_question_is_no_request(desk: Desk, text: str) -> None:
    assert read(desk, text) is None


def test_a_name_of_two_people_is_asked_back(desk: Desk) -> None:
    with desk.store.session() as session:
        row = {"source": "test", "synced_at": NOW, "external_id": "3"}
        session.add(Contact(**row, id=3, name="Priya Rao", account_id=2))

    with pytest.raises(Ambiguous, match="Priya Rao"):
        read(desk, "create a task to call Priya Rao on Friday")


def test_a_request_goes_through_to_the_task(desk: Desk) -> None:
    wanted = read(desk, "创建一个任务：周五给王伟打电话")
    assert wanted is not None
    made = desk.propose("anna", wanted.kind, dict(wanted.payload), wanted.key, account_id=2)
    desk.vote("anna", made)

    assert desk.apply("anna", made).is_new


def test_who_may_not_read_a_contact_does_not_tie_a_task_to_it(desk: Desk) -> None:
    wanted = read(desk, "create a task to call Priya Rao on Friday", "pat")

    assert wanted is not None
    assert wanted.payload["contact_id"] is None
