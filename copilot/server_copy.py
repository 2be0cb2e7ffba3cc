"""Copies the data of a PostgreSQL database out into files and in again, by the server's COPY."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from copilot.refusals import DATABASE, database_error
from crm.errors import BadInput, PermanentError
from crm.models import Base
from crm.store import Store, upgrade

THREADS = "sales_copilot_threads"
_TABLES = "tables.json"
_VERSION = "alembic_version"
_MADE_BY_SETUP = "checkpoint_migrations"


@dataclass(frozen=True)
class _Table:
    schema: str
    name: str
    columns: list[str]

    @property
    def file(self) -> str:
        return f"{self.schema}.{self.name}.copy"

    def quoted(self, connection: Connection) -> str:
        """Return the table with its columns, as a statement names them."""
        quote = connection.dialect.identifier_preparer.quote
        columns = ", ".join(quote(column) for column in self.columns)
        return f"{quote(self.schema)}.{quote(self.name)} ({columns})"


def copy_out(url: str, folder: Path) -> None:
    """Write the records and threads of one moment into the folder, a file a table.

    Jobs are left out: the next `sync` makes them anew.
    """
    with _connected(url) as connection:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        revision = connection.scalar(text(f"SELECT version_num FROM {_VERSION}"))  # noqa: S608
        tables = list(_tables(connection))
        for table in tables:
            statement = f"COPY {table.quoted(connection)} TO STDOUT"
            with (
                (folder / table.file).open("wb") as file,
                _cursor(connection) as cursor,
                cursor.copy(statement) as copy,
            ):
                file.writelines(copy)
    listed = [{"schema": one.schema, "name": one.name, "columns": one.columns} for one in tables]
    document = json.dumps({"revision": revision, "tables": listed}, indent=1)
    (folder / _TABLES).write_text(document, encoding="utf-8")


def copy_in(url: str, folder: Path) -> None:
    """Fill an empty database from the folder, all of it or nothing, and bring it up to date.

    The tables of threads have to be there. Raises BadInput if the database holds records.
    """
    document = json.loads((folder / _TABLES).read_text("utf-8"))
    tables = [_Table(**row) for row in document["tables"]]
    with _connected(url) as connection:
        if inspect(connection).has_table(_VERSION):
            raise BadInput(
                f"{DATABASE} names a database that is in use: restore into a new, empty one"
            )
        upgrade(connection, document["revision"])
        connection.execute(text("DELETE FROM audit_heads"))
        for table in _in_order(tables):
            statement = f"COPY {table.quoted(connection)} FROM STDIN"
            with (
                (folder / table.file).open("rb") as file,
                _cursor(connection) as cursor,
                cursor.copy(statement) as copy,
            ):
                while block := file.read(1 << 20):
                    copy.write(block)
        _count_on(connection)
    store = Store(url)
    store.migrate()
    store.close()


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 10})
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise database_error(error, DATABASE) from error
    except Exception as error:
        # COPY goes past SQLAlchemy: its errors are the driver's own.
        if type(error).__module__.partition(".")[0] != "psycopg":
            raise
        raise PermanentError(f"{DATABASE} refused the copy: {error}") from error


def _cursor(connection: Connection) -> Any:
    return connection.connection.cursor()


def _tables(connection: Connection) -> Iterator[_Table]:
    found = inspect(connection)
    own = found.default_schema_name or "public"
    known = {table.name for table in Base.metadata.tables.values()}
    for schema in (own, THREADS):
        if schema not in found.get_schema_names():
            continue
        for name in found.get_table_names(schema=schema):
            is_ours = name in known if schema == own else name != _MADE_BY_SETUP
            if is_ours:
                columns = found.get_columns(name, schema=schema)
                plain = [one["name"] for one in columns if "computed" not in one]
                yield _Table(schema, name, plain)


def _in_order(tables: list[_Table]) -> list[_Table]:
    """Return the tables so that none comes before what it refers to."""
    places = {table.name: place for place, table in enumerate(Base.metadata.sorted_tables)}
    return sorted(tables, key=lambda table: (table.schema == THREADS, places.get(table.name, -1)))


def _count_on(connection: Connection) -> None:
    """Let every sequence go on after the greatest number that was copied."""
    rows = connection.execute(
        text(
            "SELECT s.relname, t.relname, a.attname FROM pg_class s"
            " JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i')"
            " JOIN pg_class t ON t.oid = d.refobjid"
            " JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid"
            " WHERE s.relkind = 'S' AND s.relnamespace = current_schema()::regnamespace"
        )
    ).all()
    quote = connection.dialect.identifier_preparer.quote
    for sequence, table, column in rows:
        top = f"(SELECT max({quote(column)}) FROM {quote(table)})"  # noqa: S608
        connection.execute(
            text(f"SELECT setval('{quote(sequence)}', coalesce({top}, 0) + 1, false)")
        )
