"""`ask` and `chat`: questions in, cited answers out."""

from typing import Annotated

import typer

from copilot.agent.asking import ask as ask_graph
from copilot.agent.contract import Answer, Status
from copilot.cli.answers import EXIT_BY_STATUS, show_answer
from copilot.cli.console import err, exit_code, out, print_json
from copilot.cli.context import As, AsOf, Context, Json, moment, who_asks
from crm.errors import CopilotError
from tools.language import detect_language

_STEPS = {"plan": "planning", "act": "looking it up", "answer": "writing", "verify": "checking"}


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        epilog='Examples:  sales-copilot ask "win rate by team this year"  ·  '
        'sales-copilot ask "上季度华东区成交金额是多少？" --as anna@acme.example --json'
    )(ask)
    app.command(epilog="Example:  sales-copilot chat --as anna@acme.example")(chat)


def ask(
    ctx: typer.Context,
    question: Annotated[str, typer.Argument(help="Your question, in English or Chinese.")],
    who: As = None,
    thread: Annotated[
        str | None, typer.Option(help="Continue this thread (its id is printed below an answer).")
    ] = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Answer one question from the CRM, calls and emails, with the facts it rests on."""
    context: Context = ctx.obj
    with context.open(as_json=as_json, as_of=as_of) as installation:
        try:
            principal = who_asks(installation, who, as_json=as_json)
            with installation.graph() as graph, err.status("…") as status:
                answer = ask_graph(
                    graph,
                    question,
                    principal=principal,
                    as_of=moment(installation),
                    thread_id=thread,
                    on_step=lambda step: status.update(_STEPS.get(step, step)),
                )
        except CopilotError as error:
            if not as_json:
                raise
            print_json(_failed(error, question, thread))
            raise typer.Exit(exit_code(error)) from None
        if as_json:
            print_json(answer)
        else:
            show_answer(answer)
        raise typer.Exit(EXIT_BY_STATUS[answer.status])


def _failed(error: CopilotError, question: str, thread: str | None) -> Answer:
    return Answer(
        status=Status.ERROR,
        answer=str(error),
        language=detect_language(question[:200]),
        thread_id=thread or "",
    )


def chat(
    ctx: typer.Context,
    who: As = None,
    thread: Annotated[str | None, typer.Option(help="Continue this thread.")] = None,
    as_of: AsOf = None,
) -> None:
    """Ask one question after another; the model stays warm and follow-ups are understood."""
    context: Context = ctx.obj
    with context.open(as_of=as_of) as installation:
        principal = who_asks(installation, who, as_json=False)
        out.print("[dim]Ask anything; an empty line or Ctrl-D ends.[/]")
        with installation.graph() as graph:
            while True:
                try:
                    question = out.input("[bold]› [/]").strip()
                except EOFError:
                    break
                if not question:
                    break
                try:
                    with err.status("…") as status:
                        answer = ask_graph(
                            graph,
                            question,
                            principal=principal,
                            as_of=moment(installation),
                            thread_id=thread,
                            on_step=lambda step, s=status: s.update(_STEPS.get(step, step)),  # type: ignore[misc]
                        )
                except CopilotError as error:
                    err.print(f"[bold red]error:[/] {error}")
                    continue
                thread = answer.thread_id
                show_answer(answer)
