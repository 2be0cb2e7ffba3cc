"""What a source is: something outside that is read again and again, from where it was left."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from ingest.conversation_run import Duplicate, Reject
from ingest.conversations import ParsedConversation
from ingest.transcripts.sources import CallSource

# A source's own note of where to go on; JSON values only.
Cursor = dict[str, Any]


@dataclass(frozen=True)
class TableRows:
    """Records of one kind, named as the source names it, each a flat mapping of its fields."""

    table: str
    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Gone:
    """A record or conversation that the source itself reported as deleted.

    `table` is as in `TableRows`, or `conversations`, which are stored under `stored_as` (`mail`,
    `slack`). What a read merely failed to mention is never gone.
    """

    table: str
    external_id: str
    at: datetime | None = None
    stored_as: str | None = None


@dataclass(frozen=True)
class Pulled:
    """One portion of a source: kept whole or not at all, and then `cursor` with it.

    The same portion may come again after a crash, so storing it twice must change nothing.
    `newest_at` is the time of the newest item in it; `done` of `total` items (None if unknown)
    have come in this run, this portion included.
    """

    cursor: Cursor
    conversations: tuple[ParsedConversation | Reject | Duplicate, ...] = ()
    tables: tuple[TableRows, ...] = ()
    gone: tuple[Gone, ...] = ()
    recordings: tuple[CallSource, ...] = ()
    newest_at: datetime | None = None
    done: int = 0
    total: int | None = None
    notes: tuple[str, ...] = field(default=())


@runtime_checkable
class Source(Protocol):
    """A connected mailbox, folder, CRM or chat. Making one opens nothing.

    Connections are opened by `pull` and closed when its iterator ends or is closed.
    """

    name: str
    kind: str

    def pull(self, cursor: Cursor | None, *, now: datetime) -> Iterator[Pulled]:
        """Yield what is new since the cursor (None: everything), oldest first.

        Raises TransientError if the source is out of reach or asks to slow down for longer than
        was waited, PermanentError if it refuses us (wrong password, missing right), BadInput if
        its configuration cannot be used. What was yielded before stays valid.
        """
        ...


@runtime_checkable
class Watched(Protocol):
    """A source that can say that something new has come."""

    def wait(self, timeout_s: float) -> bool:
        """Return True as soon as something may be new, False after `timeout_s` seconds."""
        ...
