"""What was imported when, and how it went."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base


class ImportRun(Base):
    """One run of an importer with its counts; `finished_at` is None if it was cut off."""

    __tablename__ = "import_runs"
    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    kind: Mapped[str]
    inputs: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    read: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
