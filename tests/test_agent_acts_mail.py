"""A draft of the thread is sent or saved as asked: its own words, to whom the caller says, once."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from copilot.agent.contract import Answer, Status
from crm.models import Contact, SavedDraft
from crm.store import Store
from evals.obedient import ObedientModel
from tests.acting_world import Actors, filled
from tests.agent_world import AS_OF
from tests.draft_talk import add_mails

DRAFT = "write an email to Maria Lopez about the renewal"
MARIA = "c1@buys.example"


@pytest.fixture
def actors(tmp_path: Path) -> Actors:
    """The company with mails, in a file that another process can open."""
    store = Store.sqlite(tmp_path / "crm.db")
    store.migrate()
    filled(store)
    with store.session() as session:
        add_mails(session)
    return Actors(store, tmp_path, ObedientModel([]))


def drafted(actors: Actors) -> Answer:
    answer = actors.ask(DRAFT)
    assert answer.draft is not None, answer.answer
    with actors.store.session() as session:
        # What is still open in a draft has nothing to do with what is tried here.
        row = session.get_one(SavedDraft, answer.draft.draft_id)
        row.payload = {**row.payload, "open_points": []}
    return answer


def test_the_draft_of_the_thread_is_sent_once_it_is_approved(actors: Actors) -> None:
    draft = drafted(actors).draft
    waits = actors.ask("send this draft")
    assert draft is not None
    assert waits.status is Status.NEEDS_APPROVAL
    assert actors.post.lines() == []
    payload = waits.actions[0].payload
    assert ([one["email"] for one in payload["to"]], payload["body"]) == ([MARIA], draft.body)

    done, again = actors.decide(waits), actors.decide(waits)

    assert (done.actions[0].status, again.actions[0].status) == ("applied", "applied")
    assert [line[1] for line in actors.post.lines()] == [f"{MARIA}: {draft.subject}"]


@pytest.mark.parametrize(
    "question",
    ["send it", "Please send the draft now.", "send draft {n}", "发送这封邮件", "把这封邮件发出去"],
)
def test_it_is_said_in_many_ways(actors: Actors, question: str) -> None:
    draft = drafted(actors).draft
    assert draft is not None

    answer = actors.ask(question.format(n=draft.draft_id))

    assert [one.kind for one in answer.actions] == ["send_mail"]


@pytest.mark.parametrize(
    "question", ["save it to my mailbox", "save this draft to my drafts", "把这封邮件存到草稿箱"]
)
def test_saving_says_what_it_needs_where_nothing_is_set_up(actors: Actors, question: str) -> None:
    drafted(actors)

    answer = actors.ask(question)

    assert answer.actions == []
    assert "save_mail_draft" in answer.answer


def test_it_goes_to_whom_the_caller_names(actors: Actors) -> None:
    drafted(actors)
    answer = actors.ask("send it to bob@buys.example")

    assert [one["email"] for one in answer.actions[0].payload["to"]] == ["bob@buys.example"]


def test_asked_twice_it_is_the_same_action(actors: Actors) -> None:
    drafted(actors)
    first, second = actors.ask("send this draft"), actors.ask("send this draft")

    assert first.actions[0].id == second.actions[0].id
    assert len(actors.rows()) == 1


def test_an_open_place_is_told_instead_of_sent(actors: Actors) -> None:
    answer = drafted(actors)
    assert answer.draft is not None
    with actors.store.session() as session:
        row = session.get_one(SavedDraft, answer.draft.draft_id)
        first = answer.draft.body.split()[0]
        open_point = {"placeholder": first, "reason": "the price"}
        row.payload = {**row.payload, "open_points": [open_point]}

    told = actors.ask("send this draft")

    assert "not finished" in told.answer
    assert actors.rows() == []


def test_nobody_with_an_address_is_asked_back(actors: Actors) -> None:
    drafted(actors)
    with actors.store.session() as session:
        for row in session.query(SavedDraft):
            to = [{**one, "email": None} for one in row.payload["to"]]
            row.payload = {**row.payload, "to": to}

    asked = actors.ask("send this draft")
    payload = actors.payload("maria@acme.example")

    assert "no email address" in asked.answer
    assert [one["email"] for one in payload["to"]] == ["maria@acme.example"]


@pytest.mark.slow
def test_a_thread_goes_on_in_another_process_after_one_was_killed(actors: Actors) -> None:
    drafted(actors)
    waits = actors.ask("send this draft")

    killed = in_process(actors, waits, "before delivery")
    assert killed.returncode == 9
    assert [row.status for row in actors.rows()] == ["applying"]
    early = in_process(actors, waits, "")
    assert (early.returncode, actors.post.lines()) == (0, [])
    release(actors)
    late = in_process(actors, waits, "")

    assert late.stdout.strip() == "applied", late.stderr
    assert len(actors.post.lines()) == 1


def release(actors: Actors) -> None:
    """Let the claim of the process that is gone run out."""
    with actors.store.session() as session:
        row = session.merge(actors.rows()[0])
        row.claimed_until = AS_OF


def in_process(actors: Actors, waits: Answer, moment: str) -> subprocess.CompletedProcess[str]:
    decisions = [
        {"id": one.id, "payload_sha256": one.payload_sha256, "vote": "approve", "reason": None}
        for one in waits.actions
    ]
    database = str(actors.store.engine.url.database)
    words = [database, str(actors.folder), json.dumps(decisions), moment]
    return subprocess.run(
        [sys.executable, "-m", "tests.acting_process", *words],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.slow
def test_two_resumes_at_once_send_one_mail(actors: Actors) -> None:
    drafted(actors)
    waits = actors.ask("send this draft")

    with ThreadPoolExecutor(2) as both:
        done = [both.submit(in_process, actors, waits, "") for _ in range(2)]
        told = [one.result() for one in done]

    assert [one.returncode for one in told] == [0, 0], [one.stderr for one in told]
    assert len(actors.post.lines()) == 1
    assert [row.status for row in actors.rows()] == ["applied"]


def test_a_contact_is_named_by_his_name_and_gets_it_at_his_own_address(actors: Actors) -> None:
    drafted(actors)
    with actors.store.session() as session:
        wang = session.query(Contact).filter_by(name="王伟").one().email

    answer = actors.ask("send it to 王伟")

    assert [one["email"] for one in answer.actions[0].payload["to"]] == [wang]
