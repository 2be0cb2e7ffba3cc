"""What a finished proposal or letter says, before it has any look: typed and without markup."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from prompts.library import Language


@dataclass(frozen=True)
class Sentence:
    """One sentence and the ids of the `Source`s behind it.

    `is_open` marks a placeholder that the rep has to fill before the document can leave.
    """

    text: str
    sources: tuple[str, ...] = ()
    is_open: bool = False


Prose = tuple[Sentence, ...]
"""One paragraph."""


@dataclass(frozen=True)
class Source:
    """What sentences rest on: its id in this document, a description, and its stable address."""

    id: str
    text: str
    address: str
    dated: date | None = None


@dataclass(frozen=True)
class Person:
    """Somebody named in the document; what is unknown stays empty."""

    name: str
    title: str = ""
    company: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True)
class Quotation:
    """The customer's own words, with who said them, when, and the id of the source."""

    words: str
    speaker: str
    said_on: date
    source: str


@dataclass(frozen=True)
class Situation:
    """Where the customer stands: our summary and their words."""

    paragraphs: tuple[Prose, ...] = ()
    quotations: tuple[Quotation, ...] = ()


@dataclass(frozen=True)
class MappedNeed:
    """A need of the customer, the product that meets it, empty where it is the whole, and how."""

    need: Sentence
    product: str
    how: Prose


@dataclass(frozen=True)
class PriceLine:
    """One line of a quote: list price in minor units, quantity, discount as a fraction of 1.

    `stated_minor` is the amount that the quote itself gives; it must equal the computed one.
    """

    product: str
    list_price_minor: int
    quantity: Decimal = Decimal(1)
    discount: Decimal = Decimal(0)
    unit: str = ""
    detail: str = ""
    stated_minor: int | None = None


@dataclass(frozen=True)
class PriceTable:
    """The lines of one quote in one currency (ISO 4217 code).

    `discount_minor` is taken off the sum of the lines; `tax_rate` is a fraction of 1 and
    None where the prices are net and tax is not stated. `stated_total_minor` is the quote's
    own total, before tax, and must equal the computed one.
    """

    currency: str
    lines: tuple[PriceLine, ...]
    title: str = ""
    discount_minor: int = 0
    tax_rate: Decimal | None = None
    tax_name: str = ""
    stated_total_minor: int | None = None
    price_book: str = ""
    quote_number: str = ""
    valid_until: date | None = None
    remarks: tuple[Sentence, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Milestone:
    """A step of the plan; without `ends_on` it is a single day."""

    title: str
    starts_on: date
    ends_on: date | None = None
    owner: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reference:
    """A customer who can be named, and what was done for them."""

    customer: str
    story: Prose


@dataclass(frozen=True)
class Term:
    """One clause of the terms."""

    title: str
    paragraphs: tuple[Prose, ...]


@dataclass(frozen=True)
class OpenPoint:
    """Something the rep has to settle before the document leaves: where it is, what is missing."""

    where: str
    what: str


@dataclass(frozen=True)
class ProposalContent:
    """Everything a proposal says. Sections without content are left out of the document."""

    language: Language
    title: str
    customer: str
    company: str
    dated: date
    prepared_for: tuple[Person, ...] = ()
    prepared_by: Person | None = None
    subtitle: str = ""
    confidentiality: str = ""
    cover_letter: tuple[Prose, ...] = ()
    situation: Situation = Situation()
    goals: tuple[Prose, ...] = ()
    needs: tuple[MappedNeed, ...] = ()
    solution: tuple[Prose, ...] = ()
    prices: tuple[PriceTable, ...] = ()
    timeline: tuple[Milestone, ...] = ()
    references: tuple[Reference, ...] = ()
    terms: tuple[Term, ...] = ()
    signatories: tuple[Person, ...] = ()
    open_points: tuple[OpenPoint, ...] = ()
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True)
class EarlierMail:
    """The message that a letter answers: its ids thread the reply, its text is quoted below.

    `message_id` and `references` are as in the headers, angle brackets included.
    """

    message_id: str
    author: str
    sent_at: datetime
    text: str = ""
    references: tuple[str, ...] = ()


@dataclass(frozen=True)
class LetterContent:
    """A letter, email or chat message: greeting, paragraphs, closing, and who sends it to whom."""

    language: Language
    subject: str
    sender: Person
    to: tuple[Person, ...]
    dated: date
    greeting: str
    paragraphs: tuple[Prose, ...]
    closing: str
    cc: tuple[Person, ...] = ()
    confidentiality: str = ""
    in_reply_to: EarlierMail | None = None
    open_points: tuple[OpenPoint, ...] = ()
    sources: tuple[Source, ...] = ()


Content = ProposalContent | LetterContent
