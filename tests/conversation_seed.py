"""Small conversations and an embedder without a model, for tests of search and its tools."""

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from sqlalchemy.orm import Session

from crm.index.terms import terms_of
from crm.models import Account, Conversation, Participant, Segment, User

SYNCED = datetime(2026, 11, 1, tzinfo=UTC)
Said = tuple[str, str]


class WordEmbedder:
    """Texts that share words lie close; `synonyms` makes words mean the same."""

    dimensions = 1024

    def __init__(self, name: str = "words", synonyms: dict[str, str] | None = None) -> None:
        self.name = name
        self.calls = 0
        self._synonyms = synonyms or {}

    def embed_passages(self, texts: list[str]) -> np.ndarray:
        self.calls += 1
        return np.stack([self._vector(text) for text in texts])

    def embed_query(self, text: str) -> np.ndarray:
        return self._vector(text)

    def _vector(self, text: str) -> np.ndarray:
        vector = np.full(self.dimensions, 1e-3, dtype=np.float32)
        for term in terms_of(text):
            word = self._synonyms.get(term, term)
            vector[zlib.crc32(word.encode()) % self.dimensions] += 1
        return vector / np.linalg.norm(vector)


def sourced(number: int) -> dict[str, object]:
    """The columns that every imported row has."""
    return {"id": number, "source": "test", "external_id": f"x{number}", "synced_at": SYNCED}


def add_account(session: Session, number: int, name: str, **columns: object) -> Account:
    account = Account(**sourced(number), name=name, **columns)
    session.add(account)
    session.flush()
    return account


def add_user(session: Session, number: int, name: str, **columns: object) -> User:
    user = User(**sourced(number), name=name, **columns)
    session.add(user)
    session.flush()
    return user


def add_conversation(
    session: Session,
    number: int,
    said: Sequence[Said],
    *,
    kind: str = "call",
    title: str = "Weekly call",
    started_at: datetime = datetime(2026, 11, 12, 9, tzinfo=UTC),
    sides: dict[str, str] | None = None,
    **columns: object,
) -> Conversation:
    """Add a conversation whose turns last 10 seconds each; emails have no times."""
    conversation = Conversation(
        **sourced(number),
        kind=kind,
        title=title,
        started_at=started_at,
        content_sha256=f"{number:064d}",
        **columns,
    )
    session.add(conversation)
    session.flush()
    for position, (name, side) in enumerate((sides or {}).items()):
        session.add(Participant(conversation_id=number, position=position, name=name, side=side))
    for position, (speaker, text) in enumerate(said):
        start = None if kind == "email" else position * 10_000
        session.add(
            Segment(
                conversation_id=number,
                position=position,
                speaker=speaker,
                start_ms=start,
                end_ms=None if start is None else start + 10_000,
                text=text,
            )
        )
    session.flush()
    return conversation
