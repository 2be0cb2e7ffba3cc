"""`notes` shows what was understood from a call, beautifully or as one JSON document."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from copilot.cli.context import open_context
from copilot.cli.notes import register
from crm.models import Opportunity, Stage
from crm.store import Store
from tests.conversation_seed import add_account, add_conversation, sourced

SAID = [
    ("Rosa", "Our main problem is rework, it costs us 900 dollars a day."),
    ("Rosa", "We have 35,000 dollars in the budget. Can it print labels?"),
    ("Ben", "I don't know, I'll find out and send you the answer by Friday."),
]


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SALES_COPILOT_HOME", str(tmp_path))
    monkeypatch.setenv("SALES_COPILOT_CACHE_DIR", str(tmp_path / "no-models"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")
    store = Store.sqlite(tmp_path / "default" / "crm.db")
    store.migrate()
    with store.session() as session:
        add_account(session, 1, "Acme")
        session.add(Stage(**sourced(1), name="Proposal", position=1, status="open"))
        session.flush()
        session.add(
            Opportunity(
                **sourced(5), name="Acme [lines]", account_id=1, stage_id=1,
                amount_minor=4_000_000, currency="USD",
            )
        )  # fmt: skip
        session.flush()
        sides = {"Ben": "ours", "Rosa": "customer"}
        linked = {"account_id": 1, "opportunity_id": 5}
        add_conversation(session, 3, SAID, title="Review [bold]", sides=sides, **linked)
        add_conversation(
            session, 4, [("罗总", "预算三万五。"), ("小陈", "我周五之前把方案发给您。")],
            title="沟通",
            started_at=datetime(2026, 11, 11, 9, tzinfo=UTC),
            sides={"小陈": "ours", "罗总": "customer"},
        )  # fmt: skip
    store.close()


def run(*args: str) -> Result:
    app = typer.Typer()

    @app.callback()
    def root(ctx: typer.Context) -> None:
        ctx.obj = open_context(None)

    register(app)
    return CliRunner().invoke(app, ["notes", *args])


def test_sections_times_due_dates_and_proposals_are_shown_without_a_model() -> None:
    result = run("3")
    assert result.exit_code == 0, result.output
    for words in (
        "Review [bold]",
        "Summary",
        "Commitments",
        "00:20",
        "Ben (we)",
        "due 2026-11-13",
        "Can it print labels?  open",
        "bant.budget",
        "35000 USD",
        "nothing is applied",
        "rules-1",
    ):
        assert words in result.stdout, words


def test_the_document_has_the_notes_by_kind_and_the_proposals() -> None:
    result = run("x3", "--json")
    document = json.loads(result.stdout)
    assert (document["status"], document["conversation_id"]) == ("answered", 3)
    assert document["external_id"] == "x3"
    [promise] = document["notes"]["commitment"]
    assert (promise["side"], promise["due_on"], promise["segments"]) == ("ours", "2026-11-13", [2])
    assert [one["is_open"] for one in document["notes"]["question"]] == [True]
    budget = next(one for one in document["proposals"] if one["field"] == "bant.budget")
    assert (budget["old_value"], budget["new_value"]) == (None, "35000 USD")
    assert budget["status"] == "proposed"


def test_a_chinese_call_is_shown_in_chinese() -> None:
    result = run("沟通")
    assert result.exit_code == 0, result.output
    assert "承诺" in result.stdout
    assert "到期 2026-11-13" in result.stdout
    assert "小陈 (我方)" in result.stdout


def test_notes_are_made_once_and_anew_on_request() -> None:
    first = json.loads(run("3", "--json").stdout)
    again = json.loads(run("3", "--json").stdout)
    anew = json.loads(run("3", "--refresh", "--json").stdout)
    assert first["notes"] == again["notes"]
    ids = [[note["id"] for note in each["notes"]["summary"]] for each in (first, anew)]
    texts = [[note["text"] for note in each["notes"]["summary"]] for each in (first, anew)]
    assert texts[0] == texts[1]
    assert len(ids[0]) >= 3


def test_an_unknown_call_is_not_found_and_a_bad_reference_is_bad_input() -> None:
    assert run("999").exit_code == 3
    assert run("  ").exit_code == 2
