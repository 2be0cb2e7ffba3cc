"""How many questions a person may ask in a minute, counted over all processes of a workspace."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url

from crm.errors import TransientError

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg_pool import ConnectionPool

log = logging.getLogger(__name__)

_WAIT_S = 10.0
_AHEAD_MS = 60_000
_LOCK = 735_011_403


class TooManyQuestions(TransientError):
    """The person asked too many questions within a minute."""


@dataclass
class QuestionLimit:
    """A limit a minute for each person, kept in the workspace's folder or in PostgreSQL.

    Where neither can be written, nobody is held up.
    """

    per_minute: int
    folder: Path
    postgres_url: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admit(self, person: str) -> None:
        """Count one question. Raises TooManyQuestions, which says when to ask again."""
        if not self.per_minute:
            return
        try:
            wait_ms = self._wait_ms(person)
        except _refusals() as error:
            log.warning("questions cannot be counted: %s", type(error).__name__)
            return
        if wait_ms is not None:
            raise TooManyQuestions(
                f"{self.per_minute} questions a minute are allowed and asked: ask again in "
                f"{max(1, ceil(wait_ms / 1000))} s (SALES_COPILOT_QUESTIONS_PER_MINUTE sets this)"
            )

    def close(self) -> None:
        """Give the connections back."""
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
        from pyrate_limiter import Duration, PostgresBucket, Rate, SQLiteBucket

        rates = [Rate(self.per_minute, Duration.MINUTE)]
        with ExitStack() as stack:
            if self.postgres_url is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                file = str(self.folder / "limits.db")
                bucket = SQLiteBucket.init_from_file(rates, table, file, use_file_lock=True)
                yield stack.enter_context(bucket)
                return
            # The bucket refuses whoever comes at the same instant; so they come one by one.
            connection = stack.enter_context(self._pool.connection())
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            yield PostgresBucket(self._pool, table, rates)

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


def _in_utc(connection: "Connection[Any]") -> None:
    # The bucket's times have no zone: all who read and write them have to be in one.
    connection.execute("SET timezone TO 'UTC'")
    connection.commit()


def _refusals() -> tuple[type[Exception], ...]:
    """Return what databases raise; the driver of PostgreSQL need not be installed."""
    try:
        from psycopg import Error
    except ImportError:
        return (sqlite3.Error, OSError)
    return (sqlite3.Error, OSError, Error)
