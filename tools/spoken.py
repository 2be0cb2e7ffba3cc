"""Spoken turns: read from conversations, shortened word for word, and worded as facts."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.facts import Fact, FactKind
from crm.index.passages import length_of
from crm.index.terms import terms_of
from crm.models import Conversation, ConversationKind, Participant, Segment, Side
from crm.principal import Principal
from tools.language import Language

_RUN_LENGTH = 60.0
SIDE_WORDS = {
    "en": {Side.OURS: "our side", Side.CUSTOMER: "customer"},
    "zh": {Side.OURS: "我方", Side.CUSTOMER: "客户"},
}
KIND_WORDS = {
    "en": {"call": "call", "meeting": "meeting", "email": "email", "chat": "chat"},
    "zh": {"call": "通话", "meeting": "会议", "email": "邮件", "chat": "聊天"},
}
_SENTENCE = re.compile(r".+?(?:[.!?]+(?=\s|$)|[。！？；]+|\n+|$)\s*", re.DOTALL)


@dataclass(frozen=True)
class Spoken:
    """A turn, or a short run of turns by one speaker, with where it stands."""

    conversation_id: int
    title: str
    kind: str
    started_at: datetime
    first: int
    last: int
    speaker: str
    side: Side
    start_ms: int | None
    text: str
    before: str


def read_spoken(
    session: Session, ranges: Sequence[tuple[int, int, int | None]], principal: Principal
) -> list[Spoken]:
    """Return the turns in the ranges of segments, runs by one speaker joined while short."""
    if not ranges:
        return []
    statement: Select[Segment, Conversation] = (
        select(Segment, Conversation)
        .join(Conversation, Conversation.id == Segment.conversation_id)
        .where(or_(*(_within(*limits) for limits in ranges)))
        .order_by(Segment.conversation_id, Segment.position)
    )
    rows = session.execute(visible(statement, Conversation, principal)).all()
    sides = _sides(session, {conversation_id for conversation_id, _, _ in ranges})
    spoken: list[Spoken] = []
    for segment, conversation in rows:
        if not segment.text.strip():
            continue
        before = spoken[-1] if spoken else None
        if before is None or before.conversation_id != conversation.id:
            before = None
        turn = Spoken(
            conversation_id=conversation.id,
            title=conversation.title,
            kind=conversation.kind,
            started_at=conversation.started_at,
            first=segment.position,
            last=segment.position,
            speaker=segment.speaker,
            side=sides.get((conversation.id, segment.speaker.casefold()), Side.UNKNOWN),
            start_ms=segment.start_ms,
            text=segment.text.strip(),
            before=before.text if before else "",
        )
        if before is not None and _continues(before, turn):
            joined = f"{before.text} {turn.text}"
            spoken[-1] = replace(before, last=turn.last, text=joined)
        else:
            spoken.append(turn)
    return spoken


def _within(conversation_id: int, first: int, last: int | None) -> ColumnElement[bool]:
    limits = [Segment.conversation_id == conversation_id, Segment.position >= first]
    if last is not None:
        limits.append(Segment.position <= last)
    return and_(*limits)


def _continues(before: Spoken, turn: Spoken) -> bool:
    return (
        before.speaker == turn.speaker
        and before.last + 1 == turn.first
        and length_of(before.text) + length_of(turn.text) <= _RUN_LENGTH
    )


def _sides(session: Session, conversation_ids: Iterable[int]) -> dict[tuple[int, str], Side]:
    rows = session.execute(
        select(
            Participant.conversation_id, Participant.name, Participant.email, Participant.side
        ).where(Participant.conversation_id.in_(list(conversation_ids)))
    )
    return {
        (conversation_id, known.casefold()): Side(side)
        for conversation_id, name, email, side in rows
        for known in (name, email)
        if known
    }


def quote_fact(turn: Spoken, quote: str, *, as_of: datetime, language: Language) -> Fact:
    """Return the quote as a fact: who, on which side, where, when, and the words."""
    moment = clock(turn.start_ms)
    place = f"{turn.first}" if turn.first == turn.last else f"{turn.first}-{turn.last}"
    source = f"conversation:{turn.conversation_id}#{place}" + (f"@{moment}" if moment else "")
    side = SIDE_WORDS[language].get(turn.side)
    kind = KIND_WORDS[language].get(turn.kind, turn.kind)
    day = f"{turn.started_at:%Y-%m-%d}"
    if language == "zh":
        who = f"{turn.speaker}（{side}）" if side else turn.speaker
        when = f"{day}，{moment}" if moment else day
        text = f"{who}，{kind}《{turn.title}》{when}：“{quote}”"
    else:
        who = f"{turn.speaker} ({side})" if side else turn.speaker
        when = f"{day}, {moment}" if moment else day
        text = f'{who}, {kind} "{turn.title}" {when}: "{quote}"'
    is_email = turn.kind == ConversationKind.EMAIL
    return Fact(
        kind=FactKind.EMAIL if is_email else FactKind.SEGMENT,
        text=text,
        as_of=as_of,
        source=source,
    )


def clock(start_ms: int | None) -> str:
    """Return a moment in a recording as mm:ss, h:mm:ss after an hour, "" if unknown."""
    if start_ms is None:
        return ""
    minutes, seconds = divmod(start_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes:02d}:{seconds:02d}"


def shorten(text: str, wanted: Sequence[str], length: float) -> str:
    """Return whole sentences of about `length` words around the wanted terms, word for word."""
    flat = [" ".join(match.split()) for match in _SENTENCE.findall(text)]
    sentences = [sentence for sentence in flat if sentence]
    if length_of(text) <= length or not sentences:
        return " ".join(text.split())
    hits = [len(set(wanted).intersection(terms_of(sentence))) for sentence in sentences]
    first = last = max(range(len(sentences)), key=lambda place: hits[place])
    room = length - length_of(sentences[first])
    while last + 1 < len(sentences) and room >= length_of(sentences[last + 1]):
        last += 1
        room -= length_of(sentences[last])
    while first > 0 and room >= length_of(sentences[first - 1]):
        first -= 1
        room -= length_of(sentences[first])
    quote = _cut(" ".join(sentences[first : last + 1]), length)
    is_cut = last + 1 < len(sentences) and not quote.endswith("…")
    return ("… " if first else "") + quote + (" …" if is_cut else "")


def _cut(text: str, length: float) -> str:
    total = length_of(text)
    if total <= length * 1.5:
        return text
    return text[: int(len(text) * length / total)].rstrip() + "…"
