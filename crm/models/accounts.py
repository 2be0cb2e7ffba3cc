"""Companies we sell to, the people there, and leads."""

from datetime import date

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base, Sourced


class Account(Sourced, Base):
    """A customer or prospect company."""

    __tablename__ = "accounts"
    name: Mapped[str] = mapped_column(index=True)
    industry: Mapped[str | None] = mapped_column(index=True)
    country: Mapped[str | None]
    city: Mapped[str | None]
    domain: Mapped[str | None] = mapped_column(index=True)
    employees: Mapped[int | None]
    annual_revenue_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None]
    founded_year: Mapped[int | None]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    territory_id: Mapped[int | None] = mapped_column(ForeignKey("territories.id"), index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created_on: Mapped[date | None]


class Contact(Sourced, Base):
    """A person at an account."""

    __tablename__ = "contacts"
    name: Mapped[str] = mapped_column(index=True)
    email: Mapped[str | None] = mapped_column(index=True)
    phone: Mapped[str | None]
    title: Mapped[str | None]
    language: Mapped[str | None]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)


class Lead(Sourced, Base):
    """Somebody who showed interest and is not yet an opportunity."""

    __tablename__ = "leads"
    name: Mapped[str]
    company: Mapped[str | None]
    email: Mapped[str | None]
    status: Mapped[str | None] = mapped_column(index=True)
    lead_source: Mapped[str | None]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    created_on: Mapped[date | None] = mapped_column(index=True)
    converted_on: Mapped[date | None]
    opportunity_id: Mapped[int | None] = mapped_column(ForeignKey("opportunities.id"))


class Alias(Base):
    """Another name by which people call an entity (short forms, the other script)."""

    __tablename__ = "aliases"
    __table_args__ = (
        UniqueConstraint("entity", "entity_id", "name"),
        Index("ix_aliases_entity", "entity", "entity_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    entity: Mapped[str]
    entity_id: Mapped[int]
    name: Mapped[str]
