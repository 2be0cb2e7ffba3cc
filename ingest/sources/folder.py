"""A watched folder of calls, transcripts and mail, read file by file as they come and change."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from crm.errors import BadInput, TransientError
from ingest.conversation_run import Duplicate, Reject
from ingest.conversations import ParsedConversation
from ingest.mail.importer import parse_message
from ingest.mail.sources import SUFFIXES as MAIL_SUFFIXES
from ingest.mail.sources import read_messages
from ingest.sources.folder_files import Chosen, FileGroup, find_groups
from ingest.sources.marks import pack_marks, unpack_marks
from ingest.sources.registry import Secret
from ingest.sources.source import Cursor, Pulled
from ingest.transcripts.parsing import parse_transcript
from ingest.transcripts.sources import CallSource, pair_calls

PORTION_ITEMS = 200
PORTION_CHARS = 4_000_000
PORTION_RECORDINGS = 20


class FolderConfig(BaseModel):
    """A folder to watch; `include` and `exclude` are patterns such as `*.eml` or `2026/*`.

    A file changed within the last `settle_s` seconds is taken to be still being written.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["folder"] = "folder"
    path: Path
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    settle_s: float = Field(default=3.0, ge=0, le=600)


def open_folder(
    config: FolderConfig,
    *,
    name: str,
    secret: Secret | None = None,  # noqa: ARG001 - every kind is opened alike
    sleep: Callable[[float], None] = time.sleep,
) -> "FolderSource":
    """Return the source; nothing is read before it is pulled."""
    return FolderSource(config, name, sleep)


@dataclass
class _Portion:
    """What is collected until it is worth a transaction."""

    items: list[ParsedConversation | Reject | Duplicate] = field(default_factory=list)
    recordings: list[CallSource] = field(default_factory=list)
    chars: int = 0
    newest: float = 0.0

    def add(self, item: ParsedConversation | Reject | Duplicate) -> None:
        self.items.append(item)
        if isinstance(item, ParsedConversation):
            self.chars += sum(len(segment.text) for segment in item.segments)
            self.newest = max(self.newest, item.started_at.timestamp())

    @property
    def is_full(self) -> bool:
        return (
            len(self.items) >= PORTION_ITEMS
            or self.chars >= PORTION_CHARS
            or len(self.recordings) >= PORTION_RECORDINGS
        )


class FolderSource:
    """A folder as a source. A file that vanishes is no deletion: nothing is deleted.

    The cursor holds a mark for each group of files read, and how many messages of a box are
    stored where a portion ended within it. What could not be parsed is tried again when it
    changes, what could not be opened is tried again each time.
    """

    kind = "folder"

    def __init__(self, config: FolderConfig, name: str, sleep: Callable[[float], None]) -> None:
        self.name = name
        self._config = config
        self._chosen = Chosen(config.path, config.include, config.exclude)
        self._sleep = sleep
        self._settled: set[bytes] = set()

    def pull(self, cursor: Cursor | None, *, now: datetime) -> Iterator[Pulled]:
        """Yield what is new or changed, the file changed first in front.

        Files still being written are looked at again after `settle_s` seconds, once. Raises
        TransientError if the folder is not there, BadInput if it is none.
        """
        notes: list[str] = []
        groups = self._list(notes)
        run = _Run(self.name, self._config.path, cursor or {}, notes)
        new = [group for group in groups if group.mark not in run.marks]
        fresh_after = now.timestamp() - self._config.settle_s
        fresh = {group.key: group.mark for group in new if group.changed_at > fresh_after}
        ready = [group for group in new if group.key not in fresh]
        run.total = len(new)
        self._settled = {group.mark for group in groups if group.key not in fresh}
        yield from run.read(ready)
        if fresh:
            self._sleep(self._config.settle_s)
            groups = self._list([])
            yield from run.read([one for one in groups if fresh.get(one.key) == one.mark])
            self._settled |= set(fresh.values()) & run.marks
            still = sum(fresh.get(one.key, one.mark) != one.mark for one in groups)
            if still:
                run.notes.append(f"{still} still being written: left for the next time")
        yield from run.finish({group.mark for group in groups}, is_whole=not notes)

    def wait(self, timeout_s: float) -> bool:
        """Return True once a file came or changed that the last pull did not read."""
        from watchfiles import watch

        if {group.mark for group in self._list([])} - self._settled:
            return True
        changes = watch(
            self._config.path,
            rust_timeout=max(1, round(timeout_s * 1000)),
            yield_on_timeout=True,
            ignore_permission_denied=True,
        )
        return bool(next(changes, None))

    def _list(self, notes: list[str]) -> list[FileGroup]:
        path = self._config.path
        if path.exists() and not path.is_dir():
            raise BadInput(f"{str(path)!r} is a file: name the folder that it is in")
        if not path.is_dir():
            raise TransientError(f"folder {str(path)!r} is not there: is its drive connected?")
        return find_groups(
            self._chosen, lambda error: notes.append(f"not readable: {error.filename!r}")
        )


class _Run:
    """One pull: reads groups and gathers portions."""

    def __init__(self, name: str, root: Path, cursor: Cursor, notes: list[str]) -> None:
        self.marks = unpack_marks(cursor.get("marks"))
        self.total = 0
        self.notes = notes
        self._name = name
        self._root = root
        partial = cursor.get("partial")
        self._partial: dict[str, int] = dict(partial) if isinstance(partial, dict) else {}
        self._portion = _Portion()
        self._done = 0
        self._is_changed = False

    def read(self, groups: list[FileGroup]) -> Iterator[Pulled]:
        """Yield portions of what these groups hold."""
        for group in groups:
            is_opened = True
            try:
                yield from self._read_mail(group)
                self._read_calls(group)
            except OSError as error:
                is_opened = False
                self._portion.add(Reject(str(error.filename or group.key), str(error)))
            self._done += 1
            self._is_changed = True
            if is_opened:
                self.marks.add(group.mark)
                self._partial.pop(group.mark.hex(), None)
            if self._portion.is_full:
                yield self._take()

    def finish(self, present: set[bytes], *, is_whole: bool) -> Iterator[Pulled]:
        """Yield what is left, and forget the marks of files that are no more."""
        # What could not be listed may be there all the same.
        if is_whole and self.marks - present:
            self.marks &= present
            self._is_changed = True
        if self._is_changed or self.notes:
            yield self._take()

    def _take(self) -> Pulled:
        portion, self._portion = self._portion, _Portion()
        cursor: Cursor = {"marks": pack_marks(self.marks)}
        if self._partial:
            cursor["partial"] = dict(self._partial)
        notes, self.notes = tuple(self.notes), []
        return Pulled(
            cursor,
            conversations=tuple(portion.items),
            recordings=tuple(portion.recordings),
            newest_at=datetime.fromtimestamp(portion.newest, UTC) if portion.newest else None,
            done=self._done,
            total=self.total,
            notes=notes,
        )

    def _read_mail(self, group: FileGroup) -> Iterator[Pulled]:
        mark = group.mark.hex()
        stored = self._partial.get(mark, 0)
        number = 0
        for path in group.paths:
            if path.suffix.lower() not in MAIL_SUFFIXES:
                continue
            try:
                for message in read_messages(path):
                    number += 1
                    if number <= stored:
                        continue
                    self._portion.add(parse_message(message))
                    if self._portion.is_full:
                        self._partial[mark] = number
                        yield self._take()
            except BadInput as error:
                self._portion.add(Reject(str(path), str(error)))

    def _read_calls(self, group: FileGroup) -> None:
        """Take the first transcript that can be read, or else the recording."""
        sources = pair_calls(list(group.paths))
        has_words = False
        for source in sources:
            # Two folders may each hold an `audio.m4a`.
            keyed = replace(source, key=f"{self._name}/{group.key}")
            if source.is_recording and not has_words:
                self._portion.recordings.append(keyed)
                self._portion.newest = max(self._portion.newest, group.changed_at)
                has_words = True
            elif has_words:
                self._portion.add(Duplicate(str(source.path)))
            else:
                has_words = self._read_transcript(keyed)

    def _read_transcript(self, source: CallSource) -> bool:
        try:
            self._portion.add(parse_transcript(source))
        except BadInput as error:
            self._portion.add(Reject(str(source.path), str(error)))
            return False
        return True
