"""Opportunities with their stages, lines, history and quotes."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base, Sourced


class StageStatus(StrEnum):
    """What being in a stage means for the deal."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class Stage(Sourced, Base):
    """A step of the sales process, in order; `probability` is a fraction of 1."""

    __tablename__ = "stages"
    name: Mapped[str] = mapped_column(index=True)
    position: Mapped[int]
    status: Mapped[str] = mapped_column(index=True)
    probability: Mapped[Decimal | None] = mapped_column(Numeric(5, 4))


class Opportunity(Sourced, Base):
    """A deal. `closed_on` is set once won or lost; `expected_close_on` is the plan."""

    __tablename__ = "opportunities"
    name: Mapped[str] = mapped_column(index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    territory_id: Mapped[int | None] = mapped_column(ForeignKey("territories.id"), index=True)
    stage_id: Mapped[int] = mapped_column(ForeignKey("stages.id"), index=True)
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str]
    lead_source: Mapped[str | None] = mapped_column(index=True)
    forecast_category: Mapped[str | None]
    lost_reason: Mapped[str | None]
    competitor: Mapped[str | None]
    next_step: Mapped[str | None]
    opened_on: Mapped[date | None] = mapped_column(index=True)
    expected_close_on: Mapped[date | None] = mapped_column(index=True)
    closed_on: Mapped[date | None] = mapped_column(index=True)


class OpportunityLine(Sourced, Base):
    """A product in a deal; `amount_minor` is the line's total in the deal's currency."""

    __tablename__ = "opportunity_lines"
    opportunity_id: Mapped[int] = mapped_column(ForeignKey("opportunities.id"), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), index=True)
    quantity: Mapped[Decimal] = mapped_column(Numeric(14, 4), default=Decimal(1))
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)


class OpportunityContact(Sourced, Base):
    """A contact's role in a deal (champion, economic buyer, …)."""

    __tablename__ = "opportunity_contacts"
    opportunity_id: Mapped[int] = mapped_column(ForeignKey("opportunities.id"), index=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    role: Mapped[str | None]


class StageChange(Sourced, Base):
    """A deal entering a stage; the first one has no `from_stage_id`."""

    __tablename__ = "stage_changes"
    opportunity_id: Mapped[int] = mapped_column(ForeignKey("opportunities.id"), index=True)
    from_stage_id: Mapped[int | None] = mapped_column(ForeignKey("stages.id"))
    to_stage_id: Mapped[int] = mapped_column(ForeignKey("stages.id"))
    changed_at: Mapped[datetime] = mapped_column(index=True)


class CloseDateChange(Sourced, Base):
    """The expected close date being moved."""

    __tablename__ = "close_date_changes"
    opportunity_id: Mapped[int] = mapped_column(ForeignKey("opportunities.id"), index=True)
    from_on: Mapped[date | None]
    to_on: Mapped[date]
    changed_at: Mapped[datetime] = mapped_column(index=True)


class AmountChange(Sourced, Base):
    """The amount being changed, in the deal's currency."""

    __tablename__ = "amount_changes"
    opportunity_id: Mapped[int] = mapped_column(ForeignKey("opportunities.id"), index=True)
    from_minor: Mapped[int | None] = mapped_column(BigInteger)
    to_minor: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime] = mapped_column(index=True)


class Quote(Sourced, Base):
    """An offer made; `discount` is a fraction of 1 off list."""

    __tablename__ = "quotes"
    opportunity_id: Mapped[int] = mapped_column(ForeignKey("opportunities.id"), index=True)
    number: Mapped[str]
    status: Mapped[str]
    total_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    discount: Mapped[Decimal] = mapped_column(Numeric(5, 4), default=Decimal(0))
    created_on: Mapped[date | None]
    valid_until: Mapped[date | None]
