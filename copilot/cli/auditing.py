"""`audit`: who did what, whether the trail is untouched, and what it says of a person."""

import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from copilot.cli.console import err, out, print_json
from copilot.cli.context import As, Context, Json, moment, who_asks
from copilot.cli.days import day_begins
from copilot.cli.recording import note
from copilot.wiring import Installation
from crm.audit.exporting import Wanted, details_about, erase_details, export_trail
from crm.audit.person import contact_number, export_person, find_person
from crm.audit.trail import Deed, record
from crm.audit.verifying import verify_trail
from crm.errors import BadInput, PermanentError
from crm.escaping import for_json
from crm.principal import Principal

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
        'contact:12 --erase --reason "asked to on 3 May" --yes'
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
            detail = for_json(event["detail"]) if event["detail"] else "erased"
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
                for_json(event) + "\n"
                for event in export_trail(session, wanted, principal=principal)
            ]
        given = {"from": since, "until": until, "events": len(lines)}
        note(installation, Deed("audit.export", "audit", after=given), principal)
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
    erase: Annotated[
        bool, typer.Option(help="Erase all that is kept of them; the chain stays whole.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why it is erased.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Give out all that is kept of a person, or erase it on request.

    Erasing a contact takes the conversations that they took part in, and all that names them.
    """
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        if erase and not yes:
            if as_json:
                raise BadInput("--json asks nothing: add --yes to erase")
            typer.confirm(f"Erase all that is kept of {address}, for good?", abort=True)
        act = _erase if erase else _give_out
        found = {"address": address, **act(installation, address, reason, principal)}
        if as_json:
            print_json({"schema_version": SCHEMA_VERSION, "status": "done", **found})
            return
        for name, value in found.items():
            if name != "address":
                out.print(f"{name}: {for_json(value)}", markup=False)


def _erase(
    installation: Installation, address: str, reason: str, principal: Principal
) -> dict[str, Any]:
    # The index comes with it, which nothing else here needs.
    from copilot.erasing import Workspace, erase_person

    now, number = moment(installation), contact_number(address)
    if number is not None:
        with installation.importing():
            place = Workspace(
                installation.settings, installation.store, installation.index,
                installation.checkpoints,
            )  # fmt: skip
            made = erase_person(place, number, reason=reason, principal=principal, now=now)
        return asdict(made)
    with installation.store.session() as session:
        asked: dict[str, Any] = {"reason": reason, "principal": principal, "now": now}
        return {"details": erase_details(session, address, **asked)}


def _give_out(
    installation: Installation, address: str, _reason: str, principal: Principal
) -> dict[str, Any]:
    number = contact_number(address)
    with installation.store.session() as session:
        if number is None:
            return {"details": details_about(session, address, principal=principal)}
        person = find_person(session, number, principal=principal)
        found = export_person(session, person, principal=principal)
        deed = Deed("person.export", person.address)
        record(session, deed, principal=principal, now=moment(installation))
        return found


def _wanted(since: str | None, until: str | None, now: datetime) -> Wanted:
    return Wanted(
        since=day_begins(since, "--from", now),
        until=day_begins(until, "--until", now, after_days=1),
    )
