"""Where an eval keeps its company: a file, a PostgreSQL server of its own, or one that is named."""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import inspect

from copilot.settings import Settings
from crm.errors import BadInput
from crm.store import Store


def add_database_options(parser: ArgumentParser) -> None:
    """Let a command line ask for PostgreSQL: `--postgres` starts a server, `--url` names one."""
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--postgres", action="store_true", help="a PostgreSQL server of its own instead of a file"
    )
    chosen.add_argument("--url", help="an empty PostgreSQL database to use instead of a file")


@contextmanager
def database_url(*, on_postgres: bool, url: str | None = None) -> Iterator[str | None]:
    """Yield the SQLAlchemy URL of the database that was asked for, None for a file.

    A server of its own is gone afterwards, with all that it held.
    """
    if not on_postgres:
        yield url and Settings.load(database_url=url).sqlalchemy_url
        return
    # Only here: the server comes with the development tools, not with the product.
    from tests.postgres import running_postgres

    with running_postgres() as made:
        yield made


def made_store(path: Path, url: str | None) -> Store:
    """Return a store with tables and no rows: in a new file, or in the empty database of the URL.

    Raises BadInput if the database has tables, for an eval would write among what they hold.
    """
    store = Store(url) if url else Store.sqlite(path)
    if tables := inspect(store.engine).get_table_names():
        name = store.engine.url.database
        store.close()
        raise BadInput(f"the database {name!r} holds {len(tables)} tables: name an empty one")
    store.migrate()
    return store
