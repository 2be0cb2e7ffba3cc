"""How records stand in the log file: one line each, without what people wrote."""

import json
import logging
import textwrap
import traceback
from copy import copy
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TypeAlias

from crm.escaping import for_log, for_terminal

_Raised: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)
_OURS = frozenset({"copilot", "crm", "evals", "ingest", "prompts", "tools"})
_LEFT_OUT = "(a library's words are left out, they may quote people)"


class LineFormatter(logging.Formatter):
    """Formats a record with its time, level and logger; a traceback stands indented below it.

    Messages of libraries and of exceptions may quote a customer or the values of a statement: of
    the former stands only where they come from, of the latter the class and where it was raised.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record; what another handler wrote of its exception is not taken over."""
        own = copy(record)
        own.exc_text = None
        return super().format(own)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 — the library's name
        """Return the record on one line."""
        record.message = said_by(record)
        return for_log(super().formatMessage(record))

    def formatException(self, ei: _Raised) -> str:  # noqa: N802 — the library's name
        """Return the traceback, no line of which begins as a record does."""
        return textwrap.indent(for_terminal("\n".join(frames_of(ei[1]))), "    ")


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON document on one line, with the same things left out."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the document."""
        told: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": said_by(record),
        }
        if record.exc_info and record.exc_info[1] is not None:
            told["error"] = type(record.exc_info[1]).__name__
            told["frames"] = frames_of(record.exc_info[1])
        return for_log(json.dumps(told, ensure_ascii=False))


def said_by(record: logging.LogRecord) -> str:
    """Return what our own code said, and of a library only where it said something."""
    if record.name.partition(".")[0] in _OURS:
        return record.getMessage()
    return f"{record.module}:{record.lineno} {_LEFT_OUT}"


def frames_of(error: BaseException | None) -> list[str]:
    """Return where an exception and its causes were raised, the innermost cause first."""
    lines: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames = traceback.extract_tb(error.__traceback__)
        own = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        lines = [*own, type(error).__name__, *lines]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return lines
