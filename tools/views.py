"""Records as people see them: loaded with the names they point at, worded in a language."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.orm import Session, aliased

from crm.access import readable, visible
from crm.access.fields import withheld
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
from tools.withheld import Withheld, word_withheld

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


Value = str | int | Decimal | date | tuple[Price, ...] | Withheld | None
Columns = Select[*tuple[Any, ...]]
_REF = "_ref"


@dataclass(frozen=True)
class RecordView:
    """One record; `values` holds an entry for every attribute of its entity, None if empty.

    What is there but not for the caller is a `Withheld`.
    """

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
    statement = visible(_STATEMENTS[entity](principal).where(model.id.in_(ids)), model, principal)
    hidden = withheld(model, principal)
    rows = {row["id"]: _kept(row, hidden) for row in session.execute(statement).mappings()}
    if entity is Entity.PRODUCT:
        _add_prices(session, rows, principal)
    if entity is Entity.CALL:
        _add_participants(session, rows)
    return [_view(entity, rows[record_id]) for record_id in ids if record_id in rows]


def word_value(view: RecordView, attribute: Attribute, language: Language) -> str | None:
    """Return the attribute's value as people write it, None if the field is empty."""
    value = view.values.get(attribute.name)
    if value is None or value in ("", ()):
        return None
    if isinstance(value, Withheld):
        return word_withheld(value, language)
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


def _kept(row: Mapping[Any, Any], hidden: Collection[str]) -> dict[str, Any]:
    """Return a row without its references; a name that a reference leads to may be withheld."""
    kept = {name: value for name, value in row.items() if not name.endswith(_REF)}
    for name, value in row.items():
        if name.endswith(_REF) and value is not None and kept[name.removesuffix(_REF)] is None:
            kept[name.removesuffix(_REF)] = Withheld.NOT_VISIBLE
    for name in hidden & kept.keys():
        if kept[name] is not None:
            kept[name] = Withheld.NOT_FOR_YOU
    return kept


def _view(entity: Entity, row: dict[str, Any]) -> RecordView:
    return RecordView(
        entity=entity,
        id=row.pop("id"),
        external_id=row.pop("external_id"),
        name=row.pop("name"),
        currency=row.pop("currency", None),
        values=row,
    )


def _accounts(principal: Principal) -> Columns:
    parent = aliased(Account)
    return (
        select(
            *(Account.id, Account.external_id, Account.name, Account.currency),
            *(Account.industry, Account.country, Account.city, Account.domain),
            *(Account.employees, Account.founded_year, Account.created_on),
            Account.annual_revenue_minor.label("annual_revenue"),
            *_named("owner", User.name, Account.owner_id),
            *_named("parent", parent.name, Account.parent_id),
            *_placed(Account.territory_id),
        )
        .select_from(Account)
        .outerjoin(User, _leads_to(User, Account.owner_id, principal))
        .outerjoin(parent, _leads_to(parent, Account.parent_id, principal))
        .outerjoin(Territory, _leads_to(Territory, Account.territory_id, principal))
    )


def _opportunities(principal: Principal) -> Columns:
    stage = aliased(Stage)
    return (
        select(
            *(Opportunity.id, Opportunity.external_id, Opportunity.name, Opportunity.currency),
            *(Opportunity.lead_source, Opportunity.forecast_category, Opportunity.lost_reason),
            *(Opportunity.competitor, Opportunity.next_step, Opportunity.opened_on),
            *(Opportunity.expected_close_on, Opportunity.closed_on),
            Opportunity.amount_minor.label("amount"),
            *_named("account", Account.name, Opportunity.account_id),
            *_named("owner", User.name, Opportunity.owner_id),
            *_named("stage", stage.name, Opportunity.stage_id),
            # Won, lost or open is the deal's own, whoever may read the names of stages.
            Stage.status.label("status"),
            *_placed(Opportunity.territory_id),
        )
        .select_from(Opportunity)
        .join(Stage, Stage.id == Opportunity.stage_id)
        .outerjoin(stage, _leads_to(stage, Opportunity.stage_id, principal))
        .outerjoin(Account, _leads_to(Account, Opportunity.account_id, principal))
        .outerjoin(User, _leads_to(User, Opportunity.owner_id, principal))
        .outerjoin(Territory, _leads_to(Territory, Opportunity.territory_id, principal))
    )


def _contacts(principal: Principal) -> Columns:
    return (
        select(
            *(Contact.id, Contact.external_id, Contact.name, Contact.phone, Contact.email),
            *(Contact.title, Contact.language),
            *_named("account", Account.name, Contact.account_id),
        )
        .select_from(Contact)
        .outerjoin(Account, _leads_to(Account, Contact.account_id, principal))
    )


def _products(_principal: Principal) -> Columns:
    return select(
        *(Product.id, Product.external_id, Product.name, Product.family, Product.description)
    )


def _users(principal: Principal) -> Columns:
    manager = aliased(User)
    return (
        select(
            *(User.id, User.external_id, User.name, User.email, User.title, User.role),
            *_named("manager", manager.name, User.manager_id),
            *_named("team", Team.name, User.team_id),
            *_placed(User.territory_id),
        )
        .select_from(User)
        .outerjoin(manager, _leads_to(manager, User.manager_id, principal))
        .outerjoin(Team, _leads_to(Team, User.team_id, principal))
        .outerjoin(Territory, _leads_to(Territory, User.territory_id, principal))
    )


def _conversations(principal: Principal) -> Columns:
    return (
        select(
            *(Conversation.id, Conversation.external_id, Conversation.kind),
            *(Conversation.started_at, Conversation.ended_at),
            Conversation.title.label("name"),
            *_named("account", Account.name, Conversation.account_id),
            *_named("opportunity", Opportunity.name, Conversation.opportunity_id),
            *_named("owner", User.name, Conversation.owner_id),
        )
        .select_from(Conversation)
        .outerjoin(Account, _leads_to(Account, Conversation.account_id, principal))
        .outerjoin(Opportunity, _leads_to(Opportunity, Conversation.opportunity_id, principal))
        .outerjoin(User, _leads_to(User, Conversation.owner_id, principal))
    )


def _named(name: str, column: Any, reference: Any) -> tuple[Any, Any]:
    """Return the name that a reference leads to, and the reference to tell hidden from empty."""
    return column.label(name), reference.label(f"{name}{_REF}")


def _placed(reference: Any) -> tuple[Any, ...]:
    return (
        *_named("territory", Territory.name, reference),
        *_named("region", Territory.region, reference),
    )


def _leads_to(target: Any, reference: Any, principal: Principal) -> ColumnElement[bool]:
    return and_(target.id == reference, readable(target, principal))


_STATEMENTS: dict[Entity, Callable[[Principal], Columns]] = {
    Entity.ACCOUNT: _accounts,
    Entity.OPPORTUNITY: _opportunities,
    Entity.CONTACT: _contacts,
    Entity.PRODUCT: _products,
    Entity.USER: _users,
    Entity.CALL: _conversations,
}


def _add_prices(session: Session, rows: dict[int, dict[str, Any]], principal: Principal) -> None:
    for row in rows.values():
        row["list_price"] = ()
    statement = (
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
    found = session.execute(
        visible(visible(statement, PriceBookEntry, principal), PriceBook, principal)
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
