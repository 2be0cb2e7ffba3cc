"""The rows that a profile is built from, and who asked for it."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TypeVar

from sqlalchemy.orm import Session

from crm.models import (
    Activity,
    AmountChange,
    Case,
    CloseDateChange,
    Contact,
    Conversation,
    ConversationKind,
    FieldProposal,
    Note,
    NoteKind,
    Opportunity,
    OpportunityContact,
    Participant,
    Quote,
    Segment,
    Side,
    StageStatus,
)
from crm.principal import Principal
from tools.language import Language
from tools.profile.model import Scope
from tools.views import RecordView

CASE_DAYS = 365
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Asked:
    """Whose profile, for whom, as of when, in which language, and how long its lists may be."""

    session: Session
    scope: Scope
    id: int
    principal: Principal
    as_of: datetime
    language: Language
    limit: int

    @property
    def today(self) -> date:
        """The day of the profile."""
        return self.as_of.date()


@dataclass(frozen=True)
class Deal:
    """A deal with its stage and owner in words; None where they are not for the caller."""

    row: Opportunity
    stage: str | None
    status: str
    owner: str | None

    @property
    def is_open(self) -> bool:
        """Say whether it is neither won nor lost."""
        return self.status == StageStatus.OPEN

    def was_closed_by(self, day: date) -> bool:
        """Say whether the deal is closed, and was on this day or closed later."""
        return not self.is_open and (self.row.closed_on is None or self.row.closed_on >= day)


@dataclass(frozen=True)
class Talked:
    """A conversation with the people in it; `sender` is the first of a mail.

    `is_read` says whether there are notes on its words as they are now.
    """

    row: Conversation
    people: tuple[Participant, ...]
    is_read: bool

    @property
    def sender(self) -> Participant | None:
        """Who wrote a mail, None for what was spoken."""
        is_mail = self.row.kind == ConversationKind.EMAIL
        return self.people[0] if is_mail and self.people else None

    @property
    def side(self) -> Side | None:
        """The side that wrote, None for what was spoken or where nobody knows."""
        side = Side(self.sender.side) if self.sender else Side.UNKNOWN
        return None if side is Side.UNKNOWN else side


@dataclass(frozen=True)
class DealTotal:
    """How many deals of a currency are in a status, and their sum in minor units."""

    currency: str
    status: str
    deals: int
    amount_minor: int


@dataclass(frozen=True)
class CaseTotal:
    """Cases opened since a day, and the mean of their `scores` scores, None without any."""

    since: date
    cases: int
    scores: int
    satisfaction: float | None


@dataclass(frozen=True)
class Place:
    """Where something was said: by whom, and how far into the recording, None for text."""

    speaker: str
    start_ms: int | None


@dataclass(frozen=True)
class Rows:
    """Everything read, newest first where there is an order of time."""

    account: RecordView | None
    totals: tuple[DealTotal, ...]
    deals: tuple[Deal, ...]
    products: dict[int, list[str]]
    quotes: dict[int, list[Quote]]
    close_dates: dict[int, list[CloseDateChange]]
    amounts: dict[int, list[AmountChange]]
    stage_changed_at: dict[int, datetime]
    roles: tuple[OpportunityContact, ...]
    contacts: tuple[Contact, ...]
    talks: tuple[Talked, ...]
    conversations: int
    unread: int
    notes: tuple[tuple[Note, Conversation], ...]
    proposals: tuple[tuple[FieldProposal, Conversation], ...]
    activities: tuple[Activity, ...]
    tasks: tuple[Activity, ...]
    cases: tuple[Case, ...]
    open_cases: int
    case_total: CaseTotal
    mails: dict[int, list[Segment]]
    places: dict[tuple[int, int], Place]

    @cached_property
    def deal_of(self) -> dict[int, Deal]:
        """The deals by id."""
        return {deal.row.id: deal for deal in self.deals}

    @cached_property
    def mails_by_side(self) -> dict[Side, list[tuple[Talked, list[Segment]]]]:
        """The mails that were read, by the side that wrote them, the oldest first."""
        found: dict[Side, list[tuple[Talked, list[Segment]]]] = {}
        for talk in reversed(self.talks):
            if talk.side is not None and talk.row.id in self.mails:
                found.setdefault(talk.side, []).append((talk, self.mails[talk.row.id]))
        return found

    def notes_of(self, kind: NoteKind) -> Sequence[tuple[Note, Conversation]]:
        """Return the notes of a kind, the newest conversation first."""
        return self._notes_by_kind.get(kind.value, ())

    def proposals_on(
        self, entity: str, entity_id: int, field: str
    ) -> Sequence[tuple[FieldProposal, Conversation]]:
        """Return what was said of one field of one record, the newest first."""
        return self._proposals_by_field.get((entity, entity_id, field), ())

    @cached_property
    def _notes_by_kind(self) -> dict[str, list[tuple[Note, Conversation]]]:
        return by_key(self.notes, lambda pair: pair[0].kind)

    @cached_property
    def _proposals_by_field(
        self,
    ) -> dict[tuple[str, int, str], list[tuple[FieldProposal, Conversation]]]:
        return by_key(
            self.proposals, lambda pair: (pair[0].entity, pair[0].entity_id, pair[0].field)
        )


def by_key(rows: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Return rows by key, in their order."""
    found: dict[K, list[T]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found
