"""A tool that lists conversations with who took part, one fact each."""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVarTuple

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.facts import Fact, FactKind
from crm.models import Conversation, ConversationKind, Participant, Side
from crm.principal import Principal
from tools.language import Language
from tools.spoken import KIND_WORDS, SIDE_WORDS

Ts = TypeVarTuple("Ts")


class ListTalks(BaseModel):
    """Which conversations: of a kind, begun on these whole days (UTC), at most so many."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: ConversationKind | None = None
    since: date | None = None
    until: date | None = None
    limit: int = Field(default=10, ge=1, le=100)


class Talk(BaseModel):
    """One conversation and the fact that says it in words."""

    model_config = ConfigDict(frozen=True)
    conversation_id: int
    fact: Fact


class TalksFound(BaseModel):
    """The newest conversations, and the fact that says how many there are in all."""

    model_config = ConfigDict(frozen=True)
    total: Fact
    talks: list[Talk]


def list_talks(
    session: Session,
    arguments: ListTalks,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
) -> TalksFound:
    """List calls, meetings, emails and chats up to now, the newest first, with who was in them."""
    newest = select(Conversation).order_by(Conversation.started_at.desc(), Conversation.id.desc())
    shown = _narrowed(newest, arguments, as_of).limit(arguments.limit)
    rows = list(session.scalars(visible(shown, Conversation, principal)))
    counted = _narrowed(select(Conversation.id), arguments, as_of)
    every = visible(counted, Conversation, principal).subquery()
    total = session.scalar(select(func.count()).select_from(every)) or 0
    people: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for number, name, side in session.execute(
        select(Participant.conversation_id, Participant.name, Participant.side)
        .where(Participant.conversation_id.in_([row.id for row in rows]))
        .order_by(Participant.position)
    ):
        people[number].append((name, side))
    kind = KIND_WORDS[language].get(arguments.kind or "", "")
    words = {
        "en": f"Conversations{f' of the kind {kind}' if kind else ''}: {total}",
        "zh": f"{kind or '沟通记录'}：{total} 次",
    }
    return TalksFound(
        total=Fact(
            kind=FactKind.METRIC, text=words[language], value=total, unit="count", rows=total,
            as_of=as_of, source="metric:conversations",
        ),
        talks=[
            Talk(conversation_id=row.id, fact=_fact(row, people[row.id], as_of, language))
            for row in rows
        ],
    )  # fmt: skip


def speakers_of(session: Session, *, principal: Principal) -> frozenset[str]:
    """Return the names of all who took part in the conversations that the caller may read."""
    joined = select(Participant.name).join(
        Conversation, Conversation.id == Participant.conversation_id
    )
    return frozenset(session.scalars(visible(joined, Conversation, principal).distinct()))


def _narrowed(statement: Select[*Ts], wanted: ListTalks, as_of: datetime) -> Select[*Ts]:
    statement = statement.where(Conversation.started_at <= as_of)
    if wanted.kind is not None:
        statement = statement.where(Conversation.kind == wanted.kind.value)
    if wanted.since is not None:
        statement = statement.where(Conversation.started_at >= _midnight(wanted.since))
    if wanted.until is not None:
        after = _midnight(wanted.until + timedelta(days=1))
        statement = statement.where(Conversation.started_at < after)
    return statement


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _fact(
    row: Conversation, people: list[tuple[str, str]], as_of: datetime, language: Language
) -> Fact:
    kind = KIND_WORDS[language].get(row.kind, row.kind)
    named = [(name, SIDE_WORDS[language].get(Side(side))) for name, side in people]
    if language == "zh":
        who = "、".join(f"{name}（{side}）" if side else name for name, side in named)
        text = f"{kind}《{row.title}》，{row.started_at:%Y-%m-%d}" + (
            f"，参与者：{who}" if who else ""
        )
    else:
        who = ", ".join(f"{name} ({side})" if side else name for name, side in named)
        text = f'{kind.capitalize()} "{row.title}" on {row.started_at:%Y-%m-%d}'
        text += f", with {who}" if who else ""
    return Fact(
        kind=FactKind.RECORD, text=text, value=row.started_at.date().isoformat(), as_of=as_of,
        source=f"conversation:{row.id}",
    )  # fmt: skip
