"""Who is meant by a speaker's name: any label whose words hold all words of the name."""

import re
import unicodedata
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.index.filters import SearchFilters
from crm.models import Conversation, Participant, Segment
from crm.principal import Principal

MOST_LABELS = 16
_WORD = re.compile(r"[^\W_]+")
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr", "prof", "hon", "sir", "madam"})


def is_called(label: str, name: str) -> bool:
    """Say whether a speaker's label may mean the name: "maria" fits "Maria Lopez (Acme)".

    Case, width, accents, order and forms of address do not matter; an empty name fits nobody.
    """
    wanted = _words(name)
    return bool(wanted) and wanted <= _words(label)


def with_speakers(session: Session, filters: SearchFilters, principal: Principal) -> SearchFilters:
    """Return the filters with every label that the speaker's name may mean, the name included."""
    if filters.speaker is None:
        return filters
    name = filters.speaker.strip()
    labels = [label for label in _labels(session, filters, principal) if is_called(label, name)]
    every = dict.fromkeys([name, *sorted(labels)])
    return replace(filters, speakers=tuple(every)[:MOST_LABELS])


def _labels(session: Session, filters: SearchFilters, principal: Principal) -> list[str]:
    """Return the names in the conversation, or the participants anywhere who may be meant."""
    if filters.conversation_id is not None:
        said = (
            select(Segment.speaker)
            .distinct()
            .join(Conversation, Conversation.id == Segment.conversation_id)
            .where(Conversation.id == filters.conversation_id)
        )
        return list(session.scalars(visible(said, Conversation, principal)))
    statement = (
        select(Participant.name)
        .distinct()
        .join(Conversation, Conversation.id == Participant.conversation_id)
    )
    return list(session.scalars(visible(statement, Conversation, principal)))


def _words(name: str) -> frozenset[str]:
    bare = "".join(
        character
        for character in unicodedata.normalize("NFKD", name)
        if not unicodedata.combining(character)
    )
    words = frozenset(_WORD.findall(bare.casefold()))
    return words - _TITLES or words
