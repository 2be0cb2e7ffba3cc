"""`jobs`: what waits, runs, is done or has failed."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from copilot.cli.console import err, out, print_json
from copilot.cli.context import Context, Json
from copilot.jobs.listing import Job, JobState, cancel_job, list_jobs, opened

SCHEMA_VERSION = 1
_COLOURS = {JobState.FAILED: "red", JobState.RUNNING: "green", JobState.WAITING: "yellow"}


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Examples:  sales-copilot jobs  ·  sales-copilot jobs --state failed --json  ·  "
        "sales-copilot jobs --cancel JOB"
    )(jobs)


def jobs(
    ctx: typer.Context,
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    cancel: Annotated[str | None, typer.Option(help="Cancel the job with this id.")] = None,
    as_json: Json = False,
) -> None:
    """Show what waits, runs, is done or has failed."""
    context: Context = ctx.obj
    with context.open(as_json=as_json) as installation:
        installation.make_workspace()
        with opened(installation.settings.jobs_url) as client:
            if cancel is not None:
                cancel_job(client, cancel)
            found = list_jobs(client, state=state, limit=limit)
        if as_json:
            rows = [_row(job) for job in found]
            print_json({"schema_version": SCHEMA_VERSION, "status": "answered", "jobs": rows})
            return
        if not found:
            out.print("No jobs. `sales-copilot sync` makes some.", markup=False)
            return
        out.print(_table(found))
        for job in found:
            if job.error:
                err.print(f"{job.name} {job.subject}: {job.error}", markup=False, soft_wrap=True)


def _row(job: Job) -> dict[str, Any]:
    row = asdict(job)
    for moment in ("created_at", "started_at", "finished_at"):
        found: datetime | None = row[moment]
        row[moment] = found.isoformat() if found else None
    return row


def _table(found: list[Job]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("started", "job", "about", "state", "took"):
        table.add_column(heading, overflow="fold")
    for job in found:
        colour = _COLOURS.get(job.state)
        state = f"[{colour}]{job.state.value}[/]" if colour else job.state.value
        moment = job.started_at or job.created_at
        started = f"{moment:%m-%d %H:%M:%S}" if moment else ""
        table.add_row(started, job.name, escape(job.subject), state, _took(job))
    return table


def _took(job: Job) -> str:
    if job.started_at is None or job.finished_at is None:
        return ""
    return f"{(job.finished_at - job.started_at).total_seconds():,.1f} s"
