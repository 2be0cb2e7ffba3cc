"""The effects on our own records: in our store, and in the CRM that a record came from."""

from copilot.agent.approvals.effects import Effect, Effects
from copilot.agent.effects.connected import ConnectedCrms
from copilot.agent.effects.discounts import RequestDiscount
from copilot.agent.effects.field_proposals import ApplyFieldProposal
from copilot.agent.effects.record_updates import UpdateRecord
from copilot.agent.effects.remote_entries import EntriesPlanner, worded_discount, worded_task
from copilot.agent.effects.remote_records import (
    FieldsPlanner,
    accept_proposal,
    changes_of_proposal,
    changes_of_update,
)
from copilot.agent.effects.tasks import CreateTask
from copilot.agent.effects.writing_back import Planner, WrittenBack
from crm.models import EffectKind


def internal_effects(crms: ConnectedCrms | None = None) -> Effects:
    """Return the effects on our own records by their kind.

    With `crms` what came from a CRM that may be written to is changed there first.
    """
    made: tuple[Effect, ...] = (
        CreateTask(),
        UpdateRecord(),
        ApplyFieldProposal(),
        RequestDiscount(),
    )
    local = {effect.kind: effect for effect in made}
    if crms is None:
        return local
    planners: dict[EffectKind, Planner] = {
        EffectKind.CREATE_TASK: EntriesPlanner(EffectKind.CREATE_TASK, worded_task),
        EffectKind.UPDATE_RECORD: FieldsPlanner(changes_of_update),
        EffectKind.APPLY_FIELD_PROPOSAL: FieldsPlanner(changes_of_proposal, accept_proposal),
        EffectKind.REQUEST_DISCOUNT: EntriesPlanner(EffectKind.REQUEST_DISCOUNT, worded_discount),
    }
    return {kind: WrittenBack(local[kind], planners[kind], crms) for kind in local}
