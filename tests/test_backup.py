"""Backups: made while the workspace is in use, checked on the way back, never half restored."""

import json
import sqlite3
import tarfile
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli_errors import document, filled, home, run

__all__ = ["filled", "home"]


def deals(workspace: str = "default") -> list[Any]:
    shown = run("--workspace", workspace, "show", "opportunities", "--json")
    return document(shown)["records"]  # type: ignore[no-any-return]


def found(workspace: str, text: str) -> list[Any]:
    shown = run("--workspace", workspace, "search", text, "--json")
    return document(shown)["results"]  # type: ignore[no-any-return]


@pytest.fixture
def kept(filled: Path, tmp_path: Path) -> Path:
    """A backup of the workspace."""
    (filled / "secrets").mkdir()
    (filled / "secrets" / "mail").write_text("hunter2", "utf-8")
    (filled / "company.yaml").write_text("name: {en: Acme}\n", "utf-8")
    target = tmp_path / "kept.tar.gz"
    assert run("backup", str(target)).exit_code == 0
    return target


def test_a_restored_workspace_has_the_same_data(kept: Path, home: Path) -> None:
    made = run("--workspace", "again", "restore", str(kept), "--json")

    assert made.exit_code == 0, made.output
    assert deals("again") == deals()
    assert found("again", "single sign-on") == found("default", "single sign-on")
    assert (home / "again" / "company.yaml").read_text("utf-8") == "name: {en: Acme}\n"
    assert document(run("--workspace", "again", "audit", "verify", "--json"))["faults"] == []


def test_secrets_and_logs_stay_out(kept: Path) -> None:
    with tarfile.open(kept) as archive:
        names = archive.getnames()
        inside = b"".join(
            file.read() for member in archive if (file := archive.extractfile(member))
        )

    assert not [name for name in names if "secret" in name or "logs" in name]
    assert b"hunter2" not in inside
    assert "data/crm.db" in names


def test_what_is_not_committed_meanwhile_is_not_in_it(filled: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(filled / "crm.db")) as writer:
        writer.execute("UPDATE opportunities SET name = 'half done'")
        assert run("backup", str(tmp_path / "b.tar.gz")).exit_code == 0
        writer.rollback()
    assert run("--workspace", "again", "restore", str(tmp_path / "b.tar.gz")).exit_code == 0

    assert "half done" not in {deal["name"] for deal in deals("again")}


def test_nothing_that_is_there_is_overwritten(kept: Path, filled: Path) -> None:
    again = run("backup", str(kept))
    over = run("restore", str(kept))

    assert (again.exit_code, over.exit_code) == (2, 2)
    assert "there already" in again.stderr
    assert "there already" in over.stderr
    assert deals()


def changed(source: Path, target: Path, change: str) -> None:
    with tarfile.open(source) as old, tarfile.open(target, "w:gz") as new:
        for member in old:
            content = old.extractfile(member).read()  # type: ignore[union-attr]
            if change == "content" and member.name == "data/company.yaml":
                content = content.replace(b"Acme", b"Evil")
            if change == "missing" and member.name == "data/company.yaml":
                continue
            if change == "newer" and member.name == "manifest.json":
                content = json.dumps({**json.loads(content), "revision": "9999"}).encode()
            if change == "outside" and member.name == "data/company.yaml":
                member.name = "data/../../evil.yaml"
            member.size = len(content)
            new.addfile(member, BytesIO(content))


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ("content", 2, "company.yaml"),
        ("missing", 2, "company.yaml"),
        ("outside", 2, "leads out of it"),
        ("newer", 8, "newer version"),
    ],
)
def test_a_backup_that_was_changed_is_refused_and_leaves_nothing(
    kept: Path, home: Path, tmp_path: Path, change: str, code: int, said: str
) -> None:
    bad = tmp_path / "bad.tar.gz"
    changed(kept, bad, change)
    refused = run("--workspace", "again", "restore", str(bad))

    assert refused.exit_code == code
    assert said in refused.stderr
    assert not (home / "again" / "crm.db").exists()
    assert not (home / "evil.yaml").exists()
    assert not list(home.glob(".restore-*"))


@pytest.mark.parametrize("cut", [0, 10, 2_000])
def test_a_cut_off_or_foreign_file_is_refused(
    kept: Path, home: Path, tmp_path: Path, cut: int
) -> None:
    bad = tmp_path / "bad.tar.gz"
    bad.write_bytes(kept.read_bytes()[:cut])
    refused = run("--workspace", "again", "restore", str(bad))

    assert refused.exit_code == 2
    assert "cannot be restored" in refused.stderr
    assert not (home / "again" / "crm.db").exists()


def test_a_workspace_without_data_and_a_folder_without_room_are_named(
    home: Path, filled: Path, tmp_path: Path
) -> None:
    empty = run("--workspace", "nothing", "backup", str(tmp_path / "x.tar.gz"))
    nowhere = run("backup", str(tmp_path / "no" / "such" / "x.tar.gz"))

    assert (empty.exit_code, nowhere.exit_code) == (2, 2)
    assert "no data" in empty.stderr
    assert "cannot be written" in nowhere.stderr
