"""`backup` and `restore`: a workspace's data into one file, and back."""

import logging
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import OperationalError

from copilot.anchor import forget_anchor
from copilot.archives import Backup
from copilot.backup import back_up, restore
from copilot.cli.auditing import place_of
from copilot.cli.console import Meter, err, out, print_json, progress
from copilot.cli.context import Context, Json, moment
from copilot.cli.recording import note
from copilot.erasing_again import erase_again, erasures_in, read_erasures
from copilot.server_copy import copy_in, copy_out
from copilot.wiring import Installation
from crm.audit.suppressing import Erasure
from crm.audit.trail import Deed, record
from crm.errors import BadInput
from crm.principal import Principal
from crm.store import Store

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1
_NOTE_WAIT_S = 1.0


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
        settings = installation.settings
        folder, url = settings.workspace_dir, settings.sqlalchemy_url
        out_of = partial(copy_out, url) if _is_elsewhere(installation) else None
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
                copy_database=out_of,
            )
        _note_backup(installation, made)
        _say(made, f"{made.files} files, {made.size / 1e6:.1f} MB in {file}", as_json=as_json)


def restored(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file that `backup` wrote.")],
    force: Annotated[
        bool,
        typer.Option("--force", help="Put a workspace that is there aside, and take its name."),
    ] = False,
    erased: Annotated[
        Path | None,
        typer.Option(
            "--erased", help="A trail of `audit export`: who was erased in it is erased again."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a new workspace out of a backup; every file is checked first.

    Who was erased since it was made is erased again, as the workspace put aside knows.
    """
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        settings = installation.settings
        folder = settings.workspace_dir
        gone = read_erasures(erased) if erased else []
        aside = folder.with_name(f"{folder.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%S}")
        with progress(quiet=as_json) as display:
            meter = Meter(display)
            made = restore(
                file.expanduser(),
                folder,
                progress=lambda done, total: meter("restoring", done, total),
                fill_database=_filling(installation) if _is_elsewhere(installation) else None,
                aside=aside if force else None,
            )
        if aside.exists():
            err.print(f"What was there is now the workspace {aside.name!r}.", markup=False)
        gone += erasures_in(aside / settings.crm_db.name)
        # It was of what was there before, or of a moment after the copy.
        forget_anchor(folder)
        what = {"made_at": made.made_at, "files": made.files}
        note(installation, Deed("workspace.restore", f"workspace:{folder.name}", after=what))
        again = _erase_again(installation, gone) if gone else ()
        words = f"{made.files} files as they were at {made.made_at}"
        if again:
            words += f"; erased again: {', '.join(again)}"
        _say(made, words, as_json=as_json, erased_again=list(again))


def _erase_again(installation: Installation, gone: list[Erasure]) -> tuple[str, ...]:
    owner, now = Principal.local_owner(), moment(installation)
    with installation.importing():
        return erase_again(place_of(installation), gone, principal=owner, now=now)


def _filling(installation: Installation) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        # The tables of threads cannot be made inside a transaction, those of records can.
        with installation.checkpoints():
            pass
        copy_in(installation.settings.sqlalchemy_url, folder)

    return fill


def _is_elsewhere(installation: Installation) -> bool:
    """Say whether the records are on a PostgreSQL server. Raises BadInput for other databases."""
    settings = installation.settings
    if settings.database_url is not None and settings.postgres_url is None:
        raise BadInput(
            "SALES_COPILOT_DATABASE_URL names a database of another kind than PostgreSQL: back it "
            "up by its own means"
        )
    return settings.postgres_url is not None


def _note_backup(installation: Installation, made: Backup) -> None:
    """Note the backup where the database takes it soon: it holds, noted or not."""
    store = Store(installation.settings.sqlalchemy_url, wait_s=_NOTE_WAIT_S)
    what = {"files": made.files, "bytes": made.size}
    deed = Deed("workspace.backup", f"workspace:{installation.settings.workspace}", after=what)
    try:
        with closing(store), store.session() as session:
            record(session, deed, principal=Principal.local_owner(), now=installation.now())
    except OperationalError:
        log.warning("the backup is not noted in the trail: the database is busy")


def _say(made: Backup, words: str, *, as_json: bool, **more: object) -> None:
    if as_json:
        document = {"made_at": made.made_at, "revision": made.revision, "files": made.files}
        print_json(
            {"schema_version": SCHEMA_VERSION, "status": "done", **document, "bytes": made.size,
             **more}
        )  # fmt: skip
        return
    out.print(words, markup=False)
