"""How one record leads to others: the to-one joins, and the dimensions that they open."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import aliased
from sqlalchemy.orm.attributes import InstrumentedAttribute

from crm.access import readable
from crm.metrics.portable_dates import DayOf, DaysBetween, day
from crm.models import (
    Account,
    Base,
    Opportunity,
    OpportunityLine,
    PriceBook,
    Product,
    Quote,
    Stage,
    StageChange,
    Team,
    Territory,
    User,
)
from crm.principal import Principal

Expression = ColumnElement[Any] | InstrumentedAttribute[Any]

OWNER = aliased(User, name="owner")
MANAGER = aliased(User, name="manager")
TEAM = aliased(Team, name="team")
ACCOUNT = aliased(Account, name="account")
PARENT = aliased(Account, name="parent")
TERRITORY = aliased(Territory, name="territory")
STAGE = aliased(Stage, name="stage")
STAGE_NAME = aliased(Stage, name="stage_name")
PRODUCT = aliased(Product, name="product")

# Link name → what is joined, and the column that the record's reference must equal.
TARGETS: dict[str, tuple[Any, Expression]] = {
    "owner": (OWNER, OWNER.id),
    "manager": (MANAGER, MANAGER.id),
    "team": (TEAM, TEAM.id),
    "account": (ACCOUNT, ACCOUNT.id),
    "parent": (PARENT, PARENT.id),
    "territory": (TERRITORY, TERRITORY.id),
    "stage": (STAGE, STAGE.id),
    "stage_name": (STAGE_NAME, STAGE_NAME.id),
    "product": (PRODUCT, PRODUCT.id),
    "opportunity": (Opportunity, Opportunity.id),
    "price_book": (PriceBook, PriceBook.id),
    # The one link to many: whoever joins it has to bring the rows back to one a deal.
    "line": (OpportunityLine, OpportunityLine.opportunity_id),
}

# Won, lost or open is the deal's own, whoever may read the names of stages.
OF_THE_DEAL = frozenset({"stage"})


@dataclass(frozen=True)
class Ref:
    """The expression that points along a link, and the links that it reads itself."""

    on: Expression
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Key:
    """A dimension in SQL: what groups, what is shown, the link it needs, the table it stands in."""

    key: Expression
    label: Expression
    link: str | None
    model: type[Base] | None = None


def key_in(link: str | None, model: type[Base] | None, key: Expression, label: Any = None) -> Key:
    """Return a dimension that stands in a model behind a link; it shows its key if no label."""
    return Key(key, key if label is None else label, link, model)


KEYS: dict[str, Key] = {
    "owner": key_in("owner", User, OWNER.id, OWNER.name),
    "manager": key_in("manager", User, MANAGER.id, MANAGER.name),
    "team": key_in("team", Team, TEAM.id, TEAM.name),
    "territory": key_in("territory", Territory, TERRITORY.id, TERRITORY.name),
    "region": key_in("territory", Territory, TERRITORY.region),
    "product": key_in("product", Product, PRODUCT.id, PRODUCT.name),
    "product_family": key_in("product", Product, PRODUCT.family),
    "opportunity": key_in("opportunity", Opportunity, Opportunity.id, Opportunity.name),
    "stage": key_in("stage_name", Stage, STAGE_NAME.id, STAGE_NAME.name),
    "status": key_in("stage", None, STAGE.status),
    "source": key_in("opportunity", Opportunity, Opportunity.lead_source),
    "lost_reason": key_in("opportunity", Opportunity, Opportunity.lost_reason),
    "competitor": key_in("opportunity", Opportunity, Opportunity.competitor),
    "forecast_category": key_in("opportunity", Opportunity, Opportunity.forecast_category),
    "account": key_in("account", Account, ACCOUNT.id, ACCOUNT.name),
    "industry": key_in("account", Account, ACCOUNT.industry),
    "country": key_in("account", Account, ACCOUNT.country),
    "city": key_in("account", Account, ACCOUNT.city),
    "parent_account": key_in("parent", Account, PARENT.id, PARENT.name),
}


def stage_age_days(as_of: datetime) -> ColumnElement[Any]:
    """Return the days from a deal's last stage change, else its opening, to the as-of day."""
    last = (
        select(func.max(StageChange.changed_at))
        .where(
            StageChange.opportunity_id == Opportunity.id,
            StageChange.changed_at <= as_of,
            StageChange.deleted_at.is_(None),
        )
        .correlate(Opportunity)
        .scalar_subquery()
    )
    since = func.coalesce(DayOf(last), Opportunity.opened_on)
    return DaysBetween(day(as_of.date()), since)


def deal_discount(_as_of: datetime) -> ColumnElement[Any]:
    """Return the largest discount quoted for a deal."""
    return (
        select(func.max(Quote.discount))
        .where(Quote.opportunity_id == Opportunity.id, Quote.deleted_at.is_(None))
        .correlate(Opportunity)
        .scalar_subquery()
    )


@dataclass(frozen=True)
class Number:
    """A numeric attribute to filter on; with `currency` it is money in minor units."""

    link: str | None
    value: Any
    currency: Expression | None = None

    def at(self, as_of: datetime) -> Any:
        """Return its expression as of a time."""
        if isinstance(self.value, ColumnElement | InstrumentedAttribute):
            return self.value
        return self.value(as_of)


NUMBERS: dict[str, Number] = {
    "amount": Number("opportunity", Opportunity.amount_minor, Opportunity.currency),
    "employees": Number("account", ACCOUNT.employees),
    "annual_revenue": Number("account", ACCOUNT.annual_revenue_minor, ACCOUNT.currency),
    "founded_year": Number("account", ACCOUNT.founded_year),
    "stage_age_days": Number("opportunity", stage_age_days),
    "discount": Number("opportunity", deal_discount),
}


def join_links(
    statement: Select[Any],
    refs: Mapping[str, Ref],
    wanted: Iterable[str],
    *,
    principal: Principal,
    present: set[str],
) -> Select[Any]:
    """Return the statement with the wanted links outer-joined, what they need coming first.

    Records that the caller may not read join as nothing, so that no group, filter or place is
    told from them. `present` holds the links joined already and is added to.
    """
    for link in wanted:
        if link in present:
            continue
        present.add(link)
        ref = refs[link]
        statement = join_links(statement, refs, ref.needs, principal=principal, present=present)
        target, column = TARGETS[link]
        on = [column == ref.on]
        if link not in OF_THE_DEAL:
            on.append(readable(target, principal))
        statement = statement.outerjoin(target, and_(*on))
    return statement
