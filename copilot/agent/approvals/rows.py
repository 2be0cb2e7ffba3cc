"""Proposed actions as rows: locked before they are read, and each step left in the audit trail."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from copilot.agent.approvals.payloads import subjects_of
from crm.audit.trail import Deed, record
from crm.errors import NotFound
from crm.models import ActionStatus, ActionVote, ProposedAction, Vote
from crm.principal import Principal
from crm.tracing import count

OPEN = (ActionStatus.WAITING.value, ActionStatus.APPROVED.value)
_SHOWN = ("status", "payload_sha256", "assignee_id", "attempts", "error")


def address_of_action(action_id: int) -> str:
    """Return an action's address in the audit trail."""
    return f"action:{action_id}"


def no_action(action_id: int) -> NotFound:
    """Return the error for an action that is not there, or that the caller may not see."""
    return NotFound(f"no action {action_id!r} of yours; `sales-copilot approvals list` shows them")


def lock_action(session: Session, action_id: int) -> ProposedAction:
    """Return the action as it is now; until the transaction's end nobody else changes it.

    Raises NotFound.
    """
    # A write comes first: it takes the row's lock on PostgreSQL, the database's on SQLite.
    same = update(ProposedAction).where(ProposedAction.id == action_id)
    session.execute(same.values(attempts=ProposedAction.attempts))
    row = session.get(ProposedAction, action_id, populate_existing=True)
    if row is None:
        raise no_action(action_id)
    return row


def read_action(session: Session, action_id: int) -> ProposedAction:
    """Return the action as it was last committed. Raises NotFound."""
    row = session.get(ProposedAction, action_id, populate_existing=True)
    if row is None:
        raise no_action(action_id)
    return row


def votes_on(session: Session, row: ProposedAction) -> list[ActionVote]:
    """Return the votes on the payload that the action has now, the first first."""
    statement = (
        select(ActionVote)
        .where(ActionVote.action_id == row.id, ActionVote.payload_sha256 == row.payload_sha256)
        .order_by(ActionVote.id)
    )
    return list(session.scalars(statement))


def approvals_of(session: Session, row: ProposedAction) -> list[str]:
    """Return who approved the payload that the action has now."""
    return [vote.person for vote in votes_on(session, row) if vote.vote == Vote.APPROVE]


def step(
    session: Session,
    row: ProposedAction,
    word: str,
    values: Mapping[str, Any],
    *,
    principal: Principal,
    now: datetime,
    reason: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Change the locked action and say so in the trail, in one transaction.

    `word` is what was done (`approve`, `apply`); `detail` is added to what stands after it.
    """
    before = {name: getattr(row, name) for name in _SHOWN if name in values}
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    shown = {name: value for name, value in values.items() if name in _SHOWN}
    deed = Deed(
        action=f"action.{word}",
        object=address_of_action(row.id),
        before=before or None,
        after={"kind": row.kind, **shown, **(detail or {})},
        reason=reason,
        read=[str(fact["id"]) for fact in row.evidence if fact.get("id")],
        subjects=subjects_of(row.payload),
        agent=row.agent,
    )
    record(session, deed, principal=principal, now=now)
    count("effects", kind=row.kind, state=word)
