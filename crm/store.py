"""The SQL store: one engine, its migrations, and sessions; SQLite by default, PostgreSQL by URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.orm import Session, sessionmaker

from crm.errors import PermanentError
from crm.models import ImportRun

BUSY_TIMEOUT_MS = 15_000
_MIGRATION_LOCK = 735_011_402
_MIGRATIONS = Path(__file__).parent / "migrations"


class Store:
    """Sessions on one database; `migrate` brings its tables up to date first."""

    def __init__(self, url: str, *, wait_s: float = BUSY_TIMEOUT_MS / 1000) -> None:
        """`wait_s` is for a lock in SQLite, for the connection to a server elsewhere."""
        is_file = url.startswith("sqlite")
        connect: dict[str, Any] = {}
        if not is_file and "connect_timeout" not in url:
            connect["connect_timeout"] = max(2, round(wait_s))
        self.engine: Engine = create_engine(
            url, pool_pre_ping=not is_file, connect_args=connect, hide_parameters=True
        )
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", partial(_prepare_sqlite, round(wait_s * 1000)))
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @classmethod
    def sqlite(cls, path: Path) -> "Store":
        """Return a store in a file, whose folder is made if it is missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(f"sqlite:///{path}")

    def is_current(self) -> bool:
        """Say whether the tables are those of the newest revision, without loading Alembic."""
        with self.engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return False
            found = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return bool(found == newest_revision())

    def migrate(self) -> None:
        """Create or upgrade the tables to the newest revision; doing it twice changes nothing.

        Raises PermanentError if a newer version of the product made them.
        """
        if self.is_current():
            return
        from alembic.util import CommandError

        try:
            with self.engine.begin() as connection:
                if self.engine.dialect.name == "postgresql":
                    # Several machines may share the database: the second finds the tables made.
                    connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
                upgrade(connection)
        except CommandError as error:
            raise PermanentError(
                f"the database {self.engine.url.database!r} cannot be upgraded ({error}): a newer "
                "version of sales-copilot made it; install that, or name another workspace"
            ) from error

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Yield a session in one transaction: committed at the end, rolled back on an error."""
        with self._sessions.begin() as session:
            yield session

    def version(self, session: Session) -> int:
        """Return a number that grows with every import, for caches of what was imported."""
        return session.scalar(select(func.count(ImportRun.finished_at))) or 0

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables up to a revision in the connection's transaction: all of it or nothing."""
    from alembic import command
    from alembic.config import Config

    if connection.dialect.name == "sqlite":
        # By itself the driver opens a transaction for changes to rows, not for those to tables.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def newest_revision() -> str:
    """Return the newest migration's revision, which its file name `r0001_….py` holds."""
    return max(path.name[1:5] for path in (_MIGRATIONS / "versions").glob("r[0-9]*.py"))


def _prepare_sqlite(wait_ms: int, connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute(f"PRAGMA busy_timeout={wait_ms}")
    cursor.close()
