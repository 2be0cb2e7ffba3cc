"""`approvals propose`: puts a task, change, discount, mail or suggestion before who decides."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from sqlalchemy.orm import Session

from copilot.agent.approvals.applying import Applying, apply_approved
from copilot.agent.approvals.proposing import Proposed, Wanted, propose
from copilot.agent.effects.discounts import discount_payload
from copilot.agent.effects.field_proposals import proposal_evidence, proposal_payload
from copilot.agent.effects.fields import find_record
from copilot.agent.effects.record_updates import update_payload
from copilot.cli.approvals_shown import SCHEMA_VERSION
from copilot.cli.console import out, print_json
from copilot.cli.context import As, Context, Json, moment, who_asks
from copilot.cli.payload_files import read_payload_file
from crm.errors import BadInput
from crm.models import Account, ActionStatus, Contact, EffectKind, Opportunity
from crm.principal import Principal

Key = Annotated[
    str | None, typer.Option(help="Makes it happen once: the same key is the same proposal.")
]


_ROUNDING = 1e-6
_MOST_ID = 2**63 - 1


@dataclass(frozen=True)
class _Asked:
    """What a command asks for, before it is checked; on which account and deal."""

    kind: EffectKind
    payload: dict[str, Any]
    account_id: int | None = None
    opportunity_id: int | None = None
    evidence: list[dict[str, Any]] = field(default_factory=list)


_Make = Callable[[Session, Principal], _Asked]


def propose_group() -> typer.Typer:
    """Return the group of commands."""
    group = typer.Typer(
        help="Propose a side effect; who may decide is asked.", no_args_is_help=True
    )
    group.command(
        epilog='Example:  sales-copilot approvals propose task "Call Priya" --due 2026-11-27'
    )(task)
    group.command(
        epilog="Example:  sales-copilot approvals propose update opportunity 12 --set "
        "'next_step=Send the quote'"
    )(update)
    group.command(
        epilog="Example:  sales-copilot approvals propose discount 12 --percent 15 --reason "
        '"three-year term"'
    )(discount)
    group.command(
        epilog="Example:  sales-copilot approvals propose mail --file mail.json  ·  … --save"
    )(mail)
    group.command("field-proposal", epilog="Example:  … approvals propose field-proposal 4")(
        field_proposal
    )
    return group


def task(
    ctx: typer.Context,
    subject: Annotated[str, typer.Argument(help="What is to be done.")],
    due: Annotated[str | None, typer.Option(help="The day, YYYY-MM-DD.")] = None,
    owner: Annotated[str | None, typer.Option(help="Email of whose task it is; else mine.")] = None,
    deal: Annotated[int | None, typer.Option(help="The deal's number.")] = None,
    account: Annotated[int | None, typer.Option(help="The account's number.")] = None,
    contact: Annotated[int | None, typer.Option(help="The contact's number.")] = None,
    key: Key = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Propose a task."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        other = installation.principal(owner).user_id if owner else None

    def make(_session: Session, principal: Principal) -> _Asked:
        payload = {
            "subject": subject,
            "due_on": due,
            "owner_id": other or principal.user_id,
            "account_id": account,
            "opportunity_id": deal,
            "contact_id": contact,
        }
        return _Asked(EffectKind.CREATE_TASK, payload, account, deal)

    _propose(ctx, make, key=key, who=who, as_json=as_json)


def update(
    ctx: typer.Context,
    entity: Annotated[str, typer.Argument(help="opportunity, account, contact or lead.")],
    number: Annotated[int, typer.Argument(help="The record's number.")],
    change: Annotated[list[str], typer.Option("--set", help="field=value; an empty one empties.")],
    key: Key = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Propose to change fields of a record."""

    def make(session: Session, principal: Principal) -> _Asked:
        changes = dict(_change(text) for text in change)
        payload = update_payload(session, entity, number, changes, principal=principal)
        return _Asked(EffectKind.UPDATE_RECORD, payload, *_tied(session, entity, number, principal))

    _propose(ctx, make, key=key, who=who, as_json=as_json)


def discount(
    ctx: typer.Context,
    deal: Annotated[int, typer.Argument(help="The deal's number.")],
    percent: Annotated[float, typer.Option(help="Off the whole deal.", min=0.01, max=100)],
    reason: Annotated[str, typer.Option(help="Why it is to be given.")],
    key: Key = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Propose a discount on a deal."""

    def make(session: Session, principal: Principal) -> _Asked:
        hundredths = round(percent * 100)
        if abs(hundredths - percent * 100) > _ROUNDING:
            raise BadInput(f"{percent!r} % is too fine: give two decimals at most")
        payload = discount_payload(session, deal, hundredths, reason, principal=principal)
        return _Asked(
            EffectKind.REQUEST_DISCOUNT, payload, *_tied(session, "opportunity", deal, principal)
        )

    _propose(ctx, make, key=key, who=who, as_json=as_json)


def mail(
    ctx: typer.Context,
    file: Annotated[Path, typer.Option(help="A JSON file with the mail; docs/approvals.md.")],
    save: Annotated[
        bool, typer.Option("--save", help="Save it as a draft in the mailbox; send nothing.")
    ] = False,
    key: Key = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Propose to send a mail, or to save it as a draft."""
    given = _mail_from(ctx, file, as_json=as_json)

    def make(_session: Session, _principal: Principal) -> _Asked:
        kind = EffectKind.SAVE_MAIL_DRAFT if save else EffectKind.SEND_MAIL
        return _Asked(kind, given, _number(given, "account_id"), _number(given, "opportunity_id"))

    _propose(ctx, make, key=key, who=who, as_json=as_json)


def _mail_from(ctx: typer.Context, file: Path, *, as_json: bool) -> dict[str, Any]:
    """Return the mail of a file; without a sender it is from the mailbox that is set up."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        given, mailbox = read_payload_file(file), installation.mailbox
        if mailbox is not None:
            given = {"from": {"email": mailbox.address, "name": mailbox.name}, **given}
        return given


def _number(given: dict[str, Any], name: str) -> int | None:
    value = given.get(name)
    if value is None or (isinstance(value, int) and 0 < value <= _MOST_ID):
        return value
    raise BadInput(f"{name} is {value!r}: give the record's number")


def field_proposal(
    ctx: typer.Context,
    number: Annotated[int, typer.Argument(help="The suggestion's number, from `notes --json`.")],
    key: Key = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Propose to apply a change that a conversation suggested."""

    def make(session: Session, principal: Principal) -> _Asked:
        payload = proposal_payload(session, number, principal=principal)
        tied = _tied(session, payload["entity"], payload["entity_id"], principal)
        said = proposal_evidence(session, number, principal=principal)
        return _Asked(EffectKind.APPLY_FIELD_PROPOSAL, payload, *tied, evidence=said)

    _propose(ctx, make, key=key, who=who, as_json=as_json)


def _propose(
    ctx: typer.Context, make: _Make, *, key: str | None, who: str | None, as_json: bool
) -> None:
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal, now = who_asks(installation, who, as_json=as_json), moment(installation)
        effects, policy = installation.effects, installation.policy
        with installation.store.session() as session:
            asked = make(session, principal)
            wanted = Wanted(
                asked.kind,
                asked.payload,
                key or f"cli-{secrets.token_hex(8)}",
                evidence=asked.evidence,
                account_id=asked.account_id,
                opportunity_id=asked.opportunity_id,
            )
            made = propose(
                session, wanted, effects=effects, policy=policy, principal=principal, now=now
            )
        status, result = made.status, None
        if made.status is ActionStatus.APPROVED and made.is_automatic:
            came = apply_approved(
                installation.store, made.id, Applying(effects, policy, principal, now)
            )
            status, result = came.status, came.result
        _say(made, status, result, as_json=as_json)


def _say(
    made: Proposed, status: ActionStatus, result: dict[str, Any] | None, *, as_json: bool
) -> None:
    if as_json:
        print_json(
            {
                "schema_version": SCHEMA_VERSION,
                "status": "done",
                "action_id": made.id,
                "action_status": status.value,
                "payload_sha256": made.payload_sha256,
                "risk": made.risk,
                "rule": made.rule,
                "is_automatic": made.is_automatic,
                "result": result,
            }
        )
        return
    if made.is_automatic:
        out.print(f"Action {made.id} is {status.value} by the rule {escape(repr(made.rule))}.")
        return
    out.print(f"Action {made.id} waits: `approvals show {made.id}` says for whom.", markup=False)
    out.print(f"  risk {made.risk}; {escape(made.rule)}")


def _change(text: str) -> tuple[str, str | None]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise BadInput(f"--set {text!r} is no change: write field=value")
    return name.strip(), value or None


def _tied(
    session: Session, entity: str, number: int, principal: Principal
) -> tuple[int | None, int | None]:
    """Return the account and the deal that a record belongs to."""
    row = find_record(session, entity, number, principal)
    if isinstance(row, Opportunity):
        return row.account_id, row.id
    if isinstance(row, Contact):
        return row.account_id, None
    return (row.id, None) if isinstance(row, Account) else (None, row.opportunity_id)
