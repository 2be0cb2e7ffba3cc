"""What an import did, counted by table, and the summary of it for people and programs."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict

_NOTES = 20


class TableCounts(BaseModel):
    """Rows of one table; those made only because others name them are created, not read.

    Suppressed are those of people who were erased.
    """

    model_config = ConfigDict(frozen=True)

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    suppressed: int = 0


class ImportSummary(BaseModel):
    """The outcome of an import; `notes` tell which names were taken for which."""

    model_config = ConfigDict(frozen=True)

    run_id: int
    tables: dict[str, TableCounts]
    rejects_path: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> TableCounts:
        """The counts of all tables together."""
        names = list(TableCounts.model_fields)
        sums = {name: sum(getattr(item, name) for item in self.tables.values()) for name in names}
        return TableCounts(**sums)

    def lines(self) -> list[str]:
        """Return the summary in lines for people."""
        shown = []
        for name, counts in self.tables.items():
            parts = [f"{value:,} {what}" for what, value in counts.model_dump().items() if value]
            shown.append(f"{name}: {', '.join(parts) or 'nothing'}")
        if self.rejects_path:
            shown.append(f"rejected rows, with reasons: {self.rejects_path}")
        return shown + list(self.notes)


@dataclass
class Tally:
    """Counts while they grow."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    links: Counter[str] = field(default_factory=Counter)

    def add(self, table: str, what: str, number: int = 1) -> None:
        """Count rows of a table as read, created, updated, unchanged, rejected or suppressed."""
        if number:
            self.counts.setdefault(table, Counter())[what] += number

    def note_link(self, text: str) -> None:
        """Note that one name was taken for another."""
        if text in self.links or len(self.links) < _NOTES:
            self.links[text] += 1

    def of(self, what: str) -> int:
        """Return a count over all tables."""
        return sum(counter[what] for counter in self.counts.values())

    def summary(self, run_id: int, rejects_path: Path | None) -> ImportSummary:
        """Return the final summary."""
        tables = {name: TableCounts(**counter) for name, counter in self.counts.items()}
        return ImportSummary(
            run_id=run_id, tables=tables, rejects_path=rejects_path, notes=tuple(self.links)
        )
