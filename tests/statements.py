"""Counts the SQL statements that a stretch of a test runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from crm.store import Store


@contextmanager
def counted(store: Store) -> Iterator[list[str]]:
    """Yield the list that fills with every statement run inside."""
    ran: list[str] = []

    def note(connection, cursor, statement, *rest) -> None:  # type: ignore[no-untyped-def]
        ran.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield ran
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
