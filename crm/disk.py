"""What a disk refuses, told apart by what the system or a database says of it, and what to do."""

import os
import shutil
from pathlib import Path

ROOM_BYTES = 1_000_000
_FULL = ("disk is full", "no space left", "quota exceeded", "file too large")
_NO_WRITES = ("readonly database", "read-only file system")
_CLOSED = ("permission denied", "operation not permitted")
# SQLite says no more where a file cannot grow, be made or be written.
_VAGUE = ("disk i/o error", "unable to open database file", "unable to open the database file")


def disk_trouble(reason: str, place: Path | str) -> str | None:
    """Return what to tell the user where a disk is full or takes no writes, None otherwise.

    `reason` is what was said of `place`, a path or what stands for a server; it is quoted.
    """
    said = reason.lower()
    is_vague = any(sign in said for sign in _VAGUE) and Path(place).is_absolute()
    if any(sign in said for sign in _FULL) or (is_vague and has_no_room(Path(place))):
        return (
            f"the disk of {str(place)!r} is full ({reason}): make room on it, then run the same "
            "command again; what was finished is kept"
        )
    if any(sign in said for sign in _CLOSED):
        return (
            f"{str(place)!r} is closed to this user ({reason}): give the right to read and write "
            "there, or name another workspace with --workspace"
        )
    if any(sign in said for sign in _NO_WRITES) or (is_vague and not _takes_writes(Path(place))):
        return (
            f"{str(place)!r} takes no writes ({reason}): mount its disk writable, or give this "
            "user the right to write there; or name another workspace with --workspace"
        )
    return None


def has_no_room(place: Path, *, needs: int = ROOM_BYTES) -> bool:
    """Say whether fewer bytes than `needs`, or not one more file, fit on the disk of a place."""
    folder = nearest(place)
    if shutil.disk_usage(folder).free < needs:
        return True
    if not hasattr(os, "statvfs"):
        return False
    found = os.statvfs(folder)
    # Disks without a fixed number of files say that they have none at all.
    return found.f_files > 0 and found.f_favail == 0


def _takes_writes(place: Path) -> bool:
    folder = place if place.is_dir() else nearest(place.parent)
    return os.access(folder, os.W_OK) and (not place.exists() or os.access(place, os.W_OK))


def nearest(place: Path) -> Path:
    """Return the place itself or the folder that is there next above it."""
    return next(path for path in (place, *place.parents) if path.exists())
