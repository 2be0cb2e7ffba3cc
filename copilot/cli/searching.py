"""`search`: the stretches of calls and emails that fit some words."""

from datetime import datetime
from time import perf_counter
from typing import Annotated, Any

import typer
from rich.markup import escape
from sqlalchemy.orm import Session

from copilot.cli.console import out, print_json
from copilot.cli.context import As, Context, Json, moment, tell_what_is_missing, who_asks
from copilot.cli.days import day_begins
from crm.errors import BadInput
from crm.index.filters import SearchFilters
from crm.index.reading import PassageHit
from crm.models import ConversationKind
from crm.period import FiscalCalendar, Period
from crm.principal import Principal
from tools.attributes import Entity
from tools.periods.find import find_periods
from tools.records import GetRecord, get_record

SCHEMA_VERSION = 1
NOTHING_FOUND = 3
Day = Annotated[str | None, typer.Option(help="A day, YYYY-MM-DD.")]


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog='Examples:  sales-copilot search "single sign-on" --limit 5  ·  '
        'sales-copilot search "价格太高" --kind call --since 2026-09-01 --json'
    )(search)


def search(
    ctx: typer.Context,
    words: Annotated[str, typer.Argument(help="What to look for, in either language.")],
    account: Annotated[str | None, typer.Option(help="Name or id of an account.")] = None,
    conversation: Annotated[
        str | None, typer.Option(help="Id of one conversation, ours or its source's.")
    ] = None,
    speaker: Annotated[
        str | None, typer.Option(help="Only what this person said; a first name will do.")
    ] = None,
    kind: Annotated[ConversationKind | None, typer.Option(help="Only this kind.")] = None,
    since: Day = None,
    until: Day = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 10,
    who: As = None,
    as_json: Json = False,
) -> None:
    """Search all calls and emails by words and by meaning."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        now = moment(installation)
        started = perf_counter()
        with installation.store.session() as session:

            def find(entity: Entity, ref: str | None) -> int | None:
                return _id_of(session, entity, ref, principal=principal, now=now)

            filters = SearchFilters(
                account_id=find(Entity.ACCOUNT, account),
                conversation_id=find(Entity.CALL, conversation),
                kind=kind,
                speaker=speaker,
                since=day_begins(since, "--since", now),
                until=day_begins(until, "--until", now, after_days=1),
                likely=_named_days(words, now, installation.calendar),
            )
            hits = installation.index.search(
                session, words, principal=principal, filters=filters, limit=limit
            )
        took_ms = round((perf_counter() - started) * 1000)
        tell_what_is_missing(installation)
        if as_json:
            print_json(as_document(hits, took_ms))
        else:
            show_hits(hits, took_ms)
        raise typer.Exit(0 if hits else NOTHING_FOUND)


def as_document(hits: list[PassageHit], took_ms: int) -> dict[str, Any]:
    """Return the stretches in the shape that scripts rely on."""
    results = [
        {
            "conversation_id": hit.conversation_id,
            "external_id": hit.external_id,
            "title": hit.title,
            "kind": hit.kind,
            "started_at": hit.started_at.isoformat(),
            "first_segment": hit.first_segment,
            "last_segment": hit.last_segment,
            "score": hit.score,
            "text": hit.text,
            "speakers": list(hit.speakers),
        }
        for hit in hits
    ]
    status = "answered" if hits else "not_found"
    return {
        "schema_version": SCHEMA_VERSION,
        "status": status,
        "results": results,
        "took_ms": took_ms,
    }


def show_hits(hits: list[PassageHit], took_ms: int) -> None:
    """Print the stretches with where they stand."""
    for hit in hits:
        out.print(
            f"[bold]{escape(hit.title)}[/] [dim]{hit.kind} {hit.started_at:%Y-%m-%d} · "
            f"{hit.conversation_id}#{hit.first_segment}-{hit.last_segment}[/]"
        )
        out.print(hit.text, markup=False, highlight=False)
        out.print()
    found = f"{len(hits)} stretches" if hits else "nothing was said about that"
    out.print(f"[dim]{found} · {took_ms} ms[/]")


def _id_of(
    session: Session, entity: Entity, ref: str | None, *, principal: Principal, now: datetime
) -> int | None:
    if ref is None:
        return None
    if not 0 < len(ref.strip()) <= 300:
        raise BadInput(f"--{entity.value} {ref[:40]!r}: give an id or a name")
    wanted = GetRecord(entity=entity, ref=ref)
    return get_record(session, wanted, principal=principal, as_of=now).id


def _named_days(words: str, now: datetime, calendar: FiscalCalendar) -> Period | None:
    """Return the days that the question names, None if it names none or several stretches."""
    named = [
        mention.period
        for mention in find_periods(words, today=now.date(), calendar=calendar)
        if mention.kind != "vague"
    ]
    return named[0] if len(named) == 1 else None
