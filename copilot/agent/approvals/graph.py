"""The steps of a graph that act: propose → approve (waits for people) → decide → apply."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt
from sqlalchemy.orm import Session

from copilot.agent.approvals.applying import Applying, apply_approved
from copilot.agent.approvals.effects import Effects
from copilot.agent.approvals.expiring import expire_due
from copilot.agent.approvals.listing import UNFINISHED, ActionView, show_action
from copilot.agent.approvals.rows import read_action
from copilot.agent.approvals.voting import Ballot, vote
from copilot.agent.desk import Request
from crm.access.policy import Policy
from crm.errors import BadInput, CopilotError, NotFound
from crm.models import ActionStatus, Vote
from crm.store import Store

_BEGUN = frozenset({"approve", "decide", "apply", "report"})


@dataclass(frozen=True)
class ApprovalDesk:
    """What the graph works with."""

    store: Store
    effects: Effects
    policy: Policy


class ApprovalState(TypedDict, total=False):
    """What is kept between steps, all of it plain JSON; payloads live in the database."""

    wanted: list[dict[str, Any]]
    action_ids: list[int]
    decisions: list[dict[str, Any]]
    outcomes: list[dict[str, Any]]


class ApprovalSteps:
    """The nodes of a graph that puts actions before people, over a desk that is made when needed.

    Every node may run again after a kill: keys make that harmless. The effect has a node of its
    own after the interrupt, so a resumed interrupt never repeats it.
    """

    def __init__(self, desk: Callable[[], ApprovalDesk]) -> None:
        self._desk = desk

    def approve(self, state: ApprovalState, runtime: Runtime[Request]) -> dict[str, Any]:
        """Wait for people, unless all was decided elsewhere, by a rule or by the clock."""
        waiting = _waiting(self._desk(), runtime.context, state["action_ids"])
        return {"decisions": interrupt({"actions": waiting}) if waiting else []}

    def decide(self, state: ApprovalState, runtime: Runtime[Request]) -> dict[str, Any]:
        """Count the votes of whoever resumed the thread."""
        return {"outcomes": _decide_all(self._desk(), runtime.context, state)}

    def apply(self, state: ApprovalState, runtime: Runtime[Request]) -> dict[str, Any]:
        """Carry out what is approved, each once."""
        return {"outcomes": _apply_all(self._desk(), runtime.context, state), "decisions": []}

    def still_waits(self, state: ApprovalState, runtime: Runtime[Request]) -> bool:
        """Say whether somebody still has to decide."""
        return bool(_waiting(self._desk(), runtime.context, state["action_ids"]))


def propose_all(
    store: Store,
    rows: Sequence[Mapping[str, Any]],
    put: Callable[[Session, Mapping[str, Any]], int],
) -> dict[str, Any]:
    """Propose every row through `put`, and return the numbers and what was refused, as state."""
    ids: list[int] = []
    outcomes: list[dict[str, Any]] = []
    for row in rows:
        try:
            with store.session() as session:
                ids.append(put(session, row))
        except CopilotError as error:
            outcomes.append(_refused(None, error))
    return {"action_ids": ids, "outcomes": outcomes, "wanted": []}


def resume_approval(
    graph: CompiledStateGraph[Any, Request, Any, Any],
    config: RunnableConfig,
    decisions: Sequence[Mapping[str, Any]],
    request: Request,
) -> None:
    """Hand people's decisions to a thread that waits.

    A decision is {"id", "payload_sha256", "vote", "reason"}; the state's `outcomes` say for each
    action what came of it, and which decisions were refused and why. A thread that is done stays as
    it is: the second click changes nothing. One that was killed in between goes on first.
    Raises NotFound for a thread that never began.
    """
    state = graph.get_state(config)
    if not state.values:
        raise NotFound("this thread is not there: nothing was proposed in it, or it is another's")
    if take_up(graph, config, request):
        state = graph.get_state(config)
    if state.next and state.interrupts:
        answers = {one.id: [dict(decision) for decision in decisions] for one in state.interrupts}
        graph.invoke(Command(resume=answers), config, context=request, durability="sync")


def take_up(
    graph: CompiledStateGraph[Any, Request, Any, Any], config: RunnableConfig, request: Request
) -> bool:
    """Go on in a thread that was killed between a vote and its effect; say whether it was."""
    state = graph.get_state(config)
    if state.interrupts or not set(state.next) & _BEGUN:
        return False
    graph.invoke(None, config, context=request, durability="sync")
    return True


def _waiting(desk: ApprovalDesk, request: Request, ids: Sequence[int]) -> list[dict[str, Any]]:
    """Return the actions that are not over: numbers and digests, which name no customer.

    What was decided elsewhere, by a rule or by the clock does not wait; what another process began
    and did not end, or what lacks its set-up, is tried again when the thread is resumed.
    """
    with desk.store.session() as session:
        expire_due(session, principal=request.principal, now=request.as_of)
        rows = [read_action(session, action_id) for action_id in ids]
        return [
            {"id": row.id, "payload_sha256": row.payload_sha256}
            for row in rows
            if row.status in UNFINISHED
        ]


def _decide_all(desk: ApprovalDesk, request: Request, state: ApprovalState) -> list[dict[str, Any]]:
    """Count the votes of whoever resumed the thread; those that are refused are told why."""
    outcomes = []
    for decision in state["decisions"]:
        try:
            ballot = _ballot(decision, state["action_ids"])
            with desk.store.session() as session:
                vote(
                    session,
                    ballot,
                    policy=desk.policy,
                    principal=request.principal,
                    now=request.as_of,
                )
        except CopilotError as error:
            outcomes.append(_refused(decision.get("id"), error))
    return outcomes


def _ballot(decision: Mapping[str, Any], action_ids: Sequence[int]) -> Ballot:
    number, choice = decision.get("id"), decision.get("vote")
    if number not in action_ids or choice not in {one.value for one in Vote}:
        raise BadInput(f"{choice!r} on {number!r} is no decision of this thread: look at it again")
    reason = decision.get("reason")
    digest = str(decision.get("payload_sha256") or "")
    return Ballot(int(str(number)), digest, Vote(choice), None if reason is None else str(reason))


def _apply_all(desk: ApprovalDesk, request: Request, state: ApprovalState) -> list[dict[str, Any]]:
    outcomes = [one for one in state["outcomes"] if one["error"] is not None]
    applying = Applying(desk.effects, desk.policy, request.principal, request.as_of)
    for action_id in state["action_ids"]:
        view = _view(desk, request, action_id)
        if view is None or view.status is ActionStatus.WAITING:
            continue
        outcome = {"id": action_id, "status": view.status.value, "result": view.result}
        error = view.error
        if view.status in {ActionStatus.APPROVED, ActionStatus.APPLYING}:
            try:
                done = apply_approved(desk.store, action_id, applying)
                outcome |= {"status": done.status.value, "result": done.result}
                error = done.error
            except CopilotError as refused:
                error = str(refused)
        outcomes.append(outcome | {"error": error})
    return outcomes


def _view(desk: ApprovalDesk, request: Request, action_id: int) -> ActionView | None:
    with desk.store.session() as session:
        try:
            return show_action(
                session,
                action_id,
                policy=desk.policy,
                principal=request.principal,
                now=request.as_of,
            )
        except NotFound:
            return None


def _refused(action_id: int | None, error: CopilotError) -> dict[str, Any]:
    return {"id": action_id, "status": None, "result": None, "error": str(error)}
