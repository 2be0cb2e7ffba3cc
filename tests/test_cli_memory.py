"""The commands of conversation memory: sources, sync, jobs, notes, speakers, forget."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli_errors import CALL, document, filled, home, run
from tests.test_cli_json import conforms, documented

__all__ = ["filled", "home"]


@pytest.fixture
def inbox(filled: Path, tmp_path: Path) -> Path:
    """A connected folder with one transcript that nobody is writing any more."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    put(folder / "first.vtt", CALL)
    assert run("sources", "add", "inbox", "folder", f"path={folder}").exit_code == 0
    return folder


def put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    old = time.time() - 3600
    os.utime(path, (old, old))


def sync(*words: str) -> dict[str, Any]:
    result = run("sync", *words, "--only-read", "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = document(result)
    return found


def test_a_connected_folder_is_read_once_and_then_only_what_is_new(inbox: Path) -> None:
    first, again = sync(), sync("inbox")
    put(inbox / "second.vtt", CALL.replace("single sign-on", "audit trail"))
    third = sync()

    assert [one["created"] for one in (*first["sources"], *again["sources"])] == [1, 0]
    assert third["sources"][0]["created"] == 1
    assert document(run("search", "audit trail", "--json"))["results"]


def test_reports_sources_and_jobs_have_the_documented_fields(inbox: Path) -> None:
    report = sync()
    listed = document(run("sources", "--json"))
    jobs = document(run("jobs", "--json"))

    conforms(report, "## `sync --json`")
    assert set(report["sources"][0]) == set(documented("printed after each reading. A report:"))
    conforms(listed, "## `sources --json`")
    conforms(listed["sources"][0], "A source:")
    assert listed["sources"][0]["created"] == 1
    conforms(jobs["jobs"][0], "the newest first. A job:")
    assert (jobs["jobs"][0]["name"], jobs["jobs"][0]["state"]) == ("sync_source", "done")


def test_people_see_what_a_source_brought_and_what_was_done(inbox: Path) -> None:
    brought = run("sync", "--only-read")
    listed = run("sources")
    jobs = run("jobs")

    assert "inbox: 1 created" in brought.output
    assert "just now" in listed.output
    assert "sync_source" in jobs.output


def test_a_folder_that_is_gone_fails_with_its_reason_and_is_listed_so(inbox: Path) -> None:
    inbox.rename(inbox.with_name("elsewhere"))
    result = run("sync", "--only-read", "--json")
    failed = document(result)
    listed = document(run("sources", "--json"))["sources"][0]

    assert result.exit_code in (2, 7, 8)
    assert failed["status"] == "error"
    assert "inbox" in failed["error"]["message"]
    assert listed["failures"] == 1
    assert listed["error"]
    assert listed["succeeded_at"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sync", "nowhere"), "no source 'nowhere'"),
        (("sources", "add", "Mail Box", "folder", "path=."), "'Mail Box' cannot be used"),
        (("sources", "add", "x", "fax"), "kind 'fax'"),
        (("sources", "add", "x", "imap"), "host: Field required"),
        (("sources", "add", "x", "folder", "path"), "key=value"),
        (("sources", "remove", "nowhere"), "no source 'nowhere'"),
        (("sources", "reset", "nowhere"), "no source 'nowhere'"),
        (("jobs", "--cancel", "nothing"), "no job 'nothing'"),
        (("forget", "1", "--json"), "--yes"),
    ],
)
def test_what_cannot_be_done_is_said(inbox: Path, words: tuple[str, ...], said: str) -> None:
    result = run(*words)
    assert result.exit_code in (2, 3)
    assert said in " ".join(result.output.split())


def test_nothing_connected_says_how_to_connect(filled: Path) -> None:
    assert "sources add" in run("sources").output
    result = run("sync")
    assert result.exit_code == 3
    assert "sources add" in " ".join(result.output.split())


def test_a_source_is_disconnected_and_what_came_from_it_stays(inbox: Path) -> None:
    sync()
    assert run("sources", "remove", "inbox").exit_code == 0
    assert document(run("sources", "--json"))["sources"] == []
    assert document(run("search", "single sign-on", "--json"))["results"]


def test_a_reset_source_is_read_anew_without_doubling(inbox: Path) -> None:
    sync()
    assert run("sources", "reset", "inbox").exit_code == 0
    report = sync()["sources"][0]
    assert (report["created"], report["unchanged"]) == (0, 1)


def test_a_folder_is_meant_from_where_it_was_named(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("sources", "add", "near", "folder", "path=inbox").exit_code == 0
    monkeypatch.chdir(tmp_path.parent)
    assert sync("near")["sources"][0]["created"] == 1
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run("sources", "add", "tilde", "folder", "path=~/inbox").exit_code == 0
    assert sync("tilde")["sources"][0]["error"] is None


def test_kinds_tell_what_each_needs(filled: Path) -> None:
    kinds = {one["kind"]: one for one in document(run("sources", "kinds", "--json"))["kinds"]}
    needed = {one["name"] for one in kinds["imap"]["settings"] if one["required"]}
    assert needed == {"host", "user"}
    assert {"folder", "imap", "slack_export", "salesforce", "hubspot", "rest"} == set(kinds)


def test_notes_and_speakers_have_the_documented_fields(filled: Path) -> None:
    notes = document(run("notes", "1", "--json"))
    speakers = document(run("speakers", "1", "--json"))
    conforms(notes, "## `notes CALL --json`")
    conforms(speakers, "## `speakers CALL --json`")
    assert speakers["voices"]


def test_a_forgotten_conversation_is_found_no_more(filled: Path) -> None:
    found = document(run("search", "single sign-on", "--json"))["results"][0]
    gone = document(run("forget", str(found["conversation_id"]), "--yes", "--json"))
    assert gone["conversation_id"] == found["conversation_id"]
    assert run("search", "single sign-on").exit_code == 3
    assert run("forget", str(found["conversation_id"]), "--yes").exit_code == 3
    events = document(run("audit", "list", "--json"))["events"]
    deeds = [(one["action"], one["object"], one["person"]) for one in events]
    forgotten = f"conversation:{gone['conversation_id']}"
    assert deeds.count(("conversation.forget", forgotten, "owner")) == 1


@pytest.mark.parametrize("text", ["sources: [1, 2]", "{", "sources: {x: 3}", "\tx"])
def test_a_broken_list_of_sources_is_named(home: Path, text: str) -> None:
    workspace = home / "default"
    workspace.mkdir(parents=True, exist_ok=True)
    (workspace / "sources.yaml").write_text(text)
    result = run("sources")
    assert result.exit_code == 2
    assert "sources.yaml" in result.output.replace("\n", "")


def test_what_was_imported_is_understood_once(filled: Path, tmp_path: Path) -> None:
    put(tmp_path / "call.vtt", CALL.replace("single sign-on", "an audit trail"))
    imported = run("ingest", "calls", str(tmp_path / "call.vtt"), "--embed", "later", "--json")
    assert imported.exit_code == 0, imported.output
    first, again = document(run("index", "--json")), document(run("index", "--json"))

    assert first["understood"] >= 1
    assert again["understood"] == 0
