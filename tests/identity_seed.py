"""A small CRM and conversations with people to recognise, for tests of identity."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.models import (
    Account,
    Contact,
    Conversation,
    ConversationKind,
    IdentityDecision,
    Participant,
    User,
)
from crm.principal import Principal
from crm.store import Store
from ingest.conversations import NamedVoice, ParsedConversation, ParsedSegment, store_conversation
from ingest.identity import NO_HINTS, Hints, Person

AT = datetime(2026, 5, 10, 12, tzinfo=UTC)
OWNER = Principal.local_owner()
SOURCED: dict[str, Any] = {"source": "test", "synced_at": AT}


def fill_crm(session: Session) -> None:
    session.add_all(
        [
            User(id=1, name="Anna Meyer", email="anna@ours.example", external_id="1", **SOURCED),
            User(id=2, name="李伟", email="liwei@ours.example", external_id="2", **SOURCED),
            Account(id=1, name="Acme", domain="acme.example", country="Germany",
                    external_id="A1", **SOURCED),
            Account(id=2, name="Beta Works", domain="beta.example", country="USA",
                    external_id="A2", **SOURCED),
            Account(id=3, name="安科智能有限公司", domain="anke.example", country="中国",
                    external_id="A3", **SOURCED),
        ]
    )  # fmt: skip
    session.flush()
    for number, name, email, phone, title, account_id in (
        (1, "Robert Ray", "robert.ray@acme.example", "030 901820 12", "Buyer", 1),
        (2, "Priya Nair", "priya.nair@acme.example", None, "Head of IT", 1),
        (3, "Chen Wei", "chenwei@anke.example", None, "工程师", 3),
        (4, "陈思远", "chensy@anke.example", "138 0013 8000", "总经理", 3),
        (5, "王芳", None, "010-6552 9988", "采购经理", 3),
        (6, "Priya Nair", "priya@beta.example", "+1 415 555 2671", "CEO", 2),
        (7, "Jörg Müller", "j.mueller@acme.example", None, None, 1),
    ):
        add_contact(session, number, name, email, phone=phone, title=title, account_id=account_id)


def add_contact(
    session: Session, number: int, name: str, email: str | None, **columns: Any
) -> None:
    session.add(
        Contact(id=number, name=name, email=email, external_id=f"c{number}", **SOURCED, **columns)
    )
    session.flush()


def parsed(
    external_id: str,
    *people: Person,
    title: str = "Call",
    hints: Hints = NO_HINTS,
    content: str = "h",
    voices: tuple[NamedVoice, ...] = (),
    segments: tuple[ParsedSegment, ...] = (),
) -> ParsedConversation:
    spoken = segments or tuple(
        ParsedSegment(person.name, f"Hello, {person.name} speaking.") for person in people
    )
    return ParsedConversation(
        "test", external_id, ConversationKind.CALL, title, AT, people, spoken, content,
        hints=hints, voices=voices,
    )  # fmt: skip


def keep(store: Store, *conversations: ParsedConversation) -> list[int]:
    """Store the conversations and return their ids."""
    with store.session() as session:
        return [
            store_conversation(session, one, now=AT, principal=OWNER).conversation_id
            for one in conversations
        ]


def ties(store: Store) -> list[tuple[Any, ...]]:
    """All conversations and their people as they are tied, in full."""
    with store.session() as session:
        conversations = select(
            Conversation.external_id, Conversation.account_id, Conversation.opportunity_id,
            Conversation.owner_id,
        ).order_by(Conversation.id)  # fmt: skip
        people = select(
            Participant.conversation_id, Participant.position, Participant.name,
            Participant.contact_id, Participant.user_id, Participant.side,
        ).order_by(Participant.conversation_id, Participant.position)  # fmt: skip
        return [tuple(row) for each in (conversations, people) for row in session.execute(each)]


def tied(store: Store, conversation_id: int) -> list[tuple[int | None, int | None]]:
    """The contact and user of each participant."""
    with store.session() as session:
        rows = session.execute(
            select(Participant.contact_id, Participant.user_id)
            .where(Participant.conversation_id == conversation_id)
            .order_by(Participant.position)
        )
        return [(row.contact_id, row.user_id) for row in rows]


def decisions(store: Store) -> list[IdentityDecision]:
    with store.session() as session:
        return list(
            session.scalars(
                select(IdentityDecision)
                .where(IdentityDecision.decided_by != "file")
                .order_by(IdentityDecision.id)
            )
        )
