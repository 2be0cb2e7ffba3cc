"""`sync`: reads all sources, and does what follows from what they bring."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.table import Table

from copilot.cli.console import EXIT_CODES, err, error_document, out, print_json, say_error
from copilot.cli.context import Context, Json
from copilot.jobs.engine import JobEngine
from copilot.jobs.workplace import Board
from copilot.wiring import Installation
from crm.errors import CopilotError, NotFound, PermanentError, TransientError

SCHEMA_VERSION = 1
_AGAIN_S = 5.0
_COUNTS = ("created", "updated", "unchanged", "deleted", "rejected")
_CRASHED = frozenset({"ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})
_CRASH = (
    "its reading broke off unexpectedly: see `sales-copilot jobs` and the log file in the "
    "workspace's folder `logs`, and please report it; the next sync tries again"
)
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
    has_begun = False
    with context.open(as_json=as_json) as installation:
        while True:
            rounds = _rounds(
                installation, names, every=every if watch else None, only_read=only_read,
                quiet=as_json,
            )  # fmt: skip
            try:
                with installation.speaking_of_databases(), closing(rounds):
                    for reports in rounds:
                        has_begun = True
                        _report(reports, as_json=as_json)
                break
            except TransientError as error:
                if not (watch and has_begun):
                    raise
                _tell(error, as_json=as_json)
                time.sleep(_AGAIN_S)
        _leave(reports)


def _rounds(
    installation: Installation,
    names: list[str] | None,
    *,
    every: int | None,
    only_read: bool,
    quiet: bool,
) -> Generator[list[dict[str, Any]], None, None]:
    """Yield the reports of one reading after another, of one only if `every` is None.

    Raises TransientError where a server is away; then all is to be begun again, the lock too.
    """
    with installation.syncing() as hold:
        # The board of an earlier beginning says that its work is to end.
        engine = JobEngine(replace(installation.workplace, board=Board()))
        wanted = _wanted(engine, names)
        with engine.running(installation.settings.jobs_url), _shown(engine, quiet=quiet) as tell:
            while True:
                hold.check()
                yield _once(engine, wanted, tell, only_read=only_read)
                if every is None or engine.workplace.board.is_stopping():
                    return
                _rest(engine, wanted, tell, seconds=every)


def _tell(error: CopilotError, *, as_json: bool) -> None:
    if as_json:
        print_json(error_document(str(error), kind=type(error).__name__))
    else:
        say_error(f"{error}; it goes on by itself")


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
        state = handle.get_status().status if handle is not None else None
        if handle is not None and state == "SUCCESS":
            reports.append({"name": name, **handle.get_result()})
        elif state in _CRASHED:
            reports.append({"name": name, "error": _CRASH, "error_kind": PermanentError.__name__})
        else:
            reports.append({"name": name, "interrupted": True})
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
        if report.get("suppressed"):
            counts.append(f"{report['suppressed']:,} of people who were erased left out")
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
