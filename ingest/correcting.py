"""Lists whose voices a conversation holds, and corrects who one of them is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.errors import BadInput, NotFound
from crm.models import Account, Conversation, NameBasis, Participant, Segment, Side, VoiceName
from crm.principal import Principal
from ingest.identity import Directory, Hints, Person
from ingest.wording import clean_label

MAX_NAME = 200
_FIRST_WORDS = 80
_CERTAIN = 1.0


@dataclass(frozen=True)
class HeardVoice:
    """A voice of a conversation. `name` is None while nobody is known; times are milliseconds.

    `confidence` (0 to 1) and `basis` say how its name is known, None where the file said it.
    """

    voice: str
    name: str | None
    confidence: float | None
    basis: NameBasis | None
    segments: int
    first_ms: int | None
    spoken_ms: int
    first_words: str


@dataclass(frozen=True)
class Correction:
    """What correcting did: so many segments of the voice now bear the name."""

    voice: str
    name: str
    segments: int


def list_voices(
    session: Session, conversation_id: int, *, principal: Principal
) -> tuple[HeardVoice, ...]:
    """Return the voices in the order in which they first speak.

    Raises NotFound if there is no such conversation that the caller may read.
    """
    _find(session, conversation_id, principal)
    names = {
        row.voice: row
        for row in session.scalars(
            select(VoiceName).where(VoiceName.conversation_id == conversation_id)
        )
    }
    voices: dict[str, HeardVoice] = {}
    rows = session.execute(
        select(Segment.voice, Segment.speaker, Segment.text, Segment.start_ms, Segment.end_ms)
        .where(Segment.conversation_id == conversation_id)
        .order_by(Segment.position)
    )
    for row in rows:
        key = row.voice or row.speaker
        length = row.end_ms - row.start_ms if None not in (row.start_ms, row.end_ms) else 0
        known = voices.get(key)
        if known:
            voices[key] = replace(
                known, segments=known.segments + 1, spoken_ms=known.spoken_ms + length
            )
            continue
        named = names.get(key)
        voices[key] = HeardVoice(
            voice=key,
            name=named.name if named else _known_name(row.speaker),
            confidence=named.confidence if named else None,
            basis=NameBasis(named.basis) if named else None,
            segments=1,
            first_ms=row.start_ms,
            spoken_ms=length,
            first_words=row.text[:_FIRST_WORDS],
        )
    return tuple(voices.values())


def correct_voice(
    session: Session, conversation_id: int, voice: str, name: str, *, principal: Principal
) -> Correction:
    """Say who a voice is, in its segments, its name and the participants; for good.

    `voice` is its label (`Speaker 2`) or the name that it bears now. The caller builds the
    conversation's passages anew after committing. Raises NotFound for an unknown conversation or
    voice, BadInput for a name that is none or a label that several voices bear.
    """
    conversation = _find(session, conversation_id, principal)
    voices = list_voices(session, conversation_id, principal=principal)
    heard = _pick(voices, voice)
    people = list(
        session.scalars(
            select(Participant)
            .where(Participant.conversation_id == conversation_id)
            .order_by(Participant.position)
        )
    )
    name = _as_known(_clean(name), people)
    segments = _rename(session, conversation_id, heard.voice, name)
    _record(session, conversation_id, heard.voice, name)
    _drop_if_silent(session, conversation_id, heard.name, people)
    if name != heard.voice:
        _add_participant(session, conversation, name, people, principal)
    session.flush()
    return Correction(heard.voice, name, segments)


def _find(session: Session, conversation_id: int, principal: Principal) -> Conversation:
    statement = select(Conversation).where(Conversation.id == conversation_id)
    found = session.scalar(visible(statement, Conversation, principal))
    if found is None:
        raise NotFound(
            f"no conversation {conversation_id!r}: `sales-copilot show calls` lists them"
        )
    return found


def _known_name(speaker: str) -> str | None:
    key = speaker.casefold()
    is_nameless = key.startswith("speaker ") or key == "unknown"
    return None if is_nameless else speaker


def _pick(voices: Sequence[HeardVoice], wanted: str) -> HeardVoice:
    key = wanted.strip().casefold()
    found = [one for one in voices if one.voice.casefold() == key]
    found = found or [one for one in voices if (one.name or "").casefold() == key]
    if len(found) == 1:
        return found[0]
    labels = ", ".join(repr(one.voice) for one in (found or voices)[:20])
    if found:
        raise BadInput(f"{len(found)} voices are called {wanted[:80]!r}: name one of {labels}")
    raise NotFound(f"no voice {wanted[:80]!r} in this conversation: it has {labels or 'none'}")


def _clean(name: str) -> str:
    cleaned = clean_label(name, MAX_NAME)
    if not cleaned:
        raise BadInput(f"{name[:40]!r} is no name: give the name of the person who speaks")
    return cleaned


def _as_known(name: str, people: Sequence[Participant]) -> str:
    """Return the name as a participant's is written, where it is theirs."""
    return next((one.name for one in people if one.name.casefold() == name.casefold()), name)


def _rename(session: Session, conversation_id: int, voice: str, name: str) -> int:
    rows = session.scalars(
        select(Segment).where(
            Segment.conversation_id == conversation_id,
            func.coalesce(Segment.voice, Segment.speaker) == voice,
        )
    ).all()
    for row in rows:
        row.voice = voice
        row.speaker = name
    return len(rows)


def _record(session: Session, conversation_id: int, voice: str, name: str) -> None:
    row = session.scalar(
        select(VoiceName).where(
            VoiceName.conversation_id == conversation_id, VoiceName.voice == voice
        )
    )
    if row is None:
        row = VoiceName(conversation_id=conversation_id, voice=voice)
        session.add(row)
    row.name, row.confidence, row.basis = name, _CERTAIN, NameBasis.CORRECTED.value


def _drop_if_silent(
    session: Session, conversation_id: int, name: str | None, people: list[Participant]
) -> None:
    """Remove a participant known only because a voice bore the name that it no longer bears."""
    session.flush()
    speaks = select(Segment.id).where(
        Segment.conversation_id == conversation_id, Segment.speaker == name
    )
    if name is None or session.scalar(speaks.limit(1)) is not None:
        return
    for person in [one for one in people if one.name == name]:
        if not (person.email or person.phone or person.role or person.contact_id or person.user_id):
            people.remove(person)
            session.execute(delete(Participant).where(Participant.id == person.id))


def _add_participant(
    session: Session,
    conversation: Conversation,
    name: str,
    people: Sequence[Participant],
    principal: Principal,
) -> None:
    if any(one.name == name for one in people):
        return
    known = [
        Person(
            name=one.name,
            email=one.email,
            role=one.role,
            phone=one.phone,
            side=None if one.side == Side.UNKNOWN.value else Side(one.side),
        )
        for one in people
    ]
    account = session.get(Account, conversation.account_id) if conversation.account_id else None
    hints = Hints(account=account.name if account else None)
    link = Directory(session, principal).resolve(
        [*known, Person(name)], conversation.title, conversation.started_at, hints
    )
    who = link.people[-1]
    session.add(
        Participant(
            conversation_id=conversation.id,
            position=max((one.position for one in people), default=-1) + 1,
            name=name,
            side=(who.side or Side.UNKNOWN).value,
            contact_id=who.contact_id,
            user_id=who.user_id,
        )
    )
