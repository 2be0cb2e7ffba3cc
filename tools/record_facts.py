"""How records are worded as facts, whole or one field at a time."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict

from crm.facts import Fact, FactKind
from crm.money import to_major
from tools.attributes import Attribute, Entity, Shape, attributes_of
from tools.language import Language
from tools.views import ENTITY_WORDS, Price, RecordView, word_value
from tools.withheld import Withheld

_BRIEF = {
    Entity.ACCOUNT: ("industry", "country", "city", "employees", "annual_revenue", "owner"),
    Entity.OPPORTUNITY: (
        *("account", "owner", "stage", "amount", "opened_on", "expected_close_on", "closed_on"),
        *("next_step", "lost_reason"),
    ),
    Entity.CONTACT: ("title", "account", "email", "phone"),
    Entity.PRODUCT: ("family", "list_price"),
    Entity.USER: ("title", "email", "team", "manager"),
    Entity.CALL: ("kind", "started_on", "account", "opportunity", "participants"),
}


class RecordBrief(BaseModel):
    """What is needed to point at a record."""

    model_config = ConfigDict(frozen=True)
    entity: Entity
    id: int
    external_id: str
    name: str


class RecordField(BaseModel):
    """One field of a record in words; `text` is None if the CRM holds nothing."""

    model_config = ConfigDict(frozen=True)
    name: str
    label: str
    text: str | None


def brief(view: RecordView) -> RecordBrief:
    """Return what points at the record."""
    return RecordBrief(entity=view.entity, id=view.id, external_id=view.external_id, name=view.name)


def word_field(view: RecordView, attribute: Attribute, language: Language) -> RecordField:
    """Return the field in words."""
    return RecordField(
        name=attribute.name,
        label=attribute.label(language),
        text=word_value(view, attribute, language),
    )


def record_fact(view: RecordView, *, as_of: datetime, language: Language) -> Fact:
    """Return the record's main fields as one fact; its value is a deal's amount."""
    shown = {attribute.name: attribute for attribute in attributes_of(view.entity)}
    said = [
        f"{shown[name].label(language)}{' ' if language == 'en' else ''}{text}"
        for name in _BRIEF[view.entity]
        if (text := word_value(view, shown[name], language)) is not None
        and not isinstance(view.values[name], Withheld)
        and not (name == "expected_close_on" and view.values["closed_on"])
    ]
    entity = ENTITY_WORDS[language][view.entity]
    if language == "zh":
        text = f"{entity}《{view.name}》" + ("：" + "，".join(said) if said else "")
    else:
        text = f'{entity.capitalize()} "{view.name}"' + (": " + ", ".join(said) if said else "")
    amount = view.values.get("amount")
    has_amount = isinstance(amount, int) and view.currency is not None
    return Fact(
        kind=FactKind.RECORD,
        text=text,
        value=_major(amount, view.currency) if has_amount else None,
        currency=view.currency if has_amount else None,
        as_of=as_of,
        source=view.address,
    )


def attribute_fact(
    view: RecordView, attribute: Attribute, *, as_of: datetime, language: Language
) -> Fact:
    """Return one field as a fact, which says so if the field is empty."""
    label, text = attribute.label(language), word_value(view, attribute, language)
    if language == "zh":
        said = f"{view.name} 的{label}：{text}" if text else f"CRM 中没有 {view.name} 的{label}"
    elif text:
        said = f"{label[0].upper()}{label[1:]} of {view.name}: {text}"
    else:
        said = f"The CRM holds no {label} for {view.name}"
    value, currency = _plain(view, attribute)
    return Fact(
        kind=FactKind.RECORD,
        text=said,
        value=value if text else None,
        currency=currency if text else None,
        as_of=as_of,
        source=view.address,
    )


def _plain(view: RecordView, attribute: Attribute) -> tuple[float | int | str | None, str | None]:
    """Return the value as a plain number or text, and its currency if it is money."""
    value = view.values.get(attribute.name)
    if isinstance(value, Withheld):
        return None, None
    if isinstance(value, tuple):
        prices: tuple[Price, ...] = value
        if len(prices) != 1:
            return None, None
        return _major(prices[0].amount_minor, prices[0].currency), prices[0].currency
    if attribute.shape is Shape.MONEY and isinstance(value, int) and view.currency:
        return _major(value, view.currency), view.currency
    if isinstance(value, date):
        return value.isoformat(), None
    return (float(value) if isinstance(value, Decimal) else value), None


def _major(amount_minor: Any, currency: str | None) -> float:
    return float(to_major(amount_minor, currency or ""))
