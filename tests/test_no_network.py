"""Nothing calls out by itself: not on import, embedding, search, a question or a draft."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.crm_exports import write_four_files
from tests.quiet_process import is_here
from tests.test_cli_errors import CALL, MAPPING

pytestmark = pytest.mark.slow
MAIL = """From: a@x.example
To: b@y.example
Subject: Hi
Date: Mon, 02 Nov 2026 09:00:00 +0000
Message-ID: <m@x.example>

Hello
"""
QUIET = {
    "DO_NOT_TRACK",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "ANONYMIZED_TELEMETRY",
    "ORT_DISABLE_TELEMETRY",
}


def heard(wish: object, folder: Path) -> dict[str, Any]:
    """Run a wish in a process of its own whose surroundings ask nobody to be quiet."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in QUIET and not name.startswith(("SALES_COPILOT_", "OPENAI_", "OTEL_"))
    }
    given = {
        "SALES_COPILOT_HOME": str(folder / "home"),
        "SALES_COPILOT_CACHE_DIR": str(folder / "no-models"),
        "SALES_COPILOT_TRACES_FILE": str(folder / "told.jsonl"),
        "HOME": str(folder),
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    ended = subprocess.run(
        [sys.executable, "-m", "tests.quiet_process", json.dumps(wish)],
        check=False, capture_output=True, timeout=300, cwd=folder, env={**kept, **given},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr.decode()
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


@pytest.mark.timeout(360)
def test_no_command_calls_out_by_itself(tmp_path: Path) -> None:
    files = [str(path) for path in write_four_files(tmp_path, deals=40)[:3]]
    (tmp_path / "crm.yaml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "call.vtt").write_text(CALL, encoding="utf-8")
    (tmp_path / "mail.eml").write_text(MAIL, encoding="utf-8")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "call.vtt").write_text(CALL.replace("Cleo", "Carla"), encoding="utf-8")
    commands = {
        ("ingest", "crm", *files, "--mapping", "crm.yaml"): 0,
        ("ingest", "mail", "mail.eml"): 0,
        ("ingest", "calls", "call.vtt"): 0,
        ("index",): 0,
        ("search", "single sign-on"): 0,
        ("ask", "how many deals did Ana Ortiz win?"): 0,
        ("ask", "what did the customer say about single sign-on?"): 0,
        ("sources", "add", "more", "folder", f"path={tmp_path / 'more'}"): 0,
        ("sync",): 0,
        ("health",): 0,
    }
    told = heard(list(commands), tmp_path)
    assert told["tried"] == []
    # None where this process may have no network of its own.
    assert told["native"] in {None, 0}
    assert dict(zip(commands, told["codes"], strict=True)) == commands
    assert (tmp_path / "home" / "default" / "index" / "chroma.sqlite3").exists()


def test_hearing_speech_calls_nobody(tmp_path: Path) -> None:
    told = heard("hearing", tmp_path)
    assert (told["tried"], told["native"] or 0) == ([], 0)


def test_who_calls_out_is_seen(tmp_path: Path) -> None:
    assert heard("by Python", tmp_path)["tried"] == ["socket.connect ('203.0.113.7', 443)"]
    told = heard("natively", tmp_path)
    assert told["tried"] == []
    assert told["native"] is None or told["native"] > 0


def test_only_this_machine_is_here() -> None:
    here = ["", None, "localhost", ("127.0.0.1", 1), ("::1", 1, 0, 0), "/run/x.sock", b"\0x"]
    beyond = ["example.com", ("192.0.2.1", 53), ("2001:db8::1", 443, 0, 0), ("example.com", 80)]
    assert [is_here(each) for each in (*here, *beyond)] == [True] * 7 + [False] * 4
