"""`resolve`: walks through the people of whom it is unsure who they are, and takes decisions."""

import sys
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.markup import escape

from copilot.cli.console import out, print_json, say_error
from copilot.cli.context import Context, Json, moment, who_asks
from copilot.wiring import Installation
from crm.errors import BadInput, CopilotError
from crm.models import IdentityEntity
from crm.principal import Principal
from ingest.identity.deciding import (
    Applied,
    Choice,
    answer_question,
    decide,
    read_choice,
    skip_question,
    undo,
)
from ingest.identity.queue import (
    Choosable,
    OpenQuestion,
    Taken,
    count_questions,
    list_decisions,
    list_questions,
)

SCHEMA_VERSION = 1
_KEYS = "number = that person · n = nobody of them · s = skip · u = undo the last · q = quit"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Examples:  sales-copilot resolve  ·  sales-copilot resolve --list --json  ·  "
        "sales-copilot resolve 7 --as contact:12  ·  sales-copilot resolve contact:5 --as "
        "contact:12 (two entries of one person)  ·  sales-copilot resolve --undo 31"
    )(resolve)


def resolve(
    ctx: typer.Context,
    subject: Annotated[
        str | None,
        typer.Argument(help="A question's id, or a key such as email:a@b.com or contact:5."),
    ] = None,
    choice: Annotated[
        str | None, typer.Option("--as", help="Who it is: contact:12, user:3 or nobody.")
    ] = None,
    undo_id: Annotated[
        int | None, typer.Option("--undo", min=1, help="Take this decision back.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the open questions.")] = False,
    history: Annotated[bool, typer.Option("--history", help="List the decisions taken.")] = False,
    skipped: Annotated[bool, typer.Option(help="Also the questions skipped before.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many of a list.")] = 100,
    who: Annotated[str | None, typer.Option("--by", help="Email of the user who decides.")] = None,
    as_json: Json = False,
) -> None:
    """Say who the people are of whom it is not sure; every decision can be taken back."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        if sum((subject is not None, undo_id is not None, listed, history)) > 1:
            raise BadInput("give one of ID, --undo, --list and --history at a time")
        if (subject is None) is not (choice is None):
            raise BadInput("an answer names both: `resolve ID --as contact:12` (or nobody)")
        desk = _Desk(installation, who_asks(installation, who, as_json=as_json))
        if subject is not None and choice is not None:
            _report(desk.take(subject, read_choice(choice)), "decided", as_json=as_json)
        elif undo_id is not None:
            _report(desk.undo(undo_id), "undone", as_json=as_json)
        elif history:
            _show_history(desk.history(limit), as_json=as_json)
        elif listed or as_json:
            _show_list(*desk.questions(limit, with_skipped=skipped), as_json=as_json)
        else:
            _walk(desk, with_skipped=skipped)


@dataclass
class _Desk:
    """Reads and answers on behalf of one caller, and keeps the search index's labels right."""

    installation: Installation
    principal: Principal
    taken: list[int] = field(default_factory=list)

    def take(self, subject: str, choice: Choice) -> Applied:
        """Answer a question by its id, or decide on a key."""
        installation = self.installation
        now = moment(installation)
        with installation.importing():
            if subject.isascii() and subject.isdigit() and len(subject) < 19:
                applied = answer_question(
                    installation.store, int(subject), choice, principal=self.principal, now=now
                )
            else:
                applied = decide(
                    installation.store, subject, choice, principal=self.principal, now=now
                )
        return self._label(applied)

    def undo(self, decision_id: int) -> Applied:
        """Take a decision back."""
        installation = self.installation
        with installation.importing():
            applied = undo(
                installation.store, decision_id, principal=self.principal, now=moment(installation)
            )
        return self._label(applied)

    def skip(self, question_id: int) -> None:
        """Put a question aside."""
        skip_question(self.installation.store, question_id, principal=self.principal)

    def questions(self, limit: int, *, with_skipped: bool) -> tuple[list[OpenQuestion], int]:
        """Return the open questions and how many there are in all."""
        with self.installation.store.session() as session:
            shown = list_questions(session, self.principal, limit=limit, with_skipped=with_skipped)
            return shown, count_questions(session, self.principal, with_skipped=with_skipped)

    def history(self, limit: int) -> list[Taken]:
        """Return the decisions, the last first."""
        with self.installation.store.session() as session:
            return list_decisions(session, self.principal, limit=limit)

    def _label(self, applied: Applied) -> Applied:
        # Committed by now: passages get their conversation's new account and people.
        if applied.changed_ids:
            self.installation.index.index_texts(applied.changed_ids)
        return applied


def _walk(desk: _Desk, *, with_skipped: bool) -> None:
    if not sys.stdin.isatty():
        raise BadInput(
            "resolve asks on a terminal, and standard input is none: use `resolve --list --json` "
            "and `resolve ID --as contact:12`"
        )
    questions, total = desk.questions(10_000, with_skipped=with_skipped)
    if not questions:
        out.print("[dim]Nobody to resolve.[/]")
        return
    place = 0
    while place < len(questions):
        question = questions[place]
        _show_question(question, f"{place + 1} of {total}")
        step = _ask(desk, question)
        if step is None:
            break
        place = max(0, place + step)
    out.print(f"[dim]{len(desk.taken)} decided; `resolve --history` lists them.[/]")


def _ask(desk: _Desk, question: OpenQuestion) -> int | None:
    """Return how many questions to go on by (-1 after an undo); None to end."""
    while True:
        try:
            typed = out.input("[bold]who? › [/]").strip().lower()
        except EOFError:
            return None
        if typed in {"q", "quit"}:
            return None
        try:
            step = _follow(desk, question, typed)
        except CopilotError as error:
            # Somebody else may have answered, or the contact is gone: told, and asked again.
            say_error(str(error))
            continue
        if step is not None:
            return step
        out.print(f"[dim]{_KEYS}[/]")


def _follow(desk: _Desk, question: OpenQuestion, typed: str) -> int | None:
    if typed in {"s", "skip"}:
        desk.skip(question.id)
        return 1
    if typed in {"u", "undo"}:
        return _undo_last(desk)
    choice = _choice(question, typed)
    if choice is None:
        return None
    applied = desk.take(str(question.id), choice)
    desk.taken.append(applied.decision_id)
    out.print(f"[green]✓[/] [dim]{_changed(applied)}[/]")
    return 1


def _undo_last(desk: _Desk) -> int:
    if not desk.taken:
        raise BadInput("nothing was decided yet in this round: `resolve --undo ID` reaches further")
    applied = desk.undo(desk.taken.pop())
    out.print(f"[dim]decision {applied.decision_id} undone: {_changed(applied)}[/]")
    return -1


def _choice(question: OpenQuestion, typed: str) -> Choice | None:
    if typed in {"n", "nobody", "0"}:
        return Choice(IdentityEntity.NOBODY)
    if typed.isascii() and typed.isdigit() and 1 <= int(typed[:9]) <= len(question.candidates):
        one = question.candidates[int(typed[:9]) - 1]
        return Choice(IdentityEntity(one.entity), one.id)
    return None


def _show_question(question: OpenQuestion, progress: str) -> None:
    about = " · ".join(part for part in (question.email, question.phone) if part)
    out.print(f"\n[dim]{progress}[/]  [bold]{_plain(question.name)}[/]  [dim]{_plain(about)}[/]")
    place = f"{question.kind} {question.started_at:%Y-%m-%d} · {question.title}"
    out.print(f"  [dim]in {_plain(place)} (conversation {question.conversation_id})[/]")
    if question.quote:
        out.print(f"  “{_plain(question.quote)}”", highlight=False)
    for number, one in enumerate(question.candidates, start=1):
        out.print(f"  [bold]{number}[/]  {_described(one)}", highlight=False)
    out.print(f"[dim]{_KEYS}[/]")


def _described(one: Choosable) -> str:
    company = f", {_plain(one.company)}" if one.company else ""
    reasons = _plain("; ".join(one.reasons))
    return (
        f"{_plain(one.name)}{company} [dim]{one.entity} {one.id} · {one.score:.0%} · {reasons}[/]"
    )


def _show_list(questions: list[OpenQuestion], total: int, *, as_json: bool) -> None:
    if as_json:
        print_json(_document(total=total, questions=[q.model_dump(mode="json") for q in questions]))
        return
    for question in questions:
        best = question.candidates[0] if question.candidates else None
        guess = f" — {_described(best)}" if best else ""
        out.print(f"[bold]{question.id:>6}[/]  {_plain(question.name)}{guess}", highlight=False)
    out.print(f"[dim]{len(questions)} of {total} open[/]")


def _show_history(decisions: list[Taken], *, as_json: bool) -> None:
    if as_json:
        print_json(_document(decisions=[one.model_dump(mode="json") for one in decisions]))
        return
    for one in decisions:
        chosen = one.name or one.entity
        undone = f" [dim](undone by {_plain(one.undone_by or '?')})[/]" if one.undone_at else ""
        out.print(
            f"[bold]{one.id:>6}[/]  {_plain(one.key)} → {_plain(chosen)} "
            f"[dim]{one.confidence:.0%} · {_plain(one.decided_by)} · {one.decided_at:%Y-%m-%d} · "
            f"{_plain(one.basis)}[/]{undone}",
            highlight=False,
        )
    out.print(f"[dim]{len(decisions)} decisions[/]")


def _report(applied: Applied, status: str, *, as_json: bool) -> None:
    if as_json:
        print_json(
            _document(
                status=status,
                decision_id=applied.decision_id,
                key=applied.key,
                changed_conversations=list(applied.changed_ids),
            )
        )
        return
    out.print(f"decision {applied.decision_id} {status}: {_changed(applied)}", markup=False)


def _changed(applied: Applied) -> str:
    number = len(applied.changed_ids)
    return f"{number} conversation{'' if number == 1 else 's'} changed"


def _document(*, status: str = "answered", **fields: Any) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, "status": status, **fields}


def _plain(text: str) -> str:
    """Return outside text as it may be printed: no markup, no control or direction characters."""
    return escape("".join(char if char.isprintable() else "�" for char in text[:300]))
