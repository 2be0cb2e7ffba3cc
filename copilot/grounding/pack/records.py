"""What the CRM gives to a draft: deal, offer, products with prices, meetings, company."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import and_, func, or_, select

from copilot.grounding.pack.found import Found
from copilot.grounding.pack.hostile import name_plainly, orders_the_writer
from copilot.grounding.pack.model import Role
from copilot.grounding.pack.scope import Asker, Scope
from copilot.grounding.pack.wording import WORDS
from crm.access import readable, visible
from crm.access.fields import withhold
from crm.facts import Fact, FactKind
from crm.index.terms import terms_of
from crm.models import (
    Account,
    Activity,
    ActivityKind,
    Opportunity,
    OpportunityLine,
    PriceBook,
    PriceBookEntry,
    Product,
    Quote,
    Stage,
    StageStatus,
)
from crm.money import format_money, to_major
from tools.language import Language, fold_script
from tools.withheld import Withheld, word_withheld

_PRODUCTS = 300
_MEETINGS = 3
_QUOTES = 30
_POPULAR = 2
# A quote in one of these states is none that the customer may rely on.
_NOT_OFFERED = (
    "draft", "review", "reject", "denied", "decline", "supersed", "replace", "expire", "cancel",
    "void", "withdraw", "lost", "archiv", "草稿", "审批", "待审", "审核", "拒绝", "驳回", "作废",
    "过期", "失效", "取消", "替代", "撤回", "撤销",
)  # fmt: skip
_ACCEPTED = ("accept", "signed", "won", "接受", "签")


@dataclass(frozen=True)
class Said:
    """What products are looked for in: the words of the purpose and of the mail answered."""

    purpose: str
    mail: str


def deal_pieces(
    scope: Scope, asker: Asker, language: Language, *, disputed: Collection[str] = ()
) -> Iterator[Found]:
    """Yield the deal in one sentence, if there is one, without the fields that are disputed."""
    deal, stage = scope.deal, scope.stage
    if deal is None or stage is None:
        return
    words = WORDS[language]
    amount = None
    if deal.amount_minor is not None and "amount" not in disputed:
        amount = format_money(deal.amount_minor, deal.currency)
    parts = [
        words["deal"].format(name=deal.name),
        scope.account and words["customer"].format(name=scope.account.name),
        "stage" not in disputed and stage.name and words["stage"].format(name=stage.name),
        amount and words["amount"].format(amount=amount),
        deal.closed_on and words["closed"].format(day=deal.closed_on),
        not deal.closed_on
        and deal.expected_close_on
        and "close_date" not in disputed
        and words["close"].format(day=deal.expected_close_on),
        deal.next_step
        and not orders_the_writer(deal.next_step)
        and words["next_step"].format(step=deal.next_step),
    ]
    has_amount = amount is not None
    fact = Fact(
        kind=FactKind.RECORD,
        text=words["comma"].join(part for part in parts if part) + words["stop"],
        value=float(to_major(deal.amount_minor or 0, deal.currency)) if has_amount else None,
        currency=deal.currency if has_amount else None,
        as_of=asker.as_of,
        source=f"opportunity:{deal.id}",
    )
    yield Found(fact, Role.DEAL)


def company_pieces(scope: Scope, asker: Asker, language: Language) -> Iterator[Found]:
    """Yield what the company is: industry, place, size, as far as the CRM holds it."""
    account, contact, words = scope.account, scope.contact, WORDS[language]
    if account is not None:
        place = words["comma"].join(each for each in (account.city, account.country) if each)
        parts = [
            account.industry and words["industry"].format(industry=account.industry),
            place and words["place"].format(place=place),
            account.employees and words["employees"].format(count=f"{account.employees:,}"),
        ]
        told = words["comma"].join(part for part in parts if part)
        if told:
            text = words["company"].format(name=account.name, told=told)
            yield Found(_record(text, f"account:{account.id}", asker), Role.COMPANY)
    if contact is not None and contact.title:
        key = "contact_at" if account else "contact"
        text = words[key].format(
            name=contact.name, title=contact.title, company=account.name if account else ""
        )
        yield Found(_record(text, f"contact:{contact.id}", asker), Role.COMPANY)


def offer_pieces(scope: Scope, asker: Asker, language: Language) -> Iterator[Found]:
    """Yield the newest quote that stands today; one that was accepted or lapsed is an event.

    Drafts, refused and replaced quotes never show: nobody may rely on them.
    """
    if scope.deal is None:
        return
    today = asker.as_of.date()
    statement = (
        select(Quote)
        .where(
            Quote.opportunity_id == scope.deal.id,
            or_(Quote.created_on <= today, Quote.created_on.is_(None)),
        )
        .order_by(Quote.created_on.desc().nulls_last(), Quote.id.desc())
        .limit(_QUOTES)
    )
    quotes = asker.session.scalars(visible(statement, Quote, asker.principal))
    shown = withhold(quotes, asker.principal)
    newest = next((quote for quote in shown if not _is(quote.status, _NOT_OFFERED)), None)
    if newest is not None:
        yield _quote(newest, today, asker, language, is_open=scope.is_open)


def _quote(quote: Quote, today: date, asker: Asker, language: Language, *, is_open: bool) -> Found:
    words = WORDS[language]
    is_accepted = _is(quote.status, _ACCEPTED)
    has_lapsed = quote.valid_until is not None and quote.valid_until < today
    stands = is_open and (is_accepted or not has_lapsed)
    key = "quote" if is_accepted or not has_lapsed else "quote_lapsed"
    text = words[key].format(
        number=quote.number,
        status=quote.status,
        total=format_money(quote.total_minor, quote.currency),
        discount=_discount(quote.discount, language),
        until=words["until"].format(day=quote.valid_until) if quote.valid_until else "",
        day=quote.valid_until,
    )
    fact = Fact(
        kind=FactKind.RECORD,
        text=text,
        value=float(to_major(quote.total_minor, quote.currency)),
        currency=quote.currency,
        as_of=asker.as_of,
        source=f"quote:{quote.id}",
    )
    role = Role.OFFER if stands else Role.EVENT
    return Found(fact, role, due_on=quote.valid_until if stands else None, weight=4.0)


def _discount(share: Decimal | None, language: Language) -> str:
    if share is None:
        return word_withheld(Withheld.NOT_FOR_YOU, language)
    return f"{_plain(share * 100)} %"


def _is(status: str, marks: Sequence[str]) -> bool:
    folded = status.casefold()
    return any(mark in folded for mark in marks)


def product_pieces(scope: Scope, said: Said, asker: Asker, language: Language) -> Iterator[Found]:
    """Yield the deal's products and those named in the purpose or the mail, with list prices.

    Prices are those of the deal's currency; without a deal, products come without a price.
    """
    lines = _lines(scope, asker)
    named = fold_script(f"{said.purpose}\n{said.mail}").casefold()
    statement = select(Product).order_by(Product.id).limit(_PRODUCTS)
    products = [
        product
        for product in asker.session.scalars(visible(statement, Product, asker.principal))
        if product.id in lines
        or (product.is_active and fold_script(product.name).casefold() in named)
    ]
    prices = _prices(scope, [product.id for product in products], asker)
    for product in name_plainly(products):
        is_named = fold_script(product.name).casefold() in named
        weight = 2.0 * is_named + (product.id in lines)
        yield _product(product, lines.get(product.id), weight, asker, language)
        if product.id in prices and scope.deal is not None:
            currency = scope.deal.currency
            yield _price(product, prices[product.id], currency, weight, asker, language)


def popular_products(scope: Scope, asker: Asker, language: Language) -> Iterator[Found]:
    """Yield the active products most often bought in the customer's industry, in any if unknown.

    They say what may interest a company of which nothing else is known; no number is told.
    """
    bought = func.count(OpportunityLine.id)
    statement = (
        select(Product)
        .join(OpportunityLine, OpportunityLine.product_id == Product.id)
        .join(Opportunity, Opportunity.id == OpportunityLine.opportunity_id)
        .join(Stage, Stage.id == Opportunity.stage_id)
        .where(
            Stage.status == StageStatus.WON.value,
            Product.is_active,
            OpportunityLine.deleted_at.is_(None),
        )
        .group_by(Product.id)
        .order_by(bought.desc(), Product.id)
        .limit(_POPULAR)
    )
    industry = scope.account.industry if scope.account else None
    if industry:
        in_industry = and_(Account.id == Opportunity.account_id, Account.industry == industry)
        shown = readable(Account, asker.principal)
        statement = statement.join(Account, and_(in_industry, shown))
    allowed = visible(visible(statement, Product, asker.principal), Opportunity, asker.principal)
    for product in name_plainly(asker.session.scalars(allowed)):
        yield _product(product, None, 0.5, asker, language)


def _lines(scope: Scope, asker: Asker) -> dict[int, Decimal]:
    if scope.deal is None:
        return {}
    statement = (
        select(OpportunityLine.product_id, OpportunityLine.quantity)
        .where(OpportunityLine.opportunity_id == scope.deal.id)
        .order_by(OpportunityLine.id)
    )
    found: dict[int, Decimal] = {}
    for product_id, quantity in asker.session.execute(
        visible(statement, OpportunityLine, asker.principal)
    ):
        found[product_id] = found.get(product_id, Decimal(0)) + quantity
    return found


def _product(
    product: Product, quantity: Decimal | None, weight: float, asker: Asker, language: Language
) -> Found:
    words = WORDS[language]
    listed = words["in_deal"].format(quantity=_plain(quantity)) if quantity is not None else ""
    told = words["described"].format(text=product.description) if product.description else ""
    text = words["product"].format(name=product.name, listed=listed, told=told)
    return Found(_record(text, f"product:{product.id}", asker), Role.PRODUCT, weight=weight)


def _prices(
    scope: Scope, product_ids: Sequence[int], asker: Asker
) -> dict[int, tuple[PriceBookEntry, str]]:
    """Return one entry a product; where several books of the currency differ, none is told."""
    if scope.deal is None or not product_ids:
        return {}
    statement = (
        select(PriceBookEntry, PriceBook.name)
        .join(PriceBook, PriceBook.id == PriceBookEntry.price_book_id)
        .where(
            PriceBook.currency == scope.deal.currency,
            PriceBookEntry.product_id.in_(product_ids),
        )
        .order_by(PriceBookEntry.id)
    )
    found: dict[int, list[tuple[PriceBookEntry, str]]] = {}
    allowed = visible(
        visible(statement, PriceBookEntry, asker.principal), PriceBook, asker.principal
    )
    for entry, book in asker.session.execute(allowed):
        found.setdefault(entry.product_id, []).append((entry, book))
    return {
        product_id: entries[0]
        for product_id, entries in found.items()
        if len({entry.list_price_minor for entry, _ in entries}) == 1
    }


def _price(
    product: Product,
    priced: tuple[PriceBookEntry, str],
    currency: str,
    weight: float,
    asker: Asker,
    language: Language,
) -> Found:
    entry, book = priced
    text = WORDS[language]["price"].format(
        name=product.name, book=book, price=format_money(entry.list_price_minor, currency)
    )
    fact = Fact(
        kind=FactKind.RECORD,
        text=text,
        value=float(to_major(entry.list_price_minor, currency)),
        currency=currency,
        as_of=asker.as_of,
        source=f"price:{entry.id}",
    )
    return Found(fact, Role.PRICE, weight=weight)


def meeting_pieces(scope: Scope, asker: Asker, language: Language) -> Iterator[Found]:
    """Yield the meetings and calls that the CRM has planned, the nearest first."""
    whose = Activity.opportunity_id == scope.deal.id if scope.deal else None
    if whose is None:
        whose = Activity.account_id == (scope.account.id if scope.account else None)
    today = asker.as_of.date()
    is_ahead = or_(
        Activity.occurred_at > asker.as_of,
        Activity.due_on >= today,
    )
    kinds = (ActivityKind.MEETING.value, ActivityKind.CALL.value)
    statement = (
        select(Activity)
        .where(whose, Activity.kind.in_(kinds), Activity.done_at.is_(None), is_ahead)
        .order_by(Activity.occurred_at, Activity.due_on, Activity.id)
        .limit(_MEETINGS)
    )
    for row in asker.session.scalars(visible(statement, Activity, asker.principal)):
        day = row.occurred_at.date() if row.occurred_at else row.due_on
        text = WORDS[language]["meeting"].format(subject=row.subject, day=day)
        fact = Fact(
            kind=FactKind.ACTIVITY, text=text, as_of=asker.as_of, source=f"activity:{row.id}"
        )
        yield Found(fact, Role.MEETING, due_on=day, is_open=True)


def policy_pieces(policies: Sequence[tuple[str, str]], wanted: Sequence[str]) -> Iterator[Found]:
    """Yield the company's own statements; those on the purpose or the mail weigh more."""
    for number, (name, text) in enumerate(policies):
        hits = len(set(wanted).intersection(terms_of(text)))
        fact = Fact(kind=FactKind.SETTING, text=text, source=f"policy:{name}")
        yield Found(fact, Role.POLICY, weight=float(hits), place=(number, 0))


def _record(text: str, source: str, asker: Asker) -> Fact:
    return Fact(kind=FactKind.RECORD, text=text, as_of=asker.as_of, source=source)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
