"""`notes`: what was understood from one call, and the CRM changes that it suggests."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from copilot.cli.console import err, out, print_json
from copilot.cli.context import As, Context, Json, moment, who_asks
from copilot.wiring import Installation
from copilot.writers.calls.storing import understand_conversation
from crm.errors import BadInput
from crm.models import NoteKind, ProposalStatus, Side
from crm.principal import Principal
from tools.attributes import Entity
from tools.notes import ConversationNotes, NoteBrief, ProposalBrief, ReadNotes, read_notes
from tools.records import GetRecord, get_record
from tools.spoken import clock

SCHEMA_VERSION = 1
_TITLES = {
    "en": {
        NoteKind.SUMMARY: "Summary", NoteKind.TOPIC: "Topics", NoteKind.QUESTION: "Questions",
        NoteKind.OBJECTION: "Objections", NoteKind.COMPETITOR: "Competitors",
        NoteKind.COMMITMENT: "Commitments", NoteKind.NEXT_STEP: "Next step",
    },
    "zh": {
        NoteKind.SUMMARY: "摘要", NoteKind.TOPIC: "话题", NoteKind.QUESTION: "提问",
        NoteKind.OBJECTION: "异议", NoteKind.COMPETITOR: "竞争对手",
        NoteKind.COMMITMENT: "承诺", NoteKind.NEXT_STEP: "下一步",
    },
}  # fmt: skip
_WORDS = {
    "en": {
        "ours": "we", "customer": "customer", "due": "due", "open": "open", "answered": "answered",
        "proposals": "Proposed CRM changes (nothing is applied)", "field": "field", "old": "now",
        "new": "proposed", "why": "because", "none": "No CRM change is proposed.",
        "accepted": "accepted", "rejected": "rejected",
    },
    "zh": {
        "ours": "我方", "customer": "客户", "due": "到期", "open": "未回答", "answered": "已回答",
        "proposals": "建议的CRM变更（均未生效）", "field": "字段", "old": "现值", "new": "建议值",
        "why": "依据", "none": "没有建议的CRM变更。", "accepted": "已接受", "rejected": "已拒绝",
    },
}  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Examples:  sales-copilot notes 12  ·  sales-copilot notes call-001-D00001 --json"
    )(notes)


def notes(
    ctx: typer.Context,
    call: Annotated[
        str, typer.Argument(help="The call, meeting or email: id, external id or exact title.")
    ],
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Make the notes anew, current or not.")
    ] = False,
    quotes: Annotated[
        bool, typer.Option("--quotes", help="Ask no model when notes are made: quotes only.")
    ] = False,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Show what was understood from a call, and the CRM changes it suggests."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        if not 0 < len(call.strip()) <= 300:
            raise BadInput(f"{call[:40]!r} names no call: give an id, external id or exact title")
        principal = who_asks(installation, who, as_json=as_json)
        found = notes_of(
            installation, call, principal=principal, refresh=refresh, use_model=not quotes
        )
        if as_json:
            print_json(as_document(found))
        else:
            show_notes(found)


def notes_of(
    installation: Installation,
    ref: str,
    *,
    principal: Principal,
    refresh: bool,
    use_model: bool,
) -> ConversationNotes:
    """Return the notes on a call, made now if they are missing or of old words.

    Raises NotFound or Ambiguous for the call, and what the model raises.
    """
    now = moment(installation)
    with installation.store.session() as session:
        wanted = GetRecord(entity=Entity.CALL, ref=ref)
        record = get_record(session, wanted, principal=principal, as_of=now)
    with err.status("reading the conversation"):
        understand_conversation(
            installation.store,
            record.id,
            model=installation.note_model if use_model else None,
            principal=principal,
            now=now,
            refresh=refresh,
            any_maker=True,
        )
    with installation.store.session() as session:
        asked = ReadNotes(conversation_id=record.id)
        return read_notes(session, asked, principal=principal, as_of=now)


def as_document(found: ConversationNotes) -> dict[str, Any]:
    """Return the notes in the shape that scripts rely on."""
    document = found.model_dump(mode="json", exclude={"notes", "proposals", "facts"})
    by_kind = {
        kind.value: [
            note.model_dump(mode="json", exclude={"kind", "conversation_id"})
            for note in found.notes
            if note.kind is kind
        ]
        for kind in NoteKind
    }
    proposals = [
        one.model_dump(mode="json", exclude={"conversation_id"}) for one in found.proposals
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "answered",
        **document,
        "notes": by_kind,
        "proposals": proposals,
    }


def show_notes(found: ConversationNotes) -> None:
    """Print the notes by kind, then the proposals as a table of old and new."""
    language = "zh" if (found.language or "").startswith("zh") else "en"
    day = f"{found.started_at:%Y-%m-%d %H:%M}"
    out.print(
        f"[bold]{escape(found.title)}[/] [dim]{found.kind} {found.conversation_id} · {day}[/]"
    )
    for kind in NoteKind:
        of_kind = [note for note in found.notes if note.kind is kind]
        if of_kind:
            out.print(f"\n[bold]{_TITLES[language][kind]}[/]")
            _print_kind(kind, of_kind, language)
    out.print()
    _print_proposals(found.proposals, language)
    out.print(f"[dim]{escape(found.maker)} · {found.made_at:%Y-%m-%d %H:%M}[/]")


def _print_kind(kind: NoteKind, notes: Sequence[NoteBrief], language: str) -> None:
    if kind is NoteKind.SUMMARY:
        for note in notes:
            out.print(f"  {escape(note.text)}", highlight=False)
        return
    table = Table(show_header=False, box=None, padding=(0, 1), pad_edge=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for note in notes:
        table.add_row("  " + _span(note), escape(_who(note, language)), _said(note, language))
    out.print(table)


def _span(note: NoteBrief) -> str:
    start, end = clock(note.start_ms), clock(note.end_ms)
    if note.kind is NoteKind.TOPIC and start and end:
        return f"{start}–{end}"
    return start


def _who(note: NoteBrief, language: str) -> str:
    if note.speaker is None:
        return ""
    side = _WORDS[language].get(note.side.value, "") if note.side in _SIDES else ""
    return f"{note.speaker} ({side})" if side else note.speaker


_SIDES = (Side.OURS, Side.CUSTOMER)


def _said(note: NoteBrief, language: str) -> str:
    words, text = _WORDS[language], escape(note.text)
    if note.due_on is not None:
        text += f"  [bold yellow]{words['due']} {note.due_on}[/]"
    if note.is_open is not None:
        text += f"  [red]{words['open']}[/]" if note.is_open else f"  [dim]{words['answered']}[/]"
    return text


def _print_proposals(proposals: Sequence[ProposalBrief], language: str) -> None:
    words = _WORDS[language]
    if not proposals:
        out.print(f"[dim]{words['none']}[/]")
        return
    table = Table(title=words["proposals"], title_justify="left", title_style="bold", box=None)
    for name in ("field", "old", "new", "why"):
        table.add_column(words[name], overflow="fold", ratio={"field": 2, "why": 5}.get(name, 3))
    for one in proposals:
        name = str((one.detail or {}).get("name") or "")
        label = f"{one.field} · {name}" if name else one.field
        state = ""
        if one.status is not ProposalStatus.PROPOSED:
            state = f" ({words[one.status.value]})"
        table.add_row(
            escape(label),
            f"[dim]{escape(one.old_value or '—')}[/]",
            f"[bold]{escape(one.new_value)}[/]{state}",
            escape(one.reason),
        )
    out.print(table)
