"""What became of the record between a proposal and its approval: gone, or given to a colleague."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from copilot.cli.main import app
from crm.models import ActionStatus, Opportunity, ProposedAction
from crm.store import Store
from tests.approval_world import NOW, Desk, fill

BO = 2
ANNA = ("--as", "anna@acme.example")
CHANGE = "set the next step of Deal 1 to send the quote"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A workspace with the organisation; Deal 1 is Anna's. She asked for a change of it."""
    monkeypatch.setenv("SALES_COPILOT_HOME", str(tmp_path))
    monkeypatch.setenv("SALES_COPILOT_CACHE_DIR", str(tmp_path / "no-models"))
    monkeypatch.setenv("SALES_COPILOT_TODAY", "2026-11-16")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    store = Store.sqlite(tmp_path / "default" / "crm.db")
    store.migrate()
    fill(store)
    assert run("ask", CHANGE, *ANNA).exit_code == 6
    return Desk(store, tmp_path)


def run(*args: str) -> Result:
    return CliRunner().invoke(app, list(args))


def where_it_stands(desk: Desk) -> tuple[str, str | None]:
    with desk.store.session() as session:
        status = session.get_one(ProposedAction, 1).status
        return status, session.get_one(Opportunity, 1).next_step


def test_a_change_of_a_record_that_is_gone_fails_and_is_not_tried_again(desk: Desk) -> None:
    with desk.store.session() as session:
        session.get_one(Opportunity, 1).deleted_at = NOW

    result = run("approvals", "approve", "1", *ANNA)

    assert result.exit_code == 3, result.output
    assert where_it_stands(desk) == (ActionStatus.FAILED, "Call")
    assert "action 1" not in run("approvals", "apply", *ANNA).output


def test_nobody_alone_changes_what_went_to_a_colleague_since_he_asked(desk: Desk) -> None:
    with desk.store.session() as session:
        session.get_one(Opportunity, 1).owner_id = BO

    result = run("approvals", "approve", "1", *ANNA)

    assert result.exit_code == 5, result.output
    assert "propose it anew" in result.output
    assert where_it_stands(desk) == (ActionStatus.FAILED, "Call")


def test_a_manager_may_still_approve_it(desk: Desk) -> None:
    with desk.store.session() as session:
        session.get_one(Opportunity, 1).owner_id = BO

    result = run("approvals", "approve", "1", "--as", "mia@acme.example")

    assert result.exit_code == 0, result.output
    assert where_it_stands(desk) == (ActionStatus.APPLIED, "send the quote")
