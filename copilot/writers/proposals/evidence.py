"""Everything a proposal may rest on, read for one caller: deal, people, lines, prices, voices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.grounding.pack.hostile import is_title, name_plainly
from copilot.writers.proposals.deal import find_deal, letter_language
from copilot.writers.proposals.outsiders import known_person
from copilot.writers.proposals.proposal import ProposalRequest
from copilot.writers.proposals.voices import Statement, find_statements, find_talks
from crm.access import visible
from crm.access.fields import withheld, withhold
from crm.errors import NotFound
from crm.models import (
    Account,
    Activity,
    Contact,
    Conversation,
    Opportunity,
    OpportunityContact,
    OpportunityLine,
    PriceBook,
    PriceBookEntry,
    Product,
    Quote,
    User,
)
from crm.principal import Principal
from tools.language import Language, has_han
from tools.profile.building import MOST, build_opportunity_profile
from tools.profile.model import CustomerProfile, Topic

_BUYERS = ("economic", "decision", "budget", "决策", "经济")
_HAN_TITLES = ("总", "工", "经理", "主任", "厂长", "先生", "女士")
_MOST_PRODUCTS = 500
_MOST_QUOTES = 50


@dataclass(frozen=True)
class OfferLine:
    """A line of the deal; `amount_minor` is the whole line's, in the deal's currency."""

    line_id: int
    product: Product
    quantity: Decimal
    amount_minor: int | None


@dataclass(frozen=True)
class ListPrice:
    """What a product costs by the price book, in minor units of its currency."""

    entry_id: int
    amount_minor: int
    currency: str
    book: str


@dataclass(frozen=True)
class Talked:
    """A conversation that the proposal may thank for."""

    conversation_id: int
    title: str
    kind: str
    started_at: datetime


@dataclass(frozen=True)
class ProposalEvidence:
    """What was read. `prices` holds list prices by currency and product id.

    `quotes` are all made until the day, the newest first, and none where the discounts in them are
    kept back, as `hides_quotes` then says; `recipient` is asked for or the economic buyer,
    `signatory` the economic buyer or, where nobody is, the recipient.
    """

    language: Language
    as_of: datetime
    deal: Opportunity
    account: Account | None
    owner: User | None
    recipient: Contact | None
    signatory: Contact | None
    profile: CustomerProfile
    lines: tuple[OfferLine, ...]
    catalogue: tuple[Product, ...]
    quotes: tuple[Quote, ...]
    prices: dict[tuple[str, int], ListPrice]
    planned: tuple[Activity, ...]
    talks: tuple[Talked, ...]
    statements: tuple[Statement, ...]
    hides_quotes: bool = False

    @property
    def today(self) -> date:
        """The day of the proposal."""
        return self.as_of.date()

    @property
    def customer(self) -> str:
        """The customer's name; the deal's where it belongs to no account."""
        return self.account.name if self.account else self.deal.name

    @property
    def products(self) -> tuple[Product, ...]:
        """The products of the deal, each once, in the order of its lines."""
        return tuple({line.product.id: line.product for line in self.lines}.values())


def gather(
    session: Session, request: ProposalRequest, *, principal: Principal, as_of: datetime
) -> ProposalEvidence:
    """Return what a proposal may rest on, as the caller may read it.

    Raises:
        NotFound: there is no such deal or contact, or the caller may not read it.
    """
    deal, _, account = find_deal(session, request.opportunity_id, principal)
    language = request.language or letter_language(session, deal.id, principal=principal)
    asked: dict[str, Any] = {"principal": principal, "as_of": as_of}
    profile = build_opportunity_profile(session, deal.id, language=language, limit=MOST, **asked)
    buyer = _buyer(session, deal, principal)
    recipient = _asked_for(session, request, principal) or buyer
    lines = _lines(session, deal, principal)
    talk_ids = find_talks(session, deal, **asked)
    quotes = _quotes(session, deal, as_of.date(), principal)
    # Its lines and total would tell the discount, so an offer cannot rest on it.
    hides_quotes = bool(quotes) and "discount" in withheld(Quote, principal)
    return ProposalEvidence(
        language=language,
        as_of=as_of,
        deal=deal,
        account=account,
        owner=_owner(session, deal, principal),
        recipient=recipient or _anybody(session, deal, principal),
        signatory=buyer or recipient,
        profile=profile,
        lines=tuple(lines),
        catalogue=tuple(_catalogue(session, principal)),
        quotes=() if hides_quotes else tuple(quotes),
        hides_quotes=hides_quotes,
        prices=_prices(session, [line.product.id for line in lines], principal),
        planned=tuple(_planned(session, deal, as_of, principal)),
        talks=tuple(_talks(session, talk_ids, principal)),
        statements=tuple(
            find_statements(
                session,
                talk_ids,
                language=language,
                telling=[fact.source for known in _told(profile) for fact in known.facts],
                names=_names(profile),
                principal=principal,
            )
        ),
    )


def _told(profile: CustomerProfile) -> list[Any]:
    topics = (Topic.PAIN, Topic.IMPACT, Topic.NEED, Topic.TIMELINE)
    return [known for topic in topics for known in profile.told.get(topic, ())]


def _names(profile: CustomerProfile) -> set[str]:
    """Return the names of rivals and of the customer's people, given names too."""
    named = profile.told.get(Topic.COMPETITOR, ())
    people = {person.name for person in profile.people}
    given = {name.split()[0] for name in people if name.isascii() and name.split()}
    titled = {f"{name[0]}{title}" for name in people if has_han(name) for title in _HAN_TITLES}
    return {known.value for known in named if known.value} | people | given | titled


def _asked_for(session: Session, request: ProposalRequest, principal: Principal) -> Contact | None:
    if request.contact_id is None:
        return None
    statement = select(Contact).where(Contact.id == request.contact_id)
    found = session.scalars(visible(statement, Contact, principal)).first()
    if found is None:
        raise NotFound(f"no contact {request.contact_id!r}: `sales-copilot show contact` finds it")
    return known_person(*withhold([found], principal))


def _people(session: Session, deal: Opportunity, principal: Principal) -> list[tuple[Contact, str]]:
    statement = (
        select(Contact, OpportunityContact.role)
        .join(OpportunityContact, OpportunityContact.contact_id == Contact.id)
        .where(OpportunityContact.opportunity_id == deal.id)
        .order_by(OpportunityContact.id)
    )
    readable = visible(visible(statement, Contact, principal), OpportunityContact, principal)
    found = session.execute(readable).all()
    withhold([contact for contact, _ in found], principal)
    return [(known_person(contact), (role or "").casefold()) for contact, role in found]


def _buyer(session: Session, deal: Opportunity, principal: Principal) -> Contact | None:
    people = _people(session, deal, principal)
    return next((one for one, role in people if any(word in role for word in _BUYERS)), None)


def _anybody(session: Session, deal: Opportunity, principal: Principal) -> Contact | None:
    return next((one for one, _ in _people(session, deal, principal)), None)


def _owner(session: Session, deal: Opportunity, principal: Principal) -> User | None:
    owner_id = deal.owner_id or principal.user_id
    if owner_id is None:
        return None
    statement = select(User).where(User.id == owner_id)
    found = withhold(session.scalars(visible(statement, User, principal)), principal)
    return found[0] if found else None


def _lines(session: Session, deal: Opportunity, principal: Principal) -> list[OfferLine]:
    statement = (
        select(OpportunityLine, Product)
        .join(Product, Product.id == OpportunityLine.product_id)
        .where(OpportunityLine.opportunity_id == deal.id)
        .order_by(OpportunityLine.id)
    )
    readable = visible(visible(statement, OpportunityLine, principal), Product, principal)
    rows = session.execute(readable).all()
    name_plainly([product for _, product in rows])
    return [OfferLine(line.id, product, line.quantity, line.amount_minor) for line, product in rows]


def _catalogue(session: Session, principal: Principal) -> Sequence[Product]:
    statement = select(Product).where(Product.is_active).order_by(Product.id).limit(_MOST_PRODUCTS)
    return name_plainly(session.scalars(visible(statement, Product, principal)))


def _quotes(
    session: Session, deal: Opportunity, today: date, principal: Principal
) -> Sequence[Quote]:
    statement = (
        select(Quote)
        .where(Quote.opportunity_id == deal.id)
        .where((Quote.created_on <= today) | Quote.created_on.is_(None))
        .order_by(Quote.created_on.desc().nulls_last(), Quote.id.desc())
        .limit(_MOST_QUOTES)
    )
    return session.scalars(visible(statement, Quote, principal)).all()


def _prices(
    session: Session, product_ids: Sequence[int], principal: Principal
) -> dict[tuple[str, int], ListPrice]:
    """Return the newest entry of each product and currency."""
    statement = (
        select(PriceBookEntry, PriceBook)
        .join(PriceBook, PriceBook.id == PriceBookEntry.price_book_id)
        .where(PriceBookEntry.product_id.in_(set(product_ids)))
        .order_by(PriceBookEntry.id)
    )
    readable = visible(visible(statement, PriceBookEntry, principal), PriceBook, principal)
    return {
        (book.currency, entry.product_id): ListPrice(
            entry.id, entry.list_price_minor, book.currency, book.name
        )
        for entry, book in session.execute(readable)
    }


def _planned(
    session: Session, deal: Opportunity, as_of: datetime, principal: Principal
) -> Sequence[Activity]:
    """Return the deal's open tasks due from today on, and meetings ahead, the nearest first."""
    statement = (
        select(Activity)
        .where(Activity.opportunity_id == deal.id, Activity.done_at.is_(None))
        .where((Activity.due_on >= as_of.date()) | (Activity.occurred_at > as_of))
        .order_by(Activity.due_on, Activity.occurred_at, Activity.id)
        .limit(MOST)
    )
    found = session.scalars(visible(statement, Activity, principal)).all()
    return [each for each in found if is_title(each.subject)]


def _talks(session: Session, talk_ids: Sequence[int], principal: Principal) -> list[Talked]:
    statement = (
        select(Conversation)
        .where(Conversation.id.in_(talk_ids))
        .order_by(Conversation.started_at.desc(), Conversation.id.desc())
    )
    rows = session.scalars(visible(statement, Conversation, principal))
    return [Talked(row.id, row.title, row.kind, row.started_at) for row in rows]
