"""Which rows a caller may read, told by a filter that knows no SQL and asks row by row."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.access.anchors import ANCHORS, PARENTS
from crm.access.bindings import Bindings, bindings_of
from crm.access.fields import FIELDS, GROUPS
from crm.access.policy import RELATIONS, Kind, Policy, Relation, load_policy
from crm.access.scope import Scope
from crm.models import Account, Base, Conversation, Participant, User
from crm.models.base import Sourced
from crm.principal import Principal, Role
from evals.access_world import NOW, ROLES, World

_STRICT = """
permit (principal, action == Action::"read", resource is Directory);
permit (principal, action == Action::"read_field", resource is Field)
unless { principal in Role::"partner" || principal in Role::"rep" };
permit (principal in Role::"rep", action == Action::"read", resource)
when { resource has own && (resource.own || resource.account_own || resource.squad
       || resource.stand_in || resource.territory) };
permit (principal in Role::"manager", action == Action::"read", resource)
when { resource has team && (resource.team || resource.own || resource.squad) };
permit (principal in Role::"executive", action == Action::"read", resource)
unless { resource has private && resource.private };
permit (principal in Role::"service", action == Action::"read", resource is Account);
"""


@dataclass(frozen=True)
class Caller:
    """Somebody under a policy, with what the filter row by row lets him read, by model."""

    policy: str
    principal: Principal
    readable: Mapping[str, frozenset[int]]
    withheld: frozenset[tuple[str, str]]

    def may_read(self, model: str, number: int) -> bool:
        """Say whether the row is his to read; his own name he brings himself."""
        is_himself = model == User.__name__ and number == self.principal.user_id
        return is_himself or number in self.readable[model]


def policies(seed: int) -> dict[str, Policy]:
    """Return the product's policy, a strict one, and three made by chance."""
    made = {"default": load_policy(), "strict": Policy(_STRICT)}
    return made | {f"random {n}": _random_policy(Random(seed + n)) for n in (1, 2, 3)}


def _random_policy(chance: Random) -> Policy:
    rules = [
        'permit (principal, action == Action::"read", resource is Directory) '
        f'unless {{ principal in Role::"{chance.choice(ROLES).value}" }};',
        'permit (principal, action == Action::"read_field", resource is Field) '
        f'when {{ resource.group == "{chance.choice([group.value for group in GROUPS])}" }};',
    ]
    for role in ROLES:
        for kind in (one for one in Kind if one is not Kind.DIRECTORY):
            names = chance.sample(RELATIONS[kind], 2)
            test = " || ".join(f"{chance.choice(['', '!'])}resource.{name}" for name in names)
            rules.append(
                f'permit (principal in Role::"{role.value}", action == Action::"read", '
                f"resource is {kind.value}) when {{ {test} }};"
            )
    kind = chance.choice((Kind.OPPORTUNITY, Kind.CONVERSATION))
    rules.append(
        f'forbid (principal, action == Action::"read", resource is {kind.value}) '
        "when { resource.territory };"
    )
    return Policy("\n".join(rules))


def callers(session: Session, world: World, *, seed: int) -> Iterator[Caller]:
    """Yield one user of every role under every policy."""
    rows = {model.__name__: _rows_of(session, model) for model in (*ANCHORS, *PARENTS)}
    parts = {(one.conversation_id, one.user_id) for one in session.scalars(select(Participant))}
    for name, policy in policies(seed).items():
        for user_id in world.users[: len(ROLES)]:
            user = session.get_one(User, user_id)
            bindings = bindings_of(session, user, at=NOW)
            role = Role(user.role)
            asked = _RowByRow(policy, role, bindings, rows, parts)
            scope = Scope(policy, role, bindings)
            principal = Principal(user_id, user.name, role, scopes=(scope,))
            kept = frozenset((one.kind, one.name) for one in policy.withheld(role, FIELDS))
            yield Caller(name, principal, asked.readable(), kept)


def _rows_of(session: Session, model: Any) -> dict[int, Sourced]:
    return {row.id: row for row in session.scalars(select(model))}


@dataclass(frozen=True)
class _RowByRow:
    """The filter that knows no SQL: how each row stands to the caller, and what the file says."""

    policy: Policy
    role: Role
    mine: Bindings
    rows: Mapping[str, Mapping[int, Sourced]]
    parts: set[tuple[int, int | None]]
    _asked: dict[tuple[Kind, tuple[bool, ...]], bool] = field(default_factory=dict)

    def readable(self) -> dict[str, frozenset[int]]:
        """Return the ids of the readable rows by model."""
        found = {
            model.__name__: frozenset(
                number
                for number, row in self.rows[model.__name__].items()
                if row.deleted_at is None and self._may(model, row)
            )
            for model in (*ANCHORS, *PARENTS)
        }
        drafts = frozenset({self.mine.user_id})
        return {**found, "SavedDraft": drafts, "Participant": found[Conversation.__name__]}

    def _may(self, model: type[Base], row: Sourced) -> bool:
        parent = PARENTS.get(model)
        if parent is not None:
            above = getattr(row, parent.column)
            kind = ANCHORS[parent.model].kind
            if above is None:
                return () in self.policy.clauses(self.role, kind)
            return self._may(parent.model, self.rows[parent.model.__name__][above])
        kind = ANCHORS[model].kind
        stands = tuple(self._stands(name, model, row) for name in RELATIONS[kind])
        if (kind, stands) not in self._asked:
            told = dict(zip(RELATIONS[kind], stands, strict=True))
            self._asked[kind, stands] = self.policy.verdict(self.role, kind, told).is_allowed
        return self._asked[kind, stands]

    def _stands(self, relation: Relation, model: type[Base], row: Sourced) -> bool:
        anchors, mine = ANCHORS[model], self.mine

        def of(column: str | None) -> int | None:
            return None if column is None else getattr(row, column)

        owner = of(anchors.owner)
        account = self.rows[Account.__name__].get(of(anchors.account) or 0)
        match relation:
            case Relation.OWN:
                return owner == mine.user_id
            case Relation.ACCOUNT_OWN:
                return getattr(account, "owner_id", None) == mine.user_id
            case Relation.TEAM:
                user = self.rows[User.__name__].get(owner or 0)
                return getattr(user, "team_id", None) in mine.team_ids
            case Relation.TERRITORY:
                places = (of(anchors.territory), getattr(account, "territory_id", None))
                return any(place in mine.territory_ids for place in places)
            case Relation.SQUAD:
                return (
                    of(anchors.account) in mine.account_ids
                    or of(anchors.deal) in mine.opportunity_ids
                )
            case Relation.STAND_IN:
                return owner in mine.stand_in_for
            case Relation.TOOK_PART:
                return (row.id, mine.user_id) in self.parts
            case Relation.PRIVATE:
                return bool(getattr(row, "is_private", False))
        raise ValueError(f"unknown relation {relation!r}")
