"""Drafts that were made, what people decided on them, and the style that people set themselves."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base


class DraftStatus(StrEnum):
    """What became of a draft."""

    OPEN = "open"
    ACCEPTED = "accepted"
    EDITED = "edited"
    REJECTED = "rejected"
    EXPIRED = "expired"


class StyleAspect(StrEnum):
    """What can be said about how somebody writes."""

    GREETING = "greeting"
    SIGN_OFF = "sign_off"
    LENGTH = "length"
    FORMALITY = "formality"
    AVOID = "avoid"


class SavedDraft(Base):
    """A draft as it was made, and what a person decided on it, once.

    `user_id` asked for it (None: the local owner), `author_id` is whose voice it has. `payload` is
    the draft in `schema_version`, `sha256` its digest. `difference` are the changed stretches
    [words before, words after]; `distance` is the word-level edit distance over the longer text,
    0 to 1. `learned` is what the decision tells of the author's style, without names or figures.
    """

    __tablename__ = "drafts"
    __table_args__ = (
        Index("ix_drafts_author", "author_id", "language", "decided_at"),
        Index("ix_drafts_user_id_status", "user_id", "status"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    schema_version: Mapped[int]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    sha256: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    recipient: Mapped[str]
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    opportunity_id: Mapped[int | None] = mapped_column(ForeignKey("opportunities.id"))
    kind: Mapped[str]
    channel: Mapped[str]
    language: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(index=True)
    status: Mapped[str]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    final_subject: Mapped[str | None]
    final_body: Mapped[str | None]
    reason: Mapped[str | None]
    difference: Mapped[list[list[str]] | None] = mapped_column(JSON(none_as_null=True))
    distance: Mapped[float | None]
    learned: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class StyleFact(Base):
    """What a person set or forgot about a style; what was learned is derived from the drafts.

    `subject` is "user:8", "owner", "contact:5" or "account:3". `key` is the phrase of an avoided
    one, else empty. A removed fact stands for "forget what was learned until `set_at`".
    """

    __tablename__ = "style_facts"
    __table_args__ = (UniqueConstraint("subject", "language", "aspect", "key"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str]
    language: Mapped[str]
    aspect: Mapped[str]
    key: Mapped[str]
    value: Mapped[str]
    is_removed: Mapped[bool]
    set_at: Mapped[datetime]
    set_by: Mapped[str]
