"""`speakers` lists a call's voices and corrects one, for people and for scripts."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from copilot.cli import main, speakers
from copilot.cli.context import open_context

CALL = """WEBVTT

00:00:01.000 --> 00:00:05.000
<v Cleo Singh>How do you feel about security?

00:00:06.000 --> 00:00:12.000
<v Mary North>Our security team needs single sign-on before we sign.
"""


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace with one call."""
    monkeypatch.setenv("SALES_COPILOT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SALES_COPILOT_CACHE_DIR", str(tmp_path / "no-models"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    Path("call.vtt").write_text(CALL, encoding="utf-8")
    assert run("ingest", "calls", "call.vtt", "--embed", "later").exit_code == 0


def run(*args: str) -> Result:
    return CliRunner().invoke(main.app, list(args))


def ask(*args: str) -> Result:
    app = typer.Typer()
    speakers.register(app)
    return CliRunner().invoke(app, list(args), obj=open_context(None))


def document(*args: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(ask(*args, "--json").stdout)
    return loaded


def test_the_voices_are_listed_in_the_documented_shape(filled: None) -> None:
    listed = document("1")
    assert set(listed) == {
        "schema_version", "status", "conversation_id", "external_id", "title", "corrected",
        "voices",
    }  # fmt: skip
    assert (listed["conversation_id"], listed["external_id"]) == (1, "call")
    assert listed["corrected"] is None
    assert listed["voices"][0] == {
        "voice": "Cleo Singh",
        "name": "Cleo Singh",
        "confidence": None,
        "basis": None,
        "segments": 1,
        "first_ms": 1_000,
        "spoken_ms": 4_000,
        "first_words": "How do you feel about security?",
    }


def test_a_correction_is_told_and_found_by_search(filled: None) -> None:
    done = document("call", "Mary North", "Priya Nair")
    assert done["corrected"] == {"voice": "Mary North", "name": "Priya Nair", "segments": 1}
    assert done["voices"][1]["name"] == "Priya Nair"
    assert (done["voices"][1]["confidence"], done["voices"][1]["basis"]) == (1.0, "corrected")
    found = json.loads(run("search", "single sign-on", "--json").stdout)
    assert "Priya Nair" in found["results"][0]["speakers"]
    shown = ask("1").stdout
    assert "Priya Nair" in shown
    assert "100%" in shown


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("1", "Mary North"), 2, "not enough to correct"),
        (("1", "Nobody", "Tom"), 3, "no voice 'Nobody'"),
        (("no such call",), 3, "no such call"),
        (("1", "Mary North", "  "), 2, "is no name"),
        (("", "a", "b"), 2, "names no call"),
    ],
)
def test_what_cannot_be_done_says_why(
    filled: None, args: tuple[str, ...], code: int, message: str
) -> None:
    result = ask(*args, "--json")
    assert result.exit_code == code
    assert message in json.loads(result.stdout)["error"]["message"]
