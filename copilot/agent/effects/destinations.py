"""Where an approved change goes, as its payload says: to a CRM and our store, or ours alone."""

from typing import Any

from copilot.agent.approvals.effects import WRITES_TO, Payload

LABELS = {"salesforce": "Salesforce", "hubspot": "HubSpot"}
"""The kinds of source that changes can go to, with their names for people."""
STORE_ONLY = "this copilot's store only"


def address_of(kind: str, name: str) -> str:
    """Return how payloads name a source."""
    return f"{kind}:{name}"


def place_of(payload: Payload) -> str:
    """Return for people where a payload on our records goes."""
    address = payload.get(WRITES_TO)
    if not isinstance(address, str):
        return STORE_ONLY
    kind, _, name = address.partition(":")
    return f"{LABELS.get(kind, kind)} (source {name})"


def without_address(payload: Payload) -> dict[str, Any]:
    """Return the payload as effects on our own store know it."""
    return {name: value for name, value in payload.items() if name != WRITES_TO}
