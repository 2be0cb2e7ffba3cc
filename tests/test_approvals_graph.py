"""The graph of side effects: it waits for people, survives restarts, and acts once."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

from copilot.agent.approvals.graph import resume_approval
from copilot.agent.approvals.proposing import Wanted
from copilot.agent.desk import Request
from crm.access.policy import Policy, load_policy
from crm.errors import NotFound
from crm.models import Activity, AuditEvent, EffectKind, ProposedAction
from crm.store import Store
from tests.approval_steps import StepsGraph, build_steps, config, start, waiting
from tests.approval_world import BY_RULE, Desk, fill

MAIL = Wanted(EffectKind.SEND_MAIL, {"text": "Hello 您好"}, "t1:0")
TASK = Wanted(
    EffectKind.CREATE_TASK, {"subject": "Call Priya", "due_on": "2026-11-20"}, "t1:1", account_id=1
)


class Killed(BaseException):
    """The process ends here."""


class Threads:
    """One thread in a file of checkpoints, opened anew for every call as after a restart."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk = desk
        self.file = folder / "threads.db"

    @contextmanager
    def open(self) -> Iterator[StepsGraph]:
        with SqliteSaver.from_conn_string(str(self.file)) as saver:
            yield build_steps(self.desk, saver)

    def caller(self, name: str) -> Request:
        return Request(self.desk.who(name), self.desk.now)

    def start(self, *wanted: Wanted, name: str = "anna") -> dict[str, Any]:
        with self.open() as graph:
            return start(graph, wanted, self.caller(name))

    def decisions(self, name: str, vote: str = "approve") -> list[dict[str, Any]]:
        with self.open() as graph:
            waits = waiting(graph)
        return [{**one, "vote": vote, "reason": "so"} for one in waits]

    def resume(self, name: str, decisions: list[dict[str, Any]]) -> dict[str, Any]:
        with self.open() as graph:
            resume_approval(graph, config(), decisions, self.caller(name))
            return dict(graph.get_state(config()).values)


@pytest.fixture
def threads(store: Store, tmp_path: Path) -> Threads:
    """The organisation, and a thread of it."""
    fill(store)
    return Threads(Desk(store, tmp_path), tmp_path)


def statuses(threads: Threads) -> list[str]:
    return [row.status for row in threads.desk.all_of(ProposedAction)]


def test_it_waits_for_people_and_acts_after_they_approved(threads: Threads) -> None:
    threads.start(MAIL, TASK)
    assert statuses(threads) == ["waiting", "waiting"]
    assert threads.desk.delivery.keys() == []

    done = threads.resume("anna", threads.decisions("anna"))

    assert [one["status"] for one in done["outcomes"]] == ["applied", "applied"]
    assert threads.desk.delivery.keys() == ["t1:0"]
    assert [row.subject for row in threads.desk.all_of(Activity)] == ["Call Priya"]
    assert {one.agent for one in threads.desk.all_of(AuditEvent)} == {"copilot"}
    assert {row.thread_id for row in threads.desk.all_of(ProposedAction)} == {"t1"}


def test_a_second_click_changes_nothing(threads: Threads) -> None:
    threads.start(MAIL)
    decisions = threads.decisions("anna")
    first = threads.resume("anna", decisions)
    events = len(threads.desk.all_of(AuditEvent))

    assert threads.resume("anna", decisions) == first
    assert threads.desk.delivery.keys() == ["t1:0"]
    assert len(threads.desk.all_of(AuditEvent)) == events


def test_starting_a_thread_again_proposes_nothing_anew(threads: Threads) -> None:
    threads.start(MAIL)
    threads.start(MAIL)

    assert statuses(threads) == ["waiting"]


@pytest.mark.parametrize("moment", ["claimed", "before delivery", "delivered"])
def test_a_thread_that_was_killed_while_applying_delivers_once(
    threads: Threads, moment: str
) -> None:
    threads.start(MAIL)
    decisions = threads.decisions("anna")

    def die(name: str) -> None:
        if name == moment:
            raise Killed

    threads.desk.delivery.at = die
    with suppress(Killed):
        threads.resume("anna", decisions)
    threads.desk.delivery.at = lambda _: None
    assert statuses(threads) == ["applying"]

    threads.desk.later(minutes=11)
    done = threads.resume("anna", decisions)

    assert [one["status"] for one in done["outcomes"]] == ["applied"]
    assert threads.desk.delivery.keys() == ["t1:0"]


def test_what_was_decided_elsewhere_meanwhile_is_not_done_again(threads: Threads) -> None:
    threads.start(MAIL)
    decisions = threads.decisions("anna")
    threads.desk.vote("mia", 1)
    threads.desk.apply("mia", 1)

    done = threads.resume("anna", decisions)

    assert done["outcomes"] == [
        {"id": 1, "status": "applied", "result": {"delivered": "t1:0"}, "error": None}
    ]
    assert threads.desk.delivery.keys() == ["t1:0"]


def test_a_refused_vote_is_told_and_the_thread_waits_on(threads: Threads) -> None:
    threads.start(Wanted(EffectKind.SEND_MAIL, {"text": "we promise"}, "t1:0", elevated=True))
    refused = threads.resume("anna", threads.decisions("anna"))
    assert "may not approve" in refused["outcomes"][0]["error"]
    assert statuses(threads) == ["waiting"]

    done = threads.resume("mia", threads.decisions("mia"))
    assert [one["status"] for one in done["outcomes"]] == ["applied"]


def test_two_people_decide_one_after_the_other_on_one_thread(threads: Threads) -> None:
    less = {"amount_minor": 250_001, "currency": "EUR", "reason": "three years"}
    payload = {"opportunity_id": 1, "discount": 2_500, **less}
    threads.start(Wanted(EffectKind.REQUEST_DISCOUNT, payload, "t1:0", opportunity_id=1))
    threads.resume("mia", threads.decisions("mia"))
    assert statuses(threads) == ["waiting"]
    threads.resume("mia", threads.decisions("mia"))
    assert statuses(threads) == ["waiting"]

    threads.resume("olga", threads.decisions("olga"))
    assert statuses(threads) == ["applied"]


def test_a_stranger_sees_nothing_and_decides_nothing(threads: Threads) -> None:
    threads.start(MAIL)
    decisions = threads.decisions("anna")

    told = threads.resume("bo", decisions)
    assert "no action" in told["outcomes"][0]["error"]
    assert statuses(threads) == ["waiting"]
    with pytest.raises(NotFound), threads.open() as graph:
        resume_approval(graph, config("t2"), decisions, threads.caller("anna"))


def test_a_decision_on_another_threads_action_is_refused(threads: Threads) -> None:
    threads.start(MAIL)
    other = threads.desk.mail(key="other")
    wrong = {"id": other.id, "payload_sha256": other.payload_sha256, "vote": "approve"}

    told = threads.resume("anna", [wrong])

    assert "no decision of this thread" in told["outcomes"][0]["error"]
    assert statuses(threads) == ["waiting", "waiting"]


def test_what_expires_ends_the_wait(threads: Threads) -> None:
    threads.start(MAIL)
    decisions = threads.decisions("anna")
    threads.desk.later(days=8)

    done = threads.resume("anna", decisions)

    assert [one["status"] for one in done["outcomes"]] == ["expired"]
    assert threads.desk.delivery.keys() == []


def test_what_a_rule_approves_waits_for_nobody(store: Store, tmp_path: Path) -> None:
    fill(store)
    threads = Threads(Desk(store, tmp_path, Policy(load_policy().text + BY_RULE)), tmp_path)

    done = threads.start(TASK)

    assert [one["status"] for one in done["outcomes"]] == ["applied"]
    assert len(threads.desk.all_of(Activity)) == 1


def test_what_cannot_be_proposed_is_told(threads: Threads) -> None:
    past = Wanted(EffectKind.CREATE_TASK, {"subject": "x", "due_on": "2026-01-01"}, "t1:0")

    done = threads.start(past, MAIL)

    assert "which is over" in done["outcomes"][0]["error"]
    assert statuses(threads) == ["waiting"]
