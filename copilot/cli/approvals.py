"""`approvals`: what waits for people, what they decide, and what comes of it."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from copilot.agent.approvals.applying import Applied
from copilot.agent.approvals.listing import ActionFilter, ActionPage, ActionView
from copilot.agent.approvals.payloads import Risk
from copilot.agent.approvals.voting import Decided
from copilot.cli.approvals_shown import (
    SCHEMA_VERSION,
    as_document,
    print_action,
    print_actions,
    print_applied,
)
from copilot.cli.console import out, print_json
from copilot.cli.context import As, Json
from copilot.cli.deciding import Seat, seated
from copilot.cli.payload_files import read_payload_file
from copilot.cli.proposing import propose_group
from crm.errors import BadInput, CopilotError
from crm.models import ActionStatus, Vote

_ANSWERED = {"schema_version": SCHEMA_VERSION, "status": "answered"}
_DONE = {"schema_version": SCHEMA_VERSION, "status": "done"}
_BATCH = 1_000
approvals = typer.Typer(
    help="See, decide and carry out what waits for people.", no_args_is_help=True
)
Number = Annotated[int, typer.Argument(help="The action's number.")]
Hash = Annotated[
    str | None,
    typer.Option("--hash", help="The payload's digest that you looked at, or its beginning."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for name, command, example in (
        ("list", listed, "sales-copilot approvals list --mine"),
        ("show", show, "sales-copilot approvals show 3"),
        ("approve", approve, "sales-copilot approvals approve 3  ·  … approve --all-low-risk"),
        ("edit", edited, "sales-copilot approvals edit 3 --file payload.json"),
        ("reject", reject, 'sales-copilot approvals reject 3 --reason "wrong deal"'),
        ("delegate", delegated, "sales-copilot approvals delegate 3 --to bo@acme.example"),
        ("apply", applied, "sales-copilot approvals apply 3"),
    ):
        approvals.command(name, epilog=f"Example:  {example}")(command)
    approvals.add_typer(propose_group(), name="propose")
    app.add_typer(approvals, name="approvals")


@approvals.callback()
def root() -> None:
    """See, decide and carry out what waits for people."""


def listed(
    ctx: typer.Context,
    mine: Annotated[bool, typer.Option(help="Only what I may decide.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also what is over.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 100,
    before: Annotated[
        int | None, typer.Option(min=1, help="Only older ones: the last number of a page.")
    ] = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """List what I proposed, may decide, or was handed, the newest first."""
    with seated(ctx, who, as_json=as_json) as seat:
        wanted = ActionFilter(mine_to_decide=mine, before=before, limit=limit)
        if everything:
            wanted = replace(wanted, statuses=tuple(ActionStatus))
        page = seat.listed(wanted)
        if as_json:
            rows = [as_document(view) for view in page.actions]
            print_json({**_ANSWERED, "actions": rows, "more": page.more})
            return
        print_actions(page, seat.summaries(page.actions))


def show(ctx: typer.Context, number: Number, who: As = None, as_json: Json = False) -> None:
    """Show one action: what would be done, why, who may approve it, and what came of it."""
    with seated(ctx, who, as_json=as_json) as seat:
        view = seat.shown(number)
        if as_json:
            print_json({**_ANSWERED, "action": as_document(view)})
            return
        print_action(view, *seat.summaries([view]))


def approve(
    ctx: typer.Context,
    number: Annotated[int | None, typer.Argument(help="The action's number.")] = None,
    digest: Hash = None,
    all_low_risk: Annotated[
        bool, typer.Option("--all-low-risk", help="All of low risk that I may approve alone.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask once more.")] = False,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Approve what an action would do, as it is shown now, and carry it out."""
    with seated(ctx, who, as_json=as_json) as seat:
        if all_low_risk == (number is not None):
            raise BadInput("give the action's number, or --all-low-risk")
        if number is None:
            _approve_batch(seat, yes=yes, as_json=as_json)
            return
        decided, came = seat.decide(seat.shown(number), Vote.APPROVE, digest=digest)
        _say_decided(decided, came, as_json=as_json)


def reject(
    ctx: typer.Context,
    number: Number,
    reason: Annotated[str, typer.Option(help="Why; who proposed it is shown it.")],
    digest: Hash = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Reject an action, with the reason."""
    with seated(ctx, who, as_json=as_json) as seat:
        view = seat.shown(number)
        decided, came = seat.decide(view, Vote.REJECT, digest=digest, reason=reason)
        _say_decided(decided, came, as_json=as_json)


def edited(
    ctx: typer.Context,
    number: Number,
    file: Annotated[Path, typer.Option(help="A JSON file with the whole new payload.")],
    digest: Hash = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Replace what an action would do; votes on the old one are void."""
    with seated(ctx, who, as_json=as_json) as seat:
        view = seat.edit(number, read_payload_file(file), digest=digest)
        if as_json:
            print_json({**_DONE, "action": as_document(view)})
            return
        print_action(view, *seat.summaries([view]))


def delegated(
    ctx: typer.Context,
    number: Number,
    to: Annotated[str, typer.Option(help="Email of the user who decides instead.")],
    who: As = None,
    as_json: Json = False,
) -> None:
    """Hand an action to somebody else to decide."""
    with seated(ctx, who, as_json=as_json) as seat:
        receiver = seat.installation.principal(to)
        seat.delegate(number, receiver)
        if as_json:
            print_json({**_DONE, "action_id": number, "assignee": receiver.name})
            return
        out.print(f"{receiver.name} may decide on action {number} now.", markup=False)


def applied(
    ctx: typer.Context,
    number: Annotated[
        int | None, typer.Argument(help="The action's number; without it, all that are approved.")
    ] = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Carry out what is approved, and take up what was interrupted; each happens once."""
    with seated(ctx, who, as_json=as_json) as seat:
        found = seat.carry_out(number)
        if as_json:
            rows = [asdict(one) for one in found]
            status = "error" if any(one.error for one in found) else "done"
            print_json({**_DONE, "status": status, "applied": rows})
            return
        for one in found:
            print_applied(one)
        if not found:
            out.print("Nothing is approved that was not carried out.")


def _approve_batch(seat: Seat, *, yes: bool, as_json: bool) -> None:
    """Approve what is listed, as it is listed: what changes meanwhile is left out."""
    wanted = ActionFilter((ActionStatus.WAITING,), risk=Risk.LOW, mine_to_decide=True, limit=_BATCH)
    page = seat.listed(wanted)
    views = [view for view in reversed(page.actions) if view.i_may == "approve"]
    if not as_json:
        print_actions(ActionPage(tuple(views), page.more), seat.summaries(views))
    if views and not yes:
        if as_json:
            raise BadInput("--all-low-risk with --json asks nobody: add --yes")
        typer.confirm(f"Approve and carry out these {len(views)}?", abort=True)
    done = [_one_of_batch(seat, view) for view in views]
    if as_json:
        status = "error" if any(one["error"] for one in done) else "done"
        print_json({**_DONE, "status": status, "approved": done, "more": page.more})
        return
    for one in done:
        said = f"failed: {one['error']}" if one["error"] else "done"
        out.print(f"action {one['id']}: {said}", markup=False)


def _one_of_batch(seat: Seat, view: ActionView) -> dict[str, Any]:
    try:
        decided, came = seat.decide(view, Vote.APPROVE)
    except CopilotError as error:
        return {"id": view.id, "status": None, "result": None, "error": str(error)}
    return {
        "id": view.id,
        "status": came.status.value if came else decided.status.value,
        "result": came.result if came else None,
        "error": None,
    }


def _say_decided(decided: Decided, came: Applied | None, *, as_json: bool) -> None:
    if as_json:
        document = {
            "action_id": decided.id,
            "action_status": (came.status if came else decided.status).value,
            "missing": decided.missing,
            "rules": list(decided.rules),
            "is_new": decided.is_new,
            "result": came.result if came else None,
        }
        print_json({**_DONE, **document})
        return
    if came is not None:
        print_applied(came)
    elif decided.missing:
        out.print(f"Your approval counts; {decided.missing} more person has to approve.")
    else:
        out.print(f"Action {decided.id} is {decided.status.value}.")
