"""`chat` takes questions from a pipe, keeps the thread, and goes on after an error."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner, Result

from copilot.cli.asking import put_question
from copilot.cli.main import app
from tests.test_cli_errors import filled, home

__all__ = ["filled", "home"]


def chat(*lines: str) -> Result:
    return CliRunner().invoke(app, ["chat"], input="\n".join(lines) + "\n")


@pytest.mark.usefixtures("filled")
def test_piped_questions_are_answered_one_after_the_other() -> None:
    result = chat("how many deals did Ana Ortiz win?", "", "how many accounts are there?")
    assert result.exit_code == 0
    assert "Won deals, owner Ana Ortiz" in result.stdout
    assert "25" in result.stdout


@pytest.mark.usefixtures("filled")
def test_commands_show_facts_forget_and_end() -> None:
    result = chat("/facts", "how many accounts are there?", "/facts", "/new", "/what", "/quit", "x")
    assert result.exit_code == 0
    assert "No facts yet" in result.stdout
    assert result.stdout.count("Facts") >= 2
    assert "A new thread" in result.stdout
    assert "/help" in result.stdout
    assert "› x" not in result.stderr


def test_an_error_is_told_and_the_talk_goes_on(filled: Path) -> None:
    result = chat("why " * 3_000, "how many accounts are there?")
    assert result.exit_code == 2
    assert "at most 2,000" in result.stderr
    assert "25" in result.stdout


def test_a_database_that_was_away_is_asked_again_for_the_next_question(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def away_once(*arguments: Any, **options: Any) -> Any:
        asked.append(arguments)
        if len(asked) == 1:
            full = sqlite3.OperationalError("database or disk is full")
            raise OperationalError("INSERT", {}, full)
        return put_question(*arguments, **options)

    monkeypatch.setattr("copilot.cli.chatting.put_question", away_once)
    result = chat("how many deals are there?", "how many accounts are there?")
    assert result.exit_code == 8
    assert "make room" in result.stderr
    assert "25" in result.stdout
