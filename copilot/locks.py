"""Locks between the processes of one workspace: files that the system frees when one dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from copilot.refusals import cannot_open
from crm.errors import PermanentError


@contextmanager
def locked(folder: Path, name: str, *, wait_s: float) -> Iterator[bool]:
    """Yield whether the lock is held, False after `wait_s` seconds of another holding it.

    Raises PermanentError if the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / name, timeout=wait_s)
        lock.acquire()
    except Timeout:
        yield False
        return
    except OSError as error:
        raise PermanentError(cannot_open(str(folder), type(error).__name__)) from error
    try:
        yield True
    finally:
        lock.release()
