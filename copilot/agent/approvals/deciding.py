"""Who may decide on an action: how its proposer stands to the voter, and what the policy says."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.agent.approvals.payloads import Risk, weight_of
from crm.access.actions import Deciding, ProposalFacts, may_decide
from crm.access.bindings import Bindings, bindings_of, role_of
from crm.access.policy import Policy, Verdict
from crm.access.scope import Scope, visible
from crm.models import Account, Base, EffectKind, Opportunity, ProposedAction, User
from crm.principal import Principal, Role


class OnRecords(Protocol):
    """Something that is tied to an account, a deal, or neither."""

    @property
    def account_id(self) -> int | None:
        """The account it is on."""
        ...

    @property
    def opportunity_id(self) -> int | None:
        """The deal it is on."""
        ...


_RELATIONS = ("own", "team", "stand_in", "delegated", "")


@dataclass(frozen=True)
class Decider:
    """Somebody who may approve: a role, how one has to stand to the proposer, and the rules.

    `relation` is `own`, `team`, `stand_in`, `delegated`, or empty for everybody of the role.
    """

    role: Role
    relation: str
    is_jointly: bool
    rules: tuple[str, ...]


def facts_of(row: ProposedAction) -> ProposalFacts:
    """Return what is true of the action whoever votes, from its payload and its risk."""
    weight = weight_of(row.payload)
    is_discount = row.kind == EffectKind.REQUEST_DISCOUNT
    return ProposalFacts(
        kind=row.kind,
        elevated=row.risk == Risk.HIGH and not is_discount,
        discount=weight.discount,
        amount=weight.amount,
    )


def facts_for(
    session: Session, row: ProposedAction, *, principal: Principal, now: datetime
) -> ProposalFacts:
    """Return the action's facts with how its proposer stands to this caller now."""
    facts = facts_of(row)
    if principal.user_id is None:
        return replace(facts, own=row.proposer_id is None and principal.is_local_owner)
    bindings = _bindings(session, principal.user_id, now)
    return replace(
        facts,
        own=row.proposer_id == principal.user_id,
        team=_team_of(session, row.proposer_id) in bindings.team_ids,
        stand_in=row.proposer_id in bindings.stand_in_for,
        delegated=row.assignee_id == principal.user_id,
    )


def may_vote(
    session: Session, row: ProposedAction, *, policy: Policy, principal: Principal, now: datetime
) -> tuple[Verdict, Verdict]:
    """Return whether the caller may approve alone, and whether together with a second person."""
    if principal.user_id is not None and not _is_active(session, principal.user_id):
        return Verdict(False, ()), Verdict(False, ())
    facts = facts_for(session, row, principal=principal, now=now)
    alone = verdict_of(policy, principal.role, Deciding.APPROVE, facts)
    return alone, verdict_of(policy, principal.role, Deciding.APPROVE_JOINTLY, facts)


def verdict_of(policy: Policy, role: Role, how: Deciding, facts: ProposalFacts) -> Verdict:
    """Return what the policy says; the same question is asked of it once."""
    return _verdict(policy.text, role, how, _as_far_as_asked(policy, facts))


def _as_far_as_asked(policy: Policy, facts: ProposalFacts) -> ProposalFacts:
    """Leave out an amount of which no rule speaks, so that the answer is known from before.

    Asking the policy takes milliseconds, and hardly two mails or deals have the same amount.
    """
    return facts if "amount" in policy.text else replace(facts, amount=0)


@lru_cache(maxsize=4096)
def _verdict(text: str, role: Role, how: Deciding, facts: ProposalFacts) -> Verdict:
    return may_decide(Policy(text), role, how, facts)


def may_see(
    session: Session, row: ProposedAction, *, policy: Policy, principal: Principal, now: datetime
) -> bool:
    """Say whether the caller is shown the action.

    One sees what one proposed, what was delegated to one, and what one may decide as long as one
    may read the account and the deal that it is on.
    """
    if principal.is_local_owner:
        return True
    if principal.user_id is None:
        return False
    if principal.user_id in {row.proposer_id, row.assignee_id}:
        return True
    if not can_read(session, row, principal=principal):
        return False
    verdicts = may_vote(session, row, policy=policy, principal=principal, now=now)
    return any(verdict.is_allowed for verdict in verdicts)


def can_read(session: Session, row: OnRecords, *, principal: Principal) -> bool:
    """Say whether the caller may read the account and the deal that the action is on."""
    tied: tuple[tuple[type[Base], int | None], ...] = (
        (Account, row.account_id),
        (Opportunity, row.opportunity_id),
    )
    for model, row_id in tied:
        table = model.__table__
        statement = visible(select(table.c.id).where(table.c.id == row_id), model, principal)
        if row_id is not None and session.execute(statement).first() is None:
            return False
    return True


def caller_of(session: Session, user: User, *, policy: Policy, now: datetime) -> Principal:
    """Return a user as a caller, with what binds him now."""
    role = role_of(user)
    scope = Scope(policy, role, bindings_of(session, user, at=now))
    return Principal(user.id, user.name, role, frozenset({user.team_id or 0} - {0}), (scope,))


def deciders_of(policy: Policy, facts: ProposalFacts, proposer: Role) -> tuple[Decider, ...]:
    """Return who may approve what somebody of this role proposed, who suffices alone first."""
    asked = replace(_as_far_as_asked(policy, facts), own=False, team=False)
    return _deciders(policy.text, asked, proposer)


@lru_cache(maxsize=512)
def _deciders(text: str, facts: ProposalFacts, proposer: Role) -> tuple[Decider, ...]:
    found: list[Decider] = []
    for how in (Deciding.APPROVE, Deciding.APPROVE_JOINTLY):
        for role in Role:
            for relation in _relations(role, proposer):
                stands = replace(facts, **({relation: True} if relation else {}))  # type: ignore[arg-type]
                verdict = _verdict(text, role, how, stands)
                if verdict.is_allowed:
                    is_jointly = how is Deciding.APPROVE_JOINTLY
                    found.append(Decider(role, relation, is_jointly, verdict.policies))
    everybody = {(one.role, one.is_jointly) for one in found if not one.relation}
    return tuple(
        one for one in found if not one.relation or (one.role, one.is_jointly) not in everybody
    )


def _relations(role: Role, proposer: Role) -> tuple[str, ...]:
    if role is Role.OWNER:
        return ("",)
    return _RELATIONS if role is proposer else _RELATIONS[1:]


def _bindings(session: Session, user_id: int, now: datetime) -> Bindings:
    user = session.get(User, user_id)
    return bindings_of(session, user, at=now) if user else Bindings(user_id)


def _is_active(session: Session, user_id: int) -> bool:
    user = session.get(User, user_id, populate_existing=True)
    return user is not None and user.is_active and user.deleted_at is None


def _team_of(session: Session, user_id: int | None) -> int | None:
    user = session.get(User, user_id) if user_id is not None else None
    return user.team_id if user else None
