"""What jobs work with, and the board on which they show how far they are."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from crm.principal import Principal
from crm.store import Store
from ingest.sources.privacy import Privacy
from ingest.sources.source import Source

if TYPE_CHECKING:
    from copilot.llm.client import LanguageModel
    from crm.index.conversations import ConversationIndex
    from ingest.speech.transcriber import Transcriber


@dataclass(frozen=True)
class Standing:
    """How far one piece of work is; `total` is None where nobody knows."""

    done: float
    total: float | None


class Board:
    """What is being done, by name, written by jobs and read by whoever watches."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._standings: dict[str, Standing] = {}
        self._stop = threading.Event()

    def show(self, what: str, done: float, total: float | None = None) -> None:
        """Note how far `what` is."""
        with self._lock:
            self._standings[what] = Standing(done, total)

    def wipe(self, what: str) -> None:
        """Take it off the board: it is done."""
        with self._lock:
            self._standings.pop(what, None)

    def standings(self) -> dict[str, Standing]:
        """Return everything on the board."""
        with self._lock:
            return dict(self._standings)

    def stop(self) -> None:
        """Ask all jobs to end at their next safe point."""
        self._stop.set()

    def is_stopping(self) -> bool:
        """Say whether jobs were asked to end."""
        return self._stop.is_set()


@dataclass(frozen=True)
class Workplace:
    """Everything that jobs need; models are made at their first use."""

    store: Store
    index: "ConversationIndex"
    sources: Mapping[str, Source]
    transcriber: "Callable[[], Transcriber]"
    model: "Callable[[], LanguageModel | None]"
    hints: Callable[[], Sequence[str]]
    principal: Principal
    clock: Callable[[], datetime]
    rejects_dir: Path
    board: Board = field(default_factory=Board)
    privacies: Mapping[str, Privacy] = field(default_factory=dict)
