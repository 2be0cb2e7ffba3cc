"""A deal to propose for: products, prices, quotes and calls, small enough to add up by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from copilot.writers.company.guide import CompanyGuide, CustomerStory, Said, Term, Text
from crm.models import (
    Activity,
    Opportunity,
    OpportunityLine,
    PriceBook,
    PriceBookEntry,
    Product,
    Quote,
)
from tests.conversation_seed import sourced
from tests.profile_seed import add_customer, add_role, add_talk

TODAY = datetime(2026, 11, 16, 9, tzinfo=UTC)
GUIDE = CompanyGuide(
    name=Text(en="Harbour Works", zh="海港"),
    terms=(
        Term(
            title=Said(en="Payment", zh="付款"),
            text=Said(en="Due in 30 days.", zh="30天内付款。"),
        ),
    ),
    references=(
        CustomerStory(
            customer="Calder Paper",
            products=("Pulse Sensor",),
            text=Said(en="Calder Paper runs 40 sensors.", zh="Calder Paper 有40个传感器。"),
        ),
        CustomerStory(
            customer="Other Goods",
            products=("Roof Rack",),
            text=Said(en="Other Goods has Roof Racks.", zh="Other Goods 用 Roof Rack。"),
        ),
    ),
)  # fmt: skip
PRODUCTS = (
    ("Pulse Sensor", "Wireless vibration sensor for motors"),
    ("Pulse Hub", "Collects readings of sensors"),
    ("Roof Rack", "Carries ladders"),
)
EUR_LIST = (10_000, 50_000, 7_000)


def add_offer(session: Session, currency: str = "EUR", **deal: Any) -> None:
    """Account 1, deal 1 with Priya as economic buyer, three products, a price book in EUR."""
    add_customer(session)
    if deal or currency != "EUR":
        set_deal(session, currency=currency, **deal)
    add_role(session, 1, 2, "champion")
    add_role(session, 2, 1, "economic_buyer")
    for number, (name, description) in enumerate(PRODUCTS, 1):
        session.add(Product(**sourced(number), name=name, description=description))
    session.add(PriceBook(**sourced(1), name="List", currency="EUR"))
    session.flush()
    for number, price in enumerate(EUR_LIST, 1):
        add_price(session, number, number, price)


def set_deal(session: Session, **columns: Any) -> None:
    deal = session.get_one(Opportunity, 1)
    for name, value in columns.items():
        setattr(deal, name, value)
    session.flush()


def add_price(session: Session, number: int, product: int, minor: int, book: int = 1) -> None:
    session.add(
        PriceBookEntry(
            **sourced(number), price_book_id=book, product_id=product, list_price_minor=minor
        )
    )
    session.flush()


def add_line(
    session: Session, number: int, product: int, quantity: object, minor: int | None
) -> None:
    session.add(
        OpportunityLine(
            **sourced(number), opportunity_id=1, product_id=product,
            quantity=Decimal(str(quantity)), amount_minor=minor,
        )
    )  # fmt: skip
    session.flush()


def add_quote(session: Session, number: int, total_minor: int, **columns: Any) -> None:
    values: dict[str, Any] = {
        "number": f"Q-{number}", "status": "sent", "currency": "EUR", "discount": Decimal(0),
        "created_on": date(2026, 11, 1), "valid_until": date(2026, 12, 31),
    }  # fmt: skip
    session.add(
        Quote(**sourced(number), opportunity_id=1, total_minor=total_minor, **{**values, **columns})
    )
    session.flush()


def add_task(session: Session, number: int, subject: str, due_on: date, **columns: Any) -> None:
    values = {"kind": "task", "opportunity_id": 1, "account_id": 1, "owner_id": 1}
    session.add(
        Activity(**sourced(number), subject=subject, due_on=due_on, **{**values, **columns})
    )
    session.flush()


def add_told(session: Session, *said: str, number: int = 1, **columns: Any) -> None:
    """Add a call in which Priya says these sentences, each a turn; "A: …" is said by Anna."""
    turns = [
        ("Anna Lind", words[3:]) if words.startswith("A: ") else ("Priya Shah", words)
        for words in said
    ]
    add_talk(session, number, turns, **columns)
