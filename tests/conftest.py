"""Fixtures that every test module may use."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm.principal import Principal
from crm.store import Store
from tests.write_back_world import World, connected


@pytest.fixture
def as_of() -> datetime:
    """A frozen clock: Monday 16 November 2026, 09:00 UTC."""
    return datetime(2026, 11, 16, 9, tzinfo=UTC)


@pytest.fixture
def owner() -> Principal:
    """The caller of single-user mode."""
    return Principal.local_owner()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty, migrated SQLite store."""
    store = Store.sqlite(tmp_path / "crm.db")
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def sf(store: Store, tmp_path: Path) -> Iterator[World]:
    """A connected Salesforce that may be written to."""
    with connected("salesforce", store, tmp_path) as world:
        yield world


@pytest.fixture
def hs(store: Store, tmp_path: Path) -> Iterator[World]:
    """A connected HubSpot that may be written to."""
    with connected("hubspot", store, tmp_path) as world:
        yield world


@pytest.fixture(params=["sf", "hs"])
def crm(request: pytest.FixtureRequest) -> World:
    """Either of them."""
    world: World = request.getfixturevalue(request.param)
    return world
