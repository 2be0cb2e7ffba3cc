"""Records as people see them: loaded with the names they point at, worded in a language."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from crm.access import visible
from crm.models import (
    Account,
    Base,
    Contact,
    Conversation,
    Opportunity,
    Participant,
    PriceBook,
    PriceBookEntry,
    Product,
    Stage,
    Team,
    Territory,
    User,
)
from crm.money import format_money
from crm.principal import Principal
from tools.attributes import Attribute, Entity, Shape
from tools.language import Language

MODELS: dict[Entity, type[Base]] = {
    Entity.ACCOUNT: Account,
    Entity.OPPORTUNITY: Opportunity,
    Entity.CONTACT: Contact,
    Entity.PRODUCT: Product,
    Entity.USER: User,
    Entity.CALL: Conversation,
}
ENTITY_WORDS = {
    "en": {entity: entity.value for entity in Entity} | {Entity.CALL: "conversation"},
    "zh": {
        Entity.ACCOUNT: "客户",
        Entity.OPPORTUNITY: "商机",
        Entity.CONTACT: "联系人",
        Entity.PRODUCT: "产品",
        Entity.USER: "用户",
        Entity.CALL: "会话",
    },
}
STATUS_WORDS = {
    "en": {"open": "open", "won": "won", "lost": "lost"},
    "zh": {"open": "进行中", "won": "赢单", "lost": "丢单"},
}


@dataclass(frozen=True)
class Price:
    """A list price in minor units, and the price book it stands in."""

    amount_minor: int
    currency: str
    book: str


Value = str | int | Decimal | date | tuple[Price, ...] | None


@dataclass(frozen=True)
class RecordView:
    """One record; `values` holds an entry for every attribute of its entity, None if empty."""

    entity: Entity
    id: int
    external_id: str
    name: str
    currency: str | None
    values: Mapping[str, Value]

    @property
    def address(self) -> str:
        """The record's stable address, such as `opportunity:12`."""
        prefix = "conversation" if self.entity is Entity.CALL else self.entity.value
        return f"{prefix}:{self.id}"


def load_views(
    session: Session, entity: Entity, ids: Sequence[int], principal: Principal
) -> list[RecordView]:
    """Return the records with these ids that the caller may read, in the order of the ids."""
    if not ids:
        return []
    model: Any = MODELS[entity]
    statement = visible(_STATEMENTS[entity]().where(model.id.in_(ids)), model, principal)
    rows = {row["id"]: dict(row) for row in session.execute(statement).mappings()}
    if entity is Entity.PRODUCT:
        _add_prices(session, rows)
    if entity is Entity.CALL:
        _add_participants(session, rows)
    return [_view(entity, rows[record_id]) for record_id in ids if record_id in rows]


def word_value(view: RecordView, attribute: Attribute, language: Language) -> str | None:
    """Return the attribute's value as people write it, None if the field is empty."""
    value = view.values.get(attribute.name)
    if value is None or value in ("", ()):
        return None
    if isinstance(value, tuple):
        return _word_prices(value)
    if attribute.shape is Shape.MONEY and isinstance(value, int | Decimal):
        return format_money(value, view.currency or "").strip()
    if attribute.shape is Shape.NUMBER and isinstance(value, int | Decimal):
        return f"{value:,}"
    if attribute.name == "stage":
        return _word_stage(str(value), str(view.values["status"]), language)
    return str(value)


def _word_prices(prices: Sequence[Price]) -> str:
    if len(prices) == 1:
        return format_money(prices[0].amount_minor, prices[0].currency)
    return ", ".join(
        f"{format_money(price.amount_minor, price.currency)} ({price.book})" for price in prices
    )


def _word_stage(stage: str, status: str, language: Language) -> str:
    word = STATUS_WORDS[language].get(status, status)
    if stage.casefold() in (status, word):
        return stage
    return f"{stage}（{word}）" if language == "zh" else f"{stage} ({word})"


def _view(entity: Entity, row: dict[str, Any]) -> RecordView:
    return RecordView(
        entity=entity,
        id=row.pop("id"),
        external_id=row.pop("external_id"),
        name=row.pop("name"),
        currency=row.pop("currency", None),
        values=row,
    )


def _accounts() -> Select[*tuple[Any, ...]]:
    parent, owner = aliased(Account), aliased(User)
    return (
        select(
            *(Account.id, Account.external_id, Account.name, Account.currency),
            *(Account.industry, Account.country, Account.city, Account.domain),
            *(Account.employees, Account.founded_year, Account.created_on),
            Account.annual_revenue_minor.label("annual_revenue"),
            owner.name.label("owner"),
            parent.name.label("parent"),
            Territory.name.label("territory"),
            Territory.region.label("region"),
        )
        .outerjoin(owner, owner.id == Account.owner_id)
        .outerjoin(parent, parent.id == Account.parent_id)
        .outerjoin(Territory, Territory.id == Account.territory_id)
    )


def _opportunities() -> Select[*tuple[Any, ...]]:
    return (
        select(
            *(Opportunity.id, Opportunity.external_id, Opportunity.name, Opportunity.currency),
            *(Opportunity.lead_source, Opportunity.forecast_category, Opportunity.lost_reason),
            *(Opportunity.competitor, Opportunity.next_step, Opportunity.opened_on),
            *(Opportunity.expected_close_on, Opportunity.closed_on),
            Opportunity.amount_minor.label("amount"),
            Account.name.label("account"),
            User.name.label("owner"),
            Stage.name.label("stage"),
            Stage.status.label("status"),
            Territory.name.label("territory"),
            Territory.region.label("region"),
        )
        .join(Stage, Stage.id == Opportunity.stage_id)
        .outerjoin(Account, Account.id == Opportunity.account_id)
        .outerjoin(User, User.id == Opportunity.owner_id)
        .outerjoin(Territory, Territory.id == Opportunity.territory_id)
    )


def _contacts() -> Select[*tuple[Any, ...]]:
    return select(
        *(Contact.id, Contact.external_id, Contact.name, Contact.phone, Contact.email),
        *(Contact.title, Contact.language),
        Account.name.label("account"),
    ).outerjoin(Account, Account.id == Contact.account_id)


def _products() -> Select[*tuple[Any, ...]]:
    return select(
        *(Product.id, Product.external_id, Product.name, Product.family, Product.description)
    )


def _users() -> Select[*tuple[Any, ...]]:
    manager = aliased(User)
    return (
        select(
            *(User.id, User.external_id, User.name, User.email, User.title, User.role),
            manager.name.label("manager"),
            Team.name.label("team"),
            Territory.name.label("territory"),
            Territory.region.label("region"),
        )
        .outerjoin(manager, manager.id == User.manager_id)
        .outerjoin(Team, Team.id == User.team_id)
        .outerjoin(Territory, Territory.id == User.territory_id)
    )


def _conversations() -> Select[*tuple[Any, ...]]:
    return (
        select(
            *(Conversation.id, Conversation.external_id, Conversation.kind),
            *(Conversation.started_at, Conversation.ended_at),
            Conversation.title.label("name"),
            Account.name.label("account"),
            Opportunity.name.label("opportunity"),
            User.name.label("owner"),
        )
        .outerjoin(Account, Account.id == Conversation.account_id)
        .outerjoin(Opportunity, Opportunity.id == Conversation.opportunity_id)
        .outerjoin(User, User.id == Conversation.owner_id)
    )


_STATEMENTS: dict[Entity, Callable[[], Select[*tuple[Any, ...]]]] = {
    Entity.ACCOUNT: _accounts,
    Entity.OPPORTUNITY: _opportunities,
    Entity.CONTACT: _contacts,
    Entity.PRODUCT: _products,
    Entity.USER: _users,
    Entity.CALL: _conversations,
}


def _add_prices(session: Session, rows: dict[int, dict[str, Any]]) -> None:
    for row in rows.values():
        row["list_price"] = ()
    found = session.execute(
        select(
            PriceBookEntry.product_id,
            PriceBookEntry.list_price_minor,
            PriceBook.currency,
            PriceBook.name,
        )
        .join(PriceBook, PriceBook.id == PriceBookEntry.price_book_id)
        .where(PriceBookEntry.product_id.in_(rows))
        .order_by(PriceBook.id)
    )
    for product_id, amount_minor, currency, book in found:
        rows[product_id]["list_price"] += (Price(amount_minor, currency, book),)


def _add_participants(session: Session, rows: dict[int, dict[str, Any]]) -> None:
    names: dict[int, list[str]] = {}
    found = session.execute(
        select(Participant.conversation_id, Participant.name)
        .where(Participant.conversation_id.in_(rows))
        .order_by(Participant.position)
    )
    for conversation_id, name in found:
        names.setdefault(conversation_id, []).append(name)
    for conversation_id, row in rows.items():
        started: datetime = row.pop("started_at")
        ended: datetime | None = row.pop("ended_at")
        row["participants"] = ", ".join(names.get(conversation_id, ())) or None
        row["started_on"] = started.date()
        row["duration_minutes"] = round((ended - started).total_seconds() / 60) if ended else None
