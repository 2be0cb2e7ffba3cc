"""The access policy: a Cedar file, checked against its schema, compiled into clauses for SQL."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

from crm.access import cedar, literals
from crm.errors import BadInput
from crm.principal import Role

_HERE = Path(__file__).parent


class Relation(StrEnum):
    """How a row may stand to the caller; the policy file's attributes have these names."""

    OWN = "own"
    ACCOUNT_OWN = "account_own"
    TEAM = "team"
    TERRITORY = "territory"
    SQUAD = "squad"
    STAND_IN = "stand_in"
    TOOK_PART = "took_part"
    PRIVATE = "private"
    EMPLOYER = "employer"
    PUBLIC = "public"


class Kind(StrEnum):
    """The kinds of rows that policies tell apart; `DIRECTORY` is what has no owner."""

    ACCOUNT = "Account"
    OPPORTUNITY = "Opportunity"
    LEAD = "Lead"
    ACTIVITY = "Activity"
    CASE = "Case"
    QUOTA = "Quota"
    CONVERSATION = "Conversation"
    DIRECTORY = "Directory"


class FieldGroup(StrEnum):
    """What fields are kept back for; the policy file's fields have these groups."""

    PERSONAL = "personal"
    MARGIN = "margin"


@dataclass(frozen=True)
class FieldName:
    """A field that policies may keep back: its group, its kind of record, and its column."""

    group: FieldGroup
    kind: str
    name: str


_RECORD = tuple(Relation)[:6]
RELATIONS: Mapping[Kind, tuple[Relation, ...]] = {
    **dict.fromkeys(Kind, _RECORD),
    Kind.CONVERSATION: tuple(Relation)[:8],
    Kind.DIRECTORY: (),
}
_OUTSIDE: Mapping[Kind, tuple[Relation, ...]] = {
    **dict.fromkeys(Kind, (Relation.EMPLOYER,)),
    Kind.CONVERSATION: (Relation.TOOK_PART, Relation.PRIVATE, Relation.EMPLOYER),
    Kind.DIRECTORY: (Relation.PUBLIC,),
}

Clause = tuple[tuple[Relation, bool], ...]
"""Relations that must all hold, or must not; a row is readable if one clause is met."""


def relations_of(role: Role, kind: Kind) -> tuple[Relation, ...]:
    """Return how rows of a kind may stand to callers of a role; all other relations never hold."""
    return (_OUTSIDE if role is Role.CUSTOMER else RELATIONS)[kind]


@dataclass(frozen=True)
class Verdict:
    """Whether one row may be read, and the names of the policies that decided."""

    is_allowed: bool
    policies: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """One version of the rules; `version` is the digest of their text.

    Figures over rows that stay closed are told of no fewer than `smallest_group` owners or
    customers together.
    """

    text: str
    smallest_group: int = 3

    @property
    def version(self) -> str:
        """The first twelve digits of the SHA-256 of the text."""
        return sha256(self.text.encode()).hexdigest()[:12]

    def clauses(self, role: Role, kind: Kind) -> tuple[Clause, ...]:
        """Return when a caller of this role may read rows of this kind.

        No clause means never; one empty clause means always. The file is asked once for every
        combination of relations, so the clauses say exactly what it says.
        """
        return _clauses(self.text, role, kind, ("read",))

    def counted_clauses(self, role: Role, kind: Kind) -> tuple[Clause, ...]:
        """Return when rows of this kind count in figures of such a caller: read, or `aggregate`.

        Nobody outside counts more than he reads.
        """
        actions = ("read",) if role is Role.CUSTOMER else ("read", "aggregate")
        return _clauses(self.text, role, kind, actions)

    def withheld(self, role: Role, fields: tuple[FieldName, ...]) -> frozenset[FieldName]:
        """Return which of these fields a caller of this role is not shown in any record."""
        return _withheld(self.text, role, fields)

    def verdict(
        self, role: Role, kind: Kind, relations: Mapping[Relation, bool], *, action: str = "read"
    ) -> Verdict:
        """Return what the file says about one row that stands so to the caller."""
        names = relations_of(role, kind)
        values = tuple(relations.get(name, False) for name in names)
        (found,) = _ask(self.text, role, kind, [values], action)
        return _verdict(self.text, found)

    def counting_rules(self, role: Role, kind: Kind) -> tuple[str, ...]:
        """Return the rules by which rows of a kind count for such a caller though they be closed.

        Some rows at least, of those that stand to him in one way or another; no rule counts any
        for people outside.
        """
        if role is Role.CUSTOMER:
            return ()
        rows = list(product((False, True), repeat=len(relations_of(role, kind))))
        asked = _ask(self.text, role, kind, rows, "aggregate")
        said = [_verdict(self.text, one) for one in asked if one.is_allowed]
        return tuple(dict.fromkeys(name for verdict in said for name in verdict.policies))


def load_policy(path: Path | None = None, *, smallest_group: int = 3) -> Policy:
    """Return the policy of this file, or the one that comes with the product.

    Raises BadInput if the file is missing, is no Cedar, or speaks of what there is not.
    """
    source = path or _HERE / "policy.cedar"
    try:
        # Some editors put a byte order mark in front.
        text = source.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the access policy {str(source)!r} cannot be read: {error}") from None
    if faults := _faults(text):
        why = "; ".join(faults[:3])
        raise BadInput(f"the access policy {str(source)!r} cannot be used: {why}")
    return Policy(text, smallest_group)


@lru_cache(maxsize=8)
def _faults(text: str) -> tuple[str, ...]:
    """Return what is wrong with a text; what was found to be right is not looked at twice."""
    schema = (_HERE / "schema.cedarschema").read_text("utf-8")
    too_large = literals.check_size(text)
    return too_large or cedar.faults_of(text, schema) or literals.unknown_names(text)


def ask_about(policy: Policy, role: Role, action: str, attributes: str) -> Verdict:
    """Return what the file says on an action on one proposal, its attributes given as JSON."""
    uid = {"type": "Proposal", "id": "proposal"}
    entities = [*_caller(role), {"uid": uid, "attrs": json.loads(attributes), "parents": []}]
    (found,) = cedar.ask_all(policy.text, action, ['Proposal::"proposal"'], entities)
    return _verdict(policy.text, found)


@lru_cache(maxsize=256)
def _clauses(text: str, role: Role, kind: Kind, actions: tuple[str, ...]) -> tuple[Clause, ...]:
    names = relations_of(role, kind)
    combinations = list(product((False, True), repeat=len(names)))
    allowed = {
        values
        for action in actions
        for values, one in zip(
            combinations, _ask(text, role, kind, combinations, action), strict=True
        )
        if one.is_allowed
    }
    return tuple(
        tuple(
            (name, wanted) for name, wanted in zip(names, term, strict=True) if wanted is not None
        )
        for term in simplest(allowed)
    )


@lru_cache(maxsize=256)
def _withheld(text: str, role: Role, fields: tuple[FieldName, ...]) -> frozenset[FieldName]:
    entities, resources = _caller(role), []
    for number, field in enumerate(fields):
        uid = {"type": "Field", "id": str(number)}
        attributes = {"group": field.group.value, "kind": field.kind, "name": field.name}
        entities.append({"uid": uid, "attrs": attributes, "parents": []})
        resources.append(f'Field::"{number}"')
    found = cedar.ask_all(text, _action(role, "read_field"), resources, entities)
    return frozenset(field for field, one in zip(fields, found, strict=True) if not one.is_allowed)


Term = tuple[bool | None, ...]


def simplest(rows: set[tuple[bool, ...]]) -> list[Term]:
    """Return few terms that together cover exactly these rows of a truth table.

    None in a term stands for either value (Quine–McCluskey; the cover is chosen greedily).
    """
    primes: set[Term] = set()
    terms: set[Term] = set(rows)
    while terms:
        merged = {(a, b, _merged(a, b)) for a in terms for b in _neighbours(a) if b in terms}
        used = {each for a, b, _ in merged for each in (a, b)}
        primes |= terms - used
        terms = {term for _, _, term in merged}
    left, chosen = set(rows), list[Term]()
    ordered = sorted(primes, key=lambda term: (sum(v is not None for v in term), str(term)))
    while left:
        best = max(ordered, key=lambda term: sum(_covers(term, row) for row in left))
        chosen.append(best)
        left = {row for row in left if not _covers(best, row)}
    return chosen


def _neighbours(term: Term) -> Iterator[Term]:
    for place, value in enumerate(term):
        if value is False:
            yield (*term[:place], True, *term[place + 1 :])


def _merged(one: Term, other: Term) -> Term:
    return tuple(a if a == b else None for a, b in zip(one, other, strict=True))


def _covers(term: Term, row: tuple[bool, ...]) -> bool:
    return all(wanted is None or wanted == value for wanted, value in zip(term, row, strict=True))


def _ask(
    text: str, role: Role, kind: Kind, rows: Sequence[tuple[bool, ...]], action: str
) -> tuple[cedar.Answer, ...]:
    names = relations_of(role, kind)
    never = dict.fromkeys((*RELATIONS[kind], *_OUTSIDE[kind]), False)
    entities, resources = _caller(role), []
    for number, values in enumerate(rows):
        uid = {"type": kind.value, "id": str(number)}
        attributes = never | dict(zip(names, values, strict=True))
        entities.append({"uid": uid, "attrs": attributes, "parents": []})
        resources.append(f'{kind.value}::"{number}"')
    return cedar.ask_all(text, _action(role, action), resources, entities)


def _action(role: Role, name: str) -> str:
    # Rules for colleagues open nothing to others, however freely they are written.
    return f"{name}_outside" if role is Role.CUSTOMER else name


def _caller(role: Role) -> list[dict[str, Any]]:
    group = {"type": "Role", "id": role.value}
    return [
        {"uid": {"type": "User", "id": "caller"}, "attrs": {}, "parents": [group]},
        {"uid": group, "attrs": {}, "parents": []},
    ]


def _verdict(text: str, found: cedar.Answer) -> Verdict:
    titles = _titles(text)
    return Verdict(found.is_allowed, tuple(titles.get(one, one) for one in found.rules))


@lru_cache(maxsize=8)
def _titles(text: str) -> dict[str, str]:
    return cedar.titles_of(text)
