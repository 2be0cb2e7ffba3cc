"""What a policy may name: roles and kept-back fields that there are, and no single record."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from crm.access import cedar
from crm.models import EffectKind
from crm.principal import Role

MOST_CHARACTERS = 500_000
_DEEPEST = 200
_BRACKETS = re.compile(r"[()\[\]{}]")
KNOWN: Mapping[str, frozenset[str]] = {
    "group": frozenset({"personal", "margin"}),
    "name": frozenset({"phone", "email", "discount"}),
    "kind": frozenset(
        {"Contact", "Participant", "User", "Quote", *(kind.value for kind in EffectKind)}
    ),
}
"""The values of a resource's attributes that are words: another one is never met."""
ATTRIBUTES = frozenset(
    {
        "own", "account_own", "team", "territory", "squad", "stand_in", "took_part", "private",
        "employer", "public", "group", "kind", "name", "delegated", "recipient", "elevated",
        "discount", "amount",
    }
)  # fmt: skip
"""What a resource of some kind has; the caller and the context have no attributes."""


def check_size(text: str) -> tuple[str, ...]:
    """Return why a text is too large, or too deeply nested, to be read; nothing if it is not."""
    if len(text) > MOST_CHARACTERS:
        return (f"it has {len(text):,} characters: {MOST_CHARACTERS:,} are the most",)
    depth = deepest = 0
    for sign in _BRACKETS.findall(text):
        depth += 1 if sign in "([{" else -1
        deepest = max(deepest, depth)
    # The engine follows nested terms on the stack, and ends the process where that is full.
    return (f"its terms are nested {deepest} deep: {_DEEPEST} is the most",) * (deepest > _DEEPEST)


def unknown_names(text: str) -> tuple[str, ...]:
    """Return what a policy that fits the schema names though there is no such thing.

    The schema takes any id and any word, so a `forbid` with a misspelt role would bind nobody, and
    a rule on one record by its id no record: rows are told apart by how they stand to the caller.
    """
    try:
        read = cedar.as_json(text)
        found = list(dict.fromkeys(_faults(read.get("staticPolicies", {}))))
    except RecursionError:
        return ("its conditions are nested too deeply: split the rule in several",)
    templates = [f"{name!r} is a template with a slot: write a rule" for name in read["templates"]]
    return (*templates, *found)


def _faults(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _faults(one)
    elif isinstance(node, dict):
        if isinstance(node.get("type"), str) and isinstance(node.get("id"), str):
            yield from _entity(node["type"], node["id"])
        for sign in ("==", "!=", "contains", "containsAny", "containsAll"):
            if isinstance(node.get(sign), dict):
                yield from _words(node[sign])
                yield from _roles_taken_for_callers(node[sign])
        if isinstance(node.get("has"), dict):
            yield from _asked_for(node["has"])
        for one in node.values():
            yield from _faults(one)


def _entity(kind: str, name: str) -> Iterator[str]:
    if kind == "Action":
        return
    if kind != "Role":
        yield f'{kind}::"{name}" names one alone: say how it stands to the caller, or his role'
    elif name not in set(Role):
        roles = ", ".join(role.value for role in Role)
        yield f'there is no Role::"{name}": use one of {roles}'


def _asked_for(has: Mapping[str, Any]) -> Iterator[str]:
    """Yield what `has` asks for though nothing has it: the engine takes that for a plain no."""
    whose, name = has.get("left"), has.get("attr")
    if whose == {"Var": "resource"} and name not in ATTRIBUTES:
        known = ", ".join(sorted(ATTRIBUTES))
        yield f"no resource has {json.dumps(name)}: use one of {known}"
    elif whose in ({"Var": "principal"}, {"Var": "context"}):
        yield f"the {whose['Var']} has no attributes, so no {json.dumps(name)} either"


def _roles_taken_for_callers(sides: Mapping[str, Any]) -> Iterator[str]:
    if {"Var": "principal"} not in sides.values():
        return
    for side in sides.values():
        entity = side.get("Value") if isinstance(side, dict) else None
        named = entity.get("__entity") if isinstance(entity, dict) else None
        if isinstance(named, dict) and named.get("type") == "Role":
            role = f'Role::"{named.get("id")}"'
            yield f"nobody is {role} itself: write principal in {role}"


def _words(sides: Mapping[str, Any]) -> Iterator[str]:
    names = [name for side in sides.values() if (name := _attribute(side)) in KNOWN]
    given = {value for side in sides.values() for value in _strings(side)}
    for name in names:
        for value in sorted(given - KNOWN[name or ""]):
            words = ", ".join(sorted(KNOWN[name or ""]))
            yield f"no {name} is {json.dumps(value)}: use one of {words}"


def _attribute(side: Any) -> str | None:
    read = side.get(".") if isinstance(side, dict) else None
    is_of_it = isinstance(read, dict) and read.get("left") == {"Var": "resource"}
    return str(read["attr"]) if is_of_it and read else None


def _strings(side: Any) -> Iterator[str]:
    if not isinstance(side, dict):
        return
    if isinstance(side.get("Value"), str):
        yield side["Value"]
    for one in side.get("Set", ()):
        yield from _strings(one)
