"""`drafts`: what was drafted, and what you decide on it; from your edits your style is learned."""

import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from copilot.cli.console import out, print_json, stdin_is_terminal
from copilot.cli.context import As, Context, Json, moment, who_asks
from copilot.cli.deciding import expire_overdue
from copilot.cli.draft_sending import Number, save, send
from copilot.writers.learning.edited_file import as_editable, read_edited
from copilot.writers.learning.keeping import (
    Accept,
    Decided,
    Decision,
    Edit,
    Reject,
    decide_draft,
    get_draft,
    list_drafts,
    stored_draft,
    words_of_rep,
)
from copilot.writers.learning.own_words import OwnWords
from crm.errors import BadInput, PermanentError
from crm.models import DraftStatus, SavedDraft

drafts = typer.Typer(
    help="Decide on your drafts, save and send them; your style is learned from it."
)
SCHEMA_VERSION = 1
_WORDS = {
    "en": {
        "open": "open", "accepted": "accepted", "edited": "edited", "rejected": "rejected",
        "expired": "expired", "changed": "{percent:.0%} of the words changed",
        "reason": "reason", "was": "was", "is": "became", "none": "No drafts yet.",
        "own": "Your own words, which nothing verified", "same": "was decided so before",
    },
    "zh": {
        "open": "待定", "accepted": "已采用", "edited": "已修改", "rejected": "已弃用",
        "expired": "已过期", "changed": "改动 {percent:.0%} 的文字",
        "reason": "原因", "was": "原文", "is": "改为", "none": "还没有草稿。",
        "own": "以下为您自己写入、未经核实的内容", "same": "此前已如此决定",
    },
}  # fmt: skip

Editor = Annotated[
    str | None,
    typer.Option(help="The editor to open.", envvar=["VISUAL", "EDITOR"], show_envvar=True),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command, example in (
        (show, "drafts show 12"),
        (accept, "drafts accept 12"),
        (edit, "drafts edit 12 --file final.txt"),
        (reject, 'drafts reject 12 --reason "wrong tone"'),
        (save, "drafts save 12"),
        (send, "drafts send 12"),
    ):
        drafts.command(epilog=f"Example:  sales-copilot {example}")(command)
    app.add_typer(drafts, name="drafts")


@drafts.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    status: Annotated[DraftStatus | None, typer.Option(help="Only drafts that stand so.")] = None,
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1, max=500)] = 20,
    who: As = None,
    as_json: Json = False,
) -> None:
    """List your drafts, the newest first, and what became of them."""
    if ctx.invoked_subcommand is not None:
        return
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        expire_overdue(installation, principal)
        with installation.store.session() as session:
            wanted = [status] if status else []
            rows = list_drafts(session, principal=principal, statuses=wanted, limit=limit)
        if as_json:
            briefs = [as_brief(row) for row in rows]
            print_json({"schema_version": SCHEMA_VERSION, "status": "answered", "drafts": briefs})
        else:
            _print_list(rows)


def show(ctx: typer.Context, number: Number, who: As = None, as_json: Json = False) -> None:
    """Show one draft, what was decided on it, and what was changed."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        expire_overdue(installation, principal)
        with installation.store.session() as session:
            row = get_draft(session, number, principal=principal)
        own = words_of_rep(row)
        if as_json:
            print_json(as_document(row, own))
        else:
            _print_draft(row, own)


def accept(ctx: typer.Context, number: Number, who: As = None, as_json: Json = False) -> None:
    """Say that you use a draft as it is."""
    _decide(ctx, number, Accept(), who=who, as_json=as_json)


def edit(
    ctx: typer.Context,
    number: Number,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="What you sent: .txt, .md or .eml; - reads standard input."),
    ] = None,
    editor: Editor = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Say in which words a draft went out: from a file, standard input, or your editor."""
    if file is None and stdin_is_terminal():
        _decide(ctx, number, _Opened(editor), who=who, as_json=as_json)
        return
    _decide(ctx, number, _Given(file), who=who, as_json=as_json)


def reject(
    ctx: typer.Context,
    number: Number,
    reason: Annotated[str, typer.Option(help="Why it does not go.")],
    who: As = None,
    as_json: Json = False,
) -> None:
    """Say that you do not use a draft, and why."""
    _decide(ctx, number, Reject(reason), who=who, as_json=as_json)


class _Given:
    """An edit that stands in a file or on standard input."""

    def __init__(self, file: Path | None) -> None:
        self._file = None if file is None or str(file) == "-" else file

    def read(self, _row: SavedDraft) -> Edit:
        """Return the edit. Raises BadInput if there is no such file or no text in it."""
        if self._file is None:
            return read_edited(sys.stdin.buffer.read(), "standard input")
        try:
            return read_edited(self._file.read_bytes(), self._file.name)
        except OSError as error:
            raise BadInput(f"{str(self._file)!r} cannot be read: {error.strerror}") from None


class _Opened:
    """An edit that is made now, in an editor."""

    def __init__(self, editor: str | None) -> None:
        self._editor = editor

    def read(self, row: SavedDraft) -> Edit:
        """Return the text as the editor left it. Raises BadInput without one, or if it fails."""
        if not self._editor:
            raise BadInput("no editor is set: give --file FILE, or set EDITOR")
        draft = stored_draft(row)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"draft-{row.id}.txt"
            path.write_text(as_editable(draft.subject, draft.body), "utf-8")
            try:
                done = subprocess.run([*shlex.split(self._editor), str(path)], check=False)  # noqa: S603
            except (OSError, ValueError) as error:
                raise PermanentError(f"editor {self._editor!r} does not start: {error}") from None
            if done.returncode:
                raise BadInput(f"{self._editor!r} ended with {done.returncode}: nothing is stored")
            return read_edited(path.read_bytes(), path.name)


def _decide(
    ctx: typer.Context,
    number: int,
    decision: Decision | _Given | _Opened,
    *,
    who: str | None,
    as_json: bool,
) -> None:
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        expire_overdue(installation, principal)
        if isinstance(decision, (_Given, _Opened)):
            with installation.store.session() as session:
                row = get_draft(session, number, principal=principal)
            decision = decision.read(row)
        with installation.store.session() as session:
            decided = decide_draft(
                session, number, decision, principal=principal, now=moment(installation)
            )
        if as_json:
            document = as_document(decided.draft, decided.own_words)
            print_json({**document, "is_new": decided.is_new})
        else:
            _print_decided(decided)


def as_brief(row: SavedDraft) -> dict[str, Any]:
    """Return one draft of a list, in the shape that scripts rely on."""
    return {
        "id": row.id,
        "kind": row.kind,
        "channel": row.channel,
        "language": row.language,
        "recipient": row.recipient,
        "subject": row.final_subject or stored_draft(row).subject,
        "draft_status": row.status,
        "created_at": row.created_at.isoformat(),
        "decided_at": row.decided_at.isoformat() if row.decided_at else None,
        "distance": row.distance,
    }


def as_document(row: SavedDraft, own: OwnWords) -> dict[str, Any]:
    """Return one draft with its decision, in the shape that scripts rely on."""
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "answered",
        **as_brief(row),
        "decided_by": row.decided_by,
        "reason": row.reason,
        "final_subject": row.final_subject,
        "final_body": row.final_body,
        "difference": [{"before": a, "after": b} for a, b in row.difference or ()],
        "own_words": {"figures": own.figures, "names": own.names},
        "sha256": row.sha256,
        "draft": row.payload,
    }


def _print_list(rows: list[SavedDraft]) -> None:
    if not rows:
        out.print(f"[dim]{_WORDS['en']['none']} / {_WORDS['zh']['none']}[/]")
        return
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for name in ("no", "made", "to", "kind", "subject", "status"):
        table.add_column(name, overflow="fold", no_wrap=name in {"no", "made"})
    for row in rows:
        table.add_row(
            str(row.id),
            f"{row.created_at:%Y-%m-%d %H:%M}",
            escape(row.recipient or "—"),
            f"{row.kind} ({row.channel})",
            escape(row.final_subject or stored_draft(row).subject),
            _state(row),
        )
    out.print(table)


def _print_draft(row: SavedDraft, own: OwnWords) -> None:
    words, draft = _words(row), stored_draft(row)
    out.print(
        Panel(
            escape(row.final_body or draft.body),
            title=escape(row.final_subject or draft.subject),
            subtitle=escape(row.recipient),
        )
    )
    out.print(f"{row.id} · {_state(row)}", highlight=False)
    if row.reason:
        out.print(f"{words['reason']}: {escape(row.reason)}", highlight=False)
    for before, after in row.difference or ():
        out.print(f"[red]- {escape(before)}[/]" if before else "", end=" " if before else "")
        out.print(f"[green]+ {escape(after)}[/]" if after else "")
    _print_own(own, words)


def _print_decided(decided: Decided) -> None:
    row = decided.draft
    note = "" if decided.is_new else f" [dim]({_words(row)['same']})[/]"
    out.print(f"[green]✓[/] {row.id} · {_state(row)}{note}", highlight=False)
    _print_own(decided.own_words, _words(row))


def _print_own(own: OwnWords, words: dict[str, str]) -> None:
    if own:
        found = " · ".join([*own.figures, *own.names])
        out.print(f"[yellow]{words['own']}:[/] {escape(found)}", highlight=False)


def _state(row: SavedDraft) -> str:
    words = _words(row)
    if row.status == DraftStatus.EDITED and row.distance is not None:
        return f"{words['edited']}, {words['changed'].format(percent=row.distance)}"
    return words[row.status]


def _words(row: SavedDraft) -> dict[str, str]:
    return _WORDS["zh" if row.language == "zh" else "en"]
