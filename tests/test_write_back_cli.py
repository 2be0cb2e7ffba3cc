"""`approvals` in a workspace whose Salesforce may be written to: said before, done, said after."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from copilot.cli.approvals import register
from copilot.cli.context import open_context
from crm.store import Store
from ingest.sources.registry import SourceBook
from tests.salesforce_server import CLIENT_SECRET, REFRESH
from tests.write_back_world import World, connected


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A workspace that has read an organisation, with its secrets in the environment."""
    monkeypatch.setenv("SALES_COPILOT_HOME", str(tmp_path))
    monkeypatch.setenv("SALES_COPILOT_CACHE_DIR", str(tmp_path / "no-models"))
    monkeypatch.setenv("SALES_COPILOT_TODAY", "2026-11-16")
    monkeypatch.setenv("SALES_COPILOT_SECRET_SF_SECRET", CLIENT_SECRET)
    monkeypatch.setenv("SALES_COPILOT_SECRET_SF_REFRESH", REFRESH)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    store = Store.sqlite(tmp_path / "default" / "crm.db")
    store.migrate()
    with connected("salesforce", store, tmp_path) as world:
        yield world


def connect(world: World, folder: Path, **more: Any) -> None:
    """Write the source into the workspace's book."""
    book = SourceBook(folder / "default" / "sources.yaml")
    book.add(
        "sf",
        {
            "kind": "salesforce",
            "login_url": world.server.server.url,
            "client_id": "app",
            "client_secret": "sf-secret",
            "refresh_token": "sf-refresh",
            "currency": "USD",
            **more,
        },
    )


def run(*args: str) -> Result:
    app = typer.Typer()

    @app.callback()
    def root(ctx: typer.Context) -> None:
        ctx.obj = open_context(None)

    register(app)
    return CliRunner().invoke(app, ["approvals", *args])


def told(*args: str) -> dict[str, Any]:
    result = run(*args, "--json")
    document: dict[str, Any] = json.loads(result.stdout)
    return {**document, "code": result.exit_code}


CHANGE = ("propose", "update", "opportunity", "1", "--set", "next_step=Demo")


def test_one_sees_where_a_change_goes_before_one_approves_it(world: World, tmp_path: Path) -> None:
    connect(world, tmp_path, write=True)
    number = str(told(*CHANGE)["action_id"])

    assert "goes to · 写往: Salesforce (source sf)" in run("show", number).output
    digest = told("show", number)["action"]["payload_sha256"]
    done = run("approve", number, "--hash", digest)
    assert done.exit_code == 0, done.output
    assert world.there("NextStep") == "Demo"
    shown = told("show", number)["action"]
    assert shown["goes_to"] == "Salesforce (source sf)"
    assert shown["result"]["written_to"] == "Salesforce (source sf), then this copilot's store"


def test_without_leave_the_store_alone_is_changed(world: World, tmp_path: Path) -> None:
    connect(world, tmp_path)
    number = str(told(*CHANGE)["action_id"])

    assert "goes to · 写往: this copilot's store only" in run("show", number).output
    digest = told("show", number)["action"]["payload_sha256"]
    assert run("approve", number, "--hash", digest).exit_code == 0
    assert (world.server.changes, world.deal.next_step) == ([], "Demo")


def test_a_secret_that_was_revoked_is_named_and_no_secret_is_shown(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(world, tmp_path, write=True)
    number = str(told(*CHANGE)["action_id"])
    monkeypatch.setenv("SALES_COPILOT_SECRET_SF_REFRESH", "revoked-0815")
    digest = told("show", number)["action"]["payload_sha256"]

    failed = told("approve", number, "--hash", digest)
    assert "renew the secret 'sf-refresh'" in json.dumps(failed)
    assert "revoked-0815" not in json.dumps(failed)
    assert world.server.changes == []
