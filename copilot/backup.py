"""Backs a workspace up into one file, and restores it: whole, checked, or not at all."""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from copilot.agent.effects.mail_attempts import FOLDER as ATTEMPTS
from copilot.agent.effects.mail_attempts import Attempt, Stage
from copilot.archives import (
    DATA,
    OPTIONAL,
    Backup,
    Progress,
    is_database,
    read_archive,
    write_archive,
)
from copilot.locks import locked
from copilot.refusals import file_error
from crm.errors import BadInput, CopilotError, TransientError

INDEX = "index"
_KEPT = OPTIONAL | {ATTEMPTS}
_PASSING = ("-wal", "-shm", "-journal", ".lock")
_ELSEWHERE = "server"
_LOCKS = ("sync.lock", "import.lock", "embedding.lock")
_DATABASES = ("crm.db", "threads.db", "jobs.db")
_TRIES = 3
_PAUSE_S = 1.0
CopyDatabase = Callable[[Path], None]
Stamp = tuple[int, int]


def back_up(
    folder: Path,
    target: Path,
    *,
    now: datetime,
    progress: Progress,
    copy_database: CopyDatabase | None = None,
) -> Backup:
    """Write the workspace's data into one compressed file while it is in use.

    Databases are copied by SQLite's own backup, a moment of each; `copy_database` writes one that
    is elsewhere into the folder that it is given. Secrets and logs stay out. `progress` is told
    of megabytes.

    Raises:
        BadInput: there is no such workspace, or the target is there already or cannot be written.
        PermanentError: the disk is full or takes no writes.
        TransientError: a database was locked for too long, or the vectors were written all along.
    """
    if copy_database is None and not (folder / "crm.db").is_file():
        raise BadInput(f"the workspace {str(folder)!r} has no data to back up")
    if target.exists():
        raise BadInput(f"{str(target)!r} is there already: name another file")
    unfinished = target.with_name(f".{target.name}.part")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as name:
            scratch = Path(name)
            (scratch / _ELSEWHERE).mkdir()
            if copy_database is not None:
                copy_database(scratch / _ELSEWHERE)
            made = _write(folder, unfinished, scratch, now, progress)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(target)
    except OSError as error:
        raise _cannot_write(target, error) from None
    finally:
        unfinished.unlink(missing_ok=True)
    return made


def restore(
    source: Path,
    folder: Path,
    *,
    progress: Progress,
    fill_database: CopyDatabase | None = None,
    aside: Path | None = None,
) -> Backup:
    """Make a workspace out of a backup; the folder must be empty or missing.

    Secrets, logs and the notes on mail that was sent may be there: they stay, and what was sent
    after the backup was made is not sent again.

    Every file is checked against the manifest before the workspace appears. `fill_database` fills
    a database elsewhere from the folder that it is given. With `aside` a workspace that is there
    moves to that folder, whole, once the new one is ready to take its place.

    Raises:
        BadInput: the file is no backup, is damaged, is of the other kind of database, or the
            workspace is there already.
        PermanentError: a newer version of the product made it, or the disk is full or takes no
            writes.
        TransientError: another process works in the workspace that would be put aside.
    """
    is_there = folder.exists() and any(path.name not in _KEPT for path in folder.iterdir())
    if is_there and aside is None:
        raise BadInput(
            f"the workspace {str(folder)!r} is there already: restore into a new one, or give "
            "--force to put the present one aside"
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (
            _alone_in(folder, is_there=is_there),
            tempfile.TemporaryDirectory(dir=folder.parent, prefix=".restore-") as name,
        ):
            scratch = Path(name)
            made = read_archive(source, scratch, progress)
            data, elsewhere = scratch / DATA, scratch / _ELSEWHERE
            _set_apart(source, data / _ELSEWHERE, elsewhere, fills=fill_database is not None)
            _keep_own(folder, data)
            if fill_database is not None:
                fill_database(elsewhere)
            _put(data, folder, aside if is_there and aside is not None else scratch / "before")
    except OSError as error:
        raise _cannot_write(folder, error) from None
    return made


def _cannot_write(target: Path, error: OSError) -> CopilotError:
    said = f"{str(target)!r} cannot be written: {error.strerror or error}"
    return file_error(error, target.parent) or BadInput(said)


@contextmanager
def _alone_in(folder: Path, *, is_there: bool) -> Iterator[None]:
    """Keep out who would write into a workspace that is put aside; what he writes would be lost."""
    if not is_there:
        yield
        return
    with ExitStack() as stack:
        is_free = all(stack.enter_context(locked(folder, name, wait_s=0)) for name in _LOCKS)
        if not is_free or any(_is_open(folder / name) for name in _DATABASES):
            raise TransientError(
                f"another process works in the workspace {str(folder)!r}: end it (chat, sync, "
                "index, …), then restore again"
            )
        yield


def _is_open(database: Path) -> bool:
    """Say whether another process has read or written a database and has it open still."""
    if not database.is_file():
        return False
    # In WAL mode everybody shares a lock for as long as the file is open.
    with closing(sqlite3.connect(database, timeout=1.0, isolation_level=None)) as file:
        try:
            file.execute("PRAGMA locking_mode = EXCLUSIVE")
            file.execute("BEGIN EXCLUSIVE")
            file.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            return "locked" in str(error)
        except sqlite3.DatabaseError:
            # It is torn, which may be why a backup is restored.
            return False
    return False


def _put(data: Path, folder: Path, before: Path) -> None:
    """Let the data take the folder's place; where that fails, what was there is there again."""
    try:
        if folder.exists():
            folder.rename(before)
        data.rename(folder)
    finally:
        if before.exists() and not folder.exists():
            before.rename(folder)


def _set_apart(source: Path, inside: Path, elsewhere: Path, *, fills: bool) -> None:
    if inside.is_dir() != fills:
        what = "of PostgreSQL: set" if inside.is_dir() else "of a workspace's own files: unset"
        raise BadInput(f"{str(source)!r} is a backup {what} SALES_COPILOT_DATABASE_URL to use it")
    if inside.is_dir():
        inside.rename(elsewhere)


def _keep_own(folder: Path, data: Path) -> None:
    """Copy what a folder keeps into the data that takes its place."""
    for path in (folder / ATTEMPTS).rglob("*.json"):
        target = data / path.relative_to(folder)
        if Attempt(target).stage is not Stage.TAKEN:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
    for name in OPTIONAL:
        if (folder / name).exists():
            shutil.copytree(folder / name, data / name)


def _write(folder: Path, target: Path, scratch: Path, now: datetime, progress: Progress) -> Backup:
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_S)
        paths = list(_files(folder))
        before = _stamps(folder, paths)
        # Databases first: what lies beside them, vectors and the notes on mail, then knows no less
        # than they do.
        paths.sort(key=lambda path: (_is_note(path, folder), not is_database(path), path))
        named = {f"{_ELSEWHERE}/{path.name}": path for path in (scratch / _ELSEWHERE).iterdir()}
        named |= {path.relative_to(folder).as_posix(): path for path in paths}
        made = write_archive(target, named, scratch, now=now, progress=progress)
        if _stamps(folder, _files(folder)) == before:
            return made
    raise TransientError(
        "the vector index was written all the while: try again when `sales-copilot index` is done"
    )


def _stamps(folder: Path, paths: Iterable[Path]) -> dict[Path, Stamp]:
    """Return what shows whether the vectors' plain files are those of one moment."""
    stamps: dict[Path, Stamp] = {}
    for path in paths:
        if path.is_relative_to(folder / INDEX) and not is_database(path):
            with suppress(FileNotFoundError):
                stat = path.stat()
                stamps[path] = (stat.st_mtime_ns, stat.st_size)
    return stamps


def _is_note(path: Path, folder: Path) -> bool:
    return path.relative_to(folder).parts[0] == ATTEMPTS


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        is_left = inside.parts[0] in OPTIONAL or path.name.endswith(_PASSING)
        if path.is_file() and not path.is_symlink() and not is_left:
            yield path
