"""The Cedar engine: checks a policy text against its schema, and asks it many questions at once."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CALLER = 'User::"caller"'


@dataclass(frozen=True)
class Answer:
    """Whether something is permitted, and the ids of the rules that decided."""

    is_allowed: bool
    rules: tuple[str, ...]


def faults_of(text: str, schema: str) -> tuple[str, ...]:
    """Return what is wrong with a policy text under its schema; nothing if it can be used."""
    import cedarpy

    found = cedarpy.validate_policies(text, schema)
    if found.validation_passed:
        return ()
    return tuple(" ".join(str(one.error).split()) for one in found.errors)


def ask_all(
    text: str, action: str, resources: Sequence[str], entities: Sequence[dict[str, Any]]
) -> tuple[Answer, ...]:
    """Return what the text says to an action of `CALLER` on each resource, in their order.

    Nothing is permitted where a rule fails while it is computed, such as by an overflow.
    """
    import cedarpy

    requests = [
        {
            "principal": CALLER,
            "action": f'Action::"{action}"',
            "resource": resource,
            "context": {},
        }
        for resource in resources
    ]
    found = cedarpy.is_authorized_batch(requests, text, json.dumps(list(entities)))
    # The engine leaves out a rule that it cannot compute, be it one that forbids.
    return tuple(
        Answer(one.allowed and not one.diagnostics.errors, tuple(one.diagnostics.reasons))
        for one in found
    )


def titles_of(text: str) -> dict[str, str]:
    """Return the `@id` of each rule by the engine's own id for it; the latter where none is."""
    read = as_json(text)["staticPolicies"]
    return {key: one.get("annotations", {}).get("id", key) for key, one in read.items()}


def as_json(text: str) -> dict[str, Any]:
    """Return the engine's own reading of a policy text. Raises RecursionError if it is too deep."""
    import cedarpy

    read: dict[str, Any] = json.loads(cedarpy.policies_to_json_str(text))
    return read
