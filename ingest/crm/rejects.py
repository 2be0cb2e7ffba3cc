"""The rejects file: each row that was not taken, with the cell at fault and the reason."""

import csv
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

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
        self._writer: Any = None

    @property
    def path(self) -> Path | None:
        """Where it is, or None if nothing was rejected."""
        return self._wanted if self._handle else None

    def write(self, file: str, problems: Iterable[Problem]) -> None:
        """Add one line for each problem."""
        for problem in problems:
            if self._handle is None:
                self._open()
            value = problem.value[:_LONGEST]
            self._writer.writerow(
                (file, problem.row, problem.field, _harmless(value), problem.reason)
            )

    def close(self) -> None:
        """Finish the file."""
        if self._handle:
            self._handle.close()

    def _open(self) -> None:
        self._wanted.parent.mkdir(parents=True, exist_ok=True)
        is_old = self._is_daily and self._wanted.exists()
        # With a byte order mark, since spreadsheets else misread Chinese.
        encoding = "utf-8" if is_old else "utf-8-sig"
        self._handle = self._wanted.open("a" if is_old else "w", encoding=encoding, newline="")
        self._writer = csv.writer(self._handle)
        if not is_old:
            self._writer.writerow(_HEADER)


def _harmless(value: str) -> str:
    """Keep a spreadsheet from running a rejected cell as a formula."""
    is_number = value[1:2].isdigit() and value[0] in "+-"
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t")) and not is_number else value
