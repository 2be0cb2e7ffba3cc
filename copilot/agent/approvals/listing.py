"""What waits, and what came of it, for one caller."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from copilot.agent.approvals.deciding import Decider, deciders_of, facts_of
from copilot.agent.approvals.grounds import readable_evidence
from copilot.agent.approvals.payloads import Risk
from copilot.agent.approvals.rows import no_action, read_action
from copilot.agent.approvals.sifting import sift
from copilot.agent.approvals.voters import Voter
from crm.access import visible
from crm.access.bindings import role_of
from crm.access.policy import Policy
from crm.models import (
    Account,
    ActionStatus,
    ActionVote,
    EffectKind,
    Opportunity,
    ProposedAction,
)
from crm.principal import Principal, Role

_AT_ONCE = 200
UNFINISHED = (ActionStatus.WAITING, ActionStatus.APPROVED, ActionStatus.APPLYING)


@dataclass(frozen=True)
class ActionFilter:
    """Which actions: in these states, of this kind and risk, at most `limit` of them.

    `mine_to_decide` leaves those that the caller may approve now, `mine` those that he proposed.
    `before` is the number where the last page ended.
    """

    statuses: Collection[ActionStatus] = UNFINISHED
    kind: EffectKind | None = None
    risk: Risk | None = None
    thread_id: str | None = None
    mine_to_decide: bool = False
    mine: bool = False
    before: int | None = None
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


@dataclass(frozen=True)
class ActionPage:
    """Some actions, the newest first, and how many more there are behind them."""

    actions: tuple[ActionView, ...]
    more: int


def list_actions(
    session: Session,
    wanted: ActionFilter,
    *,
    policy: Policy,
    principal: Principal,
    now: datetime,
) -> ActionPage:
    """Return a page of what the caller proposed, may decide or was handed, the newest first."""
    voter = Voter(session, policy=policy, principal=principal, now=now)
    statement = _statement(wanted, principal, now)
    sifted = sift(
        session, statement, voter=voter, limit=wanted.limit, must_decide=wanted.mine_to_decide
    )
    rows = _load(session, sifted.ids)
    voter.learn(number for row in rows for number in (row.proposer_id, row.assignee_id))
    voter.reader.learn(str(fact.get("id")) for row in rows for fact in row.evidence)
    # Sifted by a part of each row: of those that are shown the whole decides.
    found = [row for row in rows if voter.may_see(row, is_readable=True)]
    votes = _votes_on(session, found)
    views = tuple(_view(row, votes, voter) for row in found)
    return ActionPage(views, sifted.more)


def show_action(
    session: Session, action_id: int, *, policy: Policy, principal: Principal, now: datetime
) -> ActionView:
    """Return one action. Raises NotFound where there is none that the caller may see."""
    row = read_action(session, action_id)
    voter = Voter(session, policy=policy, principal=principal, now=now)
    if not voter.may_see(row):
        raise no_action(action_id)
    return _view(row, _votes_on(session, [row]), voter)


def _statement(wanted: ActionFilter, principal: Principal, now: datetime) -> Select[ProposedAction]:
    row = ProposedAction
    statement = (
        select(row)
        .where(row.status.in_([one.value for one in wanted.statuses]))
        .order_by(row.id.desc())
    )
    for column, value in (
        (row.kind, wanted.kind),
        (row.risk, wanted.risk),
        (row.thread_id, wanted.thread_id),
    ):
        if value is not None:
            statement = statement.where(column == str(value))
    if wanted.mine:
        statement = statement.where(row.proposer_id.is_not_distinct_from(principal.user_id))
    if wanted.mine_to_decide:
        statement = statement.where(row.status == ActionStatus.WAITING, row.expires_at > now)
    if wanted.before is not None:
        statement = statement.where(row.id < wanted.before)
    return _readable(statement, principal)


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


def _load(session: Session, ids: Sequence[int]) -> list[ProposedAction]:
    """Return the rows of these numbers that are there, in their order."""
    found: dict[int, ProposedAction] = {}
    for start in range(0, len(ids), _AT_ONCE):
        part = ProposedAction.id.in_(ids[start : start + _AT_ONCE])
        found.update({row.id: row for row in session.scalars(select(ProposedAction).where(part))})
    return [found[number] for number in ids if number in found]


_Votes = dict[tuple[int, str], list[ActionVote]]


def _votes_on(session: Session, rows: Sequence[ProposedAction]) -> _Votes:
    """Return the votes by action and payload, the first first."""
    found: _Votes = {}
    for start in range(0, len(rows), _AT_ONCE):
        ids = [row.id for row in rows[start : start + _AT_ONCE]]
        statement = select(ActionVote).where(ActionVote.action_id.in_(ids)).order_by(ActionVote.id)
        for vote in session.scalars(statement):
            found.setdefault((vote.action_id, vote.payload_sha256), []).append(vote)
    return found


def _view(row: ProposedAction, votes: _Votes, voter: Voter) -> ActionView:
    alone, jointly = voter.verdicts(row)
    is_open = row.status == ActionStatus.WAITING
    i_may = "approve" if alone.is_allowed else "approve_jointly" if jointly.is_allowed else None
    proposer, assignee = voter.user(row.proposer_id), voter.user(row.assignee_id)
    return ActionView(
        id=row.id,
        kind=EffectKind(row.kind),
        status=ActionStatus(row.status),
        risk=row.risk,
        rule=row.rule,
        payload=row.payload,
        payload_sha256=row.payload_sha256,
        evidence=readable_evidence(row.evidence, voter.reader),
        agent=row.agent,
        proposer=proposer.name if proposer else None,
        assignee=assignee.name if assignee else None,
        account_id=row.account_id,
        opportunity_id=row.opportunity_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
        applied_at=row.applied_at,
        votes=tuple(_vote_view(one) for one in votes.get((row.id, row.payload_sha256), ())),
        deciders=deciders_of(
            voter.policy, facts_of(row), role_of(proposer) if proposer else Role.OWNER
        ),
        i_may=i_may if is_open else None,
        result=row.result,
        error=row.error,
    )


def _vote_view(vote: ActionVote) -> VoteView:
    return VoteView(vote.person, vote.vote, vote.reason, vote.at)
