"""What a caller reads by SQL is what the policy file says of each row, asked one by one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from crm.access import visible
from crm.access.anchors import ANCHORS, PARENTS
from crm.access.bindings import bindings_of
from crm.access.policy import RELATIONS, Kind, Policy, Relation, load_policy, simplest
from crm.access.scope import Scope
from crm.errors import BadInput
from crm.models import (
    AccessGrant,
    Account,
    Activity,
    Base,
    Case,
    Contact,
    Conversation,
    GrantKind,
    Lead,
    Opportunity,
    Participant,
    Quota,
    Quote,
    Stage,
    Team,
    Territory,
    User,
)
from crm.principal import Principal, Role
from crm.store import Store

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
READ = (Account, Opportunity, Contact, Lead, Activity, Case, Quota, Conversation, Quote, User)


class World:
    """A small company with rows of every kind, owned and placed by chance."""

    def __init__(self, session: Session, seed: int) -> None:
        self.session, self.chance, self.number = session, Random(seed), 0
        root = self.add(Team, name="all")
        self.teams = [root, self.add(Team, name="east", parent_id=root), self.add(Team, name="w")]
        self.teams.append(self.add(Team, name="east 1", parent_id=self.teams[1]))
        self.places = [self.add(Territory, name=n, region=n) for n in ("north", "south")]
        self.users = [
            self.add(
                User,
                name=f"user {n}",
                role=self.chance.choice(list(Role)[:6]).value,
                team_id=self.any(self.teams),
                territory_id=self.any(self.places),
            )
            for n in range(6)
        ]
        for number in self.users:
            # Some report to each other in a ring, and some to themselves.
            session.get_one(User, number).manager_id = self.chance.choice([*self.users, None])
        stage = self.add(Stage, name="open", position=1, status="open")
        accounts = [
            self.add(Account, name="a", owner_id=self.user(), territory_id=self.any(self.places))
            for _ in range(8)
        ]
        deals = [
            self.add(
                Opportunity,
                name="d",
                stage_id=stage,
                currency="EUR",
                owner_id=self.user(),
                account_id=self.any(accounts),
                territory_id=self.any(self.places),
            )
            for _ in range(8)
        ]
        for _ in range(8):
            both = {"account_id": self.any(accounts), "opportunity_id": self.any(deals)}
            self.add(Contact, name="c", account_id=both["account_id"])
            self.add(Lead, name="l", owner_id=self.user(), opportunity_id=both["opportunity_id"])
            self.add(Activity, kind="task", subject="s", owner_id=self.user(), **both)
            self.add(
                Case,
                subject="s",
                status="open",
                owner_id=self.user(),
                account_id=both["account_id"],
            )
            talk = self.add(
                Conversation,
                kind="call",
                title="t",
                started_at=NOW,
                content_sha256="x",
                owner_id=self.user(),
                is_private=self.chance.random() < 0.5,
                **both,
            )
            if self.chance.random() < 0.5:
                session.add(
                    Participant(
                        conversation_id=talk, position=0, name="p", side="ours", user_id=self.user()
                    )
                )
            self.add(
                Quota,
                user_id=self.user(),
                starts_on=NOW.date(),
                ends_on=NOW.date(),
                amount_minor=1,
                currency="EUR",
            )
            self.add(
                Quote, opportunity_id=self.chance.choice(deals), number="q", status="sent",
                total_minor=1, currency="EUR",
            )  # fmt: skip
        for user in self.users:
            for kind, objects in (
                (GrantKind.ACCOUNT, accounts),
                (GrantKind.OPPORTUNITY, deals),
                (GrantKind.STAND_IN, self.users),
                (GrantKind.TEAM, self.teams),
            ):
                if self.chance.random() < 0.4:
                    self.grant(user, kind, self.chance.choice(objects))
        session.flush()

    def add(self, model: Any, **values: Any) -> int:
        self.number += 1
        row = model(source="test", external_id=str(self.number), synced_at=NOW, **values)
        self.session.add(row)
        self.session.flush()
        return int(row.id)

    def grant(self, user: int, kind: GrantKind, object_id: int, **days: datetime) -> AccessGrant:
        made = AccessGrant(
            user_id=user, kind=kind.value, object_id=object_id, reason="holiday",
            granted_by="ops", created_at=NOW, **days,
        )  # fmt: skip
        self.session.add(made)
        self.session.flush()
        return made

    def any(self, ids: list[int]) -> int | None:
        return self.chance.choice([*ids, None])

    def user(self) -> int | None:
        return self.any(self.users)

    def scope(self, user_id: int, policy: Policy) -> Scope:
        user = self.session.get_one(User, user_id)
        return Scope(policy, Role(user.role), bindings_of(self.session, user, at=NOW))

    def principal(self, user_id: int, policy: Policy) -> Principal:
        scope = self.scope(user_id, policy)
        return Principal(user_id, "x", scope.role, scopes=(scope,))


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    with store.session() as session:
        yield session


def random_policy(seed: int) -> Policy:
    """A policy of a few rules, each on up to two relations, some of which forbid."""
    chance = Random(seed)
    rules = []
    for number in range(chance.randint(2, 7)):
        kind = chance.choice([one for one in Kind if one is not Kind.DIRECTORY])
        names = chance.sample(RELATIONS[kind], chance.randint(1, 2))
        test = " && ".join(f"{chance.choice(['', '!'])}resource.{name.value}" for name in names)
        role = chance.choice(list(Role)[:6]).value
        effect = "permit" if number < 4 else "forbid"
        rules.append(
            f'{effect} (principal in Role::"{role}", action == Action::"read", '
            f"resource is {kind.value}) when {{ {test} }};"
        )
    rules.append("permit (principal, action, resource is Directory);")
    rules.append("permit (principal, action, resource is Account) when { resource.territory };")
    return Policy("\n".join(rules))


def above(session: Session, user: User) -> set[int]:
    """Those to whom a user reports, himself left out."""
    found = {user.id}
    himself = user.id
    while user.manager_id is not None and user.manager_id not in found:
        found.add(user.manager_id)
        user = session.get_one(User, user.manager_id)
    return found - {himself}


def stands(world: World, scope: Scope, row: Any, model: type[Base]) -> dict[Relation, bool]:
    """The relations of one row to a caller, worked out in Python."""
    session, anchors, mine = world.session, ANCHORS[model], scope.bindings

    def value(name: str | None) -> Any:
        return getattr(row, name) if name else None

    owner = value(anchors.owner)
    account_id = value(anchors.account)
    account = session.get(Account, account_id) if account_id else None
    user = session.get(User, owner) if owner else None
    parts = session.scalars(
        select(Participant.user_id).where(Participant.conversation_id == row.id)
    )
    return {
        Relation.OWN: owner == mine.user_id,
        Relation.ACCOUNT_OWN: account is not None and account.owner_id == mine.user_id,
        Relation.TEAM: user is not None
        and (user.team_id in mine.team_ids or mine.user_id in above(session, user)),
        Relation.TERRITORY: value(anchors.territory) in mine.territory_ids
        or (account is not None and account.territory_id in mine.territory_ids),
        Relation.SQUAD: account_id in mine.account_ids
        or value(anchors.deal) in mine.opportunity_ids,
        Relation.STAND_IN: owner in mine.stand_in_for,
        Relation.TOOK_PART: model is Conversation and mine.user_id in set(parts),
        Relation.PRIVATE: bool(getattr(row, "is_private", False)),
    }


def by_hand(world: World, scope: Scope, model: type[Base]) -> set[int]:
    parent = PARENTS.get(model)
    found = set()
    for row in world.session.scalars(select(model)):
        judged, of = row, model
        if parent is not None:
            key = getattr(row, parent.column)
            judged, of = world.session.get(parent.model, key) if key else None, parent.model
        if judged is None:
            relations: dict[Relation, bool] = {}
            whole = scope.policy.clauses(scope.role, ANCHORS[of].kind)
            allowed = () in whole
        else:
            relations = stands(world, scope, judged, of)
            allowed = scope.policy.verdict(scope.role, ANCHORS[of].kind, relations).is_allowed
        if allowed:
            found.add(row.id)
    return found


def by_sql(world: World, principal: Principal, model: Any) -> set[int]:
    return set(world.session.scalars(visible(select(model.id), model, principal)))


@pytest.mark.parametrize("seed", range(12))
def test_sql_and_the_policy_agree_on_every_row(session: Session, seed: int) -> None:
    world, policy = World(session, seed), random_policy(seed)
    cells = differing = 0
    for user_id in world.users:
        scope, principal = world.scope(user_id, policy), world.principal(user_id, policy)
        for model in READ:
            wanted, got = by_hand(world, scope, model), by_sql(world, principal, model)
            assert got == wanted, (scope.role, model.__tablename__)
            cells += 1
            total = len(list(session.scalars(select(model.id))))
            differing += 0 < len(wanted) < total

    assert cells == 60
    assert differing > 0


def test_rules_bind_on_aliases_and_in_joins(session: Session) -> None:
    world, policy = World(session, 3), random_policy(3)
    other = aliased(Account)
    for user_id in world.users:
        principal = world.principal(user_id, policy)
        plain = by_sql(world, principal, Account)
        named = set(session.scalars(visible(select(other.id), Account, principal)))
        joined = select(Account.id).outerjoin(Contact, Contact.account_id == Account.id)
        assert named == plain
        assert set(session.scalars(visible(joined, Account, principal))) == plain


def test_several_callers_read_what_all_of_them_may(session: Session) -> None:
    world, policy = World(session, 5), random_policy(5)
    one, two = world.users[:2]
    scopes = (world.scope(one, policy), world.scope(two, policy))
    both = Principal(None, "channel", Role.REP, scopes=scopes)
    for model in READ:
        each = [by_sql(world, world.principal(user, policy), model) for user in (one, two)]
        assert by_sql(world, both, model) == each[0] & each[1]


def test_a_grant_holds_from_its_day_until_its_day_or_until_it_is_taken_back(
    session: Session,
) -> None:
    world = World(session, 1)
    user = session.get_one(User, world.users[0])
    for old in session.scalars(select(AccessGrant)):
        session.delete(old)
    day = timedelta(days=1)
    world.grant(user.id, GrantKind.ACCOUNT, 1, valid_from=NOW - day, valid_until=NOW + day)
    world.grant(user.id, GrantKind.ACCOUNT, 2, valid_from=NOW + day)
    world.grant(user.id, GrantKind.ACCOUNT, 3, valid_until=NOW)
    world.grant(user.id, GrantKind.ACCOUNT, 4).revoked_at = NOW
    session.flush()

    assert bindings_of(session, user, at=NOW).account_ids == {1}
    assert bindings_of(session, user, at=NOW + day).account_ids == {2}


def test_a_manager_has_the_teams_below_his_own(session: Session) -> None:
    world = World(session, 2)
    user = session.get_one(User, world.users[0])
    user.team_id = world.teams[1]
    session.flush()

    found = bindings_of(session, user, at=NOW).team_ids

    assert {world.teams[1], world.teams[3]} <= found


def test_who_reports_to_somebody_through_others_is_of_his_team(session: Session) -> None:
    world = World(session, 2)
    vera, mia, rob, other = world.users[:4]
    for number, manager in ((vera, None), (mia, vera), (rob, mia), (other, None)):
        user = session.get_one(User, number)
        user.manager_id, user.team_id = manager, None
    for number in world.users[4:]:
        session.get_one(User, number).manager_id = None
    session.flush()

    def reports(number: int) -> frozenset[int]:
        return bindings_of(session, session.get_one(User, number), at=NOW).report_ids

    assert [reports(one) for one in (vera, mia, rob, other)] == [{mia, rob}, {rob}, set(), set()]
    session.get_one(User, vera).manager_id = rob
    session.flush()
    assert reports(mia) == {rob, vera}


def test_the_policy_of_the_product_keeps_private_talks_and_partners_apart() -> None:
    policy = load_policy()

    def reads(role: Role, kind: Kind, *relations: Relation) -> bool:
        return policy.verdict(role, kind, dict.fromkeys(relations, True)).is_allowed

    assert reads(Role.REP, Kind.OPPORTUNITY)
    assert not reads(Role.PARTNER, Kind.OPPORTUNITY)
    assert reads(Role.PARTNER, Kind.OPPORTUNITY, Relation.SQUAD)
    assert not reads(Role.PARTNER, Kind.CONVERSATION, Relation.TOOK_PART)
    assert not reads(Role.EXECUTIVE, Kind.CONVERSATION, Relation.PRIVATE)
    assert reads(Role.REP, Kind.CONVERSATION, Relation.PRIVATE, Relation.TOOK_PART)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("permit (principal", "end of input"),
        ('permit (principal, action == Action::"read", resource is Deal);', "Deal"),
        (
            'permit (principal, action == Action::"read", resource is Account) '
            "when { resource.mine };",
            "mine",
        ),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused_with_the_reason(
    tmp_path: Path, text: str, why: str
) -> None:
    path = tmp_path / "access.cedar"
    path.write_text(text, "utf-8")
    with pytest.raises(BadInput, match=why):
        load_policy(path)


@pytest.mark.parametrize("seed", range(30))
def test_simplest_terms_cover_exactly_the_rows(seed: int) -> None:
    chance = Random(seed)
    rows = {
        tuple(bool(number >> place & 1) for place in range(5))
        for number in range(32)
        if chance.random() < 0.5
    }
    terms = simplest(rows)
    every = [tuple(bool(n >> p & 1) for p in range(5)) for n in range(32)]
    covered = {
        row
        for row in every
        if any(all(w is None or w == v for w, v in zip(term, row, strict=True)) for term in terms)
    }
    assert covered == rows
    assert len(terms) <= len(rows)
