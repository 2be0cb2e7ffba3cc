"""The steps of approval as a graph of their own, for tests of what waits, resumes and acts."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from sqlalchemy.orm import Session

from copilot.agent.approvals.graph import ApprovalDesk, ApprovalState, ApprovalSteps, propose_all
from copilot.agent.approvals.proposing import Wanted, propose
from copilot.agent.desk import Request
from tests.approval_world import Desk

StepsGraph = CompiledStateGraph[ApprovalState, Request, ApprovalState, ApprovalState]


def config(thread: str = "t1") -> RunnableConfig:
    """Return the thread's configuration."""
    return RunnableConfig(configurable={"thread_id": thread})


def build_steps(desk: Desk, saver: BaseCheckpointSaver[Any]) -> StepsGraph:
    """Return propose → apply → approve → decide → apply … until nothing waits."""
    steps = ApprovalSteps(lambda: ApprovalDesk(desk.store, desk.effects, desk.policy))

    def put_all(state: ApprovalState, runtime: Runtime[Request]) -> dict[str, Any]:
        def put(session: Session, row: Mapping[str, Any]) -> int:
            return propose(
                session,
                Wanted(**row, agent="copilot", thread_id="t1"),
                effects=desk.effects,
                policy=desk.policy,
                principal=runtime.context.principal,
                now=runtime.context.as_of,
            ).id

        return propose_all(desk.store, state["wanted"], put)

    def after_apply(state: ApprovalState, runtime: Runtime[Request]) -> str:
        return "approve" if steps.still_waits(state, runtime) else END

    builder = StateGraph(ApprovalState, context_schema=Request)
    builder.add_node("propose", put_all)
    builder.add_node("approve", steps.approve)
    builder.add_node("decide", steps.decide)
    builder.add_node("apply", steps.apply)
    builder.add_edge(START, "propose")
    builder.add_edge("propose", "apply")
    builder.add_conditional_edges("apply", after_apply, ["approve", END])
    builder.add_edge("approve", "decide")
    builder.add_edge("decide", "apply")
    return builder.compile(checkpointer=saver)


def start(graph: StepsGraph, wanted: Sequence[Wanted], request: Request) -> dict[str, Any]:
    """Propose in the thread and return its state."""
    rows = [
        {
            "kind": one.kind,
            "payload": dict(one.payload),
            "key": one.key,
            "elevated": one.elevated,
            "account_id": one.account_id,
            "opportunity_id": one.opportunity_id,
        }
        for one in wanted
    ]
    begun = ApprovalState(wanted=rows, action_ids=[], decisions=[], outcomes=[])
    graph.invoke(begun, config(), context=request, durability="sync")
    return dict(graph.get_state(config()).values)


def waiting(graph: StepsGraph) -> list[dict[str, Any]]:
    """Return the numbers and digests for which the thread waits."""
    found = graph.get_state(config()).interrupts
    return [dict(action) for one in found for action in one.value["actions"]]
