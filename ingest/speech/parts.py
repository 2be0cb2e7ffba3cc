"""The finished parts of a recording that is being transcribed, kept until it is stored."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from crm.models import HeardPart
from crm.store import Store

STALE_AFTER = timedelta(days=30)

Heard = dict[str, Any]


class PartStore(Protocol):
    """Keeps what was heard in parts, each under its recording's key and its number from 0."""

    def read(self, recording: str) -> dict[int, Heard]:
        """Return the parts kept for a recording."""
        ...

    def keep(self, recording: str, part: int, heard: Heard) -> None:
        """Keep a part for good: after a crash it is there."""
        ...


@dataclass
class StoredParts:
    """Parts kept in the store, one transaction each; `forget` drops those that it dealt with."""

    store: Store
    now: datetime
    _recordings: set[str] = field(default_factory=set)

    def read(self, recording: str) -> dict[int, Heard]:
        """Return the parts kept for a recording."""
        self._recordings.add(recording)
        with self.store.session() as session:
            rows = session.execute(
                select(HeardPart.part, HeardPart.heard).where(HeardPart.recording == recording)
            )
            return {row.part: row.heard for row in rows}

    def keep(self, recording: str, part: int, heard: Heard) -> None:
        """Keep a part; one kept before under its number is replaced."""
        self._recordings.add(recording)
        with self.store.session() as session:
            session.merge(
                HeardPart(recording=recording, part=part, heard=heard, stored_at=self.now)
            )

    def forget(self, session: Session) -> None:
        """Delete the parts of the recordings read here, in the transaction that stores them."""
        session.execute(delete(HeardPart).where(HeardPart.recording.in_(self._recordings)))


def forget_stale_parts(session: Session, now: datetime) -> None:
    """Delete parts that nobody came back for: their recording is gone, or was changed."""
    session.execute(delete(HeardPart).where(HeardPart.stored_at < now - STALE_AFTER))


def recording_key(
    path: Path, *, language: str | None, hints: Sequence[str], heard_by: Sequence[object]
) -> str:
    """Return a digest of all that a transcription depends on, 64 hex digits.

    `heard_by` are the recogniser, the diarizer and the way of cutting, whatever changes a result.
    """
    with path.open("rb") as file:
        sound = hashlib.file_digest(file, "sha256").hexdigest()
    said = json.dumps([sound, language, list(hints), [str(one) for one in heard_by]])
    return hashlib.sha256(said.encode()).hexdigest()
