"""Asks the person at the terminal whether what the thread waits for may happen, and goes on."""

import json
from typing import Any

from rich.markup import escape

from copilot.agent.asking import decide
from copilot.agent.contract import Answer, ProposedBrief, Status
from copilot.agent.graph import Graph
from copilot.cli.answers import show_answer
from copilot.cli.console import out, say_error, stdin_is_terminal
from copilot.cli.context import moment
from copilot.cli.deciding import Seat
from copilot.wiring import Installation
from crm.errors import BadInput, CopilotError
from crm.models import ActionStatus, Vote
from crm.principal import Principal

_QUESTION = "Approve action {id}? · 批准操作 {id}？ [y/N/edit] "
_YES = frozenset({"y", "yes", "是", "批准", "同意"})
_EDIT = frozenset({"e", "edit", "改", "修改"})
_NO = frozenset({"", "n", "no", "否", "不"})


def settle(
    installation: Installation, graph: Graph, answer: Answer, principal: Principal
) -> Answer:
    """Return what came of the answer's actions after the caller decided on those that he may.

    Without a terminal nobody is asked, and the answer stays as it is: the thread waits.
    """
    waits = answer.status is Status.NEEDS_APPROVAL
    mine = [
        one
        for one in answer.actions
        if waits and one.status == ActionStatus.WAITING and one.you_may is not None
    ]
    if not mine or not stdin_is_terminal():
        return answer
    seat = Seat(installation, principal, moment(installation))
    chosen = [_decision(seat, one) for one in mine]
    decisions = [one for one in chosen if one is not None]
    if not decisions:
        out.print("[dim]It waits · 等待审批: `sales-copilot approvals list`[/]")
        return answer
    came = decide(
        graph,
        decisions,
        principal=principal,
        as_of=moment(installation),
        thread_id=answer.thread_id,
    )
    show_answer(came)
    return came


def _decision(seat: Seat, action: ProposedBrief) -> dict[str, Any] | None:
    """Ask until the person says yes or no; an edit is shown and asked about again."""
    digest, payload = action.payload_sha256, action.payload
    while True:
        said = _typed(_QUESTION.format(id=action.id)).lower()
        if said in _YES:
            vote = Vote.APPROVE.value
            return {"id": action.id, "payload_sha256": digest, "vote": vote, "reason": None}
        if said in _NO:
            return None
        if said in _EDIT:
            try:
                changed = _edited(payload)
                if changed is not None:
                    view = seat.edit(action.id, changed, digest=digest)
                    digest, payload = view.payload_sha256, view.payload
            except CopilotError as error:
                say_error(str(error))
            shown = json.dumps(payload, ensure_ascii=False, indent=2)
            out.print(escape(shown), highlight=False)


def _typed(question: str) -> str:
    try:
        return out.input(escape(question)).strip()
    except EOFError:
        return ""


def _edited(payload: dict[str, Any]) -> dict[str, Any] | None:
    """Return the payload with one value as the person types it, None if he leaves it."""
    text = _typed("field=value · 字段=值: ")
    name, sign, value = text.partition("=")
    name, value = name.strip(), value.strip()
    if not text:
        return None
    fields = payload.get("fields", {})
    if not sign or name not in {*payload, *fields}:
        names = ", ".join([*fields] or [*payload])
        raise BadInput(f"{text!r} changes nothing: write field=value, with one of {names}")
    if name in fields:
        changed = {**fields[name], "after": value or None}
        return {**payload, "fields": {**fields, name: changed}}
    return {**payload, name: _like(payload[name], value)}


def _like(before: object, value: str) -> object:
    """Return the value as a number where it was one, and as nothing where it is empty."""
    if not value:
        return None
    is_number = isinstance(before, int) and not isinstance(before, bool)
    return int(value) if is_number and value.lstrip("-").isdigit() else value
