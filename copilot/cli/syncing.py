"""`sync`: reads all sources, and does what follows from what they bring."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.table import Table

from copilot.cli.console import EXIT_CODES, err, error_document, out, print_json
from copilot.cli.context import Context, Json
from copilot.jobs.engine import JobEngine
from copilot.jobs.workplace import Board
from crm.errors import CopilotError, NotFound, PermanentError

SCHEMA_VERSION = 1
_COUNTS = ("created", "updated", "unchanged", "deleted", "rejected")
_KINDS: dict[str, type[CopilotError]] = {kind.__name__: kind for kind in EXIT_CODES}


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Examples:  sales-copilot sync  ·  sales-copilot sync mailbox --json  ·  "
        "sales-copilot sync --watch"
    )(sync)


def sync(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(help="Which sources; all of them if none is named.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on until stopped, reading again as things come.")
    ] = False,
    every: Annotated[
        int, typer.Option(min=5, max=86_400, help="Seconds between two readings with --watch.")
    ] = 300,
    only_read: Annotated[
        bool,
        typer.Option(
            "--only-read", help="Read the sources; leave transcribing and notes for later."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Read what is new in the sources, transcribe it, and make it searchable.

    Stopped or killed, the next run goes on where this one was.
    """
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation, installation.syncing():
        engine = JobEngine(installation.workplace)
        wanted = _wanted(engine, names)
        with engine.running(installation.settings.jobs_url), _shown(engine, quiet=as_json) as tell:
            while True:
                reports = _once(engine, wanted, tell, only_read=only_read)
                if not watch or engine.workplace.board.is_stopping():
                    break
                _report(reports, as_json=as_json)
                _rest(engine, wanted, tell, seconds=every)
        _report(reports, as_json=as_json)
        _leave(reports)


def _wanted(engine: JobEngine, names: list[str] | None) -> list[str]:
    known = engine.workplace.sources
    for name in names or ():
        if name not in known:
            shown = ", ".join(known) or "none is connected yet"
            raise NotFound(f"no source {name!r}: {shown}; see `sales-copilot sources`")
    if not known:
        raise NotFound(
            "no source is connected: add one with `sales-copilot sources add NAME KIND …`, "
            "for example `sales-copilot sources add calls folder path=~/calls`"
        )
    return list(names or known)


def _once(
    engine: JobEngine, wanted: list[str], tell: Callable[[], None], *, only_read: bool
) -> list[dict[str, Any]]:
    handles = {name: engine.pull(name) for name in wanted}
    engine.drain(tell, fills=not only_read)
    reports = []
    for name, handle in handles.items():
        if handle is None or handle.get_status().status != "SUCCESS":
            reports.append({"name": name, "interrupted": True})
        else:
            reports.append({"name": name, **handle.get_result()})
    return reports


def _rest(engine: JobEngine, wanted: list[str], tell: Callable[[], None], *, seconds: int) -> None:
    """Wait for the next reading: `seconds`, or less if a source says that something has come."""
    until = time.monotonic() + seconds
    with engine.watching(wanted) as has_news:
        while time.monotonic() < until and not has_news():
            tell()
            time.sleep(0.5)


@contextmanager
def _shown(engine: JobEngine, *, quiet: bool) -> Iterator[Callable[[], None]]:
    """Yield what refreshes the display of all that is being done."""
    board = engine.workplace.board
    if quiet or not err.is_terminal:
        yield lambda: None
        return
    with Live(console=err, transient=True, refresh_per_second=4) as live:
        yield lambda: live.update(_table(board))


def _table(board: Board) -> Table:
    from rich.progress_bar import ProgressBar

    table = Table.grid(padding=(0, 2))
    for what, standing in sorted(board.standings().items()):
        counts = f"{standing.done:,.0f}"
        if standing.total:
            counts += f" of {standing.total:,.0f}"
        bar = ProgressBar(total=standing.total, completed=standing.done, width=30)
        table.add_row(what.replace("[", "\\["), bar, counts)
    return table


def _report(reports: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        failed = [one for one in reports if one.get("error")]
        document: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "status": "done"}
        if failed:
            document = error_document(
                f"{failed[0]['name']}: {failed[0]['error']}", kind=failed[0]["error_kind"]
            )
        print_json({**document, "sources": reports})
        return
    for report in reports:
        name = str(report["name"])
        if report.get("interrupted"):
            out.print(f"{name}: interrupted; the next run goes on from here", markup=False)
            continue
        counts = [f"{report.get(count, 0):,} {count}" for count in _COUNTS]
        if report.get("recordings"):
            counts.append(f"{report['recordings']:,} recordings")
        out.print(f"{name}: {', '.join(counts)}", markup=False)
        for note in report.get("notes", ())[:5]:
            out.print(f"  {note}", markup=False)
        if report.get("rejects_path"):
            out.print(f"  rejects with reasons: {report['rejects_path']}", markup=False)
        if report.get("error"):
            err.print(f"  error: {report['error']}", markup=False, soft_wrap=True)


def _leave(reports: list[dict[str, Any]]) -> None:
    failed = [one for one in reports if one.get("error")]
    if failed:
        kind = _KINDS.get(str(failed[0].get("error_kind")), PermanentError)
        raise typer.Exit(EXIT_CODES[kind])
