"""Notes in the trail what nobody does by a command: other rules, and looks past all rules."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.audit.trail import Deed, record
from crm.models import AuditEvent
from crm.principal import Principal

POLICY, OWNER = "access.policy", "access.owner"


def note_policy(
    session: Session, version: str, *, builtin: str, principal: Principal, now: datetime
) -> bool:
    """Note a version of the rules that differs from the last one noted; say whether it does.

    `builtin` is the version that comes with the product: where none was noted yet it held.
    `principal` is the first to be under the new ones, not who wrote them.
    """
    last = session.scalar(
        select(AuditEvent.object)
        .where(AuditEvent.action == POLICY)
        .order_by(AuditEvent.seq.desc())
        .limit(1)
    )
    before = last.removeprefix("policy:") if last else builtin
    if before == version:
        return False
    deed = Deed(POLICY, f"policy:{version}", before={"version": before}, after={"version": version})
    record(session, deed, principal=principal, now=now)
    return True


def note_owner(session: Session, command: str, *, principal: Principal, now: datetime) -> None:
    """Note that the local owner used a command, in an installation that has rules of its own."""
    record(session, Deed(OWNER, f"command:{command}"), principal=principal, now=now)
