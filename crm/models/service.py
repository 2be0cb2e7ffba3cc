"""Activities and tasks, and support cases with their satisfaction."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import ForeignKey, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base, Sourced


class ActivityKind(StrEnum):
    """What was done or is to be done."""

    CALL = "call"
    EMAIL = "email"
    MEETING = "meeting"
    TASK = "task"
    NOTE = "note"


class Activity(Sourced, Base):
    """Something done (`occurred_at`) or due (`due_on`, open until `done_at`)."""

    __tablename__ = "activities"
    kind: Mapped[str] = mapped_column(index=True)
    subject: Mapped[str]
    body: Mapped[str | None]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    opportunity_id: Mapped[int | None] = mapped_column(ForeignKey("opportunities.id"), index=True)
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"))
    occurred_at: Mapped[datetime | None] = mapped_column(index=True)
    due_on: Mapped[date | None] = mapped_column(index=True)
    done_at: Mapped[datetime | None]


class Case(Sourced, Base):
    """A support case; `satisfaction` is the customer's 1–5 score."""

    __tablename__ = "cases"
    subject: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    priority: Mapped[str | None]
    category: Mapped[str | None]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    product_id: Mapped[int | None] = mapped_column(ForeignKey("products.id"))
    opened_at: Mapped[datetime | None] = mapped_column(index=True)
    closed_at: Mapped[datetime | None]
    satisfaction: Mapped[Decimal | None] = mapped_column(Numeric(4, 2))
