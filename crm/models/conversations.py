"""Calls, meetings, emails and chats, as ordered segments, and the passages made for search."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base, Sourced


class ConversationKind(StrEnum):
    """How people talked."""

    CALL = "call"
    MEETING = "meeting"
    EMAIL = "email"
    CHAT = "chat"


class Side(StrEnum):
    """Whose side a participant is on."""

    OURS = "ours"
    CUSTOMER = "customer"
    UNKNOWN = "unknown"


class NameBasis(StrEnum):
    """What a voice's name rests on."""

    STATED = "stated"
    SAID = "said"
    ADDRESSED = "addressed"
    INVITED = "invited"
    CORRECTED = "corrected"


class Conversation(Sourced, Base):
    """One call, meeting, email or chat; an email's thread shares `thread_key`.

    One that `is_private` is kept to its owner and the people in it, as the policy says: because
    somebody said so (`kept_private`), else because all sources that brought it are private.
    """

    __tablename__ = "conversations"
    kind: Mapped[str] = mapped_column(index=True)
    title: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    language: Mapped[str | None]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    opportunity_id: Mapped[int | None] = mapped_column(ForeignKey("opportunities.id"), index=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    message_id: Mapped[str | None] = mapped_column(index=True)
    in_reply_to: Mapped[str | None]
    thread_key: Mapped[str | None] = mapped_column(index=True)
    media_path: Mapped[str | None]
    content_sha256: Mapped[str]
    is_private: Mapped[bool] = mapped_column(default=False, server_default=false())
    kept_private: Mapped[bool | None]


class ConversationOrigin(Base):
    """That a connected source brought a conversation; one imported by hand has no such row."""

    __tablename__ = "conversation_origins"
    conversation_id: Mapped[int] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    )
    source: Mapped[str] = mapped_column(primary_key=True, index=True)


class Participant(Base):
    """Somebody in a conversation, tied to a contact or user once known."""

    __tablename__ = "participants"
    __table_args__ = (UniqueConstraint("conversation_id", "position"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    position: Mapped[int]
    name: Mapped[str]
    email: Mapped[str | None] = mapped_column(index=True)
    phone: Mapped[str | None]
    role: Mapped[str | None]
    side: Mapped[str]
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)


class Segment(Base):
    """One turn; `position` counts from 0; times are milliseconds from the start, None for text.

    `voice` is what told the speakers of a recording apart before they had names. `words` are
    [text, start_ms, end_ms, probability] each, read only where asked for; `confidence` is their
    mean probability, 0 to 1.
    """

    __tablename__ = "segments"
    __table_args__ = (UniqueConstraint("conversation_id", "position"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    position: Mapped[int]
    speaker: Mapped[str]
    start_ms: Mapped[int | None]
    end_ms: Mapped[int | None]
    text: Mapped[str]
    voice: Mapped[str | None]
    confidence: Mapped[float | None]
    words: Mapped[list[list[Any]] | None] = mapped_column(JSON(none_as_null=True), deferred=True)


class VoiceName(Base):
    """Who a voice of a recording is, how sure that is (0 to 1), and on what it rests."""

    __tablename__ = "voice_names"
    __table_args__ = (UniqueConstraint("conversation_id", "voice"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    voice: Mapped[str]
    name: Mapped[str]
    confidence: Mapped[float]
    basis: Mapped[str]


class Passage(Base):
    """A stretch of segments as searched; `embedding_model` names its vector's model, if any."""

    __tablename__ = "passages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "first_segment"),
        Index("ix_passages_embedding_model", "embedding_model"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    first_segment: Mapped[int]
    last_segment: Mapped[int]
    text: Mapped[str]
    terms: Mapped[str]
    embedding_model: Mapped[str | None]
