"""Tools that read what was understood from conversations: notes, and proposed field changes."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from crm.access import readable, visible
from crm.access.notes import are_told
from crm.errors import NotFound
from crm.facts import Fact, FactKind
from crm.models import (
    Account,
    Contact,
    Conversation,
    ConversationKind,
    FieldProposal,
    Note,
    NoteKind,
    NoteSet,
    Opportunity,
    ProposalStatus,
    Side,
)
from crm.principal import Principal
from tools.language import Language
from tools.spoken import SIDE_WORDS, clock

_SHOWN = (ProposalStatus.PROPOSED, ProposalStatus.ACCEPTED, ProposalStatus.REJECTED)
_PROPOSED_ON: dict[str, type[Account | Contact | Opportunity]] = {
    "account": Account,
    "contact": Contact,
    "opportunity": Opportunity,
}
_KINDS = {
    "en": {
        "summary": "summary", "topic": "topic", "question": "question", "objection": "objection",
        "competitor": "competitor", "commitment": "commitment", "next_step": "next step",
    },
    "zh": {
        "summary": "摘要", "topic": "话题", "question": "提问", "objection": "异议",
        "competitor": "竞争对手", "commitment": "承诺", "next_step": "下一步",
    },
}  # fmt: skip


class ReadNotes(BaseModel):
    """Which conversation's notes, by its internal id."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    conversation_id: int


class FindCommitments(BaseModel):
    """Which commitments: of one deal, account or side, due until a day; all that is left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    opportunity_id: int | None = None
    account_id: int | None = None
    side: Side | None = None
    due_from: date | None = None
    due_until: date | None = None
    limit: int = Field(default=20, ge=1, le=200)


class FindProposals(BaseModel):
    """Which proposals: of one conversation or one record, in these states."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    conversation_id: int | None = None
    entity: str | None = Field(default=None, max_length=40)
    entity_id: int | None = None
    statuses: tuple[ProposalStatus, ...] = (ProposalStatus.PROPOSED,)
    limit: int = Field(default=100, ge=1, le=1000)


class NoteBrief(BaseModel):
    """One note; `is_open` is set for questions only. Times are milliseconds from the start."""

    model_config = ConfigDict(frozen=True)
    id: int
    conversation_id: int
    kind: NoteKind
    text: str
    speaker: str | None
    side: Side | None
    due_on: date | None
    start_ms: int | None
    end_ms: int | None
    segments: tuple[int, ...]
    is_open: bool | None = None


class ProposalBrief(BaseModel):
    """One proposed change: nothing is changed by it; `reason` quotes what was said."""

    model_config = ConfigDict(frozen=True)
    id: int
    conversation_id: int
    entity: str
    entity_id: int
    field: str
    old_value: str | None
    new_value: str
    detail: dict[str, Any] | None
    reason: str
    segments: tuple[int, ...]
    confidence: float
    status: ProposalStatus
    made_at: datetime


class ConversationNotes(BaseModel):
    """The notes on one conversation, with who made them when; `facts` are the notes to cite."""

    model_config = ConfigDict(frozen=True)
    conversation_id: int
    external_id: str
    title: str
    kind: str
    started_at: datetime
    language: str | None
    maker: str
    made_at: datetime
    notes: tuple[NoteBrief, ...]
    proposals: tuple[ProposalBrief, ...]
    facts: list[Fact]


class FoundNotes(BaseModel):
    """Notes from several conversations; `total` counts those beyond the limit too."""

    model_config = ConfigDict(frozen=True)
    total: int
    notes: tuple[NoteBrief, ...]
    facts: list[Fact]


class FoundProposals(BaseModel):
    """Proposals, the newest first; `total` counts those beyond the limit too."""

    model_config = ConfigDict(frozen=True)
    total: int
    proposals: tuple[ProposalBrief, ...]
    facts: list[Fact]


def read_notes(
    session: Session,
    arguments: ReadNotes,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
) -> ConversationNotes:
    """Show what was understood from one call, meeting or email, and the changes it suggests.

    Raises NotFound if there is no such conversation, or nobody has made notes on it yet.
    """
    row = _conversation(session, arguments.conversation_id, principal)
    made = session.scalar(
        select(NoteSet).where(NoteSet.conversation_id == row.id, are_told(principal))
    )
    if made is None:
        raise NotFound(
            f"conversation {row.id!r} has no notes yet: `sales-copilot notes {row.id}` makes them"
        )
    rows = session.scalars(
        select(Note).where(Note.conversation_id == row.id).order_by(Note.position)
    ).all()
    found = find_proposals(
        session,
        FindProposals(conversation_id=row.id, statuses=_SHOWN),
        principal=principal,
        as_of=as_of,
        language=language,
    )
    return ConversationNotes(
        conversation_id=row.id,
        external_id=row.external_id,
        title=row.title,
        kind=row.kind,
        started_at=row.started_at,
        language=made.language,
        maker=made.maker,
        made_at=made.made_at,
        notes=tuple(_brief(note) for note in rows),
        proposals=found.proposals,
        facts=[*(note_fact(note, row, language=language) for note in rows), *found.facts],
    )


def _conversation(session: Session, conversation_id: int, principal: Principal) -> Conversation:
    wanted = select(Conversation).where(Conversation.id == conversation_id)
    row = session.scalar(visible(wanted, Conversation, principal))
    if row is None:
        raise NotFound(
            f"there is no conversation {conversation_id!r}: `sales-copilot show calls` lists them"
        )
    return row


def find_commitments(
    session: Session,
    arguments: FindCommitments,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
) -> FoundNotes:
    """List what was promised in conversations, by whom and until when, the earliest due first."""
    statement = (
        select(Note, Conversation)
        .join(Conversation, Conversation.id == Note.conversation_id)
        .where(Note.kind == NoteKind.COMMITMENT.value, Conversation.started_at <= as_of)
    )
    for column, value in (
        (Conversation.opportunity_id, arguments.opportunity_id),
        (Conversation.account_id, arguments.account_id),
        (Note.side, arguments.side.value if arguments.side else None),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if arguments.due_from is not None:
        statement = statement.where(Note.due_on >= arguments.due_from)
    if arguments.due_until is not None:
        statement = statement.where(Note.due_on <= arguments.due_until)
    readable = visible(select(Conversation.id), Conversation, principal)
    statement = statement.where(Note.conversation_id.in_(readable), are_told(principal))
    total = _count(session, statement.with_only_columns(Note.id))
    ordered = statement.order_by(Note.due_on.asc().nulls_last(), Note.id)
    rows = session.execute(ordered.limit(arguments.limit)).all()
    return FoundNotes(
        total=total,
        notes=tuple(_brief(note) for note, _ in rows),
        facts=[note_fact(note, talk, language=language) for note, talk in rows],
    )


def find_proposals(
    session: Session,
    arguments: FindProposals,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
) -> FoundProposals:
    """List the changes to CRM fields that conversations suggest, with old value and reason."""
    states = [status.value for status in arguments.statuses]
    statement = (
        select(FieldProposal, Conversation)
        .join(Conversation, Conversation.id == FieldProposal.conversation_id)
        .where(FieldProposal.status.in_(states), Conversation.started_at <= as_of)
    )
    if arguments.conversation_id is not None:
        statement = statement.where(FieldProposal.conversation_id == arguments.conversation_id)
    if arguments.entity is not None:
        statement = statement.where(FieldProposal.entity == arguments.entity)
    if arguments.entity_id is not None:
        statement = statement.where(FieldProposal.entity_id == arguments.entity_id)
    readable = visible(select(Conversation.id), Conversation, principal)
    statement = statement.where(
        FieldProposal.conversation_id.in_(readable),
        on_readable_record(principal),
        are_told(principal),
    )
    total = _count(session, statement.with_only_columns(FieldProposal.id))
    ordered = statement.order_by(Conversation.started_at.desc(), FieldProposal.id)
    rows = session.execute(ordered.limit(arguments.limit)).all()
    return FoundProposals(
        total=total,
        proposals=tuple(_proposal(row) for row, _ in rows),
        facts=[_proposal_fact(row, talk, language) for row, talk in rows],
    )


def on_readable_record(principal: Principal) -> ColumnElement[bool]:
    """Return the condition that a proposal is on a record that the caller may read.

    Its old value is the record's, whoever may read the conversation.
    """
    return or_(
        *(
            and_(
                FieldProposal.entity == entity,
                exists(
                    select(model.id)
                    .where(model.id == FieldProposal.entity_id, readable(model, principal))
                    .correlate(FieldProposal)
                ),
            )
            for entity, model in _PROPOSED_ON.items()
        )
    )


def note_fact(note: Note, talk: Conversation, *, language: Language) -> Fact:
    """Return a note as a fact: what kind, who, when, the words, and where they stand."""
    kind = _KINDS[language][note.kind]
    side = SIDE_WORDS[language].get(Side(note.side)) if note.side else None
    who = note.speaker or ""
    if who and side:
        who = f"{who}（{side}）" if language == "zh" else f"{who} ({side})"
    day = f"{talk.started_at:%Y-%m-%d}"
    due = ""
    if note.due_on:
        due = f"，{note.due_on}到期" if language == "zh" else f", due {note.due_on}"
    if language == "zh":
        head = "，".join(part for part in (kind, who, f"《{talk.title}》{day}{due}") if part)
        text = f"{head}：“{note.text}”"
    else:
        head = ", ".join(part for part in (kind, who, f'"{talk.title}" {day}{due}') if part)
        text = f'{head[0].upper()}{head[1:]}: "{note.text}"'
    is_email = talk.kind == ConversationKind.EMAIL
    return Fact(
        kind=FactKind.EMAIL if is_email else FactKind.SEGMENT,
        text=text,
        as_of=talk.started_at,
        source=_source(talk.id, note.segments, note.start_ms),
    )


def _source(conversation_id: int, segments: Sequence[int], start_ms: int | None) -> str:
    if not segments:
        return f"conversation:{conversation_id}"
    first, last = segments[0], segments[-1]
    place = f"{first}" if first >= last else f"{first}-{last}"
    moment = clock(start_ms)
    return f"conversation:{conversation_id}#{place}" + (f"@{moment}" if moment else "")


def _proposal_fact(row: FieldProposal, talk: Conversation, language: Language) -> Fact:
    old = row.old_value or ("空" if language == "zh" else "empty")
    if language == "zh":
        text = f"建议（未生效）：{row.field} 由“{old}”改为“{row.new_value}”，依据 {row.reason}"
    else:
        text = (
            f'Proposed, not applied: {row.field} "{old}" → "{row.new_value}", because {row.reason}'
        )
    return Fact(
        kind=FactKind.SEGMENT,
        text=text,
        as_of=talk.started_at,
        source=_source(talk.id, row.segments, None),
    )


def _brief(note: Note) -> NoteBrief:
    is_question = note.kind == NoteKind.QUESTION
    return NoteBrief(
        id=note.id,
        conversation_id=note.conversation_id,
        kind=NoteKind(note.kind),
        text=note.text,
        speaker=note.speaker,
        side=Side(note.side) if note.side else None,
        due_on=note.due_on,
        start_ms=note.start_ms,
        end_ms=note.end_ms,
        segments=tuple(note.segments),
        is_open=len(note.segments) == 1 if is_question else None,
    )


def _proposal(row: FieldProposal) -> ProposalBrief:
    return ProposalBrief(
        id=row.id,
        conversation_id=row.conversation_id,
        entity=row.entity,
        entity_id=row.entity_id,
        field=row.field,
        old_value=row.old_value,
        new_value=row.new_value,
        detail=row.detail,
        reason=row.reason,
        segments=tuple(row.segments),
        confidence=row.confidence,
        status=ProposalStatus(row.status),
        made_at=row.made_at,
    )


def _count(session: Session, statement: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(statement.subquery())) or 0
