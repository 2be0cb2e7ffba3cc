"""Exports of a Slack workspace as a source, read again whenever a newer one lies there."""

import base64
import binascii
from collections.abc import Iterator
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from crm.errors import BadInput, TransientError
from ingest.chat.slack_archive import (
    Channel,
    ChannelKind,
    SlackArchive,
    is_archive_folder,
    open_archive,
)
from ingest.chat.slack_conversations import SOURCE, ChannelReader, Read, Vanished
from ingest.conversation_run import Reject
from ingest.conversations import ParsedConversation
from ingest.sources.marks import MARK_BYTES, make_mark, pack_marks, unpack_marks
from ingest.sources.registry import Secret
from ingest.sources.source import Cursor, Gone, Pulled

PORTION_ITEMS = 500
PORTION_CHARS = 4_000_000
_GONE = "gone"


class SlackExportConfig(BaseModel):
    """An export: a zip file, an unpacked folder, or a folder into which exports are put.

    Only public channels are read unless `include` names more; `channels` and `exclude` are
    patterns of names. What apps post is left out without `bots`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["slack_export"] = "slack_export"
    path: Path
    include: tuple[ChannelKind, ...] = (ChannelKind.PUBLIC,)
    channels: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    bots: bool = False


def open_slack_export(
    config: SlackExportConfig,
    *,
    name: str,
    secret: Secret | None = None,  # noqa: ARG001 - every kind is opened alike
) -> "SlackExportSource":
    """Return the source; nothing is read before it is pulled."""
    return SlackExportSource(config, name)


class SlackExportSource:
    """Exports as a source. A conversation missing from a newer export is not deleted.

    The cursor holds the marks of the exports read, and for each conversation a mark of its
    content, so that an export that overlaps the last one brings only what is new or changed.
    """

    kind = "slack_export"

    def __init__(self, config: SlackExportConfig, name: str) -> None:
        self.name = name
        self._config = config

    def pull(self, cursor: Cursor | None, *, now: datetime) -> Iterator[Pulled]:
        """Yield what is new in exports not yet read, the oldest export first.

        Raises TransientError if there is nothing at the path, BadInput if what is there is no
        export, or a damaged one.
        """
        run = _Run(cursor or {})
        for path in self._exports():
            mark = self._mark_of(path)
            if mark in run.exports:
                continue
            with open_archive(path) as archive:
                yield from self._read(archive, run)
            run.exports.add(mark)
            yield run.take()

    def _exports(self) -> list[Path]:
        path = self._config.path
        if not path.exists():
            raise TransientError(f"there is nothing at {str(path)!r}: is its drive connected?")
        if path.is_file() or is_archive_folder(path):
            return [path]
        inner = [one for one in path.iterdir() if one.is_dir() and is_archive_folder(one)]
        found = [*path.glob("*.zip"), *inner]
        if not found:
            raise BadInput(f"{str(path)!r} is no export of Slack and holds none")
        return sorted(found, key=lambda one: (one.stat().st_mtime, one.name))

    def _mark_of(self, path: Path) -> bytes:
        """Return the mark of an export and of what we read of it."""
        config = self._config
        rules = [*sorted(config.include), *config.channels, "/", *config.exclude, config.bots]
        files = [path] if path.is_file() else sorted(path.rglob("*.json"))
        stats = [(file.name, stat.st_size, stat.st_mtime_ns)
                 for file in files for stat in [file.stat()]]  # fmt: skip
        return make_mark(*rules, path.name, stats)

    def _read(self, archive: SlackArchive, run: "_Run") -> Iterator[Pulled]:
        users = archive.users()
        channels = [channel for channel in archive.channels() if self._takes(channel)]
        unlisted = archive.unlisted()
        if unlisted:
            run.notes.append(f"{len(unlisted)} folders are in no index and left out")
        run.total += len(channels)
        for channel in channels:
            reader = ChannelReader(archive, channel, users, with_bots=self._config.bots)
            for found in reader.read():
                run.add(found)
                if run.is_full:
                    yield run.take()
            run.done += 1

    def _takes(self, channel: Channel) -> bool:
        config, name = self._config, channel.name.casefold()
        if channel.kind not in config.include:
            return False
        if config.channels and not any(fnmatchcase(name, p.casefold()) for p in config.channels):
            return False
        return not any(fnmatchcase(name, pattern.casefold()) for pattern in config.exclude)


class _Run:
    """One pull: what is known, and what is collected for the next portion."""

    def __init__(self, cursor: Cursor) -> None:
        self.exports = unpack_marks(cursor.get("exports"))
        self.notes: list[str] = []
        self.done = 0
        self.total = 0
        self._known = _unpack_pairs(cursor.get("known"))
        self._items: list[ParsedConversation | Reject] = []
        self._gone: list[Gone] = []
        self._chars = 0

    @property
    def is_full(self) -> bool:
        """Say whether enough is collected for a portion."""
        return len(self._items) >= PORTION_ITEMS or self._chars >= PORTION_CHARS

    def add(self, found: Read | Vanished | Reject) -> None:
        """Take a conversation unless it is known as it is."""
        if isinstance(found, Reject):
            self._items.append(found)
        elif isinstance(found, Vanished):
            if self._is_new(found.external_id, _GONE):
                self._gone.append(Gone("conversations", found.external_id, stored_as=SOURCE))
        elif not found.is_whole and make_mark(found.parsed.external_id) in self._known:
            # What is stored may be longer than what could be read of it now.
            return
        elif self._is_new(found.parsed.external_id, found.parsed.content_sha256):
            self._items.append(found.parsed)
            self._chars += sum(len(segment.text) for segment in found.parsed.segments)

    def take(self) -> Pulled:
        """Return what was collected."""
        items, gone, notes = tuple(self._items), tuple(self._gone), tuple(self.notes)
        self._items, self._gone, self.notes, self._chars = [], [], [], 0
        ends = [one.ended_at for one in items if isinstance(one, ParsedConversation)]
        return Pulled(
            {"exports": pack_marks(self.exports), "known": _pack_pairs(self._known)},
            conversations=items,
            gone=gone,
            newest_at=max((end for end in ends if end), default=None),
            done=self.done,
            total=self.total,
            notes=notes,
        )

    def _is_new(self, external_id: str, content: str) -> bool:
        key, mark = make_mark(external_id), make_mark(content)
        is_new = self._known.get(key) != mark
        self._known[key] = mark
        return is_new


def _pack_pairs(pairs: dict[bytes, bytes]) -> str:
    return base64.b64encode(b"".join(key + value for key, value in sorted(pairs.items()))).decode()


def _unpack_pairs(text: object) -> dict[bytes, bytes]:
    try:
        raw = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        raw = b""
    size = 2 * MARK_BYTES
    whole = len(raw) - len(raw) % size
    return {
        raw[start : start + MARK_BYTES]: raw[start + MARK_BYTES : start + size]
        for start in range(0, whole, size)
    }
