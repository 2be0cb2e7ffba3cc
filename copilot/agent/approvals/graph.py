"""The graph of side effects: propose → approve (waits for people) → decide → apply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.config import get_config
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt

from copilot.agent.approvals.applying import Applying, apply_approved
from copilot.agent.approvals.effects import Effects
from copilot.agent.approvals.expiring import expire_due
from copilot.agent.approvals.listing import ActionView, show_action
from copilot.agent.approvals.proposing import Wanted, propose
from copilot.agent.approvals.rows import read_action
from copilot.agent.approvals.voting import Ballot, vote
from crm.access.policy import Policy
from crm.errors import BadInput, CopilotError, NotFound
from crm.models import ActionStatus, EffectKind, Vote
from crm.principal import Principal
from crm.store import Store

AGENT = "copilot"


@dataclass(frozen=True)
class ApprovalDesk:
    """What the graph works with."""

    store: Store
    effects: Effects
    policy: Policy


@dataclass(frozen=True)
class Caller:
    """Who asks or decides in this call, and when; the surface knows it, never the model."""

    principal: Principal
    now: datetime


class ApprovalState(TypedDict, total=False):
    """What is kept between steps, all of it plain JSON; payloads live in the database."""

    wanted: list[dict[str, Any]]
    action_ids: list[int]
    decisions: list[dict[str, Any]]
    outcomes: list[dict[str, Any]]


ApprovalGraph = CompiledStateGraph[ApprovalState, Caller, ApprovalState, ApprovalState]


def as_state(wanted: Sequence[Wanted]) -> ApprovalState:
    """Return the state with which side effects are proposed."""
    rows = [
        {
            "kind": one.kind.value,
            "payload": dict(one.payload),
            "key": one.key,
            "evidence": [dict(fact) for fact in one.evidence],
            "elevated": one.elevated,
            "account_id": one.account_id,
            "opportunity_id": one.opportunity_id,
        }
        for one in wanted
    ]
    return ApprovalState(wanted=rows, action_ids=[], decisions=[], outcomes=[])


def build_approval_graph(
    desk: ApprovalDesk, checkpointer: BaseCheckpointSaver[Any]
) -> ApprovalGraph:
    """Return the compiled graph. Every node may run again after a kill: keys make that harmless.

    The effect has a node of its own after the interrupt, so a resumed interrupt never repeats it.
    """

    def propose_all(state: ApprovalState, runtime: Runtime[Caller]) -> dict[str, Any]:
        thread_id = str(get_config()["configurable"]["thread_id"])
        return _propose_all(desk, runtime.context, state["wanted"], thread_id)

    def approve(state: ApprovalState, runtime: Runtime[Caller]) -> dict[str, Any]:
        waiting = _waiting(desk, runtime.context, state["action_ids"])
        return {"decisions": interrupt({"actions": waiting}) if waiting else []}

    def decide(state: ApprovalState, runtime: Runtime[Caller]) -> dict[str, Any]:
        return {"outcomes": _decide_all(desk, runtime.context, state)}

    def apply(state: ApprovalState, runtime: Runtime[Caller]) -> dict[str, Any]:
        return {"outcomes": _apply_all(desk, runtime.context, state), "decisions": []}

    def after_apply(state: ApprovalState, runtime: Runtime[Caller]) -> str:
        waiting = _waiting(desk, runtime.context, state["action_ids"])
        return "approve" if waiting else END

    builder = StateGraph(ApprovalState, context_schema=Caller)
    builder.add_node("propose", propose_all)
    builder.add_node("approve", approve)
    builder.add_node("decide", decide)
    builder.add_node("apply", apply)
    builder.add_edge(START, "propose")
    builder.add_edge("propose", "approve")
    builder.add_edge("approve", "decide")
    builder.add_edge("decide", "apply")
    builder.add_conditional_edges("apply", after_apply, ["approve", END])
    return builder.compile(checkpointer=checkpointer)


def start_approval(
    graph: ApprovalGraph, thread_id: str, wanted: Sequence[Wanted], caller: Caller
) -> ApprovalState:
    """Propose side effects in a thread, and return its state: where it waits, or what came of it.

    A thread that has begun already goes on from where it is.
    """
    config = _config(thread_id)
    begun = graph.get_state(config)
    if not begun.values:
        graph.invoke(as_state(wanted), config, context=caller, durability="sync")
    elif begun.next and not begun.interrupts:
        graph.invoke(None, config, context=caller, durability="sync")
    return _values(graph, thread_id)


def resume_approval(
    graph: ApprovalGraph, thread_id: str, decisions: Sequence[Mapping[str, Any]], caller: Caller
) -> ApprovalState:
    """Hand people's decisions to a thread that waits, and return its state afterwards.

    A decision is {"id", "payload_sha256", "vote", "reason"}; `outcomes` says for each action what
    came of it, and which decisions were refused and why. A thread that is done stays as it
    is: the second click changes nothing. One that was killed in between goes on first.
    Raises NotFound for a thread that never began.
    """
    config = _config(thread_id)
    state = graph.get_state(config)
    if not state.values:
        raise NotFound(f"no thread {thread_id!r} waits for approval: propose something first")
    if state.next and not state.interrupts:
        graph.invoke(None, config, context=caller, durability="sync")
        state = graph.get_state(config)
    if state.next and state.interrupts:
        answers = {one.id: [dict(decision) for decision in decisions] for one in state.interrupts}
        graph.invoke(Command(resume=answers), config, context=caller, durability="sync")
    return _values(graph, thread_id)


def waiting_actions(
    desk: ApprovalDesk, graph: ApprovalGraph, thread_id: str, caller: Caller
) -> list[ActionView]:
    """Return what a thread waits for, as far as the caller may see it, with hashes to vote on."""
    state = graph.get_state(_config(thread_id))
    ids = [action["id"] for one in state.interrupts for action in one.value["actions"]]
    views = (_view(desk, caller, action_id) for action_id in ids)
    return [view for view in views if view is not None and view.status is ActionStatus.WAITING]


def _propose_all(
    desk: ApprovalDesk, caller: Caller, wanted: Sequence[Mapping[str, Any]], thread_id: str
) -> dict[str, Any]:
    ids, outcomes = [], []
    for row in wanted:
        one = Wanted(**{**row, "kind": EffectKind(row["kind"])}, agent=AGENT, thread_id=thread_id)
        try:
            with desk.store.session() as session:
                made = propose(
                    session,
                    one,
                    effects=desk.effects,
                    policy=desk.policy,
                    principal=caller.principal,
                    now=caller.now,
                )
        except CopilotError as error:
            outcomes.append(_refused(None, error))
        else:
            ids.append(made.id)
    return {"action_ids": ids, "outcomes": outcomes, "wanted": []}


def _waiting(desk: ApprovalDesk, caller: Caller, ids: Sequence[int]) -> list[dict[str, Any]]:
    """Return the actions that wait for a vote: numbers and digests, which name no customer.

    What was decided elsewhere, by a rule or by the clock does not wait.
    """
    with desk.store.session() as session:
        expire_due(session, principal=caller.principal, now=caller.now)
        rows = [read_action(session, action_id) for action_id in ids]
        return [
            {"id": row.id, "payload_sha256": row.payload_sha256}
            for row in rows
            if row.status == ActionStatus.WAITING
        ]


def _decide_all(desk: ApprovalDesk, caller: Caller, state: ApprovalState) -> list[dict[str, Any]]:
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
                    principal=caller.principal,
                    now=caller.now,
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


def _apply_all(desk: ApprovalDesk, caller: Caller, state: ApprovalState) -> list[dict[str, Any]]:
    outcomes = [one for one in state["outcomes"] if one["error"] is not None]
    applying = Applying(desk.effects, desk.policy, caller.principal, caller.now)
    for action_id in state["action_ids"]:
        view = _view(desk, caller, action_id)
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


def _view(desk: ApprovalDesk, caller: Caller, action_id: int) -> ActionView | None:
    with desk.store.session() as session:
        try:
            return show_action(
                session,
                action_id,
                policy=desk.policy,
                principal=caller.principal,
                now=caller.now,
            )
        except NotFound:
            return None


def _refused(action_id: int | None, error: CopilotError) -> dict[str, Any]:
    return {"id": action_id, "status": None, "result": None, "error": str(error)}


def _config(thread_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id}}


def _values(graph: ApprovalGraph, thread_id: str) -> ApprovalState:
    return cast("ApprovalState", graph.get_state(_config(thread_id)).values)
