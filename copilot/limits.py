"""How many questions a person may ask in a minute, counted over all processes of a workspace."""

import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url

from copilot.llm.allowance import UsedUp
from copilot.refusals import storage_errors

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg_pool import ConnectionPool

log = logging.getLogger(__name__)

_WAIT_S = 10.0
_AHEAD_MS = 60_000
_LOCK = 735_011_403
_MOST_HELD = 16


class TooManyQuestions(UsedUp):
    """The person asked too many questions within a minute."""


@dataclass(frozen=True)
class _Held:
    """A bucket that is open, in which process and on which file."""

    bucket: Any
    process: int
    file: tuple[int, int]

    @property
    def is_ours(self) -> bool:
        return self.process == os.getpid()


@dataclass
class QuestionLimit:
    """A limit a minute for each person, kept in the workspace's folder or in PostgreSQL.

    Where neither can be written, nobody is held up.
    """

    per_minute: int
    folder: Path
    postgres_url: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _held: dict[str, _Held] = field(default_factory=dict)
    _inherited: list[_Held] = field(default_factory=list)

    def admit(self, person: str) -> None:
        """Count one question. Raises TooManyQuestions, which says when to ask again."""
        if not self.per_minute:
            return
        try:
            wait_ms = self._wait_ms(person)
        except storage_errors() as error:
            log.warning("questions cannot be counted: %s", type(error).__name__)
            return
        if wait_ms is not None:
            # Questions of the same moment are counted milliseconds apart, ahead of the clock.
            wait_s = min(60, max(1, ceil(wait_ms / 1000)))
            raise TooManyQuestions(
                en=f"{self.per_minute} questions a minute are allowed and asked: ask again in "
                f"{wait_s} s (SALES_COPILOT_QUESTIONS_PER_MINUTE sets this)",
                zh=f"每分钟可提 {self.per_minute} 个问题，已经提满：请在 {wait_s} 秒后再问"
                "（由 SALES_COPILOT_QUESTIONS_PER_MINUTE 设定）",
            )

    def close(self) -> None:
        """Give the connections back."""
        with self._lock:
            while self._held:
                self._let_go(self._held.popitem()[1])
        if "_pool" in self.__dict__:
            self._pool.close()

    def _wait_ms(self, person: str) -> int | None:
        """Return how long the person has to wait, None if the question may be asked."""
        from pyrate_limiter import RateItem

        table = "asked_" + sha256(person.encode()).hexdigest()[:16]
        with self._lock, self._bucket(table) as bucket:
            now = bucket.now()
            newest: Any = bucket.peek(0)
            if newest is not None and newest.timestamp > now + _AHEAD_MS:
                # The clock was set back: what it counted ahead would keep the person out. A few
                # milliseconds ahead is only somebody who asked at the same time.
                bucket.flush()
            bucket.leak(now)
            decision: Any = bucket.put_decision(RateItem("question", now))
        return None if decision.allowed else decision.retry_after_ms or 1000

    @contextmanager
    def _bucket(self, table: str) -> Iterator[Any]:
        from pyrate_limiter import Duration, PostgresBucket, Rate

        rates = [Rate(self.per_minute, Duration.MINUTE)]
        if self.postgres_url is None:
            try:
                yield self._in_file(table, rates)
            except sqlite3.Error:
                self._let_go(self._held.pop(table, None))
                raise
            return
        # The bucket refuses whoever comes at the same instant; so they come one by one.
        with self._pool.connection() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            yield PostgresBucket(self._pool, table, rates)

    def _in_file(self, table: str, rates: list[Any]) -> Any:
        """Return the person's bucket, opened anew in a forked process and after a restore."""
        from pyrate_limiter import SQLiteBucket

        path = self.folder / "limits.db"
        held = self._held.pop(table, None)
        if held is None or not held.is_ours or held.file != _identity(path):
            self._let_go(held)
            self.folder.mkdir(parents=True, exist_ok=True)
            bucket = SQLiteBucket.init_from_file(rates, table, str(path), use_file_lock=True)
            held = _Held(bucket, os.getpid(), _identity(path))
        self._held[table] = held
        while len(self._held) > _MOST_HELD:
            self._let_go(self._held.pop(next(iter(self._held))))
        return held.bucket

    def _let_go(self, held: _Held | None) -> None:
        if held is None:
            return
        if held.is_ours:
            held.bucket.close()
        else:
            # SQLite wants a connection that came through a fork neither used nor closed.
            self._inherited.append(held)

    @cached_property
    def _pool(self) -> "ConnectionPool":
        from psycopg_pool import ConnectionPool

        url = make_url(self.postgres_url or "").set(drivername="postgresql")
        return ConnectionPool(
            url.render_as_string(hide_password=False),
            configure=_in_utc,
            min_size=0,
            max_size=2,
            timeout=_WAIT_S,
            open=True,
        )


def _identity(path: Path) -> tuple[int, int]:
    """Return what tells this file from another one put in its place."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


def _in_utc(connection: "Connection[Any]") -> None:
    # The bucket's times have no zone: all who read and write them have to be in one.
    connection.execute("SET timezone TO 'UTC'")
    connection.commit()
