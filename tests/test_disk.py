"""What is said of a disk that is full, without writes or closed, and of nothing else."""

import os
import shutil
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import OperationalError

from copilot.refusals import file_error, refusal
from crm.disk import disk_trouble, has_no_room
from crm.errors import CopilotError, PermanentError, TransientError
from crm.index.chroma import ChromaIndex


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("database or disk is full", "make room"),
        ("No space left on device", "make room"),
        ("Disk quota exceeded", "make room"),
        ("could not extend file: No space left on device", "make room"),
        ("attempt to write a readonly database", "mount its disk writable"),
        ("Read-only file system", "mount its disk writable"),
        ("Permission denied", "give the right to read and write"),
    ],
)
def test_what_to_do_is_said_of_each_trouble(reason: str, advice: str, tmp_path: Path) -> None:
    told = disk_trouble(reason, tmp_path / "crm.db")
    assert told is not None
    assert advice in told
    assert reason in told
    assert str(tmp_path / "crm.db") in told


@pytest.mark.parametrize("reason", ["file is not a database", "database is locked", ""])
def test_other_troubles_are_not_the_disks(reason: str, tmp_path: Path) -> None:
    assert disk_trouble(reason, tmp_path) is None


def test_a_vague_error_is_told_by_the_room_that_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert disk_trouble("disk I/O error", tmp_path) is None
    assert disk_trouble("disk I/O error", "SALES_COPILOT_DATABASE_URL") is None
    free = type(shutil.disk_usage(tmp_path))(10**9, 10**9, 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: free)
    assert "make room" in (disk_trouble("disk I/O error", tmp_path / "crm.db") or "")


def test_a_disk_on_which_no_more_files_fit_has_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def files(total: int, free: int) -> None:
        found = SimpleNamespace(
            f_files=total,
            f_favail=free,
            f_bavail=10**6,
            f_bfree=10**6,
            f_blocks=10**7,
            f_frsize=4096,
        )
        monkeypatch.setattr(os, "statvfs", lambda _path: found)

    files(1000, 1)
    assert not has_no_room(tmp_path / "not" / "yet")
    files(1000, 0)
    assert has_no_room(tmp_path / "not" / "yet")
    files(0, 0)
    assert not has_no_room(tmp_path / "not" / "yet")


def test_a_refusal_names_where_it_was(tmp_path: Path) -> None:
    def said(error: Exception) -> CopilotError:
        told = refusal(error, records="/w/crm.db", files=tmp_path / "threads.db")
        assert told is not None
        return told

    full = sqlite3.OperationalError("database or disk is full")
    assert "/w/crm.db" in str(said(OperationalError("INSERT", {}, full)))
    assert "threads.db" in str(said(full))
    assert isinstance(said(sqlite3.OperationalError("database is locked")), TransientError)
    denied = said(PermissionError(13, "Permission denied", "/w/secrets"))
    assert isinstance(denied, PermanentError)
    assert "/w/secrets" in str(denied)
    assert refusal(BrokenPipeError(32, "Broken pipe"), records="", files=tmp_path) is None
    assert file_error(FileNotFoundError(2, "No such file"), tmp_path) is None


def test_vectors_on_a_full_disk_are_not_to_be_moved_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import chromadb

    def refuse(**_: object) -> None:
        raise chromadb.errors.InternalError("(code: 13) database or disk is full")

    monkeypatch.setattr(chromadb, "PersistentClient", refuse)
    with pytest.raises(PermanentError, match="make room") as full:
        ChromaIndex(tmp_path, embedder_name="x").count()
    assert "move the folder away" not in str(full.value)
