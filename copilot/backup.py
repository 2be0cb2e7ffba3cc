"""Backs a workspace up into one file, and restores it: whole, checked, or not at all."""

import hashlib
import json
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from copilot.agent.effects.mail_attempts import FOLDER as ATTEMPTS
from copilot.agent.effects.mail_attempts import Attempt, Stage
from crm.errors import BadInput, PermanentError, TransientError
from crm.store import newest_revision

FORMAT = 1
_MANIFEST = "manifest.json"
_SKIPPED = frozenset({"secrets", "logs"})
_KEPT = _SKIPPED | {ATTEMPTS}
_PASSING = ("-wal", "-shm", "-journal", ".lock")
_BLOCK = 1 << 20
_ELSEWHERE = "server"
Progress = Callable[[int, int], None]
CopyDatabase = Callable[[Path], None]


@dataclass(frozen=True)
class Backup:
    """What a backup holds: when it was made, of which tables' revision, and its files."""

    made_at: str
    revision: str
    files: int
    size: int


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
    is elsewhere into the folder that it is given. Secrets and logs stay out.

    Raises:
        BadInput: there is no such workspace, or the target is there already or cannot be written.
        TransientError: a database was locked for too long.
    """
    if copy_database is None and not (folder / "crm.db").is_file():
        raise BadInput(f"the workspace {str(folder)!r} has no data to back up")
    if target.exists():
        raise BadInput(f"{str(target)!r} is there already: name another file")
    unfinished = target.with_name(f".{target.name}.part")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            elsewhere = Path(scratch) / _ELSEWHERE
            elsewhere.mkdir()
            if copy_database is not None:
                copy_database(elsewhere)
            made = _write(folder, unfinished, Path(scratch), now, progress)
        unfinished.replace(target)
    except OSError as error:
        raise BadInput(f"{str(target)!r} cannot be written: {error.strerror or error}") from None
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
    moves to that folder, and leaves these behind.

    Raises:
        BadInput: the file is no backup, is damaged, is of the other kind of database, or the
            workspace is there already.
        PermanentError: a newer version of the product made it.
    """
    is_there = folder.exists() and any(path.name not in _KEPT for path in folder.iterdir())
    if is_there and aside is None:
        raise BadInput(
            f"the workspace {str(folder)!r} is there already: restore into a new one, or give "
            "--force to put the present one aside"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".restore-") as scratch:
        made = _unpack(source, Path(scratch), progress)
        data, elsewhere = Path(scratch) / "data", Path(scratch) / _ELSEWHERE
        _set_apart(source, data / _ELSEWHERE, elsewhere, fills=fill_database is not None)
        if fill_database is not None:
            fill_database(elsewhere)
        if is_there and aside is not None:
            folder.rename(aside)
        _keep_own(aside if is_there and aside is not None else folder, data)
        data.replace(folder)
    return made


def _set_apart(source: Path, inside: Path, elsewhere: Path, *, fills: bool) -> None:
    if inside.is_dir() != fills:
        what = "of PostgreSQL: set" if inside.is_dir() else "of a workspace's own files: unset"
        raise BadInput(f"{str(source)!r} is a backup {what} SALES_COPILOT_DATABASE_URL to use it")
    if inside.is_dir():
        inside.rename(elsewhere)


def _keep_own(folder: Path, data: Path) -> None:
    """Move what a folder keeps into the data that takes its place."""
    for path in (folder / ATTEMPTS).rglob("*.json"):
        target = data / path.relative_to(folder)
        if Attempt(target).stage is not Stage.TAKEN:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    for name in _SKIPPED:
        if (folder / name).exists():
            shutil.move(folder / name, data / name)
    if folder.exists() and all(path.name == ATTEMPTS for path in folder.iterdir()):
        shutil.rmtree(folder)


def _write(folder: Path, target: Path, scratch: Path, now: datetime, progress: Progress) -> Backup:
    # The databases first: the notes on mail then know no less than they do.
    paths = sorted(_files(folder), key=lambda path: (_is_note(path, folder), path))
    named = {f"{_ELSEWHERE}/{path.name}": path for path in (scratch / _ELSEWHERE).iterdir()}
    named |= {path.relative_to(folder).as_posix(): path for path in paths}
    digests: dict[str, str] = {}
    with tarfile.open(target, "w:gz", compresslevel=6) as archive:
        for number, (name, path) in enumerate(named.items()):
            progress(number, len(named))
            try:
                copy = _copied(path, scratch / "copy")
            except FileNotFoundError:
                if not name.startswith(f"{ATTEMPTS}/"):
                    raise
                # The attempt came to nothing while others were copied.
                continue
            digests[name] = _sha256(copy)
            archive.add(copy, arcname=f"data/{name}")
            copy.unlink()
        manifest = {
            "format": FORMAT,
            "made_at": now.isoformat(),
            "revision": newest_revision(),
            "files": digests,
        }
        text = scratch / _MANIFEST
        text.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        archive.add(text, arcname=_MANIFEST)
    progress(len(named), len(named))
    return Backup(now.isoformat(), newest_revision(), len(digests), target.stat().st_size)


def _is_note(path: Path, folder: Path) -> bool:
    return path.relative_to(folder).parts[0] == ATTEMPTS


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        is_left = inside.parts[0] in _SKIPPED or path.name.endswith(_PASSING)
        if path.is_file() and not path.is_symlink() and not is_left:
            yield path


def _copied(path: Path, copy: Path) -> Path:
    with path.open("rb") as file:
        is_database = file.read(16) == b"SQLite format 3\x00"
    if not is_database:
        shutil.copyfile(path, copy)
        return copy
    try:
        with (
            closing(sqlite3.connect(path, timeout=15)) as there,
            closing(sqlite3.connect(copy)) as here,
        ):
            there.backup(here, pages=4096)
    except sqlite3.Error as error:
        raise TransientError(f"{str(path)!r} could not be copied ({error}): try again") from error
    return copy


def _unpack(source: Path, scratch: Path, progress: Progress) -> Backup:
    try:
        with tarfile.open(source, "r:gz") as archive:
            members = [member for member in archive if member.isfile()]
            for number, member in enumerate(members):
                progress(number, len(members))
                _extract(archive, member, scratch)
        manifest = json.loads((scratch / _MANIFEST).read_text("utf-8"))
        files: dict[str, str] = dict(manifest["files"])
        revision, made_at = str(manifest["revision"]), str(manifest["made_at"])
    except (OSError, tarfile.TarError, EOFError, ValueError, KeyError, TypeError) as error:
        why = getattr(error, "strerror", None) or error
        raise BadInput(f"{str(source)!r} cannot be restored: {why}") from None
    if revision > newest_revision():
        raise PermanentError(
            f"{str(source)!r} was made by a newer version of sales-copilot: install that first"
        )
    _check(source, scratch / "data", files)
    progress(len(members), len(members))
    return Backup(made_at, revision, len(files), source.stat().st_size)


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, scratch: Path) -> None:
    inside = PurePosixPath(member.name)
    if inside.is_absolute() or ".." in inside.parts:
        raise ValueError(f"it holds the path {member.name!r}, which leads out of it")
    target = scratch / inside
    target.parent.mkdir(parents=True, exist_ok=True)
    content = archive.extractfile(member)
    if content is None:
        raise ValueError(f"{member.name!r} cannot be read")
    with content, target.open("wb") as file:
        shutil.copyfileobj(content, file, _BLOCK)


def _check(source: Path, data: Path, files: dict[str, str]) -> None:
    there = {path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file()}
    wrong = sorted(there ^ set(files)) or [
        name for name, digest in sorted(files.items()) if _sha256(data / name) != digest
    ]
    if wrong:
        raise BadInput(f"{str(source)!r} is damaged: {wrong[0]!r} is not what was backed up")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
