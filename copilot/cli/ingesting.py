"""`ingest crm|mail|calls` and `index`: data in, then searchable."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from copilot.cli.console import (
    EXIT_CODES,
    Meter,
    err,
    error_document,
    out,
    print_json,
    progress,
)
from copilot.cli.context import Context, Json, moment
from copilot.cli.summaries import conversation_counts, conversation_lines
from copilot.cli.understanding import understand_pending
from copilot.wiring import Installation
from crm.errors import BadInput, PermanentError
from crm.principal import Principal
from ingest.conversation_run import ConversationSummary
from ingest.crm.importer import import_crm
from ingest.crm.mapping import load_mapping
from ingest.crm.suggest import suggest_mapping
from ingest.mail.importer import import_mail
from ingest.transcripts.importer import import_calls

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1
_NICENESS = 10
_SLICE = 64
_PAUSE_S = 0.05


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
            proposed = suggest_mapping(files)
            if as_json:
                report_json({"mapping": proposed}, "")
            else:
                sys.stdout.write(proposed)
            return
        if mapping is None:
            raise BadInput(
                "--mapping is missing: write one (docs/mapping.md), or start from "
                "`sales-copilot ingest crm FILE… --suggest-mapping > mapping.yaml`"
            )
        loaded = load_mapping(mapping)
        with importing(installation), progress(quiet=as_json) as display:
            summary = import_crm(
                installation.store,
                files,
                loaded,
                principal=Principal.local_owner(),
                now=moment(installation),
                rejects_dir=installation.settings.rejects_dir,
                progress=Meter(display),
            )
        total = summary.total
        is_useless = total.rejected > 0 and total.rejected == total.read
        reason = f"all {total.read:,} rows were rejected, see {summary.rejects_path}"
        if as_json:
            report_json(summary.model_dump(mode="json"), reason if is_useless else "")
            return
        for line in summary.lines():
            out.print(line, markup=False)
        if is_useless:
            raise BadInput(reason)


def mail(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="An .eml or .mbox file, or a folder of them.")],
    embed: EmbedOption = Embed.BACKGROUND,
    as_json: Json = False,
) -> None:
    """Import email and tie it to accounts, deals and people."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        with importing(installation), progress(quiet=as_json) as display:
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
        with importing(installation), progress(quiet=as_json) as display:
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


def index(
    ctx: typer.Context,
    background: Annotated[
        bool, typer.Option("--background", hidden=True, help="Give way to everything else.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make everything that was imported searchable and understood: words, notes, meaning."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        if background and hasattr(os, "nice"):
            os.nice(_NICENESS)
        indexed = installation.index.index_missing()
        _compare_vectors(installation)
        understood = understand_pending(installation, quiet=as_json)
        done = embed_pending(installation, quiet=as_json)
        pending = installation.index.pending()
        log.info("indexed %d, understood %d, embedded %d", indexed, understood, done)
        if as_json:
            counts = {
                "indexed": indexed, "understood": understood, "embedded": done, "pending": pending
            }  # fmt: skip
            report_json(counts, "")
        elif pending:
            out.print(f"{done:,} passages embedded; another process is embedding {pending:,} more.")
        else:
            out.print(f"{done:,} passages embedded; search by meaning is up to date.")


def _compare_vectors(installation: Installation) -> None:
    """Look what other machines that use the database changed, and what was lost here."""
    # What another process adds just now is none of this one's business.
    with installation.embedding() as is_mine:
        if not is_mine:
            return
        if installation.settings.postgres_url is not None:
            installation.index.tidy_vectors()
        installation.index.find_missing()


@contextmanager
def importing(installation: Installation) -> Iterator[None]:
    """Import alone; what a Ctrl-C or a failed disk leaves behind is named."""
    try:
        with installation.importing():
            yield
    except OSError as error:
        raise PermanentError(
            f"the import stopped: {error.strerror or error} ({str(error.filename or '')!r}). "
            "What was finished is kept; mend that and run the same command again"
        ) from error


def embed_pending(
    installation: Installation,
    *,
    first: Sequence[int] = (),
    limit: int | None = None,
    quiet: bool = False,
) -> int:
    """Embed pending passages, at most `limit`, with a progress bar and return how many.

    While another process embeds, this one leaves it to that and returns 0.
    """
    with installation.embedding() as is_mine, progress(quiet=quiet) as display:
        if not is_mine:
            return 0
        meter, done = Meter(display), 0
        # Passages that an import adds meanwhile belong to this run too.
        while limit is None or done < limit:
            todo = installation.index.pending()
            size = _SLICE if limit is None else min(_SLICE, limit - done)
            embedded = installation.index.embed_pending(size, first=first)
            if not embedded:
                break
            done += embedded
            meter("embedding", done, done + todo - embedded)
            time.sleep(_PAUSE_S)
        return done


def embed_in_background(context: Context) -> None:
    """Start a process that embeds what is pending and outlives this one."""
    command = [sys.executable, "-m", "copilot.cli.main"]
    if context.workspace is not None:
        command += ["--workspace", context.workspace]
    subprocess.Popen(  # noqa: S603 — our own interpreter, our own module
        [*command, "index", "--background", "--json"],
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
    installation.index.index_missing()
    if embed is Embed.NOW:
        understand_pending(installation, quiet=as_json)
        embed_pending(installation, first=summary.changed_ids, quiet=as_json)
    pending = installation.index.pending()
    if embed is Embed.BACKGROUND and (pending or summary.changed_ids):
        embed_in_background(context)
    is_useless = summary.rejected > 0 and summary.rejected == summary.read
    reason = f"nothing could be imported: {summary.rejects[0].reason}" if is_useless else ""
    if as_json:
        counts = {**conversation_counts(summary), "pending_vectors": pending}
        report_json(counts, reason)
        return
    for line in conversation_lines(summary):
        out.print(line, markup=False)
    if pending:
        err.print(f"[dim]Searchable by words now; {pending:,} passages get vectors.[/]")
    if is_useless:
        raise BadInput(reason)


def report_json(counts: dict[str, Any], reason: str) -> None:
    """Print the outcome of an import; with a reason why nothing came in, it is an error too."""
    if not reason:
        print_json({"schema_version": SCHEMA_VERSION, "status": "done", **counts})
        return
    print_json({**error_document(reason, kind=BadInput.__name__), **counts})
    raise typer.Exit(EXIT_CODES[BadInput])
