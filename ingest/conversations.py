"""A parsed conversation, and its way into the store: created, replaced, or left as it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, func, insert, select, tuple_
from sqlalchemy.orm import Session, undefer

from crm.models import (
    Conversation,
    ConversationKind,
    NameBasis,
    Participant,
    Passage,
    Segment,
    VoiceName,
)
from crm.principal import Principal
from ingest.identity import NO_HINTS, Directory, Hints, Link, Person
from ingest.identity.people import Evidence
from ingest.identity.records import (
    close_questions,
    forget_sides,
    participants_of,
    record_link,
)
from ingest.voice_labels import follow_voices, label_of


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

    The same content twice changes nothing, except that people and an account who were not known
    then are tied once they are. Changed content replaces segments and participants; what people
    decided on participants and how they corrected voices stays. A `directory` shared by a batch
    saves look-ups.
    """
    directory = directory or Directory(session, principal)
    existing = find_stored(session, parsed.source, parsed.external_id)
    if existing is None:
        row = Conversation(source=parsed.source, external_id=parsed.external_id)
        _fill(session, row, parsed, directory, now)
        return Outcome(Change.CREATED, row.id)
    if existing.content_sha256 == parsed.content_sha256:
        return _link_late(session, existing, parsed, directory, now)
    corrected = corrected_voices(session, existing.id)
    if corrected:
        before = find_segments(session, existing.id)
        parsed = with_corrections(parsed, follow_voices(corrected, before, parsed.segments))
    session.execute(delete(Segment).where(Segment.conversation_id == existing.id))
    people = select(func.count()).where(Participant.conversation_id == existing.id)
    forget_sides(session, existing.id, session.scalar(people) or 0)
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


def find_unsettled(
    session: Session, batch: Sequence[ParsedConversation]
) -> list[ParsedConversation]:
    """Return those of a batch that are new, changed, or still without an account."""
    keys = [(one.source, one.external_id) for one in batch]
    statement = select(
        Conversation.source, Conversation.external_id, Conversation.content_sha256
    ).where(
        tuple_(Conversation.source, Conversation.external_id).in_(keys),
        Conversation.account_id.is_not(None),
    )
    settled = {tuple(row) for row in session.execute(statement)}
    return [
        one for one in batch
        if (one.source, one.external_id, one.content_sha256) not in settled
    ]  # fmt: skip


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


def with_corrections(parsed: ParsedConversation, corrected: dict[str, str]) -> ParsedConversation:
    """Return the conversation with the names that people gave to voices, in all places."""
    heard = {label_of(segment) for segment in parsed.segments}
    heard |= {one.voice for one in parsed.voices}
    corrected = {voice: name for voice, name in corrected.items() if voice in heard}
    if not corrected:
        return parsed
    guessed = {one.voice: one.name for one in parsed.voices}
    for segment in parsed.segments:
        guessed.setdefault(label_of(segment), segment.speaker)
    voices = tuple(one for one in parsed.voices if one.voice not in corrected)
    voices += tuple(
        NamedVoice(voice, name, 1.0, NameBasis.CORRECTED) for voice, name in corrected.items()
    )
    segments = tuple(
        replace(segment, speaker=corrected[label_of(segment)], voice=label_of(segment))
        if label_of(segment) in corrected
        else segment
        for segment in parsed.segments
    )
    others = {name for voice, name in guessed.items() if voice not in corrected}
    people = list(parsed.participants)
    for voice, name in corrected.items():
        people = _renamed(
            people, guessed.get(voice), name, is_free=guessed.get(voice) not in others
        )
    return replace(parsed, voices=voices, segments=segments, participants=tuple(people))


def corrected_voices(session: Session, conversation_id: int) -> dict[str, str]:
    """Return the names that people gave to a conversation's voices, by voice."""
    statement = select(VoiceName.voice, VoiceName.name).where(
        VoiceName.conversation_id == conversation_id,
        VoiceName.basis == NameBasis.CORRECTED.value,
    )
    return {row.voice: row.name for row in session.execute(statement)}


def _renamed(people: list[Person], guess: str | None, name: str, *, is_free: bool) -> list[Person]:
    """Return the people with the one a voice was wrongly taken for under the name they have.

    Somebody who was invited, with an address or number, stays: they were merely not the speaker.
    """
    if any(person.name == name for person in people):
        return people
    for place, person in enumerate(people):
        if is_free and person.name == guess and not (person.email or person.phone):
            return [*people[:place], replace(person, name=name), *people[place + 1 :]]
    return [*people, Person(name)]


def evidence_of(parsed: ParsedConversation, conversation_id: int | None = None) -> Evidence:
    """Return what a parsed conversation offers for telling who was in it."""
    return Evidence(
        parsed.participants,
        parsed.title,
        parsed.started_at,
        parsed.hints,
        conversation_id=conversation_id,
    )


def _link_late(
    session: Session,
    row: Conversation,
    parsed: ParsedConversation,
    directory: Directory,
    now: datetime,
) -> Outcome:
    """Tie again a conversation whose account or people were not in the CRM when it was stored."""
    if row.account_id is not None and not directory.has_news_since(row.synced_at):
        return Outcome(Change.UNCHANGED, row.id)
    people = session.scalars(
        select(Participant)
        .where(Participant.conversation_id == row.id)
        .order_by(Participant.position)
    ).all()
    is_open = any(one.contact_id is None and one.user_id is None for one in people)
    if parsed.segments and parsed.segments[0].start_ms is not None:
        parsed = with_corrections(parsed, corrected_voices(session, row.id))
    if row.account_id is not None and not is_open:
        return Outcome(Change.UNCHANGED, row.id)
    link = directory.identify(evidence_of(parsed, row.id))
    record_link(session, link, row.id, directory=directory, now=now)
    ties = [(one.contact_id, one.user_id) for one in people]
    if ties == [(one.contact_id, one.user_id) for one in link.people] and (
        link.account_id in {None, row.account_id}
    ):
        # Looked at with what the CRM holds today: the next import need not do so again.
        row.synced_at = now
        return Outcome(Change.UNCHANGED, row.id)
    close_questions(session, link, row.id)
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
    is_new = row.id is None
    session.add(row)
    session.flush()
    link = directory.identify(replace(evidence_of(parsed, row.id), is_new=is_new))
    _tie(session, row, link)
    record_link(session, link, row.id, directory=directory, now=now)
    _insert_segments(session, row.id, parsed.segments)
    if not is_new:
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


def _insert_segments(
    session: Session, conversation_id: int, segments: tuple[ParsedSegment, ...]
) -> None:
    rows = [
        {
            "conversation_id": conversation_id,
            "position": position,
            "speaker": segment.speaker,
            "start_ms": segment.start_ms,
            "end_ms": segment.end_ms,
            "text": segment.text,
            "voice": segment.voice,
            "confidence": segment.confidence,
            "words": [list(word) for word in segment.words] or None,
        }
        for position, segment in enumerate(segments)
    ]
    if rows:
        # All rows in one statement: nobody asks for their ids.
        session.execute(insert(Segment), rows)


def _tie(session: Session, row: Conversation, link: Link) -> None:
    row.account_id = link.account_id
    row.opportunity_id = link.opportunity_id
    row.owner_id = link.owner_id
    rows = participants_of(row.id, link.people)
    if rows:
        session.execute(insert(Participant).execution_options(render_nulls=True), rows)


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
