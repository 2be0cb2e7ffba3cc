"""What was understood from a conversation: notes, and proposed changes to CRM fields."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base


class NoteKind(StrEnum):
    """What a note on a conversation is about."""

    SUMMARY = "summary"
    TOPIC = "topic"
    QUESTION = "question"
    OBJECTION = "objection"
    COMPETITOR = "competitor"
    COMMITMENT = "commitment"
    NEXT_STEP = "next_step"


class ProposalStatus(StrEnum):
    """What became of a proposed change."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


class NoteSet(Base):
    """That a conversation was understood, from which words (a digest) and by which maker.

    `maker` names the rules and model that wrote the notes: the same maker on the same words
    writes the same notes.
    """

    __tablename__ = "note_sets"
    conversation_id: Mapped[int] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    )
    content_digest: Mapped[str]
    maker: Mapped[str]
    language: Mapped[str | None]
    made_at: Mapped[datetime]


class Note(Base):
    """One thing understood; `segments` are the positions that it rests on, in order.

    `side` is whose it is (`ours`, `customer`), `due_on` a commitment's day. Times are
    milliseconds from the start, None for written text.
    """

    __tablename__ = "notes"
    __table_args__ = (Index("ix_notes_conversation", "conversation_id", "position"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    position: Mapped[int]
    kind: Mapped[str]
    text: Mapped[str]
    speaker: Mapped[str | None]
    side: Mapped[str | None]
    due_on: Mapped[date | None]
    start_ms: Mapped[int | None]
    end_ms: Mapped[int | None]
    segments: Mapped[list[int]] = mapped_column(JSON)


class FieldProposal(Base):
    """A change to one field of a record that a conversation suggests; nothing is changed by it.

    `entity` and `entity_id` name the record, `field` its field or a MEDDICC element
    (`meddicc.economic_buyer`). Values are text as a person would write them; `reason` quotes
    what was said in the `segments`.
    """

    __tablename__ = "field_proposals"
    __table_args__ = (Index("ix_field_proposals_entity", "entity", "entity_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), index=True
    )
    entity: Mapped[str]
    entity_id: Mapped[int]
    field: Mapped[str]
    old_value: Mapped[str | None]
    new_value: Mapped[str]
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    reason: Mapped[str]
    segments: Mapped[list[int]] = mapped_column(JSON)
    confidence: Mapped[float]
    status: Mapped[str] = mapped_column(index=True)
    made_at: Mapped[datetime]
