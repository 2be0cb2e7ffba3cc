"""What is kept of a contact: found in all tables, given out, and blotted out of them."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String, Table, cast, delete, func, or_, select, update
from sqlalchemy.orm import Session

from crm.audit.exporting import MAY_ERASE, MAY_READ, check_role, details_about
from crm.audit.marks import BLOTTED, Marks
from crm.errors import BadInput, NotFound, TransientError
from crm.models import (
    ActionStatus,
    Alias,
    AuditDetail,
    AuditEvent,
    AuditHead,
    AuditSubject,
    Base,
    Contact,
    Conversation,
    IdentityDecision,
    IdentityQuestion,
    Lead,
    Participant,
    Passage,
    ProposedAction,
    SavedDraft,
    Segment,
    StyleFact,
    User,
)
from crm.principal import Principal

_CITED = re.compile(r"conversation:(\d{1,18})")
# Its events are what the chain is made of; passages are made anew from what they were made of.
_LEFT_ALONE = {one.__tablename__ for one in (AuditEvent, AuditHead, AuditSubject, AuditDetail)} | {
    Passage.__tablename__
}


@dataclass(frozen=True)
class Person:
    """A contact, what they are known by, and the conversations that they took part in."""

    contact_id: int
    marks: Marks
    conversation_ids: frozenset[int]

    @property
    def address(self) -> str:
        """The person's address, such as `contact:12`."""
        return f"contact:{self.contact_id}"

    def is_in(self, value: Any) -> bool:
        """Say whether a text or JSON value names the person, or cites a conversation of theirs."""
        if self.marks.are_in(value):
            return True
        return any(int(found[1]) in self.conversation_ids for found in _CITED.finditer(str(value)))


@dataclass(frozen=True)
class Blotted:
    """How many drafts, actions and other rows lost something, and in which conversations."""

    drafts: int
    actions: int
    rows: int
    conversation_ids: tuple[int, ...]


def find_person(session: Session, contact_id: int, *, principal: Principal) -> Person:
    """Return what a contact is known by, whether or not the caller may read it all.

    A name that a colleague or another contact has too is no mark.

    Raises NotFound if there is no such contact, NotAllowed for who may not read the trail.
    """
    check_role(principal, MAY_READ, "read")
    contact = session.get(Contact, contact_id)
    if contact is None:
        raise NotFound(f"there is no contact {contact_id!r}")
    aliases = session.scalars(
        select(Alias.name).where(Alias.entity == "contact", Alias.entity_id == contact_id)
    )
    met = select(Participant.conversation_id, Participant.name, Participant.email,
                 Participant.phone)  # fmt: skip
    known = Participant.contact_id == contact_id
    if contact.email:
        known = or_(known, func.lower(Participant.email) == contact.email.lower())
    seen = session.execute(met.where(known)).all()
    names = {contact.name, *aliases, *(row.name for row in seen)}
    marks = [contact.email, contact.phone, *(row.email for row in seen)]
    marks += [*(row.phone for row in seen), *(names - _shared(session, names, contact_id))]
    ids = frozenset(row.conversation_id for row in seen)
    return Person(contact_id, Marks.of(marks), ids)


def export_person(session: Session, person: Person, *, principal: Principal) -> dict[str, Any]:
    """Return all that is kept of a person as plain values. Raises NotAllowed for who may not."""
    check_role(principal, MAY_READ, "read")
    contact = session.get_one(Contact, person.contact_id)
    kept = ("name", "email", "phone", "title", "language", "source", "external_id")
    talks = select(Conversation.id, Conversation.title, Conversation.kind, Conversation.started_at)
    names = {contact.name, *_names_in(session, person)}
    spoken = select(Segment.conversation_id, Segment.position, Segment.text)
    drafts = select(SavedDraft).where(SavedDraft.contact_id == person.contact_id)
    return {
        "contact": {name: getattr(contact, name) for name in kept},
        "known_by": list(person.marks.texts),
        "conversations": [
            {**row._mapping, "started_at": row.started_at.isoformat()}
            for row in session.execute(talks.where(Conversation.id.in_(person.conversation_ids)))
        ],
        "said": [
            dict(row._mapping)
            for row in session.execute(
                spoken.where(
                    Segment.conversation_id.in_(person.conversation_ids),
                    Segment.speaker.in_(sorted(names)),
                ).order_by(Segment.conversation_id, Segment.position)
            )
        ],
        "drafts": [
            {"id": one.id, "subject": one.final_subject, "body": one.final_body,
             "draft": one.payload}
            for one in session.scalars(drafts)
        ],
        "actions": [
            {"id": one.id, "kind": one.kind, "status": one.status, "payload": one.payload}
            for one in session.scalars(select(ProposedAction))
            if person.is_in([one.payload, one.evidence])
        ],
        "details": details_about(session, person.address, principal=principal),
    }  # fmt: skip


def blot_out(session: Session, person: Person, *, principal: Principal, now: datetime) -> Blotted:
    """Take a person out of all tables but the trail's; the conversations go with `forget`.

    Drafts and suggestions that name them or cite a conversation of theirs are gone, actions keep
    that they were done. The contact stays as a deleted row without a name.

    Raises:
        NotAllowed: the caller may not erase.
        TransientError: an action on them is being carried out at this moment.
    """
    check_role(principal, MAY_ERASE, "erase from")
    drafts = _drop_drafts(session, person)
    actions = _empty_actions(session, person, now)
    _drop_identity(session, person)
    _empty_contact(session, person, now)
    changed = set[int]()
    rows = 0
    for table in Base.metadata.sorted_tables:
        if table.name not in _LEFT_ALONE:
            found, ids = _blot_table(session, table, person.marks)
            rows, changed = rows + found, changed | ids
    return Blotted(drafts, actions, rows, tuple(sorted(changed - person.conversation_ids)))


def details_naming(session: Session, person: Person) -> list[int]:
    """Return the numbers of the trail's details that name the person without being filed so."""
    return [
        row.seq
        for row in session.execute(select(AuditDetail.seq, AuditDetail.body))
        if person.is_in(row.body)
    ]


def _shared(session: Session, names: set[str], contact_id: int) -> set[str]:
    lowered = [name.strip().lower() for name in names]
    others = {
        name.lower()
        for model in (Contact, User)
        for name in session.scalars(
            select(model.name).where(
                func.lower(model.name).in_(lowered),
                (Contact.id != contact_id) if model is Contact else User.id.is_not(None),
            )
        )
    }
    return {name for name in names if name.strip().lower() in others}


def _names_in(session: Session, person: Person) -> Sequence[str]:
    return session.scalars(
        select(Participant.name).where(Participant.contact_id == person.contact_id)
    ).all()


def _drop_drafts(session: Session, person: Person) -> int:
    found = [
        one.id
        for one in session.scalars(select(SavedDraft))
        if one.contact_id == person.contact_id
        or person.is_in([one.payload, one.recipient, one.final_subject, one.final_body, one.reason])
    ]
    session.execute(delete(SavedDraft).where(SavedDraft.id.in_(found)))
    session.execute(delete(StyleFact).where(StyleFact.subject == person.address))
    return len(found)


def _empty_actions(session: Session, person: Person, now: datetime) -> int:
    number = 0
    for one in session.scalars(select(ProposedAction)):
        if not person.is_in([one.payload, one.evidence, one.result, one.error, one.key]):
            continue
        if one.status == ActionStatus.APPLYING.value:
            raise TransientError(f"action {one.id} is being carried out: erase again in a moment")
        if one.status in (ActionStatus.WAITING.value, ActionStatus.APPROVED.value):
            one.status, one.decided_at = ActionStatus.EXPIRED.value, now
        one.payload, one.evidence, one.result = {"erased": True}, [], None
        one.error = BLOTTED if one.error else None
        one.thread_id = None
        number += 1
    session.flush()
    return number


def _drop_identity(session: Session, person: Person) -> None:
    is_theirs = (IdentityDecision.entity == "contact") & (
        IdentityDecision.entity_id == person.contact_id
    )
    named = [
        row.id
        for row in session.execute(select(IdentityDecision.id, IdentityDecision.key))
        if person.marks.are_in(row.key)
    ]
    session.execute(delete(IdentityDecision).where(or_(is_theirs, IdentityDecision.id.in_(named))))
    asked = [
        one.id
        for one in session.scalars(select(IdentityQuestion))
        if person.is_in([one.key, one.name, one.email, one.phone])
    ]
    session.execute(delete(IdentityQuestion).where(IdentityQuestion.id.in_(asked)))
    session.execute(
        delete(Alias).where(Alias.entity == "contact", Alias.entity_id == person.contact_id)
    )


def _empty_contact(session: Session, person: Person, now: datetime) -> None:
    contact = session.get_one(Contact, person.contact_id)
    contact.name, contact.email, contact.phone, contact.title = BLOTTED, None, None, None
    contact.language, contact.deleted_at = None, now
    for lead in session.scalars(select(Lead)):
        if person.marks.are_in([lead.name, lead.email]):
            lead.name, lead.email, lead.deleted_at = BLOTTED, None, now
    session.flush()


def _blot_table(session: Session, table: Table, marks: Marks) -> tuple[int, set[int]]:
    """Blot the marks out of a table's texts; return how many rows, and of which conversations."""
    columns = [
        column
        for column in table.columns
        if isinstance(column.type, String | JSON) and not column.primary_key
    ]
    if not columns or not marks.texts:
        return 0, set()
    number, ids = 0, set[int]()
    keys = list(table.primary_key.columns)
    for row in _may_hold(session, table, columns, marks):
        found = {
            column.name: marks.blotted(row._mapping[column])
            for column in columns
            if row._mapping[column] is not None and marks.are_in(row._mapping[column])
        }
        if not found:
            continue
        mine = [key == row._mapping[key] for key in keys]
        if "external_id" in found:
            found["external_id"] = f"erased-{'-'.join(str(row._mapping[key]) for key in keys)}"
        session.execute(update(table).where(*mine).values(found))
        number += 1
        if table is Conversation.__table__:
            ids.add(row._mapping[table.c.id])
        elif table.name in (Segment.__tablename__, Participant.__tablename__):
            ids.add(row._mapping[table.c.conversation_id])
    return number, ids


def _may_hold(
    session: Session, table: Table, columns: Sequence[Any], marks: Marks
) -> Iterator[Any]:
    """Yield the rows whose columns hold a part of a mark, as the database sees it."""
    # SQLite folds the case of ASCII alone; JSON is stored with other letters escaped.
    spelled = {
        _folded(written)
        for part in marks.fragments
        for shape in (part, part.lower(), part.upper())
        for written in (shape, json.dumps(shape)[1:-1])
    }
    tests = [
        func.lower(cast(column, String)).contains(part, autoescape=True)
        for column in columns
        for part in sorted(spelled)
    ]
    keys = list(table.primary_key.columns)
    extra = [table.c.conversation_id] if "conversation_id" in table.c else []
    wanted = list(dict.fromkeys([*keys, *columns, *extra]))
    yield from session.execute(select(*wanted).where(or_(*tests))).all()


def _folded(text: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in text)


def contact_number(address: str) -> int | None:
    """Return the id in `contact:12`, None for any other address. Raises BadInput for no number."""
    kind, _, number = address.partition(":")
    if kind != "contact":
        return None
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise BadInput(f"{address!r} names no contact: write it as contact:12")
    return int(number)
