"""`usage`: how many questions and tokens people used, by day and model."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.cli.console import out, print_json
from copilot.cli.context import As, Context, Json, who_asks
from copilot.cli.days import read_day
from copilot.usage import questions_a_minute, tokens_on, usage_between
from copilot.wiring import Installation
from crm.access import visible
from crm.audit.trail import address_of
from crm.models import Usage, User
from crm.principal import Principal

SCHEMA_VERSION = 1


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Examples:  sales-copilot usage  ·  sales-copilot usage --from 2026-11-01 --json  "
        "·  sales-copilot usage --by anna@acme.example"
    )(usage)


def usage(
    ctx: typer.Context,
    who: As = None,
    by: Annotated[
        str | None, typer.Option(help="Only this person's (email); without it, all you may see.")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last day, YYYY-MM-DD.")] = None,
    as_json: Json = False,
) -> None:
    """Show how many questions and tokens were used, by person, day and model."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        person = address_of(installation.principal(by, admits_left=True)) if by else None
        with installation.store.session() as session:
            found = usage_between(
                session,
                _day(since, "--from"),
                _day(until, "--to"),
                person=person,
                principal=principal,
            )
            rows = [_row(one) for one in found]
            names = _names(session, found, principal)
            today = _today(session, installation, principal)
        if as_json:
            print_json(
                {"schema_version": SCHEMA_VERSION, "status": "answered", **today, "usage": rows}
            )
            return
        _show(rows, names, today)


def _today(session: Session, installation: Installation, principal: Principal) -> dict[str, Any]:
    accounts = installation.accounts
    day = accounts.clock().date()
    return {
        "tokens_today": tokens_on(session, address_of(principal), day),
        "tokens_per_day": accounts.tokens_per_day or None,
        "questions_per_minute": questions_a_minute(installation.settings) or None,
    }


def _show(rows: Sequence[dict[str, Any]], names: dict[str, str], today: dict[str, Any]) -> None:
    columns = ("day", "person", "model", "questions", "calls", "failed", "tokens_in", "tokens_out")
    table = Table(*(name.replace("_", " ") for name in columns), box=None, pad_edge=False)
    for row in rows:
        cells = {**row, "person": names.get(row["person"], row["person"])}
        table.add_row(*(escape(_shown(cells[name])) for name in columns))
    out.print(table if rows else "Nothing was used on these days.")
    budget = today["tokens_per_day"]
    whole = f" of {budget:,}" if budget else ""
    out.print(f"[dim]Your tokens today: {today['tokens_today']:,}{whole}[/]")


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _names(session: Session, found: Sequence[Usage], principal: Principal) -> dict[str, str]:
    """Return the names of the users in these rows whom the caller may read."""
    ids = {int(row.person.split(":")[1]) for row in found if row.person.startswith("user:")}
    statement = visible(select(User).where(User.id.in_(ids)), User, principal)
    return {f"user:{user.id}": user.name for user in session.scalars(statement)}


def _row(one: Usage) -> dict[str, Any]:
    return {
        "person": one.person,
        "day": one.day.isoformat(),
        "model": one.model,
        "questions": one.questions,
        "calls": one.calls,
        "failed": one.failed,
        "tokens_in": one.tokens_in,
        "tokens_out": one.tokens_out,
    }


def _day(text: str | None, option: str) -> date | None:
    return None if text is None else read_day(text, option)
