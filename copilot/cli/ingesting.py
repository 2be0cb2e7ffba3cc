"""`ingest crm|mail|calls` and `index`: data in, then searchable."""

import subprocess
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from copilot.cli.console import Meter, err, out, print_json, progress
from copilot.cli.context import Context, Json, moment
from copilot.cli.summaries import conversation_counts, conversation_lines
from copilot.wiring import Installation
from crm.errors import BadInput
from crm.principal import Principal
from ingest.conversation_run import ConversationSummary
from ingest.crm.importer import import_crm
from ingest.crm.mapping import load_mapping
from ingest.crm.suggest import suggest_mapping
from ingest.mail.importer import import_mail
from ingest.transcripts.importer import import_calls


class Embed(StrEnum):
    """When new passages get their vectors; words are searchable at once in any case."""

    BACKGROUND = "background"
    NOW = "now"
    LATER = "later"


EmbedOption = Annotated[
    Embed, typer.Option(help="When to make search by meaning ready: full text works at once.")
]
ingest = typer.Typer(help="Bring in CRM files, mail and calls.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    ingest.command(
        epilog="Examples:  sales-copilot ingest crm accounts.csv deals.xlsx --mapping crm.yaml  ·  "
        "sales-copilot ingest crm deals.csv --suggest-mapping > crm.yaml"
    )(crm)
    ingest.command(epilog="Example:  sales-copilot ingest mail ~/exports/mail")(mail)
    ingest.command(epilog="Example:  sales-copilot ingest calls recordings/")(calls)
    app.add_typer(ingest, name="ingest")
    app.command(epilog="Example:  sales-copilot index")(index)


def crm(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="CSV, TSV or XLSX files.")],
    mapping: Annotated[Path | None, typer.Option(help="YAML: which column is which field.")] = None,
    suggest: Annotated[
        bool,
        typer.Option("--suggest-mapping", help="Print a mapping to start from; import nothing."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Import CRM exports. The same files twice change nothing; bad rows go to a rejects file."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        if suggest:
            sys.stdout.write(suggest_mapping(files))
            return
        if mapping is None:
            raise BadInput(
                "--mapping is missing: write one (docs/mapping.md), or start from "
                "`sales-copilot ingest crm FILE… --suggest-mapping > mapping.yaml`"
            )
        with progress(quiet=as_json) as display:
            summary = import_crm(
                installation.store,
                files,
                load_mapping(mapping),
                principal=Principal.local_owner(),
                now=moment(installation),
                rejects_dir=installation.settings.rejects_dir,
                progress=Meter(display),
            )
        if as_json:
            print_json(summary)
            return
        for line in summary.lines():
            out.print(line, markup=False)


def mail(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="An .eml or .mbox file, or a folder of them.")],
    embed: EmbedOption = Embed.BACKGROUND,
    as_json: Json = False,
) -> None:
    """Import email and tie it to accounts, deals and people."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        with progress(quiet=as_json) as display:
            summary = import_mail(
                installation.store,
                path,
                principal=Principal.local_owner(),
                now=moment(installation),
                rejects_dir=installation.settings.rejects_dir,
                progress=Meter(display).of_conversations,
            )
        _finish(context, installation, summary, embed=embed, as_json=as_json)


def calls(
    ctx: typer.Context,
    path: Annotated[
        Path, typer.Argument(help="A transcript (.vtt .srt .json), a recording, or a folder.")
    ],
    embed: EmbedOption = Embed.BACKGROUND,
    as_json: Json = False,
) -> None:
    """Import call transcripts, and transcribe recordings here on this machine."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        owner = Principal.local_owner()
        with progress(quiet=as_json) as display:
            summary = import_calls(
                installation.store,
                path,
                transcriber=installation.transcriber,
                hints=installation.speech_hints(owner),
                principal=owner,
                now=moment(installation),
                rejects_dir=installation.settings.rejects_dir,
                progress=Meter(display).of_conversations,
            )
        _finish(context, installation, summary, embed=embed, as_json=as_json)


def index(ctx: typer.Context, as_json: Json = False) -> None:
    """Give every passage that lacks one its vector, so that search by meaning finds it."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        done = embed_pending(installation, quiet=as_json)
        if as_json:
            print_json({"embedded": done, "pending": installation.index.pending()})
        else:
            out.print(f"{done:,} passages embedded; search by meaning is up to date.")


def embed_pending(
    installation: Installation, *, first: Sequence[int] = (), quiet: bool = False
) -> int:
    """Embed all pending passages with a progress bar and return how many."""
    with progress(quiet=quiet) as display:
        meter = Meter(display)
        return installation.index.embed_pending(
            progress=lambda done, total: meter("embedding", done, total), first=first
        )


def embed_in_background(context: Context) -> None:
    """Start a process that embeds what is pending and outlives this one."""
    command = [sys.executable, "-m", "copilot.cli.main"]
    if context.workspace is not None:
        command += ["--workspace", context.workspace]
    subprocess.Popen(  # noqa: S603 — our own interpreter, our own module
        [*command, "index", "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _finish(
    context: Context,
    installation: Installation,
    summary: ConversationSummary,
    *,
    embed: Embed,
    as_json: bool,
) -> None:
    installation.index.index_texts(summary.changed_ids)
    if embed is Embed.NOW:
        embed_pending(installation, first=summary.changed_ids, quiet=as_json)
    pending = installation.index.pending()
    if embed is Embed.BACKGROUND and pending:
        embed_in_background(context)
    if as_json:
        print_json({**conversation_counts(summary), "pending_vectors": pending})
    else:
        for line in conversation_lines(summary):
            out.print(line, markup=False)
        if pending:
            err.print(f"[dim]Searchable by words now; {pending:,} passages get vectors.[/]")
    if summary.rejected and summary.rejected == summary.read:
        raise BadInput(f"nothing could be imported: {summary.rejects[0].reason}")
