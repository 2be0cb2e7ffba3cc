"""The graph: understand → plan → act → answer → verify, checkpointed after every step."""

from typing import Any, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from copilot.agent.acting import act
from copilot.agent.answering import write_sentences
from copilot.agent.checking import check_sentences
from copilot.agent.contract import Status
from copilot.agent.desk import Desk, Request
from copilot.agent.planning import make_plan

MAX_STEPS = 3


class AskState(TypedDict, total=False):
    """What is kept between steps and turns, all of it plain JSON.

    A turn begins by clearing everything but `previous`, which remembers the last plan that was
    answered, so that "and in Q3?" has something to build on.
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


Graph = CompiledStateGraph[AskState, Request, AskState, AskState]


def new_turn(question: str) -> AskState:
    """Return the state with which a turn begins."""
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
    )


def build_graph(desk: Desk, checkpointer: BaseCheckpointSaver[Any] | None) -> Graph:
    """Return the compiled graph over a desk; threads need a checkpointer."""

    def plan(state: AskState, runtime: Runtime[Request]) -> dict[str, Any]:
        _tell("plan")
        return make_plan(desk, runtime.context, dict(state))

    def run_tool(state: AskState, runtime: Runtime[Request]) -> dict[str, Any]:
        _tell("act")
        return act(desk, runtime.context, dict(state))

    def answer(state: AskState) -> dict[str, Any]:
        _tell("answer")
        return write_sentences(desk, dict(state))

    def verify(state: AskState, runtime: Runtime[Request]) -> dict[str, Any]:
        _tell("verify")
        return check_sentences(runtime.context, dict(state))

    builder = StateGraph(AskState, context_schema=Request)
    builder.add_node("plan", plan)
    builder.add_node("act", run_tool)
    builder.add_node("answer", answer)
    builder.add_node("verify", verify)
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", _after_plan, ["act", END])
    builder.add_conditional_edges("act", _after_act, ["plan", "answer", "verify", END])
    builder.add_edge("answer", "verify")
    builder.add_edge("verify", END)
    return builder.compile(checkpointer=checkpointer)


def _after_plan(state: AskState) -> str:
    return END if state["status"] else "act"


def _after_act(state: AskState) -> str:
    if state["status"] == Status.NOT_FOUND and not state["sentences"]:
        return "plan" if len(state["tried"]) < MAX_STEPS else END
    if state["needs_model"]:
        return "answer"
    return "verify"


def _tell(step: str) -> None:
    get_stream_writer()({"step": step})
