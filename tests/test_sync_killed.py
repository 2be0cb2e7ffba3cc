"""`sync` killed at random moments: afterwards nothing is lost, doubled or half-indexed."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest

KILLS = 20
_FILES_A_ROUND = 3
_OLD = time.time() - 3600


def environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "SALES_COPILOT_HOME": str(home),
        "SALES_COPILOT_TODAY": "2026-11-16",
    }


def start(home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "copilot.cli.main", *arguments, "--json"],
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(home: Path, *arguments: str) -> dict[str, Any]:
    process = start(home, *arguments)
    said, complaints = process.communicate(timeout=300)
    assert process.returncode == 0, complaints.decode()[-2000:] + said.decode()[-2000:]
    found: dict[str, Any] = json.loads(said)
    return found


def write_call(folder: Path, number: int) -> None:
    turns = [
        ("Dana Reyes", f"Thanks for joining, this is call {number} about the {number} seats."),
        ("Priya Nair", f"The budget for item {number} is signed, but legal has question {number}."),
        ("Dana Reyes", f"I will send the answer to question {number} by Friday."),
    ] * 4
    segments = [
        {"speaker": speaker, "start_ms": 4000 * place, "end_ms": 4000 * place + 3500, "text": text}
        for place, (speaker, text) in enumerate(turns)
    ]
    call = {
        "id": f"call-{number}",
        "title": f"Call {number}",
        "kind": "call",
        "started_at": f"2026-10-{1 + number % 28:02d}T10:00:00Z",
        "participants": [{"name": "Dana Reyes"}, {"name": "Priya Nair"}],
        "segments": segments,
    }
    settled(folder / f"call-{number}.json", json.dumps(call).encode())


def write_mail(folder: Path, number: int) -> None:
    text = (
        f"Message-ID: <m{number}@acme.example>\r\nFrom: Priya Nair <priya@acme.example>\r\n"
        f"To: Dana Reyes <dana@us.example>\r\nSubject: Question {number}\r\n"
        f"Date: Fri, 0{1 + number % 9} Oct 2026 09:00:00 +0000\r\n\r\n"
        f"Hello Dana,\r\n\r\ncould you answer question {number} on the contract?\r\n\r\nPriya\r\n"
    )
    settled(folder / f"mail-{number}.eml", text.encode())


def settled(path: Path, content: bytes) -> None:
    """Write a file that looks as if nobody were writing it any more."""
    path.write_bytes(content)
    os.utime(path, (_OLD, _OLD))


def add_round(folder: Path, number: int) -> None:
    for place in range(_FILES_A_ROUND):
        write_call(folder, _FILES_A_ROUND * number + place)
        write_mail(folder, _FILES_A_ROUND * number + place)
    if number in (4, 12):
        with as_file(files("ingest.demo") / "recordings") as recordings:
            target = folder / f"voicemail-{number}.ogg"
            shutil.copy(recordings / "cedar_ridge_voicemail.ogg", target)
            os.utime(target, (_OLD, _OLD))


def content_of(home: Path) -> dict[str, Any]:
    """Everything that a reader could notice, without ids."""
    with sqlite3.connect(home / "default" / "crm.db") as database:

        def rows(statement: str) -> list[tuple[Any, ...]]:
            return sorted(database.execute(statement).fetchall(), key=repr)

        database.execute("INSERT INTO passage_terms(passage_terms) VALUES ('integrity-check')")
        return {
            "conversations": rows("SELECT source, external_id, kind, title FROM conversations"),
            "segments": rows(
                "SELECT c.external_id, s.position, s.speaker, s.text FROM segments s"
                " JOIN conversations c ON c.id = s.conversation_id"
            ),
            "participants": rows(
                "SELECT c.external_id, p.position, p.name, p.email FROM participants p"
                " JOIN conversations c ON c.id = p.conversation_id"
            ),
            "passages": rows(
                "SELECT c.external_id, p.first_segment, p.text, p.embedding_model FROM passages p"
                " JOIN conversations c ON c.id = p.conversation_id"
            ),
            "notes": rows(
                "SELECT c.external_id, n.position, n.kind, n.text FROM notes n"
                " JOIN conversations c ON c.id = n.conversation_id"
            ),
            "waiting": rows("SELECT path FROM pending_recordings"),
            "parts": rows("SELECT recording, part FROM heard_parts"),
        }


def vectors_of(home: Path) -> int:
    """How many vectors there are, whole or not, as the index itself counts them."""
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(
        path=str(home / "default" / "index"), settings=Settings(anonymized_telemetry=False)
    )
    return sum(collection.count() for collection in client.list_collections())


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_twenty_random_moments_a_sync_ends_as_if_it_had_not_been(
    tmp_path: Path,
) -> None:
    chance = random.Random(20261122)
    folder, killed, whole = tmp_path / "calls", tmp_path / "killed", tmp_path / "whole"
    folder.mkdir()
    for home in (killed, whole):
        run(home, "sources", "add", "inbox", "folder", f"path={folder}")
    add_round(folder, KILLS)
    began = time.monotonic()
    run(whole, "sync")
    usual = time.monotonic() - began

    alive = 0
    for number in range(KILLS):
        add_round(folder, number)
        began = time.monotonic()
        process = start(killed, "sync")
        try:
            process.wait(timeout=chance.uniform(0.25, 1.1) * usual)
            alive += 1
            # The first took longer than these do, or the machine has less to do by now.
            usual = min(usual, time.monotonic() - began)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
    assert alive <= KILLS // 2, "the kills came too late to hit anything"
    run(killed, "sync")
    run(whole, "sync")

    wanted, found = content_of(whole), content_of(killed)
    for what, rows in wanted.items():
        assert found[what] == rows, what
    files_of_each_kind = _FILES_A_ROUND * (KILLS + 1)
    assert len(found["conversations"]) == 2 * files_of_each_kind + 2
    assert found["waiting"] == found["parts"] == []
    assert found["notes"]
    assert all(model for *_rest, model in found["passages"])
    assert vectors_of(killed) == vectors_of(whole) == len(found["passages"])
