"""Backups: made while the workspace is in use, checked on the way back, never half restored."""

import json
import shutil
import sqlite3
import tarfile
import threading
from contextlib import closing
from datetime import UTC, datetime
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from sqlalchemy import select

from copilot.backup import back_up, restore
from crm.errors import TransientError
from crm.models import User
from crm.store import Store, upgrade
from tests.test_cli_errors import document, filled, home, run

__all__ = ["filled", "home"]

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


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
            if change == "format" and member.name == "manifest.json":
                content = json.dumps({**json.loads(content), "format": 2}).encode()
            if change == "secret" and member.name == "data/company.yaml":
                member.name = "data/secrets/mail"
            if change == "secret" and member.name == "manifest.json":
                content = content.replace(b'"company.yaml"', b'"secrets/mail"')
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
        ("format", 8, "newer version"),
        ("secret", 2, "secrets/mail"),
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


def test_a_backup_with_bytes_that_changed_is_refused_wherever_they_lie(
    kept: Path, home: Path, tmp_path: Path
) -> None:
    whole = kept.read_bytes()
    for place in range(len(whole) // 9, len(whole), len(whole) // 9):
        bad = tmp_path / f"{place}.tar.gz"
        bad.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        refused = run("--workspace", "again", "restore", str(bad))
        assert refused.exit_code == 2, (place, refused.stderr)
        assert "unexpected" not in refused.stderr
    assert not (home / "again" / "crm.db").exists()


def test_links_in_a_backup_lead_nowhere(kept: Path, home: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tar.gz"
    outside = tmp_path / "outside"
    outside.mkdir()
    with tarfile.open(kept) as old, tarfile.open(bad, "w:gz") as new:
        link = tarfile.TarInfo("data/deep")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        new.addfile(link)
        inside = tarfile.TarInfo("data/deep/evil.yaml")
        inside.size = 4
        new.addfile(inside, BytesIO(b"evil"))
        for member in old:
            new.addfile(member, old.extractfile(member))
    assert run("--workspace", "again", "restore", str(bad)).exit_code == 2
    assert not list(outside.iterdir())


def test_a_backup_that_does_not_fit_on_the_disk_is_refused_before_it_fills_it(
    kept: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = type(shutil.disk_usage(home))(10**9, 10**9 - 20_000, 20_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: free)
    refused = run("--workspace", "again", "restore", str(kept))
    assert refused.exit_code == 8
    assert "make room" in refused.stderr
    assert not (home / "again" / "crm.db").exists()
    assert not list(home.glob(".restore-*"))


def test_a_workspace_without_data_and_a_folder_without_room_are_named(
    home: Path, filled: Path, tmp_path: Path
) -> None:
    empty = run("--workspace", "nothing", "backup", str(tmp_path / "x.tar.gz"))
    nowhere = run("backup", str(tmp_path / "no" / "such" / "x.tar.gz"))

    assert (empty.exit_code, nowhere.exit_code) == (2, 2)
    assert "no data" in empty.stderr
    assert "cannot be written" in nowhere.stderr


def noted(workspace: Path, name: str, stage: str) -> Path:
    """A note on a mail, as sending leaves it."""
    path = workspace / "mail-attempts" / name[:2] / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"stage": stage}), encoding="utf-8")
    return path


def test_notes_on_mail_are_backed_up_after_the_databases(filled: Path, tmp_path: Path) -> None:
    noted(filled, "abcd", "taken")
    assert run("backup", str(tmp_path / "b.tar.gz")).exit_code == 0

    with tarfile.open(tmp_path / "b.tar.gz") as archive:
        names = [member.name for member in archive if member.isfile()]
    assert names.index("data/crm.db") < names.index("data/mail-attempts/ab/abcd.json")


def test_a_restore_to_an_older_state_forgets_no_mail_that_was_sent_since(
    filled: Path, home: Path, tmp_path: Path
) -> None:
    noted(filled, "abcd", "begun")
    noted(filled, "efgh", "taken")
    assert run("backup", str(tmp_path / "b.tar.gz")).exit_code == 0
    later = home / "again"
    noted(later, "abcd", "taken")
    noted(later, "ijkl", "taken")

    made = run("--workspace", "again", "restore", str(tmp_path / "b.tar.gz"))

    assert made.exit_code == 0, made.output
    stages = {
        path.stem: json.loads(path.read_text("utf-8"))["stage"]
        for path in (later / "mail-attempts").rglob("*.json")
    }
    assert stages == {"abcd": "taken", "efgh": "taken", "ijkl": "taken"}
    assert deals("again") == deals()


def test_with_force_the_present_workspace_is_put_aside_with_all_its_data(
    kept: Path, filled: Path, home: Path
) -> None:
    with closing(sqlite3.connect(filled / "crm.db")) as database, database:
        database.execute("UPDATE opportunities SET name = 'after the backup'")
    newer = deals()

    assert run("restore", str(kept), "--force").exit_code == 0
    (aside,) = (path.name for path in home.iterdir() if ".replaced-" in path.name)
    assert deals(aside) == newer
    assert "after the backup" not in {deal["name"] for deal in deals()}
    assert (filled / "secrets" / "mail").read_text("utf-8") == "hunter2"


def test_a_damaged_backup_puts_nothing_aside(kept: Path, home: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tar.gz"
    changed(kept, bad, "content")
    before = deals()
    assert run("restore", str(bad), "--force").exit_code == 2
    assert deals() == before
    assert not [path for path in home.iterdir() if ".replaced-" in path.name]


@pytest.mark.parametrize("step", ["copytree", "rename"])
def test_a_restore_that_fails_late_leaves_the_present_workspace_in_its_place(
    kept: Path, filled: Path, home: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = deals()
    real = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if target == filled and path.name == "data":
            raise PermissionError(13, "Permission denied", str(target))
        return real(path, target)

    def refuse_to_copy(source: Path, _target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(source))

    with monkeypatch.context() as broken:
        if step == "rename":
            broken.setattr(Path, "rename", refuse)
        else:
            broken.setattr(shutil, "copytree", refuse_to_copy)
        refused = run("restore", str(kept), "--force")
    assert refused.exit_code == 8
    assert "closed to this user" in refused.stderr
    assert deals() == before
    assert (filled / "secrets" / "mail").read_text("utf-8") == "hunter2"
    assert not [path for path in home.iterdir() if ".replaced-" in path.name]


def test_a_workspace_in_which_another_process_works_is_not_put_aside(
    kept: Path, filled: Path, home: Path
) -> None:
    with closing(sqlite3.connect(filled / "crm.db")) as other:
        other.execute("SELECT count(*) FROM opportunities").fetchone()
        reading = run("restore", str(kept), "--force")
    with FileLock(filled / "sync.lock"):
        syncing = run("restore", str(kept), "--force")
    assert (reading.exit_code, syncing.exit_code) == (7, 7)
    assert "another process works" in reading.stderr
    assert not [path for path in home.iterdir() if ".replaced-" in path.name]
    assert run("restore", str(kept), "--force").exit_code == 0


def test_a_torn_database_can_be_replaced_by_a_backup(kept: Path, filled: Path) -> None:
    before = deals()
    (filled / "crm.db").write_bytes(b"torn" * 4000)
    assert run("restore", str(kept), "--force").exit_code == 0
    assert deals() == before


def test_vectors_that_are_written_meanwhile_are_copied_again(filled: Path, tmp_path: Path) -> None:
    part = filled / "index" / "x" / "data_level0.bin"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"old")
    rounds: list[int] = []

    def told(done: int, _total: int) -> None:
        if done == 0:
            rounds.append(done)
        elif len(rounds) == 1:
            part.write_bytes(b"newer")

    back_up(filled, tmp_path / "b.tar.gz", now=NOW, progress=told)
    assert len(rounds) == 2
    with tarfile.open(tmp_path / "b.tar.gz") as archive:
        inside = archive.extractfile("data/index/x/data_level0.bin")
        assert inside is not None
        assert inside.read() == b"newer"


def test_vectors_that_never_rest_are_to_be_tried_again(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = filled / "index" / "data_level0.bin"
    part.parent.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr("copilot.backup._PAUSE_S", 0.0)
    sizes = count(1)

    def told(_done: int, _total: int) -> None:
        part.write_bytes(b"x" * next(sizes))

    with pytest.raises(TransientError, match="written all the while"):
        back_up(filled, tmp_path / "b.tar.gz", now=NOW, progress=told)
    assert not list(tmp_path.glob("*b.tar.gz*"))


def test_progress_is_told_in_megabytes_and_reaches_its_end(filled: Path, tmp_path: Path) -> None:
    (filled / "rejects").mkdir(exist_ok=True)
    (filled / "rejects" / "big.csv").write_bytes(b"x" * 3_000_000)
    told: list[tuple[int, int]] = []
    back_up(filled, tmp_path / "b.tar.gz", now=NOW, progress=lambda *one: told.append(one))
    assert told == sorted(told)
    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1] >= 6
    assert len(told) >= 6


def test_tables_of_an_older_version_are_restored_and_brought_up_to_date(
    home: Path, tmp_path: Path
) -> None:
    old = Store.sqlite(home / "default" / "crm.db")
    with old.engine.begin() as connection:
        upgrade(connection, "0004")
        connection.exec_driver_sql(
            "INSERT INTO users (name, email, role, source, external_id, is_active, synced_at)"
            " VALUES ('Anna', 'anna@acme.example', 'rep', 'x', '1', 1, '2026-01-01')"
        )
    assert not old.is_current()
    old.close()
    made = back_up(
        home / "default", tmp_path / "old.tar.gz", now=NOW, progress=lambda _done, _total: None
    )
    assert made.files >= 1
    assert run("--workspace", "again", "restore", str(tmp_path / "old.tar.gz")).exit_code == 0

    again = Store.sqlite(home / "again" / "crm.db")
    assert again.is_current()
    with again.session() as session:
        assert session.scalars(select(User.name)).all() == ["Anna"]
    again.close()


def test_a_backup_of_what_is_written_all_the_time_comes_to_an_end(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is longer than what is copied at a time, and written between any two of these."""
    writes = count(1)
    with closing(sqlite3.connect(filled / "crm.db")) as writer:
        with writer:
            writer.execute("CREATE TABLE filler AS SELECT zeroblob(40000000) AS filling")

        def write(_left: int, _total: int) -> None:
            assert next(writes) < 100, "it begins again and again"
            with writer:
                writer.execute("UPDATE accounts SET employees = coalesce(employees, 0) + 1")

        monkeypatch.setattr("copilot.archives._pages", lambda *_: write)
        back_up(filled, tmp_path / "kept.tar.gz", now=NOW, progress=lambda _done, _total: None)
    assert 2 < next(writes) < 20


def test_a_backup_while_others_write_is_of_one_moment(filled: Path, tmp_path: Path) -> None:
    """Two rows that always change together are never apart in the copy."""
    database = sqlite3.connect(filled / "crm.db", check_same_thread=False, timeout=60)
    with closing(database) as writer:
        over = threading.Event()
        with writer:
            writer.execute("UPDATE accounts SET employees = 0")

        def write() -> None:
            while not over.is_set():
                with writer:
                    writer.execute("UPDATE accounts SET employees = coalesce(employees, 0) + 1")

        thread = threading.Thread(target=write)
        thread.start()
        try:
            for number in range(3):
                target = tmp_path / f"{number}.tar.gz"
                back_up(filled, target, now=NOW, progress=lambda _done, _total: None)
                restore(target, tmp_path / f"again{number}", progress=lambda _done, _total: None)
        finally:
            over.set()
            thread.join()
    for number in range(3):
        with closing(sqlite3.connect(tmp_path / f"again{number}" / "crm.db")) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            counted = copy.execute("SELECT count(DISTINCT employees) FROM accounts").fetchone()
            assert counted == (1,)
