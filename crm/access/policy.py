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

import cedarpy

from crm.errors import BadInput
from crm.principal import Role

_HERE = Path(__file__).parent
_READ = 'Action::"read"'
_CALLER = 'User::"caller"'


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


_RECORD = tuple(Relation)[:6]
RELATIONS: Mapping[Kind, tuple[Relation, ...]] = {
    **dict.fromkeys(Kind, _RECORD),
    Kind.CONVERSATION: tuple(Relation),
    Kind.DIRECTORY: (),
}

Clause = tuple[tuple[Relation, bool], ...]
"""Relations that must all hold, or must not; a row is readable if one clause is met."""


@dataclass(frozen=True)
class Verdict:
    """Whether one row may be read, and the names of the policies that decided."""

    is_allowed: bool
    policies: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """One version of the rules; `version` is the digest of their text."""

    text: str

    @property
    def version(self) -> str:
        """The first twelve digits of the SHA-256 of the text."""
        return sha256(self.text.encode()).hexdigest()[:12]

    def clauses(self, role: Role, kind: Kind) -> tuple[Clause, ...]:
        """Return when a caller of this role may read rows of this kind.

        No clause means never; one empty clause means always. The file is asked once for every
        combination of relations, so the clauses say exactly what it says.
        """
        return _clauses(self.text, role, kind)

    def verdict(self, role: Role, kind: Kind, relations: Mapping[Relation, bool]) -> Verdict:
        """Return what the file says about one row that stands so to the caller."""
        names = RELATIONS[kind]
        values = tuple(relations.get(name, False) for name in names)
        ((is_allowed, reasons),) = _ask(self.text, role, kind, [values])
        return Verdict(is_allowed, tuple(_names(self.text).get(one, one) for one in reasons))


def load_policy(path: Path | None = None) -> Policy:
    """Return the policy of this file, or the one that comes with the product.

    Raises BadInput if the file is missing, is no Cedar, or speaks of what there is not.
    """
    source = path or _HERE / "policy.cedar"
    try:
        text = source.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the access policy {str(source)!r} cannot be read: {error}") from None
    schema = (_HERE / "schema.cedarschema").read_text("utf-8")
    found = cedarpy.validate_policies(text, schema)
    if not found.validation_passed:
        why = "; ".join(" ".join(str(one.error).split()) for one in found.errors[:3])
        raise BadInput(f"the access policy {str(source)!r} cannot be used: {why}")
    return Policy(text)


def ask_about(policy: Policy, role: Role, action: str, attributes: str) -> Verdict:
    """Return what the file says on an action on one proposal, its attributes given as JSON."""
    uid = {"type": "Proposal", "id": "proposal"}
    entities = [*_caller(role), {"uid": uid, "attrs": json.loads(attributes), "parents": []}]
    request = {
        "principal": _CALLER,
        "action": f'Action::"{action}"',
        "resource": 'Proposal::"proposal"',
        "context": {},
    }
    found = cedarpy.is_authorized_batch([request], policy.text, json.dumps(entities))[0]
    reasons = found.diagnostics.reasons
    return Verdict(found.allowed, tuple(_names(policy.text).get(one, one) for one in reasons))


@lru_cache(maxsize=256)
def _clauses(text: str, role: Role, kind: Kind) -> tuple[Clause, ...]:
    names = RELATIONS[kind]
    combinations = list(product((False, True), repeat=len(names)))
    answers = _ask(text, role, kind, combinations)
    allowed = {
        values for values, (is_allowed, _) in zip(combinations, answers, strict=True) if is_allowed
    }
    return tuple(
        tuple(
            (name, wanted) for name, wanted in zip(names, term, strict=True) if wanted is not None
        )
        for term in simplest(allowed)
    )


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
    text: str, role: Role, kind: Kind, rows: Sequence[tuple[bool, ...]]
) -> list[tuple[bool, tuple[str, ...]]]:
    names = RELATIONS[kind]
    entities = _caller(role)
    requests = []
    for number, values in enumerate(rows):
        uid = {"type": kind.value, "id": str(number)}
        entities.append({"uid": uid, "attrs": dict(zip(names, values, strict=True)), "parents": []})
        resource = f'{kind.value}::"{number}"'
        requests.append(
            {"principal": _CALLER, "action": _READ, "resource": resource, "context": {}}
        )
    found = cedarpy.is_authorized_batch(requests, text, json.dumps(entities))
    return [(one.allowed, tuple(one.diagnostics.reasons)) for one in found]


def _caller(role: Role) -> list[dict[str, Any]]:
    group = {"type": "Role", "id": role.value}
    return [
        {"uid": {"type": "User", "id": "caller"}, "attrs": {}, "parents": [group]},
        {"uid": group, "attrs": {}, "parents": []},
    ]


@lru_cache(maxsize=8)
def _names(text: str) -> dict[str, str]:
    read = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"]
    return {key: one.get("annotations", {}).get("id", key) for key, one in read.items()}
