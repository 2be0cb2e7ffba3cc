"""`access`: who may read what and why, what people are given for a time, and the policy itself."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.cli.console import err, out, print_json
from copilot.cli.context import As, Context, Json, moment, who_asks
from copilot.cli.days import day_begins, day_ends
from copilot.cli.figures_explained import explain_measure, figures_document, print_figures
from copilot.wiring import Installation
from crm.access.explaining import Explanation, explain_access
from crm.access.granting import (
    OBJECTS,
    Wish,
    grant_access,
    list_grants,
    revoke_access,
    set_private,
)
from crm.access.policy import load_policy
from crm.errors import Ambiguous, BadInput, NotFound
from crm.models import (
    AccessGrant,
    Account,
    Activity,
    Base,
    Case,
    Contact,
    Conversation,
    GrantKind,
    Lead,
    Opportunity,
    Product,
    Quota,
    Quote,
    Team,
    Territory,
    User,
)
from crm.principal import Principal

SCHEMA_VERSION = 1
_EXPLAINED: dict[str, type[Base]] = {
    "account": Account,
    "opportunity": Opportunity,
    "contact": Contact,
    "lead": Lead,
    "conversation": Conversation,
    "call": Conversation,
    "activity": Activity,
    "case": Case,
    "quote": Quote,
    "quota": Quota,
    "product": Product,
    "user": User,
    "team": Team,
    "territory": Territory,
}
access = typer.Typer(help="See and set who may read what.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    access.command(
        epilog="Examples:  sales-copilot access explain --as anna@acme.example --object "
        "opportunity:12  ·  sales-copilot access explain --as anna@acme.example --measure "
        "won_amount --by team"
    )(explain)
    access.command(epilog="Example:  sales-copilot access policy --check access.cedar")(policy)
    access.command(
        epilog="Examples:  sales-copilot access grant account 12 --to bo@acme.example --until "
        '2027-01-08 --reason "squad for the tender"  ·  sales-copilot access grant stand_in '
        'anna@acme.example --to bo@acme.example --until 2027-01-08 --reason "on holiday"'
    )(grant)
    access.command(epilog="Example:  sales-copilot access revoke 3")(revoke)
    access.command(epilog="Example:  sales-copilot access grants --json")(grants)
    access.command(epilog="Example:  sales-copilot access private conversation:31")(private)
    app.add_typer(access, name="access")


@access.callback()
def root() -> None:
    """See and set who may read what."""


def explain(
    ctx: typer.Context,
    who: Annotated[str, typer.Option("--as", help="Email of the user or contact.")],
    wanted: Annotated[
        str | None, typer.Option("--object", help="Such as opportunity:12 or call:31.")
    ] = None,
    measure: Annotated[
        str | None, typer.Option(help="Why its figures are told or withheld: won_amount.")
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="Groups of the figures, such as team; twice for two.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether somebody may read a record or is told a figure, and why or why not."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = installation.principal(who, admits_outside=True)
        if (wanted is None) == (measure is None):
            raise BadInput("say what to explain: --object opportunity:12, or --measure won_amount")
        if measure is not None:
            figures, said = explain_measure(installation, principal, measure, by or [])
            if as_json:
                document = figures_document(figures, said)
                print_json({"schema_version": SCHEMA_VERSION, "status": "answered", **document})
            else:
                print_figures(said)
            return
        _explain_record(installation, principal, wanted or "", as_json=as_json)


def _explain_record(
    installation: Installation, principal: Principal, wanted: str, *, as_json: bool
) -> None:
    model, row_id = _object(wanted)
    with installation.store.session() as session:
        found = explain_access(session, principal.scopes[0], model, row_id)
    if as_json:
        print_json({"schema_version": SCHEMA_VERSION, "status": "answered", **_shown(found)})
        return
    word = "[green]yes[/]" if found.is_allowed else "[red]no[/]"
    out.print(f"{word}: {escape(principal.name)} ({found.role.value}) · {escape(wanted)}")
    if found.through:
        out.print(f"  decided by {escape(found.through)}")
    stands = ", ".join(relation.value for relation in found.relations) or "nothing"
    out.print(f"  holds between them: {stands}")
    for name in found.policies or ("no rule permits it",):
        out.print(f"  rule: {escape(name)}")
    if not found.is_allowed:
        counted = ", ".join(found.counted_by)
        said = f"counts in figures all the same: {counted}" if counted else "counts in no figure"
        out.print(f"  {escape(said)}")


def policy(
    ctx: typer.Context,
    check: Annotated[
        Path | None, typer.Option(help="A Cedar file to try; nothing is changed.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the rules that hold, or check a file of one's own."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        found = load_policy(check) if check else installation.policy
        source = check or installation.settings.policy_file
        if as_json:
            document = {"version": found.version, "file": str(source) if source else None}
            print_json({"schema_version": SCHEMA_VERSION, "status": "done", **document})
            return
        if check is None:
            # Whoever writes it to a file has to get the rules line by line, and nothing else.
            out.print(found.text, markup=False, highlight=False, soft_wrap=True)
        kind = f"of {source}" if source else "that come with the product"
        err.print(f"[dim]The rules {escape(kind)}, version {found.version}.[/]")


def grant(
    ctx: typer.Context,
    kind: Annotated[GrantKind, typer.Argument(help="What is given.")],
    wanted: Annotated[str, typer.Argument(help="Its id; for a stand-in the absent one's email.")],
    to: Annotated[str, typer.Option(help="Email of the user who gets it.")],
    reason: Annotated[str, typer.Option(help="Why; the list of grants shows it.")],
    since: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, YYYY-MM-DD.")] = None,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Give somebody a team's rows, an account, a deal or a stand-in, for a time."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        user_id = installation.principal(to).user_id
        now = moment(installation)
        with installation.store.session() as session:
            wish = Wish(
                user_id=user_id or 0,
                kind=kind,
                object_id=_given(session, installation, kind, wanted),
                reason=reason,
                valid_from=day_begins(since, "--from", now),
                valid_until=day_ends(until, "--until", now),
            )
            made = grant_access(session, wish, principal=principal, now=now)
        _say(as_json, {"grant_id": made}, f"Grant {made}: `access revoke {made}` takes it back.")


def revoke(
    ctx: typer.Context,
    number: Annotated[int, typer.Argument(help="The grant's number.")],
    who: As = None,
    as_json: Json = False,
) -> None:
    """Take a grant back, at once."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        with installation.store.session() as session:
            left = revoke_access(session, number, principal=principal, now=moment(installation))
        same = f" The same is still given by {', '.join(map(str, left))}." if left else ""
        values = {"grant_id": number, "still_given_by": list(left)}
        _say(as_json, values, f"Grant {number} is taken back.{same}")


def grants(ctx: typer.Context, who: As = None, as_json: Json = False) -> None:
    """List what was given, to whom, by whom, why, and until when."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        with installation.store.session() as session:
            rows = [_row(session, one) for one in list_grants(session, principal=principal)]
        if as_json:
            print_json({"schema_version": SCHEMA_VERSION, "status": "answered", "grants": rows})
            return
        table = Table("no.", "to", "what", "from", "until", "why", "by", "taken back")
        for row in rows:
            what = f"{row['kind']}:{row['object_id']}"
            cells = (row["id"], row["user"], what, row["valid_from"], row["valid_until"])
            more = (row["reason"], row["granted_by"], row["revoked_at"])
            table.add_row(*(escape(str(cell or "")) for cell in (*cells, *more)))
        out.print(table if rows else "Nothing is given beyond what the CRM says.")


def private(
    ctx: typer.Context,
    conversation: Annotated[str, typer.Argument(help="Such as call:31 or conversation:31.")],
    off: Annotated[bool, typer.Option("--off", help="Make it readable again.")] = False,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Keep a conversation to its owner and the people who were in it."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        model, row_id = _object(conversation)
        if model is not Conversation:
            raise BadInput(f"{conversation!r} is no conversation: give one as call:31")
        with installation.store.session() as session:
            set_private(
                session, row_id, is_private=not off, principal=principal, now=moment(installation)
            )
        said = "open to colleagues" if off else "private"
        _say(as_json, {"conversation_id": row_id, "is_private": not off}, f"It is {said} now.")


def _object(text: str) -> tuple[type[Base], int]:
    kind, _, number = text.partition(":")
    model = _EXPLAINED.get(kind.strip().lower())
    if model is None or not number.strip().isdecimal():
        kinds = ", ".join(_EXPLAINED)
        raise BadInput(f"{text!r} names no record: write kind:id, with a kind of {kinds}")
    return model, int(number)


def _given(session: Session, installation: Installation, kind: GrantKind, text: str) -> int:
    if kind is GrantKind.STAND_IN:
        return installation.principal(text, admits_left=True).user_id or 0
    table = OBJECTS[kind].__table__
    if text.isdecimal():
        return int(text)
    named = select(table.c.id).where((table.c.external_id == text) | (table.c.name == text))
    ids = [int(row[0]) for row in session.execute(named.limit(5))]
    if not ids:
        raise NotFound(f"no {kind.value} {text!r}: give its id, external id or exact name")
    if len(ids) > 1:
        raise Ambiguous(f"several are called {text!r}: give the id", [str(one) for one in ids])
    return ids[0]


def _row(session: Session, one: AccessGrant) -> dict[str, Any]:
    user = session.get(User, one.user_id)
    days = {
        name: moment_.isoformat() if moment_ else None
        for name, moment_ in (
            ("valid_from", one.valid_from),
            ("valid_until", one.valid_until),
            ("revoked_at", one.revoked_at),
        )
    }
    return {
        "id": one.id,
        "user": (user.email or user.name) if user else None,
        "kind": one.kind,
        "object_id": one.object_id,
        "reason": one.reason,
        "granted_by": one.granted_by,
        **days,
    }


def _shown(found: Explanation) -> dict[str, Any]:
    return {
        "is_allowed": found.is_allowed,
        "role": found.role.value,
        "relations": [relation.value for relation in found.relations],
        "rules": list(found.policies),
        "through": found.through,
        "counts": found.is_allowed or bool(found.counted_by),
        "counted_by": list(found.counted_by),
    }


def _say(as_json: bool, values: dict[str, Any], words: str) -> None:
    if as_json:
        print_json({"schema_version": SCHEMA_VERSION, "status": "done", **values})
        return
    out.print(words, markup=False)
