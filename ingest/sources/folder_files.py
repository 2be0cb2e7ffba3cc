"""What lies in a watched folder: files of one name taken together, each group with its mark."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from ingest.mail.sources import SUFFIXES as MAIL_SUFFIXES
from ingest.sources.marks import make_mark
from ingest.transcripts.json_call import SIDECAR_SUFFIXES
from ingest.transcripts.sources import AUDIO_SUFFIXES, TEXT_SUFFIXES

_READ = frozenset((*MAIL_SUFFIXES, *TEXT_SUFFIXES, *AUDIO_SUFFIXES))
_KNOWN = _READ | frozenset(SIDECAR_SUFFIXES)


@dataclass(frozen=True)
class FileGroup:
    """Files that differ in their suffix only, such as a recording, its transcript and sidecar.

    `key` is their path under the folder without suffix, `changed_at` when the newest of them was
    last changed (seconds since 1970), `mark` what changes with any of their names, sizes and
    times.
    """

    key: str
    paths: tuple[Path, ...]
    mark: bytes
    changed_at: float


@dataclass(frozen=True)
class Chosen:
    """Which files count: all, or those under the folder whose relative path fits a pattern."""

    root: Path
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def takes(self, relative: str) -> bool:
        """Say whether a file at this path (slashes, relative to the folder) counts."""
        if self.include and not any(fnmatch(relative, one) for one in self.include):
            return False
        return not any(fnmatch(relative, one) for one in self.exclude)


def find_groups(chosen: Chosen, on_error: Callable[[OSError], None]) -> list[FileGroup]:
    """Return the groups under the folder, the one changed first in front.

    Links are not followed, hidden files are left out, and so are files of kinds that nobody here
    reads. What cannot be listed is told to `on_error`.
    """
    found: dict[str, list[tuple[str, os.stat_result]]] = {}
    for relative, stat in _files(chosen.root, on_error):
        if chosen.takes(relative):
            found.setdefault(_stem(relative), []).append((relative, stat))
    groups = [
        _group(chosen.root, key, sorted(files, key=lambda file: file[0]))
        for key, files in found.items()
        if any(_suffix(relative) in _READ for relative, _ in files)
    ]
    return sorted(groups, key=lambda group: (group.changed_at, group.key))


def _files(root: Path, on_error: Callable[[OSError], None]) -> Iterator[tuple[str, os.stat_result]]:
    """Yield (relative path, stat) of the files whose kind is known."""
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(root / folder) as entries:
                for entry in entries:
                    relative = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.name.startswith((".", "~$")):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(relative)
                    elif _suffix(entry.name) in _KNOWN and entry.is_file(follow_symlinks=False):
                        yield relative, entry.stat(follow_symlinks=False)
        except OSError as error:
            on_error(error)


def _group(root: Path, key: str, files: list[tuple[str, os.stat_result]]) -> FileGroup:
    parts = [part for name, stat in files for part in (name, stat.st_size, stat.st_mtime_ns)]
    changed_at = max(stat.st_mtime for _, stat in files)
    return FileGroup(key, tuple(root / name for name, _ in files), make_mark(*parts), changed_at)


def _stem(relative: str) -> str:
    return relative.removesuffix(PurePosixPath(relative).suffix)


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
