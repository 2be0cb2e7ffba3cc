"""Turns rows into things known: each with its address, day, confidence and receipt."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from crm.facts import Fact, FactKind
from crm.models import Conversation, ConversationKind, FieldProposal, Note, ProposalStatus, Side
from tools.language import Language, fold_script
from tools.notes import note_fact
from tools.profile.model import Basis, Known
from tools.profile.rows import Place, Rows
from tools.profile.words import WORDS, word_value
from tools.spoken import clock

# How often a note of the rules was right on calls that nobody had seen: docs/decisions/call-notes.
NOTE_CONFIDENCE = 0.85
_ACCEPTED = 0.95
_MOST_FACTS = 5


def from_note(note: Note, talk: Conversation, language: Language) -> Known:
    """Return a note as known: its words, who said them, and where they stand."""
    return Known(
        text=note.text,
        basis=Basis.SAID,
        facts=(note_fact(note, talk, language=language),),
        known_on=talk.started_at.date(),
        confidence=NOTE_CONFIDENCE,
        who=note.speaker,
        side=Side(note.side) if note.side else None,
        opportunity_id=talk.opportunity_id,
    )


def from_proposal(
    row: FieldProposal,
    talk: Conversation,
    rows: Rows,
    *,
    label: str,
    language: Language,
    part: tuple[str, Sequence[int]] | None = None,
) -> Known:
    """Return what a conversation tells of a field; its receipt quotes the speaker.

    `part` is one of several quotes that make up the value, and the segments that it rests on.
    """
    value, segments = part or (row.new_value, row.segments)
    text = word_value(value)
    fact = Fact(
        kind=FactKind.EMAIL if talk.kind == ConversationKind.EMAIL else FactKind.SEGMENT,
        text=WORDS[language]["field_said"].format(
            label=label[0].upper() + label[1:],
            value=text,
            title=talk.title,
            day=f"{talk.started_at:%Y-%m-%d}",
            reason=row.reason,
        ),
        value=value,
        as_of=talk.started_at,
        source=address(talk.id, segments, rows.places),
    )
    said = rows.places.get((talk.id, segments[0])) if segments else None
    is_accepted = row.status == ProposalStatus.ACCEPTED
    return Known(
        text=text,
        basis=Basis.SAID,
        facts=(fact,),
        known_on=talk.started_at.date(),
        confidence=_ACCEPTED if is_accepted else row.confidence,
        value=value,
        who=said.speaker if said else None,
        opportunity_id=talk.opportunity_id,
    )


def recorded(
    text: str,
    source: str,
    *,
    as_of: datetime,
    fact_text: str = "",
    known_on: date | None = None,
    value: str | None = None,
    opportunity_id: int | None = None,
    kind: FactKind = FactKind.RECORD,
) -> Known:
    """Return something that the CRM holds; `fact_text` is its receipt if not the text itself."""
    fact = Fact(kind=kind, text=fact_text or text, value=value, as_of=as_of, source=source)
    return Known(
        text=text,
        basis=Basis.RECORDED,
        facts=(fact,),
        known_on=known_on,
        value=value,
        opportunity_id=opportunity_id,
    )


def address(
    conversation_id: int,
    segments: Sequence[int],
    places: Mapping[tuple[int, int], Place],
) -> str:
    """Return where words stand, such as `conversation:7#4-6@03:12`."""
    if not segments:
        return f"conversation:{conversation_id}"
    first, last = segments[0], segments[-1]
    place = f"{first}" if first >= last else f"{first}-{last}"
    known = places.get((conversation_id, first))
    moment = clock(known.start_ms) if known else ""
    return f"conversation:{conversation_id}#{place}" + (f"@{moment}" if moment else "")


def merge_same(found: Iterable[Known], *, key: Callable[[Known], str] | None = None) -> list[Known]:
    """Return each thing once, the newest first, with the receipts of all who said it."""
    merged: dict[str, Known] = {}
    for each in sorted(found, key=_newest, reverse=True):
        name = key(each) if key else fold(each.text)
        before = merged.get(name)
        if before is None:
            merged[name] = each
        else:
            facts = tuple(dict.fromkeys((*before.facts, *each.facts)))[:_MOST_FACTS]
            confidence = max(before.confidence, each.confidence)
            merged[name] = replace(before, facts=facts, confidence=confidence)
    return list(merged.values())


def fold(text: str) -> str:
    """Return what makes two wordings the same: no case, width, marks or spaces."""
    return "".join(char for char in fold_script(text).casefold() if char.isalnum()) or text


def _newest(known: Known) -> date:
    return known.known_on or date.min
