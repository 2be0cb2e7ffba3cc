"""Side effects that wait for people: what was proposed, who decided, and what came of it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base


class EffectKind(StrEnum):
    """What can be done outside the copilot's own words."""

    SAVE_MAIL_DRAFT = "save_mail_draft"
    SEND_MAIL = "send_mail"
    UPDATE_RECORD = "update_record"
    CREATE_TASK = "create_task"
    APPLY_FIELD_PROPOSAL = "apply_field_proposal"
    REQUEST_DISCOUNT = "request_discount"


class ActionStatus(StrEnum):
    """Where a proposed action stands; the last four are its end."""

    WAITING = "waiting"
    APPROVED = "approved"
    APPLYING = "applying"
    APPLIED = "applied"
    REJECTED = "rejected"
    EXPIRED = "expired"
    FAILED = "failed"


class Vote(StrEnum):
    """What a person decided on one payload."""

    APPROVE = "approve"
    REJECT = "reject"


class ProposedAction(Base):
    """One side effect with the payload that would be carried out, and nothing else.

    `key` makes the effect happen once; `payload_sha256` is what votes are bound to, an edit
    replaces both. `evidence` are the facts it rests on, `risk` is low, medium or high, `rule` the
    policy that asks for approval. `agent` names what proposed it for `proposer_id` (None: the
    local owner). `assignee_id` is to whom it was delegated. `result` is what the effect returned.
    """

    __tablename__ = "proposed_actions"
    __table_args__ = (Index("ix_proposed_actions_status_expires_at", "status", "expires_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    payload_sha256: Mapped[str]
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    risk: Mapped[str]
    rule: Mapped[str]
    agent: Mapped[str | None]
    proposer_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    opportunity_id: Mapped[int | None] = mapped_column(ForeignKey("opportunities.id"))
    thread_id: Mapped[str | None]
    status: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]
    applied_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[str | None]


class ActionVote(Base):
    """What one person decided on one payload of an action; a changed payload needs votes anew."""

    __tablename__ = "action_votes"
    __table_args__ = (UniqueConstraint("action_id", "payload_sha256", "person"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    action_id: Mapped[int] = mapped_column(ForeignKey("proposed_actions.id", ondelete="CASCADE"))
    payload_sha256: Mapped[str]
    person: Mapped[str]
    role: Mapped[str]
    vote: Mapped[str]
    reason: Mapped[str | None]
    at: Mapped[datetime]
