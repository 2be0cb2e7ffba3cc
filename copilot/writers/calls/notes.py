"""What goes into understanding a conversation and what comes out, as plain frozen records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from crm.models import NoteKind, Side, StageStatus

RULES_VERSION = "rules-1"


@dataclass(frozen=True)
class Line:
    """One segment as read: `place` is its index in the list, `position` the stored one."""

    place: int
    position: int
    speaker: str
    side: Side
    text: str
    start_ms: int | None = None
    end_ms: int | None = None


@dataclass(frozen=True)
class Attendee:
    """Somebody in the conversation."""

    name: str
    side: Side
    contact_id: int | None = None


@dataclass(frozen=True)
class DealContact:
    """A person at the customer whom the CRM knows; `role` is theirs in this deal."""

    contact_id: int
    name: str
    role: str | None = None


@dataclass(frozen=True)
class StageOption:
    """A stage that the deal can be in, in the order of the sales process."""

    name: str
    position: int
    status: StageStatus


@dataclass(frozen=True)
class DealContext:
    """What the CRM holds on the deal; `settled` are MEDDICC and BANT values already accepted."""

    opportunity_id: int
    stage: str | None = None
    stages: tuple[StageOption, ...] = ()
    amount: Decimal | None = None
    currency: str = ""
    expected_close_on: date | None = None
    competitor: str | None = None
    next_step: str | None = None
    contacts: tuple[DealContact, ...] = ()
    settled: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Talk:
    """The conversation around the lines: its day is the one from which "tomorrow" counts."""

    title: str
    kind: str
    day: date
    language: str | None = None
    competitors: tuple[str, ...] = ()
    own_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class NoteDraft:
    """One thing understood; `segments` are stored positions.

    A question's first segment is where it was asked; a second one, where it was answered: an open
    question has one segment. `due_on` is a commitment's day, or a next step's.
    """

    kind: NoteKind
    text: str
    segments: tuple[int, ...]
    speaker: str | None = None
    side: Side | None = None
    due_on: date | None = None
    start_ms: int | None = None
    end_ms: int | None = None


@dataclass(frozen=True)
class ProposalDraft:
    """A change to one field of one record; values are text as a person would write them."""

    entity: str
    entity_id: int
    field: str
    old_value: str | None
    new_value: str
    reason: str
    segments: tuple[int, ...]
    confidence: float
    detail: Mapping[str, str | int] | None = None


@dataclass(frozen=True)
class CallNotes:
    """All that was understood, in a stable order, and what the model cost."""

    language: str
    maker: str
    notes: tuple[NoteDraft, ...]
    proposals: tuple[ProposalDraft, ...]
    tokens_in: int = 0
    tokens_out: int = 0

    def of(self, kind: NoteKind) -> list[NoteDraft]:
        """Return the notes of one kind, in order."""
        return [note for note in self.notes if note.kind is kind]


def settle_sides(lines: Sequence[Line], attendees: Sequence[Attendee]) -> list[Line]:
    """Return the lines with unknown speakers put on the one side that nobody else is on.

    With colleagues known and no customer, strangers are the customer's; with both or neither
    side known nothing is guessed.
    """
    known = {line.side for line in lines} | {person.side for person in attendees}
    known.discard(Side.UNKNOWN)
    if len(known) != 1:
        return list(lines)
    other = Side.CUSTOMER if known == {Side.OURS} else Side.OURS
    return [replace(line, side=other) if line.side is Side.UNKNOWN else line for line in lines]
