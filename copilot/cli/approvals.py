"""`approvals`: what waits for people, what they decide, and what comes of it."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from copilot.agent.approvals.applying import Applied, Applying, apply_approved, resume_applying
from copilot.agent.approvals.editing import Edit, delegate, edit
from copilot.agent.approvals.effects import Effects
from copilot.agent.approvals.expiring import expire_due
from copilot.agent.approvals.listing import ActionFilter, ActionView, list_actions, show_action
from copilot.agent.approvals.payloads import Risk
from copilot.agent.approvals.voting import Ballot, Decided, vote
from copilot.agent.effects.internal import internal_effects
from copilot.cli.approvals_shown import SCHEMA_VERSION, as_document, print_action, print_actions
from copilot.cli.console import err, out, print_json
from copilot.cli.context import As, Context, Json, moment, who_asks
from copilot.cli.proposing import propose_group
from copilot.wiring import Installation
from crm.errors import BadInput, CopilotError
from crm.models import ActionStatus, Vote
from crm.principal import Principal

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
    who: As = None,
    as_json: Json = False,
) -> None:
    """List what I proposed, may decide, or was handed, the newest first."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal, now = _start(installation, who, as_json=as_json)
        wanted = ActionFilter(mine_to_decide=mine, limit=limit)
        if everything:
            wanted = ActionFilter(tuple(ActionStatus), mine_to_decide=mine, limit=limit)
        views = _listed(installation, wanted, principal, now)
        if as_json:
            actions = [as_document(view) for view in views]
            print_json({"schema_version": SCHEMA_VERSION, "status": "answered", "actions": actions})
            return
        print_actions(views)


def show(ctx: typer.Context, number: Number, who: As = None, as_json: Json = False) -> None:
    """Show one action: what would be done, why, who may approve it, and what came of it."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal, now = _start(installation, who, as_json=as_json)
        view = _shown(installation, number, principal, now)
        if as_json:
            document = as_document(view)
            print_json({"schema_version": SCHEMA_VERSION, "status": "answered", "action": document})
            return
        print_action(view)


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
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal, now = _start(installation, who, as_json=as_json)
        if all_low_risk == (number is not None):
            raise BadInput("give the action's number, or --all-low-risk")
        if number is None:
            _approve_batch(installation, principal, now, yes=yes, as_json=as_json)
            return
        view = _shown(installation, number, principal, now)
        decided = _vote(installation, view, Vote.APPROVE, principal, now, digest=digest)
        came = _carried_out(installation, decided, principal, now)
        _say_decided(decided, came, view, as_json=as_json)


def reject(
    ctx: typer.Context,
    number: Number,
    reason: Annotated[str, typer.Option(help="Why; who proposed it is shown it.")],
    digest: Hash = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Reject an action, with the reason."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal, now = _start(installation, who, as_json=as_json)
        view = _shown(installation, number, principal, now)
        decided = _vote(
            installation, view, Vote.REJECT, principal, now, digest=digest, reason=reason
        )
        _say_decided(decided, None, view, as_json=as_json)


def edited(
    ctx: typer.Context,
    number: Number,
    file: Annotated[Path, typer.Option(help="A JSON file with the whole new payload.")],
    digest: Hash = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Replace what an action would do; votes on the old one are void."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal, now = _start(installation, who, as_json=as_json)
        payload = _payload(file)
        seen = _seen(_shown(installation, number, principal, now), digest)
        with installation.store.session() as session:
            edit(
                session,
                Edit(number, seen, payload),
                effects=effects_of(installation),
                policy=installation.policy,
                principal=principal,
                now=now,
            )
        view = _shown(installation, number, principal, now)
        if as_json:
            document = as_document(view)
            print_json({"schema_version": SCHEMA_VERSION, "status": "done", "action": document})
            return
        print_action(view)


def delegated(
    ctx: typer.Context,
    number: Number,
    to: Annotated[str, typer.Option(help="Email of the user who decides instead.")],
    who: As = None,
    as_json: Json = False,
) -> None:
    """Hand an action to somebody else to decide."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal, now = _start(installation, who, as_json=as_json)
        receiver = installation.principal(to)
        with installation.store.session() as session:
            delegate(
                session,
                number,
                receiver.user_id or 0,
                policy=installation.policy,
                principal=principal,
                now=now,
            )
        if as_json:
            done = {"action_id": number, "assignee": receiver.name}
            print_json({"schema_version": SCHEMA_VERSION, "status": "done", **done})
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
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal, now = _start(installation, who, as_json=as_json)
        applying = _applying(installation, principal, now)
        if number is not None:
            found = [apply_approved(installation.store, number, applying)]
        else:
            found = resume_applying(installation.store, applying)
        if as_json:
            rows = [asdict(one) for one in found]
            status = "error" if any(one.error for one in found) else "done"
            print_json({"schema_version": SCHEMA_VERSION, "status": status, "applied": rows})
            return
        for one in found:
            _say_applied(one)
        if not found:
            out.print("Nothing is approved that was not carried out.")


def effects_of(_installation: Installation) -> Effects:
    """Return what carries actions out in this installation."""
    return internal_effects()


def _start(
    installation: Installation, who: str | None, *, as_json: bool
) -> tuple[Principal, datetime]:
    principal = who_asks(installation, who, as_json=as_json)
    now = moment(installation)
    with installation.store.session() as session:
        expire_due(session, principal=principal, now=now)
    return principal, now


def _applying(installation: Installation, principal: Principal, now: datetime) -> Applying:
    return Applying(effects_of(installation), installation.policy, principal, now)


def _listed(
    installation: Installation, wanted: ActionFilter, principal: Principal, now: datetime
) -> list[ActionView]:
    with installation.store.session() as session:
        return list_actions(
            session, wanted, policy=installation.policy, principal=principal, now=now
        )


def _shown(
    installation: Installation, number: int, principal: Principal, now: datetime
) -> ActionView:
    with installation.store.session() as session:
        return show_action(
            session, number, policy=installation.policy, principal=principal, now=now
        )


def _seen(view: ActionView, digest: str | None) -> str:
    """Return the digest to vote on: of the payload that the caller says to have looked at."""
    if digest is None:
        return view.payload_sha256
    given = digest.strip().lower()
    if len(given) < 8:
        raise BadInput(f"--hash {digest!r} is too short: give at least 8 characters of it")
    return view.payload_sha256 if view.payload_sha256.startswith(given) else given


def _vote(
    installation: Installation,
    view: ActionView,
    choice: Vote,
    principal: Principal,
    now: datetime,
    *,
    digest: str | None = None,
    reason: str | None = None,
) -> Decided:
    ballot = Ballot(view.id, _seen(view, digest), choice, reason)
    with installation.store.session() as session:
        return vote(session, ballot, policy=installation.policy, principal=principal, now=now)


def _carried_out(
    installation: Installation, decided: Decided, principal: Principal, now: datetime
) -> Applied | None:
    if decided.missing:
        return None
    return apply_approved(installation.store, decided.id, _applying(installation, principal, now))


def _approve_batch(
    installation: Installation, principal: Principal, now: datetime, *, yes: bool, as_json: bool
) -> None:
    """Approve what is listed, as it is listed: what changes meanwhile is left out."""
    wanted = ActionFilter((ActionStatus.WAITING,), risk=Risk.LOW, mine_to_decide=True, limit=1000)
    views = [
        view for view in _listed(installation, wanted, principal, now) if view.i_may == "approve"
    ]
    views.sort(key=lambda view: view.id)
    if not as_json:
        print_actions(views)
    if views and not yes:
        if as_json:
            raise BadInput("--all-low-risk with --json asks nobody: add --yes")
        typer.confirm(f"Approve and carry out these {len(views)}?", abort=True)
    done = [_one_of_batch(installation, view, principal, now) for view in views]
    if as_json:
        status = "error" if any(one["error"] for one in done) else "done"
        print_json({"schema_version": SCHEMA_VERSION, "status": status, "approved": done})
        return
    for one in done:
        said = f"failed: {one['error']}" if one["error"] else "done"
        out.print(f"action {one['id']}: {said}", markup=False)


def _one_of_batch(
    installation: Installation, view: ActionView, principal: Principal, now: datetime
) -> dict[str, Any]:
    try:
        decided = _vote(installation, view, Vote.APPROVE, principal, now)
        came = _carried_out(installation, decided, principal, now)
    except CopilotError as error:
        return {"id": view.id, "status": None, "result": None, "error": str(error)}
    return {
        "id": view.id,
        "status": came.status.value if came else decided.status.value,
        "result": came.result if came else None,
        "error": None,
    }


def _payload(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadInput(f"{str(file)!r} cannot be read as JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadInput(f"{str(file)!r} holds no JSON object: write the whole payload")
    return found


def _say_decided(
    decided: Decided, came: Applied | None, view: ActionView, *, as_json: bool
) -> None:
    if as_json:
        document = {
            "action_id": decided.id,
            "action_status": (came.status if came else decided.status).value,
            "missing": decided.missing,
            "rules": list(decided.rules),
            "is_new": decided.is_new,
            "result": came.result if came else None,
        }
        print_json({"schema_version": SCHEMA_VERSION, "status": "done", **document})
        return
    if came is not None:
        _say_applied(came)
    elif decided.missing:
        out.print(f"Your approval counts; {decided.missing} more person has to approve.")
    else:
        out.print(f"Action {view.id} is {decided.status.value}.")


def _say_applied(one: Applied) -> None:
    if one.error:
        err.print(f"[red]action {one.id}[/]: {escape(one.error)}")
        return
    told = json.dumps(one.result or {}, ensure_ascii=False)
    already = "" if one.is_new else " (it was done before; nothing was done again)"
    out.print(f"Action {one.id} {one.status.value}{already}: {told}", markup=False)
