"""Takes a person out of all tables but the trail's: outsiders whole, colleagues by a pseudonym."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from crm.audit.blotting import Blots, blot_tables, opaque_id
from crm.audit.exporting import MAY_ERASE, check_role
from crm.audit.marks import BLOTTED
from crm.audit.person import Person
from crm.errors import NotAllowed, TransientError
from crm.models import (
    AccessGrant,
    Account,
    ActionStatus,
    Alias,
    AuditDetail,
    Contact,
    DraftStatus,
    IdentityDecision,
    IdentityQuestion,
    Lead,
    ProposedAction,
    SavedDraft,
    StyleFact,
    User,
)
from crm.principal import Principal

_OPEN = (ActionStatus.WAITING.value, ActionStatus.APPROVED.value)


@dataclass(frozen=True)
class Blotted:
    """How many drafts, actions and other rows lost something, and in which conversations.

    `reworded` are actions that are over and in whose payload a pseudonym stands now.
    """

    drafts: int
    actions: int
    rows: int
    conversation_ids: tuple[int, ...]
    reworded: tuple[int, ...] = ()


def blot_out(session: Session, person: Person, *, principal: Principal, now: datetime) -> Blotted:
    """Take a person out of all tables but the trail's; the conversations go with `forget`.

    Of an outsider, drafts and suggestions that name them or cite a conversation of theirs are gone,
    actions keep that they were done, and their rows stay as deleted ones without a name. A
    colleague's rows, drafts that were decided and actions that are over stay under a pseudonym;
    drafts and actions that wait, the style and what was given to them go.

    Raises:
        NotAllowed: the caller may not erase, or is that colleague.
        TransientError: an action on them is being carried out at this moment.
    """
    check_role(principal, MAY_ERASE, "erase from")
    if person.user_id is not None and principal.user_id == person.user_id:
        raise NotAllowed(f"{principal.name!r} may not erase himself: ask somebody else to")
    _drop_identity(session, person)
    if person.user_id is not None:
        return _blot_colleague(session, person, person.user_id, now)
    drafts = _drop_drafts(session, person)
    actions = _empty_actions(session, _actions_on(session, person), now)
    _empty_rows(session, person, now)
    found = blot_tables(session, person.marks)
    return Blotted(drafts, actions, found.rows, _other_talks(found, person))


def details_naming(session: Session, person: Person) -> list[int]:
    """Return the numbers of the trail's details that name the person without being filed so."""
    statement = select(AuditDetail.seq, AuditDetail.body).execution_options(yield_per=500)
    return [row.seq for row in session.execute(statement) if person.is_in(row.body)]


def _blot_colleague(session: Session, person: Person, user_id: int, now: datetime) -> Blotted:
    is_theirs = or_(SavedDraft.user_id == user_id, SavedDraft.author_id == user_id)
    is_open = SavedDraft.status == DraftStatus.OPEN.value
    gone = session.execute(delete(SavedDraft).where(is_theirs, is_open).returning(SavedDraft.id))
    drafts = len(gone.all())
    # What was learned of the style; the letters that went out are the company's.
    session.execute(
        update(SavedDraft).where(is_theirs).values(learned=None, difference=None, distance=None)
    )
    waiting = [
        one
        for one in _actions_on(session, person, also_of=user_id)
        if one.status in (*_OPEN, ActionStatus.APPLYING.value)
    ]
    actions = _empty_actions(session, waiting, now)
    grants = update(AccessGrant).where(
        AccessGrant.user_id == user_id, AccessGrant.revoked_at.is_(None)
    )
    session.execute(grants.values(revoked_at=now))
    _empty_user(session, person, user_id)
    found = blot_tables(session, person.marks)
    reworded = found.ids.get(ProposedAction.__tablename__, ())
    return Blotted(drafts, actions, found.rows, _other_talks(found, person), reworded)


def _other_talks(found: Blots, person: Person) -> tuple[int, ...]:
    return tuple(one for one in found.conversation_ids if one not in person.conversation_ids)


def _drop_drafts(session: Session, person: Person) -> int:
    found = [
        one.id
        for one in session.scalars(select(SavedDraft))
        if one.contact_id in person.contact_ids
        or person.is_in([one.payload, one.recipient, one.final_subject, one.final_body, one.reason])
    ]
    session.execute(delete(SavedDraft).where(SavedDraft.id.in_(found)))
    return len(found)


def _actions_on(
    session: Session, person: Person, *, also_of: int | None = None
) -> list[ProposedAction]:
    return [
        one
        for one in session.scalars(select(ProposedAction))
        if person.is_in([one.payload, one.evidence, one.result, one.error, one.key])
        or (also_of is not None and also_of in (one.proposer_id, one.assignee_id))
    ]


def _empty_actions(session: Session, found: Collection[ProposedAction], now: datetime) -> int:
    for one in found:
        if one.status == ActionStatus.APPLYING.value:
            raise TransientError(f"action {one.id} is being carried out: erase again in a moment")
        if one.status in _OPEN:
            one.status, one.decided_at = ActionStatus.EXPIRED.value, now
        one.payload, one.evidence, one.result = {"erased": True}, [], None
        one.error = BLOTTED if one.error else None
        one.thread_id = None
    session.flush()
    return len(found)


def _drop_identity(session: Session, person: Person) -> None:
    owned = {"contact": person.contact_ids, "lead": person.lead_ids}
    owned["user"] = frozenset() if person.user_id is None else frozenset({person.user_id})
    for entity, ids in owned.items():
        theirs: list[Any] = [
            (IdentityDecision, IdentityDecision.entity, IdentityDecision.entity_id),
            (Alias, Alias.entity, Alias.entity_id),
        ]
        for model, kind, number in theirs:
            session.execute(delete(model).where(kind == entity, number.in_(ids)))
    session.execute(delete(StyleFact).where(StyleFact.subject.in_(person.records)))
    named = [
        row.id
        for row in session.execute(select(IdentityDecision.id, IdentityDecision.key))
        if person.marks.are_in(row.key)
    ]
    session.execute(delete(IdentityDecision).where(IdentityDecision.id.in_(named)))
    asked = [
        one.id
        for one in session.scalars(select(IdentityQuestion))
        if person.is_in([one.key, one.name, one.email, one.phone])
    ]
    session.execute(delete(IdentityQuestion).where(IdentityQuestion.id.in_(asked)))


def _empty_rows(session: Session, person: Person, now: datetime) -> None:
    for contact in session.scalars(select(Contact).where(Contact.id.in_(person.contact_ids))):
        _empty_own_account(session, contact, person)
        contact.name, contact.email, contact.phone, contact.title = BLOTTED, None, None, None
        contact.language, contact.deleted_at = None, now
        contact.external_id = opaque_id("contacts", contact.id, contact.external_id, person.marks)
    for lead in session.scalars(select(Lead).where(Lead.id.in_(person.lead_ids))):
        lead.name, lead.email, lead.deleted_at = BLOTTED, None, now
        lead.external_id = opaque_id("leads", lead.id, lead.external_id, person.marks)
    session.flush()


def _empty_own_account(session: Session, contact: Contact, person: Person) -> None:
    """Take the name off an account that is nobody but the contact: a private customer's."""
    account = session.get(Account, contact.account_id) if contact.account_id else None
    if account is None or account.name.strip().lower() != contact.name.strip().lower():
        return
    others = select(Contact.id).where(
        Contact.account_id == account.id,
        Contact.id.not_in(person.contact_ids),
        Contact.deleted_at.is_(None),
    )
    if session.scalars(others.limit(1)).first() is None:
        account.name = BLOTTED
        account.external_id = opaque_id("accounts", account.id, account.external_id, person.marks)


def _empty_user(session: Session, person: Person, user_id: int) -> None:
    """Leave the row, to which deals and figures belong, to a pseudonym that nobody can ask as."""
    user = session.get_one(User, user_id)
    user.name, user.email, user.title = person.marks.stand_in, None, None
    user.is_active = False
    user.external_id = opaque_id("users", user.id, user.external_id, person.marks)
    session.flush()
