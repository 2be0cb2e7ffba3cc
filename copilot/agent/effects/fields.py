"""The fields of records that may be changed, with how a value is written, read and shown."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.access.fields import withheld
from crm.errors import BadInput, NotAllowed, NotFound
from crm.models import Account, Contact, Lead, Opportunity, Stage
from crm.money import exponent, to_major, to_minor
from crm.principal import Principal

Record = Account | Contact | Lead | Opportunity
_MOST = 2_000
_MOST_MINOR = Decimal(2**62)


class FieldShape(StrEnum):
    """How a field's value is written by people."""

    TEXT = "text"
    DATE = "date"
    MONEY = "money"
    STAGE = "stage"
    COUNT = "count"


MODELS: Mapping[str, type[Record]] = {
    "account": Account,
    "contact": Contact,
    "lead": Lead,
    "opportunity": Opportunity,
}
_TEXT = FieldShape.TEXT
FIELDS: Mapping[str, Mapping[str, FieldShape]] = {
    "opportunity": {
        "name": _TEXT,
        "stage": FieldShape.STAGE,
        "amount": FieldShape.MONEY,
        "expected_close_on": FieldShape.DATE,
        "next_step": _TEXT,
        "competitor": _TEXT,
        "lost_reason": _TEXT,
        "forecast_category": _TEXT,
        "lead_source": _TEXT,
    },
    "account": {
        "industry": _TEXT,
        "country": _TEXT,
        "city": _TEXT,
        "domain": _TEXT,
        "employees": FieldShape.COUNT,
    },
    "contact": {"email": _TEXT, "phone": _TEXT, "title": _TEXT, "language": _TEXT},
    "lead": {"status": _TEXT, "company": _TEXT, "email": _TEXT, "lead_source": _TEXT},
}
_NEEDED = frozenset({"name", "stage"})


@dataclass(frozen=True)
class Reading:
    """A value as it is stored: the column, and what goes there."""

    column: str
    value: Any


def find_record(session: Session, entity: object, row_id: object, principal: Principal) -> Record:
    """Return the record if the caller may read it, as it is now.

    Raises BadInput for an entity whose fields are not changed, NotFound for the record.
    """
    model = MODELS.get(entity) if isinstance(entity, str) else None
    if model is None:
        raise BadInput(f"{entity!r} has no fields to change: name one of {', '.join(MODELS)}")
    if isinstance(row_id, bool) or not isinstance(row_id, int):
        raise BadInput(f"{row_id!r} is no {entity}: give its number")
    statement = visible(select(model).where(model.id == row_id), model, principal)
    found = session.scalars(statement.execution_options(populate_existing=True)).first()
    if not isinstance(found, Account | Contact | Lead | Opportunity):
        raise NotFound(f"no {entity} {row_id!r} that you may read")
    return found


def check_told(
    session: Session, entity: str, names: Iterable[str], *, principal: Principal
) -> None:
    """Refuse fields that the caller is not shown: a change starts from what it would tell.

    Raises NotAllowed for what is kept back, and for stages where their names are not for him.
    """
    wanted = set(names)
    for name in sorted(wanted & withheld(MODELS[entity], principal)):
        raise NotAllowed(f"{name} of {entity} is not for {principal.name!r}: ask sales operations")
    if entity == "opportunity" and "stage" in wanted:
        known = visible(select(Stage.id).limit(1), Stage, principal)
        if session.scalar(known) is None:
            raise NotAllowed(f"stages are not for {principal.name!r}: ask sales operations")


def shape_of(entity: str, name: str) -> FieldShape:
    """Return how a field is written. Raises BadInput with the fields that can be changed."""
    shape = FIELDS[entity].get(name)
    if shape is None:
        raise BadInput(
            f"{name!r} of {entity} cannot be changed: name one of {', '.join(FIELDS[entity])}"
        )
    return shape


def show_field(session: Session, entity: str, row: Record, name: str) -> str | None:
    """Return a field's present value as people write it; None where it is empty."""
    shape = shape_of(entity, name)
    if isinstance(row, Opportunity):
        if shape is FieldShape.STAGE:
            return session.scalar(select(Stage.name).where(Stage.id == row.stage_id))
        if shape is FieldShape.MONEY:
            return None if row.amount_minor is None else _money(row.amount_minor, row.currency)
    value = getattr(row, name)
    if value is None or value == "":
        return None
    return value.isoformat() if isinstance(value, date) else str(value)


def read_field(session: Session, entity: str, row: Record, name: str, text: object) -> Reading:
    """Return what is stored for a value as people write it; None empties the field.

    Dates are 2027-01-08, amounts `15000 EUR` in the deal's currency, stages by their name.
    Raises BadInput for a value that the field cannot hold, NotFound for a stage.
    """
    shape = shape_of(entity, name)
    column = {FieldShape.MONEY: "amount_minor", FieldShape.STAGE: "stage_id"}.get(shape, name)
    if text is None or text == "":
        if name in _NEEDED:
            raise BadInput(f"{name} of {entity} cannot be emptied: give a value")
        return Reading(column, None)
    if not isinstance(text, str) or len(text) > _MOST or "\x00" in text:
        raise BadInput(f"{str(text)[:40]!r} is no value for {name}: give text of up to {_MOST}")
    match shape:
        case FieldShape.DATE:
            return Reading(column, _date(text, name))
        case FieldShape.COUNT:
            return Reading(column, _count(text, name))
        case FieldShape.STAGE:
            return Reading(column, _stage(session, text, row.source).id)
        case FieldShape.MONEY if isinstance(row, Opportunity):
            return Reading(column, _minor(text, row.currency))
        case _:
            return Reading(column, text)


def _date(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise BadInput(f"{text!r} is no day for {name}: write it as 2027-01-08") from None


def _count(text: str, name: str) -> int:
    plain = text.strip().replace(",", "")
    if not plain.isascii() or not plain.isdigit() or len(plain) > 9:
        raise BadInput(f"{text!r} is no count for {name}: write a whole number")
    return int(plain)


def _stage(session: Session, text: str, source: str) -> Stage:
    """Return the stage of this name, of the deal's own source where several sources have one."""
    wanted = text.strip().casefold()
    statement = select(Stage).where(Stage.deleted_at.is_(None)).order_by(Stage.position)
    stages = list(session.scalars(statement))
    found = [stage for stage in stages if stage.name.strip().casefold() == wanted]
    found = [stage for stage in found if stage.source == source] or found
    if len(found) != 1:
        names = ", ".join(stage.name for stage in stages[:20])
        many = "several stages are" if found else "no stage is"
        raise NotFound(f"{many} called {text!r}: name one of {names}")
    return found[0]


def _minor(text: str, currency: str) -> int:
    number, _, code = text.strip().partition(" ")
    if code and code.strip().upper() != currency.upper():
        raise BadInput(f"{text!r} is in {code.strip()!r}: the deal is in {currency!r}")
    try:
        amount = Decimal(number.replace(",", ""))
    except InvalidOperation:
        raise BadInput(f"{text!r} is no amount: write it as 15000 {currency}") from None
    if not amount.is_finite() or amount < 0 or amount.scaleb(exponent(currency)) > _MOST_MINOR:
        raise BadInput(f"{text!r} is no amount of a deal: write it as 15000 {currency}")
    return to_minor(amount, currency)


def _money(amount_minor: int, currency: str) -> str:
    plain = round(to_major(amount_minor, currency), exponent(currency)).normalize()
    return f"{plain:f} {currency}"


def same_value(one: object, other: object) -> bool:
    """Say whether two written values are the same; empty and None are."""
    return (one or None) == (other or None)
