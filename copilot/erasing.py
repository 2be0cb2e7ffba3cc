"""Erases a contact from everything that a workspace keeps: tables, index, threads and files."""

import csv
import io
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from copilot.settings import Settings
from crm.audit.exporting import erase_details
from crm.audit.person import Person, blot_out, details_naming, find_person
from crm.audit.trail import Deed, record
from crm.errors import BadInput, TransientError
from crm.escaping import CellWriter
from crm.index.conversations import ConversationIndex
from crm.index.forgetting import clean_files, forget_conversations
from crm.models import Conversation
from crm.principal import Principal
from crm.store import Store

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver


@dataclass(frozen=True)
class Erased:
    """What was erased; `left_files` were read by imports and are not ours to delete."""

    details: int
    conversations: int
    drafts: int
    actions: int
    rows: int
    threads: int
    files: int
    left_files: tuple[str, ...]


@dataclass(frozen=True)
class Workspace:
    """Where a workspace keeps things; `checkpoints` opens the threads of questions."""

    settings: Settings
    store: Store
    index: ConversationIndex
    checkpoints: "Callable[[], AbstractContextManager[BaseCheckpointSaver[Any]]]"


def erase_person(
    workspace: Workspace, contact_id: int, *, reason: str, principal: Principal, now: datetime
) -> Erased:
    """Erase a contact, with the conversations that they took part in, for good.

    No file of the workspace keeps a word of them, but for backups, secrets, and what the database
    server of a shared database has not vacuumed yet. Done again after a crash it goes on.

    Raises:
        NotAllowed: the caller may not erase.
        NotFound: there is no such contact.
        BadInput: no reason is given.
        TransientError: something of it is in use: erase again in a moment.
    """
    if not reason.strip():
        raise BadInput("say why with a reason: the trail keeps it")
    store, settings = workspace.store, workspace.settings
    with store.session() as session:
        person = find_person(session, contact_id, principal=principal)
        media = select(Conversation.media_path).where(
            Conversation.id.in_(person.conversation_ids), Conversation.media_path.is_not(None)
        )
        left = tuple(dict.fromkeys(path for path in session.scalars(media) if path))
    # What stands outside the tables first: they know the person by what the tables say.
    threads = _erase_threads(workspace, person)
    files = sum(_erase_lines(path, person) for path in _texts(settings))
    with store.session() as session:
        naming = details_naming(session, person)
        details = erase_details(
            session, person.address, reason=reason, principal=principal, now=now, naming=naming
        )
        found = blot_out(session, person, principal=principal, now=now)
        made = {"conversations": len(person.conversation_ids), "drafts": found.drafts,
                "actions": found.actions, "rows": found.rows, "threads": threads}  # fmt: skip
        deed = Deed("person.erase", person.address, after=made, reason=reason.strip())
        record(session, deed, principal=principal, now=now)
    workspace.index.index_texts(found.conversation_ids)
    talks = sorted(person.conversation_ids)
    forget_conversations(store, workspace.index, talks)
    workspace.index.delete(*talks)
    clean_files(store)
    return Erased(
        details, len(person.conversation_ids), found.drafts, found.actions, found.rows, threads,
        files, left,
    )  # fmt: skip


def _erase_threads(workspace: Workspace, person: Person) -> int:
    """Delete the threads of questions that name the person or cite their conversations."""
    settings = workspace.settings
    if settings.postgres_url is None and not settings.threads_db.exists():
        return 0
    with workspace.checkpoints() as saver:
        named = {
            str(one.config["configurable"]["thread_id"])
            for one in saver.list(None)
            if person.is_in(repr((one.checkpoint, one.metadata, one.pending_writes)))
        }
        for thread in sorted(named):
            saver.delete_thread(thread)
    if settings.postgres_url is None:
        _rewrite(settings.threads_db)
    return len(named)


def _rewrite(path: Path) -> None:
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=15)) as connection:
            connection.execute("VACUUM")
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        raise TransientError(f"{path.name} is in use ({error}): erase again in a moment") from error
    if busy:
        raise TransientError(f"{path.name} is in use: erase again in a moment")


def _texts(settings: Settings) -> Iterator[Path]:
    """Yield the files with text in them that the workspace writes besides its databases."""
    for folder, pattern in ((settings.logs_dir, "*"), (settings.rejects_dir, "*.csv")):
        if folder.is_dir():
            yield from sorted(path for path in folder.rglob(pattern) if path.is_file())


def _erase_lines(path: Path, person: Person) -> bool:
    """Take out of a file the lines, or the rows of a table, that name the person."""
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    if not person.is_in(text):
        return False
    if path.suffix == ".csv":
        kept = io.StringIO(newline="")
        rows = csv.reader(io.StringIO(text, newline=""))
        writer = CellWriter(kept)
        for row in rows:
            if not person.is_in(row):
                writer.write(row)
        text = kept.getvalue()
    else:
        lines = text.splitlines(keepends=True)
        text = "".join(line for line in lines if not person.is_in(line))
    path.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")
    return True
