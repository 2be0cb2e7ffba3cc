"""A parsed conversation, and its way into the store: created, replaced, or left as it is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, undefer

from crm.models import (
    Conversation,
    ConversationKind,
    NameBasis,
    Participant,
    Passage,
    Segment,
    Side,
    VoiceName,
)
from crm.principal import Principal
from ingest.identity import NO_HINTS, Directory, Hints, Link, Person


class Change(StrEnum):
    """What storing did."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Outcome:
    """What happened to which conversation."""

    change: Change
    conversation_id: int


@dataclass(frozen=True)
class ParsedSegment:
    """One turn or paragraph; times are milliseconds from the start, None for written text.

    `words` are (text, start_ms, end_ms, probability); `voice` tells speakers of a recording apart.
    """

    speaker: str
    text: str
    start_ms: int | None = None
    end_ms: int | None = None
    voice: str | None = None
    confidence: float | None = None
    words: tuple[tuple[str, int, int, float], ...] = ()


@dataclass(frozen=True)
class NamedVoice:
    """Who a voice of a recording is taken for; `confidence` is 0 to 1."""

    voice: str
    name: str
    confidence: float
    basis: NameBasis


@dataclass(frozen=True)
class ParsedConversation:
    """A conversation as read from a file, not yet tied to anything in the CRM.

    `content_sha256` decides whether a conversation stored earlier under the same `source` and
    `external_id` is replaced. `started_at` is aware.
    """

    source: str
    external_id: str
    kind: ConversationKind
    title: str
    started_at: datetime
    participants: tuple[Person, ...]
    segments: tuple[ParsedSegment, ...]
    content_sha256: str
    ended_at: datetime | None = None
    language: str | None = None
    message_id: str | None = None
    in_reply_to: str | None = None
    thread_key: str | None = None
    media_path: str | None = None
    hints: Hints = NO_HINTS
    voices: tuple[NamedVoice, ...] = ()


def store_conversation(
    session: Session,
    parsed: ParsedConversation,
    *,
    now: datetime,
    principal: Principal,
    directory: Directory | None = None,
) -> Outcome:
    """Put the conversation into the store and say what changed.

    The same content twice changes nothing, except that one stored before its account was known
    is tied to it once it is. Changed content replaces segments and participants. A `directory`
    shared by a batch saves look-ups.
    """
    directory = directory or Directory(session, principal)
    existing = find_stored(session, parsed.source, parsed.external_id)
    if existing is None:
        row = Conversation(source=parsed.source, external_id=parsed.external_id)
        _fill(session, row, parsed, directory, now)
        return Outcome(Change.CREATED, row.id)
    if existing.content_sha256 == parsed.content_sha256:
        return _link_late(session, existing, parsed, directory, now)
    session.execute(delete(Segment).where(Segment.conversation_id == existing.id))
    session.execute(delete(Participant).where(Participant.conversation_id == existing.id))
    # Without passages it counts as not yet indexed, should the process end before it is.
    session.execute(delete(Passage).where(Passage.conversation_id == existing.id))
    _fill(session, existing, parsed, directory, now)
    return Outcome(Change.UPDATED, existing.id)


def find_stored(session: Session, source: str, external_id: str) -> Conversation | None:
    """Return the row under this key, whoever may read it: a hidden one must not be doubled."""
    return session.scalar(
        select(Conversation).where(
            Conversation.source == source, Conversation.external_id == external_id
        )
    )


def find_segments(session: Session, conversation_id: int) -> tuple[ParsedSegment, ...]:
    """Return what is stored of a conversation, in order, to be stored again whoever imports."""
    rows = session.scalars(
        select(Segment)
        .where(Segment.conversation_id == conversation_id)
        .order_by(Segment.position)
        .options(undefer(Segment.words))
    )
    return tuple(
        ParsedSegment(
            speaker=row.speaker,
            text=row.text,
            start_ms=row.start_ms,
            end_ms=row.end_ms,
            voice=row.voice,
            confidence=row.confidence,
            words=tuple((text, start, end, sure) for text, start, end, sure in row.words or ()),
        )
        for row in rows
    )


def _link_late(
    session: Session,
    row: Conversation,
    parsed: ParsedConversation,
    directory: Directory,
    now: datetime,
) -> Outcome:
    if row.account_id is not None:
        return Outcome(Change.UNCHANGED, row.id)
    link = directory.resolve(parsed.participants, parsed.title, parsed.started_at, parsed.hints)
    if link.account_id is None:
        return Outcome(Change.UNCHANGED, row.id)
    session.execute(delete(Participant).where(Participant.conversation_id == row.id))
    _tie(session, row, link)
    row.synced_at = now
    session.flush()
    return Outcome(Change.UPDATED, row.id)


def _fill(
    session: Session,
    row: Conversation,
    parsed: ParsedConversation,
    directory: Directory,
    now: datetime,
) -> None:
    row.kind = parsed.kind.value
    row.title = parsed.title
    row.started_at = parsed.started_at
    row.ended_at = parsed.ended_at
    row.language = parsed.language
    row.message_id = parsed.message_id
    row.in_reply_to = parsed.in_reply_to
    row.thread_key = _thread_of(session, parsed)
    row.media_path = parsed.media_path
    row.content_sha256 = parsed.content_sha256
    row.synced_at = now
    session.add(row)
    session.flush()
    link = directory.resolve(parsed.participants, parsed.title, parsed.started_at, parsed.hints)
    _tie(session, row, link)
    session.add_all(
        Segment(
            conversation_id=row.id,
            position=position,
            speaker=segment.speaker,
            start_ms=segment.start_ms,
            end_ms=segment.end_ms,
            text=segment.text,
            voice=segment.voice,
            confidence=segment.confidence,
            words=[list(word) for word in segment.words] or None,
        )
        for position, segment in enumerate(parsed.segments)
    )
    session.execute(delete(VoiceName).where(VoiceName.conversation_id == row.id))
    session.add_all(
        VoiceName(
            conversation_id=row.id,
            voice=one.voice,
            name=one.name,
            confidence=one.confidence,
            basis=one.basis.value,
        )
        for one in parsed.voices
    )
    session.flush()


def _tie(session: Session, row: Conversation, link: Link) -> None:
    row.account_id = link.account_id
    row.opportunity_id = link.opportunity_id
    row.owner_id = link.owner_id
    session.add_all(
        Participant(
            conversation_id=row.id,
            position=position,
            name=known.person.name,
            email=known.person.email,
            phone=known.person.phone,
            role=known.person.role,
            side=known.side.value if known.side else Side.UNKNOWN.value,
            contact_id=known.contact_id,
            user_id=known.user_id,
        )
        for position, known in enumerate(link.people)
    )


def _thread_of(session: Session, parsed: ParsedConversation) -> str | None:
    """Return the parent's thread where only the parent is named and we have it."""
    if parsed.in_reply_to is None or parsed.thread_key != parsed.in_reply_to:
        return parsed.thread_key
    parent = session.scalars(
        select(Conversation.thread_key)
        .where(Conversation.message_id == parsed.in_reply_to)
        .order_by(Conversation.id)
    ).first()
    return parent or parsed.thread_key
