"""What waits, and what came of it, for one caller."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from copilot.agent.approvals.deciding import (
    Decider,
    deciders_of,
    facts_of,
    may_see,
    may_vote,
)
from copilot.agent.approvals.payloads import Risk
from copilot.agent.approvals.proposing import proposer_role
from copilot.agent.approvals.rows import no_action, read_action, votes_on
from crm.access import visible
from crm.access.policy import Policy
from crm.models import (
    Account,
    ActionStatus,
    ActionVote,
    EffectKind,
    Opportunity,
    ProposedAction,
    User,
)
from crm.principal import Principal

UNFINISHED = (ActionStatus.WAITING, ActionStatus.APPROVED, ActionStatus.APPLYING)


@dataclass(frozen=True)
class ActionFilter:
    """Which actions: in these states, of this kind and risk; `mine_to_decide` for one's votes."""

    statuses: Collection[ActionStatus] = UNFINISHED
    kind: EffectKind | None = None
    risk: Risk | None = None
    thread_id: str | None = None
    mine_to_decide: bool = False
    limit: int = 100


@dataclass(frozen=True)
class VoteView:
    """One vote on the payload that the action has now."""

    person: str
    vote: str
    reason: str | None
    at: datetime


@dataclass(frozen=True)
class ActionView:
    """One action as its caller sees it; `i_may` is `approve`, `approve_jointly` or None."""

    id: int
    kind: EffectKind
    status: ActionStatus
    risk: str
    rule: str
    payload: dict[str, Any]
    payload_sha256: str
    evidence: list[dict[str, Any]]
    agent: str | None
    proposer: str | None
    assignee: str | None
    account_id: int | None
    opportunity_id: int | None
    created_at: datetime
    expires_at: datetime
    applied_at: datetime | None
    votes: tuple[VoteView, ...]
    deciders: tuple[Decider, ...]
    i_may: str | None
    result: dict[str, Any] | None
    error: str | None


def list_actions(
    session: Session,
    wanted: ActionFilter,
    *,
    policy: Policy,
    principal: Principal,
    now: datetime,
) -> list[ActionView]:
    """Return the actions that the caller proposed, may decide or was handed, the newest first."""
    found: list[ActionView] = []
    for row in _rows(session, wanted, principal):
        if not may_see(session, row, policy=policy, principal=principal, now=now):
            continue
        view = _view(session, row, policy=policy, principal=principal, now=now)
        if wanted.mine_to_decide and (view.i_may is None or row.expires_at <= now):
            continue
        found.append(view)
        if len(found) == wanted.limit:
            break
    return found


def show_action(
    session: Session, action_id: int, *, policy: Policy, principal: Principal, now: datetime
) -> ActionView:
    """Return one action. Raises NotFound where there is none that the caller may see."""
    row = read_action(session, action_id)
    if not may_see(session, row, policy=policy, principal=principal, now=now):
        raise no_action(action_id)
    return _view(session, row, policy=policy, principal=principal, now=now)


def _rows(session: Session, wanted: ActionFilter, principal: Principal) -> Iterator[ProposedAction]:
    statement = (
        select(ProposedAction)
        .where(ProposedAction.status.in_([one.value for one in wanted.statuses]))
        .order_by(ProposedAction.id.desc())
    )
    for column, value in (
        (ProposedAction.kind, wanted.kind),
        (ProposedAction.risk, wanted.risk),
        (ProposedAction.thread_id, wanted.thread_id),
    ):
        if value is not None:
            statement = statement.where(column == str(value))
    limited = _readable(statement, principal).execution_options(yield_per=200)
    yield from session.scalars(limited)


def _readable(statement: Select[ProposedAction], principal: Principal) -> Select[ProposedAction]:
    """Limit to what the caller proposed, was handed, or whose account and deal he may read."""
    if principal.is_local_owner:
        return statement
    row, me = ProposedAction, principal.user_id
    accounts = visible(select(Account.id), Account, principal)
    deals = visible(select(Opportunity.id), Opportunity, principal)
    return statement.where(
        or_(
            row.proposer_id == me,
            row.assignee_id == me,
            and_(
                or_(row.account_id.is_(None), row.account_id.in_(accounts)),
                or_(row.opportunity_id.is_(None), row.opportunity_id.in_(deals)),
            ),
        )
    )


def _view(
    session: Session, row: ProposedAction, *, policy: Policy, principal: Principal, now: datetime
) -> ActionView:
    alone, jointly = may_vote(session, row, policy=policy, principal=principal, now=now)
    is_open = row.status == ActionStatus.WAITING
    i_may = "approve" if alone.is_allowed else "approve_jointly" if jointly.is_allowed else None
    return ActionView(
        id=row.id,
        kind=EffectKind(row.kind),
        status=ActionStatus(row.status),
        risk=row.risk,
        rule=row.rule,
        payload=row.payload,
        payload_sha256=row.payload_sha256,
        evidence=row.evidence,
        agent=row.agent,
        proposer=_name(session, row.proposer_id),
        assignee=_name(session, row.assignee_id),
        account_id=row.account_id,
        opportunity_id=row.opportunity_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
        applied_at=row.applied_at,
        votes=tuple(_vote_view(one) for one in votes_on(session, row)),
        deciders=deciders_of(policy, facts_of(row), proposer_role(session, row)),
        i_may=i_may if is_open else None,
        result=row.result,
        error=row.error,
    )


def _vote_view(vote: ActionVote) -> VoteView:
    return VoteView(vote.person, vote.vote, vote.reason, vote.at)


def _name(session: Session, user_id: int | None) -> str | None:
    user = session.get(User, user_id) if user_id is not None else None
    return user.name if user else None
