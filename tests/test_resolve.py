"""`resolve` at the command line: lists, answers, walks, undoes, and escapes what it shows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from copilot.cli import resolving
from copilot.cli.main import app
from copilot.settings import Settings
from copilot.wiring import Installation
from crm.store import Store
from ingest.identity import Hints, Person
from tests.identity_seed import add_contact, fill_crm, keep, parsed, tied


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("SALES_COPILOT_HOME", str(tmp_path))
    monkeypatch.delenv("SALES_COPILOT_WORKSPACE", raising=False)
    installation = Installation(Settings.load())
    with installation.store.session() as session:
        fill_crm(session)
    evil = "P. [red]Nair[/] \x1b[31m\u202e"
    keep(
        installation.store,
        parsed("1", Person("Priya Nair"), title="Kick-off [bold]"),
        parsed("2", Person("王总"), hints=Hints(account="A3")),
        parsed("3", Person(evil), hints=Hints(account="Acme")),
    )
    yield installation.store
    installation.close()


def _run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, ["resolve", *arguments], input=typed)


def _json(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_run(*arguments, "--json").stdout)
    return found


def _walk(monkeypatch: pytest.MonkeyPatch, typed: str) -> Result:
    class Terminal:
        isatty = staticmethod(lambda: True)

    lines = iter(typed.split())

    def answer(prompt: str) -> str:
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr(resolving, "sys", type("S", (), {"stdin": Terminal}))
    monkeypatch.setattr(resolving.out, "input", answer)
    return _run()


def test_open_questions_are_listed_with_candidates_and_reasons(workspace: Store) -> None:
    listed = _json("--list")
    assert (listed["schema_version"], listed["status"], listed["total"]) == (1, "answered", 3)
    first = listed["questions"][0]
    assert (first["name"], first["quote"]) == (
        "Priya Nair", "Priya Nair: Hello, Priya Nair speaking.",
    )  # fmt: skip
    assert [one["company"] for one in first["candidates"]] == ["Acme", "Beta Works"]
    assert all(one["reasons"] for one in first["candidates"])
    assert _json("--list", "--limit", "1")["total"] == 3


def test_an_answer_by_id_is_taken_and_taken_back(workspace: Store) -> None:
    number = _json("--list")["questions"][0]["id"]
    done = _json(str(number), "--as", "contact:6")
    assert (done["status"], done["changed_conversations"]) == ("decided", [1])
    assert tied(workspace, 1) == [(6, None)]
    assert [one["name"] for one in _json("--history")["decisions"]] == ["Priya Nair"]
    undone = _json("--undo", str(done["decision_id"]))
    assert (undone["status"], tied(workspace, 1)) == ("undone", [(None, None)])
    assert _json("--history")["decisions"][0]["undone_by"] == "local owner"
    assert _json("--list")["total"] == 3


def test_two_contacts_are_declared_one_person(workspace: Store) -> None:
    with workspace.session() as session:
        add_contact(session, 30, "R. Ray", "r@gmail.com", account_id=1)
    keep(workspace, parsed("9", Person("R", "r@gmail.com")))
    assert _json("contact:30", "--as", "contact:1")["changed_conversations"] == [4]
    assert tied(workspace, 4) == [(1, None)]


def test_the_queue_is_walked_with_answers_skips_and_an_undo(
    workspace: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = _walk(monkeypatch, "x 2 u 1 s n")
    assert "1 of 3" in result.stdout
    assert "3 of 3" in result.stdout
    assert "1 conversation changed" in result.stdout
    assert tied(workspace, 1) == [(2, None)]
    assert _json("--list")["total"] == 0
    assert _json("--list", "--skipped")["total"] == 1
    statuses = [(one["entity"], one["undone_by"]) for one in _json("--history")["decisions"]]
    assert statuses == [("nobody", None), ("contact", None), ("contact", "local owner")]


def test_quitting_leaves_the_rest_open(workspace: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _walk(monkeypatch, "1 q").exit_code == 0
    assert _json("--list")["total"] == 2
    assert "nothing was decided yet" in _walk(monkeypatch, "u q").output
    assert _walk(monkeypatch, "").exit_code == 0


def test_text_from_outside_is_shown_as_text(
    workspace: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for result in (_run("--list"), _walk(monkeypatch, "s s s")):
        assert "P. [red]Nair[/]" in result.stdout
        assert "\x1b" not in result.stdout
        assert "\u202e" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "standard input is none"),
        (("1",), 2, "an answer names both"),
        (("--as", "nobody"), 2, "an answer names both"),
        (("1", "--as", "somebody"), 2, "write contact:12"),
        (("1", "--as", "contact:999"), 3, "no contact 999"),
        (("999", "--as", "nobody"), 3, "no question 999"),
        (("--undo", "999"), 3, "no decision 999"),
        (("--list", "--history"), 2, "at a time"),
    ],
)
def test_what_cannot_be_done_says_why(
    workspace: Store, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = _run(*arguments)
    assert (result.exit_code, words in " ".join(result.output.split())) == (code, True)
