"""Asks the graph one question and returns the answer in the shape that surfaces rely on."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from langchain_core.runnables import RunnableConfig

from copilot.agent.approvals.graph import resume_approval, take_up
from copilot.agent.contract import Answer, Status, Tokens
from copilot.agent.declining import settled
from copilot.agent.desk import Request
from copilot.agent.graph import Graph, new_turn
from copilot.llm.allowance import told_in
from crm.access.threads import thread_key
from crm.principal import Principal
from crm.tracing import count, measure, span
from tools.language import detect_language

RECURSION_LIMIT = 20


def ask(
    graph: Graph,
    question: str,
    *,
    principal: Principal,
    as_of: datetime,
    thread_id: str | None = None,
    on_step: Callable[[str], None] | None = None,
    may_act: bool = True,
) -> Answer:
    """Return the answer; a thread continues where it stood, and belongs to its principal.

    Side effects that are asked for are proposed, and the thread waits for the decision that
    `decide` hands in. Without `may_act` nothing is proposed.

    Raises BadInput for a question that cannot be read, TransientError and PermanentError when the
    model fails.
    """
    started = time.perf_counter()
    thread = thread_id or uuid.uuid4().hex[:12]
    config = _config(principal, thread)
    request = Request(principal=principal, as_of=as_of, may_act=may_act)
    if thread_id is not None:
        take_up(graph, config, request)
    status = Status.ERROR
    try:
        with span("ask") as told, told_in(detect_language(question)):
            _run(graph, question, config, request, on_step)
            answer = _answer(graph, config, principal, thread, started)
            status = answer.status
            told.note(status=status.value, language=answer.language)
    finally:
        count("questions", status=status.value)
        measure("question_seconds", time.perf_counter() - started, status=status.value)
    return answer


def _run(
    graph: Graph,
    question: str,
    config: RunnableConfig,
    request: Request,
    on_step: Callable[[str], None] | None,
) -> None:
    stream = graph.stream(
        new_turn(question, uuid.uuid4().hex),
        config,
        context=request,
        stream_mode="custom",
        durability="sync",
    )
    for event in stream:
        if on_step is not None and isinstance(event, dict) and "step" in event:
            on_step(event["step"])


def decide(
    graph: Graph,
    decisions: Sequence[Mapping[str, Any]],
    *,
    principal: Principal,
    as_of: datetime,
    thread_id: str,
) -> Answer:
    """Hand the caller's decisions to his waiting thread, and return what came of it.

    A decision is {"id", "payload_sha256", "vote", "reason"}. What was decided meanwhile, or twice,
    happens once. Raises NotFound for a thread in which nothing was asked.
    """
    started = time.perf_counter()
    config = _config(principal, thread_id)
    resume_approval(graph, config, decisions, Request(principal=principal, as_of=as_of))
    return _answer(graph, config, principal, thread_id, started)


def _config(principal: Principal, thread: str) -> RunnableConfig:
    return RunnableConfig(
        configurable={"thread_id": thread_key(principal, thread)}, recursion_limit=RECURSION_LIMIT
    )


def _answer(
    graph: Graph, config: RunnableConfig, principal: Principal, thread: str, started: float
) -> Answer:
    state = settled(graph.get_state(config).values, principal)
    sentences = state["sentences"]
    joiner = "" if state["language"] == "zh" else " "
    return Answer.model_validate(
        {
            "status": state["status"] or Status.ERROR,
            "answer": _whole(state) or joiner.join(one["text"] for one in sentences),
            "language": state["language"],
            "interpretation": state["interpretation"],
            "sentences": sentences,
            "facts": state["facts"],
            "dropped": state["dropped"],
            "candidates": state["candidates"],
            "actions": state.get("actions", []),
            "thread_id": thread,
            "took_ms": round((time.perf_counter() - started) * 1000),
            "draft": state.get("draft"),
            "tokens": Tokens(read=state["tokens_in"], written=state["tokens_out"]),
        }
    )


def _whole(state: dict[str, Any]) -> str:
    """Return a draft as one would read it, with what is said about it below; else nothing."""
    draft = state.get("draft")
    if not draft:
        return ""
    remark = state["sentences"][-1]["text"]
    return "\n\n".join(part for part in (draft["subject"], draft["body"], remark) if part)
