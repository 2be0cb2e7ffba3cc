"""`ask`: one question in, a cited answer out."""

from typing import Annotated

import typer

from copilot.agent.asking import ask as ask_graph
from copilot.agent.contract import Answer
from copilot.agent.graph import Graph
from copilot.cli.answers import EXIT_BY_STATUS, show_answer
from copilot.cli.approving import settle
from copilot.cli.console import err, print_json
from copilot.cli.context import (
    AsAnybody,
    AsOf,
    Context,
    Json,
    Outside,
    anybody_asks,
    moment,
    tell_what_is_missing,
)
from copilot.wiring import Installation
from crm.errors import BadInput
from crm.principal import Principal

_STEPS = {
    "plan": "planning…",
    "act": "looking it up…",
    "propose": "preparing…",
    "answer": "writing…",
    "verify": "checking…",
}
_MAX_THREAD = 100


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog='Examples:  sales-copilot ask "win rate by team this year"  ·  '
        'sales-copilot ask "上季度华东区成交金额是多少？" --as anna@acme.example --json'
    )(ask)


def ask(
    ctx: typer.Context,
    question: Annotated[str, typer.Argument(help="Your question, in English or Chinese.")],
    who: AsAnybody = None,
    outside: Outside = False,
    thread: Annotated[
        str | None, typer.Option(help="Continue this thread (its id is printed below an answer).")
    ] = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Answer one question from the CRM, calls and emails, with the facts it rests on.

    What is asked to be done (a task, a change, a discount, a mail) is proposed and waits for
    approval; on a terminal it is asked at once.
    """
    context: Context = ctx.obj
    with context.open(as_json=as_json, as_of=as_of, is_answer=True) as installation:
        principal = anybody_asks(installation, who, is_visitor=outside, as_json=as_json)
        with installation.graph() as graph:
            answer = put_question(
                installation, graph, question, principal, thread=thread, may_act=as_of is None
            )
            if not as_json:
                show_answer(answer)
                answer = settle(installation, graph, answer, principal)
        if as_json:
            print_json(answer)
        raise typer.Exit(EXIT_BY_STATUS[answer.status])


def put_question(
    installation: Installation,
    graph: Graph,
    question: str,
    principal: Principal,
    *,
    thread: str | None,
    may_act: bool = True,
) -> Answer:
    """Ask the graph, telling on the terminal what it is doing.

    Raises BadInput for a thread's name that cannot be one, and what the graph raises.
    """
    if thread is not None and not 0 < len(thread.strip()) <= _MAX_THREAD:
        raise BadInput(f"--thread has {len(thread)} characters: give 1 to {_MAX_THREAD}")
    with err.status("reading…") as status:
        answer = ask_graph(
            graph,
            question,
            principal=principal,
            as_of=moment(installation),
            thread_id=thread,
            on_step=lambda step: status.update(_STEPS.get(step, step)),
            may_act=may_act,
        )
    tell_what_is_missing(installation)
    return answer
