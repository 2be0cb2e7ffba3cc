"""Where an approved change goes, as its payload says: to a CRM and our store, or ours alone."""

from dataclasses import dataclass
from typing import Any

from copilot.agent.approvals.effects import WRITES_TO, Payload

LABELS = {"salesforce": "Salesforce", "hubspot": "HubSpot"}
"""The kinds of source that changes can go to, with their names for people."""
STORE_ONLY = "this copilot's store only"


def address_of(kind: str, name: str) -> str:
    """Return how payloads name a source."""
    return f"{kind}:{name}"


@dataclass(frozen=True)
class Crm:
    """A connected CRM as people know it: its make, and the name of the source."""

    label: str
    source: str


def crm_of(payload: Payload) -> Crm | None:
    """Return the CRM that a payload on our records goes to; None for our store alone."""
    address = payload.get(WRITES_TO)
    if not isinstance(address, str):
        return None
    kind, _, name = address.partition(":")
    return Crm(LABELS.get(kind, kind), name)


def place_of(payload: Payload) -> str:
    """Return for people where a payload on our records goes."""
    crm = crm_of(payload)
    return f"{crm.label} (source {crm.source})" if crm else STORE_ONLY


def without_address(payload: Payload) -> dict[str, Any]:
    """Return the payload as effects on our own store know it."""
    return {name: value for name, value in payload.items() if name != WRITES_TO}
