"""Proposes side effects: checked first, bound to their payload, and put before who may decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from copilot.agent.approvals.deciding import Decider, can_read, deciders_of, facts_of, verdict_of
from copilot.agent.approvals.effects import Effect, Effects, Weighs, address, effect_for
from copilot.agent.approvals.payloads import (
    Weight,
    digest_of,
    plain_payload,
    risk_of,
    subjects_of,
    weight_of,
)
from copilot.agent.approvals.rows import address_of_action, step
from crm.access.actions import Deciding
from crm.access.bindings import role_of
from crm.access.policy import Policy
from crm.audit.trail import Deed, record
from crm.errors import BadInput, NotFound
from crm.models import ActionStatus, ActionVote, EffectKind, ProposedAction, User, Vote
from crm.principal import Principal, Role

VALID_FOR = timedelta(days=7)
MOST_EDITS = 100
BY_RULE = "rule"
"""Who "voted" where a rule of the company approves automatically."""


@dataclass(frozen=True)
class Wanted:
    """One side effect that is to be proposed.

    `key` makes the effect happen once: the same key is the same proposal. `evidence` are the facts
    it rests on. `elevated` says that no approved fact carries what it commits us to. `discount`
    and `amount`, where given, have to be those that the payload states.
    """

    kind: EffectKind
    payload: Mapping[str, Any]
    key: str
    evidence: Sequence[Mapping[str, Any]] = field(default=())
    elevated: bool = False
    discount: int | None = None
    amount: int | None = None
    account_id: int | None = None
    opportunity_id: int | None = None
    agent: str | None = None
    thread_id: str | None = None
    valid_for: timedelta = VALID_FOR


@dataclass(frozen=True)
class Proposed:
    """A proposal: who may approve it, and the rules that say so.

    `status` is approved where a rule approved it automatically, which `rule` then names.
    """

    id: int
    status: ActionStatus
    payload_sha256: str
    risk: str
    rule: str
    deciders: tuple[Decider, ...]
    is_automatic: bool
    is_new: bool


def propose(
    session: Session,
    wanted: Wanted,
    *,
    effects: Effects,
    policy: Policy,
    principal: Principal,
    now: datetime,
) -> Proposed:
    """Store a side effect that waits for people, once for its key, and return it.

    Raises what the effect's `check` raises, and BadInput for a payload or key that cannot be used.
    """
    effect = effect_for(effects, wanted.kind)
    given = plain_payload(wanted.payload)
    payload = address(effect, session, given, principal=principal)
    weight = _weighed(wanted, payload)
    known = _of_key(session, wanted.key)
    if known is None:
        if not can_read(session, wanted, principal=principal):
            raise NotFound("the account or deal of the proposal is not there: name another")
        effect.check(session, payload, principal=principal, now=now)
        is_elevated = wanted.elevated or elevated_by(
            effect, session, payload, principal=principal, now=now
        )
        risk = risk_of(wanted.kind, weight, elevated=is_elevated)
        values = _values(wanted, payload, principal, now) | {"risk": risk.value}
        if _insert_once(session, values):
            return _put_before_people(session, wanted.key, policy, principal, now)
        known = _of_key(session, wanted.key)
    if known is None or not _is_same(known, wanted, payload, principal):
        raise BadInput(f"the key {wanted.key!r} was used for another proposal: give a new key")
    return _proposed(session, known, policy, is_new=False)


def elevated_by(
    effect: Effect,
    session: Session,
    payload: Mapping[str, Any],
    *,
    principal: Principal,
    now: datetime,
) -> bool:
    """Say whether the effect itself weighs this payload as one for more than its proposer."""
    if not isinstance(effect, Weighs):
        return False
    return effect.is_elevated(session, payload, principal=principal, now=now)


def rule_of(deciders: Sequence[Decider]) -> str:
    """Return the names of the rules that say who approves, for people."""
    names = dict.fromkeys(name for one in deciders for name in one.rules)
    return "; ".join(names) or "no rule permits it"


def proposer_role(session: Session, row: ProposedAction) -> Role:
    """Return the role of who proposed it; without a user it was the local owner."""
    user = session.get(User, row.proposer_id) if row.proposer_id is not None else None
    return role_of(user) if user else Role.OWNER


def _weighed(wanted: Wanted, payload: Mapping[str, Any]) -> Weight:
    weight = weight_of(payload)
    for name, given, stated in (
        ("discount", wanted.discount, weight.discount),
        ("amount", wanted.amount, weight.amount),
    ):
        if given is not None and given != stated:
            raise BadInput(
                f"the {name} is {given!r}, but the payload states {stated!r}: votes are bound to "
                "the payload, so state it there"
            )
    return weight


def _of_key(session: Session, key: str) -> ProposedAction | None:
    if not 0 < len(key) <= 200 or "#" in key:
        raise BadInput(f"{key[:40]!r} is no key: give 1 to 200 characters without '#'")
    # All keys that it can have by now, so that the index finds it among many.
    keys = [key, *(f"{key}#{number}" for number in range(2, MOST_EDITS + 2))]
    statement = select(ProposedAction).where(ProposedAction.key.in_(keys))
    return session.scalars(statement.execution_options(populate_existing=True)).first()


def _is_same(
    row: ProposedAction, wanted: Wanted, payload: Mapping[str, Any], principal: Principal
) -> bool:
    """Say whether the row is this very proposal; an edited one is, whatever it says by now."""
    if row.kind != wanted.kind or row.proposer_id != principal.user_id:
        return False
    return "#" in row.key or row.payload_sha256 == digest_of(wanted.kind, payload)


def _values(
    wanted: Wanted, payload: dict[str, Any], principal: Principal, now: datetime
) -> dict[str, Any]:
    return {
        "key": wanted.key,
        "kind": wanted.kind.value,
        "payload": payload,
        "payload_sha256": digest_of(wanted.kind, payload),
        "evidence": [plain_payload(fact) for fact in wanted.evidence],
        "rule": "",
        "agent": wanted.agent,
        "proposer_id": principal.user_id,
        "account_id": wanted.account_id,
        "opportunity_id": wanted.opportunity_id,
        "thread_id": wanted.thread_id,
        "status": ActionStatus.WAITING.value,
        "created_at": now,
        "expires_at": now + wanted.valid_for,
        "attempts": 0,
    }


def _insert_once(session: Session, values: dict[str, Any]) -> bool:
    """Insert the row unless its key is taken, and say whether it was inserted."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(ProposedAction).values(**values)
    put = statement.on_conflict_do_nothing(index_elements=["key"]).returning(ProposedAction.id)
    return session.execute(put).first() is not None


def _put_before_people(
    session: Session, key: str, policy: Policy, principal: Principal, now: datetime
) -> Proposed:
    row = session.scalars(select(ProposedAction).where(ProposedAction.key == key)).one()
    found = _proposed(session, row, policy, is_new=True)
    row.rule = found.rule
    deed = Deed(
        action="action.propose",
        object=address_of_action(row.id),
        after={
            "kind": row.kind,
            "payload": row.payload,
            "payload_sha256": row.payload_sha256,
            "risk": row.risk,
            "rule": row.rule,
        },
        read=[str(fact["id"]) for fact in row.evidence if fact.get("id")],
        subjects=subjects_of(row.payload),
        agent=row.agent,
    )
    record(session, deed, principal=principal, now=now)
    approve_by_rule(session, row, policy=policy, principal=principal, now=now)
    return _proposed(session, row, policy, is_new=True)


def approve_by_rule(
    session: Session, row: ProposedAction, *, policy: Policy, principal: Principal, now: datetime
) -> bool:
    """Approve the action if a rule of the company says so, and name the rule.

    It has to say so of its proposer, and of who worded it as it is now: an edit by somebody else
    takes none of the proposer's rights.
    """
    facts = replace(facts_of(row), own=True)
    verdict = verdict_of(policy, proposer_role(session, row), Deciding.APPROVE_AUTOMATICALLY, facts)
    if principal.user_id != row.proposer_id and verdict.is_allowed:
        asked = replace(facts, own=False)
        verdict = verdict_of(policy, principal.role, Deciding.APPROVE_AUTOMATICALLY, asked)
    if not verdict.is_allowed:
        return False
    rule = "; ".join(verdict.policies)
    session.execute(
        insert(ActionVote).values(
            action_id=row.id,
            payload_sha256=row.payload_sha256,
            person=BY_RULE,
            role=BY_RULE,
            vote=Vote.APPROVE.value,
            reason=f"{rule} (policy {policy.version})",
            at=now,
        )
    )
    approved = {"status": ActionStatus.APPROVED.value, "decided_at": now, "rule": rule}
    detail = {"rule": rule, "policy": policy.version}
    step(
        session,
        row,
        "approve_automatically",
        approved,
        principal=principal,
        now=now,
        detail=detail,
    )
    return True


def _proposed(session: Session, row: ProposedAction, policy: Policy, *, is_new: bool) -> Proposed:
    deciders = deciders_of(policy, facts_of(row), proposer_role(session, row))
    votes = select(ActionVote.id).where(
        ActionVote.action_id == row.id,
        ActionVote.payload_sha256 == row.payload_sha256,
        ActionVote.person == BY_RULE,
    )
    return Proposed(
        id=row.id,
        status=ActionStatus(row.status),
        payload_sha256=row.payload_sha256,
        risk=row.risk,
        rule=row.rule or rule_of(deciders),
        deciders=deciders,
        is_automatic=session.execute(votes).first() is not None,
        is_new=is_new,
    )
