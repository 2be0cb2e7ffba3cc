"""Tools that find and show the records of the CRM: accounts, contacts, deals, products, people."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.access.fields import withheld
from crm.errors import Ambiguous, BadInput, NotFound
from crm.facts import Fact
from crm.models import Account, Alias, Contact, Opportunity, Stage, StageStatus
from crm.principal import Principal
from tools.attributes import Entity, attributes_of, find_attribute
from tools.language import Language
from tools.record_facts import (
    RecordBrief,
    RecordField,
    attribute_fact,
    brief,
    record_fact,
    word_field,
)
from tools.views import MODELS, load_views
from tools.withheld import Withheld

# SQLite takes 32,766 variables in one statement.
_IDS_A_STATEMENT = 10_000
_CANDIDATES = 10
OpportunityOrder = Literal["amount", "expected_close", "closed", "opened", "name"]
_ORDERS: dict[str, tuple[ColumnElement[Any], bool]] = {
    "amount": (Opportunity.amount_minor.expression, True),
    "expected_close": (Opportunity.expected_close_on.expression, False),
    "closed": (Opportunity.closed_on.expression, True),
    "opened": (Opportunity.opened_on.expression, True),
    "name": (Opportunity.name.expression, False),
}


class _Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _without_nul(cls, value: object) -> object:
        # PostgreSQL refuses the character in any text, a question's words included.
        return value.replace("\0", " ") if isinstance(value, str) else value


class FindAccounts(_Arguments):
    """Which accounts: any part of the name, web domain or another known name, and limits."""

    text: str | None = Field(default=None, max_length=200)
    industry: str | None = Field(default=None, max_length=200)
    country: str | None = Field(default=None, max_length=200)
    owner_id: int | None = None
    limit: int = Field(default=10, ge=1, le=100)


class FindContacts(_Arguments):
    """Which contacts: any part of the name, email or job title, and their account."""

    text: str | None = Field(default=None, max_length=200)
    account_id: int | None = None
    limit: int = Field(default=10, ge=1, le=100)


class FindOpportunities(_Arguments):
    """Which opportunities: these ids, in their order unless `order` is given, or by filters."""

    ids: tuple[int, ...] | None = None
    text: str | None = Field(default=None, max_length=200)
    owner_id: int | None = None
    account_id: int | None = None
    status: StageStatus | None = None
    order: OpportunityOrder | None = None
    limit: int = Field(default=10, ge=1, le=100)


class GetRecord(_Arguments):
    """One record by internal id, address ("opportunity:12"), external id or exact name."""

    entity: Entity
    ref: str = Field(min_length=1, max_length=300)


class AttributeArguments(_Arguments):
    """One attribute of one record; the attribute by its name or any usual word for it."""

    entity: Entity
    id: int
    attribute: str = Field(min_length=1, max_length=100)


class Found(BaseModel):
    """The records shown, one fact each, and how many there are in all."""

    model_config = ConfigDict(frozen=True)
    total: int
    records: list[RecordBrief]
    facts: list[Fact]


class Record(RecordBrief):
    """A record with all its fields, and the filled ones as facts."""

    fields: list[RecordField]
    facts: list[Fact]


class AttributeResult(BaseModel):
    """One field of one record; `text` is None, and the fact says so, if it is empty."""

    model_config = ConfigDict(frozen=True)
    record: RecordBrief
    field: RecordField
    facts: list[Fact]


def find_accounts(
    session: Session,
    arguments: FindAccounts,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
) -> Found:
    """Find customer and prospect companies by name, industry, country or owner.

    Use it to list companies ("which accounts does Anna own in Germany?"), not to count money.
    """
    statement = select(Account.id)
    if arguments.text:
        other = select(Alias.entity_id).where(
            Alias.entity == Entity.ACCOUNT, Alias.name.icontains(arguments.text, autoescape=True)
        )
        statement = statement.where(
            or_(_holds(arguments.text, Account.name, Account.domain), Account.id.in_(other))
        )
    for column, wanted in (
        (Account.industry, arguments.industry),
        (Account.country, arguments.country),
    ):
        if wanted is not None:
            statement = statement.where(func.lower(column) == func.lower(wanted))
    if arguments.owner_id is not None:
        statement = statement.where(Account.owner_id == arguments.owner_id)
    ordered = statement.order_by(Account.name, Account.id)
    ids, total = _page(session, visible(ordered, Account, principal), arguments.limit)
    return _found(session, Entity.ACCOUNT, ids, total, (principal, as_of, language))


def find_contacts(
    session: Session,
    arguments: FindContacts,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
) -> Found:
    """Find people at customers by name, email, job title or account, with phone and email."""
    statement = select(Contact.id)
    if arguments.text:
        # A search in what is kept back would tell it letter by letter.
        hidden = withheld(Contact, principal)
        looked = [Contact.name, Contact.title, *([] if "email" in hidden else [Contact.email])]
        statement = statement.where(_holds(arguments.text, *looked))
    if arguments.account_id is not None:
        statement = statement.where(Contact.account_id == arguments.account_id)
    ordered = statement.order_by(Contact.name, Contact.id)
    ids, total = _page(session, visible(ordered, Contact, principal), arguments.limit)
    return _found(session, Entity.CONTACT, ids, total, (principal, as_of, language))


def find_opportunities(
    session: Session,
    arguments: FindOpportunities,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
) -> Found:
    """List deals with account, owner, stage, amount, dates and next step.

    Use it to show the deals behind a number (`ids`) or of one owner or account. `total` counts
    them all, also those beyond `limit`. Orders: "amount", "closed" and "opened" the largest or
    latest first, "expected_close" the earliest first.
    """
    statement = select(Opportunity.id).join(Stage, Stage.id == Opportunity.stage_id)
    if arguments.text:
        statement = statement.where(_holds(arguments.text, Opportunity.name))
    for column, wanted in (
        (Opportunity.owner_id, arguments.owner_id),
        (Opportunity.account_id, arguments.account_id),
        (Stage.status, arguments.status),
    ):
        if wanted is not None:
            statement = statement.where(column == wanted)
    statement = visible(statement, Opportunity, principal)
    if arguments.ids is None:
        ids, total = _page(session, _ordered(statement, arguments.order), arguments.limit)
    else:
        ids, total = _page_of_ids(session, statement, arguments)
    return _found(session, Entity.OPPORTUNITY, ids, total, (principal, as_of, language))


def list_records(
    session: Session,
    entity: Entity,
    ids: Sequence[int],
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
) -> Found:
    """Describe records by their ids, one fact each, in the order given; unreadable ones left out.

    Use it for the records behind a number.
    """
    return _found(session, entity, ids, len(ids), (principal, as_of, language))


def get_record(
    session: Session,
    arguments: GetRecord,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
) -> Record:
    """Show everything the CRM holds on one account, opportunity, contact, product, user or call.

    Raises NotFound, or Ambiguous with the candidates if several records have the name.
    """
    record_id = _resolve(session, arguments, principal)
    [view] = load_views(session, arguments.entity, [record_id], principal)
    attributes = attributes_of(view.entity)
    fields = [word_field(view, attribute, language) for attribute in attributes]
    return Record(
        **brief(view).model_dump(),
        fields=fields,
        facts=[
            attribute_fact(view, attribute, as_of=as_of, language=language)
            for attribute, field in zip(attributes, fields, strict=True)
            if field.text is not None and not isinstance(view.values[attribute.name], Withheld)
        ]
        or [record_fact(view, as_of=as_of, language=language)],
    )


def record_attribute(
    session: Session,
    arguments: AttributeArguments,
    *,
    principal: Principal,
    as_of: datetime,
    language: Language = "en",
) -> AttributeResult:
    """Look up one field of one record: "what is Ms Li's phone number?", "who owns Acme?".

    An empty field comes back as a fact that says the CRM does not hold it.
    """
    attribute = find_attribute(arguments.entity, arguments.attribute)
    if attribute is None:
        known = ", ".join(known.name for known in attributes_of(arguments.entity))
        raise BadInput(
            f"{arguments.attribute!r} is no field of {arguments.entity.value}: use one of {known}"
        )
    views = load_views(session, arguments.entity, [arguments.id], principal)
    if not views:
        raise NotFound(f"there is no {arguments.entity.value} with the id {arguments.id!r}")
    return AttributeResult(
        record=brief(views[0]),
        field=word_field(views[0], attribute, language),
        facts=[attribute_fact(views[0], attribute, as_of=as_of, language=language)],
    )


def _holds(text: str, *columns: Any) -> ColumnElement[bool]:
    return or_(*(column.icontains(text, autoescape=True) for column in columns))


def _page(session: Session, statement: Select[int], limit: int) -> tuple[list[int], int]:
    counted = select(func.count()).select_from(statement.order_by(None).subquery())
    return list(session.scalars(statement.limit(limit))), session.scalar(counted) or 0


def _ordered(statement: Select[int], order: str | None) -> Select[int]:
    column, is_descending = _ORDERS[order or "opened"]
    by = column.desc() if is_descending else column.asc()
    return statement.order_by(by.nulls_last(), Opportunity.id)


def _page_of_ids(
    session: Session, statement: Select[int], arguments: FindOpportunities
) -> tuple[list[int], int]:
    ids = list(dict.fromkeys(arguments.ids or ()))
    column, is_descending = _ORDERS[arguments.order or "name"]
    keys: dict[int, Any] = {}
    for start in range(0, len(ids), _IDS_A_STATEMENT):
        part = Opportunity.id.in_(ids[start : start + _IDS_A_STATEMENT])
        rows = session.execute(statement.add_columns(column).where(part))
        keys |= {row_id: key for row_id, key in rows}  # noqa: C416
    seen = [record_id for record_id in ids if record_id in keys]
    if arguments.order is not None:
        filled = [record_id for record_id in seen if keys[record_id] is not None]
        filled.sort(key=lambda record_id: keys[record_id], reverse=is_descending)
        seen = filled + [record_id for record_id in seen if keys[record_id] is None]
    return seen[: arguments.limit], len(seen)


def _resolve(session: Session, arguments: GetRecord, principal: Principal) -> int:
    model: Any = MODELS[arguments.entity]
    name = model.title if arguments.entity is Entity.CALL else model.name
    ref = arguments.ref.strip()
    prefix, _, number = ref.rpartition(":")
    tries: list[ColumnElement[bool]] = []
    is_address = prefix in ("", arguments.entity.value, "conversation")
    if is_address and number.isdecimal() and _is_row_id(number):
        tries.append(model.id == int(number))
    tries += [model.external_id == ref, func.lower(name) == func.lower(ref)]
    for condition in tries:
        statement = select(model.id, name).where(condition).order_by(model.id).limit(_CANDIDATES)
        rows = session.execute(visible(statement, model, principal)).all()
        if len(rows) == 1:
            return int(rows[0][0])
        if rows:
            candidates = [f"{found} ({arguments.entity.value}:{row_id})" for row_id, found in rows]
            raise Ambiguous(
                f"{len(rows)} records fit {arguments.entity.value} {ref!r}: give one of their ids",
                candidates,
            )
    raise NotFound(
        f"there is no {arguments.entity.value} {ref!r}: give an id, an external id or an exact name"
    )


def _is_row_id(number: str) -> bool:
    # What is larger fits no id column, and PostgreSQL refuses to compare it with one.
    return len(number) < 18 and int(number) < 2**31


def _found(
    session: Session,
    entity: Entity,
    ids: Sequence[int],
    total: int,
    asked: tuple[Principal, datetime, Language],
) -> Found:
    principal, as_of, language = asked
    views = load_views(session, entity, ids, principal)
    return Found(
        total=total,
        records=[brief(view) for view in views],
        facts=[record_fact(view, as_of=as_of, language=language) for view in views],
    )
