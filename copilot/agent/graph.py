"""The graph: plan → act → answer → verify, or propose → approve → apply; every step is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.config import get_config, get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from copilot.agent.act_proposing import approval_desk, propose_said, report
from copilot.agent.acting import act
from copilot.agent.answering import write_sentences
from copilot.agent.approvals.graph import ApprovalState, ApprovalSteps
from copilot.agent.checking import check_sentences
from copilot.agent.contract import Status
from copilot.agent.desk import Desk, Request
from copilot.agent.planning import make_plan
from crm.tracing import span

MAX_STEPS = 3


class AskState(ApprovalState, total=False):
    """What is kept between steps and turns, all of it plain JSON.

    A turn begins by clearing everything but `previous`, which remembers the last plan that was
    answered, so that "and in Q3?" has something to build on. `turn` makes the keys of actions;
    `asides` is what is said beside them: what is missing, or was not taken up.
    """

    question: str
    language: str
    plan: dict[str, Any]
    tried: list[str]
    status: str
    interpretation: str
    facts: list[dict[str, Any]]
    sentences: list[dict[str, Any]]
    dropped: list[dict[str, Any]]
    candidates: list[str]
    needs_model: bool
    relevant: list[str]
    names: list[str]
    tokens_in: int
    tokens_out: int
    draft: dict[str, Any] | None
    previous: dict[str, Any]
    turn: str
    asides: list[str]
    actions: list[dict[str, Any]]


Graph = CompiledStateGraph[AskState, Request, AskState, AskState]


def new_turn(question: str, turn: str = "") -> AskState:
    """Return the state with which a turn begins; without an id it cannot act."""
    return AskState(
        question=question,
        plan={},
        tried=[],
        status="",
        interpretation="",
        facts=[],
        sentences=[],
        dropped=[],
        candidates=[],
        needs_model=False,
        relevant=[],
        names=[],
        tokens_in=0,
        tokens_out=0,
        draft=None,
        turn=turn,
        asides=[],
        actions=[],
        wanted=[],
        action_ids=[],
        decisions=[],
        outcomes=[],
    )


def build_graph(desk: Desk, checkpointer: BaseCheckpointSaver[Any] | None) -> Graph:
    """Return the compiled graph over a desk; threads need a checkpointer."""

    def plan(state: AskState, runtime: Runtime[Request]) -> dict[str, Any]:
        with _step("plan"):
            return make_plan(desk, runtime.context, dict(state))

    def run_tool(state: AskState, runtime: Runtime[Request]) -> dict[str, Any]:
        with _step("act"):
            return act(desk, runtime.context, dict(state))

    def answer(state: AskState, runtime: Runtime[Request]) -> dict[str, Any]:
        with _step("answer"):
            return write_sentences(desk, runtime.context, dict(state))

    def verify(state: AskState, runtime: Runtime[Request]) -> dict[str, Any]:
        with _step("verify"):
            return check_sentences(runtime.context, dict(state))

    def propose(state: AskState, runtime: Runtime[Request]) -> dict[str, Any]:
        with _step("propose"):
            thread_id = str(get_config()["configurable"].get("thread_id", ""))
            return propose_said(desk, runtime.context, state, thread_id)

    def tell(state: AskState, runtime: Runtime[Request]) -> dict[str, Any]:
        return report(desk, runtime.context, state)

    steps = ApprovalSteps(lambda: approval_desk(desk))

    def after_report(state: AskState, runtime: Runtime[Request]) -> str:
        # Without checkpoints nothing can wait; people decide in `approvals` then.
        can_wait = checkpointer is not None
        return "approve" if can_wait and steps.still_waits(state, runtime) else END

    builder = StateGraph(AskState, context_schema=Request)
    builder.add_node("plan", plan)
    builder.add_node("act", run_tool)
    builder.add_node("answer", answer)
    builder.add_node("verify", verify)
    builder.add_node("propose", propose)
    builder.add_node("approve", steps.approve)
    builder.add_node("decide", steps.decide)
    builder.add_node("apply", steps.apply)
    builder.add_node("report", tell)
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", _after_plan, ["act", "propose", END])
    builder.add_conditional_edges("act", _after_act, ["plan", "answer", "verify", END])
    builder.add_edge("answer", "verify")
    builder.add_edge("verify", END)
    # What a rule approves is carried out at once; the rest waits behind its report.
    builder.add_edge("propose", "apply")
    builder.add_edge("apply", "report")
    builder.add_conditional_edges("report", after_report, ["approve", END])
    builder.add_edge("approve", "decide")
    builder.add_edge("decide", "apply")
    return builder.compile(checkpointer=checkpointer)


def _after_plan(state: AskState) -> str:
    if state["status"]:
        return END
    return "propose" if state["wanted"] else "act"


def _after_act(state: AskState) -> str:
    if state["status"] == Status.NOT_FOUND and not state["sentences"]:
        return "plan" if len(state["tried"]) < MAX_STEPS else END
    if state["needs_model"]:
        return "answer"
    return "verify"


@contextmanager
def _step(name: str) -> Iterator[None]:
    get_stream_writer()({"step": name})
    with span(name):
        yield
