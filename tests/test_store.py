from datetime import UTC, datetime

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError, StatementError

from crm.models import Base, Contact, ImportRun
from crm.store import Store


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
