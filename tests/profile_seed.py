"""A small customer for tests of profiles: people, a deal, talks, and what was noted of them."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy.orm import Session

from crm.models import (
    Contact,
    FieldProposal,
    Note,
    NoteKind,
    NoteSet,
    Opportunity,
    OpportunityContact,
    Participant,
    ProposalStatus,
    Stage,
    StageStatus,
)
from tests.conversation_seed import SYNCED, add_account, add_conversation, add_user, sourced

OPEN, WON, LOST = 1, 2, 3
_STARTED = datetime(2026, 11, 2, 10, tzinfo=UTC)


def at(month: int, day: int, year: int = 2026) -> datetime:
    return datetime(year, month, day, 10, tzinfo=UTC)


def add_customer(session: Session, **account: Any) -> None:
    """Account 1 of user 1 with contacts Priya (1) and Marcus (2), and the open deal 1."""
    add_user(session, 1, "Anna Lind", email="anna@ours.example")
    columns = {"industry": "Food", "country": "Germany", "employees": 1400, "owner_id": 1}
    add_account(session, 1, "Northvale", **{**columns, **account})
    for number, (name, status) in enumerate(
        (("Proposal", StageStatus.OPEN), ("Won", StageStatus.WON), ("Lost", StageStatus.LOST)), 1
    ):
        stage = Stage(**sourced(number), name=name, position=number, status=status.value)
        session.add(stage)
    for number, name in ((1, "Priya Shah"), (2, "Marcus Bell")):
        session.add(Contact(**sourced(number), name=name, account_id=1, title="Head of IT"))
    session.flush()
    add_deal(session, 1)


def add_deal(session: Session, number: int, stage_id: int = OPEN, **columns: Any) -> None:
    values: dict[str, Any] = {
        "name": f"Deal {number}", "account_id": 1, "owner_id": 1, "amount_minor": 9_600_000,
        "currency": "EUR", "opened_on": date(2026, 5, 1), "expected_close_on": date(2026, 12, 15),
    }  # fmt: skip
    session.add(Opportunity(**sourced(number), stage_id=stage_id, **{**values, **columns}))
    session.flush()


def add_role(session: Session, number: int, contact_id: int, role: str, deal: int = 1) -> None:
    session.add(
        OpportunityContact(**sourced(number), opportunity_id=deal, contact_id=contact_id, role=role)
    )
    session.flush()


def add_talk(
    session: Session,
    number: int,
    said: list[tuple[str, str]],
    *,
    started_at: datetime = _STARTED,
    people: dict[str, str] | None = None,
    **columns: Any,
) -> None:
    """Add a conversation of account 1 in deal 1, with a note set on its words."""
    columns = {"account_id": 1, "opportunity_id": 1, **columns}
    sides = people or {"Anna Lind": "ours", "Priya Shah": "customer"}
    row = add_conversation(session, number, said, started_at=started_at, sides=sides, **columns)
    contacts = {"Priya Shah": 1, "Marcus Bell": 2}
    for one in session.query(Participant).filter_by(conversation_id=number):
        one.contact_id = contacts.get(one.name)
    digest = f"{row.content_sha256[:16]}-rest"
    session.add(
        NoteSet(conversation_id=number, content_digest=digest, maker="rules-1", made_at=SYNCED)
    )
    session.flush()


def add_note(session: Session, talk: int, kind: NoteKind, text: str, **columns: Any) -> None:
    values = {"speaker": "Priya Shah", "side": "customer", "segments": [0], "position": 0}
    note = Note(conversation_id=talk, kind=kind.value, text=text, **{**values, **columns})
    session.add(note)
    session.flush()


def add_proposal(session: Session, talk: int, field: str, value: str, **columns: Any) -> None:
    values: dict[str, Any] = {
        "entity": "opportunity", "entity_id": 1, "reason": f'Priya Shah: "{value}"',
        "segments": [0], "confidence": 0.8, "status": ProposalStatus.PROPOSED.value,
        "made_at": SYNCED,
    }  # fmt: skip
    session.add(
        FieldProposal(conversation_id=talk, field=field, new_value=value, **{**values, **columns})
    )
    session.flush()
