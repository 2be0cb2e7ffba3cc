"""Reads the moments of passages from the database, and words what was found for the reader."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.index.choosing import Run
from crm.index.filters import SearchFilters, is_speaker
from crm.index.moments import Moment, cut_moments, read_aloud
from crm.index.terms import Wanted
from crm.models import Conversation, Passage, Segment
from crm.principal import Principal


@dataclass(frozen=True)
class PassageHit:
    """A stretch of a conversation, segments `first_segment` to `last_segment` included.

    `text` is what was said there, of very long turns the part that was found. `score` orders the
    hits of one search and means nothing else. `matched_terms` are the words of the query that
    stand in the stretch or its title: none at all is a sign that nothing answers.
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


def read_conversations(
    session: Session, ids: Collection[int], principal: Principal
) -> dict[int, Conversation]:
    """Return the conversations that the caller may read, by their ids."""
    statement = select(Conversation).where(Conversation.id.in_(ids))
    found = session.scalars(visible(statement, Conversation, principal))
    return {conversation.id: conversation for conversation in found}


def read_moments(
    session: Session,
    passage_ids: Collection[int],
    *,
    wanted: Wanted,
    filters: SearchFilters,
    principal: Principal,
) -> list[Moment]:
    """Return the moments of the passages, in order of conversation and place.

    With a speaker among the filters they are what this speaker said and nothing else.
    """
    statement = (
        select(Segment.conversation_id, Passage.id, Segment.position, Segment.speaker, Segment.text)
        .join(
            Passage,
            (Passage.conversation_id == Segment.conversation_id)
            & Segment.position.between(Passage.first_segment, Passage.last_segment),
        )
        .join(Conversation, Conversation.id == Segment.conversation_id)
        .where(Passage.id.in_(passage_ids))
        .order_by(Segment.conversation_id, Segment.position)
    )
    if filters.speaker is not None:
        statement = statement.where(is_speaker(Segment.speaker, filters))
    turns: dict[tuple[int, int], list[tuple[int, str, str]]] = defaultdict(list)
    for conversation_id, passage_id, position, speaker, text in session.execute(
        visible(statement, Conversation, principal)
    ):
        turns[conversation_id, passage_id].append((position, speaker, text))
    return [
        moment
        for (conversation_id, passage_id), said in turns.items()
        for moment in cut_moments(conversation_id, passage_id, said, wanted)
    ]


def hits_of(
    runs: Sequence[Run],
    conversations: Mapping[int, Conversation],
    *,
    titles: Mapping[int, frozenset[str]],
    wanted: Wanted,
) -> list[PassageHit]:
    """Return the runs as hits, in their order; `titles` are the wanted stems of the titles."""
    return [
        _hit(run, conversations[run.moments[0].conversation_id], titles=titles, wanted=wanted)
        for run in runs
    ]


def _hit(
    run: Run,
    conversation: Conversation,
    *,
    titles: Mapping[int, frozenset[str]],
    wanted: Wanted,
) -> PassageHit:
    found = titles[conversation.id].union(*(moment.found for moment in run.moments))
    speakers = (piece.speaker for moment in run.moments for piece in moment.said)
    return PassageHit(
        conversation_id=conversation.id,
        external_id=conversation.external_id,
        title=conversation.title,
        kind=conversation.kind,
        started_at=conversation.started_at,
        first_segment=run.moments[0].first,
        last_segment=run.moments[-1].last,
        score=run.score,
        text=read_aloud(run.moments),
        speakers=tuple(dict.fromkeys(speakers)),
        matched_terms=tuple(term for term, stem in wanted.stems.items() if stem in found),
    )
