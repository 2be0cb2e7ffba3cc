"""`backup` and `restore`: a workspace's data into one file, and back."""

from pathlib import Path
from typing import Annotated

import typer

from copilot.backup import Backup, back_up, restore
from copilot.cli.console import Meter, out, print_json, progress
from copilot.cli.context import Context, Json, moment
from copilot.wiring import Installation
from crm.errors import BadInput

SCHEMA_VERSION = 1


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example:  sales-copilot backup ~/backups/2026-11-22.tar.gz")(backup)
    app.command(
        "restore",
        epilog="Example:  sales-copilot --workspace again restore ~/backups/2026-11-22.tar.gz",
    )(restored)


def backup(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file to write, .tar.gz.")],
    as_json: Json = False,
) -> None:
    """Write the workspace's data into one file while it is in use; secrets stay out."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        _on_sqlite(installation)
        folder = installation.settings.workspace_dir
        with (
            installation.importing(),
            installation.embedding(),
            progress(quiet=as_json) as display,
        ):
            meter = Meter(display)
            made = back_up(
                folder,
                file.expanduser(),
                now=moment(installation),
                progress=lambda done, total: meter("backing up", done, total),
            )
        _say(made, f"{made.files} files, {made.size / 1e6:.1f} MB in {file}", as_json=as_json)


def restored(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file that `backup` wrote.")],
    as_json: Json = False,
) -> None:
    """Make a new workspace out of a backup; every file is checked first."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        _on_sqlite(installation)
        with progress(quiet=as_json) as display:
            meter = Meter(display)
            made = restore(
                file.expanduser(),
                installation.settings.workspace_dir,
                progress=lambda done, total: meter("restoring", done, total),
            )
        _say(made, f"{made.files} files as they were at {made.made_at}", as_json=as_json)


def _on_sqlite(installation: Installation) -> None:
    if installation.settings.database_url is not None:
        raise BadInput(
            "SALES_COPILOT_DATABASE_URL is set: back PostgreSQL up by its own pg_dump, and unset "
            "the variable to back up a workspace of this machine"
        )


def _say(made: Backup, words: str, *, as_json: bool) -> None:
    if as_json:
        document = {"made_at": made.made_at, "revision": made.revision, "files": made.files}
        print_json(
            {"schema_version": SCHEMA_VERSION, "status": "done", **document, "bytes": made.size}
        )
        return
    out.print(words, markup=False)
