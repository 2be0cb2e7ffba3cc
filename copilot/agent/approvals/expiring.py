"""Ends actions on which nobody decided in time."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.agent.approvals.rows import OPEN, lock_action, step
from crm.models import ActionStatus, ProposedAction
from crm.principal import Principal


def expire_due(session: Session, *, principal: Principal, now: datetime) -> list[int]:
    """Expire what waits, or was approved and not begun, beyond its time; return the ids."""
    statement = (
        select(ProposedAction.id)
        .where(
            ProposedAction.status.in_(OPEN),
            ProposedAction.attempts == 0,
            ProposedAction.expires_at <= now,
        )
        .order_by(ProposedAction.id)
    )
    expired = []
    for action_id in session.scalars(statement).all():
        row = lock_action(session, action_id)
        # Somebody may have decided or begun it since the list was read.
        if row.status in OPEN and not row.attempts:
            status = {"status": ActionStatus.EXPIRED.value}
            step(session, row, "expire", status, principal=principal, now=now)
            expired.append(action_id)
    return expired
