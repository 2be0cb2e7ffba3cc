"""Asks the graph one question and returns the answer in the shape that surfaces rely on."""

import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from langchain_core.runnables import RunnableConfig

from copilot.agent.contract import Answer, Status, Tokens
from copilot.agent.desk import Request
from copilot.agent.graph import Graph, new_turn
from crm.access.threads import thread_key
from crm.principal import Principal

RECURSION_LIMIT = 20


def ask(
    graph: Graph,
    question: str,
    *,
    principal: Principal,
    as_of: datetime,
    thread_id: str | None = None,
    on_step: Callable[[str], None] | None = None,
) -> Answer:
    """Return the answer; a thread continues where it stood, and belongs to its principal.

    Raises BadInput for a question that cannot be read, TransientError and PermanentError when the
    model fails.
    """
    started = time.perf_counter()
    thread = thread_id or uuid.uuid4().hex[:12]
    config = RunnableConfig(
        configurable={"thread_id": thread_key(principal, thread)}, recursion_limit=RECURSION_LIMIT
    )
    stream = graph.stream(
        new_turn(question),
        config,
        context=Request(principal=principal, as_of=as_of),
        stream_mode="custom",
        durability="sync",
    )
    for event in stream:
        if on_step is not None and isinstance(event, dict) and "step" in event:
            on_step(event["step"])
    state = graph.get_state(config).values
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
