"""`audit`: who did what, whether the trail is untouched, and what it says of a person."""

import json
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from copilot.cli.console import err, out, print_json
from copilot.cli.context import As, Context, Json, moment, who_asks
from crm.audit.exporting import Wanted, details_about, erase_details, export_trail
from crm.audit.verifying import verify_trail
from crm.errors import BadInput, PermanentError

SCHEMA_VERSION = 1
_SHOWN = 50
Since = Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")]
Until = Annotated[str | None, typer.Option(help="Last day, YYYY-MM-DD.")]
audit = typer.Typer(help="Show, check and give out who did what.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    audit.command("list", epilog="Example:  sales-copilot audit list --from 2026-11-01")(listed)
    audit.command(epilog="Example:  sales-copilot audit verify --expect 5f2c…")(verify)
    audit.command(
        epilog="Example:  sales-copilot audit export --from 2026-10-01 --until 2026-10-31 --out "
        "october.jsonl"
    )(export)
    audit.command(
        epilog="Examples:  sales-copilot audit person contact:12  ·  sales-copilot audit person "
        'contact:12 --erase --reason "asked to on 3 May"'
    )(person)
    app.add_typer(audit, name="audit")


@audit.callback()
def root() -> None:
    """Show, check and give out who did what."""


def listed(
    ctx: typer.Context,
    since: Since = None,
    until: Until = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """List what was done, the last first."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        wanted = _wanted(since, until, moment(installation))
        with installation.store.session() as session:
            events = list(export_trail(session, wanted, principal=principal))[::-1]
        if as_json:
            print_json({"schema_version": SCHEMA_VERSION, "status": "answered", "events": events})
            return
        table = Table("no.", "when", "who", "through", "what", "to what", "detail")
        for event in events[:_SHOWN]:
            detail = (
                json.dumps(event["detail"], ensure_ascii=False) if event["detail"] else "erased"
            )
            when = event["at"][:16].replace("T", " ")
            cells = (event["seq"], when, event["person"], event["agent"] or "", event["action"])
            table.add_row(*(escape(str(cell)) for cell in (*cells, event["object"], detail)))
        out.print(table if events else "Nothing was done yet that the trail keeps.")
        if len(events) > _SHOWN:
            out.print(f"[dim]{len(events) - _SHOWN} more; `audit export` gives all.[/]")


def verify(
    ctx: typer.Context,
    expect: Annotated[
        str | None, typer.Option(help="A digest noted earlier, which has to be in the chain.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that nothing in the trail was changed, left out or cut off."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        with installation.store.session() as session:
            found = verify_trail(session, expected=expect)
        faults = [{"event": fault.seq, "what": fault.what} for fault in found.faults]
        if as_json:
            counts = {"events": found.events, "erased": found.erased, "digest": found.digest}
            status = "error" if faults else "done"
            print_json(
                {"schema_version": SCHEMA_VERSION, "status": status, **counts, "faults": faults}
            )
        else:
            for fault in faults:
                err.print(f"[red]event {fault['event']}[/]: {escape(str(fault['what']))}")
            out.print(
                f"{found.events} events, {found.erased} with an erased detail. "
                f"Note this digest elsewhere: {found.digest}",
                markup=False,
            )
        if faults:
            if as_json:
                raise typer.Exit(8)
            raise PermanentError("the trail was changed: restore it from a backup and compare")


def export(
    ctx: typer.Context,
    since: Since = None,
    until: Until = None,
    to: Annotated[
        Path | None, typer.Option("--out", help="The file; without it, the terminal.")
    ] = None,
    who: As = None,
) -> None:
    """Write the events of a period as JSON, one a line."""
    context: Context = ctx.obj
    with context.open() as installation:
        principal = who_asks(installation, who, as_json=to is None)
        wanted = _wanted(since, until, moment(installation))
        with installation.store.session() as session:
            lines = [
                json.dumps(event, ensure_ascii=False) + "\n"
                for event in export_trail(session, wanted, principal=principal)
            ]
        if to is None:
            sys.stdout.writelines(lines)
            return
        try:
            to.write_text("".join(lines), encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{str(to)!r} cannot be written: {error.strerror}") from None
        out.print(f"{len(lines)} events in {to}", markup=False)


def person(
    ctx: typer.Context,
    address: Annotated[str, typer.Argument(help="Such as contact:12.")],
    erase: Annotated[bool, typer.Option(help="Erase what it says; the chain stays whole.")] = False,
    reason: Annotated[str, typer.Option(help="Why it is erased.")] = "",
    who: As = None,
    as_json: Json = False,
) -> None:
    """Give out what the trail says of a person, or erase it on request."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        now = moment(installation)
        with installation.store.session() as session:
            found: dict[str, Any] = {"address": address}
            if erase:
                found["erased"] = erase_details(
                    session, address, reason=reason, principal=principal, now=now
                )
            else:
                found["details"] = details_about(session, address, principal=principal)
        if as_json:
            print_json({"schema_version": SCHEMA_VERSION, "status": "done", **found})
        elif erase:
            out.print(f"{found['erased']} details on {address} were erased.", markup=False)
        else:
            for one in found["details"]:
                out.print(json.dumps(one, ensure_ascii=False), markup=False)


def _wanted(since: str | None, until: str | None, now: datetime) -> Wanted:
    first, last = _day(since), _day(until)
    zone = now.tzinfo
    return Wanted(
        since=datetime.combine(first, time.min, zone) if first else None,
        until=datetime.combine(last + timedelta(days=1), time.min, zone) if last else None,
    )


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError:
        raise BadInput(f"{text!r} is no day: write it as 2026-11-30") from None
