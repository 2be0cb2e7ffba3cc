"""`audit`: who did what, whether the trail is untouched, and what it says of a person."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.markup import escape
from sqlalchemy.orm import Session

from copilot.anchor import read_anchor
from copilot.cli.audit_shown import Form, Names, event_lines, first_line, line_writer
from copilot.cli.console import err, out, print_json
from copilot.cli.context import As, Context, Json, moment, who_asks
from copilot.cli.days import day_begins
from copilot.cli.recording import note
from copilot.erasing import Workspace, erase_person
from copilot.wiring import Installation
from crm.audit.exporting import (
    MAY_ERASE,
    MAY_READ,
    Wanted,
    check_role,
    count_trail,
    details_about,
    erase_details,
    export_trail,
)
from crm.audit.giving import export_person
from crm.audit.person import find_person, person_of, resolve_address
from crm.audit.readmitting import readmit_person
from crm.audit.trail import Deed, record
from crm.audit.verifying import verify_trail
from crm.errors import BadInput, NotFound, PermanentError
from crm.escaping import for_json
from crm.principal import Principal

SCHEMA_VERSION = 1
_SHOWN = 50
Since = Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")]
Until = Annotated[str | None, typer.Option(help="Last day, YYYY-MM-DD.")]
OfPerson = Annotated[
    str | None, typer.Option("--person", help="Who did it: user:3, owner, contact:12, an email.")
]
Agent = Annotated[str | None, typer.Option(help="Through what: copilot, sync, clock …")]
Kind = Annotated[
    str | None, typer.Option("--kind", help="What was done: action.approve, or action for all.")
]
Object = Annotated[
    str | None,
    typer.Option("--object", help="To what, or about whom: contact:12, or contact for all."),
]
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
    person: OfPerson = None,
    agent: Agent = None,
    kind: Kind = None,
    object_: Object = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = _SHOWN,
    who: As = None,
    as_json: Json = False,
) -> None:
    """List what was done, the last first: by whom, what changed, what was read for it."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        now = moment(installation)
        with installation.store.session() as session:
            wanted = _wanted(session, _Asked(since, until, person, agent, kind, object_), now)
            found = export_trail(
                session, wanted, principal=principal, is_newest_first=True, limit=limit
            )
            events, names = list(found), Names(session)
            more = max(0, count_trail(session, wanted, principal=principal) - len(events))
            lines = [] if as_json else [event_lines(one, names, now.tzinfo) for one in events]
        if as_json:
            print_json(
                {"schema_version": SCHEMA_VERSION, "status": "answered", "events": events,
                 "more": more}
            )  # fmt: skip
            return
        for head, *rest in lines:
            out.print(f"[bold]{escape(head)}[/]", highlight=False, soft_wrap=True)
            for line in rest:
                out.print(line, markup=False, highlight=False, soft_wrap=True)
        if not lines:
            out.print("Nothing that the trail keeps was done so.")
        elif more:
            out.print(f"[dim]{more:,} more; `audit export` gives all. Times: {now.tzinfo}.[/]")


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
            noted = read_anchor(installation.settings.workspace_dir)
            found = verify_trail(session, expected=expect, anchor=noted)
        faults = [{"event": fault.seq, "what": fault.what} for fault in found.faults]
        if as_json:
            counts = {"events": found.events, "erased": found.erased,
                      "reworded": found.reworded, "digest": found.digest,
                      "anchor": asdict(noted) if noted else None}  # fmt: skip
            status = "error" if faults else "done"
            print_json(
                {"schema_version": SCHEMA_VERSION, "status": status, **counts, "faults": faults}
            )
        else:
            for fault in faults:
                err.print(f"[red]event {fault['event']}[/]: {escape(str(fault['what']))}")
            out.print(
                f"{found.events} events, {found.erased} with an erased detail, {found.reworded} "
                f"with a pseudonym in it. Note this digest elsewhere: {found.digest}",
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
    person: OfPerson = None,
    agent: Agent = None,
    kind: Kind = None,
    object_: Object = None,
    to: Annotated[
        Path | None, typer.Option("--out", help="The file; without it, the terminal.")
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="What it is written as; else by the file's name, or JSON."),
    ] = None,
    who: As = None,
) -> None:
    """Write the events of a period as JSON, one a line, or as a table for spreadsheets."""
    context: Context = ctx.obj
    with context.open() as installation:
        principal = who_asks(installation, who, as_json=to is None)
        now = moment(installation)
        form = form or (Form.CSV if to and to.suffix.lower() == ".csv" else Form.JSONL)
        with installation.store.session() as session, _opened(to) as file:
            asked = _Asked(since, until, person, agent, kind, object_)
            write = line_writer(form, Names(session), now.tzinfo)
            file.write(first_line(form))
            number = 0
            for event in export_trail(session, _wanted(session, asked, now), principal=principal):
                file.write(write(event))
                number += 1
        # In a transaction of its own, after: who reads long keeps nobody from writing.
        given = {name: value for name, value in asdict(asked).items() if value is not None}
        given |= {"events": number, "form": form.value}
        note(installation, Deed("audit.export", "audit", after=given), principal)
        if to is not None:
            out.print(f"{number:,} events in {to}", markup=False)


@contextmanager
def _opened(to: Path | None) -> Iterator[TextIO]:
    """Yield where an export goes; a file appears only once it is whole. Raises BadInput."""
    if to is None:
        yield sys.stdout
        return
    unfinished = to.with_name(f".{to.name}.part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            yield file
        unfinished.replace(to)
    except OSError as error:
        raise BadInput(f"{str(to)!r} cannot be written: {error.strerror}") from None
    finally:
        unfinished.unlink(missing_ok=True)


def person(
    ctx: typer.Context,
    address: Annotated[
        str, typer.Argument(help="Such as contact:12, lead:7, user:3, or an email.")
    ],
    erase: Annotated[
        bool, typer.Option(help="Erase all that is kept of them; the chain stays whole.")
    ] = False,
    readmit: Annotated[
        bool, typer.Option(help="Let imports bring in again whom they left out since erased.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why: the trail keeps it.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Give out all that is kept of a person, or erase it on request.

    Erasing a contact or lead takes the conversations that they took part in, and all that names
    them. A colleague's records, decisions and letters stay under a pseudonym. No import brings
    anybody back.
    """
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        address = _resolved(installation, address, principal)
        if erase and readmit:
            raise BadInput("--erase and --readmit are opposites: give one of them")
        if erase or readmit:
            check_role(principal, MAY_ERASE, "erase from")
        if erase and not yes:
            if as_json:
                raise BadInput("--json asks nothing: add --yes to erase")
            who_goes = ", ".join(_records(installation, address, principal))
            typer.confirm(f"Erase all that is kept of {who_goes}, for good?", abort=True)
        act = _erase if erase else _readmit if readmit else _give_out
        found = {"address": address, **act(installation, address, reason, principal)}
        if as_json:
            print_json({"schema_version": SCHEMA_VERSION, "status": "done", **found})
            return
        for name, value in found.items():
            if name != "address":
                out.print(f"{name}: {for_json(value)}", markup=False)


def place_of(installation: Installation) -> Workspace:
    """Return the workspace as erasing takes it."""
    return Workspace(
        installation.settings, installation.store, installation.index, installation.checkpoints
    )


def _erase(
    installation: Installation, address: str, reason: str, principal: Principal
) -> dict[str, Any]:
    now = moment(installation)
    if person_of(address) is not None:
        with installation.importing():
            place = place_of(installation)
            made = erase_person(place, address, reason=reason, principal=principal, now=now)
        return asdict(made)
    with installation.store.session() as session:
        asked: dict[str, Any] = {"reason": reason, "principal": principal, "now": now}
        details = erase_details(session, address, **asked)
        if not details:
            raise NotFound(f"the trail says nothing of {address!r}: nothing was erased")
        return {"details": details}


def _resolved(installation: Installation, address: str, principal: Principal) -> str:
    check_role(principal, MAY_READ, "read")
    with installation.store.session() as session:
        return resolve_address(session, address)


def _records(installation: Installation, address: str, principal: Principal) -> tuple[str, ...]:
    if person_of(address) is None:
        return (address,)
    with installation.store.session() as session:
        return find_person(session, address, principal=principal).records


def _readmit(
    installation: Installation, address: str, reason: str, principal: Principal
) -> dict[str, Any]:
    with installation.store.session() as session:
        asked: dict[str, Any] = {"principal": principal, "now": moment(installation)}
        return {"erasures": readmit_person(session, address, reason=reason, **asked)}


def _give_out(
    installation: Installation, address: str, _reason: str, principal: Principal
) -> dict[str, Any]:
    with installation.store.session() as session:
        if person_of(address) is None:
            details = details_about(session, address, principal=principal)
            if not details:
                raise NotFound(
                    f"the trail says nothing of {address!r}: give an email, contact:12, lead:7 or "
                    "user:3 for all that is kept of a person"
                )
            return {"details": details}
        person = find_person(session, address, principal=principal)
        found = export_person(session, person, principal=principal)
        deed = Deed("person.export", person.address)
        record(session, deed, principal=principal, now=moment(installation))
        return found


@dataclass(frozen=True)
class _Asked:
    """What the command line says of the events that are wanted."""

    since: str | None
    until: str | None
    person: str | None
    agent: str | None
    kind: str | None
    object: str | None


def _wanted(session: Session, asked: _Asked, now: datetime) -> Wanted:
    return Wanted(
        since=day_begins(asked.since, "--from", now),
        until=day_begins(asked.until, "--until", now, after_days=1),
        person=asked.person and resolve_address(session, asked.person),
        agent=asked.agent,
        action=asked.kind,
        object=asked.object and resolve_address(session, asked.object),
    )
