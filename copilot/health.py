"""Whether this installation can do its work now: what is checked, and what to do about it."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import ArgumentError, DBAPIError

from copilot.anchor import read_anchor
from copilot.breakers import servers_at_rest
from copilot.llm.modelfiles import ModelSet, find_models
from copilot.reaching import reach_servers
from copilot.refusals import DATABASE, cannot_open, database_error, no_driver
from copilot.settings import Settings
from copilot.wiring import Installation
from crm.audit.verifying import verify_end
from crm.disk import disk_trouble, has_no_room, nearest
from crm.errors import CopilotError, PermanentError, TransientError
from crm.models import AuditEvent, ImportRun
from crm.store import Store

LOW_DISK_BYTES = 2_000_000_000
FULL_DISK_BYTES = 100_000_000
WAIT_S = 3.0
_CLOCK_SLACK = timedelta(minutes=5)


class Level(StrEnum):
    """How bad a finding is: with a warning the work goes on, with a failure it cannot."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `problem` says what to do, None if all is well."""

    name: str
    value: str | int | float | None
    shown: str
    problem: str | None = None
    level: Level = Level.OK


@dataclass(frozen=True)
class Health:
    """What was found. Live it is whenever it can say so; ready where nothing failed."""

    findings: tuple[Finding, ...]

    @property
    def is_ready(self) -> bool:
        """Whether requests can be served, perhaps without a part that only warns."""
        return all(finding.level is not Level.FAILED for finding in self.findings)


def check_health(installation: Installation, *, now: datetime, wait_s: float = WAIT_S) -> Health:
    """Return what was found; nothing is changed, made or migrated.

    `now` is the real time; no server is waited for longer than `wait_s` seconds.
    """
    settings = installation.settings
    findings = [_folder(settings), _disk(settings), *_secrets(settings), _rules(installation)]
    database, store = _database(settings, wait_s)
    findings.append(database)
    if store is not None:
        with closing(store):
            findings += _records(store, settings, now)
        findings.append(_index(installation))
    findings += [
        _file("threads", settings.threads_db, Level.FAILED, settings),
        _file("jobs", settings.workspace_dir / "jobs.db", Level.WARNING, settings),
        *_models(settings),
        *_servers(settings, wait_s),
        _at_rest(settings, now),
    ]
    return Health(tuple(findings))


def failed(name: str, problem: str, level: Level = Level.FAILED) -> Finding:
    """Return a finding of something that could not be looked at."""
    return Finding(name, None, "", problem, level)


def size_in_words(count: float) -> str:
    """Return a number of bytes as people read it, in powers of 1000."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:,.0f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"


def path_in_words(path: Path) -> str:
    """Return a path as people read it, from their home folder where it lies in it."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def file_in_words(path: Path | None) -> str:
    """Return a file's or folder's name, size and place; nothing for None."""
    if path is None:
        return ""
    files = [path] if path.is_file() else list(path.glob("*"))
    size = sum(file.stat().st_size for file in files if file.is_file())
    return f"{path.name}, {size_in_words(size)}, in {path_in_words(path.parent)}"


def _folder(settings: Settings) -> Finding:
    folder = settings.workspace_dir
    place = nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"\0" * 4096)
    except OSError as error:
        return failed("workspace", cannot_open(str(folder), error))
    return Finding("workspace", str(folder), path_in_words(folder))


def _disk(settings: Settings) -> Finding:
    folder = settings.workspace_dir
    free = shutil.disk_usage(nearest(folder)).free
    level, problem = Level.OK, None
    if has_no_room(folder, needs=LOW_DISK_BYTES):
        is_full = has_no_room(folder, needs=FULL_DISK_BYTES)
        level = Level.FAILED if is_full else Level.WARNING
        few = "less than 2 GB are free" if free < LOW_DISK_BYTES else "no more files fit on it"
        problem = f"{few}: make room"
    return Finding("free_disk_bytes", free, size_in_words(free), problem, level)


def _secrets(settings: Settings) -> Iterator[Finding]:
    """Warn of secrets in files that other users of the machine may read."""
    exposed = settings.exposed_secrets()
    if exposed:
        shown = ", ".join(path_in_words(path) for path in exposed)
        problem = "others on this machine can read it: run `chmod 600` on it"
        yield Finding("secrets", len(exposed), shown, problem, Level.WARNING)


def _rules(installation: Installation) -> Finding:
    """Say whether the access rules can be used: without them only the local owner can work."""
    try:
        version = installation.policy.version
    except CopilotError as error:
        return failed("access_rules", str(error))
    file = installation.settings.policy_file
    return Finding("access_rules", version, path_in_words(file) if file else "the built-in ones")


def _database(settings: Settings, wait_s: float) -> tuple[Finding, Store | None]:
    place = DATABASE if settings.database_url else str(settings.crm_db)
    if settings.database_url is None and not settings.crm_db.exists():
        return Finding("database", None, "no data yet: the first import makes it"), None
    try:
        store = Store(settings.sqlalchemy_url, wait_s=wait_s)
        problem = _cannot_write(store)
        is_current = store.is_current()
    except ImportError as error:
        return failed("database", no_driver(place, settings.sqlalchemy_url, error)), None
    except ArgumentError as error:
        return failed("database", cannot_open(place, error)), None
    except DBAPIError as error:
        refused = database_error(error, place)
        # Somebody writes to the file just now: reading goes on.
        is_busy = isinstance(refused, TransientError) and settings.postgres_url is None
        level = Level.WARNING if is_busy else Level.FAILED
        return failed("database", str(refused), level), None
    if not is_current:
        store.close()
        why = "its tables are of another version: the next command brings them up to date"
        return Finding("database", place, place, why, Level.FAILED), None
    kind = store.engine.dialect.name
    level = Level.FAILED if problem else Level.OK
    return Finding("database", kind, f"{kind}, up to date", problem, level), store


def _cannot_write(store: Store) -> str | None:
    """Return why nothing can be written, after having tried; busy raises what SQLite says."""
    with store.engine.connect() as connection:
        if store.engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            connection.exec_driver_sql("ROLLBACK")
            return None
        if connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on":
            return "the server takes no changes (a standby?): connect to its primary"
        return None


def _records(store: Store, settings: Settings, now: datetime) -> Iterator[Finding]:
    """Yield what the records themselves show: the trail's end, and whether the clock went back."""
    with store.session() as session:
        faults = verify_end(session, anchor=read_anchor(settings.workspace_dir))
        newest = [
            moment
            for moment in (
                session.scalar(select(func.max(AuditEvent.at))),
                session.scalar(select(func.max(ImportRun.finished_at))),
            )
            if moment is not None
        ]
    if faults:
        why = f"event {faults[0].seq}: {faults[0].what}; run `sales-copilot audit verify`"
        yield Finding("audit", len(faults), "", why, Level.WARNING)
    else:
        yield Finding("audit", 0, "the trail's last events are as they were written")
    ahead = max(newest, default=now) - now
    problem = None
    # With a day that was pretended, records bear that day.
    if ahead > _CLOCK_SLACK and settings.today is None:
        problem = (
            f"records are {ahead} ahead of this machine's clock: set the clock; until then what "
            "expires does so late"
        )
    level = Level.WARNING if problem else Level.OK
    yield Finding("clock", now.isoformat(timespec="seconds"), f"{now:%Y-%m-%d %H:%M %Z}", problem,
                  level)  # fmt: skip


def _index(installation: Installation) -> Finding:
    name = "passages_without_vector"
    torn = _opens(
        installation.settings.index_dir / "chroma.sqlite3",
        "move the folder away and run `sales-copilot index`",
    )
    try:
        if torn is not None:
            raise PermanentError(torn)
        missing = installation.index.find_missing()
        pending = installation.index.pending()
    except CopilotError as error:
        without = f"{error}; until then search goes by words only"
        return failed(name, without, Level.WARNING)
    shown = f"{pending:,} to do: `sales-copilot index` finishes them" if pending else "up to date"
    if missing:
        why = (
            f"{missing:,} have their vectors on another machine or lost them: run "
            "`sales-copilot index`"
        )
        return Finding(name, pending, shown, why, Level.WARNING)
    return Finding(name, pending, shown)


def _file(name: str, path: Path, level: Level, settings: Settings) -> Finding:
    """Say whether a database of the workspace opens, which the server holds on PostgreSQL."""
    if settings.postgres_url is not None:
        return Finding(name, "postgresql", "in the database")
    if not path.exists():
        return Finding(name, None, "none yet")
    torn = _opens(path, "or restore a backup")
    if torn is not None:
        return failed(name, torn, level)
    return Finding(name, path.stat().st_size, file_in_words(path))


def _opens(path: Path, torn: str) -> str | None:
    """Return why a file of SQLite cannot be read, None if it can or is not there.

    `torn` is what to do where that is not the disk's fault.
    """
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=1)) as file:
            file.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        trouble = disk_trouble(str(error), path)
        return trouble or f"{cannot_open(str(path), str(error))}; {torn}"
    return None


def _models(settings: Settings) -> Iterator[Finding]:
    if settings.uses_endpoint:
        return
    model = settings.llm_model_path or find_models(settings.cache_dir, which=[ModelSet.LLM]).llm
    if model is None or not model.is_file():
        why = "no language model: run `sales-copilot setup`"
        if model is not None:
            why = f"SALES_COPILOT_LLM_MODEL_PATH={str(model)!r} is no file: mend it"
        yield failed("language_model", why, Level.WARNING)
        return
    yield Finding("language_model", str(model), file_in_words(model))


def _servers(settings: Settings, wait_s: float) -> Iterator[Finding]:
    for one in reach_servers(settings, wait_s=wait_s):
        is_model = one.name == "language_model"
        place = f"{settings.llm_model} at {one.place}" if is_model else one.place
        level = Level.WARNING if one.problem else Level.OK
        yield Finding(one.name, place, place, one.problem, level)


def _at_rest(settings: Settings, now: datetime) -> Finding:
    """Tell which servers failed so often that commands leave them alone for a moment."""
    name, resting = "servers_at_rest", list(servers_at_rest(settings.breakers_dir, now))
    if not resting:
        return Finding(name, 0, "none")
    told = "; ".join(resting)
    return Finding(name, len(resting), f"{len(resting)}", told, Level.WARNING)
