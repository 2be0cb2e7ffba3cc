"""Backups of a PostgreSQL database: records, threads and trail, from one server to another."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from copilot.settings import Settings
from crm.models import AuditEvent
from crm.store import Store
from tests.postgres import postgres_url
from tests.sums_graph import say
from tests.test_backup import deals, found
from tests.test_cli_errors import document, filled, home, run
from tests.test_postgres_end_to_end import new_database

__all__ = ["filled", "home", "postgres_url"]

pytestmark = pytest.mark.slow


def trail(store: Store) -> list[Any]:
    with store.session() as session:
        return [
            (event.seq, event.digest)
            for event in session.scalars(select(AuditEvent).order_by(AuditEvent.seq))
            if event.action != "workspace.backup"
        ]


@pytest.fixture
def served(
    postgres_url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """A filled workspace whose records are on the server; yields the server's address."""
    with new_database(postgres_url, "backup_tests") as url:
        monkeypatch.setenv("SALES_COPILOT_DATABASE_URL", url)
        request.getfixturevalue("filled")
        yield url


def test_a_restored_database_has_the_same_records_threads_and_trail(
    served: str, postgres_url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.load(home=home)
    say(settings, "a", 1, 2)
    file = tmp_path / "kept.tar.gz"
    assert run("access", "private", "call:1").exit_code == 0
    made = run("backup", str(file), "--json")
    assert made.exit_code == 0, made.output
    store = Store(settings.sqlalchemy_url)
    before, events, hits = deals(), trail(store), found("default", "single sign-on")
    store.close()

    with new_database(postgres_url, "backup_again") as again:
        monkeypatch.setenv("SALES_COPILOT_DATABASE_URL", again)
        restored = run("--workspace", "again", "restore", str(file), "--json")
        assert restored.exit_code == 0, restored.output
        assert deals("again") == before != []
        assert found("again", "single sign-on") == hits != []
        assert document(run("--workspace", "again", "audit", "verify", "--json"))["faults"] == []
        other = Settings.load(home=home, workspace="again")
        assert say(other, "a", 3) == [1, 2, 3]
        store = Store(other.sqlalchemy_url)
        assert trail(store)[: len(events)] == events != []
        with store.session() as session:
            session.execute(
                text(
                    "INSERT INTO users (name, role, source, external_id, is_active, synced_at)"
                    " VALUES ('New', 'rep', 'x', 'new', true, now())"
                )
            )
        store.close()
        assert run("--workspace", "more", "restore", str(file)).exit_code == 2


def test_a_backup_of_the_other_kind_is_refused_before_anything_is_made(
    served: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "kept.tar.gz"
    assert run("backup", str(file)).exit_code == 0
    monkeypatch.delenv("SALES_COPILOT_DATABASE_URL")
    refused = run("--workspace", "again", "restore", str(file))
    assert refused.exit_code == 2
    assert "SALES_COPILOT_DATABASE_URL" in refused.stderr
    assert not (home / "again" / "sources.yaml").exists()
    assert not list(home.glob(".restore-*"))


def test_a_backup_that_does_not_fit_leaves_the_database_as_it_was(
    served: str, postgres_url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from copilot import server_copy

    file = tmp_path / "kept.tar.gz"
    assert run("backup", str(file)).exit_code == 0
    with new_database(postgres_url, "backup_again") as again:
        monkeypatch.setenv("SALES_COPILOT_DATABASE_URL", again)
        with monkeypatch.context() as broken:
            broken.setattr(server_copy, "_count_on", lambda _connection: 1 / 0)
            assert run("--workspace", "again", "restore", str(file)).exit_code != 0
        store = Store(Settings.load(home=home).sqlalchemy_url)
        assert not store.is_current()
        store.close()
        assert run("--workspace", "again", "restore", str(file)).exit_code == 0
        assert deals("again")
