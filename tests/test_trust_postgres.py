"""Access and the audit trail on PostgreSQL: the same rows, the same chain."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from crm.audit.exporting import erase_details
from crm.audit.trail import Deed, record
from crm.store import Store
from tests.postgres import postgres_url
from tests.test_access_scope import READ, World, by_hand, by_sql, random_policy
from tests.test_audit import ANNA, NOW, OPS, test_many_at_once_make_one_chain, verified
from tests.test_postgres_end_to_end import new_database

__all__ = ["postgres_url", "test_many_at_once_make_one_chain"]

pytestmark = pytest.mark.slow


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    """An empty, migrated store of its own on the server."""
    with new_database(postgres_url, "trust_tests") as url:
        store = Store(url.replace("postgres://", "postgresql+psycopg://"))
        store.migrate()
        yield store
        store.close()


@pytest.mark.parametrize("seed", range(4))
def test_sql_and_the_policy_agree_on_every_row(store: Store, seed: int) -> None:
    with store.session() as session:
        world, policy = World(session, seed), random_policy(seed)
        for user_id in world.users:
            scope, principal = world.scope(user_id, policy), world.principal(user_id, policy)
            for model in READ:
                assert by_sql(world, principal, model) == by_hand(world, scope, model)


def test_events_are_kept_and_details_can_be_erased(store: Store) -> None:
    with store.session() as session:
        for number in range(3):
            deed = Deed(
                "noted", f"opportunity:{number}", after={"said": "五万"}, subjects=["contact:1"]
            )
            record(session, deed, principal=ANNA, now=NOW)
    with pytest.raises(DatabaseError, match="only added to"), store.session() as session:
        session.execute(text("DELETE FROM audit_events"))
    with store.session() as session:
        assert erase_details(session, "contact:1", reason="asked", principal=OPS, now=NOW) == 3

    found = verified(store)
    assert (found.events, found.erased, found.faults) == (4, 3, ())
