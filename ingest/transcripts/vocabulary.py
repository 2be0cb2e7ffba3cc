"""The names that a call is likely to hold, the likeliest first, for the speech recogniser."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.models import Account, Contact, Opportunity, OpportunityLine, Product, User
from crm.principal import Principal
from ingest.identity import Directory, Hints
from ingest.transcripts.call import CallMetadata

MANY = 20


def words_to_expect(
    session: Session, principal: Principal, metadata: CallMetadata, *, started_at: datetime
) -> list[str]:
    """Return names of people, company and products, without repeats, as far as the caller may read.

    First who takes part, then the account and deal that the call is about, its products and
    competitors, and last the account's other people.
    """
    people = [person.to_person() for person in metadata.participants]
    link = Directory(session, principal).resolve(
        people,
        metadata.title or "",
        started_at,
        Hints(metadata.account, metadata.opportunity),
    )
    named = [person.name for person in metadata.participants]
    expected = [*named, *_of_deal(session, principal, link.account_id, link.opportunity_id)]
    if link.owner_id is not None:
        owner = visible(select(User.name).where(User.id == link.owner_id), User, principal)
        expected += session.scalars(owner)
    return list(dict.fromkeys(one.strip() for one in expected if one and one.strip()))


def _of_deal(
    session: Session, principal: Principal, account_id: int | None, opportunity_id: int | None
) -> Iterator[str | None]:
    if account_id is not None:
        account = select(Account.name).where(Account.id == account_id)
        yield from session.scalars(visible(account, Account, principal))
    if opportunity_id is not None:
        products = (
            select(Product.name)
            .join(OpportunityLine, OpportunityLine.product_id == Product.id)
            .join(Opportunity, Opportunity.id == OpportunityLine.opportunity_id)
            .where(Opportunity.id == opportunity_id)
            .order_by(OpportunityLine.id)
            .limit(MANY)
        )
        both = visible(visible(products, Opportunity, principal), Product, principal)
        yield from session.scalars(both)
        competitor = select(Opportunity.competitor).where(Opportunity.id == opportunity_id)
        yield from session.scalars(visible(competitor, Opportunity, principal))
    if account_id is not None:
        contacts = (
            select(Contact.name)
            .where(Contact.account_id == account_id)
            .order_by(Contact.id)
            .limit(MANY)
        )
        yield from session.scalars(visible(contacts, Contact, principal))
