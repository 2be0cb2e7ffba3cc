"""What a customer profile is made of: frozen records, each with the facts that it rests on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from crm.facts import Fact
from crm.models import Side
from tools.language import Language


class Scope(StrEnum):
    """What a profile is about."""

    ACCOUNT = "account"
    OPPORTUNITY = "opportunity"


class Basis(StrEnum):
    """How something is known: held by the CRM, said by people, or worked out by code."""

    RECORDED = "recorded"
    SAID = "said"
    DERIVED = "derived"


class Urgency(StrEnum):
    """How an open matter stands on the day of the profile."""

    OVERDUE = "overdue"
    DUE = "due"
    UNDATED = "undated"
    LIKELY_DONE = "likely_done"


class Stance(StrEnum):
    """Where a person stands."""

    CHAMPION = "champion"
    BLOCKER = "blocker"
    CRITICAL = "critical"


class Topic(StrEnum):
    """What customers tell of their side, each a section of the profile."""

    PAIN = "pains"
    IMPACT = "impact"
    OBJECTION = "objections"
    NEED = "needs"
    COMPETITOR = "competitors"
    PROCESS = "decision_process"
    BUDGET = "budget"
    TIMELINE = "timeline"


@dataclass(frozen=True)
class Known:
    """One thing known. `known_on` is the day of the newest evidence, `confidence` 0 to 1.

    `facts` are the receipts, the newest first; `opportunity_id` the deal that it is about, and
    `value` its comparable form: an ISO day, an amount in major units with its currency, a name.
    """

    text: str
    basis: Basis
    facts: tuple[Fact, ...]
    known_on: date | None = None
    confidence: float = 1.0
    value: str | None = None
    who: str | None = None
    side: Side | None = None
    opportunity_id: int | None = None


@dataclass(frozen=True)
class Field:
    """One named field of the company with its label for people."""

    name: str
    label: str
    known: Known


@dataclass(frozen=True)
class Money:
    """Deals of one currency; amounts in minor units, over all deals and not only those listed."""

    currency: str
    open_deals: int
    open_minor: int
    won_deals: int
    won_minor: int
    lost_deals: int
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class DealPicture:
    """A deal in short. `pushed_days` is how far its close date moved in all, None if never.

    `products` are its lines; `quotes` the offers that stand or were answered, the newest first.
    """

    opportunity_id: int
    name: str
    stage: str
    status: str
    owner: str | None
    amount_minor: int | None
    currency: str
    opened_on: date | None
    expected_close_on: date | None
    closed_on: date | None
    next_step: str | None
    pushes: int
    pushed_days: int | None
    is_overdue: bool
    products: tuple[str, ...]
    quotes: tuple[Known, ...]
    moves: tuple[Known, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class WritingStyle:
    """How the customer writes, from their own mails: `words` is the median length of one.

    `formality` is "formal", "neutral" or "casual"; greeting and sign-off are as last written,
    None where their mails have none.
    """

    who: str | None
    contact_id: int | None
    language: Language
    formality: str
    words: int
    greeting: str | None
    sign_off: str | None
    mails: int
    confidence: float
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Person:
    """Somebody at the customer; `contact_id` is None for one whom the CRM does not know.

    `conversations` counts those read in which they took part; `roles` are what the CRM holds and
    what was said, the newest first.
    """

    contact_id: int | None
    name: str
    title: str | None
    email: str | None
    phone: str | None
    language: str | None
    roles: tuple[Known, ...]
    stance: Stance | None
    stance_facts: tuple[Fact, ...]
    last_contact_at: datetime | None
    last_heard_at: datetime | None
    conversations: int
    style: WritingStyle | None
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Matter:
    """An open commitment or question: whose it is, until when, and what may have settled it.

    `days` counts to the due day, or since a question was asked; it is negative once overdue.
    """

    known: Known
    urgency: Urgency
    due_on: date | None
    days: int | None
    settled_by: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class Touch:
    """One contact with the customer: when, what, and by which side."""

    happened_at: datetime
    kind: str
    title: str
    side: Side | None
    who: str | None
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Contacting:
    """How contact stands. `last_heard` is the customer speaking or writing, `last_sent` us.

    `days_of_silence` counts from `last`, None if there was none; `waiting` is the side whose
    answer to the last mail is due (`ours`: they wrote last), None after a call or meeting.
    """

    last: Touch | None
    last_heard: Touch | None
    last_sent: Touch | None
    days_of_silence: int | None
    waiting: Side | None
    planned: tuple[Known, ...]
    recent: tuple[Touch, ...]


@dataclass(frozen=True)
class Service:
    """Support: cases open now, and those of the last `days` with their mean score of 1 to 5."""

    open_cases: tuple[Known, ...]
    open_total: int
    recent_total: int
    days: int
    satisfaction: float | None
    scores: int
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Contradiction:
    """Evidence that does not agree; `values` are the newest first."""

    field: str
    label: str
    opportunity_id: int | None
    about: str | None
    values: tuple[Known, ...]


@dataclass(frozen=True)
class Coverage:
    """How much was there to read: `unread` conversations have no current notes.

    Only the newest `looked_at` of `conversations` went into the profile.
    """

    conversations: int
    looked_at: int
    unread: int


@dataclass(frozen=True)
class CustomerProfile:
    """Everything known of a customer or one deal, as one caller may read it, as of one moment.

    Each list is cut at the limit asked for; `totals` has how many there were, by section.
    """

    scope: Scope
    id: int
    account_id: int | None
    name: str
    language: Language
    as_of: datetime
    company: tuple[Field, ...]
    money: tuple[Money, ...]
    deals: tuple[DealPicture, ...]
    people: tuple[Person, ...]
    told: Mapping[Topic, tuple[Known, ...]]
    commitments: tuple[Matter, ...]
    questions: tuple[Matter, ...]
    contradictions: tuple[Contradiction, ...]
    contact: Contacting
    style: WritingStyle | None
    service: Service
    coverage: Coverage
    totals: Mapping[str, int]

    @property
    def facts(self) -> tuple[Fact, ...]:
        """All facts once, in the order in which the profile shows them."""
        found: dict[tuple[str, str], Fact] = {}
        _collect(self, found)
        return tuple(found.values())


def _collect(value: object, found: dict[tuple[str, str], Fact]) -> None:
    if isinstance(value, Fact):
        found.setdefault((value.source, value.text), value)
    elif isinstance(value, tuple):
        for each in value:
            _collect(each, found)
    elif isinstance(value, Mapping):
        for each in value.values():
            _collect(each, found)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            _collect(getattr(value, name), found)
