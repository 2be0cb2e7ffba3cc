"""What happened to one deal, read from each table that remembers a part of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from crm.access import readable, visible
from crm.access.fields import withheld
from crm.models import (
    Activity,
    AmountChange,
    CloseDateChange,
    Conversation,
    Quote,
    Stage,
    StageChange,
    User,
)
from crm.money import format_money
from crm.principal import Principal
from tools.language import Language
from tools.spoken import KIND_WORDS
from tools.withheld import Withheld, word_withheld

EventKind = Literal["stage", "close_date", "amount", "activity", "conversation", "quote"]
ACTIVITY_WORDS = {
    "en": KIND_WORDS["en"] | {"task": "task", "note": "note"},
    "zh": KIND_WORDS["zh"] | {"task": "任务", "note": "备注"},
}


class TimelineEvent(BaseModel):
    """One thing that happened."""

    model_config = ConfigDict(frozen=True)
    kind: EventKind
    happened_at: datetime
    text: str
    source: str


@dataclass(frozen=True)
class DealAsked:
    """One deal, and how its events are to be told."""

    opportunity_id: int
    currency: str
    as_of: datetime
    language: Language
    principal: Principal


def read_events(session: Session, asked: DealAsked) -> list[TimelineEvent]:
    """Return everything that happened to the deal up to `as_of`, oldest first."""
    events = [event for read in _PARTS for event in read(session, asked)]
    past = [event for event in events if event.happened_at <= asked.as_of]
    return sorted(past, key=lambda event: event.happened_at)


def titled(kind: str, title: str, language: Language) -> str:
    """Return a kind of contact with its title."""
    return f"{kind}《{title}》" if language == "zh" else f'{kind} "{title}"'


def _at(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _event(kind: EventKind, happened_at: datetime, text: str, source: str) -> TimelineEvent:
    dated = f"{happened_at:%Y-%m-%d}: {text}"
    return TimelineEvent(kind=kind, happened_at=happened_at, text=dated, source=source)


def _stage_changes(session: Session, asked: DealAsked) -> Iterable[TimelineEvent]:
    before, after = aliased(Stage), aliased(Stage)
    statement = (
        select(
            StageChange.id,
            StageChange.changed_at,
            StageChange.from_stage_id,
            before.name,
            after.name,
        )
        .select_from(StageChange)
        .outerjoin(
            after, and_(after.id == StageChange.to_stage_id, readable(after, asked.principal))
        )
        .outerjoin(
            before, and_(before.id == StageChange.from_stage_id, readable(before, asked.principal))
        )
        .where(StageChange.opportunity_id == asked.opportunity_id)
        .order_by(StageChange.changed_at, StageChange.id)
    )
    hidden = word_withheld(Withheld.NOT_VISIBLE, asked.language)
    for row_id, changed_at, from_id, before_name, after_name in session.execute(
        visible(statement, StageChange, asked.principal)
    ):
        old, new = (before_name or hidden) if from_id else None, after_name or hidden
        if asked.language == "zh":
            text = f"阶段从 {old} 变为 {new}" if old else f"进入阶段 {new}"
        else:
            text = f"stage moved from {old} to {new}" if old else f"entered stage {new}"
        yield _event("stage", changed_at, text, f"stage_change:{row_id}")


def _close_dates(session: Session, asked: DealAsked) -> Iterable[TimelineEvent]:
    statement = select(CloseDateChange).where(
        CloseDateChange.opportunity_id == asked.opportunity_id
    )
    for change in session.scalars(visible(statement, CloseDateChange, asked.principal)):
        days = (change.to_on - change.from_on).days if change.from_on else None
        if asked.language == "zh":
            text = f"预计成交日期从 {change.from_on} 改为 {change.to_on}"
            text = text if days is not None else f"预计成交日期定为 {change.to_on}"
            text += f"（{'推迟' if days > 0 else '提前'} {abs(days)} 天）" if days else ""
        else:
            text = f"expected close moved from {change.from_on} to {change.to_on}"
            text = text if days is not None else f"expected close set to {change.to_on}"
            text += f" ({abs(days)} days {'later' if days > 0 else 'earlier'})" if days else ""
        yield _event("close_date", change.changed_at, text, f"close_date_change:{change.id}")


def _amounts(session: Session, asked: DealAsked) -> Iterable[TimelineEvent]:
    statement = select(AmountChange).where(AmountChange.opportunity_id == asked.opportunity_id)
    for change in session.scalars(visible(statement, AmountChange, asked.principal)):
        new = format_money(change.to_minor, asked.currency)
        old = None
        if change.from_minor is not None:
            old = format_money(change.from_minor, asked.currency)
        if asked.language == "zh":
            text = f"金额从 {old} 改为 {new}" if old else f"金额定为 {new}"
        else:
            text = f"amount changed from {old} to {new}" if old else f"amount set to {new}"
        yield _event("amount", change.changed_at, text, f"amount_change:{change.id}")


def _activities(session: Session, asked: DealAsked) -> Iterable[TimelineEvent]:
    happened = func.coalesce(
        Activity.occurred_at, Activity.done_at, type_=Activity.occurred_at.type
    )
    statement = (
        select(Activity.id, happened, Activity.kind, Activity.subject, User.name)
        .select_from(Activity)
        .outerjoin(User, and_(User.id == Activity.owner_id, readable(User, asked.principal)))
        .where(Activity.opportunity_id == asked.opportunity_id, happened.is_not(None))
    )
    for row_id, happened_at, kind, subject, owner in session.execute(
        visible(statement, Activity, asked.principal)
    ):
        word = ACTIVITY_WORDS[asked.language].get(kind, kind)
        text = titled(word, subject, asked.language)
        if owner:
            text += f"（{owner}）" if asked.language == "zh" else f" by {owner}"
        if happened_at is not None:
            yield _event("activity", happened_at, text, f"activity:{row_id}")


def _conversations(session: Session, asked: DealAsked) -> Iterable[TimelineEvent]:
    statement = select(
        Conversation.id, Conversation.started_at, Conversation.kind, Conversation.title
    ).where(Conversation.opportunity_id == asked.opportunity_id)
    for row_id, started_at, kind, title in session.execute(
        visible(statement, Conversation, asked.principal)
    ):
        word = KIND_WORDS[asked.language].get(kind, kind)
        text = titled(word, title, asked.language)
        yield _event("conversation", started_at, text, f"conversation:{row_id}")


def _quotes(session: Session, asked: DealAsked) -> Iterable[TimelineEvent]:
    statement = select(Quote).where(
        Quote.opportunity_id == asked.opportunity_id, Quote.created_on.is_not(None)
    )
    quotes = session.scalars(visible(statement, Quote, asked.principal))
    has_discount = "discount" not in withheld(Quote, asked.principal)
    for quote in quotes:
        total = format_money(quote.total_minor, quote.currency)
        percent = f"{float(quote.discount) * 100:g}%"
        if asked.language == "zh":
            discount = f"，折扣 {percent}" if has_discount else ""
            text = f"报价单 {quote.number}：{total}{discount}，状态 {quote.status}"
        else:
            discount = f", discount {percent}" if has_discount else ""
            text = f"quote {quote.number}: {total}{discount}, {quote.status}"
        if quote.created_on is not None:
            yield _event("quote", _at(quote.created_on), text, f"quote:{quote.id}")


_PARTS: tuple[Callable[[Session, DealAsked], Iterable[TimelineEvent]], ...] = (
    _stage_changes,
    _close_dates,
    _amounts,
    _activities,
    _conversations,
    _quotes,
)
