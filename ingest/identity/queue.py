"""The open questions on who is who, with what helps to answer them, and the decisions taken."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from pydantic import BaseModel
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.access.fields import withheld
from crm.models import (
    Contact,
    Conversation,
    IdentityDecision,
    IdentityQuestion,
    Participant,
    QuestionStatus,
    Segment,
    User,
)
from crm.principal import Principal
from ingest.identity.records import FILE
from ingest.identity.relinking import is_reached

_QUOTED = 240


class Choosable(BaseModel):
    """Somebody a participant may be."""

    entity: str
    id: int
    name: str
    company: str | None
    score: float
    reasons: list[str]


class OpenQuestion(BaseModel):
    """Somebody met who may be one of the candidates, and where; `quote` is a line of theirs."""

    id: int
    key: str
    name: str
    email: str | None
    phone: str | None
    status: str
    conversation_id: int
    title: str
    kind: str
    started_at: datetime
    quote: str | None
    candidates: list[Choosable]


class Taken(BaseModel):
    """A decision with the name of whom it chose; `undone_at` is None while it stands."""

    id: int
    key: str
    entity: str
    entity_id: int | None
    name: str | None
    basis: str
    confidence: float
    decided_by: str
    decided_at: datetime
    undone_by: str | None
    undone_at: datetime | None


def list_questions(
    session: Session, principal: Principal, *, limit: int, with_skipped: bool = False
) -> list[OpenQuestion]:
    """Return the open questions the caller may see, those just asked first, skipped ones last."""
    statement = (
        select(IdentityQuestion, Conversation)
        .join(Conversation, Conversation.id == IdentityQuestion.conversation_id)
        .where(IdentityQuestion.status.in_(_statuses(with_skipped)))
        .order_by(
            case((IdentityQuestion.status == QuestionStatus.OPEN.value, 0), else_=1),
            IdentityQuestion.asked_at.desc(),
            IdentityQuestion.id,
        )
        .limit(limit)
    )
    rows = session.execute(visible(statement, Conversation, principal)).all()
    quotes = _quotes(session, [(one.conversation_id, one.name) for one, _ in rows])
    gone = _gone(session, principal, [question for question, _ in rows])
    hidden = withheld(Participant, principal)
    return [
        OpenQuestion(
            id=question.id,
            key=_shown_key(question.key, hidden),
            name=question.name,
            email=None if "email" in hidden else question.email,
            phone=None if "phone" in hidden else question.phone,
            status=question.status,
            conversation_id=conversation.id,
            title=conversation.title,
            kind=conversation.kind,
            started_at=conversation.started_at,
            quote=quotes.get((conversation.id, question.name)),
            candidates=[
                Choosable.model_validate(one)
                for one in question.candidates
                if (one.get("entity"), one.get("id")) not in gone
            ],
        )
        for question, conversation in rows
    ]


def count_questions(session: Session, principal: Principal, *, with_skipped: bool = False) -> int:
    """Return how many questions are open."""
    statement = (
        select(func.count(IdentityQuestion.id))
        .join(Conversation, Conversation.id == IdentityQuestion.conversation_id)
        .where(IdentityQuestion.status.in_(_statuses(with_skipped)))
    )
    return session.scalar(visible(statement, Conversation, principal)) or 0


def list_decisions(session: Session, principal: Principal, *, limit: int) -> list[Taken]:
    """Return the decisions on people the caller may see, the last first, undone ones included."""
    statement = (
        select(IdentityDecision)
        .where(IdentityDecision.decided_by != FILE)
        .order_by(IdentityDecision.id.desc())
    )
    told = (row for row in session.scalars(statement) if is_reached(session, principal, row.key))
    rows = list(islice(told, limit))
    hidden = withheld(Participant, principal)
    names = _names(session, principal, [(row.entity, row.entity_id) for row in rows])
    return [
        Taken(
            id=row.id,
            key=_shown_key(row.key, hidden),
            entity=row.entity,
            entity_id=row.entity_id,
            name=names.get((row.entity, row.entity_id)),
            basis=row.basis,
            confidence=row.confidence,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
            undone_by=row.undone_by,
            undone_at=row.undone_at,
        )
        for row in rows
    ]


def _shown_key(key: str, hidden: frozenset[str]) -> str:
    kind = key.partition(":")[0]
    return f"{kind}:…" if kind in hidden else key


def _statuses(with_skipped: bool) -> list[str]:
    skipped = [QuestionStatus.SKIPPED.value] if with_skipped else []
    return [QuestionStatus.OPEN.value, *skipped]


def _quotes(session: Session, wanted: Sequence[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """Return for each conversation and name the first line that person says, else the first."""
    numbers = sorted({number for number, _ in wanted})
    firsts = (
        select(Segment.conversation_id, Segment.speaker, func.min(Segment.position).label("first"))
        .where(Segment.conversation_id.in_(numbers))
        .group_by(Segment.conversation_id, Segment.speaker)
        .subquery()
    )
    statement = (
        select(Segment.conversation_id, Segment.speaker, Segment.position, Segment.text)
        .join(
            firsts,
            (firsts.c.conversation_id == Segment.conversation_id)
            & (firsts.c.first == Segment.position),
        )
        .order_by(Segment.conversation_id, Segment.position)
    )
    said: dict[tuple[int, str], str] = {}
    opening: dict[int, str] = {}
    for row in session.execute(statement):
        text = f"{row.speaker}: {' '.join(row.text.split())}"[:_QUOTED]
        said[row.conversation_id, row.speaker] = text
        opening.setdefault(row.conversation_id, text)
    return {
        (number, name): quote for number, name in wanted
        if (quote := said.get((number, name)) or opening.get(number))
    }  # fmt: skip


def _gone(
    session: Session, principal: Principal, questions: Sequence[IdentityQuestion]
) -> set[tuple[Any, Any]]:
    """Return the candidates who have left the CRM since they were found."""
    asked = {
        (one.get("entity"), one.get("id")) for question in questions for one in question.candidates
    }
    return asked - _names(session, principal, list(asked)).keys()


def _names(
    session: Session, principal: Principal, wanted: Sequence[tuple[Any, Any]]
) -> dict[tuple[str, int | None], str]:
    found: dict[tuple[str, int | None], str] = {}
    for model, entity in ((Contact, "contact"), (User, "user")):
        ids = sorted({number for kind, number in wanted if kind == entity and number is not None})
        for start in range(0, len(ids), 400):
            part = ids[start : start + 400]
            statement = select(model.id, model.name).where(model.id.in_(part))
            for row in session.execute(visible(statement, model, principal)):
                found[entity, row.id] = row.name
    return found
