"""Finds which of many actions one caller is shown, by the columns alone that decide it."""

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Select, String, case, cast, func
from sqlalchemy.orm import Session

from copilot.agent.approvals.deciding import is_amount_asked
from copilot.agent.approvals.grounds import reads_what_it_touches, touched_by
from copilot.agent.approvals.payloads import Weight, weight_of
from copilot.agent.approvals.voters import Voter
from crm.models import EffectKind, ProposedAction

_AT_ONCE = 1_000
# What rules and reads look at in a payload; one that names none of it needs not be parsed.
_TOLD_BY = ('"discount"', '"amount_minor"', '"owner_id"', '"entity"')
_NO_WEIGHT = Weight()


@dataclass(frozen=True)
class Sifted:
    """The numbers of the first actions that the caller is shown, and how many are behind them."""

    ids: tuple[int, ...]
    more: int


class _Sketch(NamedTuple):
    """An action without what nobody decides by; its account and deal a query has seen to."""

    id: int
    kind: str
    risk: str
    proposer_id: int | None
    assignee_id: int | None
    payload: dict[str, Any]
    evidence: list[dict[str, Any]]
    account_id: int | None = None
    opportunity_id: int | None = None


def sift(
    session: Session,
    statement: Select[ProposedAction],
    *,
    voter: Voter,
    limit: int,
    must_decide: bool,
) -> Sifted:
    """Return the first actions of the statement that the caller is shown, and count the others.

    Its rows have to be those that he proposed or was handed, or whose account and deal he may
    read. With `must_decide` they are those that he may approve.
    """
    caller, row = voter.principal, ProposedAction
    if caller.is_local_owner:
        # Sees everything and may approve everything, whatever the rules say.
        ids = session.scalars(statement.with_only_columns(row.id).limit(limit)).all()
        counted = statement.with_only_columns(func.count(row.id)).order_by(None)
        return Sifted(tuple(ids), max(0, (session.scalar(counted) or 0) - len(ids)))
    if caller.user_id is None:
        return Sifted((), 0)
    columns = (
        row.id, row.kind, row.risk, row.proposer_id, row.assignee_id, cast(row.payload, String),
        case((row.kind == EffectKind.APPLY_FIELD_PROPOSAL, row.evidence)),
    )  # fmt: skip
    light = statement.with_only_columns(*columns).execution_options(yield_per=_AT_ONCE)
    sieve = _Sieve(voter, must_decide=must_decide)
    shown, count = list[int](), 0
    for portion in session.execute(light).partitions():
        found = sieve.left_of([_sketch(*one) for one in portion])
        shown += found[: limit - len(shown)]
        count += len(found)
    return Sifted(tuple(shown), count - len(shown))


class _Sieve:
    """What the caller may decide, asked once for all actions that are alike to the rules."""

    def __init__(self, voter: Voter, *, must_decide: bool) -> None:
        self._voter, self._must_decide = voter, must_decide
        self._me = voter.principal.user_id
        self._asks_amount = is_amount_asked(voter.policy)
        self._decides: dict[Hashable, bool] = {}

    def left_of(self, sketches: Sequence[_Sketch]) -> list[int]:
        """Return the numbers of those that the caller is shown, in their order."""
        self._voter.learn(one.proposer_id for one in sketches)
        wanted = [one for one in sketches if self._is_wanted(one)]
        others = [one for one in wanted if _names_records(one) and not self._is_mine(one)]
        reader = self._voter.reader
        reader.learn(address for one in others for address in touched_by(one))
        hidden = {one.id for one in others if not reads_what_it_touches(one, reader)}
        return [one.id for one in wanted if one.id not in hidden]

    def _is_mine(self, one: _Sketch) -> bool:
        return self._me in (one.proposer_id, one.assignee_id)

    def _is_wanted(self, one: _Sketch) -> bool:
        return (self._is_mine(one) and not self._must_decide) or self._may_decide(one)

    def _may_decide(self, one: _Sketch) -> bool:
        weight = weight_of(one.payload) if one.payload else _NO_WEIGHT
        amount = weight.amount if self._asks_amount else 0
        is_for_me = one.payload.get("owner_id") == self._me
        whose = (one.proposer_id, one.assignee_id, is_for_me)
        alike = (one.kind, one.risk, weight.discount, amount, *whose)
        if alike not in self._decides:
            verdicts = self._voter.verdicts(one)
            self._decides[alike] = any(verdict.is_allowed for verdict in verdicts)
        return self._decides[alike]


def _names_records(one: _Sketch) -> bool:
    return bool(one.evidence) or "entity" in one.payload


def _sketch(number: int, kind: str, *rest: Any) -> _Sketch:
    risk, proposer_id, assignee_id, text, evidence = rest
    payload = json.loads(text) if any(map(text.__contains__, _TOLD_BY)) else {}
    return _Sketch(number, kind, risk, proposer_id, assignee_id, payload, evidence or [])
