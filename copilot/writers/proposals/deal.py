"""The deal a proposal is for, and the language in which its customer is written to."""

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from copilot.grounding.pack.hostile import name_plainly
from copilot.grounding.pack.tongue import first_language
from crm.access import readable, visible
from crm.errors import NotFound
from crm.models import Account, Contact, Conversation, Opportunity, Stage
from crm.principal import Principal
from tools.language import Language


def find_deal(
    session: Session, opportunity_id: int, principal: Principal
) -> tuple[Opportunity, Stage, Account | None]:
    """Return a deal with its stage and account.

    Raises:
        NotFound: there is no such opportunity, or the caller may not read it.
    """
    statement = (
        select(Opportunity, Stage, Account)
        .select_from(Opportunity)
        .join(Stage, Stage.id == Opportunity.stage_id)
        .outerjoin(
            Account, and_(Account.id == Opportunity.account_id, readable(Account, principal))
        )
        .where(Opportunity.id == opportunity_id)
    )
    row = session.execute(visible(statement, Opportunity, principal)).first()
    if row is None:
        raise NotFound(
            f"no opportunity {opportunity_id!r}; `sales-copilot search` or `ask` finds its id"
        )
    deal, stage, account = row
    name_plainly([deal])
    return deal, stage, account and name_plainly([account])[0]


def letter_language(session: Session, opportunity_id: int, *, principal: Principal) -> Language:
    """Return the language last spoken with the customer, else their contact's, else the name's."""
    spoken = (
        select(Conversation.language)
        .where(Conversation.opportunity_id == opportunity_id, Conversation.language.is_not(None))
        .order_by(Conversation.started_at.desc())
        .limit(1)
    )
    known = (
        select(Contact.language)
        .join(Opportunity, Opportunity.account_id == Contact.account_id)
        .where(Opportunity.id == opportunity_id, Contact.language.is_not(None))
        .limit(1)
    )
    named = (
        select(Account.name)
        .join(Opportunity, Opportunity.account_id == Account.id)
        .where(Opportunity.id == opportunity_id)
    )
    return first_language(
        (
            session.scalar(visible(spoken, Conversation, principal)),
            session.scalar(visible(known, Contact, principal)),
        ),
        named=session.scalar(visible(named, Account, principal)) or "",
    )
