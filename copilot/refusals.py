"""What to tell the user when a database refuses, and when nobody has the name that was given."""

import logging
import sqlite3

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from crm.errors import CopilotError, PermanentError, TransientError
from crm.models import User

log = logging.getLogger(__name__)

# PostgreSQL: serialization, deadlock, too many connections, lock, shutdown, crash, starting up.
_PASSING = frozenset({"40001", "40P01", "53300", "55P03", "57P01", "57P02", "57P03"})
_NO_PRIVILEGE = "42501"


def database_error(error: DBAPIError | sqlite3.Error, place: str) -> CopilotError:
    """Return what to tell the user: a database at work is transient, any other refusal is not.

    A broken rule of the tables is a defect of ours and comes back as it was: it is raised here.
    """
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    reason = " ".join(said.split())[:200]
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    if isinstance(error, (IntegrityError, ProgrammingError)) and state != _NO_PRIVILEGE:
        raise error
    if "locked" in reason or "busy" in reason or state in _PASSING:
        return TransientError(f"the database {place!r} is busy with another process: try again")
    log.error("database refused: %s", reason)
    return PermanentError(cannot_open(place, reason))


def cannot_open(place: str, reason: str) -> str:
    """Return what to say of a database that cannot be used."""
    return (
        f"the database {place!r} cannot be used ({reason}): check that it is a database of "
        "sales-copilot, undamaged, and may be written; or name another workspace with --workspace"
    )


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
    """Return what to say where no user has a name, with those that are close to it."""
    from rapidfuzz import process

    known = [
        value for row in session.execute(select(User.email, User.name)) for value in row if value
    ]
    if not known:
        return f"no user {who!r}: no users are imported yet; ask without --as as the local owner"
    close = [match[0] for match in process.extract(who, known, limit=3, score_cutoff=55)]
    hint = f"did you mean {', '.join(close)}?" if close else "see `sales-copilot show user`"
    return f"no user {who!r}: {hint}"
