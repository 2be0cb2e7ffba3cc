"""What to tell the user when a database refuses, and when nobody has the name that was given."""

import logging
import sqlite3
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from crm.disk import disk_trouble
from crm.errors import CopilotError, PermanentError, TransientError
from crm.models import User

log = logging.getLogger(__name__)

# PostgreSQL: serialization, deadlock, lock.
_PASSING = frozenset({"40001", "40P01", "55P03"})
# Shutdown, crash, starting up.
_AWAY = frozenset({"57P01", "57P02", "57P03"})
_TOO_MANY = "53300"
_NO_PRIVILEGE = "42501"
# A connection that is refused has no code, only the server's words.
_ALL_TAKEN = ("too many clients", "remaining connection slots", "too many connections")
# What its driver says where the server does not answer, with no code of an error.
_UNREACHABLE = (
    "connection refused", "timeout expired", "timed out", "could not translate host",
    "failed to resolve", "no route to host", "network is unreachable", "closed the connection",
    "connection is closed", "connection is lost", "couldn't get a connection",
    "terminating connection", "no such file or directory", "system is starting up",
    "system is shutting down", "recovery mode", "not yet accepting connections",
)  # fmt: skip

DATABASE = "SALES_COPILOT_DATABASE_URL"


def database_error(error: Exception, place: str) -> CopilotError:
    """Return what to tell the user: a database at work is transient, any other refusal is not.

    `error` is SQLAlchemy's or the driver's own. A broken rule of the tables is a defect of ours
    and comes back as it was: it is raised here.
    """
    cause = (error.orig or error) if isinstance(error, DBAPIError) else error
    reason = " ".join(str(cause).split())[:200]
    state = getattr(cause, "sqlstate", None)
    if isinstance(error, (IntegrityError, ProgrammingError)) and state != _NO_PRIVILEGE:
        raise error
    if "locked" in reason or "busy" in reason or state in _PASSING:
        return TransientError(f"the database {place!r} is busy with another process: try again")
    if place == DATABASE and (state == _TOO_MANY or _says(reason, _ALL_TAKEN)):
        return TransientError(
            f"the server of {place} has no connection free ({reason}): try again, or let it take "
            "more (max_connections; several machines may share a pooler)"
        )
    if place == DATABASE and (state in _AWAY or _says(reason, _UNREACHABLE)):
        return TransientError(
            f"the server of {place} is out of reach ({reason}): check that it runs and that the "
            "address is right, then try again"
        )
    # The server's words may quote what was to be written.
    log.error("database refused: %s %s", type(cause).__name__, state or "")
    return PermanentError(cannot_open(place, reason))


def _says(reason: str, signs: tuple[str, ...]) -> bool:
    return any(sign in reason.lower() for sign in signs)


def storage_errors() -> tuple[type[Exception], ...]:
    """Return what databases and disks raise; the driver of PostgreSQL need not be installed."""
    try:
        from psycopg import Error
    except ImportError:
        return (DBAPIError, sqlite3.Error, OSError)
    return (DBAPIError, sqlite3.Error, OSError, Error)


def refusal(error: Exception, *, records: str, files: Path) -> CopilotError | None:
    """Return what to tell the user of what a database or a disk refused, None of anything else.

    `records` is where the records lie, `files` the file or folder that is named for all else: an
    error does not always say what it was about.
    """
    if isinstance(error, OSError):
        return file_error(error, files)
    if isinstance(error, sqlite3.Error):
        return database_error(error, str(files))
    return database_error(error, records) if isinstance(error, storage_errors()) else None


def file_error(error: OSError, place: Path | str) -> PermanentError | None:
    """Return what to tell the user where a disk is full or takes no writes, None otherwise."""
    trouble = disk_trouble(_words_of(error), error.filename or place)
    return PermanentError(trouble) if trouble else None


def cannot_open(place: str, why: str | Exception) -> str:
    """Return what to say of a database or a folder that cannot be used."""
    reason = why if isinstance(why, str) else _words_of(why)
    trouble = disk_trouble(reason, place)
    if trouble is not None:
        return trouble
    return (
        f"the database {place!r} cannot be used ({reason}): check that it is a database of "
        "sales-copilot, undamaged, and may be written; or name another workspace with --workspace"
    )


def _words_of(error: Exception) -> str:
    # An address that cannot be read may hold a password: its error is named, not quoted.
    return getattr(error, "strerror", None) or type(error).__name__


def no_driver(place: str, url: str, error: ImportError) -> str:
    """Return what to install; of the address only the scheme is shown, the rest may be secret."""
    scheme = url.partition("://")[0]
    if scheme != "postgresql+psycopg":
        return cannot_open(place, f"no driver for {scheme!r}: {error.name}")
    return (
        f"the database {place!r} cannot be used: the driver of PostgreSQL is missing "
        f'({error.name or "psycopg"}); install it with `pip install "sales-copilot[postgres]"`'
    )


def no_such_user(session: Session, who: str) -> str:
    """Return what to say where no user has a name, with those that are close to it.

    An address at a domain where no user has one is rather somebody outside's than mistyped: he is
    told no colleague's.
    """
    from rapidfuzz import process

    known = [
        value for row in session.execute(select(User.email, User.name)) for value in row if value
    ]
    if not known:
        return f"no user {who!r}: no users are imported yet; ask without --as as the local owner"
    domain = who.strip().lower().partition("@")[2]
    is_ours = not domain or any(one.lower().endswith(f"@{domain}") for one in known)
    found = process.extract(who, known, limit=3, score_cutoff=55) if is_ours else []
    close = [match[0] for match in found]
    hint = f"did you mean {', '.join(close)}?" if close else "see `sales-copilot show user`"
    return f"no user {who!r}: {hint}"
