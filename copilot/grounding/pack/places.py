"""Reads the words behind addresses such as `conversation:7#4-6`, and who spoke."""

import re
from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import select, tuple_

from copilot.grounding.pack.history import label_of, people_of, side_of
from copilot.grounding.pack.hostile import orders_the_writer
from copilot.grounding.pack.scope import Asker
from crm.access import visible
from crm.models import Conversation, Segment
from tools.spoken import Spoken

_ADDRESS = re.compile(r"conversation:(\d+)#(\d+)(?:-(\d+))?")
_LONGEST = 6


def read_places(addresses: Iterable[str], asker: Asker) -> dict[str, Spoken]:
    """Return the turn at each address, in two statements; hostile words have none.

    A stretch of several segments gives those of its first speaker.
    """
    spans = {address: _span(address) for address in addresses}
    wanted = sorted({place for span in spans.values() for place in span})
    if not wanted:
        return {}
    statement = (
        select(Segment, Conversation)
        .join(Conversation, Conversation.id == Segment.conversation_id)
        .where(
            tuple_(Segment.conversation_id, Segment.position).in_(wanted),
            Conversation.started_at <= asker.as_of,
        )
    )
    rows = asker.session.execute(visible(statement, Conversation, asker.principal)).all()
    people = people_of({talk.id for _, talk in rows}, asker)
    turns = {
        (segment.conversation_id, segment.position): Spoken(
            conversation_id=talk.id,
            title=talk.title,
            kind=talk.kind,
            started_at=talk.started_at,
            first=segment.position,
            last=segment.position,
            speaker=label_of(segment.speaker, people.get(talk.id, ())),
            side=side_of(segment.speaker, people.get(talk.id, ())),
            start_ms=segment.start_ms,
            text=segment.text.strip(),
            before="",
        )
        for segment, talk in rows
        if segment.text.strip() and not orders_the_writer(segment.text)
    }
    return {
        address: _joined([turns[place] for place in span if place in turns])
        for address, span in spans.items()
        if any(place in turns for place in span)
    }


def _span(address: str) -> list[tuple[int, int]]:
    match = _ADDRESS.match(address)
    if match is None:
        return []
    talk, first, last = int(match[1]), int(match[2]), int(match[3] or match[2])
    return [(talk, position) for position in range(first, min(last, first + _LONGEST) + 1)]


def _joined(turns: list[Spoken]) -> Spoken:
    first = turns[0]
    same = [turn for turn in turns if turn.speaker == first.speaker]
    return replace(first, last=same[-1].last, text=" ".join(turn.text for turn in same))
