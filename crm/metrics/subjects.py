"""The kinds of record that are measured, with their dates, links and own dimensions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Date, Integer, String, column, func, table

from crm.metrics.links import ACCOUNT, KEYS, NUMBERS, OWNER, Expression, Key, Number, Ref, key_in
from crm.metrics.portable_dates import DayOf
from crm.metrics.query import DateBasis
from crm.models import (
    Account,
    Activity,
    Base,
    Case,
    Contact,
    Lead,
    Opportunity,
    OpportunityLine,
    PriceBook,
    PriceBookEntry,
    Product,
    Quota,
    Quote,
    StageChange,
    User,
)

TIMES = ("year", "quarter", "month", "week")

# Stands for the union of activities and conversations that `crm.metrics.touches` puts in a CTE.
TOUCH = table(
    "touches",
    column("id", Integer),
    column("kind", String),
    column("happened_on", Date),
    column("owner_id", Integer),
    column("account_id", Integer),
    column("opportunity_id", Integer),
)


@dataclass(frozen=True)
class Subject:
    """One kind of record: `source` is its table, `models` those whose visibility limits it.

    `ends_on` closes a record's span: a period then holds only records that lie wholly inside it.
    `once_per` says what, besides the id, makes two rows different ones.
    """

    source: Any
    models: tuple[type[Base], ...]
    id: Expression
    refs: Mapping[str, Ref]
    dates: Mapping[DateBasis, Expression] = field(default_factory=dict)
    keys: Mapping[str, Key] = field(default_factory=dict)
    numbers: Mapping[str, Number] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    is_link: str | None = None
    currency: Expression | None = None
    ends_on: Expression | None = None
    once_per: tuple[Expression, ...] = ()

    def key(self, dimension: str) -> Key | None:
        """Return a name, word or choice dimension of this record, None if it has no such one."""
        own = self.keys.get(dimension)
        if own is not None or dimension not in KEYS:
            return own
        return KEYS[dimension] if self._reaches(KEYS[dimension].link) else None

    def number(self, dimension: str) -> Number | None:
        """Return a numeric attribute of this record, None if it has no such one."""
        own = self.numbers.get(dimension)
        if own is not None or dimension not in NUMBERS:
            return own
        return NUMBERS[dimension] if self._reaches(NUMBERS[dimension].link) else None

    @property
    def dimension_names(self) -> tuple[str, ...]:
        """Every dimension of this record: names and words, then time, then numbers."""
        names = [name for name in {**KEYS, **self.keys} if self.key(name) is not None]
        numbers = [name for name in {**NUMBERS, **self.numbers} if self.number(name) is not None]
        return (*names, *(TIMES if self.dates else ()), *numbers)

    def _reaches(self, link: str | None) -> bool:
        return link in self.refs or link == self.is_link


def _people(owner: Expression) -> dict[str, Ref]:
    return {
        "owner": Ref(owner),
        "manager": Ref(OWNER.manager_id, ("owner",)),
        "team": Ref(OWNER.team_id, ("owner",)),
    }


def _company(account: Expression, needs: tuple[str, ...] = ()) -> dict[str, Ref]:
    return {"account": Ref(account, needs), "parent": Ref(ACCOUNT.parent_id, ("account",))}


def _place(*sources: Expression, needs: tuple[str, ...]) -> dict[str, Ref]:
    return {"territory": Ref(func.coalesce(*sources) if len(sources) > 1 else sources[0], needs)}


DEAL_REFS = {
    **_people(Opportunity.owner_id),
    **_company(Opportunity.account_id),
    **_place(
        Opportunity.territory_id,
        OWNER.territory_id,
        ACCOUNT.territory_id,
        needs=("owner", "account"),
    ),
    "stage": Ref(Opportunity.stage_id),
    "stage_name": Ref(Opportunity.stage_id),
}
DEAL_DATES = {
    DateBasis.OPENED: Opportunity.opened_on,
    DateBasis.CLOSED: Opportunity.closed_on,
    DateBasis.EXPECTED_CLOSE: Opportunity.expected_close_on,
}
DEAL_CURRENCY = {"currency": key_in("opportunity", Opportunity, Opportunity.currency)}

OPPORTUNITY = Subject(
    source=Opportunity,
    models=(Opportunity,),
    id=Opportunity.id,
    refs={
        **DEAL_REFS,
        "line": Ref(Opportunity.id),
        "product": Ref(OpportunityLine.product_id, ("line",)),
    },
    dates=DEAL_DATES,
    keys=DEAL_CURRENCY,
    is_link="opportunity",
    currency=Opportunity.currency,
)

STAGE_ENTRY = Subject(
    source=StageChange,
    models=(StageChange, Opportunity),
    id=StageChange.opportunity_id,
    refs={
        **DEAL_REFS,
        "stage": Ref(StageChange.to_stage_id),
        "stage_name": Ref(StageChange.to_stage_id),
        "opportunity": Ref(StageChange.opportunity_id),
    },
    dates={DateBasis.OCCURRED: DayOf(StageChange.changed_at)},
    keys=DEAL_CURRENCY,
    required=("opportunity",),
    once_per=(StageChange.to_stage_id,),
)

QUOTE = Subject(
    source=Quote,
    models=(Quote, Opportunity),
    id=Quote.id,
    refs={**DEAL_REFS, "opportunity": Ref(Quote.opportunity_id)},
    dates={DateBasis.OPENED: Quote.created_on},
    keys={"currency": key_in(None, Quote, Quote.currency)},
    numbers={"discount": Number(None, Quote.discount)},
    required=("opportunity",),
)


def _doings(source: Any, dates: dict[DateBasis, Expression], **parts: Any) -> Subject:
    columns = source.c if source is TOUCH else source
    account = func.coalesce(columns.account_id, Opportunity.account_id)
    return Subject(
        source=source,
        id=columns.id,
        refs={
            "opportunity": Ref(columns.opportunity_id),
            "stage": Ref(Opportunity.stage_id, ("opportunity",)),
            "stage_name": Ref(Opportunity.stage_id, ("opportunity",)),
            **_people(columns.owner_id),
            **_company(account, ("opportunity",)),
            **_place(
                Opportunity.territory_id,
                OWNER.territory_id,
                ACCOUNT.territory_id,
                needs=("opportunity", "owner", "account"),
            ),
        },
        dates=dates,
        keys={"activity_kind": key_in(None, None, columns.kind)},
        **parts,
    )


TOUCHES = _doings(TOUCH, {DateBasis.OCCURRED: TOUCH.c.happened_on}, models=())
ACTIVITY = _doings(Activity, {DateBasis.DUE: Activity.due_on}, models=(Activity,))

CASE = Subject(
    source=Case,
    models=(Case,),
    id=Case.id,
    refs={
        **_people(Case.owner_id),
        **_company(Case.account_id),
        **_place(ACCOUNT.territory_id, OWNER.territory_id, needs=("owner", "account")),
        "product": Ref(Case.product_id),
    },
    dates={
        DateBasis.OPENED: DayOf(Case.opened_at),
        DateBasis.CLOSED: DayOf(Case.closed_at),
    },
    keys={
        "case_category": key_in(None, Case, Case.category),
        "case_status": key_in(None, Case, Case.status),
        "case_priority": key_in(None, Case, Case.priority),
    },
)

QUOTA = Subject(
    source=Quota,
    models=(Quota,),
    id=Quota.id,
    refs={
        **_people(Quota.user_id),
        "team": Ref(func.coalesce(OWNER.team_id, Quota.team_id), ("owner",)),
        **_place(OWNER.territory_id, needs=("owner",)),
    },
    dates={DateBasis.DUE: Quota.starts_on},
    keys={"currency": key_in(None, Quota, Quota.currency)},
    currency=Quota.currency,
    ends_on=Quota.ends_on,
)

LEAD = Subject(
    source=Lead,
    models=(Lead,),
    id=Lead.id,
    refs={**_people(Lead.owner_id), **_place(OWNER.territory_id, needs=("owner",))},
    dates={DateBasis.OPENED: Lead.created_on, DateBasis.CLOSED: Lead.converted_on},
    keys={
        "source": key_in(None, Lead, Lead.lead_source),
        "lead_status": key_in(None, Lead, Lead.status),
    },
)

ACCOUNTS = Subject(
    source=Account,
    models=(Account,),
    id=Account.id,
    refs={
        **_people(Account.owner_id),
        **_company(Account.id),
        **_place(Account.territory_id, OWNER.territory_id, needs=("owner",)),
    },
    dates={DateBasis.OPENED: Account.created_on},
    keys={"currency": key_in(None, Account, Account.currency)},
    currency=Account.currency,
)

CONTACT = Subject(
    source=Contact,
    models=(Contact,),
    id=Contact.id,
    refs={
        **_company(Contact.account_id),
        "owner": Ref(ACCOUNT.owner_id, ("account",)),
        "manager": Ref(OWNER.manager_id, ("owner",)),
        "team": Ref(OWNER.team_id, ("owner",)),
        **_place(ACCOUNT.territory_id, OWNER.territory_id, needs=("owner", "account")),
    },
    keys={"contact_title": key_in(None, Contact, Contact.title)},
)

REP = Subject(
    source=User,
    models=(User,),
    id=User.id,
    refs={**_people(User.id), **_place(OWNER.territory_id, needs=("owner",))},
)

PRODUCTS = Subject(
    source=Product, models=(Product,), id=Product.id, refs={"product": Ref(Product.id)}
)

PRICE = Subject(
    source=PriceBookEntry,
    models=(PriceBookEntry,),
    id=PriceBookEntry.id,
    refs={
        "product": Ref(PriceBookEntry.product_id),
        "price_book": Ref(PriceBookEntry.price_book_id),
    },
    keys={"currency": key_in("price_book", PriceBook, PriceBook.currency)},
    required=("price_book",),
    currency=PriceBook.currency,
)

SUBJECTS: dict[str, Subject] = {
    "opportunity": OPPORTUNITY,
    "stage_entry": STAGE_ENTRY,
    "quote": QUOTE,
    "touch": TOUCHES,
    "activity": ACTIVITY,
    "case": CASE,
    "quota": QUOTA,
    "lead": LEAD,
    "account": ACCOUNTS,
    "contact": CONTACT,
    "rep": REP,
    "product": PRODUCTS,
    "price": PRICE,
}
