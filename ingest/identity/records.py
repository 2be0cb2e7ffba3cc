"""Writes down what identification decided and what it has to ask, and ties conversations."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from crm.models import (
    IdentityDecision,
    IdentityQuestion,
    QuestionStatus,
    Side,
)
from ingest.identity.directory import Directory
from ingest.identity.people import KnownPerson, Link, Person
from ingest.identity.verdicts import RULE, keys_of

# Who "decided" what is merely kept so that undoing can restore it.
FILE = "file"


def record_link(
    session: Session, link: Link, conversation_id: int, *, directory: Directory, now: datetime
) -> None:
    """Keep the rules' decisions, their questions, and the sides that decided people had before."""
    _record_rulings(session, link, directory, now)
    _ask(session, link, conversation_id, directory, now)
    keep_sides(
        session, conversation_id,
        {one.position: link.people[one.position].person for one in link.rulings}, now=now,
    )  # fmt: skip


def participants_of(conversation_id: int, people: Iterable[KnownPerson]) -> list[dict[str, Any]]:
    """Return the rows of a conversation's people, by column."""
    return [
        {
            "conversation_id": conversation_id,
            "position": position,
            "name": known.person.name,
            "email": known.person.email,
            "phone": known.person.phone,
            "role": known.person.role,
            "side": (known.side or Side.UNKNOWN).value,
            "contact_id": known.contact_id,
            "user_id": known.user_id,
        }
        for position, known in enumerate(people)
    ]


def keep_sides(
    session: Session, conversation_id: int, people: dict[int, Person], *, now: datetime
) -> None:
    """Keep the sides that a file states of people whom a decision may put on another."""
    rows = [
        {
            "key": f"{side_prefix(conversation_id)}{position}",
            "entity": person.side.value,
            "entity_id": None,
            "basis": "stated",
            "confidence": 1.0,
            "decided_by": FILE,
            "decided_at": now,
        }
        for position, person in people.items()
        if person.side is not None and person.side is not Side.UNKNOWN
    ]
    if rows:
        session.execute(insert(IdentityDecision), rows)


def side_prefix(conversation_id: int) -> str:
    """Return how the keys of kept sides of a conversation begin."""
    return f"side:{conversation_id}:"


def forget_sides(session: Session, conversation_id: int, people: int) -> None:
    """Remove the kept sides of a conversation's people (so many), before it is stored anew.

    What a person decided on somebody in it stays, to hold again.
    """
    prefix = side_prefix(conversation_id)
    keys = [f"{prefix}{position}" for position in range(people)]
    for start in range(0, len(keys), 400):
        session.execute(
            delete(IdentityDecision).where(
                IdentityDecision.key.in_(keys[start : start + 400]),
                IdentityDecision.decided_by == FILE,
            )
        )


def close_questions(session: Session, link: Link, conversation_id: int) -> None:
    """Mark the questions on people who are known by now as answered."""
    keys = [
        key
        for known in link.people
        if known.is_known
        for key in keys_of(
            known.person, conversation_id=conversation_id, account_id=link.account_id
        )
    ]
    _close(session, keys)


def _close(session: Session, keys: list[str]) -> None:
    if keys:
        session.execute(
            update(IdentityQuestion)
            .where(
                IdentityQuestion.key.in_(keys),
                IdentityQuestion.status != QuestionStatus.ANSWERED.value,
            )
            .values(status=QuestionStatus.ANSWERED.value)
            .execution_options(synchronize_session=False)
        )


def _record_rulings(session: Session, link: Link, directory: Directory, now: datetime) -> None:
    rows = {
        ruling.key: IdentityDecision(
            key=ruling.key,
            entity=ruling.candidate.entity.value,
            entity_id=ruling.candidate.id,
            basis="; ".join(ruling.candidate.reasons),
            confidence=ruling.candidate.score,
            decided_by=RULE,
            decided_at=now,
        )
        for ruling in link.rulings
        if ruling.key
    }
    if not rows:
        return
    session.add_all(rows.values())
    session.flush()
    for row in rows.values():
        directory.verdicts.note(row)
    _close(session, list(rows))


def _ask(
    session: Session, link: Link, conversation_id: int, directory: Directory, now: datetime
) -> None:
    rows: dict[str, dict[str, Any]] = {
        doubt.key: {
            "key": doubt.key,
            "name": doubt.person.name,
            "email": doubt.person.email,
            "phone": doubt.person.phone,
            "conversation_id": conversation_id,
            "candidates": [one.as_json() for one in doubt.candidates],
            "status": QuestionStatus.OPEN.value,
            "asked_at": now,
        }
        for doubt in link.doubts
        if doubt.key and doubt.key not in directory.asked
    }
    if not rows:
        return
    directory.asked |= rows.keys()
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    put = (sqlite if is_sqlite else postgresql).insert(IdentityQuestion)
    # Somebody met again is the same question, with the candidates of today.
    put = put.on_conflict_do_update(
        index_elements=[IdentityQuestion.key],
        set_={"candidates": put.excluded.candidates},
        where=IdentityQuestion.status == QuestionStatus.OPEN.value,
    )
    session.execute(put, list(rows.values()))
