"""`search` and `show`: what was said, and what the CRM holds."""

from datetime import date, datetime, time, timedelta
from time import perf_counter
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from sqlalchemy.orm import Session

from copilot.cli.console import out, print_json
from copilot.cli.context import As, Context, Json, moment, who_asks
from crm.errors import BadInput
from crm.index.filters import SearchFilters
from crm.models import ConversationKind
from crm.principal import Principal
from tools.attributes import Entity
from tools.conversations import ReadArguments, read_conversation
from tools.records import GetRecord, get_record
from tools.timeline import TimelineArguments, opportunity_timeline

Day = Annotated[str | None, typer.Option(help="A day, YYYY-MM-DD.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        epilog='Examples:  sales-copilot search "single sign-on" --limit 5  ·  '
        'sales-copilot search "价格太高" --kind call --since 2026-09-01 --json'
    )(search)
    app.command(epilog="Examples:  sales-copilot show account Acme  ·  sales-copilot show call 12")(
        show
    )


def search(
    ctx: typer.Context,
    words: Annotated[str, typer.Argument(help="What to look for, in either language.")],
    account: Annotated[str | None, typer.Option(help="Name or id of an account.")] = None,
    conversation: Annotated[str | None, typer.Option(help="Id of one conversation.")] = None,
    speaker: Annotated[str | None, typer.Option(help="Only what this person said.")] = None,
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
                since=_start_of(since, "--since", now),
                until=_start_of(until, "--until", now, days=1),
            )
            hits = installation.index.search(
                session, words, principal=principal, filters=filters, limit=limit
            )
        took = round((perf_counter() - started) * 1000)
        if as_json:
            shown = [
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
            print_json({"results": shown, "took_ms": took})
        else:
            for hit in hits:
                out.print(
                    f"[bold]{escape(hit.title)}[/] [dim]{hit.kind} {hit.started_at:%Y-%m-%d} · "
                    f"{hit.conversation_id}#{hit.first_segment}-{hit.last_segment}[/]"
                )
                out.print(escape(hit.text), style="default")
                out.print()
            out.print(f"[dim]{len(hits)} stretches · {took} ms[/]")
        raise typer.Exit(0 if hits else 3)


def show(
    ctx: typer.Context,
    entity: Annotated[Entity, typer.Argument(help="What kind of record.")],
    ref: Annotated[str, typer.Argument(help="Its id, external id or exact name.")],
    who: As = None,
    as_json: Json = False,
) -> None:
    """Show one record with everything the CRM holds on it; a call with its transcript."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        asked = {"principal": principal, "as_of": moment(installation)}
        with installation.store.session() as session:
            record = get_record(session, GetRecord(entity=entity, ref=ref), **asked)  # type: ignore[arg-type]
            lines: list[str] = []
            if entity is Entity.CALL:
                stretch = read_conversation(
                    session,
                    ReadArguments(conversation_id=record.id),
                    **asked,  # type: ignore[arg-type]
                )
                lines = [fact.text for fact in stretch.facts]
            elif entity is Entity.OPPORTUNITY:
                story = opportunity_timeline(
                    session,
                    TimelineArguments(opportunity_id=record.id),
                    **asked,  # type: ignore[arg-type]
                )
                lines = [fact.text for fact in story.facts]
        if as_json:
            print_json({**record.model_dump(mode="json"), "lines": lines})
            return
        table = Table(title=f"{entity.value} {record.id}", show_header=False, title_justify="left")
        table.add_row("name", escape(record.name))
        for field in record.fields:
            table.add_row(field.label, escape(field.text) if field.text else "[dim]—[/]")
        out.print(table)
        for line in lines:
            out.print(escape(line))


def _id_of(
    session: Session, entity: Entity, ref: str | None, *, principal: Principal, now: datetime
) -> int | None:
    if ref is None:
        return None
    wanted = GetRecord(entity=entity, ref=ref)
    return get_record(session, wanted, principal=principal, as_of=now).id


def _start_of(text: str | None, option: str, now: datetime, *, days: int = 0) -> datetime | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option} {text!r} is not a day: write it as 2026-03-31") from None
    return datetime.combine(day, time.min, now.tzinfo) + timedelta(days=days)
