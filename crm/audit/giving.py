"""Gives out all that is kept of a person, as plain values."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.audit.exporting import MAY_READ, check_role, details_about
from crm.audit.person import Person
from crm.models import (
    AccessGrant,
    Activity,
    Case,
    Contact,
    Conversation,
    Lead,
    OpportunityContact,
    Participant,
    ProposedAction,
    SavedDraft,
    Segment,
    StyleFact,
    User,
)
from crm.principal import Principal

_KEPT = (
    "name", "email", "phone", "title", "language", "company", "role", "status", "lead_source",
    "source", "external_id",
)  # fmt: skip
# Read so many at a time, however many there are.
_A_FEW = {"yield_per": 500}


def export_person(session: Session, person: Person, *, principal: Principal) -> dict[str, Any]:
    """Return all that is kept of a person. Raises NotAllowed for who may not read the trail."""
    check_role(principal, MAY_READ, "read")
    details = [
        detail
        for address in person.records
        for detail in details_about(session, address, principal=principal)
    ]
    return {
        "records": _records(session, person),
        "known_by": list(person.marks.texts),
        **_talks(session, person),
        **_records_with(session, person),
        "drafts": _drafts(session, person),
        "actions": _actions(session, person),
        "style": [
            {"language": one.language, "aspect": one.aspect, "value": one.value}
            for one in session.scalars(
                select(StyleFact).where(StyleFact.subject.in_(person.records))
            )
        ],
        "grants": _grants(session, person),
        "details": details,
    }  # fmt: skip


def _records(session: Session, person: Person) -> list[dict[str, Any]]:
    found = []
    users = () if person.user_id is None else (person.user_id,)
    for kind, model, ids in (
        ("user", User, users),
        ("contact", Contact, person.contact_ids),
        ("lead", Lead, person.lead_ids),
    ):
        table = model.__table__
        columns = [table.c[name] for name in _KEPT if name in table.c]
        for row in session.execute(select(table.c.id, *columns).where(table.c.id.in_(ids))):
            values = dict(row._mapping)
            found.append({"address": f"{kind}:{values.pop('id')}", **values})
    return found


def _records_with(session: Session, person: Person) -> dict[str, Any]:
    """Return the cases and activities with an outsider, and the deals that they have a role in."""
    cases = select(Case.id, Case.subject, Case.status, Case.opened_at, Case.satisfaction)
    acts = select(Activity.id, Activity.kind, Activity.subject, Activity.body, Activity.occurred_at,
                  Activity.due_on)  # fmt: skip
    roles = select(OpportunityContact.opportunity_id, OpportunityContact.role)
    found: dict[str, Any] = {}
    for name, statement, contact in (
        ("cases", cases, Case.contact_id),
        ("activities", acts, Activity.contact_id),
        ("roles", roles, OpportunityContact.contact_id),
    ):
        rows = session.execute(statement.where(contact.in_(person.contact_ids)))
        found[name] = [
            {key: value if isinstance(value, str | int | None) else str(value)
             for key, value in row._mapping.items()}
            for row in rows
        ]  # fmt: skip
    return found


def _drafts(session: Session, person: Person) -> list[dict[str, Any]]:
    row = SavedDraft
    statement = select(
        row.id, row.final_subject, row.final_body, row.payload,
        row.contact_id, row.user_id, row.author_id,
    )  # fmt: skip
    return [
        {"id": one.id, "subject": one.final_subject, "body": one.final_body, "draft": one.payload}
        for one in session.execute(statement, execution_options=_A_FEW)
        if one.contact_id in person.contact_ids
        or (person.user_id is not None and person.user_id in (one.user_id, one.author_id))
    ]


def _actions(session: Session, person: Person) -> list[dict[str, Any]]:
    row = ProposedAction
    statement = select(row.id, row.kind, row.status, row.payload, row.evidence)
    return [
        {"id": one.id, "kind": one.kind, "status": one.status, "payload": one.payload}
        for one in session.execute(statement, execution_options=_A_FEW)
        if person.is_in([one.payload, one.evidence])
    ]


def _talks(session: Session, person: Person) -> dict[str, Any]:
    """Return the conversations that they took part in, and what they said there."""
    joined = (Participant.user_id == person.user_id) if person.user_id is not None else (
        Participant.conversation_id.in_(person.conversation_ids)
        & (Participant.contact_id.in_(person.contact_ids) | Participant.contact_id.is_(None))
    )  # fmt: skip
    met = session.execute(select(Participant.conversation_id, Participant.name).where(joined)).all()
    ids = {row.conversation_id for row in met} | person.conversation_ids
    names = {row.name for row in met if person.user_id is not None or person.is_in(row.name)}
    names |= {one["name"] for one in _records(session, person)}
    talks = select(Conversation.id, Conversation.title, Conversation.kind, Conversation.started_at)
    spoken = (
        select(Segment.conversation_id, Segment.position, Segment.text)
        .where(Segment.conversation_id.in_(ids), Segment.speaker.in_(sorted(names)))
        .order_by(Segment.conversation_id, Segment.position)
    )
    return {
        "conversations": [
            {**row._mapping, "started_at": row.started_at.isoformat()}
            for row in session.execute(talks.where(Conversation.id.in_(ids)))
        ],
        "said": [dict(row._mapping) for row in session.execute(spoken)],
    }


def _grants(session: Session, person: Person) -> list[dict[str, Any]]:
    if person.user_id is None:
        return []
    statement = select(AccessGrant).where(AccessGrant.user_id == person.user_id)
    return [
        {"id": one.id, "kind": one.kind, "object_id": one.object_id, "reason": one.reason}
        for one in session.scalars(statement)
    ]
