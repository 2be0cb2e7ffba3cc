"""`draft email`: a letter for one deal, each sentence with the facts it rests on."""

import time
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.panel import Panel

from copilot.cli.console import err, out, print_json
from copilot.cli.context import As, AsOf, Context, Json, moment, who_asks
from copilot.wiring import Installation
from copilot.writers.email import Draft, draft_email
from copilot.writers.evidence import gather_evidence
from copilot.writers.language import letter_language
from crm.errors import BadInput
from crm.principal import Principal
from tools.attributes import Entity
from tools.language import Language
from tools.records import GetRecord, Record, get_record

draft = typer.Typer(help="Draft what you will send; nothing is sent.", no_args_is_help=True)
SCHEMA_VERSION = 1


class LetterLanguage(StrEnum):
    """What a letter can be written in."""

    EN = "en"
    ZH = "zh"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    draft.command(
        epilog='Example:  sales-copilot draft email --opportunity 12 --purpose "follow up on '
        "Tuesday's call\" --as anna@acme.example"
    )(email)
    app.add_typer(draft, name="draft")


@draft.callback()
def root() -> None:
    """Draft what you will send; nothing is sent."""


def email(
    ctx: typer.Context,
    opportunity: Annotated[str, typer.Option(help="Id, external id or exact name of the deal.")],
    purpose: Annotated[str, typer.Option(help="What the email is for, in your words.")],
    who: As = None,
    language: Annotated[
        LetterLanguage | None, typer.Option(help="en or zh; otherwise the customer's language.")
    ] = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Draft an email to the customer of a deal from what was said, promised and recorded."""
    context: Context = ctx.obj
    with context.open(as_json=as_json, as_of=as_of) as installation:
        principal = who_asks(installation, who, as_json=as_json)
        started = time.perf_counter()
        with err.status("gathering facts and writing"):
            made = write_email(
                installation,
                opportunity,
                purpose,
                principal=principal,
                language=language.value if language else None,
            )
        took_ms = round((time.perf_counter() - started) * 1000)
        if as_json:
            print_json(as_document(made, took_ms))
        else:
            show_draft(made, took_ms)


def write_email(
    installation: Installation,
    opportunity: str,
    purpose: str,
    *,
    principal: Principal,
    language: Language | None,
) -> Draft:
    """Return the draft; raises NotFound for the deal, or if nothing could be proved."""
    now = moment(installation)
    if not purpose.strip() or len(purpose) > 500:
        raise BadInput(f"--purpose has {len(purpose)} characters: say in 1 to 500 what it is for")
    asked: dict[str, Any] = {"principal": principal, "as_of": now}
    with installation.store.session() as session:
        wanted = GetRecord(entity=Entity.OPPORTUNITY, ref=opportunity)
        record = get_record(session, wanted, **asked)
        chosen = language or letter_language(session, record.id, principal=principal)
        evidence = gather_evidence(
            session,
            installation.index,
            record.id,
            sender=_sender(record, principal),
            purpose=purpose,
            language=chosen,
            **asked,
        )
    return draft_email(
        installation.model,
        evidence,
        purpose=purpose,
        language=chosen,
        today=now.date(),
    )


def _sender(record: Record, principal: Principal) -> str:
    """Return who signs: the caller, or the deal's owner where the local owner asks."""
    if not principal.is_local_owner:
        return principal.name
    owner = next((field.text for field in record.fields if field.name == "owner"), None)
    return owner or ""


def as_document(made: Draft, took_ms: int) -> dict[str, Any]:
    """Return the draft in the shape that scripts rely on."""
    document = made.model_dump(mode="json", exclude={"tokens_in", "tokens_out"})
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "answered",
        **document,
        "took_ms": took_ms,
        "tokens": {"in": made.tokens_in, "out": made.tokens_out},
    }


def show_draft(made: Draft, took_ms: int) -> None:
    """Print the letter, then what each sentence rests on, what is open, and what was cut."""
    to = ", ".join(f"{one.name} <{one.email}>" if one.email else one.name for one in made.to)
    out.print(Panel(escape(made.body), title=escape(made.subject), subtitle=escape(to)))
    for sentence in made.sentences:
        ids = " ".join(sentence.facts) or "—"
        out.print(f"[bold]{ids}[/] {escape(sentence.text)}")
    out.print()
    for fact in made.facts:
        out.print(f"[dim][bold]{fact.id}[/] {escape(fact.text)} ({escape(fact.source)})[/]")
    if made.open_questions:
        out.print("\n[bold]Open questions[/]")
        for question in made.open_questions:
            out.print(f"  ? {escape(question)}")
    for cut in made.dropped:
        out.print(f"[dim]✂ {escape(cut.text)} ({escape(cut.reason)})[/]")
    out.print(
        f"[dim]{took_ms / 1000:.1f} s · {made.tokens_in} + {made.tokens_out} tokens · "
        "a draft: nothing was sent[/]"
    )
