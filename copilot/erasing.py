"""Erases a person from everything that a workspace keeps: tables, index, threads and files."""

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
from sqlalchemy.orm import Session

from copilot.agent.approvals.payloads import digest_of
from copilot.settings import Settings
from crm.audit.exporting import erase_details
from crm.audit.person import Person, find_person
from crm.audit.rewording import reword_details
from crm.audit.suppressing import ERASE, Erasure, salt_of
from crm.audit.taking_out import Blotted, blot_out, details_naming
from crm.audit.trail import Deed, record
from crm.errors import BadInput, TransientError
from crm.escaping import CellWriter
from crm.index.conversations import ConversationIndex
from crm.index.forgetting import clean_files, forget_conversations
from crm.models import Conversation, ProposedAction
from crm.principal import Principal
from crm.store import Store

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver


@dataclass(frozen=True)
class Erased:
    """What was erased, of which `records`; `left_files` name them still and are not ours to change.

    Of a colleague, `details` have a pseudonym now, and the other counts are of what is gone.
    """

    records: tuple[str, ...]
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
    workspace: Workspace, address: str, *, reason: str, principal: Principal, now: datetime
) -> Erased:
    """Erase a contact or lead with their conversations, or a colleague but for a pseudonym.

    No file of the workspace keeps a word of them, but for backups, secrets, and what the database
    server of a shared database has not vacuumed yet. Done again after a crash it goes on. The
    trail keeps by what imports know them again, without a clear word.

    Raises:
        NotAllowed: the caller may not erase.
        NotFound: there is no such contact, lead or user.
        BadInput: no reason is given.
        TransientError: something of it is in use: erase again in a moment.
    """
    if not reason.strip():
        raise BadInput("say why with a reason: the trail keeps it")
    store, settings = workspace.store, workspace.settings
    asked: dict[str, Any] = {"principal": principal, "now": now}
    with store.session() as session:
        person = find_person(session, address, principal=principal)
        left = (*_recordings(session, person), *_settings_naming(settings, person))
    # What stands outside the tables first: they know the person by what the tables say.
    threads = _erase_threads(workspace, person)
    files = sum(_erase_lines(path, person) for path in _texts(settings))
    with store.session() as session:
        found = blot_out(session, person, **asked)
        details = _erase_details(session, person, reason=reason, **asked)
        made = {"records": list(person.records), "conversations": len(person.conversation_ids),
                "drafts": found.drafts, "actions": found.actions, "rows": found.rows,
                "threads": threads}  # fmt: skip
        kept = {"suppress": _erasure(session, person, now).as_json(),
                "payloads": _new_digests(session, found)}  # fmt: skip
        deed = Deed(ERASE, person.address, after={**made, **kept}, reason=reason.strip())
        record(session, deed, **asked)
    workspace.index.index_texts(found.conversation_ids)
    talks = sorted(person.conversation_ids)
    forget_conversations(store, workspace.index, talks)
    workspace.index.delete(*talks)
    clean_files(store)
    return Erased(
        person.records, details, len(talks), found.drafts, found.actions, found.rows, threads,
        files, left,
    )  # fmt: skip


def _erase_details(
    session: Session, person: Person, *, reason: str, principal: Principal, now: datetime
) -> int:
    asked: dict[str, Any] = {"reason": reason, "principal": principal, "now": now}
    if person.user_id is not None:
        return reword_details(session, person.address, person.marks, **asked)
    naming = details_naming(session, person)
    first, *others = person.records
    number = erase_details(session, first, naming=naming, **asked)
    return number + sum(erase_details(session, other, **asked) for other in others)


def _erasure(session: Session, person: Person, now: datetime) -> Erasure:
    return Erasure.of(person.address, now, salt_of(session), person.keys)


def _new_digests(session: Session, found: Blotted) -> dict[str, str]:
    """Return the digest that a payload with a pseudonym in it has now, by the action's number.

    People approved the one that the action still bears: the chain vouches for the way to this one.
    """
    actions = session.scalars(select(ProposedAction).where(ProposedAction.id.in_(found.reworded)))
    return {str(one.id): digest_of(one.kind, one.payload) for one in actions}


def _recordings(session: Session, person: Person) -> tuple[str, ...]:
    media = select(Conversation.media_path).where(
        Conversation.id.in_(person.conversation_ids), Conversation.media_path.is_not(None)
    )
    return tuple(dict.fromkeys(path for path in session.scalars(media) if path))


def _settings_naming(settings: Settings, person: Person) -> Iterator[str]:
    """Yield the workspace's own settings that name the person: an administrator's to change."""
    for path in (settings.sources_file, settings.guide_file, settings.policy_file):
        if path is not None and path.is_file():
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            if person.marks.are_in(text):
                yield str(path)


def _erase_threads(workspace: Workspace, person: Person) -> int:
    """Delete the threads of questions that are theirs, name them, or cite their conversations."""
    settings = workspace.settings
    if settings.postgres_url is None and not settings.threads_db.exists():
        return 0
    # As `thread_key` begins them.
    own = tuple(f"contact-{number}:" for number in person.contact_ids)
    if person.user_id is not None:
        own = (f"{person.user_id}:",)
    with workspace.checkpoints() as saver:
        named = {
            thread
            for one in saver.list(None)
            if (thread := str(one.config["configurable"]["thread_id"])).startswith(own)
            or person.is_in(repr((one.checkpoint, one.metadata, one.pending_writes)))
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
