"""What each job does, without the engine: every one may run twice and then changes nothing."""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import select, tuple_

from copilot.jobs.workplace import Workplace
from copilot.writers.calls.storing import pending_notes, understand_conversation
from crm.audit.trail import Deed, record
from crm.errors import CopilotError, NotFound, TransientError
from crm.index.forgetting import forget_conversations
from crm.models import Conversation, PendingRecording
from ingest.identity.pending import relink_pending
from ingest.sources.privacy import Privacy
from ingest.sources.records import MappedSource, store_records
from ingest.sources.run import Intake, Stored, read_source
from ingest.sources.source import Gone, Source, TableRows
from ingest.transcripts.importer import import_calls
from ingest.transcripts.sources import CallSource

log = logging.getLogger(__name__)

MAX_FAILURES = 3
EMBED_SLICE = 64
_SETTLE_S = 2.0


def pull(place: Workplace, name: str) -> dict[str, Any]:
    """Read one source, make what came searchable by words, and return the report."""
    source = place.sources.get(name)
    if source is None:
        raise NotFound(f"no source {name!r} is connected: see `sales-copilot sources`")
    settled = [time.monotonic()]

    def settle() -> None:
        if time.monotonic() - settled[0] >= _SETTLE_S:
            place.index.index_missing()
            settled[0] = time.monotonic()

    intake = Intake(
        keep_records=_record_keeper(place, source),
        forget=lambda gone: _forget(place, name, gone),
        settle=settle,
        progress=lambda done, total: place.board.show(name, done, total),
        is_stopping=place.board.is_stopping,
        privacy=place.privacies.get(name, Privacy()),
    )
    try:
        report = read_source(
            place.store,
            source,
            intake,
            principal=place.principal,
            clock=place.clock,
            rejects_dir=place.rejects_dir,
        )
    finally:
        place.index.index_missing()
        place.board.wipe(name)
    changed = report.changed_ids
    if report.has_records:
        changed += relink_pending(place.store, place.principal, place.clock())
    place.index.index_texts(changed)
    found = asdict(report)
    del found["changed_ids"]
    found["changed"] = len(changed)
    return found


def transcribe(place: Workplace, path: str) -> dict[str, Any]:
    """Transcribe a recording that waits, and make it searchable by words and by meaning.

    What cannot be transcribed is noted with its reason and tried again at most twice.
    """
    name = Path(path).name
    with place.store.session() as session:
        waiting = session.get(PendingRecording, path)
    if waiting is None or is_elsewhere(place, path):
        return {"conversation_ids": [], "error": None}
    sidecar = Path(waiting.sidecar) if waiting.sidecar else None
    try:
        summary = import_calls(
            place.store,
            CallSource(Path(path), sidecar, waiting.key, waiting.source),
            transcriber=place.transcriber,
            hints=place.hints(),
            principal=place.principal,
            now=place.clock(),
            rejects_dir=place.rejects_dir,
            progress=lambda done, total, _what: place.board.show(name, done, total),
        )
        reason = summary.rejects[0].reason if summary.rejects else None
    except CopilotError as error:
        _note_failure(place, path, str(error))
        raise
    finally:
        place.board.wipe(name)
    if reason is not None:
        _note_failure(place, path, reason)
        return {"conversation_ids": [], "error": reason}
    _take_off(place, path)
    changed = list(summary.changed_ids)
    place.index.index_texts(changed)
    if changed:
        place.index.embed_pending(EMBED_SLICE, first=changed)
    return {"conversation_ids": changed, "error": None}


def is_elsewhere(place: Workplace, path: str) -> bool:
    """Say whether a recording lies on another of the machines that share the database."""
    return place.store.engine.dialect.name != "sqlite" and not Path(path).exists()


def find_vectors_elsewhere(place: Workplace) -> None:
    """Let passages wait for a vector here that another of the machines embedded."""
    if place.store.engine.dialect.name == "sqlite":
        return
    try:
        place.index.find_missing()
    except CopilotError as error:
        # Sources are read all the same; search goes by words until the index opens again.
        log.warning("the vectors cannot be compared: %s", type(error).__name__)


def to_understand(place: Workplace, limit: int) -> list[int]:
    """Return ids of calls and meetings whose notes are missing or out of date, newest first."""
    with place.store.session() as session:
        return pending_notes(session, place.principal, limit, model=place.model())


def understand(place: Workplace, conversation_id: int) -> dict[str, Any]:
    """Write a conversation's notes and the changes to the CRM that it suggests."""
    what = f"notes on {conversation_id}"
    try:
        understand_conversation(
            place.store,
            conversation_id,
            model=place.model(),
            principal=place.principal,
            now=place.clock(),
            progress=lambda done, total: place.board.show(what, done, total),
        )
    finally:
        place.board.wipe(what)
    return {"conversation_id": conversation_id}


def embed(place: Workplace) -> dict[str, Any]:
    """Embed the next passages, the newest conversations first; `pending` says what is left."""
    done = place.index.embed_pending(EMBED_SLICE)
    pending = place.index.pending()
    if pending:
        place.board.show("embedding", done, done + pending)
    else:
        place.board.wipe("embedding")
    return {"embedded": done, "pending": pending}


def _record_keeper(
    place: Workplace, source: Source
) -> Callable[[tuple[TableRows, ...], tuple[Gone, ...]], Stored] | None:
    if not isinstance(source, MappedSource):
        return None

    def keep(tables: tuple[TableRows, ...], gone: tuple[Gone, ...]) -> Stored:
        return store_records(
            place.store,
            source,
            tables,
            gone,
            principal=place.principal,
            now=place.clock(),
            rejects_dir=place.rejects_dir,
        )

    return keep


def _forget(place: Workplace, source: str, gone: list[Gone]) -> int:
    named = [(one.stored_as or "", one.external_id) for one in gone]
    with place.store.session() as session:
        key = tuple_(Conversation.source, Conversation.external_id)
        found = list(session.scalars(select(Conversation.id).where(key.in_(named))))
        # Before, so that no deletion is without its event, whatever ends this process.
        for number in found:
            deed = Deed(
                "conversation.forget", f"conversation:{number}", after={"gone_from": source},
                agent="sync",
            )  # fmt: skip
            record(session, deed, principal=place.principal, now=place.clock())
    try:
        forget_conversations(place.store, place.index, found)
    except TransientError as error:
        # They are gone for every reader; their bytes go with the next ones.
        log.warning("files still hold deleted bytes: %s", error)
    return len(found)


def _note_failure(place: Workplace, path: str, reason: str) -> None:
    with place.store.session() as session:
        row = session.get(PendingRecording, path)
        if row is not None:
            row.failures, row.error = row.failures + 1, reason


def _take_off(place: Workplace, path: str) -> None:
    with place.store.session() as session:
        row = session.get(PendingRecording, path)
        if row is not None:
            session.delete(row)
