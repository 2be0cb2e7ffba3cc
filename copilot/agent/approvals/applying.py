"""Carries approved actions out, each once, whoever asks and however often."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from copilot.agent.approvals.effects import (
    Effect,
    Effects,
    NotBegun,
    Settles,
    effect_for,
    route,
)
from copilot.agent.approvals.payloads import Risk, digest_of, plain_payload, subjects_of
from copilot.agent.approvals.proposing import elevated_by
from copilot.agent.approvals.rows import approvals_of, lock_action, no_action, read_action, step
from copilot.agent.approvals.voters import Voter
from crm.access.policy import Policy
from crm.audit.trail import Deed, record
from crm.errors import (
    BadInput,
    CopilotError,
    NeedsApproval,
    NotAllowed,
    NotFound,
    PermanentError,
    TransientError,
)
from crm.models import ActionStatus, EffectKind, ProposedAction
from crm.principal import Principal
from crm.store import Store
from crm.tracing import span

LEASE = timedelta(minutes=10)
"""For how long one process has an external effect to itself; effects time out well before."""

CLOCKS_APART = timedelta(hours=1)
"""How far machines' clocks may differ. A claim from further ahead is of a clock that went back."""


@dataclass(frozen=True)
class Applied:
    """What came of an action; `is_new` says whether it happened in this very call."""

    id: int
    kind: str
    status: ActionStatus
    result: dict[str, Any] | None
    is_new: bool
    error: str | None = None


@dataclass(frozen=True)
class Applying:
    """What applying works with: the effects, the policy, who asks, and when."""

    effects: Effects
    policy: Policy
    principal: Principal
    now: datetime
    lease: timedelta = LEASE


@dataclass(frozen=True)
class _Claim:
    action_id: int
    key: str
    payload: dict[str, Any]
    attempt: int
    until: datetime


class _RefusedError(Exception):
    """The effect said that this payload was not carried out, and never will be."""

    def __init__(self, error: CopilotError) -> None:
        super().__init__(str(error))
        self.error = error


def apply_approved(store: Store, action_id: int, applying: Applying) -> Applied:
    """Carry an approved action out, or return what came of it if that was done already.

    Raises:
        NotFound: there is no such action, or the caller may not see it.
        NeedsApproval: somebody still has to approve it.
        BadInput: it was rejected, has expired or failed; or the effect refuses it now.
        TransientError: another process is at it, or it is not known whether it happened.
        PermanentError: it did not happen, and the set-up has to be mended first.
    """
    with store.session() as session:
        row = read_action(session, action_id)
        voter = Voter(
            session, policy=applying.policy, principal=applying.principal, now=applying.now
        )
        if not voter.may_see(row):
            raise no_action(action_id)
        if row.status == ActionStatus.APPLIED:
            return _applied(row, is_new=False)
        is_begun = row.status != ActionStatus.APPROVED or row.attempts > 0
        effect = effect_for(applying.effects, row.kind)
        refused: _RefusedError | None = None
        try:
            effect = route(effect, session, row.payload, principal=applying.principal)
        except NotFound as gone:
            # What may be on its way is left to whoever looks it up.
            if is_begun:
                raise
            refused = _RefusedError(gone)
    try:
        if refused is not None:
            raise refused
        with span("effect", kind=row.kind):
            if effect.is_external:
                return _apply_outside(store, action_id, effect, applying)
            return _apply_inside(store, action_id, effect, applying)
    except _RefusedError as refused:
        _mark_failed(store, action_id, refused.error, applying)
        raise refused.error from refused


def resume_applying(store: Store, applying: Applying) -> list[Applied]:
    """Take up what was approved but not begun, and what was begun by a process that is gone.

    What raises on this try too stands in the list with its error; the rest goes on.
    """
    until, now = ProposedAction.claimed_until, applying.now
    is_left = and_(
        ProposedAction.status == ActionStatus.APPLYING,
        or_(until <= now, until > now + applying.lease + CLOCKS_APART),
    )
    is_fresh = and_(
        ProposedAction.status == ActionStatus.APPROVED,
        or_(ProposedAction.expires_at > applying.now, ProposedAction.attempts > 0),
    )
    statement = select(ProposedAction.id, ProposedAction.kind).where(or_(is_left, is_fresh))
    with store.session() as session:
        waiting = session.execute(statement.order_by(ProposedAction.id)).all()
    return [_tried(store, row.id, row.kind, applying) for row in waiting]


def _tried(store: Store, action_id: int, kind: str, applying: Applying) -> Applied:
    try:
        return apply_approved(store, action_id, applying)
    except CopilotError as error:
        status = ActionStatus.APPROVED
        with store.session() as session:
            row = session.get(ProposedAction, action_id)
            status = ActionStatus(row.status) if row else status
        return Applied(action_id, kind, status, None, is_new=False, error=str(error))


def _apply_inside(store: Store, action_id: int, effect: Effect, applying: Applying) -> Applied:
    """Carry out in the transaction in which the row becomes applied: both happen, or neither."""
    with store.session() as session:
        row = lock_action(session, action_id)
        if row.status == ActionStatus.APPLIED:
            return _applied(row, is_new=False)
        _check_ready(session, row, applying.now)
        with _refusals():
            _check_still_his(session, row, applying)
            result = _do(session, row.payload, row.key, effect, applying)
        return _record_done(session, row, result, applying, word="apply")


def _apply_outside(store: Store, action_id: int, effect: Effect, applying: Applying) -> Applied:
    with store.session() as session:
        row = lock_action(session, action_id)
        if row.status == ActionStatus.APPLIED:
            return _applied(row, is_new=False)
        claim = _claim(session, row, applying)
    try:
        result, word = effect.done_already(claim.payload, key=claim.key), "find_applied"
    except (TransientError, PermanentError) as error:
        # Nothing was tried, so nobody has to wait for what may still be on its way.
        _release(store, claim, error, applying, ActionStatus.APPLYING)
        raise
    if result is None:
        result, word = _carry_out(store, claim, effect, applying), "apply"
    with store.session() as session:
        row = lock_action(session, action_id)
        if row.status == ActionStatus.APPLIED:
            return _applied(row, is_new=False)
        if isinstance(effect, Settles):
            result = effect.settle(session, claim.payload, result, key=claim.key, now=applying.now)
        return _record_done(session, row, result, applying, word=word)


def _carry_out(store: Store, claim: _Claim, effect: Effect, applying: Applying) -> dict[str, Any]:
    try:
        with store.session() as session, _refusals():
            return _do(session, claim.payload, claim.key, effect, applying)
    except (NotBegun, PermanentError) as error:
        _release(store, claim, error, applying, ActionStatus.APPROVED)
        raise
    except TransientError as error:
        raise _unknown(claim, error) from error


def _unknown(claim: _Claim, error: TransientError) -> TransientError:
    """Return the error with when it is taken up: what may be on its way must not happen twice."""
    return TransientError(
        f"{error}. It is not known whether it was done, so action {claim.action_id} is looked up "
        f"and taken up again after {claim.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC: "
        f"`sales-copilot approvals apply {claim.action_id}` then"
    )


def _do(
    session: Session, payload: dict[str, Any], key: str, effect: Effect, applying: Applying
) -> dict[str, Any]:
    """Check once more, since the world may have changed since people decided, then carry out."""
    principal, now = applying.principal, applying.now
    effect.check(session, payload, principal=principal, now=now)
    return effect.carry_out(session, payload, key=key, principal=principal, now=now)


def _claim(session: Session, row: ProposedAction, applying: Applying) -> _Claim:
    """Take the action for this process until the lease ends; one of several gets it."""
    now, until = applying.now, applying.now + applying.lease
    if row.status == ActionStatus.APPLYING:
        last = until + CLOCKS_APART
        if row.claimed_until is not None and now < row.claimed_until <= last:
            raise TransientError(
                f"action {row.id} is being carried out: ask again after "
                f"{row.claimed_until:%Y-%m-%d %H:%M} UTC"
            )
    else:
        _check_ready(session, row, now)
    _check_digest(row)
    taken = (
        update(ProposedAction)
        .where(
            ProposedAction.id == row.id,
            ProposedAction.status == row.status,
            ProposedAction.attempts == row.attempts,
            ProposedAction.payload_sha256 == row.payload_sha256,
        )
        .values(status=ActionStatus.APPLYING.value, claimed_until=until)
        .returning(ProposedAction.id)
        .execution_options(synchronize_session=False)
    )
    if len(session.execute(taken).all()) != 1:
        raise TransientError(f"action {row.id} was taken by another process: ask again")
    attempt = row.attempts + 1
    step(
        session,
        row,
        "claim",
        {
            "status": ActionStatus.APPLYING.value,
            "claimed_until": until,
            "attempts": attempt,
            "error": None,
        },
        principal=applying.principal,
        now=now,
        detail={"payload_sha256": row.payload_sha256, "until": until.isoformat()},
    )
    return _Claim(row.id, row.key, row.payload, attempt, until)


def _check_ready(session: Session, row: ProposedAction, now: datetime) -> None:
    if row.status == ActionStatus.WAITING:
        raise NeedsApproval(
            f"action {row.id} waits for approval ({row.rule}): `sales-copilot approvals show "
            f"{row.id}` says by whom"
        )
    if row.status != ActionStatus.APPROVED:
        why = f": {row.error}" if row.error else ""
        raise BadInput(f"action {row.id} is {row.status}{why}; propose it anew")
    if row.expires_at <= now and not row.attempts:
        raise BadInput(f"action {row.id} expired at {row.expires_at:%Y-%m-%d %H:%M}")
    _check_digest(row)
    if not approvals_of(session, row):
        raise NeedsApproval(f"nobody approved the payload that action {row.id} has now")


def _check_still_his(session: Session, row: ProposedAction, applying: Applying) -> None:
    """Refuse what its proposer decides alone, once the record went to a colleague."""
    principal = applying.principal
    if row.risk == Risk.HIGH or row.proposer_id is None or row.proposer_id != principal.user_id:
        return
    effect = applying.effects[EffectKind(row.kind)]
    if elevated_by(effect, session, row.payload, principal=principal, now=applying.now):
        raise NotAllowed(
            f"action {row.id} is for more than {principal.name!r} alone by now, since whose record "
            "it changes was changed: propose it anew"
        )


def _check_digest(row: ProposedAction) -> None:
    if digest_of(row.kind, row.payload) != row.payload_sha256:
        raise PermanentError(
            f"the payload of action {row.id} is not the one that was approved: the database was "
            "changed past the product; see `sales-copilot audit verify`"
        )


def _record_done(
    session: Session, row: ProposedAction, result: dict[str, Any], applying: Applying, *, word: str
) -> Applied:
    result = plain_payload(result)
    detail = {
        "payload_sha256": row.payload_sha256,
        "approved_by": approvals_of(session, row),
        "result": result,
    }
    step(
        session,
        row,
        word,
        {
            "status": ActionStatus.APPLIED.value,
            "applied_at": applying.now,
            "claimed_until": None,
            "result": result,
            "error": None,
        },
        principal=applying.principal,
        now=applying.now,
        detail=detail,
    )
    if result.get("object"):
        deed = Deed(
            action=f"effect.{row.kind}",
            object=str(result["object"]),
            before=result.get("before"),
            after=result.get("after"),
            read=[f"action:{row.id}"],
            subjects=subjects_of(row.payload),
            agent=row.agent,
        )
        record(session, deed, principal=applying.principal, now=applying.now)
    return _applied(row, is_new=True)


def _release(
    store: Store, claim: _Claim, error: CopilotError, applying: Applying, status: ActionStatus
) -> None:
    """End this process's claim, unless another one has taken the action up since."""
    with store.session() as session:
        row = lock_action(session, claim.action_id)
        if row.status == ActionStatus.APPLYING and row.attempts == claim.attempt:
            step(
                session,
                row,
                "postpone",
                {
                    "status": status.value,
                    "claimed_until": applying.now,
                    "error": str(error),
                },
                principal=applying.principal,
                now=applying.now,
            )


def _mark_failed(store: Store, action_id: int, error: CopilotError, applying: Applying) -> None:
    with store.session() as session:
        row = lock_action(session, action_id)
        if row.status in {ActionStatus.APPROVED, ActionStatus.APPLYING}:
            step(
                session,
                row,
                "fail",
                {
                    "status": ActionStatus.FAILED.value,
                    "claimed_until": None,
                    "error": str(error),
                },
                principal=applying.principal,
                now=applying.now,
            )


@contextmanager
def _refusals() -> Iterator[None]:
    """Tell what an effect refuses from what is refused before it is asked."""
    try:
        yield
    except (BadInput, NotFound, NotAllowed) as error:
        raise _RefusedError(error) from error


def _applied(row: ProposedAction, *, is_new: bool) -> Applied:
    done = Applied(row.id, row.kind, ActionStatus(row.status), row.result, is_new)
    return replace(done, error=row.error)
