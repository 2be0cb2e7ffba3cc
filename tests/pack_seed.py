"""Requests and small scenes for tests of evidence packs, on the customer of `profile_seed`."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from copilot.grounding.pack.asked import DraftRequest
from copilot.grounding.pack.gather import gather_evidence
from copilot.grounding.pack.model import DraftEvidence, Piece, Role
from crm.models import (
    Activity,
    Conversation,
    OpportunityLine,
    Participant,
    PriceBook,
    PriceBookEntry,
    Product,
    Quote,
)
from crm.principal import Principal
from tests.conversation_seed import sourced
from tests.profile_seed import add_talk

AS_OF = datetime(2026, 11, 16, 9, tzinfo=UTC)
OURS = {"Anna Lind": "ours", "Priya Shah": "customer"}
THEIRS = {"Priya Shah": "customer", "Anna Lind": "ours"}


def gather(session: Session, *, as_of: datetime = AS_OF, **asked: Any) -> DraftEvidence:
    """The pack for a request about deal 1, or what `asked` names instead."""
    options = {
        name: asked.pop(name)
        for name in ("sender", "policies", "budget_tokens", "principal", "index")
        if name in asked
    }
    index = options.pop("index", None)
    named = {"opportunity_id", "account_id", "contact_id", "reply_to"}.intersection(asked)
    request = DraftRequest(**(asked if named else {"opportunity_id": 1, **asked}))
    options = {"principal": Principal.local_owner(), **options}
    return gather_evidence(session, index, request, as_of=as_of, **options)


def add_mail(
    session: Session,
    number: int,
    paragraphs: list[str],
    *,
    started_at: datetime,
    by: str = "Priya Shah",
    thread: str = "t1",
    **columns: Any,
) -> None:
    """A mail of one side, a paragraph a segment, in a thread."""
    people = THEIRS if by == "Priya Shah" else OURS
    columns = {
        "kind": "email",
        "title": "Questions",
        "thread_key": f"{thread}@x.example",
        **columns,
    }
    add_talk(
        session,
        number,
        [(by, text) for text in paragraphs],
        started_at=started_at,
        people=people,
        message_id=f"m{number}@x.example",
        **columns,
    )
    for one in session.query(Participant).filter_by(conversation_id=number):
        one.email = f"{one.name.split()[0].lower()}@x.example"
    session.flush()


def add_quote(session: Session, number: int, **columns: Any) -> None:
    values: dict[str, Any] = {
        "opportunity_id": 1, "number": f"Q-{number}", "status": "sent", "total_minor": 9_000_000,
        "currency": "EUR", "discount": "0.05",
    }  # fmt: skip
    session.add(Quote(**sourced(number), **{**values, **columns}))
    session.flush()


def add_product(session: Session, number: int, name: str, **columns: Any) -> None:
    session.add(Product(**sourced(number), name=name, **columns))
    session.flush()


def add_line(session: Session, number: int, product: int, deal: int = 1) -> None:
    session.add(
        OpportunityLine(**sourced(number), opportunity_id=deal, product_id=product, quantity=2)
    )
    session.flush()


def add_price(session: Session, number: int, product: int, currency: str, minor: int) -> None:
    session.add(PriceBook(**sourced(number), name=f"List {currency}", currency=currency))
    session.flush()
    entry = {"price_book_id": number, "product_id": product, "list_price_minor": minor}
    session.add(PriceBookEntry(**sourced(number), **entry))
    session.flush()


def add_activity(session: Session, number: int, **columns: Any) -> None:
    values = {"kind": "task", "subject": "Send the report", "account_id": 1, "opportunity_id": 1}
    session.add(Activity(**sourced(number), **{**values, **columns}))
    session.flush()


def delete_talk(session: Session, number: int) -> None:
    row = session.get(Conversation, number)
    assert row is not None
    row.deleted_at = AS_OF
    session.flush()


def pieces(evidence: DraftEvidence, role: Role) -> list[Piece]:
    return [piece for piece in evidence.pieces if piece.role is role]


def texts(evidence: DraftEvidence, role: Role) -> list[str]:
    return [piece.fact.text for piece in pieces(evidence, role)]


def quotes(evidence: DraftEvidence, role: Role) -> list[str | None]:
    return [piece.quote for piece in pieces(evidence, role)]
