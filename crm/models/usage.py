"""What people used of the copilot, by day and model: the ground for budgets, free of any text."""

from datetime import date

from sqlalchemy import BigInteger, Date
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base


class Usage(Base):
    """One person's day with one model; questions stand under the empty model, whoever answered.

    `person` is an address such as `user:3` or `owner`, `day` a day in the company's time zone.
    `calls` were put to the model, `failed` of them ended without an answer; the tokens of both
    count.
    """

    __tablename__ = "usage"
    person: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True, index=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    questions: Mapped[int]
    calls: Mapped[int]
    failed: Mapped[int]
    tokens_in: Mapped[int] = mapped_column(BigInteger)
    tokens_out: Mapped[int] = mapped_column(BigInteger)
