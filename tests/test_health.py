"""Health: what works and what does not; neither a dead server nor a bad file ends in a crash."""

import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from copilot.breakers import breaker_for
from copilot.health import FULL_DISK_BYTES, Finding, Health, Level, check_health
from copilot.settings import Settings
from copilot.wiring import Installation
from crm.audit.trail import Deed, record
from crm.audit.verifying import verify_end
from crm.errors import OutOfReach
from crm.principal import Principal
from crm.store import Store
from tests.postgres import postgres_url
from tests.test_cli_errors import document, filled, home, run
from tests.test_postgres_end_to_end import new_database

__all__ = ["filled", "home", "postgres_url"]

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
OWNER = Principal.local_owner()


def health(folder: Path, *, now: datetime = NOW, **given: Any) -> dict[str, Finding]:
    installation = Installation(Settings.load(home=folder, cache_dir=folder / "cache", **given))
    try:
        found = check_health(installation, now=now, wait_s=0.3)
    finally:
        installation.close()
    assert found.is_ready == all(one.level is not Level.FAILED for one in found.findings)
    return {finding.name: finding for finding in found.findings}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The home of a workspace with tables and some events in the trail."""
    store = Store.sqlite(tmp_path / "default" / "crm.db")
    store.migrate()
    with store.session() as session:
        for number in range(5):
            record(session, Deed("noted", f"account:{number}"), principal=OWNER, now=NOW)
    store.close()
    return tmp_path


@contextmanager
def silent_server() -> Iterator[int]:
    """A server that takes connections and never says a word; yields its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as server:
        yield server.getsockname()[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_a_workspace_in_order_is_ready(place: Path) -> None:
    found = health(place)
    assert found["database"].value == "sqlite"
    assert {name for name, one in found.items() if one.problem} == {"language_model"}
    assert found["language_model"].level is Level.WARNING


def test_rules_that_cannot_be_used_are_a_failure(place: Path) -> None:
    assert health(place)["access_rules"].problem is None
    (place / "default" / "access.cedar").write_text("permit (nobody at all", encoding="utf-8")
    broken = health(place)["access_rules"]
    assert broken.level is Level.FAILED
    assert "access.cedar" in (broken.problem or "")


def test_a_server_that_is_left_alone_is_told_with_when_it_is_asked_again(place: Path) -> None:
    def away() -> None:
        raise OutOfReach("nobody there")

    assert health(place)["servers_at_rest"].value == 0
    folder = Settings.load(home=place).breakers_dir
    breaker = breaker_for("mail server", "smtp.ours.example:465", folder=folder)
    while not breaker.is_open:
        with pytest.raises(OutOfReach):
            breaker.call(away)
    now = datetime.now(UTC)
    found = health(place, now=now)["servers_at_rest"]
    assert (found.value, found.level) == (1, Level.WARNING)
    assert "the mail server at 'smtp.ours.example:465' failed" in str(found.problem)
    assert "is asked again at" in str(found.problem)
    assert health(place, now=now + timedelta(minutes=1))["servers_at_rest"].value == 0


def test_an_empty_installation_is_ready_and_nothing_is_made(tmp_path: Path) -> None:
    found = health(tmp_path / "home")
    assert found["database"].problem is None
    assert not (tmp_path / "home").exists()


def test_the_command_says_the_same_for_people_and_scripts(filled: Path) -> None:
    told, shown = run("health", "--json"), run("health")
    answer = document(told)
    assert (told.exit_code, shown.exit_code) == (0, 0)
    assert (answer["live"], answer["ready"], answer["degraded"]) == (True, True, True)
    assert "sales-copilot setup" in shown.stdout

    (filled / "crm.db").write_bytes(b"no database" * 1000)
    broken = run("health", "--json")
    assert (broken.exit_code, document(broken)["ready"]) == (8, False)
    assert "Traceback" not in broken.output


def test_tables_of_an_older_version_are_told_and_left_alone(place: Path) -> None:
    with closing(sqlite3.connect(place / "default" / "crm.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0001'")
    assert health(place)["database"].level is Level.FAILED
    with closing(sqlite3.connect(place / "default" / "crm.db")) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)


@pytest.mark.parametrize(
    ("file", "name", "level"),
    [
        ("crm.db", "database", Level.FAILED),
        ("threads.db", "threads", Level.FAILED),
        ("jobs.db", "jobs", Level.WARNING),
    ],
)
def test_a_file_that_is_no_database_is_named(
    place: Path, file: str, name: str, level: Level
) -> None:
    (place / "default" / file).write_bytes(b"torn" * 3000)
    found = health(place)[name]
    assert found.level is level
    assert file in (found.problem or "")


def test_an_index_that_does_not_open_leaves_search_by_words(place: Path) -> None:
    folder = place / "default" / "index"
    folder.mkdir()
    (folder / "chroma.sqlite3").write_bytes(b"torn" * 3000)
    found = health(place)["passages_without_vector"]
    assert found.level is Level.WARNING
    assert "words only" in (found.problem or "")


def test_a_database_that_another_process_writes_to_is_a_warning(place: Path) -> None:
    with closing(sqlite3.connect(place / "default" / "crm.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        found = health(place)["database"]
    assert found.level is Level.WARNING
    assert "busy" in (found.problem or "")


def test_servers_that_are_gone_or_silent_are_told_apart(place: Path) -> None:
    gone = free_port()
    with silent_server() as silent:
        found = health(
            place,
            llm_base_url=f"http://user:hunter2@127.0.0.1:{silent}/v1",
            llm_model="m",
            mail_imap_host="127.0.0.1",
            mail_imap_port=gone,
            mail_smtp_host="127.0.0.1",
            mail_smtp_port=silent,
        )
    assert "no answer within 0.3 s" in (found["language_model"].problem or "")
    assert "out of reach" in (found["mail_imap"].problem or "")
    assert found["mail_smtp"].problem is None
    assert "hunter2" not in repr(found)
    assert Health(tuple(found.values())).is_ready


def test_a_changed_trail_is_told(place: Path) -> None:
    path = place / "default" / "crm.db"
    with closing(sqlite3.connect(path)) as database, database:
        for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_events'"
        ).fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE audit_events SET object = 'account:9' WHERE seq = 4")
    found = health(place)["audit"]
    assert (found.level, found.value) == (Level.WARNING, 1)
    assert "event 4" in (found.problem or "")


def test_the_end_of_the_trail_is_checked_whatever_its_length(store: Store) -> None:
    with store.session() as session:
        assert verify_end(session) == ()
        for number in range(7):
            record(session, Deed("noted", f"account:{number}"), principal=OWNER, now=NOW)
        assert [verify_end(session, events=count) for count in (3, 6, 7, 8)] == [()] * 4
        session.execute(text("UPDATE audit_heads SET seq = 9"))
        assert [fault.seq for fault in verify_end(session, events=3)] == [7]


@pytest.mark.parametrize(("behind", "is_told"), [(timedelta(0), False), (timedelta(days=1), True)])
def test_a_clock_behind_the_records_is_told(place: Path, behind: timedelta, is_told: bool) -> None:
    found = health(place, now=NOW - behind)["clock"]
    assert (found.problem is not None) is is_told


def test_a_full_disk_fails_and_a_fuller_one_warns(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_free(free: int) -> Level:
        usage = type("Usage", (), {"free": free})
        monkeypatch.setattr("copilot.health.shutil.disk_usage", lambda _place: usage)
        return health(place)["free_disk_bytes"].level

    assert with_free(FULL_DISK_BYTES - 1) is Level.FAILED
    assert with_free(FULL_DISK_BYTES) is Level.WARNING
    assert with_free(10**10) is Level.OK


def test_a_secret_that_others_may_read_is_a_warning(place: Path) -> None:
    secret = place / "default" / "secrets" / "mail"
    secret.parent.mkdir()
    secret.write_text("hunter2", "utf-8")
    secret.chmod(0o644)
    assert "chmod 600" in (health(place)["secrets"].problem or "")
    secret.chmod(0o600)
    assert "secrets" not in health(place)


@pytest.mark.slow
def test_postgres_is_looked_at_as_sqlite_is(postgres_url: str, tmp_path: Path) -> None:
    with new_database(postgres_url, "health_tests") as url:
        store = Store(Settings.load(database_url=url).sqlalchemy_url)
        before = health(tmp_path, database_url=url)["database"]
        store.migrate()
        after = health(tmp_path, database_url=url)["database"]
        name = store.engine.url.database
        with store.engine.begin() as connection:
            connection.exec_driver_sql(
                f"ALTER DATABASE {name} SET default_transaction_read_only = on"
            )
        standby = health(tmp_path, database_url=url)["database"]
        store.close()
    assert (before.level, after.level) == (Level.FAILED, Level.OK)
    assert after.value == "postgresql"
    assert "takes no changes" in (standby.problem or "")


def test_a_postgres_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with silent_server() as port:
        found = health(tmp_path, database_url=f"postgresql://a:hunter2@127.0.0.1:{port}/x")
    assert found["database"].level is Level.FAILED
    assert "out of reach" in (found["database"].problem or "")
    assert "hunter2" not in repr(found)


def test_a_folder_that_cannot_be_written_is_named(place: Path) -> None:
    blocked = place / "file"
    blocked.write_text("in the way", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "copilot.cli.main", "health", "--json"],
        env={"SALES_COPILOT_HOME": str(blocked), "PATH": "/usr/bin", "HOME": str(place)},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 8
    assert "Traceback" not in done.stderr
