"""Tools that tell what happened to a deal, in order, and where contact has gone silent."""

from datetime import date, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.errors import BadInput, NotFound
from crm.facts import Fact, FactKind
from crm.models import (
    Activity,
    Conversation,
    Opportunity,
)
from crm.principal import Principal
from tools.deal_events import ACTIVITY_WORDS, DealAsked, TimelineEvent, read_events, titled
from tools.language import Language

_SHOWN_TASKS = 10


class TimelineArguments(BaseModel):
    """One deal; the latest `limit` events are shown, oldest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    opportunity_id: int
    limit: int = Field(default=30, ge=1, le=200)


class ActivityArguments(BaseModel):
    """Whose contact: exactly one of account, deal or our own person, over the last `days`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    account_id: int | None = None
    opportunity_id: int | None = None
    owner_id: int | None = None
    days: int = Field(default=30, ge=1, le=730)


class Timeline(BaseModel):
    """Events in order of time, one fact each; `total` counts those before the limit as well."""

    model_config = ConfigDict(frozen=True)
    opportunity_id: int
    total: int
    events: list[TimelineEvent]
    facts: list[Fact]


class ActivityAndGaps(BaseModel):
    """How contact stands; `days_of_silence` is None if there never was any."""

    model_config = ConfigDict(frozen=True)
    last_contact_at: datetime | None
    days_of_silence: int | None
    conversations: int
    open_tasks: int
    overdue_tasks: int
    next_planned_on: date | None
    facts: list[Fact]


def opportunity_timeline(
    session: Session,
    arguments: TimelineArguments,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
) -> Timeline:
    """Tell the story of one deal in order: stages, moved close dates, amounts, contacts, quotes.

    Use it for "what happened with…", "how did this deal go", "did it slip?".
    """
    statement = select(Opportunity.currency).where(Opportunity.id == arguments.opportunity_id)
    currency = session.scalar(visible(statement, Opportunity, principal))
    if currency is None:
        raise NotFound(f"there is no opportunity with the id {arguments.opportunity_id!r}")
    asked = DealAsked(arguments.opportunity_id, currency, as_of, language, principal)
    events = read_events(session, asked)
    shown = events[-arguments.limit :]
    kinds = {"activity": FactKind.ACTIVITY, "conversation": FactKind.ACTIVITY}
    return Timeline(
        opportunity_id=arguments.opportunity_id,
        total=len(events),
        events=shown,
        facts=[
            Fact(
                kind=kinds.get(event.kind, FactKind.RECORD),
                text=event.text,
                as_of=as_of,
                source=event.source,
            )
            for event in shown
        ],
    )


def recent_activity_and_gaps(
    session: Session,
    arguments: ActivityArguments,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
) -> ActivityAndGaps:
    """Tell when we last had contact, how long it has been silent, and which tasks are open or late.

    Use it for "when did we last talk to…", "what is overdue", "what is planned next".
    """
    name, value = _one_of(arguments)
    contact = _last_contact(session, name, value, principal, as_of)
    since = as_of - timedelta(days=arguments.days)
    held = select(func.count()).select_from(Conversation)
    held = held.where(
        getattr(Conversation, name) == value,
        Conversation.started_at > since,
        Conversation.started_at <= as_of,
    )
    conversations = session.scalar(visible(held, Conversation, principal)) or 0
    tasks = _open_tasks(session, name, value, principal)
    today = as_of.date()
    overdue = [task for task in tasks if task.due_on and task.due_on < today]
    planned = [task.due_on for task in tasks if task.due_on and task.due_on >= today]
    days = (today - contact[0].date()).days if contact else None
    words = _GAP_WORDS[language]
    source = f"{name.removesuffix('_id').replace('owner', 'user')}:{value}"
    facts = [
        _silence_fact(contact, days, as_of=as_of, language=language, source=source),
        Fact(
            kind=FactKind.ACTIVITY,
            text=words["held"].format(count=conversations, days=arguments.days),
            value=conversations,
            rows=conversations,
            as_of=as_of,
            source=f"{source}/conversations",
        ),
        Fact(
            kind=FactKind.ACTIVITY,
            text=words["tasks"].format(count=len(tasks), overdue=len(overdue)),
            value=len(tasks),
            rows=len(tasks),
            as_of=as_of,
            source=f"{source}/tasks",
        ),
        *(_task_fact(task, as_of=as_of, language=language) for task in tasks[:_SHOWN_TASKS]),
    ]
    return ActivityAndGaps(
        last_contact_at=contact[0] if contact else None,
        days_of_silence=days,
        conversations=conversations,
        open_tasks=len(tasks),
        overdue_tasks=len(overdue),
        next_planned_on=min(planned, default=None),
        facts=facts,
    )


_GAP_WORDS = {
    "en": {
        "never": "No contact is recorded up to {day}",
        "last": "Last contact on {day}: {what}; days of silence as of {today}: {days}",
        "held": "Conversations in the last {days} days: {count}",
        "tasks": "Open tasks: {count}, overdue: {overdue}",
        "task": 'Open task "{subject}"{due}',
        "due": ", due {day}",
        "late": ", due {day}, overdue",
    },
    "zh": {
        "never": "截至 {day} 没有任何联系记录",
        "last": "最近一次联系：{day}，{what}；截至 {today} 已有 {days} 天没有联系",
        "held": "最近 {days} 天有 {count} 次会话",
        "tasks": "未完成任务 {count} 项，其中逾期 {overdue} 项",
        "task": "未完成任务《{subject}》{due}",
        "due": "，截止 {day}",
        "late": "，截止 {day}，已逾期",
    },
}


def _one_of(arguments: ActivityArguments) -> tuple[str, int]:
    ids = {
        "account_id": arguments.account_id,
        "opportunity_id": arguments.opportunity_id,
        "owner_id": arguments.owner_id,
    }
    given = [(name, value) for name, value in ids.items() if value is not None]
    if len(given) != 1:
        raise BadInput(f"got {ids!r}: give exactly one of account_id, opportunity_id, owner_id")
    return given[0]


def _last_contact(
    session: Session, name: str, value: int, principal: Principal, as_of: datetime
) -> tuple[datetime, str, str] | None:
    """Return the time, kind and title of the latest conversation or activity done."""
    talk = (
        select(Conversation.started_at, Conversation.kind, Conversation.title)
        .where(getattr(Conversation, name) == value, Conversation.started_at <= as_of)
        .order_by(Conversation.started_at.desc())
        .limit(1)
    )
    activity = (
        select(Activity.occurred_at, Activity.kind, Activity.subject)
        .where(
            getattr(Activity, name) == value,
            Activity.occurred_at <= as_of,
            Activity.kind.in_(["call", "email", "meeting"]),
        )
        .order_by(Activity.occurred_at.desc())
        .limit(1)
    )
    found: list[Any] = [
        session.execute(visible(talk, Conversation, principal)).first(),
        session.execute(visible(activity, Activity, principal)).first(),
    ]
    return max(
        ((row[0], row[1], row[2]) for row in found if row is not None),
        key=lambda contact: contact[0],
        default=None,
    )


def _open_tasks(session: Session, name: str, value: int, principal: Principal) -> list[Activity]:
    statement = (
        select(Activity)
        .where(
            getattr(Activity, name) == value,
            Activity.done_at.is_(None),
            Activity.occurred_at.is_(None),
        )
        .order_by(Activity.due_on.asc().nulls_last(), Activity.id)
    )
    return list(session.scalars(visible(statement, Activity, principal)))


def _silence_fact(
    contact: tuple[datetime, str, str] | None,
    days: int | None,
    *,
    as_of: datetime,
    language: Language,
    source: str,
) -> Fact:
    words = _GAP_WORDS[language]
    today = f"{as_of:%Y-%m-%d}"
    text = words["never"].format(day=today)
    if contact is not None:
        what = titled(ACTIVITY_WORDS[language].get(contact[1], contact[1]), contact[2], language)
        text = words["last"].format(day=f"{contact[0]:%Y-%m-%d}", what=what, days=days, today=today)
    return Fact(
        kind=FactKind.ACTIVITY,
        text=text,
        value=days,
        unit="days" if days is not None else None,
        as_of=as_of,
        source=f"{source}/last-contact",
    )


def _task_fact(task: Activity, *, as_of: datetime, language: Language) -> Fact:
    words = _GAP_WORDS[language]
    due = ""
    if task.due_on is not None:
        due = words["late" if task.due_on < as_of.date() else "due"].format(day=task.due_on)
    return Fact(
        kind=FactKind.ACTIVITY,
        text=words["task"].format(subject=task.subject, due=due),
        as_of=as_of,
        source=f"activity:{task.id}",
    )
