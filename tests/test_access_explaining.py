"""What `access explain` says is what happens: rows of every kind, callers and rules by chance."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.access import readable, visible
from crm.access.anchors import ANCHORS, PARENTS
from crm.access.bindings import bindings_of, bindings_outside, role_of
from crm.access.explaining import explain_access
from crm.access.policy import RELATIONS, Kind, Policy, load_policy
from crm.access.scope import Scope
from crm.errors import NotFound
from crm.models import AccessGrant, Account, Base, Contact, Conversation, GrantKind, User
from crm.principal import Principal, Role
from crm.store import Store
from evals.access_company import build_world
from evals.access_world import NOW

MODELS: tuple[Any, ...] = (*ANCHORS, *PARENTS)
PAIRS = 200
_INSIDE = [role for role in Role if role not in {Role.OWNER, Role.CUSTOMER}]


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    with store.session() as session:
        yield session


def rules_by_chance(chance: Random) -> Policy:
    """Rules with and, or, not, unless, has, forbids for all roles, and for people outside."""
    rules = []
    for _ in range(chance.randint(4, 12)):
        kind = chance.choice(list(Kind))
        effect = chance.choice(["permit", "permit", "permit", "forbid"])
        who = chance.choice(["principal", f'principal in Role::"{chance.choice(_INSIDE).value}"'])
        actions = chance.choice(['== Action::"read"', '== Action::"read_outside"', "in [" +
                                 'Action::"read", Action::"read_outside"]'])  # fmt: skip
        words = [f"resource.{name.value}" for name in RELATIONS[kind]] or ["resource.public"]
        terms = [
            chance.choice(["", "!"]) + chance.choice([*words, "(resource has own)", "true"])
            for _ in range(chance.randint(1, 4))
        ]
        test = terms[0]
        for term in terms[1:]:
            test = f"({test}) {chance.choice(['&&', '||'])} {term}"
        when = chance.choice(["when", "unless"])
        rules.append(
            f"{effect} ({who}, action {actions}, resource is {kind.value}) {when} {{ {test} }};"
        )
    rules.append('permit (principal, action == Action::"read_outside", resource is Account) '
                 "when { resource.employer };")  # fmt: skip
    return Policy("\n".join(rules))


def unsettle(session: Session, chance: Random, now: datetime) -> None:
    """Delete some rows, leave some without owner, account or team, and give grants by chance."""
    for model in MODELS:
        for row in session.scalars(select(model)):
            if chance.random() < 0.12:
                row.deleted_at = now
            for column in ("owner_id", "territory_id", "team_id"):
                if hasattr(row, column) and chance.random() < 0.15:
                    setattr(row, column, None)
            if model in {Contact, Conversation} and chance.random() < 0.15:
                row.account_id = None
    users = list(session.scalars(select(User.id)))
    for _ in range(30):
        kind = chance.choice(list(GrantKind))
        begins = now + timedelta(hours=chance.choice([-30, -1, 0, 1]))
        session.add(
            AccessGrant(
                user_id=chance.choice(users), kind=kind.value, object_id=chance.randint(1, 6),
                reason="tender", granted_by="ops", created_at=now,
                valid_from=chance.choice([None, begins.astimezone(timezone(timedelta(hours=9)))]),
                valid_until=chance.choice([None, now, now + timedelta(minutes=1)]),
                revoked_at=chance.choice([None, None, now]),
            )
        )  # fmt: skip
    session.flush()


def callers(session: Session, policy: Policy, at: datetime) -> list[Principal]:
    found = []
    for user in session.scalars(select(User)):
        role = role_of(user)
        scope = Scope(policy, role, bindings_of(session, user, at=at))
        found.append(Principal(user.id, user.name, role, scopes=(scope,)))
    people: Sequence[Contact | None] = [*session.scalars(select(Contact)), None]
    for contact in people:
        scope = Scope(policy, Role.CUSTOMER, bindings_outside(contact))
        number = contact.id if contact else None
        found.append(Principal(0, "x", Role.CUSTOMER, scopes=(scope,), contact_id=number))
    return found


def is_read(session: Session, principal: Principal, model: Any, number: int) -> bool:
    statement = visible(select(model.id).where(model.id == number), model, principal)
    return session.scalar(statement) is not None


def is_explained(session: Session, principal: Principal, model: type[Base], number: int) -> bool:
    (scope,) = principal.scopes
    try:
        return explain_access(session, scope, model, number).is_allowed
    except NotFound:
        return False


@pytest.mark.parametrize("seed", range(4))
def test_explain_says_what_visible_does(session: Session, seed: int) -> None:
    chance = Random(seed)
    build_world(session, seed=seed, size=4)
    now = NOW.astimezone(UTC)
    unsettle(session, chance, now)
    policy = load_policy() if seed == 0 else rules_by_chance(chance)
    everybody = callers(session, policy, now)
    said: list[bool] = []
    for _ in range(PAIRS):
        principal, model = chance.choice(everybody), chance.choice(MODELS)
        number = chance.choice([*session.scalars(select(model.id)), 10**6])
        told = is_explained(session, principal, model, number)
        assert told is is_read(session, principal, model, number), (principal, model, number)
        said.append(told)

    assert 0 < sum(said) < PAIRS


@pytest.mark.parametrize("seed", range(2))
def test_a_joined_row_is_shown_to_whom_it_is_visible(session: Session, seed: int) -> None:
    chance = Random(seed)
    build_world(session, seed=seed, size=4)
    unsettle(session, chance, NOW)
    policy = rules_by_chance(chance)
    for principal in callers(session, policy, NOW):
        for model in (Account, Contact, Conversation):
            alone = set(session.scalars(visible(select(model.id), model, principal)))
            joined = set(session.scalars(select(model.id).where(readable(model, principal))))
            assert joined == alone
