"""Who was taken for whom: reversible decisions on people, and the questions that stay open."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base


class IdentityEntity(StrEnum):
    """What a participant can turn out to be."""

    CONTACT = "contact"
    USER = "user"
    NOBODY = "nobody"


class QuestionStatus(StrEnum):
    """What became of a question on somebody's identity."""

    OPEN = "open"
    ANSWERED = "answered"
    SKIPPED = "skipped"


class IdentityDecision(Base):
    """That everybody under `key` is this contact or user (or nobody known), until it is undone.

    `key` is how participants are recognised again, such as `email:priya@acme.com`. `basis` says
    what the decision rests on, `decided_by` who took it: a person's name, or `rule`.
    """

    __tablename__ = "identity_decisions"
    __table_args__ = (Index("ix_identity_decisions_key", "key"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    entity: Mapped[str]
    entity_id: Mapped[int | None]
    basis: Mapped[str]
    confidence: Mapped[float]
    decided_by: Mapped[str]
    decided_at: Mapped[datetime]
    undone_by: Mapped[str | None]
    undone_at: Mapped[datetime | None]


class IdentityQuestion(Base):
    """Somebody who may be one of several people; `candidates` are what code found, best first."""

    __tablename__ = "identity_questions"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    conversation_id: Mapped[int] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), index=True
    )
    candidates: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(index=True)
    asked_at: Mapped[datetime]
