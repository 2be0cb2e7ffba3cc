"""Which conversations of a deal nobody has understood yet: their needs would be missing."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.writers.proposals.voices import find_talks
from crm.access import visible
from crm.errors import NotFound
from crm.models import NoteSet, Opportunity
from crm.principal import Principal


def unread_talks(
    session: Session, opportunity_id: int, *, principal: Principal, as_of: datetime
) -> list[int]:
    """Return the ids of the deal's newest conversations without notes, the newest first.

    Raises NotFound if there is no such deal or the caller may not read it.
    """
    statement = select(Opportunity).where(Opportunity.id == opportunity_id)
    deal = session.scalars(visible(statement, Opportunity, principal)).first()
    if deal is None:
        raise NotFound(f"no opportunity {opportunity_id!r}; `sales-copilot search` finds its id")
    talk_ids = find_talks(session, deal, principal=principal, as_of=as_of)
    noted = select(NoteSet.conversation_id).where(NoteSet.conversation_id.in_(talk_ids))
    known = set(session.scalars(noted))
    return [each for each in talk_ids if each not in known]
