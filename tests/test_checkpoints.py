"""Checkpoints: the same threads on both databases, tidied, shared by processes, made once."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from langgraph.types import Command

from copilot.checkpoints import SCHEMA, first_id_at, open_checkpoints
from copilot.settings import Settings
from crm.errors import PermanentError, TransientError
from crm.store import Store
from tests.postgres import postgres_url
from tests.sums_graph import NOW, graph, say, thread
from tests.test_postgres_end_to_end import new_database

__all__ = ["postgres_url"]

ON_POSTGRES = pytest.param("postgres", marks=pytest.mark.slow)


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    if request.param == "sqlite":
        yield Settings.load(home=tmp_path)
        return
    with new_database(request.getfixturevalue("postgres_url"), "checkpoint_tests") as url:
        yield Settings.load(home=tmp_path, database_url=url)


both = pytest.mark.parametrize("settings", ["sqlite", ON_POSTGRES], indirect=True)
only_postgres = pytest.mark.parametrize("settings", [ON_POSTGRES], indirect=True)


def rows(settings: Settings, table: str) -> int:
    if settings.postgres_url is None:
        with closing(sqlite3.connect(settings.threads_db)) as database:
            found = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            return int(found or 0)
    store = Store(settings.sqlalchemy_url)
    with store.engine.connect() as connection:
        found = connection.exec_driver_sql(f"SELECT count(*) FROM {SCHEMA}.{table}").scalar()
    store.close()
    return int(found or 0)


def asker(settings: Settings, *arguments: str) -> "subprocess.Popen[str]":
    """A process of its own that adds numbers to a thread."""
    url = settings.database_url
    given = {"SALES_COPILOT_DATABASE_URL": url.get_secret_value()} if url else {}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.sums_graph", *arguments],
        env={**os.environ, "SALES_COPILOT_HOME": str(settings.home), **given},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )


def outcome(process: "subprocess.Popen[str]") -> str:
    said, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints
    return said.strip()


@both
def test_a_thread_goes_on_in_another_process(settings: Settings) -> None:
    assert say(settings, "a", 1, 2) == [1, 2]
    assert outcome(asker(settings, "a", "3")) == "[1, 2, 3]"
    assert outcome(asker(settings, "b", "4")) == "[4]"
    assert say(settings, "a", 5) == [1, 2, 3, 5]


@both
def test_processes_that_come_first_at_once_all_find_their_threads(settings: Settings) -> None:
    started = [asker(settings, f"t{number}", str(number)) for number in range(4)]
    assert [outcome(process) for process in started] == ["[0]", "[1]", "[2]", "[3]"]
    assert [say(settings, f"t{number}", 9) for number in range(4)] == [
        [number, 9] for number in range(4)
    ]


@both
def test_threads_of_one_process_run_at_once(settings: Settings) -> None:
    with open_checkpoints(settings, now=NOW) as saver:
        made = graph(saver)

        def talk(number: int) -> list[int]:
            for turn in range(5):
                state = made.invoke({"add": turn}, thread(f"t{number}"), durability="sync")
            heard: list[int] = state["heard"]
            return heard

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(talk, range(8))) == [[0, 1, 2, 3, 4]] * 8


@both
def test_what_waits_for_a_person_goes_on_after_tidying(settings: Settings) -> None:
    with open_checkpoints(settings, now=NOW) as saver:
        graph(saver).invoke({"add": 1}, thread("a"))
        graph(saver).invoke({"add": -1}, thread("a"))
    with open_checkpoints(settings, now=NOW) as saver:
        assert graph(saver).get_state(thread("a")).interrupts[0].value == "well?"
        done = graph(saver).invoke(Command(resume="yes"), thread("a"))
    assert (done["said"], done["heard"]) == ("yes", [1, -1])


@both
def test_of_a_thread_only_the_newest_checkpoint_is_kept(settings: Settings) -> None:
    say(settings, "b", 1)
    say(settings, "a", *range(6))
    grown = rows(settings, "checkpoints")
    with open_checkpoints(settings, now=NOW):
        pass

    assert grown > 20
    assert rows(settings, "checkpoints") == 2
    if settings.postgres_url:
        kept = rows(settings, "checkpoint_blobs")
        say(settings, "a", *range(5))
        assert rows(settings, "checkpoint_blobs") > kept
        with open_checkpoints(settings, now=NOW):
            pass
        assert rows(settings, "checkpoint_blobs") == kept
    assert say(settings, "b", 2) == [1, 2]


@both
def test_threads_not_touched_for_long_are_dropped(settings: Settings) -> None:
    say(settings, "old", 1)
    days = timedelta(days=settings.threads_keep_days)
    assert say(settings, "old", 2, now=NOW + days - timedelta(hours=1)) == [1, 2]
    assert say(settings, "old", 3, now=NOW + days + timedelta(hours=1)) == [3]
    writes = "writes" if settings.postgres_url is None else "checkpoint_writes"
    with open_checkpoints(settings, now=NOW + 2 * days):
        pass
    assert (rows(settings, "checkpoints"), rows(settings, writes)) == (0, 0)


def test_an_id_of_a_moment_stands_between_those_made_before_and_after() -> None:
    from langgraph.checkpoint.base.id import uuid6

    before = str(uuid6())
    now = datetime.now(UTC)
    assert (
        first_id_at(now - timedelta(seconds=5)) < before < first_id_at(now + timedelta(seconds=5))
    )


@only_postgres
def test_tables_of_the_same_names_elsewhere_in_the_database_are_left_alone(
    settings: Settings,
) -> None:
    store = Store(settings.sqlalchemy_url)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE checkpoints (mine int)")
    say(settings, "a", 1)
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM checkpoints").scalar() == 0
    store.close()


@only_postgres
def test_a_pool_whose_connections_died_goes_on(settings: Settings) -> None:
    store = Store(settings.sqlalchemy_url)
    with open_checkpoints(settings, now=NOW) as saver:
        graph(saver).invoke({"add": 1}, thread("a"))
        with store.engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        assert graph(saver).invoke({"add": 2}, thread("a"))["heard"] == [1, 2]
    store.close()


def test_a_missing_driver_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg_pool", None)
    settings = Settings.load(home=tmp_path, database_url="postgresql://me:hunter2@127.0.0.1/crm")
    with (
        pytest.raises(PermanentError, match=r'pip install "sales-copilot\[postgres\]"') as caught,
        open_checkpoints(settings, now=NOW),
    ):
        pass
    assert "hunter2" not in str(caught.value)


def test_a_server_out_of_reach_is_to_be_tried_again(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path, database_url="postgresql://me:hunter2@127.0.0.1:1/crm")
    with (
        pytest.raises(TransientError, match="out of reach") as caught,
        open_checkpoints(settings, now=NOW),
    ):
        pass
    assert "hunter2" not in str(caught.value)
