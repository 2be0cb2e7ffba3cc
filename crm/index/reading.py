"""Turns ranked passages into hits to read: neighbours joined, words as they were said."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.models import Conversation, Passage, Segment
from crm.principal import Principal


@dataclass(frozen=True)
class PassageHit:
    """A stretch of a conversation, segments `first_segment` to `last_segment` included.

    `score` orders the hits of one search and means nothing else. `matched_terms` are the words of
    the query that stand in the stretch or its title: none at all is a sign that nothing answers.
    """

    conversation_id: int
    external_id: str
    title: str
    kind: str
    started_at: datetime
    first_segment: int
    last_segment: int
    score: float
    text: str
    speakers: tuple[str, ...]
    matched_terms: tuple[str, ...]


@dataclass
class _Run:
    first: int
    last: int
    score: float
    terms: set[str]


def read_hits(
    session: Session,
    scores: Mapping[int, float],
    *,
    wanted: Sequence[str],
    principal: Principal,
    limit: int,
) -> list[PassageHit]:
    """Return up to `limit` hits for passage ids and their scores, the best first.

    Passages that follow each other become one hit with the better score.
    """
    runs = _join(session, scores, wanted)
    best = sorted(runs, key=lambda pair: -pair[1].score)[:limit]
    conversations = _conversations(session, {conversation for conversation, _ in best}, principal)
    best = [(conversation, run) for conversation, run in best if conversation in conversations]
    segments = _segments(session, best)
    hits = []
    for conversation_id, run in best:
        conversation = conversations[conversation_id]
        said = [
            (speaker, text)
            for position, speaker, text in segments[conversation_id]
            if run.first <= position <= run.last
        ]
        hits.append(
            PassageHit(
                conversation_id=conversation_id,
                external_id=conversation.external_id,
                title=conversation.title,
                kind=conversation.kind,
                started_at=conversation.started_at,
                first_segment=run.first,
                last_segment=run.last,
                score=run.score,
                text="\n".join(f"{speaker}: {text}" for speaker, text in said),
                speakers=tuple(dict.fromkeys(speaker for speaker, _ in said)),
                matched_terms=tuple(term for term in wanted if term in run.terms),
            )
        )
    return hits


def _join(
    session: Session, scores: Mapping[int, float], wanted: Sequence[str]
) -> list[tuple[int, _Run]]:
    rows = session.execute(
        select(
            Passage.id,
            Passage.conversation_id,
            Passage.first_segment,
            Passage.last_segment,
            Passage.terms,
        )
        .where(Passage.id.in_(list(scores)))
        .order_by(Passage.conversation_id, Passage.first_segment)
    )
    runs: list[tuple[int, _Run]] = []
    for passage_id, conversation_id, first, last, terms in rows:
        found = set(wanted).intersection(terms.split())
        if runs and runs[-1][0] == conversation_id and runs[-1][1].last + 1 == first:
            run = runs[-1][1]
            run.last, run.score = last, max(run.score, scores[passage_id])
            run.terms |= found
        else:
            runs.append((conversation_id, _Run(first, last, scores[passage_id], found)))
    return runs


def _conversations(
    session: Session, ids: Collection[int], principal: Principal
) -> dict[int, Conversation]:
    statement = select(Conversation).where(Conversation.id.in_(ids))
    found = session.scalars(visible(statement, Conversation, principal))
    return {conversation.id: conversation for conversation in found}


def _segments(
    session: Session, runs: Sequence[tuple[int, _Run]]
) -> dict[int, list[tuple[int, str, str]]]:
    segments: dict[int, list[tuple[int, str, str]]] = defaultdict(list)
    if not runs:
        return segments
    ranges = [
        and_(
            Segment.conversation_id == conversation_id,
            Segment.position.between(run.first, run.last),
        )
        for conversation_id, run in runs
    ]
    rows = session.execute(
        select(Segment.conversation_id, Segment.position, Segment.speaker, Segment.text)
        .where(or_(*ranges))
        .order_by(Segment.conversation_id, Segment.position)
    )
    for conversation_id, position, speaker, text in rows:
        segments[conversation_id].append((position, speaker, text))
    return segments
