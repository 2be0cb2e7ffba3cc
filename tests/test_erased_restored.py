"""A backup from before an erasure is restored: who was erased is erased again, and stays out."""

from pathlib import Path

import pytest

from tests.test_cli_errors import document, filled, home, run

__all__ = ["filled", "home"]


@pytest.fixture
def kept(filled: Path, tmp_path: Path) -> Path:
    """A backup that knows Maria Lopez, who was erased since."""
    Path("people.csv").write_text("Name,Mail\nMaria Lopez,maria@x.example\n", "utf-8")
    Path("people.yaml").write_text(
        "source: people\ntables:\n  - file: people.csv\n    entity: contacts\n"
        "    fields: {name: Name, email: Mail}\n",
        "utf-8",
    )
    assert run("ingest", "crm", "people.csv", "--mapping", "people.yaml").exit_code == 0
    target = tmp_path / "kept.tar.gz"
    assert run("backup", str(target)).exit_code == 0
    asked = ("--erase", "--reason", "asked to", "--yes", "--json")
    assert document(run("audit", "person", address(), *asked))["records"] == [address()]
    return target


def address() -> str:
    return "contact:1"


def names(workspace: str = "default") -> list[str]:
    listed = run("--workspace", workspace, "audit", "person", address(), "--json")
    return [one["name"] for one in document(listed)["records"]]


def test_what_is_put_aside_tells_who_was_erased(kept: Path) -> None:
    made = document(run("restore", str(kept), "--force", "--json"))

    assert (made["erased_again"], names()) == ([address()], ["[erased]"])
    again = document(run("ingest", "crm", "people.csv", "--mapping", "people.yaml", "--json"))
    assert again["tables"]["contacts"]["suppressed"] == 1
    assert document(run("audit", "verify", "--json"))["faults"] == []


def test_a_trail_kept_elsewhere_tells_it_too(kept: Path, tmp_path: Path) -> None:
    trail = tmp_path / "trail.jsonl"
    assert run("audit", "export", "--out", str(trail)).exit_code == 0
    plain = document(run("--workspace", "plain", "restore", str(kept), "--json"))
    told = document(
        run("--workspace", "told", "restore", str(kept), "--erased", str(trail), "--json")
    )

    assert (plain["erased_again"], names("plain")) == ([], ["Maria Lopez"])
    assert (told["erased_again"], names("told")) == ([address()], ["[erased]"])


def test_another_file_is_no_trail_and_nothing_is_restored(kept: Path, home: Path) -> None:
    made = run("--workspace", "new", "restore", str(kept), "--erased", "people.csv", "--json")

    assert made.exit_code == 2
    assert "as a trail" in document(made)["error"]["message"]
    assert not (home / "new" / "crm.db").exists()
