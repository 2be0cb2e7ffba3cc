"""Fixtures that every test module may use, and surroundings that are the same everywhere."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from crm.principal import Principal
from crm.store import Store
from tests.write_back_world import World, connected

# What shells and CI services say about a terminal, by which output is wrapped and coloured.
_ABOUT_TERMINALS = (
    "CLICOLOR_FORCE", "COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS", "LINES", "NO_COLOR", "PY_COLORS",
    "TERMINAL_WIDTH", "TTY_COMPATIBLE", "TTY_INTERACTIVE",
)  # fmt: skip


def pytest_configure() -> None:
    """Let output look as it does outside a terminal, and the same texts be tried in every run.

    `--hypothesis-profile default` tries other ones.
    """
    for name in _ABOUT_TERMINALS:
        os.environ.pop(name, None)
    settings.register_profile(
        "same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("same")


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
