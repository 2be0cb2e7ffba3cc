"""A shared channel reads what every one of its members may read, and its threads are its own."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.access.bindings import NOBODY, bindings_of
from crm.access.channels import principal_of_channel
from crm.access.fields import withheld
from crm.access.policy import Policy, load_policy
from crm.access.scope import Scope
from crm.access.threads import thread_key
from crm.errors import BadInput
from crm.models import AccessGrant, Account, Base, Contact, Conversation, Opportunity, Quote, User
from crm.principal import Principal, Role
from crm.store import Store
from evals.access_company import build_world
from evals.access_filter import policies
from evals.access_world import NOW, World

READ = (Account, Opportunity, Contact, Conversation, Quote, User)


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    with store.session() as session:
        yield session


@pytest.fixture
def world(session: Session) -> World:
    return build_world(session, seed=3, size=6)


def ids(session: Session, model: type[Base], principal: Principal) -> set[int]:
    found: set[int] = set(session.scalars(visible(select(model.id), model, principal)))  # type: ignore[attr-defined]
    return found


def person(session: Session, user_id: int, policy: Policy) -> Principal:
    user = session.get_one(User, user_id)
    scope = Scope(policy, Role(user.role), bindings_of(session, user, at=NOW))
    return Principal(user_id, user.name, scope.role, scopes=(scope,))


def channel(session: Session, members: list[int | None], policy: Policy) -> Principal:
    return principal_of_channel(session, members, name="#deals", policy=policy, at=NOW)


@pytest.mark.parametrize("name", ["default", "strict", "random 1", "random 2", "random 3"])
def test_a_channel_reads_what_all_of_its_members_read(
    session: Session, world: World, name: str
) -> None:
    policy = policies(seed=5)[name]
    read_something = 0
    for members in ([1, 2], [2, 4], [1, 2, 3], [3, 7, 8], [5]):
        shared = channel(session, list(members), policy)
        for model in READ:
            each = [ids(session, model, person(session, one, policy)) for one in members]
            assert ids(session, model, shared) == set.intersection(*each)
            read_something += len(set.intersection(*each))
    assert read_something


def test_what_one_member_may_not_be_shown_nobody_in_the_channel_is(
    session: Session, world: World
) -> None:
    policy = load_policy()
    rep, partner = 1, 5
    assert session.get_one(User, partner).role == Role.PARTNER.value

    assert withheld(Contact, channel(session, [rep], policy)) == frozenset()
    assert withheld(Contact, channel(session, [rep, partner], policy)) == {"email", "phone"}


@pytest.mark.parametrize("stranger", [None, 999])
def test_a_channel_with_somebody_unknown_in_it_reads_nothing(
    session: Session, world: World, stranger: int | None
) -> None:
    mixed = channel(session, [1, stranger], load_policy())

    assert [ids(session, model, mixed) for model in READ] == [set()] * len(READ)


@pytest.mark.parametrize("gone", [{"is_active": False}, {"deleted_at": NOW}])
def test_a_channel_with_somebody_who_left_reads_nothing(
    session: Session, world: World, gone: dict[str, object]
) -> None:
    for column, value in gone.items():
        setattr(session.get_one(User, 2), column, value)
    session.flush()

    assert ids(session, Account, channel(session, [1, 2], load_policy())) == set()


def test_a_channel_needs_members(session: Session) -> None:
    with pytest.raises(BadInput, match="no members"):
        channel(session, [], load_policy())


def test_a_grant_to_one_member_opens_nothing_to_the_others(session: Session, world: World) -> None:
    policy = policies(seed=5)["strict"]
    alone = ids(session, Opportunity, person(session, 1, policy))
    both = channel(session, [1, 7], policy)
    before = ids(session, Opportunity, both)
    all_deals = set(session.scalars(select(Opportunity.id).where(Opportunity.deleted_at.is_(None))))
    fresh = min(all_deals - alone - ids(session, Opportunity, person(session, 7, policy)))
    session.add(
        AccessGrant(
            user_id=1, kind="opportunity", object_id=fresh, reason="tender", granted_by="ops",
            created_at=NOW, valid_from=None, valid_until=NOW + timedelta(days=1),
        )
    )  # fmt: skip
    session.flush()

    assert ids(session, Opportunity, person(session, 1, policy)) == alone | {fresh}
    assert ids(session, Opportunity, channel(session, [1, 7], policy)) == before


def test_a_channel_acts_as_the_humblest_of_its_members(session: Session, world: World) -> None:
    roles = {one: session.get_one(User, one).role for one in (1, 2, 5)}
    assert roles == {1: "rep", 2: "manager", 5: "partner"}

    assert channel(session, [2, 1], load_policy()).role is Role.REP
    assert channel(session, [2, 5, 1], load_policy()).role is Role.PARTNER
    assert channel(session, [2, None], load_policy()).role is Role.PARTNER
    assert channel(session, [2], load_policy()).user_id == NOBODY


def test_a_thread_belongs_to_one_caller(session: Session, world: World) -> None:
    policy = load_policy()
    callers = [
        Principal.local_owner(),
        person(session, 1, policy),
        person(session, 2, policy),
        channel(session, [1, 2], policy),
        channel(session, [1, 2, 3], policy),
        principal_of_channel(session, [1, 2], name="#other", policy=policy, at=NOW),
    ]

    keys = {thread_key(one, "q3") for one in callers}

    assert len(keys) == len(callers)
    assert thread_key(channel(session, [2, 1], policy), "q3") in keys


def test_no_name_of_a_thread_reaches_into_those_of_others(session: Session, world: World) -> None:
    policy = load_policy()
    mine, theirs = person(session, 1, policy), person(session, 2, policy)

    tried = {thread_key(mine, name) for name in ("2:q3", "../2:q3", "owner:q3", ":q3", "q3")}

    assert thread_key(theirs, "q3") not in tried
    assert thread_key(Principal.local_owner(), "q3") not in tried
