"""The file of a backup: writes and reads it, with a digest of every file that it holds."""

import gzip
import hashlib
import json
import shutil
import sqlite3
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

from crm.disk import disk_trouble
from crm.errors import BadInput, PermanentError, TransientError
from crm.store import newest_revision

FORMAT = 1
DATA = "data"
OPTIONAL = frozenset({"secrets", "logs"})
"""Folders that no backup holds."""
_MANIFEST = "manifest.json"
_HEAD = b"SQLite format 3\x00"
_BLOCK = 1 << 20
_MB = 1_000_000
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Backup:
    """What a backup holds: when it was made, of which tables' revision, and its files.

    `size` is that of the backup itself, in bytes.
    """

    made_at: str
    revision: str
    files: int
    size: int


def write_archive(
    target: Path, named: Mapping[str, Path], scratch: Path, *, now: datetime, progress: Progress
) -> Backup:
    """Write files under their names into one archive; a file that is gone by then is left out.

    `progress` is told of megabytes: each file counts once when it is copied, once when packed.
    """
    meter = _Megabytes(progress, 2 * sum(_size(path) for path in named.values()))
    digests: dict[str, str] = {}
    with tarfile.open(target, "w:gz", compresslevel=6) as archive:
        for name, path in named.items():
            try:
                copy = _copied(path, scratch / "copy", meter)
            except FileNotFoundError:
                # What was passing, such as an attempt that came to nothing, ended meanwhile.
                continue
            digests[name] = _packed(archive, copy, f"{DATA}/{name}", meter)
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
    meter.finish()
    return Backup(now.isoformat(), newest_revision(), len(digests), target.stat().st_size)


def read_archive(source: Path, scratch: Path, progress: Progress) -> Backup:
    """Unpack an archive into `data` inside the folder, and check every file of it.

    `progress` is told of megabytes of the archive. Raises BadInput for what is no whole backup,
    PermanentError where a newer version made it or the disk has too little room.
    """
    try:
        meter = _Megabytes(progress, _size(source))
        with source.open("rb") as raw, gzip.open(raw) as packed:
            with tarfile.open(fileobj=packed, mode="r:") as archive:
                for member in archive:
                    meter.reach(raw.tell())
                    if member.isfile():
                        _extract(archive, member, scratch)
            # The checksum of the whole stands at its very end.
            while packed.read(_BLOCK):
                pass
        manifest = json.loads((scratch / _MANIFEST).read_text("utf-8"))
        files: dict[str, str] = dict(manifest["files"])
        revision, made_at = str(manifest["revision"]), str(manifest["made_at"])
        is_newer = int(manifest["format"]) > FORMAT or revision > newest_revision()
    except (
        OSError, tarfile.TarError, zlib.error, EOFError, ValueError, KeyError, TypeError
    ) as error:  # fmt: skip
        raise _cannot_restore(source, error, scratch) from None
    if is_newer:
        raise PermanentError(
            f"{str(source)!r} was made by a newer version of sales-copilot: install that first"
        )
    _check(source, scratch / DATA, files)
    meter.finish()
    return Backup(made_at, revision, len(files), source.stat().st_size)


def is_database(path: Path) -> bool:
    """Say whether a file is a database of SQLite; one that is gone is none."""
    try:
        with path.open("rb") as file:
            return file.read(len(_HEAD)) == _HEAD
    except FileNotFoundError:
        return False


class _Megabytes:
    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = max(total, 1)
        self._done = self._told = 0
        progress(0, self._in_mb(self._total))

    def add(self, size: int) -> None:
        self.reach(self._done + size)

    def reach(self, done: int) -> None:
        """Tell how much is done, once a megabyte; what grew meanwhile ends at the total."""
        self._done = done
        if self._in_mb(done) != self._told:
            self._told = self._in_mb(done)
            self._progress(min(self._told, self._in_mb(self._total)), self._in_mb(self._total))

    def finish(self) -> None:
        self._progress(self._in_mb(self._total), self._in_mb(self._total))

    @staticmethod
    def _in_mb(size: int) -> int:
        return -(-size // _MB)


class _Counted:
    """A file that is read by an archive, with its digest and its progress."""

    def __init__(self, file: IO[bytes], meter: _Megabytes) -> None:
        self._file = file
        self._meter = meter
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self.digest.update(block)
        self._meter.add(len(block))
        return block


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _copied(path: Path, copy: Path, meter: _Megabytes) -> Path:
    if not is_database(path):
        shutil.copyfile(path, copy)
        meter.add(_size(copy))
        return copy
    pages = _pages(meter, _size(path))
    try:
        with (
            closing(sqlite3.connect(path, timeout=15)) as there,
            closing(sqlite3.connect(copy)) as here,
        ):
            _hold_still(there)
            there.backup(here, pages=4096, progress=lambda _now, left, all_: pages(left, all_))
    except sqlite3.Error as error:
        trouble = disk_trouble(str(error), copy.parent.parent)
        if trouble is not None:
            raise PermanentError(trouble) from error
        raise TransientError(f"{str(path)!r} could not be copied ({error}): try again") from error
    return copy


def _hold_still(database: sqlite3.Connection) -> None:
    """Read one moment of a database however often it is written: a copy would start over each time.

    Only where readers keep no writer waiting.
    """
    if database.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        database.execute("BEGIN")
        database.execute("SELECT 1 FROM sqlite_master").fetchone()


def _pages(meter: _Megabytes, size: int) -> Callable[[int, int], None]:
    done = 0

    def tell(left: int, total: int) -> None:
        nonlocal done
        reached = size * (total - left) // max(total, 1)
        # A database that is written meanwhile is copied from its beginning again.
        meter.add(max(0, reached - done))
        done = max(done, reached)

    return tell


def _packed(archive: tarfile.TarFile, path: Path, name: str, meter: _Megabytes) -> str:
    with path.open("rb") as file:
        counted = _Counted(file, meter)
        archive.addfile(archive.gettarinfo(str(path), arcname=name), counted)
    return counted.digest.hexdigest()


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, scratch: Path) -> None:
    inside = PurePosixPath(member.name)
    if inside.is_absolute() or ".." in inside.parts:
        raise ValueError(f"it holds the path {member.name!r}, which leads out of it")
    free = shutil.disk_usage(scratch).free
    if member.size > free:
        raise OSError(f"no space left: {member.name!r} takes {member.size:,} bytes of {free:,}")
    target = scratch / inside
    target.parent.mkdir(parents=True, exist_ok=True)
    content = archive.extractfile(member)
    if content is None:
        raise ValueError(f"{member.name!r} cannot be read")
    with content, target.open("wb") as file:
        shutil.copyfileobj(content, file, _BLOCK)


def _cannot_restore(source: Path, error: Exception, scratch: Path) -> BadInput | PermanentError:
    why = getattr(error, "strerror", None) or str(error)
    trouble = disk_trouble(why, scratch.parent) if isinstance(error, OSError) else None
    is_written = str(getattr(error, "filename", None)) != str(source)
    if trouble is not None and is_written:
        return PermanentError(f"{str(source)!r} is not restored: {trouble}")
    return BadInput(f"{str(source)!r} cannot be restored: {why}")


def _check(source: Path, data: Path, files: dict[str, str]) -> None:
    wrong = sorted(_files(data) ^ set(files)) or [
        name
        for name, digest in sorted(files.items())
        if PurePosixPath(name).parts[0] in OPTIONAL or _sha256(data / name) != digest
    ]
    if wrong:
        raise BadInput(f"{str(source)!r} is damaged: {wrong[0]!r} is not what was backed up")


def _files(data: Path) -> set[str]:
    def found() -> Iterator[str]:
        for path in data.rglob("*"):
            if path.is_file():
                yield path.relative_to(data).as_posix()

    return set(found())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
