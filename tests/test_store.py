"""The store: its tables, made and upgraded whole or not at all, and what it enforces."""

import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, inspect, text
from sqlalchemy.exc import IntegrityError, StatementError

from crm.models import Base, Contact, ImportRun
from crm.store import Store, upgrade


def test_migrations_make_exactly_the_declared_tables(store: Store) -> None:
    made = set(inspect(store.engine).get_table_names())
    assert set(Base.metadata.tables) <= made


def test_migrating_twice_changes_nothing(store: Store) -> None:
    store.migrate()
    with store.session() as session:
        assert session.scalar(text("select count(*) from alembic_version")) == 1


def test_sqlite_enforces_foreign_keys_and_writes_ahead(store: Store) -> None:
    with store.session() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
    orphan = Contact(
        name="Nobody",
        account_id=404,
        source="t",
        external_id="1",
        synced_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    with pytest.raises(IntegrityError), store.session() as session:
        session.add(orphan)


def test_times_come_back_aware_and_naive_ones_are_refused(store: Store) -> None:
    started = datetime(2026, 1, 1, 12, tzinfo=UTC)
    with store.session() as session:
        session.add(ImportRun(source="t", kind="crm", inputs="", started_at=started))
    with store.session() as session:
        assert session.query(ImportRun).one().started_at == started
    naive = ImportRun(source="t", kind="crm", inputs="", started_at=datetime(2026, 1, 1))
    with pytest.raises(StatementError), store.session() as session:
        session.add(naive)


class PowerCut(Exception):
    """What ends a process between two statements."""


def schema(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as file:
        return sorted(
            file.execute("SELECT type, name, sql FROM sqlite_master").fetchall(), key=repr
        )


@pytest.mark.parametrize("revision", [None, "0004", "0007"])
def test_an_upgrade_cut_off_at_any_statement_is_done_by_the_next_one(
    tmp_path: Path, revision: str | None
) -> None:
    def made(name: str, *, cut_at: int) -> int:
        """Upgrade a database, cut off at that statement, then once more; return the statements."""
        seen = 0

        def cut(*_: object) -> None:
            nonlocal seen
            seen += 1
            if seen == cut_at:
                raise PowerCut

        store = Store.sqlite(tmp_path / name)
        if revision is not None:
            with store.engine.begin() as connection:
                upgrade(connection, revision)
        before = schema(tmp_path / name)
        event.listen(store.engine, "before_cursor_execute", cut)
        with suppress(PowerCut):
            store.migrate()
        if cut_at:
            assert not store.is_current()
            assert schema(tmp_path / name) == before
        store.migrate()
        store.close()
        return seen

    statements = made("whole.db", cut_at=0)
    wanted = schema(tmp_path / "whole.db")
    assert statements > 20
    for cut_at in range(5, statements - 2, statements // 5):
        made(f"{cut_at}.db", cut_at=cut_at)
        assert schema(tmp_path / f"{cut_at}.db") == wanted
