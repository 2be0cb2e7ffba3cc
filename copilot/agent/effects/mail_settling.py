"""Tells a kept draft that it was sent, and in which words, whoever approved or carried it out."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.writers.documents.plain import clean, one_line
from copilot.writers.learning.keeping import (
    Accept,
    Decision,
    Edit,
    decide_draft,
    get_draft,
    stored_draft,
)
from crm.access.bindings import role_of
from crm.errors import BadInput, NotFound
from crm.models import DraftStatus, ProposedAction, User
from crm.principal import Principal


def note_sent(session: Session, payload: Mapping[str, Any], *, key: str, now: datetime) -> None:
    """Decide on the draft in the name of who proposed the mail; one decided before stays so."""
    draft_id = payload.get("draft_id")
    if draft_id is None:
        return
    proposer = _proposer(session, key)
    # The mail is out: nothing about the draft may undo the record of that.
    with suppress(BadInput, NotFound):
        row = get_draft(session, draft_id, principal=proposer)
        if row.status != DraftStatus.OPEN:
            return
        draft = stored_draft(row)
        decision: Decision = Accept()
        if (payload["subject"], payload["body"]) != (one_line(draft.subject), clean(draft.body)):
            decision = Edit(payload["body"], payload["subject"])
        decide_draft(session, row.id, decision, principal=proposer, now=now)


def _proposer(session: Session, key: str) -> Principal:
    statement = (
        select(User)
        .join(ProposedAction, ProposedAction.proposer_id == User.id)
        .where(ProposedAction.key == key)
    )
    user = session.scalars(statement).first()
    return Principal(user.id, user.name, role_of(user)) if user else Principal.local_owner()
