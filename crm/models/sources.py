"""What is connected: how far each source was read, and how its last run went."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, false
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base


class SourceState(Base):
    """One source. `cursor` is its own note of where to go on, written with what was read.

    `newest_at` is the time of the newest item seen; counts are those of the last run; `error`
    is what ended it early, and `failures` how many runs in a row ended so. What comes from one
    that `is_private` belongs to the user `owner_id` and is shown to the people in it alone.
    """

    __tablename__ = "source_states"
    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    cursor: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    newest_at: Mapped[datetime | None]
    read: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    deleted: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    is_private: Mapped[bool] = mapped_column(default=False, server_default=false())
    owner_id: Mapped[int | None]


class HeardPart(Base):
    """A stretch of a recording that was transcribed, kept until the whole recording is stored.

    `recording` is a digest of all that the transcription depends on; `heard` is the transcriber's
    own JSON.
    """

    __tablename__ = "heard_parts"
    recording: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    heard: Mapped[dict[str, Any]] = mapped_column(JSON)
    stored_at: Mapped[datetime]


class PendingRecording(Base):
    """A recording that a source brought and that is still to be transcribed.

    Written with the source's cursor, gone once its conversation is stored. `key` is its external
    id where the file's name alone would not tell it from others. `error` says why it
    could not be, at its last of `failures` tries.
    """

    __tablename__ = "pending_recordings"
    path: Mapped[str] = mapped_column(primary_key=True)
    sidecar: Mapped[str | None]
    key: Mapped[str | None]
    source: Mapped[str] = mapped_column(index=True)
    found_at: Mapped[datetime]
    failures: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
