"""The effects on our own store, which every installation has."""

from copilot.agent.approvals.effects import Effects
from copilot.agent.effects.discounts import RequestDiscount
from copilot.agent.effects.field_proposals import ApplyFieldProposal
from copilot.agent.effects.record_updates import UpdateRecord
from copilot.agent.effects.tasks import CreateTask


def internal_effects() -> Effects:
    """Return the effects on our own store by their kind."""
    made = (CreateTask(), UpdateRecord(), ApplyFieldProposal(), RequestDiscount())
    return {effect.kind: effect for effect in made}
