"""Who may take somebody for one of us: whoever took part in a private talk reads it."""

import pytest

from crm.access.bindings import Bindings
from crm.access.policy import load_policy
from crm.access.scope import Scope
from crm.errors import NotAllowed, NotFound
from crm.models import Conversation, User
from crm.principal import Principal, Role
from crm.store import Store
from ingest.identity import Person
from ingest.identity.deciding import Applied, decide, read_choice
from tests.identity_seed import AT, OWNER, decisions, fill_crm, keep, parsed, tied

ZED, PRIYA = Person("Zed", "zed@gmail.com"), Person("Priya Nair")


@pytest.fixture(autouse=True)
def crm(store: Store) -> None:
    with store.session() as session:
        fill_crm(session)


def caller(role: Role) -> Principal:
    return Principal(1, "anna", role, scopes=(Scope(load_policy(), role, Bindings(1)),))


def take(store: Store, key: str, choice: str, role: Role = Role.REP) -> Applied:
    return decide(store, key, read_choice(choice), principal=caller(role), now=AT)


@pytest.mark.parametrize("role", [Role.REP, Role.MANAGER, Role.EXECUTIVE, Role.PARTNER])
def test_nobody_makes_a_customers_address_his_own(store: Store, role: Role) -> None:
    (first,) = keep(store, parsed("1", ZED))
    before = tied(store, first)

    with pytest.raises((NotAllowed, NotFound)):
        take(store, "email:zed@gmail.com", "user:1", role)
    assert (tied(store, first), decisions(store)) == (before, [])
    (later,) = keep(store, parsed("2", ZED))
    with store.session() as session:
        assert session.get_one(Conversation, later).owner_id != 1


def test_sales_operations_and_the_owner_do(store: Store) -> None:
    (first,) = keep(store, parsed("1", ZED))

    take(store, "email:zed@gmail.com", "user:1", Role.OPERATIONS)
    assert tied(store, first) == [(None, 1)]
    decide(store, "email:zed@gmail.com", read_choice("user:2"), principal=OWNER, now=AT)
    assert tied(store, first) == [(None, 2)]


def test_in_one_conversation_and_by_the_users_own_address_everybody_does(store: Store) -> None:
    first, second = keep(store, parsed("1", PRIYA), parsed("2", Person("A", "old@ours.example")))
    take(store, f"name:conversation:{first}:priya nair", "user:1")
    assert tied(store, first) == [(None, 1)]

    with pytest.raises(NotAllowed):
        take(store, "email:old@ours.example", "user:1")
    with store.session() as session:
        session.get_one(User, 1).email = "Old@ours.example"
    assert take(store, "email:old@ours.example", "user:1").changed_ids == (second,)
