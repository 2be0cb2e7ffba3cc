"""Imports mail into the store: parse, reject with a reason, store in batches."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from crm.errors import BadInput
from crm.principal import Principal
from crm.store import Store
from ingest.conversation_run import (
    ConversationRun,
    ConversationSummary,
    Duplicate,
    Item,
    Progress,
    Reject,
)
from ingest.conversations import ParsedConversation
from ingest.mail.message import SOURCE, parse_mail
from ingest.mail.sources import MAX_MESSAGE_BYTES, RawMessage, find_mail_files, read_messages


def import_mail(
    store: Store,
    path: Path,
    *,
    principal: Principal,
    now: datetime,
    rejects_dir: Path | None = None,
    progress: Progress | None = None,
) -> ConversationSummary:
    """Import `.eml` and `.mbox` files at or under `path` and return the summary.

    One message is in memory at a time beside its batch. A message found twice (sent and received
    copies share their Message-ID) is stored as first met. BadInput if there is nothing to read.
    """
    files = find_mail_files(path)
    run = ConversationRun(store, SOURCE, path, principal, now, rejects_dir)
    return run.take(_parsed(files, progress))


def _parsed(files: list[Path], progress: Progress | None) -> Iterator[Item]:
    seen: set[str] = set()
    for number, path in enumerate(files):
        if progress:
            progress(number, len(files), path.name)
        try:
            for message in read_messages(path):
                yield _parse_one(message, seen)
        except (OSError, BadInput) as error:
            yield Reject(str(path), str(error))
    if progress:
        progress(len(files), len(files), "")


def parse_message(message: RawMessage) -> ParsedConversation | Reject:
    """Return the mail, or why it is none that can be kept."""
    if message.raw is None:
        return Reject(message.label, f"larger than {MAX_MESSAGE_BYTES // 1_000_000} MB")
    try:
        return parse_mail(message.raw)
    except BadInput as error:
        return Reject(message.label, str(error))


def _parse_one(message: RawMessage, seen: set[str]) -> Item:
    parsed = parse_message(message)
    if isinstance(parsed, Reject):
        return parsed
    if parsed.external_id in seen:
        return Duplicate(message.label)
    seen.add(parsed.external_id)
    return parsed
