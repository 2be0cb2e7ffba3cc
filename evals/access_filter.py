"""Which rows a caller may read, told by a filter that knows no SQL and asks row by row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.access.anchors import ANCHORS, PARENTS, Anchors
from crm.access.bindings import Bindings, bindings_of, bindings_outside
from crm.access.fields import FIELDS, GROUPS
from crm.access.policy import RELATIONS, Kind, Policy, Relation, load_policy, relations_of
from crm.access.scope import Scope
from crm.models import (
    Account,
    Base,
    Contact,
    Conversation,
    EffectKind,
    Lead,
    Opportunity,
    Participant,
    ProposedAction,
    User,
)
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
        himself = {
            User.__name__: self.principal.user_id,
            Contact.__name__: self.principal.contact_id,
        }
        return himself.get(model) == number or number in self.readable[model]


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
    """Yield one user of every role, a contact and a visitor, under every policy."""
    rows = {model.__name__: _rows_of(session, model) for model in (*ANCHORS, *PARENTS)}
    met = list(session.scalars(select(Participant)))
    parts = {(one.conversation_id, one.user_id) for one in met}
    parts |= {(one.conversation_id, -one.contact_id) for one in met if one.contact_id}
    actions = session.scalars(select(ProposedAction)).all()
    contact_id = min(one.contact_id for one in met if one.contact_id)
    contact = session.get_one(Contact, contact_id)
    for name, policy in policies(seed).items():
        people = [session.get_one(User, number) for number in world.users[: len(ROLES)]]
        scopes = [Scope(policy, Role(one.role), bindings_of(session, one, at=NOW))
                  for one in people]  # fmt: skip
        known: list[tuple[User | Contact | None, Scope]] = [*zip(people, scopes, strict=True)]
        for one in (contact, None):
            known.append((one, Scope(policy, Role.CUSTOMER, bindings_outside(one))))
        for person, scope in known:
            asked = _RowByRow(policy, scope.role, scope.bindings, rows, parts, actions)
            kept = frozenset((one.kind, one.name) for one in policy.withheld(scope.role, FIELDS))
            principal = Principal(
                scope.bindings.user_id, person.name if person else "visitor", scope.role,
                scopes=(scope,), contact_id=scope.bindings.contact_id,
            )  # fmt: skip
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
    actions: Sequence[ProposedAction]
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
        return {
            **found,
            "SavedDraft": frozenset({self.mine.user_id}),
            "Participant": found[Conversation.__name__],
            "ProposedAction": frozenset(
                one.id for one in self.actions if self._may_know(one, found)
            ),
        }

    def _may_know(self, action: ProposedAction, found: Mapping[str, frozenset[int]]) -> bool:
        """Say whether an action may be shown at all: his own, or on and of what he reads."""
        if action.proposer_id == self.mine.user_id:
            return True
        on = [(Account.__name__, action.account_id), (Opportunity.__name__, action.opportunity_id)]
        if action.kind == EffectKind.UPDATE_RECORD:
            on.append((Lead.__name__, action.payload["entity_id"]))
        if action.kind == EffectKind.APPLY_FIELD_PROPOSAL:
            rests_on = [fact["id"].partition("#")[0].split(":") for fact in action.evidence]
            on += [(kind.capitalize(), int(number)) for kind, number in rests_on]
        return all(number is None or number in found[model] for model, number in on)

    def _may(self, model: type[Base], row: Sourced) -> bool:
        if self.role is Role.CUSTOMER and model is Contact and row.id != self.mine.contact_id:
            return False
        parent = PARENTS.get(model)
        if parent is not None:
            above = getattr(row, parent.column)
            kind = ANCHORS[parent.model].kind
            if above is None:
                return () in self.policy.clauses(self.role, kind)
            return self._may(parent.model, self.rows[parent.model.__name__][above])
        kind = ANCHORS[model].kind
        names = relations_of(self.role, kind)
        stands = tuple(self._stands(name, model, row) for name in names)
        if (kind, stands) not in self._asked:
            told = dict(zip(names, stands, strict=True))
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
                return getattr(user, "team_id", None) in mine.team_ids or self._reports(user)
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
        return self._stands_otherwise(relation, anchors, row)

    def _reports(self, user: Any) -> bool:
        """Say whether somebody of those above a user is the caller."""
        above, passed = getattr(user, "manager_id", None), {getattr(user, "id", None)}
        while above is not None and above not in passed:
            if above == self.mine.user_id:
                return True
            passed.add(above)
            above = getattr(self.rows[User.__name__][above], "manager_id", None)
        return False

    def _stands_otherwise(self, relation: Relation, anchors: Anchors, row: Sourced) -> bool:
        mine = self.mine
        match relation:
            case Relation.TOOK_PART:
                me = mine.user_id if mine.contact_id is None else -mine.contact_id
                return (row.id, me) in self.parts
            case Relation.PRIVATE:
                return bool(getattr(row, "is_private", False))
            case Relation.EMPLOYER:
                account = getattr(row, anchors.account) if anchors.account else None
                return account is not None and account == mine.employer_id
            case Relation.PUBLIC:
                return anchors.is_public
        raise ValueError(f"unknown relation {relation!r}")
