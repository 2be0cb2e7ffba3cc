"""Reading every value that a question may name, in a constant number of queries."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from crm.access import visible
from crm.models import (
    Account,
    Alias,
    Base,
    Case,
    Contact,
    Lead,
    Opportunity,
    Product,
    Stage,
    Team,
    Territory,
    User,
)
from crm.principal import Principal


@dataclass(frozen=True, slots=True)
class NamedThing:
    """Something with a name: `id` is its row, or None where the value itself is the key."""

    dimension: str
    id: int | None
    name: str


_ENTITIES: tuple[tuple[str, type[Base], InstrumentedAttribute[str]], ...] = (
    ("owner", User, User.name),
    ("account", Account, Account.name),
    ("contact", Contact, Contact.name),
    ("team", Team, Team.name),
    ("territory", Territory, Territory.name),
    ("product", Product, Product.name),
    ("stage", Stage, Stage.name),
    ("opportunity", Opportunity, Opportunity.name),
)
_VALUES: tuple[tuple[str, type[Base], InstrumentedAttribute[str | None]], ...] = (
    ("product_family", Product, Product.family),
    ("region", Territory, Territory.region),
    ("industry", Account, Account.industry),
    ("country", Account, Account.country),
    ("city", Account, Account.city),
    ("source", Opportunity, Opportunity.lead_source),
    ("source", Lead, Lead.lead_source),
    ("lost_reason", Opportunity, Opportunity.lost_reason),
    ("competitor", Opportunity, Opportunity.competitor),
    ("forecast_category", Opportunity, Opportunity.forecast_category),
    ("lead_status", Lead, Lead.status),
    ("case_category", Case, Case.category),
    ("case_status", Case, Case.status),
    ("case_priority", Case, Case.priority),
)
_ALIASED = {
    "user": "owner",
    "users": "owner",
    "accounts": "account",
    "contacts": "contact",
    "teams": "team",
    "territories": "territory",
    "products": "product",
    "stages": "stage",
    "opportunities": "opportunity",
}


def read_things(session: Session, principal: Principal) -> Iterator[NamedThing]:
    """Yield every nameable thing that the caller may read; who manages others comes twice."""
    managers = set(
        session.scalars(
            visible(select(User.manager_id).where(User.manager_id.is_not(None)), User, principal)
        )
    )
    for dimension, entity, name in _ENTITIES:
        identity = entity.__table__.c.id
        for row in session.execute(visible(select(identity, name), entity, principal)):
            yield NamedThing(dimension, row[0], row[1])
            if entity is User and row[0] in managers:
                yield NamedThing("manager", row[0], row[1])
    seen: set[NamedThing] = set()
    for dimension, entity, column in _VALUES:
        statement = select(column).where(column.is_not(None)).distinct()
        for value in session.scalars(visible(statement, entity, principal)):
            thing = NamedThing(dimension, None, str(value))
            if thing not in seen:
                seen.add(thing)
                yield thing


def read_aliases(session: Session, principal: Principal) -> dict[tuple[str, int], list[str]]:
    """Return other names by (dimension, id), for entities called "account" or "accounts" alike."""
    found: dict[tuple[str, int], list[str]] = {}
    for row in session.execute(
        visible(select(Alias.entity, Alias.entity_id, Alias.name), Alias, principal)
    ):
        entity = row[0].lower()
        found.setdefault((_ALIASED.get(entity, entity), row[1]), []).append(row[2])
    return found
