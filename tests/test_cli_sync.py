"""`sync` on the command line: it outlives a server that goes away, and hides no crash."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from copilot.cli import syncing
from copilot.locks import Hold
from copilot.settings import Settings
from copilot.wiring import Installation
from crm.errors import TransientError
from tests.test_cli_errors import CALL, document, home, run

__all__ = ["home"]


@pytest.fixture
def calls(home: Path, tmp_path: Path) -> Path:
    """A folder that is connected, with nothing in it yet."""
    folder = tmp_path / "calls"
    folder.mkdir()
    assert run("sources", "add", "inbox", "folder", f"path={folder}").exit_code == 0
    return folder


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Lets `sync` have these errors in turn, None for none, and be stopped after the last."""

    def scripted(*errors: BaseException | None) -> list[Any]:
        real, begun = syncing._once, []
        monkeypatch.setattr(syncing, "_AGAIN_S", 0.0)
        monkeypatch.setattr(syncing, "_rest", lambda *_, **__: None)

        def once(*arguments: Any, **options: Any) -> Any:
            begun.append(arguments)
            error = (*errors, KeyboardInterrupt())[len(begun) - 1]
            if error is not None:
                raise error
            return real(*arguments, **options)

        monkeypatch.setattr(syncing, "_once", once)
        return begun

    return scripted


def test_watching_goes_on_when_the_server_is_there_again(
    calls: Path, rounds: Callable[..., list[Any]]
) -> None:
    away = TransientError("the server is out of reach: try again")
    begun = rounds(None, away, None)
    watched = run("sync", "--watch", "--only-read")
    assert watched.exit_code == 130
    assert len(begun) == 4
    assert "goes on by itself" in watched.stderr
    assert watched.stdout.count("inbox: 0 created") == 2


def test_what_fails_from_the_beginning_is_not_tried_for_ever(
    calls: Path, rounds: Callable[..., list[Any]]
) -> None:
    begun = rounds(TransientError("the server is out of reach: try again"))
    assert run("sync", "--watch", "--only-read").exit_code == 7
    assert len(begun) == 1


def test_a_second_sync_is_refused_also_while_watching(home: Path, calls: Path) -> None:
    with Installation(Settings.load(home=home)).syncing() as hold:
        assert hold
        hold.check()
        refused = run("sync", "--watch", "--only-read")
    assert refused.exit_code == 7
    assert "being synced" in refused.stderr


def test_a_reading_that_crashes_is_no_interruption(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (calls / "call.vtt").write_text(CALL, encoding="utf-8")

    def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("copilot.jobs.steps.read_source", crash)
    crashed = run("sync", "--only-read", "--json")
    assert crashed.exit_code == 8
    assert "broke off" in document(crashed)["error"]["message"]  # type: ignore[index]


def test_a_lock_that_was_lost_is_noticed() -> None:
    def lost() -> None:
        broken = Exception("server closed the connection unexpectedly")
        raise OperationalError("SELECT 1", {}, broken)

    with pytest.raises(TransientError, match="out of reach"):
        Hold(True, lost).check()
