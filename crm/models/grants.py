"""What people are given beyond their place in the CRM, from a day and until a day."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base


class GrantKind(StrEnum):
    """What is given: a whole team's or territory's rows, one account or deal, or a stand-in."""

    TEAM = "team"
    TERRITORY = "territory"
    ACCOUNT = "account"
    OPPORTUNITY = "opportunity"
    STAND_IN = "stand_in"


class AccessGrant(Base):
    """One grant; `object_id` names the row of its kind, for a stand-in the absent user.

    Without `valid_from` it holds at once, without `valid_until` until it is revoked.
    """

    __tablename__ = "access_grants"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    kind: Mapped[str]
    object_id: Mapped[int]
    reason: Mapped[str]
    valid_from: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    granted_by: Mapped[str]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
