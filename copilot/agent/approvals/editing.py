"""Changes a waiting action: another payload, for which votes start anew, or another decider."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from copilot.agent.approvals.commitments import adds_commitment
from copilot.agent.approvals.deciding import caller_of, deciders_of, facts_of
from copilot.agent.approvals.effects import WRITES_TO, Effects, effect_for
from copilot.agent.approvals.payloads import digest_of, plain_payload, risk_of, weight_of
from copilot.agent.approvals.proposing import (
    MOST_EDITS,
    approve_by_rule,
    elevated_by,
    proposer_role,
    rule_of,
)
from copilot.agent.approvals.rows import lock_action, no_action, step
from copilot.agent.approvals.voters import Voter
from copilot.agent.approvals.voting import check_open
from crm.access.policy import Policy
from crm.errors import BadInput, NotFound
from crm.models import ActionStatus, EffectKind, ProposedAction, User
from crm.principal import Principal

_TARGETS = (
    "entity", "entity_id", "account_id", "opportunity_id", "contact_id", "proposal_id", "draft_id",
    WRITES_TO,
)  # fmt: skip


@dataclass(frozen=True)
class Edit:
    """Another payload for an action; `payload_sha256` is of the one that the editor looked at."""

    action_id: int
    payload_sha256: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Edited:
    """An action after an edit: the digest that votes are bound to from now on."""

    id: int
    status: ActionStatus
    payload_sha256: str
    risk: str
    rule: str


def edit(
    session: Session,
    wanted: Edit,
    *,
    effects: Effects,
    policy: Policy,
    principal: Principal,
    now: datetime,
) -> Edited:
    """Replace an action's payload; earlier votes are void, and so is an approval.

    Raises:
        NotFound: there is no such action, or the caller may not see it.
        BadInput: it is over, was edited by somebody else meanwhile, or would reach another record.
        What the effect's `check` raises.
    """
    row = _open_row(session, wanted.action_id, policy, principal, now)
    if row.payload_sha256 != wanted.payload_sha256:
        raise BadInput(f"action {row.id} was edited by somebody meanwhile: look at it again")
    payload = plain_payload(wanted.payload)
    if digest_of(row.kind, payload) == row.payload_sha256:
        return _as_edited(row)
    _check_target(row, payload)
    effect = effect_for(effects, row.kind)
    effect.check(session, payload, principal=principal, now=now)
    # Once it takes more than its proposer, no edit makes it less.
    is_elevated = (
        facts_of(row).elevated
        or adds_commitment(row.kind, row.payload, payload)
        or elevated_by(effect, session, payload, principal=principal, now=now)
    )
    before = {"payload": row.payload, "payload_sha256": row.payload_sha256}
    _replace(session, row, payload, policy=policy, is_elevated=is_elevated)
    step(
        session,
        row,
        "edit",
        {"status": ActionStatus.WAITING.value, "decided_at": None},
        principal=principal,
        now=now,
        detail={"payload": payload, "payload_sha256": row.payload_sha256, "was": before},
    )
    approve_by_rule(session, row, policy=policy, principal=principal, now=now)
    return _as_edited(row)


def delegate(
    session: Session,
    action_id: int,
    to_user_id: int,
    *,
    policy: Policy,
    principal: Principal,
    now: datetime,
) -> None:
    """Hand an action to a user who may then decide on it; the same once more changes nothing.

    Raises NotFound for the action or the user, BadInput if the user could not approve it even so.
    """
    row = _open_row(session, action_id, policy, principal, now)
    user = session.get(User, to_user_id)
    if user is None or not user.is_active or user.deleted_at is not None:
        raise NotFound(f"no active user {to_user_id!r}: name a colleague")
    if row.assignee_id == user.id:
        return
    before = row.assignee_id
    row.assignee_id = user.id
    receiver = caller_of(session, user, policy=policy, now=now)
    verdicts = Voter(session, policy=policy, principal=receiver, now=now).verdicts(row)
    if not any(verdict.is_allowed for verdict in verdicts):
        raise BadInput(
            f"{user.name!r} ({user.role}) may not approve action {row.id} even if it is handed "
            f"over: the policy names others ({row.rule})"
        )
    row.assignee_id = before
    step(session, row, "delegate", {"assignee_id": user.id}, principal=principal, now=now)


def _open_row(
    session: Session, action_id: int, policy: Policy, principal: Principal, now: datetime
) -> ProposedAction:
    row = lock_action(session, action_id)
    if not Voter(session, policy=policy, principal=principal, now=now).may_see(row):
        raise no_action(action_id)
    check_open(row, now)
    return row


def _check_target(row: ProposedAction, payload: Mapping[str, Any]) -> None:
    """Refuse to turn an action to another record: people who may see it were chosen by that."""
    for name in _TARGETS:
        if row.payload.get(name) != payload.get(name):
            raise BadInput(
                f"{name} is {row.payload.get(name)!r} and would become {payload.get(name)!r}: an "
                "edit changes what is done, not to what; reject it and propose the other"
            )


def _replace(
    session: Session,
    row: ProposedAction,
    payload: dict[str, Any],
    *,
    policy: Policy,
    is_elevated: bool,
) -> None:
    stem, _, number = row.key.partition("#")
    if int(number or 1) > MOST_EDITS:
        raise BadInput(f"action {row.id} was edited {MOST_EDITS} times: reject it, propose anew")
    row.key = f"{stem}#{int(number or 1) + 1}"
    row.payload = payload
    row.payload_sha256 = digest_of(row.kind, payload)
    row.risk = risk_of(EffectKind(row.kind), weight_of(payload), elevated=is_elevated).value
    row.rule = rule_of(deciders_of(policy, facts_of(row), proposer_role(session, row)))


def _as_edited(row: ProposedAction) -> Edited:
    return Edited(row.id, ActionStatus(row.status), row.payload_sha256, row.risk, row.rule)
