"""What ties a row to people: the columns of its owner, account and territory, or its parent."""

from collections.abc import Mapping
from dataclasses import dataclass

from crm.access.policy import Kind
from crm.models import (
    Account,
    Activity,
    AmountChange,
    Base,
    Case,
    CloseDateChange,
    Contact,
    Conversation,
    Lead,
    Opportunity,
    OpportunityContact,
    OpportunityLine,
    PriceBook,
    PriceBookEntry,
    Product,
    Quota,
    Quote,
    Stage,
    StageChange,
    Team,
    Territory,
    User,
)


@dataclass(frozen=True)
class Anchors:
    """The names of a table's columns, None where it has no such one; `is_public`: told to all."""

    kind: Kind
    owner: str | None = None
    account: str | None = None
    deal: str | None = None
    territory: str | None = None
    is_public: bool = False


@dataclass(frozen=True)
class Parent:
    """A row is read with the row that `column` names; one without such a row by everybody."""

    model: type[Base]
    column: str


ANCHORS: Mapping[type[Base], Anchors] = {
    Account: Anchors(Kind.ACCOUNT, "owner_id", "id", None, "territory_id"),
    Opportunity: Anchors(Kind.OPPORTUNITY, "owner_id", "account_id", "id", "territory_id"),
    Lead: Anchors(Kind.LEAD, "owner_id", None, "opportunity_id"),
    Activity: Anchors(Kind.ACTIVITY, "owner_id", "account_id", "opportunity_id"),
    Case: Anchors(Kind.CASE, "owner_id", "account_id"),
    Quota: Anchors(Kind.QUOTA, "user_id"),
    Conversation: Anchors(Kind.CONVERSATION, "owner_id", "account_id", "opportunity_id"),
    **dict.fromkeys(
        (User, Team, Territory, Stage, PriceBook, PriceBookEntry), Anchors(Kind.DIRECTORY)
    ),
    Product: Anchors(Kind.DIRECTORY, is_public=True),
}
PARENTS: Mapping[type[Base], Parent] = {
    Contact: Parent(Account, "account_id"),
    **{
        model: Parent(Opportunity, "opportunity_id")
        for model in (
            OpportunityLine,
            OpportunityContact,
            Quote,
            StageChange,
            CloseDateChange,
            AmountChange,
        )
    },
}
