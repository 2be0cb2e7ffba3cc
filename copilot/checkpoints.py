"""Opens the graphs' checkpoints: a file of the workspace, or a schema of the shared database."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString, cast

from copilot.locks import locked_on_server
from copilot.refusals import DATABASE, cannot_open, database_error, no_driver
from copilot.settings import Settings
from crm.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.checkpoint.postgres import PostgresSaver
    from psycopg import Connection
    from psycopg.rows import DictRow

log = logging.getLogger(__name__)

SCHEMA: LiteralString = "sales_copilot_threads"
_SETUP_WAIT_S = 60.0
_CONNECT_S = 10
_ANSWER_S = 30.0
_AT_ONCE = 4
_BUSY_S = 15.0
# Version 6 of a UUID counts tenths of microseconds from the beginning of the Gregorian calendar.
_UUID_BEGAN = datetime(1582, 10, 15, tzinfo=UTC)
_UNUSED_BLOBS: LiteralString = (
    "DELETE FROM checkpoint_blobs AS blob USING checkpoints AS head WHERE head.thread_id ="
    " blob.thread_id AND head.checkpoint_ns = blob.checkpoint_ns AND head.checkpoint_id ="
    " (SELECT max(checkpoint_id) FROM checkpoints AS one WHERE one.thread_id = blob.thread_id"
    " AND one.checkpoint_ns = blob.checkpoint_ns) AND"
    " head.checkpoint -> 'channel_versions' ->> blob.channel IS DISTINCT FROM blob.version"
)


@contextmanager
def open_checkpoints(settings: Settings, *, now: datetime) -> "Iterator[BaseCheckpointSaver[Any]]":
    """Yield where graphs keep their threads; processes and threads may have it open together.

    `now` is the real time, in which checkpoints are stamped. Threads last touched more than
    `settings.threads_keep_days` before it go first, and of the others all but the newest
    checkpoint, from which alone they go on.

    Raises:
        PermanentError: the database cannot be used, or its driver is missing.
        TransientError: the database is busy or out of reach.
    """
    first_kept = first_id_at(now - timedelta(days=settings.threads_keep_days))
    url = settings.postgres_url
    if url is None:
        with _on_sqlite(settings.threads_db, first_kept) as saver:
            yield saver
        return
    try:
        import psycopg
        import psycopg_pool  # noqa: F401 — it may be missing on its own
    except ImportError as error:
        raise PermanentError(no_driver(DATABASE, settings.sqlalchemy_url, error)) from error
    try:
        with _on_postgres(settings.sqlalchemy_url, url, first_kept) as saver:
            yield saver
    except psycopg.Error as error:
        raise database_error(error, DATABASE) from error


def first_id_at(moment: datetime) -> str:
    """Return the least id that a checkpoint made at this moment can have."""
    ticks = (moment - _UUID_BEGAN) // timedelta(microseconds=1) * 10
    return f"{ticks >> 28:08x}-{ticks >> 12 & 0xFFFF:04x}-6{ticks & 0xFFF:03x}"


@contextmanager
def _on_sqlite(path: Path, first_kept: str) -> "Iterator[BaseCheckpointSaver[Any]]":
    from langgraph.checkpoint.sqlite import SqliteSaver

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = sqlite3.connect(path, check_same_thread=False, timeout=_BUSY_S)
    except (OSError, sqlite3.Error) as error:
        raise PermanentError(cannot_open(str(path), str(error))) from error
    with closing(opened) as connection:
        saver = SqliteSaver(connection)
        saver.setup()
        _tidy_sqlite(connection, first_kept)
        yield saver


def _tidy_sqlite(connection: sqlite3.Connection, first_kept: str) -> None:
    with connection:
        # Writes first: which of them are old is told by the checkpoints.
        for table in ("writes", "checkpoints"):
            connection.execute(_drop_old(table, "?"), (first_kept,))
            connection.execute(_drop_superseded(table))


@contextmanager
def _on_postgres(
    sqlalchemy_url: str, url: str, first_kept: str
) -> "Iterator[BaseCheckpointSaver[Any]]":
    from langgraph.checkpoint.postgres import PostgresSaver
    from psycopg import Connection
    from psycopg.rows import DictRow, dict_row
    from psycopg_pool import ConnectionPool

    options: dict[str, Any] = {
        "autocommit": True,
        "row_factory": dict_row,
        # Statements that stay prepared do not get through most poolers.
        "prepare_threshold": None,
    }
    if "connect_timeout" not in url:
        options["connect_timeout"] = _CONNECT_S
    with Connection.connect(url, **options) as one:
        first = cast("Connection[DictRow]", one)
        _look_in_schema(first)
        _set_up(PostgresSaver(first), first, sqlalchemy_url)
        _tidy_postgres(first, first_kept)
    with ConnectionPool(
        url,
        connection_class=Connection[DictRow],
        kwargs=options,
        min_size=1,
        max_size=_AT_ONCE,
        timeout=_ANSWER_S,
        configure=_look_in_schema,
        # After a restart of the server the next turn gets a fresh connection.
        check=ConnectionPool.check_connection,
        name="checkpoints",
    ) as pool:
        yield PostgresSaver(pool)


def _look_in_schema(connection: "Connection[DictRow]") -> None:
    connection.execute(f"SET search_path TO {SCHEMA}")


def _set_up(saver: "PostgresSaver", connection: "Connection[DictRow]", url: str) -> None:
    """Make the tables once, whoever comes first; the others wait."""
    if _is_set_up(saver, connection):
        return
    with locked_on_server(url, SCHEMA, wait_s=_SETUP_WAIT_S) as is_mine:
        if not is_mine:
            raise TransientError(
                f"another process is still preparing {DATABASE} for threads: try again"
            )
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        saver.setup()


def _is_set_up(saver: "PostgresSaver", connection: "Connection[DictRow]") -> bool:
    table = f"{SCHEMA}.checkpoint_migrations"
    found = connection.execute("SELECT to_regclass(%s) AS it", (table,)).fetchone()
    if found is None or found["it"] is None:
        return False
    last = connection.execute("SELECT max(v) AS v FROM checkpoint_migrations").fetchone()
    return last is not None and last["v"] == len(saver.MIGRATIONS) - 1


def _tidy_postgres(connection: "Connection[DictRow]", first_kept: str) -> None:
    from psycopg import IsolationLevel
    from psycopg.errors import DeadlockDetected, SerializationFailure

    # One snapshot for all: what a thread saves meanwhile is neither seen nor deleted.
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with connection.transaction():
            connection.execute(_UNUSED_BLOBS)
            for table in ("checkpoint_writes", "checkpoint_blobs", "checkpoints"):
                connection.execute(_drop_old(table, "%s").encode(), (first_kept,))
            for table in ("checkpoint_writes", "checkpoints"):
                connection.execute(_drop_superseded(table).encode())
    except (SerializationFailure, DeadlockDetected):
        log.info("another process is tidying the threads")


def _drop_old(table: str, parameter: str) -> str:
    """Return what deletes the rows of threads whose last checkpoint is before the parameter."""
    return (
        f"DELETE FROM {table} WHERE thread_id IN (SELECT thread_id FROM checkpoints"  # noqa: S608
        f" GROUP BY thread_id HAVING max(checkpoint_id) < {parameter})"
    )


def _drop_superseded(table: str) -> str:
    """Return what deletes the rows of all checkpoints that have a newer one."""
    return (
        f"DELETE FROM {table} WHERE checkpoint_id < (SELECT max(newer.checkpoint_id)"  # noqa: S608
        f" FROM checkpoints AS newer WHERE newer.thread_id = {table}.thread_id"
        f" AND newer.checkpoint_ns = {table}.checkpoint_ns)"
    )
