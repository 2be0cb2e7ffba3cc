"""Drafts for tests of learning: as the writer makes them, small, with greeting and leave."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from copilot.grounding.pack.asked import Channel, DraftKind
from copilot.grounding.sentences import CitedSentence
from copilot.writers.draft import Addressee, Draft
from copilot.writers.learning.keeping import Accept, Edit, decide_draft, save_draft
from crm.models import Contact
from crm.principal import Principal, Role
from tests.conversation_seed import add_account, add_user, sourced

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
ANNA = Principal(user_id=1, name="Anna Lind", role=Role.REP)
BEN = Principal(user_id=2, name="Ben Carver", role=Role.REP)
PEOPLE = {1: "Priya Shah", 2: "Marcus Bell", 3: "Rosa Diaz", 4: "Tom Reed"}
CHINESE = {5: "王建国", 6: "罗敏", 7: "高志远"}


def add_people(session: Session) -> None:
    """Anna and Ben of ours; an account with one contact for each of the people."""
    add_user(session, 1, "Anna Lind", email="anna@ours.example", role="rep")
    add_user(session, 2, "Ben Carver", email="ben@ours.example", role="rep")
    for number, name in {**PEOPLE, **CHINESE}.items():
        add_account(session, number, f"Customer {number}")
        session.add(Contact(**sourced(number), name=name, account_id=number))
    session.flush()


def make_draft(
    *sentences: str,
    contact: int = 1,
    greeting: str | None = None,
    closing: str = "Best regards,\nAnna Lind",
    **columns: Any,
) -> Draft:
    """A draft to a contact; each sentence is a paragraph of its own."""
    name = {**PEOPLE, **CHINESE}[contact]
    is_chinese = contact in CHINESE
    greeting = greeting or (f"{name}，您好：" if is_chinese else f"Hi {name.split()[0]},")
    values: dict[str, Any] = {
        "kind": DraftKind.FOLLOW_UP,
        "channel": Channel.EMAIL,
        "language": "zh" if is_chinese else "en",
        "to": (Addressee(name=name, email=None),),
        "sender": "Anna Lind",
        "subject": "Pilot",
        "greeting": greeting,
        "closing": closing,
        "paragraphs": tuple((CitedSentence(text=text, facts=()),) for text in sentences),
        "body": "\n\n".join([greeting, *sentences, closing]),
        "facts": (),
        "account_id": contact,
        "contact_id": contact,
    }
    return Draft(**{**values, **columns})


def decide(
    session: Session,
    draft: Draft,
    body: str | None,
    *,
    after_days: int = 0,
    principal: Principal = ANNA,
) -> int:
    """Save a draft and decide it: edited to this body, or accepted where there is none."""
    now = NOW + timedelta(days=after_days)
    number = save_draft(session, draft, principal=principal, now=now)
    decision = Accept() if body is None else Edit(body)
    decide_draft(session, number, decision, principal=principal, now=now)
    return number
