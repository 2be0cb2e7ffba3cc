"""The payload that people approve: its plain form, its digest, and what in it rules look at."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any

from crm.errors import BadInput
from crm.models import EffectKind

_MOST_CHARACTERS = 1_000_000
_HIGH_DISCOUNT = 2_000
_LOW = frozenset(
    {EffectKind.CREATE_TASK, EffectKind.SAVE_MAIL_DRAFT, EffectKind.APPLY_FIELD_PROPOSAL}
)


class Risk(StrEnum):
    """How much harm a wrong one does: low can be undone by us, high commits us."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True)
class Weight:
    """What limits look at: `discount` in hundredths of a percent, `amount` in minor units.

    `is_outside` says that a connected CRM is written to, and not our store alone.
    """

    discount: int = 0
    amount: int = 0
    is_outside: bool = False


def plain_payload(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload as it comes back from the database.

    Raises BadInput if it is no JSON object, or is larger than a million characters.
    """
    try:
        text = json.dumps(payload, allow_nan=False, ensure_ascii=False)
        plain = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(f"the payload is no plain JSON ({error}): give text and numbers") from None
    if not isinstance(plain, dict):
        raise BadInput(f"the payload is a {type(plain).__name__}: give a JSON object")
    if len(text) > _MOST_CHARACTERS:
        raise BadInput(f"the payload has {len(text)} characters: a million is the most")
    return plain


def digest_of(kind: str, payload: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what would be done: the kind and its payload in a fixed form."""
    text = json.dumps([kind, payload], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def weight_of(payload: Mapping[str, Any]) -> Weight:
    """Return the discount and amount that the payload states; votes are bound to them by its hash.

    Raises BadInput if one is no whole number from 0.
    """
    found = {}
    for name in ("discount", "amount_minor"):
        value = payload.get(name, 0)
        if value is None:
            value = 0
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
            raise BadInput(f"{name} is {value!r}: give a whole number from 0")
        found[name] = value
    return Weight(found["discount"], found["amount_minor"], bool(payload.get("writes_to")))


def risk_of(kind: EffectKind, weight: Weight, *, elevated: bool) -> Risk:
    """Return the risk of an action; what commits us without proof is high.

    What is written to a connected CRM is never low: colleagues see it at once.
    """
    if elevated or weight.discount > _HIGH_DISCOUNT:
        return Risk.HIGH
    is_low = kind in _LOW and not weight.discount and not weight.is_outside
    return Risk.LOW if is_low else Risk.MEDIUM


def subjects_of(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the addresses of the people whom a payload is about, for erasure on request."""
    found = [f"contact:{payload['contact_id']}"] if payload.get("contact_id") else []
    if payload.get("entity") in {"contact", "lead"} and payload.get("entity_id"):
        found.append(f"{payload['entity']}:{payload['entity_id']}")
    return tuple(dict.fromkeys(found))
