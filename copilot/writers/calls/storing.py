"""Notes and proposals in the store: replaced as a whole, what a person decided is left alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from copilot.llm.client import LanguageModel
from copilot.writers.calls.notes import CallNotes, NoteDraft, ProposalDraft
from copilot.writers.calls.reading import Reading, read_conversation
from copilot.writers.calls.understanding import maker_of, understand
from crm.access import visible
from crm.models import (
    Conversation,
    FieldProposal,
    Note,
    NoteSet,
    ProposalStatus,
    Segment,
)
from crm.principal import Principal
from crm.store import Store

_HEAD = 16
_STEPS = 3

# Steps done of steps in all.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Understood:
    """How one conversation went; without `changed` its notes were current and nothing was done."""

    conversation_id: int
    changed: bool
    notes: int = 0
    proposals: int = 0
    tokens_in: int = 0
    tokens_out: int = 0


def understand_conversation(
    store: Store,
    conversation_id: int,
    *,
    model: LanguageModel | None,
    principal: Principal,
    now: datetime,
    progress: Progress | None = None,
    refresh: bool = False,
    any_maker: bool = False,
) -> Understood:
    """Read, understand and store one conversation; what is current is not done again.

    With `any_maker`, notes of these words are current whoever made them, as for showing them.
    No transaction is open while the model works. If the conversation changed meanwhile, what was
    understood is of old words: it is stored under their digest and so counts as stale.

    Raises:
        NotFound: there is no such conversation, or the caller may not read it.
        TransientError, PermanentError: the model failed; nothing was stored.
    """
    tell = progress or (lambda _done, _all: None)
    tell(0, _STEPS)
    with store.session() as session:
        reading = read_conversation(session, conversation_id, principal)
        maker = None if any_maker else maker_of(model)
        if not refresh and _is_current(session, reading, maker, now):
            tell(_STEPS, _STEPS)
            return Understood(conversation_id, changed=False)
    tell(1, _STEPS)
    made = understand(reading.talk, reading.lines, reading.attendees, reading.deal, model=model)
    tell(2, _STEPS)
    with store.session() as session:
        store_notes(session, reading, made, now=now)
    tell(_STEPS, _STEPS)
    return Understood(
        conversation_id,
        changed=True,
        notes=len(made.notes),
        proposals=len(made.proposals),
        tokens_in=made.tokens_in,
        tokens_out=made.tokens_out,
    )


def _is_current(session: Session, reading: Reading, maker: str | None, now: datetime) -> bool:
    known = session.get(NoteSet, reading.conversation_id)
    if known is None or known.content_digest != reading.digest or maker not in {None, known.maker}:
        return False
    # Synced anew with the same words: no longer to be listed as pending.
    known.made_at = max(known.made_at, now)
    return True


def store_notes(session: Session, reading: Reading, made: CallNotes, *, now: datetime) -> None:
    """Replace a conversation's notes and open proposals within the session's transaction.

    A proposal that comes again keeps its row; one that does not is superseded; one that a person
    accepted or rejected stays, and the same value is not proposed again.
    """
    conversation_id = reading.conversation_id
    known = session.get(NoteSet, conversation_id, with_for_update=True)
    session.execute(delete(Note).where(Note.conversation_id == conversation_id))
    if known is None:
        known = NoteSet(conversation_id=conversation_id)
        session.add(known)
    known.content_digest, known.maker = reading.digest, made.maker
    known.language, known.made_at = made.language, now
    session.add_all(
        _note(conversation_id, position, note) for position, note in enumerate(made.notes)
    )
    _store_proposals(session, conversation_id, made.proposals, now)
    session.flush()


def _note(conversation_id: int, position: int, note: NoteDraft) -> Note:
    return Note(
        conversation_id=conversation_id,
        position=position,
        kind=note.kind.value,
        text=note.text,
        speaker=note.speaker,
        side=note.side.value if note.side else None,
        due_on=note.due_on,
        start_ms=note.start_ms,
        end_ms=note.end_ms,
        segments=list(note.segments),
    )


_Key = tuple[str, int, str, str]


def _store_proposals(
    session: Session, conversation_id: int, made: Sequence[ProposalDraft], now: datetime
) -> None:
    rows = session.scalars(
        select(FieldProposal)
        .where(FieldProposal.conversation_id == conversation_id)
        .order_by(FieldProposal.id)
    )
    known: dict[_Key, FieldProposal] = {}
    for row in rows:
        key = (row.entity, row.entity_id, row.field, row.new_value)
        if key not in known or row.status in _DECIDED:
            known[key] = row
    wanted = {(one.entity, one.entity_id, one.field, one.new_value): one for one in made}
    for key, row in known.items():
        if row.status == ProposalStatus.PROPOSED and key not in wanted:
            row.status = ProposalStatus.SUPERSEDED.value
    for key, proposal in wanted.items():
        existing = known.get(key)
        if existing is None:
            existing = FieldProposal(conversation_id=conversation_id, made_at=now)
            session.add(existing)
        elif existing.status in _DECIDED:
            continue
        _fill(existing, proposal)


_DECIDED = frozenset({ProposalStatus.ACCEPTED, ProposalStatus.REJECTED})


def _fill(row: FieldProposal, proposal: ProposalDraft) -> None:
    row.entity, row.entity_id = proposal.entity, proposal.entity_id
    row.field, row.new_value = proposal.field, proposal.new_value
    row.old_value, row.reason = proposal.old_value, proposal.reason
    row.detail = dict(proposal.detail) if proposal.detail else None
    row.segments = list(proposal.segments)
    row.confidence = proposal.confidence
    row.status = ProposalStatus.PROPOSED.value


def pending_notes(
    session: Session, principal: Principal, limit: int, *, model: LanguageModel | None = None
) -> list[int]:
    """Return ids of conversations without current notes of this maker, the newest first.

    One that was only synced again may be listed; understanding finds it current at no cost.
    """
    statement = (
        select(Conversation.id)
        .outerjoin(NoteSet, NoteSet.conversation_id == Conversation.id)
        .where(_is_stale(maker_of(model)))
        .where(select(Segment.id).where(Segment.conversation_id == Conversation.id).exists())
        .order_by(Conversation.started_at.desc(), Conversation.id.desc())
        .limit(limit)
    )
    readable = visible(select(Conversation.id), Conversation, principal)
    return list(session.scalars(statement.where(Conversation.id.in_(readable))))


def _is_stale(maker: str) -> ColumnElement[bool]:
    head = func.substr(Conversation.content_sha256, 1, _HEAD)
    return or_(
        NoteSet.conversation_id.is_(None),
        NoteSet.maker != maker,
        func.substr(NoteSet.content_digest, 1, _HEAD) != head,
        NoteSet.made_at < Conversation.synced_at,
    )
