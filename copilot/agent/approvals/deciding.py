"""What the policy says of an action: to which facts it looks, and who may decide."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.agent.approvals.payloads import Risk, weight_of
from crm.access.actions import Deciding, ProposalFacts, may_decide
from crm.access.bindings import bindings_of, role_of
from crm.access.policy import Policy, Verdict
from crm.access.scope import Scope, visible
from crm.models import Account, Base, EffectKind, Opportunity, User
from crm.principal import Principal, Role


class Described(Protocol):
    """An action as far as rules look at what it does."""

    @property
    def kind(self) -> str:
        """The kind of effect."""
        ...

    @property
    def risk(self) -> str:
        """How much harm a wrong one does."""
        ...

    @property
    def payload(self) -> dict[str, Any]:
        """What would be carried out."""
        ...


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


_RELATIONS = ("own", "team", "stand_in", "delegated", "recipient", "")


@dataclass(frozen=True)
class Decider:
    """Somebody who may approve: a role, how one has to stand to the proposer, and the rules.

    `relation` is `own`, `team`, `stand_in`, `delegated`, `recipient`, or empty for everybody of the
    role.
    """

    role: Role
    relation: str
    is_jointly: bool
    rules: tuple[str, ...]


def facts_of(row: Described) -> ProposalFacts:
    """Return what is true of the action whoever votes, from its payload and its risk."""
    weight = weight_of(row.payload)
    is_discount = row.kind == EffectKind.REQUEST_DISCOUNT
    return ProposalFacts(
        kind=row.kind,
        elevated=row.risk == Risk.HIGH and not is_discount,
        discount=weight.discount,
        amount=weight.amount,
    )


def verdict_of(policy: Policy, role: Role, how: Deciding, facts: ProposalFacts) -> Verdict:
    """Return what the policy says; the same question is asked of it once."""
    return _verdict(policy.text, role, how, _as_far_as_asked(policy, facts))


def _as_far_as_asked(policy: Policy, facts: ProposalFacts) -> ProposalFacts:
    """Leave out an amount of which no rule speaks, so that the answer is known from before.

    Asking the policy takes milliseconds, and hardly two mails or deals have the same amount.
    """
    return facts if is_amount_asked(policy) else replace(facts, amount=0)


def is_amount_asked(policy: Policy) -> bool:
    """Say whether any rule may speak of amounts."""
    return "amount" in policy.text


@lru_cache(maxsize=4096)
def _verdict(text: str, role: Role, how: Deciding, facts: ProposalFacts) -> Verdict:
    return may_decide(Policy(text), role, how, facts)


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
