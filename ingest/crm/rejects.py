"""The rejects file: each row that was not taken, with the cell at fault and the reason."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from crm.escaping import CellWriter
from ingest.crm.records import Problem

_HEADER = ("file", "row", "field", "value", "reason")
_LONGEST = 200


class RejectsFile:
    """A CSV that comes into being with its first row; one with `is_daily` grows over a day."""

    def __init__(self, folder: Path, source: str, now: datetime, *, is_daily: bool = False) -> None:
        safe = "".join(char if char.isalnum() else "-" for char in source)
        stamp = now.astimezone(UTC).strftime("%Y%m%d" if is_daily else "%Y%m%dT%H%M%SZ")
        self._is_daily = is_daily
        self._wanted = folder / f"rejects-{safe}-{stamp}.csv"
        self._handle: IO[str] | None = None
        self._writer: CellWriter | None = None

    @property
    def path(self) -> Path | None:
        """Where it is, or None if nothing was rejected."""
        return self._wanted if self._handle else None

    def write(self, file: str, problems: Iterable[Problem]) -> None:
        """Add one line for each problem."""
        for problem in problems:
            writer = self._writer or self._open()
            value = problem.value[:_LONGEST]
            writer.write((file, problem.row, problem.field, value, problem.reason))

    def close(self) -> None:
        """Finish the file."""
        if self._handle:
            self._handle.close()

    def _open(self) -> CellWriter:
        self._wanted.parent.mkdir(parents=True, exist_ok=True)
        is_old = self._is_daily and self._wanted.exists()
        # With a byte order mark, since spreadsheets else misread Chinese.
        encoding = "utf-8" if is_old else "utf-8-sig"
        self._handle = self._wanted.open("a" if is_old else "w", encoding=encoding, newline="")
        self._writer = CellWriter(self._handle)
        if not is_old:
            self._writer.write(_HEADER)
        return self._writer
