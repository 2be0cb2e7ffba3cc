"""In which language a letter to a deal's customer is written."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.models import Account, Contact, Conversation, Opportunity
from crm.principal import Principal
from tools.language import Language, detect_language


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
    found = session.scalar(visible(spoken, Conversation, principal)) or session.scalar(
        visible(known, Contact, principal)
    )
    if found:
        return "zh" if found.lower().startswith(("zh", "chi", "cn", "中")) else "en"
    named = (
        select(Account.name)
        .join(Opportunity, Opportunity.account_id == Account.id)
        .where(Opportunity.id == opportunity_id)
    )
    return detect_language(session.scalar(visible(named, Account, principal)) or "")
