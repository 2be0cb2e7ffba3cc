"""Locks between processes, freed by the system when one dies: of a workspace, of a database."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection, NullPool, create_engine, func, select
from sqlalchemy.exc import DBAPIError

from copilot.refusals import DATABASE, cannot_open, database_error
from crm.errors import PermanentError

_POLL_S = 0.1
# The server frees a lock only a moment after the connection that held it was closed or died.
_FREED_S = 2.0


@dataclass(frozen=True)
class Hold:
    """Whether a lock is held; true if it is. One on a server is lost with its connection."""

    is_mine: bool
    _ask: Callable[[], object] = lambda: None

    def __bool__(self) -> bool:
        return self.is_mine

    def check(self) -> None:
        """Raise TransientError if the lock was lost since, as by a restart of the server."""
        try:
            self._ask()
        except DBAPIError as error:
            raise database_error(error, DATABASE) from error


@contextmanager
def locked(
    folder: Path, name: str, *, wait_s: float, database_url: str | None = None
) -> Iterator[Hold]:
    """Yield whether the lock is held, a false Hold after `wait_s` s of another holding it.

    With the URL of a PostgreSQL database it also keeps out the other machines that use it.
    Raises PermanentError if the folder cannot be written, and what `database_error` makes of it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / name, timeout=wait_s)
        lock.acquire()
    except Timeout:
        yield Hold(is_mine=False)
        return
    except OSError as error:
        raise PermanentError(cannot_open(str(folder), error)) from error
    try:
        if database_url is None:
            yield Hold(is_mine=True)
        else:
            with locked_on_server(database_url, name, wait_s=wait_s) as hold:
                yield hold
    finally:
        lock.release()


@contextmanager
def locked_on_server(database_url: str, name: str, *, wait_s: float) -> Iterator[Hold]:
    """Yield whether an advisory lock of a PostgreSQL database is held, or not after `wait_s`.

    Two seconds are always waited, for one that was let go just now.

    It is held by a connection of its own: the server frees it when the process or machine dies.
    """
    # A lock that is idle for hours must outlive the firewalls in between.
    keepalive = {"keepalives_idle": 60, "connect_timeout": 10}
    engine = create_engine(
        database_url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=keepalive
    )
    key = int.from_bytes(hashlib.sha256(f"sales-copilot:{name}".encode()).digest()[:8], signed=True)
    try:
        connection = engine.connect()
    except DBAPIError as error:
        raise database_error(error, DATABASE) from error
    with connection:
        is_mine = _acquired(connection, key, wait_s)
        yield Hold(is_mine, partial(connection.exec_driver_sql, "SELECT 1"))


def _acquired(connection: Connection, key: int, wait_s: float) -> bool:
    # Asked again and again: one who waits inside a statement would hold up CREATE INDEX
    # CONCURRENTLY of the one who has it.
    wanted = select(func.pg_try_advisory_lock(key))
    until = time.monotonic() + max(wait_s, _FREED_S)
    try:
        # A machine that lost its power says no goodbye: by itself the server waits two hours.
        for setting in ("idle = 60", "interval = 10", "count = 6"):
            connection.exec_driver_sql(f"SET tcp_keepalives_{setting}")
        while not (is_mine := bool(connection.scalar(wanted))) and time.monotonic() < until:
            time.sleep(_POLL_S)
    except DBAPIError as error:
        raise database_error(error, DATABASE) from error
    return is_mine
