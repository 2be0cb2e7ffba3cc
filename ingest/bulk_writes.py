"""How a database connection is set while an import writes many rows."""

from sqlalchemy.orm import Session

_CACHE_KIB = 65_536
_CHECKPOINT_PAGES = 10_000


def prepare_bulk_writes(session: Session) -> None:
    """Give SQLite room for the index pages that an import touches; PostgreSQL has its own.

    Each row lands in a dozen indexes at places of no order. In SQLite's usual 2 MB their pages
    are read and written again for every batch, the more so the larger the tables are.
    """
    if session.get_bind().dialect.name != "sqlite":
        return
    connection = session.connection()
    connection.exec_driver_sql(f"PRAGMA cache_size=-{_CACHE_KIB}")
    connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
