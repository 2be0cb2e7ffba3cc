"""The audit trail: events in a chain of digests, and their details, which can be erased."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base


class AuditHead(Base):
    """The end of the chain, one row: whoever appends takes its lock first."""

    __tablename__ = "audit_heads"
    id: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int]
    digest: Mapped[str]


class AuditEvent(Base):
    """One thing that was done; `digest` covers all other columns and the event before.

    `person` is an address such as `user:3` or `owner`, `agent` what acted for them, None where
    they acted themselves. `read` are addresses of what was read for it, `saw` digests of prompts.
    """

    __tablename__ = "audit_events"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(index=True)
    person: Mapped[str] = mapped_column(index=True)
    agent: Mapped[str | None]
    action: Mapped[str] = mapped_column(index=True)
    object: Mapped[str] = mapped_column(index=True)
    read: Mapped[list[str]] = mapped_column(JSON)
    saw: Mapped[list[str]] = mapped_column(JSON)
    detail_digest: Mapped[str]
    previous: Mapped[str]
    digest: Mapped[str]


class AuditDetail(Base):
    """What an event changed, before and after; without it the chain still verifies by its digest.

    The salt keeps a short value from being guessed from its digest once the detail is erased.
    """

    __tablename__ = "audit_details"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    salt: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSON)


class AuditSubject(Base):
    """A person whom an event's detail is about, such as `contact:12`."""

    __tablename__ = "audit_subjects"
    __table_args__ = (Index("ix_audit_subjects_address", "address"),)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    address: Mapped[str] = mapped_column(primary_key=True)
