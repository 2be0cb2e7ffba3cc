"""Users, their teams (a tree), territories, and quotas."""

from datetime import date

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base, Sourced
from crm.principal import Role


class Team(Sourced, Base):
    """A sales team; `parent_id` makes the tree."""

    __tablename__ = "teams"
    name: Mapped[str] = mapped_column(index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))


class Territory(Sourced, Base):
    """A territory; `region` is what it rolls up to (its own name at one level)."""

    __tablename__ = "territories"
    name: Mapped[str] = mapped_column(index=True)
    region: Mapped[str] = mapped_column(index=True)


class User(Sourced, Base):
    """A person of our own organisation."""

    __tablename__ = "users"
    name: Mapped[str] = mapped_column(index=True)
    email: Mapped[str | None] = mapped_column(index=True)
    role: Mapped[str] = mapped_column(default=Role.REP.value)
    title: Mapped[str | None]
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"), index=True)
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    territory_id: Mapped[int | None] = mapped_column(ForeignKey("territories.id"), index=True)
    is_active: Mapped[bool] = mapped_column(default=True)


class Quota(Sourced, Base):
    """A target for a user or a team over whole days, both ends included."""

    __tablename__ = "quotas"
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"), index=True)
    starts_on: Mapped[date] = mapped_column(index=True)
    ends_on: Mapped[date]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
