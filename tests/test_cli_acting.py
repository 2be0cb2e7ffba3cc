"""`ask` and `chat` propose what they are asked to do, and ask the person at the terminal."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from copilot.cli import approving, chatting
from copilot.cli.main import app
from crm.models import Activity, Contact, Opportunity, ProposedAction, User
from crm.store import Store
from tests.approval_world import Desk, fill

ANNA = ("--as", "anna@acme.example")
TASK = "create a task to call Priya Rao on Friday"


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A workspace with the organisation; without --as the local owner asks."""
    monkeypatch.setenv("SALES_COPILOT_HOME", str(tmp_path))
    monkeypatch.setenv("SALES_COPILOT_CACHE_DIR", str(tmp_path / "no-models"))
    monkeypatch.setenv("SALES_COPILOT_TODAY", "2026-11-16")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    store = Store.sqlite(tmp_path / "default" / "crm.db")
    store.migrate()
    fill(store)
    return Desk(store, tmp_path)


def run(*args: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, list(args), input=typed)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A person at the keyboard, who types these answers."""
    answers: list[str] = []
    monkeypatch.setattr(approving, "stdin_is_terminal", lambda: True)
    monkeypatch.setattr(approving.out, "input", lambda _question: answers.pop(0))
    return answers


def test_a_script_gets_the_proposal_and_nobody_is_asked(desk: Desk) -> None:
    result = run("ask", TASK, "--json", *ANNA)
    document: dict[str, Any] = json.loads(result.stdout)

    assert (result.exit_code, document["status"]) == (6, "needs_approval")
    [action] = document["actions"]
    assert (action["id"], action["kind"], action["status"]) == (1, "create_task", "waiting")
    assert action["payload"]["subject"] == "call Priya Rao"
    assert len(action["payload_sha256"]) == 64
    assert action["approvers"][0] == "rep who proposed it"
    assert desk.all_of(Activity) == []


@pytest.mark.parametrize("yes", ["y", "Yes", "同意"])
def test_yes_at_the_terminal_carries_it_out(desk: Desk, terminal: list[str], yes: str) -> None:
    terminal.append(yes)
    result = run("ask", TASK, *ANNA)

    assert result.exit_code == 0, result.output
    assert [row.subject for row in desk.all_of(Activity)] == ["call Priya Rao"]
    for words in ("Nothing was done yet", '"subject": "call Priya Rao"', "Done, action 1"):
        assert words in result.output


@pytest.mark.parametrize("no", ["", "n", "否"])
def test_anything_else_leaves_it_waiting(desk: Desk, terminal: list[str], no: str) -> None:
    terminal.append(no)
    result = run("ask", TASK, *ANNA)

    assert result.exit_code == 6
    assert "It waits" in result.output
    assert [row.status for row in desk.all_of(ProposedAction)] == ["waiting"]


def test_an_edit_is_shown_and_asked_about_again(desk: Desk, terminal: list[str]) -> None:
    terminal += ["edit", "next_step=Call Priya twice", "edit", "colour=red", "y"]
    result = run("ask", "set the next step of Deal 1 to send the quote", *ANNA)

    assert result.exit_code == 0, result.output
    assert "write field=value" in result.output
    with desk.store.session() as session:
        assert session.get_one(Opportunity, 1).next_step == "Call Priya twice"


def test_who_may_not_approve_is_not_asked(desk: Desk, terminal: list[str]) -> None:
    result = run("ask", "request 15 % discount on Deal 1, three-year term", *ANNA)

    assert (result.exit_code, terminal) == (6, [])
    assert "manager of the proposer's team" in result.output


def test_chat_asks_too_and_goes_on(desk: Desk, terminal: list[str]) -> None:
    terminal += ["y"]
    typed = f"{TASK}\nwhat did I ask you to do?\n"
    result = run("chat", *ANNA, typed=typed)

    assert result.exit_code == 0, result.output
    assert result.output.count("Done, action 1") == 2
    assert len(desk.all_of(Activity)) == 1


def test_a_pipe_leaves_it_waiting(desk: Desk) -> None:
    result = run("chat", *ANNA, typed=f"{TASK}\n有什么等我审批？\n")

    assert "等待审批" in result.output
    assert desk.all_of(Activity) == []


def test_as_of_another_day_nothing_is_proposed(desk: Desk) -> None:
    result = run("ask", TASK, "--as-of", "2030-01-01", *ANNA)

    assert result.exit_code == 5
    assert "without --as-of" in result.output
    assert desk.all_of(ProposedAction) == []


def test_a_page_of_the_list_says_what_is_left_out(desk: Desk) -> None:
    for number in range(3):
        run("ask", f"create a task to call Priya Rao, part {number}", "--json", *ANNA)

    first = run("approvals", "list", "--limit", "1", *ANNA).output
    more = json.loads(run("approvals", "list", "--before", "3", "--json", *ANNA).stdout)

    assert "and 2 more" in first
    assert "--before 3" in first
    assert ([one["id"] for one in more["actions"]], more["more"]) == ([2, 1], 0)


@pytest.fixture
def priya(desk: Desk) -> tuple[str, ...]:
    """The options that make Priya Rao, a contact of Northwind, the caller."""
    with desk.store.session() as session:
        session.get_one(Contact, 1).email = "priya@northwind.example"
    return ("--as", "priya@northwind.example")


@pytest.mark.parametrize(
    "question",
    [TASK, "how many deals did Anna win?", "what waits for my approval?", "给我看看折扣规则"],
)
def test_chat_takes_people_outside_with_the_limits_of_ask(
    desk: Desk, priya: tuple[str, ...], question: str
) -> None:
    for caller in (priya, ("--outside",)):
        asked = json.loads(run("ask", question, "--json", *caller).stdout)
        told = run("chat", *caller, typed=f"{question}\n")

        assert asked["actions"] == []
        assert asked["status"] != "needs_approval"
        assert " ".join(asked["answer"].split()) in " ".join(told.stdout.split())
    assert desk.all_of(ProposedAction) == []


def test_chat_answers_a_contact_what_is_his_own(desk: Desk, priya: tuple[str, ...]) -> None:
    result = run("chat", *priya, typed="What email address do you have of me?\n")

    assert "priya@northwind.example" in result.stdout


def test_chat_outside_has_no_name() -> None:
    result = run("chat", "--outside", *ANNA, typed="hello\n")

    assert result.exit_code == 2
    assert "--outside asks as nobody in particular" in result.stderr


def test_rights_that_end_during_a_talk_end_with_the_next_question(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def typed() -> Iterator[str]:
        yield "what is waiting for approval?"
        with desk.store.session() as session:
            session.get_one(User, 1).is_active = False
        yield TASK

    monkeypatch.setattr(chatting, "_lines", typed)

    result = run("chat", *ANNA)

    assert "Nothing waits for an approval" in result.stdout
    assert "left" in result.stderr
    assert result.exit_code != 0
    assert desk.all_of(ProposedAction) == []


def test_who_approves_a_list_reads_what_he_approves(desk: Desk, monkeypatch: Any) -> None:
    """At the width of a terminal, whole: nothing is approved by its kind alone."""
    monkeypatch.setenv("COLUMNS", "80")
    run("ask", TASK, "--json", *ANNA)

    listed = run("approvals", "list", *ANNA).output
    refused = run("approvals", "approve", "--all-low-risk", *ANNA, typed="n\n")

    for told in (listed, refused.output):
        assert "“call Priya Rao”, due 2026-11-20" in told
        assert "you may approve" in told
    assert desk.all_of(Activity) == []


def test_what_is_over_names_nobody_who_may_still_approve_it(desk: Desk) -> None:
    run("ask", TASK, "--json", *ANNA)
    before = run("approvals", "show", "1", *ANNA).output
    run("approvals", "approve", "1", *ANNA)
    after = run("approvals", "show", "1", *ANNA).output

    assert "may approve: rep, who proposed it" in before
    assert "applied" in after
    assert "may approve" not in after
