"""Whether a mail promises something that the draft it was made of has not proved."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from copilot.agent.approvals.commitments import adds_commitment
from copilot.writers.documents.plain import clean, one_line
from copilot.writers.draft import Approval
from copilot.writers.learning.keeping import get_draft, stored_draft
from crm.errors import NotFound
from crm.models import EffectKind
from crm.principal import Principal


def commits_beyond_draft(
    session: Session, payload: Mapping[str, Any], *, principal: Principal
) -> bool:
    """Say whether a sentence commits us to what no fact carries.

    Every sentence of a kept draft was verified, so only what was added counts; of a mail that no
    draft of the caller's stands behind, each sentence does. A draft that was itself left for
    somebody above stays so.
    """
    known: dict[str, Any] = {}
    draft_id = payload.get("draft_id")
    if isinstance(draft_id, int):
        try:
            draft = stored_draft(get_draft(session, draft_id, principal=principal))
        except NotFound:
            pass
        else:
            if draft.approval is Approval.ELEVATED:
                return True
            known = {"subject": one_line(draft.subject), "body": clean(draft.body)}
    return adds_commitment(EffectKind.SEND_MAIL, known, payload)
