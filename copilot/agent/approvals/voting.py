"""Votes on proposed actions: each on one payload, by somebody whom the policy permits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from copilot.agent.approvals.rows import approvals_of, lock_action, no_action, step, votes_on
from copilot.agent.approvals.voters import Voter
from copilot.agent.effects.field_proposals import close_proposal
from crm.access.policy import Policy
from crm.audit.trail import address_of
from crm.errors import BadInput, NotAllowed
from crm.models import ActionStatus, ActionVote, EffectKind, ProposedAction, Vote
from crm.principal import Principal

_NEEDED_JOINTLY = 2
_GOING = frozenset({ActionStatus.APPROVED, ActionStatus.APPLYING, ActionStatus.APPLIED})


@dataclass(frozen=True)
class Ballot:
    """What somebody decides: on which action, and on which payload, by its SHA-256."""

    action_id: int
    payload_sha256: str
    vote: Vote
    reason: str | None = None


@dataclass(frozen=True)
class Decided:
    """Where the action stands after a vote; `missing` is how many more people have to approve."""

    id: int
    status: ActionStatus
    missing: int
    rules: tuple[str, ...]
    is_new: bool


def vote(
    session: Session, ballot: Ballot, *, policy: Policy, principal: Principal, now: datetime
) -> Decided:
    """Count a vote, and return where the action stands; the same vote again changes nothing.

    One who may approve alone suffices, of those who may only together two different ones. A
    rejection ends the action.

    Raises:
        NotFound: there is no such action, or the caller may not see it.
        BadInput: the payload was changed since, it is over, or a rejection has no reason.
        NotAllowed: no rule permits the caller to approve it; the message names who may.
    """
    row = lock_action(session, ballot.action_id)
    voter = Voter(session, policy=policy, principal=principal, now=now)
    if not voter.may_see(row):
        raise no_action(ballot.action_id)
    _check_same(row, ballot.payload_sha256)
    if ballot.vote is Vote.REJECT:
        return _reject(session, row, ballot, principal=principal, now=now)
    return _approve(session, row, ballot, voter=voter, now=now)


def check_open(row: ProposedAction, now: datetime) -> None:
    """Refuse to decide on what is over, or was begun. Raises BadInput."""
    if row.status not in {ActionStatus.WAITING, ActionStatus.APPROVED} or row.attempts:
        began = "was begun" if row.attempts else f"is {row.status}"
        raise BadInput(f"action {row.id} {began} already: propose it anew to change it")
    if row.expires_at <= now:
        raise BadInput(
            f"action {row.id} expired at {row.expires_at:%Y-%m-%d %H:%M}: propose it anew"
        )


def _check_same(row: ProposedAction, payload_sha256: str) -> None:
    if row.payload_sha256 != payload_sha256:
        raise BadInput(
            f"the payload of action {row.id} was changed: the vote is on {payload_sha256[:12]!r}, "
            f"it is {row.payload_sha256[:12]!r} now. Look at it again, then decide"
        )


def _approve(
    session: Session,
    row: ProposedAction,
    ballot: Ballot,
    *,
    voter: Voter,
    now: datetime,
) -> Decided:
    principal = voter.principal
    alone, jointly = voter.verdicts(row)
    rules = alone.policies if alone.is_allowed else jointly.policies
    if not (alone.is_allowed or jointly.is_allowed):
        raise NotAllowed(
            f"{principal.name!r} may not approve action {row.id} as {principal.role.value}: it "
            f"waits for whom the policy names ({row.rule})"
        )
    if row.status in _GOING:
        return Decided(row.id, ActionStatus(row.status), 0, rules, is_new=False)
    check_open(row, now)
    is_new = _cast(session, row, ballot, principal, now)
    voters = {voter.still_counts(person, row) for person in approvals_of(session, row)} - {None}
    missing = 0 if alone.is_allowed else max(0, _NEEDED_JOINTLY - len(voters))
    if not is_new and missing:
        return Decided(row.id, ActionStatus(row.status), missing, rules, is_new=False)
    status = ActionStatus.WAITING if missing else ActionStatus.APPROVED
    decided: dict[str, Any] = {} if missing else {"decided_at": now}
    detail = {"payload_sha256": row.payload_sha256, "rules": list(rules), "missing": missing}
    step(
        session,
        row,
        "approve",
        {"status": status.value, **decided},
        principal=principal,
        now=now,
        reason=ballot.reason,
        detail=detail,
    )
    return Decided(row.id, status, missing, rules, is_new=True)


def _reject(
    session: Session,
    row: ProposedAction,
    ballot: Ballot,
    *,
    principal: Principal,
    now: datetime,
) -> Decided:
    reason = (ballot.reason or "").strip()
    if not reason:
        raise BadInput("say why with a reason: who proposed it is shown it")
    if row.status == ActionStatus.REJECTED:
        return Decided(row.id, ActionStatus.REJECTED, 0, (), is_new=False)
    check_open(row, now)
    _cast(session, row, ballot, principal, now)
    status = ActionStatus.REJECTED
    step(
        session,
        row,
        "reject",
        {"status": status.value, "decided_at": now},
        principal=principal,
        now=now,
        reason=reason,
        detail={"payload_sha256": row.payload_sha256},
    )
    if row.kind == EffectKind.APPLY_FIELD_PROPOSAL:
        # A suggestion that somebody turned down is not offered again.
        close_proposal(session, row.payload, reason=reason, principal=principal, now=now)
    return Decided(row.id, status, 0, (), is_new=True)


def _cast(
    session: Session, row: ProposedAction, ballot: Ballot, principal: Principal, now: datetime
) -> bool:
    """Store the vote in place of an earlier one of the person; say whether it is another one."""
    person = address_of(principal)
    earlier = [one for one in votes_on(session, row) if one.person == person]
    if any(one.vote == ballot.vote for one in earlier):
        return False
    session.execute(delete(ActionVote).where(ActionVote.id.in_([one.id for one in earlier])))
    session.execute(
        insert(ActionVote).values(
            action_id=row.id,
            payload_sha256=row.payload_sha256,
            person=person,
            role=principal.role.value,
            vote=ballot.vote.value,
            reason=ballot.reason,
            at=now,
        )
    )
    return True
