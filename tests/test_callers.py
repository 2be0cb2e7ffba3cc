"""Who a caller is: whoever has left asks nothing, and can still be spoken of."""

from datetime import UTC, datetime
from typing import Any

import pytest

from copilot.callers import principal_of
from crm.access.policy import load_policy
from crm.errors import Ambiguous, NotAllowed
from crm.models import Account, Contact, User
from crm.principal import Principal
from crm.store import Store

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
LEFT: list[dict[str, Any]] = [{"is_active": False}, {"deleted_at": NOW}]


def add(store: Store, number: int, name: str, **more: Any) -> None:
    with store.session() as session:
        sourced = {"id": number, "source": "t", "external_id": str(number), "synced_at": NOW}
        session.add(User(**sourced, name=name, role="rep", **more))


def caller(store: Store, who: str, **more: bool) -> Principal:
    return principal_of(store, who, policy=load_policy(), at=NOW, **more)


@pytest.mark.parametrize("gone", LEFT)
def test_who_has_left_asks_nothing(store: Store, gone: dict[str, Any]) -> None:
    add(store, 1, "Anna", email="anna@acme.example", **gone)

    for who in ("anna@acme.example", "Anna"):
        with pytest.raises(NotAllowed, match="has left"):
            caller(store, who)
    with pytest.raises(NotAllowed, match="has left"):
        caller(store, "anna@acme.example", admits_outside=True)
    assert caller(store, "Anna", admits_left=True).user_id == 1


@pytest.mark.parametrize("gone", LEFT)
def test_who_left_does_not_stand_in_the_way_of_a_namesake(
    store: Store, gone: dict[str, Any]
) -> None:
    add(store, 1, "Anna", **gone)
    add(store, 2, "Anna")
    assert caller(store, "anna").user_id == 2

    add(store, 3, "Anna")
    with pytest.raises(Ambiguous, match="2 users"):
        caller(store, "anna")


def test_who_left_is_not_taken_for_a_contact_of_the_same_address(store: Store) -> None:
    add(store, 1, "Anna", email="anna@both.example", is_active=False)
    with store.session() as session:
        sourced = {"id": 1, "source": "t", "external_id": "1", "synced_at": NOW}
        session.add(Account(**sourced, name="Both"))
        session.flush()
        session.add(Contact(**sourced, name="Anna", email="anna@both.example", account_id=1))

    with pytest.raises(NotAllowed, match="has left"):
        caller(store, "anna@both.example", admits_outside=True)
