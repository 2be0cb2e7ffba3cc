"""`sources`: what is connected and how each last run went; connect, check, disconnect."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
import yaml
from pydantic import BaseModel
from rich.table import Table
from sqlalchemy import func, select

from copilot.cli.console import err, out, print_json
from copilot.cli.context import Context, Json
from copilot.cli.recording import note
from copilot.wiring import Installation
from crm.audit.trail import Deed
from crm.errors import BadInput, NotFound
from crm.models import PendingRecording, SourceState
from ingest.sources.privacy import Privacy, take_privacy
from ingest.sources.registry import KINDS

SCHEMA_VERSION = 1

sources = typer.Typer(help="Connect mailboxes, folders and CRMs, and see how each last run went.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    sources.callback(
        invoke_without_command=True,
        epilog="Examples:  sales-copilot sources  ·  "
        "sales-copilot sources add calls folder path=~/calls  ·  "
        "sales-copilot sources add mail imap host=imap.example.com user=anna@example.com "
        "password=mail-password",
    )(show)
    sources.command()(add)
    sources.command(
        epilog="Examples:  sales-copilot sources private mail --owner anna@example.com  ·  "
        "sales-copilot sources private mail --off"
    )(private)
    sources.command()(remove)
    sources.command()(reset)
    sources.command()(kinds)
    app.add_typer(sources, name="sources")


def show(ctx: typer.Context, as_json: Json = False) -> None:
    """Connect mailboxes, folders and CRMs, and see how each last run went."""
    if ctx.invoked_subcommand is not None:
        return
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        configs = installation.source_book.configs()
        rows = [_row(installation, name, config) for name, config in configs.items()]
        if as_json:
            print_json({"schema_version": SCHEMA_VERSION, "status": "answered", "sources": rows})
            return
        if not rows:
            out.print(
                "No source is connected. For example:\n"
                "  sales-copilot sources add calls folder path=~/calls\n"
                "`sales-copilot sources kinds` lists what can be connected.",
                markup=False,
            )
            return
        out.print(_table(rows, installation.now()))
        for row in rows:
            if row["error"]:
                err.print(f"{row['name']}: {row['error']}", markup=False, soft_wrap=True)


def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it.")],
    kind: Annotated[str, typer.Argument(help="Its kind, one of `sales-copilot sources kinds`.")],
    settings: Annotated[
        list[str] | None, typer.Argument(help="Its settings as key=value; values are YAML.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Connect a source. Secrets are given by name and lie in the environment or in a file."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        given = {"kind": kind, **dict(_setting(text) for text in settings or ())}
        installation.source_book.add(name, given)
        note(installation, Deed("source.connect", f"source:{name}", after={"kind": kind}))
        if as_json:
            print_json({"schema_version": SCHEMA_VERSION, "status": "done", "name": name})
            return
        path = installation.settings.sources_file
        out.print(f"{name} is connected ({path}); `sales-copilot sync {name}` reads it.",
                  markup=False)  # fmt: skip


def private(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The source.")],
    owner: Annotated[
        str | None, typer.Option(help="Email of the user whose mailbox or folder it is.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Open it to colleagues again.")] = False,
    as_json: Json = False,
) -> None:
    """Keep what comes from a source, and came before, to its owner and the people in it."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        if off and owner:
            raise BadInput("--off opens the source to colleagues: give no --owner with it")
        if name not in installation.source_book.configs():
            raise NotFound(f"no source {name!r} is connected: see `sales-copilot sources`")
        privacy = Privacy(not off, owner)
        with installation.syncing():
            with installation.store.session() as session:
                state = session.get(SourceState, name)
                if state is not None:
                    take_privacy(session, state, privacy)
            installation.source_book.set_private(name, privacy)
        said = {"private": not off, "owner": owner}
        note(installation, Deed("source.private", f"source:{name}", after=said))
        if as_json:
            print_json(
                {"schema_version": SCHEMA_VERSION, "status": "done", "name": name,
                 "is_private": not off}
            )  # fmt: skip
            return
        word = "open to colleagues" if off else "private"
        out.print(f"{name} is {word} now, with what came from it.", markup=False)


def remove(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The source to disconnect.")],
    as_json: Json = False,
) -> None:
    """Disconnect a source; what came from it stays."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        installation.source_book.remove(name)
        note(installation, Deed("source.disconnect", f"source:{name}"))
        if as_json:
            print_json({"schema_version": SCHEMA_VERSION, "status": "done", "name": name})
            return
        out.print(f"{name} is disconnected; what came from it stays.", markup=False)


def reset(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The source to read from its beginning.")],
    as_json: Json = False,
) -> None:
    """Read a source from its beginning at the next sync; nothing is deleted or doubled."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        if name not in installation.source_book.configs():
            raise NotFound(f"no source {name!r} is connected: see `sales-copilot sources`")
        with installation.syncing(), installation.store.session() as session:
            state = session.get(SourceState, name)
            if state is not None:
                state.cursor = None
        if as_json:
            print_json({"schema_version": SCHEMA_VERSION, "status": "done", "name": name})
            return
        out.print(f"{name} will be read from its beginning.", markup=False)


def kinds(ctx: typer.Context, as_json: Json = False) -> None:
    """List what can be connected, with the settings of each kind."""
    context: Context = ctx.obj
    with context.open(as_json=as_json):
        found = [_kind(name) for name in KINDS]
        if as_json:
            print_json({"schema_version": SCHEMA_VERSION, "status": "answered", "kinds": found})
            return
        for one in found:
            out.print(f"[bold]{one['kind']}[/] – {one['line']}")
            for setting in one["settings"]:
                needed = "" if setting["required"] else f" (default {setting['default']})"
                out.print(f"  {setting['name']}{needed}", markup=False, highlight=False)


def _setting(text: str) -> tuple[str, Any]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise BadInput(f"the setting {text!r} is not of the form key=value")
    try:
        return key, yaml.safe_load(value) if value else ""
    except yaml.YAMLError:
        return key, value


def _kind(name: str) -> dict[str, Any]:
    settings = [
        {
            "name": field,
            "required": info.is_required(),
            "default": None if info.is_required() else info.get_default(call_default_factory=False),
            "about": info.description,
        }
        for field, info in KINDS[name].config_class().model_fields.items()
        if field not in ("kind", "name")
    ]
    return {"kind": name, "line": KINDS[name].line, "settings": settings}


def _row(installation: Installation, name: str, config: BaseModel) -> dict[str, Any]:
    with installation.store.session() as session:
        state = session.get(SourceState, name)
        waiting = session.scalar(
            select(func.count())
            .select_from(PendingRecording)
            .where(PendingRecording.source == name)
        )
    row: dict[str, Any] = {"name": name, "kind": getattr(config, "kind", None)}
    for count in ("read", "created", "updated", "unchanged", "deleted", "rejected", "failures"):
        row[count] = getattr(state, count) if state else 0
    for moment in ("started_at", "finished_at", "succeeded_at", "newest_at"):
        found = getattr(state, moment) if state else None
        row[moment] = found.isoformat() if found else None
    lag = installation.now() - state.succeeded_at if state and state.succeeded_at else None
    row["lag_s"] = round(lag.total_seconds()) if lag is not None else None
    row["recordings_waiting"] = waiting or 0
    row["error"] = state.error if state else None
    return row


def _table(rows: list[dict[str, Any]], now: datetime) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("source", "kind", "last run", "new", "changed", "gone", "rejected", "behind"):
        table.add_column(heading, justify="left" if heading in ("source", "kind") else "right")
    for row in rows:
        table.add_row(
            row["name"],
            row["kind"],
            _when(row["finished_at"] or row["started_at"], now),
            *(f"{row[count]:,}" for count in ("created", "updated", "deleted", "rejected")),
            _how_far(row),
        )
    return table


def _when(moment: str | None, now: datetime) -> str:
    if moment is None:
        return "never"
    ago = now - datetime.fromisoformat(moment)
    return "just now" if ago < timedelta(minutes=1) else f"{_span(ago)} ago"


def _how_far(row: dict[str, Any]) -> str:
    parts = []
    if row["lag_s"] is not None:
        parts.append(_span(timedelta(seconds=row["lag_s"])))
    if row["recordings_waiting"]:
        parts.append(f"{row['recordings_waiting']} to transcribe")
    if row["error"]:
        parts.append("failed" if row["failures"] == 1 else f"failed {row['failures']} times")
    return ", ".join(parts) or "–"


def _span(span: timedelta) -> str:
    seconds = max(0, round(span.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
