"""Which jobs there are and how they went, read without running any."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from dbos import DBOS, DBOSClient
from sqlalchemy import URL, make_url
from sqlalchemy.exc import DBAPIError

from copilot.jobs.names import SCHEMA, JobName
from copilot.refusals import DATABASE, database_error
from crm.errors import BadInput, NotFound

_KNOWN = frozenset(name.value for name in JobName)


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_STATES = {
    "ENQUEUED": JobState.WAITING,
    "DELAYED": JobState.WAITING,
    "PENDING": JobState.RUNNING,
    "SUCCESS": JobState.DONE,
    "ERROR": JobState.FAILED,
    "CANCELLED": JobState.CANCELLED,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": JobState.FAILED,
}


@dataclass(frozen=True)
class Job:
    """One job; `subject` is the source, file or conversation that it is about.

    A job that ended but could not do its work has the state failed and says why in `error`.
    """

    id: str
    name: str
    subject: str
    queue: str | None
    state: JobState
    created_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    attempts: int
    error: str | None


@contextmanager
def opened(database_url: str) -> "Iterator[DBOSClient]":
    """Yield a connection to the jobs' database. Raises what `database_error` makes of a refusal."""
    try:
        # Before the first sync there are no tables to look into.
        DBOS.migrate(database_url, schema=SCHEMA)
        client = DBOSClient(
            system_database_url=database_url,
            dbos_system_schema=SCHEMA,
            # Who only looks is told that the server is away, rather than waiting for it.
            retry_connection_errors=False,
        )
        try:
            yield client
        finally:
            client.destroy()
    except DBAPIError as error:
        raise database_error(error, place_of(database_url)) from error


def place_of(database_url: str | URL) -> str:
    """Return how to speak of a database: by its file, or by what names the server."""
    url = make_url(database_url)
    is_file = url.get_backend_name() == "sqlite"
    return str(url.database) if is_file else DATABASE


def list_jobs(client: "DBOSClient", *, state: JobState | None = None, limit: int = 20) -> list[Job]:
    """Return the newest jobs, newest first, of one state if that is given."""
    wanted = None
    # A job that ended with an error of its own counts as failed, so that is decided after reading.
    if state in (JobState.WAITING, JobState.RUNNING, JobState.CANCELLED):
        wanted = [status for status, meaning in _STATES.items() if meaning is state]
    jobs: list[Job] = []
    offset, size = 0, max(50, 2 * limit)
    while len(jobs) < limit:
        page = client.list_workflows(status=wanted, limit=size, offset=offset, sort_desc=True)
        jobs += [
            job
            for status in page
            if status.name in _KNOWN
            for job in [_job(status)]
            if state in (None, job.state)
        ]
        offset += size
        if len(page) < size:
            break
    return jobs[:limit]


def cancel_job(client: "DBOSClient", job_id: str) -> None:
    """Cancel a job that waits or runs. Raises NotFound, or BadInput if it has ended."""
    job = _find(client, job_id)
    if job.state not in (JobState.WAITING, JobState.RUNNING):
        raise BadInput(f"job {job_id!r} is {job.state.value}: only waiting or running ones end")
    client.cancel_workflow(job_id)


def _find(client: "DBOSClient", job_id: str) -> Job:
    found = client.list_workflows(workflow_ids=[job_id])
    if not found:
        raise NotFound(f"no job {job_id!r}: see `sales-copilot jobs`")
    return _job(found[0])


def _job(status: Any) -> Job:
    arguments = status.input["args"] if status.input else ()
    output = status.output if isinstance(status.output, dict) else {}
    error = output.get("error") or (str(status.error) if status.error else None)
    state = _STATES.get(status.status, JobState.FAILED)
    if state is JobState.DONE and error:
        state = JobState.FAILED
    return Job(
        id=status.workflow_id,
        name=status.name,
        subject=", ".join(str(one) for one in arguments),
        queue=status.queue_name,
        state=state,
        created_at=_moment(status.created_at),
        started_at=_moment(status.dequeued_at),
        finished_at=_moment(status.completed_at),
        attempts=status.recovery_attempts or 0,
        error=error,
    )


def _moment(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
