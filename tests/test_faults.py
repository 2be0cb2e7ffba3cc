"""What breaks underneath: a full disk, a folder without writes, a lock, a torn file, a clock."""

import ctypes
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from copilot.checkpoints import open_checkpoints
from copilot.settings import Settings
from crm.store import Store
from tests.crm_exports import write_four_files
from tests.sums_graph import say
from tests.test_cli_errors import MAPPING, document, filled, home, run

__all__ = ["filled", "home"]

ROOT = Path(__file__).parents[1]


def command(*arguments: str, before: Callable[[], None] | None = None) -> Any:
    return subprocess.run(
        [sys.executable, "-m", "copilot.cli.main", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        preexec_fn=before,
        check=False,
        timeout=120,
    )


def deals(file: Path) -> int:
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(database.execute("SELECT count(*) FROM opportunities").fetchone()[0])


def no_file_beyond(size: int) -> Callable[[], None]:
    """What a disk does that is full: no file grows beyond so many bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.slow
def test_a_disk_that_fills_up_ends_an_import_without_damage(filled: Path, tmp_path: Path) -> None:
    write_four_files(tmp_path, deals=20_000)
    files = [
        str(tmp_path / f"{name}.csv") for name in ("accounts", "sales_teams", "sales_pipeline")
    ]
    (tmp_path / "crm.yaml").write_text(MAPPING, encoding="utf-8")
    given = ("ingest", "crm", *files, "--mapping", str(tmp_path / "crm.yaml"))
    room = (filled / "crm.db").stat().st_size + 1_000_000

    full = command(*given, before=no_file_beyond(room))
    assert full.returncode == 8, full.stderr
    assert "Traceback" not in full.stderr + full.stdout
    assert "crm.db" in full.stderr
    assert deals(filled / "crm.db") < 20_000

    assert run(*given).exit_code == 0
    assert deals(filled / "crm.db") == 20_000


@pytest.mark.slow
def test_a_backup_that_finds_no_room_leaves_nothing(filled: Path, tmp_path: Path) -> None:
    full = command("backup", str(tmp_path / "b.tar.gz"), before=no_file_beyond(20_000))
    assert full.returncode in {2, 7, 8}, full.stderr
    assert "Traceback" not in full.stderr
    assert not list(tmp_path.glob("*b.tar.gz*"))


def without_roots_rights() -> None:
    """Let the permissions of files hold for root too, as tests may run as root."""
    drop_from_bounding_set, override_permissions = 24, 1
    ctypes.CDLL(None).prctl(drop_from_bounding_set, override_permissions, 0, 0, 0)


@pytest.fixture
def frozen(filled: Path) -> Iterator[Path]:
    """The workspace's folder on what is now a disk without writes."""
    paths = [filled, *filled.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield filled
    for path in paths:
        if path.exists():
            path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("ask", "how many deals did we win?"),
        ("search", "single sign-on"),
        ("access", "private", "call:1"),
        ("health",),
    ],
)
def test_a_folder_that_takes_no_writes_is_named(frozen: Path, arguments: tuple[str, ...]) -> None:
    done = command(*arguments, before=without_roots_rights)
    assert done.returncode == 8, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    told = "".join((done.stderr + done.stdout).split())
    assert str(frozen) in told


def test_a_database_that_another_process_holds_is_to_be_tried_again(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store.__init__, "__kwdefaults__", {"wait_s": 0.1})
    with closing(sqlite3.connect(filled / "crm.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        busy = run("access", "private", "call:1", "--json")
    assert busy.exit_code == 7
    assert "busy" in document(busy)["error"]["message"]  # type: ignore[index]
    assert run("access", "private", "call:1").exit_code == 0


def test_a_torn_file_of_threads_is_named_and_questions_say_what_to_do(filled: Path) -> None:
    (filled / "threads.db").write_bytes(b"torn" * 4000)
    asked = run("ask", "how many deals did we win?", "--json")
    assert asked.exit_code == 8
    assert "threads.db" in document(asked)["error"]["message"]  # type: ignore[index]


def test_a_thread_survives_a_clock_that_jumps(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path)
    real = datetime.now(UTC)
    assert say(settings, "a", 1, now=real) == [1]
    assert say(settings, "a", 2, now=real - timedelta(hours=1)) == [1, 2]
    assert say(settings, "a", 3, now=real + timedelta(days=89)) == [1, 2, 3]
    with open_checkpoints(settings, now=real - timedelta(days=365)) as saver:
        assert saver.get_tuple({"configurable": {"thread_id": "a"}}) is not None
