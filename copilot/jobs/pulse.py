"""Tells whether jobs go on: none may wait for long while nobody works on any."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crm.disk import disk_trouble, has_no_room
from crm.errors import PermanentError, TransientError

STILL_S = 120.0
_ROOM_BYTES = 5_000_000


class Pulse:
    """Counts the jobs at work in this process, and how long there were none though some wait."""

    def __init__(self, *, still_s: float = STILL_S) -> None:
        """`still_s` has to be longer than the engine's own pauses between tries."""
        self._still_s = still_s
        self._lock = threading.Lock()
        self._working = 0
        self._moved_at = time.monotonic()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count one job while it is at work."""
        with self._lock:
            self._working += 1
        try:
            yield
        finally:
            with self._lock:
                self._working -= 1
                self._moved_at = time.monotonic()

    def move(self) -> None:
        """Note that something went on."""
        with self._lock:
            self._moved_at = time.monotonic()

    def check(self, unfinished: int) -> None:
        """Raise TransientError if jobs wait or seem to run, and none has been at work for long.

        That is so where the engine could not note what became of them.
        """
        with self._lock:
            if self._working or not unfinished:
                self._moved_at = time.monotonic()
            still_s = time.monotonic() - self._moved_at
        if still_s > self._still_s:
            raise TransientError(
                f"{unfinished} jobs are not taken up: what became of them could not be noted in "
                "the jobs' database. Nothing is lost: see `sales-copilot health`, then sync again"
            )


def check_room(folder: Path) -> None:
    """Raise PermanentError while the disk has too little room to note what becomes of jobs."""
    if has_no_room(folder, needs=_ROOM_BYTES):
        raise PermanentError(
            disk_trouble(f"no space left: less than {_ROOM_BYTES // 1_000_000} MB", folder)
        )
