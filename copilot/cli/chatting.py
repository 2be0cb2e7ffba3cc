"""`chat`: one question after another on a terminal or from a pipe, in one thread."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.markup import escape

from copilot.agent.contract import Answer
from copilot.agent.graph import Graph
from copilot.cli.answers import show_answer, show_facts
from copilot.cli.approving import settle
from copilot.cli.asking import put_question
from copilot.cli.console import err, exit_code, out, say_error
from copilot.cli.context import AsAnybody, AsOf, Context, Outside, anybody_asks
from copilot.wiring import Installation
from crm.errors import CopilotError
from crm.principal import Principal

_HELP = """\
/facts  everything that the last answer rests on · 上一个回答的全部依据
/new    forget what was said, begin a new thread · 新的对话
/help   this · 帮助
/quit   end (or Ctrl-D) · 结束"""


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Examples:  sales-copilot chat --as anna@acme.example  ·  "
        "sales-copilot chat < questions.txt"
    )(chat)


def chat(
    ctx: typer.Context,
    who: AsAnybody = None,
    outside: Outside = False,
    thread: Annotated[str | None, typer.Option(help="Continue this thread.")] = None,
    as_of: AsOf = None,
) -> None:
    """Ask one question after another; the model stays warm and follow-ups are understood."""
    context: Context = ctx.obj
    with context.open(as_of=as_of) as installation:
        anybody_asks(installation, who, is_visitor=outside, as_json=False)
        caller = _Caller(installation, who, is_visitor=outside)
        with installation.graph() as graph:
            talk = _Talk(installation, graph, caller, thread, may_act=as_of is None)
            if sys.stdin.isatty():
                out.print("[dim]Ask anything; /help tells more, Ctrl-D ends.[/]")
            for line in _lines():
                if line in {"/quit", "/exit"}:
                    break
                talk.take(line)
        if talk.failed:
            raise typer.Exit(talk.failed)


@dataclass(frozen=True)
class _Caller:
    """Who sits at the terminal: by name, or as a visitor whom nobody knows."""

    installation: Installation
    who: str | None
    is_visitor: bool

    def now(self) -> Principal:
        """Return him with the rights that he has at this moment.

        Raises NotAllowed if he has left since, and BadInput for rules that cannot be used.
        """
        if self.is_visitor:
            return self.installation.visitor()
        return self.installation.principal(self.who, admits_outside=True)


class _Talk:
    """A conversation under way; `failed` is the exit code of the last error, 0 without one."""

    def __init__(
        self,
        installation: Installation,
        graph: Graph,
        caller: _Caller,
        thread: str | None,
        *,
        may_act: bool,
    ) -> None:
        self.failed = 0
        self._installation, self._graph, self._caller = installation, graph, caller
        self._thread, self._may_act = thread, may_act
        self._last: Answer | None = None

    def take(self, line: str) -> None:
        """Answer a question or follow a command; an error is told and the talk goes on."""
        if line == "/new":
            self._thread = self._last = None
            out.print("[dim]A new thread.[/]")
        elif line == "/facts":
            if self._last is not None and self._last.facts:
                show_facts(self._last, limit=None)
            else:
                out.print("[dim]No facts yet.[/]")
        elif line.startswith("/"):
            out.print(_HELP, markup=False, style="dim")
        elif line:
            self._dare(line)

    def _dare(self, question: str) -> None:
        """Ask; a server that was away is there again for a later question."""
        try:
            with self._installation.speaking_of_databases():
                self._ask(question)
        except CopilotError as error:
            self.failed = exit_code(error)
            say_error(str(error))

    def _ask(self, question: str) -> None:
        # What was given or taken since the last question holds for this one.
        principal = self._caller.now()
        answer = put_question(
            self._installation,
            self._graph,
            question,
            principal,
            thread=self._thread,
            may_act=self._may_act,
        )
        self._thread, self._last = answer.thread_id, answer
        show_answer(answer)
        self._last = settle(self._installation, self._graph, answer, principal)


def _lines() -> Iterator[str]:
    """Yield what is typed or piped in, line by line, until it ends."""
    if not sys.stdin.isatty():
        for line in sys.stdin:
            if line.strip():
                err.print(f"[dim]› {escape(line.strip()[:200])}[/]", highlight=False)
            yield line.strip()
        return
    while True:
        try:
            yield out.input("[bold]› [/]").strip()
        except EOFError:
            out.print()
            return
