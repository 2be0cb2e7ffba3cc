"""Passages: stretches of whole turns, about as long as one thought, made for search."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, false, select
from sqlalchemy.orm import Session

from crm.index.terms import terms_of
from crm.models import Conversation, Passage, Segment

TARGET_LENGTH = 120.0
MAX_LENGTH = 180.0
_BATCH = 200
_CHUNK_CHARACTERS = 1_600
_CHUNK_LENGTH = 280.0
_MAX_CHUNKS = 12
# A Chinese character weighs 0.6 words, so that 200 characters are as long as 120 words.
_CJK_WEIGHT = 0.6
_CJK = re.compile(r"[぀-ヿ㐀-鿿豈-﫿가-힯\U00020000-\U0003ffff]")


@dataclass(frozen=True)
class Stretch:
    """Turns `first` to `last` (segment positions, both included) and the text to embed."""

    first: int
    last: int
    text: str


def build_passages(session: Session, conversation_ids: Sequence[int]) -> int:
    """Write the passages of the conversations and return how many rows changed.

    A passage whose text is as before keeps its row and its vector. Ids that do not exist are
    passed over.
    """
    changed = 0
    for start in range(0, len(conversation_ids), _BATCH):
        changed += _build_batch(session, conversation_ids[start : start + _BATCH])
    return changed


def stretches(conversation: Conversation, segments: Sequence[Segment]) -> Iterator[Stretch]:
    """Yield stretches of whole turns of about `TARGET_LENGTH` words, titled and dated.

    A turn longer than that stands alone.
    """
    heading = heading_of(conversation)
    turns: list[Segment] = []
    length = 0.0
    for segment in segments:
        if not segment.text.strip():
            continue
        more = length_of(segment.text)
        if turns and (length >= TARGET_LENGTH or length + more > MAX_LENGTH):
            yield _stretch(heading, turns)
            turns, length = [], 0.0
        turns.append(segment)
        length += more
    if turns:
        yield _stretch(heading, turns)


def heading_of(conversation: Conversation) -> str:
    """Return the line that stands above every passage of a conversation: title and day."""
    return _clean(f"{conversation.title} · {conversation.started_at:%Y-%m-%d}")


def length_of(text: str) -> float:
    """Return the length in English words, or what takes as long to say."""
    if text.isascii():
        return float(len(text.split()))
    characters = len(_CJK.findall(text))
    return _CJK_WEIGHT * characters + len(_CJK.sub(" ", text).split())


def _stretch(heading: str, turns: Sequence[Segment]) -> Stretch:
    lines = [heading]
    speaker = None
    for turn in turns:
        text = _clean(turn.text)
        lines.append(text if turn.speaker == speaker else f"{_clean(turn.speaker)}: {text}")
        speaker = turn.speaker
    return Stretch(turns[0].position, turns[-1].position, "\n".join(lines))


def _clean(text: str) -> str:
    return text.replace("\x00", " ").strip()


def _build_batch(session: Session, conversation_ids: Sequence[int]) -> int:
    # Whoever else writes passages of these conversations is waited for before they are looked at,
    # or both would write the same ones. SQLite locks at a statement that writes, be it nothing.
    session.execute(delete(Passage).where(false()))
    conversations = session.scalars(
        select(Conversation)
        .where(Conversation.id.in_(conversation_ids))
        .order_by(Conversation.id)
        .with_for_update(key_share=True)
    ).all()
    segments: dict[int, list[Segment]] = defaultdict(list)
    for segment in session.scalars(
        select(Segment)
        .where(Segment.conversation_id.in_(conversation_ids))
        .order_by(Segment.conversation_id, Segment.position)
    ):
        segments[segment.conversation_id].append(segment)
    present: dict[int, dict[int, Passage]] = defaultdict(dict)
    for passage in session.scalars(
        select(Passage).where(Passage.conversation_id.in_(conversation_ids))
    ):
        present[passage.conversation_id][passage.first_segment] = passage
    changed = 0
    for conversation in conversations:
        wanted = list(stretches(conversation, segments[conversation.id]))
        changed += _replace(session, conversation.id, wanted, present[conversation.id])
    session.flush()
    return changed


def _replace(
    session: Session, conversation_id: int, wanted: list[Stretch], present: dict[int, Passage]
) -> int:
    fresh = [stretch for stretch in wanted if not _is_same(stretch, present.get(stretch.first))]
    kept = {stretch.first for stretch in wanted} - {stretch.first for stretch in fresh}
    stale = [passage.id for first, passage in present.items() if first not in kept]
    if stale:
        session.execute(delete(Passage).where(Passage.id.in_(stale)))
    session.add_all(
        Passage(
            conversation_id=conversation_id,
            first_segment=stretch.first,
            last_segment=stretch.last,
            text=stretch.text,
            terms=" ".join(terms_of(stretch.text)),
            embedding_model=None,
        )
        for stretch in fresh
    )
    return len(fresh) + len(stale)


def _is_same(stretch: Stretch, passage: Passage | None) -> bool:
    return (
        passage is not None
        and passage.last_segment == stretch.last
        and passage.text == stretch.text
    )


def chunks(text: str) -> list[str]:
    """Return the text in pieces that an embedder reads whole, each under the passage's heading.

    Almost every passage is one piece; of a very long turn the first `_MAX_CHUNKS` are taken.
    """
    if len(text) <= _CHUNK_CHARACTERS and length_of(text) <= _CHUNK_LENGTH:
        return [text]
    heading, _, body = text.partition("\n")
    width = round(
        _CHUNK_CHARACTERS
        * min(1.0, _CHUNK_LENGTH * len(text) / length_of(text) / _CHUNK_CHARACTERS)
    )
    pieces: list[str] = []
    while body and len(pieces) < _MAX_CHUNKS:
        cut = len(body) if len(body) <= width else _break_before(body, width)
        pieces.append(f"{heading[:200]}\n{body[:cut].strip()}")
        body = body[cut:]
    return pieces


def _break_before(text: str, width: int) -> int:
    """Return where to cut at most `width` characters: after a sentence, else between words."""
    window = text[:width]
    for pattern in (r"[.!?。！？\n]\s*", r"\s+"):
        ends = [match.end() for match in re.finditer(pattern, window)]
        if ends and ends[-1] > width // 2:
            return ends[-1]
    return width
