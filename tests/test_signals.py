"""Signals, sent to real processes: the first ends a command in good order, the second at once."""

import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from copilot.cli.main import main
from tests.crm_exports import write_four_files
from tests.fake_endpoint import Answer, FakeEndpoint
from tests.test_cli_errors import MAPPING, NEEDS_MODEL, document, filled, home, run

__all__ = ["filled", "home"]

ROOT = Path(__file__).parents[1]
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
WAIT_S = 120


def start(*arguments: str, **more: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "copilot.cli.main", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **more,
    )


def wait_until(happened: Callable[[], object], process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + WAIT_S
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, "it never got so far"
        time.sleep(0.01)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    out, told = process.communicate(timeout=WAIT_S)
    assert "Traceback" not in out + told, told
    return process.returncode, told


def rows(file: Path, statement: str) -> list[Any]:
    if not file.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            return database.execute(statement).fetchall()
    except sqlite3.OperationalError:
        return []


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        server.settimeout(WAIT_S)
        yield server


@pytest.mark.parametrize("number", list(CODES))
def test_a_question_under_way_ends_and_its_thread_stays_usable(
    filled: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    fake = FakeEndpoint(Answer(delay_s=5.0))
    monkeypatch.setenv("SALES_COPILOT_LLM_BASE_URL", fake.url)
    monkeypatch.setenv("SALES_COPILOT_LLM_MODEL", "fake")
    process = start("ask", NEEDS_MODEL, "--thread", "t", "--json")
    wait_until(lambda: fake.requests, process)
    process.send_signal(number)
    out, told = process.communicate(timeout=WAIT_S)
    fake.close()

    assert (process.returncode, told) == (CODES[number], "")
    assert '"kind": "Interrupted"' in out
    again = run("ask", "how many deals did we win?", "--thread", "t", "--json")
    assert document(again)["status"] == "answered"


def test_a_chat_that_waits_for_a_question_ends(filled: Path) -> None:
    process = start("chat")
    assert process.stdin is not None
    process.stdin.write("how many deals did we win?\n")
    process.stdin.flush()
    wait_until((filled / "threads.db").exists, process)
    process.send_signal(signal.SIGTERM)
    code, told = ended(process)
    assert (code, "interrupted" in told) == (143, True)


@pytest.mark.slow
def test_an_import_that_is_stopped_leaves_nothing_half_written(home: Path, tmp_path: Path) -> None:
    write_four_files(tmp_path, deals=20_000)
    (tmp_path / "crm.yaml").write_text(MAPPING, encoding="utf-8")
    names = ("accounts.csv", "sales_teams.csv", "sales_pipeline.csv")
    command = ("ingest", "crm", *(str(tmp_path / name) for name in names), "--mapping",
               str(tmp_path / "crm.yaml"))  # fmt: skip
    file = home / "default" / "crm.db"
    count = "SELECT count(*) FROM opportunities"
    process = start(*command)
    wait_until(lambda: rows(file, count) not in ([], [(0,)]), process)
    process.send_signal(signal.SIGTERM)
    code, told = ended(process)

    assert (code, "interrupted" in told) == (143, True)
    assert 0 < rows(file, count)[0][0] < 20_000
    assert rows(file, "PRAGMA integrity_check") == [("ok",)]
    assert not rows(file, "SELECT 1 FROM import_runs WHERE finished_at IS NOT NULL")
    assert run(*command).exit_code == 0
    assert rows(file, count) == [(20_000,)]


@pytest.mark.slow
@pytest.mark.parametrize("number", list(CODES))
def test_a_sync_that_watches_ends_in_good_order(
    home: Path, tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "calls"
    folder.mkdir()
    assert run("sources", "add", "inbox", "folder", f"path={folder}").exit_code == 0
    process = start("sync", "--watch")
    jobs = home / "default" / "jobs.db"
    finished = "SELECT name FROM workflow_status WHERE status = 'SUCCESS'"
    wait_until(lambda: rows(jobs, finished), process)
    process.send_signal(number)
    code, told = ended(process)

    assert (code, "interrupted" in told) == (CODES[number], True)
    assert rows(jobs, "SELECT 1 FROM workflow_status WHERE status = 'PENDING'") == []
    assert run("sync").exit_code == 0


@pytest.mark.slow
def test_the_second_signal_ends_at_once(
    home: Path, silent: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALES_COPILOT_SECRET_MAIL_PASSWORD", "hunter2")
    port = silent.getsockname()[1]
    added = run("sources", "add", "mail", "imap", "host=127.0.0.1", f"port={port}",
                "user=anna@acme.example", "password=mail-password")  # fmt: skip
    assert added.exit_code == 0, added.output
    process = start("sync")
    with silent.accept()[0]:
        process.send_signal(signal.SIGTERM)
        time.sleep(1)
        assert process.poll() is None, "it was to wait for the server that it was talking to"
        process.send_signal(signal.SIGINT)
        # 143 would be the first signal's, after the wait.
        assert ended(process)[0] == 130


def test_a_signal_before_the_command_begins_ends_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = [signal.getsignal(number) for number in CODES]
    monkeypatch.setattr("copilot.cli.main.app", lambda: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == CODES[signal.SIGTERM]
    assert [signal.getsignal(number) for number in CODES] == kept


def test_a_signal_that_the_caller_ignores_stays_ignored(filled: Path) -> None:
    process = start("chat", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    assert process.stdin is not None
    process.stdin.write("how many deals did we win?\n")
    process.stdin.flush()
    wait_until((filled / "threads.db").exists, process)
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] == 0


@pytest.mark.slow
def test_at_whatever_moment_it_comes_there_is_no_traceback(filled: Path) -> None:
    chance = random.Random(20261122)
    codes = []
    for _ in range(8):
        process = start("search", "single sign-on")
        time.sleep(chance.uniform(0.1, 2.0))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGTERM)
        codes.append(ended(process)[0])
    # Before the first line of ours the system ends it.
    assert set(codes) <= {0, 143, -signal.SIGTERM}
    assert set(codes) & {143, -signal.SIGTERM}


SWALLOWED = """
import os, signal, sys, time, weakref
from copilot.cli.signals import Stopped, stopping_on_signals

class Held: pass

def stop_inside(_):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)

try:
    with stopping_on_signals():
        held = Held()
        kept = weakref.ref(held, stop_inside)
        del held
        print("went on", flush=True)
        time.sleep(60)
        print("never stopped", flush=True)
except Stopped as stopped:
    sys.exit(stopped.exit_code)
"""


def test_a_signal_that_a_callback_swallows_is_asked_for_again() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SWALLOWED], check=False, capture_output=True, text=True, cwd=ROOT,
        timeout=WAIT_S,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (143, "")
    assert "never" not in ran.stdout
