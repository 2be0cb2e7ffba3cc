"""Applies a change that a conversation suggested: to the record, or as an accepted statement."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.agent.approvals.effects import Payload
from copilot.agent.approvals.payloads import subjects_of
from copilot.agent.effects.changing import SOURCE, change_fields, check_change
from copilot.agent.effects.fields import FIELDS, Record, check_told, find_record
from copilot.agent.effects.owners import is_another_ones
from crm.access import visible
from crm.audit.trail import Deed, record
from crm.errors import BadInput, NotFound
from crm.models import (
    Conversation,
    EffectKind,
    FieldProposal,
    Opportunity,
    OpportunityContact,
    ProposalStatus,
)
from crm.principal import Principal

_QUALIFICATION = ("meddicc.", "bant.")
_ROLE = "role"


def proposal_payload(session: Session, proposal_id: int, *, principal: Principal) -> dict[str, Any]:
    """Return the payload that applies a suggested change. Raises NotFound, or BadInput if over."""
    row = _proposal(session, proposal_id, principal)
    return {
        "proposal_id": row.id,
        "entity": row.entity,
        "entity_id": row.entity_id,
        "field": row.field,
        "before": row.old_value,
        "after": row.new_value,
        "detail": row.detail,
    }


def proposal_evidence(
    session: Session, proposal_id: int, *, principal: Principal
) -> list[dict[str, Any]]:
    """Return what was said that suggests the change, with where it was said."""
    row = _proposal(session, proposal_id, principal)
    return [
        {
            "id": f"conversation:{row.conversation_id}",
            "text": row.reason,
            "segments": row.segments,
            "confidence": row.confidence,
        }
    ]


def close_proposal(
    session: Session, payload: Payload, *, reason: str, principal: Principal, now: datetime
) -> None:
    """Mark the suggestion as rejected for this reason, unless it was decided already."""
    row = session.get(FieldProposal, payload.get("proposal_id"), populate_existing=True)
    if row is None or row.status != ProposalStatus.PROPOSED:
        return
    row.status = ProposalStatus.REJECTED.value
    row.detail = {**(row.detail or {}), "rejected_because": reason}
    session.flush()
    deed = Deed(
        action="suggestion.reject",
        object=f"{row.entity}:{row.entity_id}",
        before={"suggestion": row.id, "status": ProposalStatus.PROPOSED.value},
        after={"suggestion": row.id, "status": row.status, "field": row.field},
        reason=reason,
        read=[f"conversation:{row.conversation_id}"],
        subjects=subjects_of(payload),
    )
    record(session, deed, principal=principal, now=now)


class ApplyFieldProposal:
    """Writes the suggested value and marks the suggestion accepted.

    What the CRM has a field for is written there, a contact's role on its deal; elements of a
    qualification (`meddicc.…`, `bant.…`) hold as accepted. An edit may change `after` alone.
    """

    kind = EffectKind.APPLY_FIELD_PROPOSAL
    is_external = False

    def check(
        self, session: Session, payload: Payload, *, principal: Principal, now: datetime
    ) -> None:
        """Refuse what is no open suggestion, or starts from what the record no longer holds."""
        row = _proposal(session, payload.get("proposal_id"), principal)
        own = proposal_payload(session, row.id, principal=principal)
        if {**own, "after": payload.get("after")} != dict(payload):
            raise BadInput(f"suggestion {row.id} says otherwise: only `after` may be another value")
        after = payload["after"]
        if not isinstance(after, str) or not 0 < len(after.strip()) <= 2_000:
            raise BadInput(f"{after!r} is no value: give text of up to 2,000 characters")
        record = find_record(session, row.entity, row.entity_id, principal)
        check_told(session, row.entity, [row.field], principal=principal)
        if row.field in FIELDS[row.entity]:
            change = {"before": row.old_value, "after": after}
            check_change(session, row.entity, record, row.field, **change)
        elif row.field == _ROLE:
            _role_of(session, row, principal)
        elif not row.field.startswith(_QUALIFICATION):
            raise BadInput(f"{row.field!r} of {row.entity} is no field that can be changed")

    def is_elevated(
        self, session: Session, payload: Payload, *, principal: Principal, now: datetime
    ) -> bool:
        """Say whether the record is another's: then more than its proposer has to agree."""
        record = find_record(session, payload["entity"], payload["entity_id"], principal)
        return is_another_ones(session, record, principal=principal)

    def done_already(self, payload: Payload, *, key: str) -> dict[str, Any] | None:
        """Return None: it happens in the transaction that records it."""
        return None

    def carry_out(
        self, session: Session, payload: Payload, *, key: str, principal: Principal, now: datetime
    ) -> dict[str, Any]:
        """Write the value, mark the suggestion accepted, and return what was and is."""
        row = _proposal(session, payload["proposal_id"], principal)
        record = find_record(session, row.entity, row.entity_id, principal)
        after = payload["after"]
        _write(session, row, record, after, key=key, principal=principal, now=now)
        row.new_value = after
        row.status = ProposalStatus.ACCEPTED.value
        session.flush()
        return {
            "object": f"{row.entity}:{row.entity_id}",
            "before": {row.field: row.old_value},
            "after": {row.field: after},
        }


def _write(
    session: Session,
    row: FieldProposal,
    record: Record,
    after: str,
    *,
    key: str,
    principal: Principal,
    now: datetime,
) -> None:
    if row.field in FIELDS[row.entity]:
        change_fields(session, row.entity, record, {row.field: after}, key=key, now=now)
    elif row.field == _ROLE:
        deal, tie = _role_of(session, row, principal)
        if tie is None:
            tie = OpportunityContact(
                source=SOURCE,
                external_id=key,
                opportunity_id=deal.id,
                contact_id=row.entity_id,
            )
            session.add(tie)
        tie.role, tie.synced_at = after, now


def _role_of(
    session: Session, row: FieldProposal, principal: Principal
) -> tuple[Opportunity, OpportunityContact | None]:
    """Return the deal on which the contact gets a role, and the row that says so already."""
    deal = find_record(session, "opportunity", (row.detail or {}).get("opportunity_id"), principal)
    if not isinstance(deal, Opportunity) or row.entity != "contact":
        raise BadInput(f"suggestion {row.id} names no contact's role on a deal")
    statement = select(OpportunityContact).where(
        OpportunityContact.opportunity_id == deal.id,
        OpportunityContact.contact_id == row.entity_id,
        OpportunityContact.deleted_at.is_(None),
    )
    tie = session.scalars(statement.order_by(OpportunityContact.id)).first()
    held = tie.role if tie else None
    if (held or None) != (row.old_value or None):
        raise BadInput(f"the role is {held!r} by now, not {row.old_value!r}: read the call again")
    return deal, tie


def _proposal(session: Session, proposal_id: object, principal: Principal) -> FieldProposal:
    readable = visible(select(Conversation.id), Conversation, principal)
    statement = select(FieldProposal).where(
        FieldProposal.id == proposal_id, FieldProposal.conversation_id.in_(readable)
    )
    is_number = isinstance(proposal_id, int) and not isinstance(proposal_id, bool)
    fresh = statement.execution_options(populate_existing=True)
    row = session.scalars(fresh).first() if is_number else None
    if row is None:
        raise NotFound(f"no suggestion {proposal_id!r}; `sales-copilot notes CALL` shows them")
    if row.status != ProposalStatus.PROPOSED:
        raise BadInput(f"suggestion {row.id} is {row.status} already")
    return row
