"""The CSV files of the demo CRM, written row by row, and the mapping file that fits them."""

import csv
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from ingest.demo.wordbank import bank

# Columns bear the names of the CRM's fields; `…_id` columns hold ids of other files.
TABLES: dict[str, tuple[str, str]] = {
    "territories": ("territories", "id name region"),
    "teams": ("teams", "id name parent_id"),
    "users": ("users", "id name email role title team_id manager_id territory_id is_active"),
    "accounts": (
        "accounts",
        "id name industry country city domain employees annual_revenue currency founded_year "
        "owner_id territory_id created_on",
    ),
    "contacts": ("contacts", "id name email phone title language account_id"),
    "products": ("products", "id name family description is_active"),
    "price_books": ("price_books", "id name currency"),
    "price_book": ("price_book_entries", "id price_book_id product_id list_price"),
    "opportunities": (
        "opportunities",
        "id name account_id owner_id territory_id stage amount currency lead_source "
        "forecast_category lost_reason competitor next_step opened_on expected_close_on closed_on",
    ),
    "leads": (
        "leads",
        "id name company email status lead_source owner_id created_on converted_on opportunity_id",
    ),
    "opportunity_lines": ("opportunity_lines", "id opportunity_id product_id quantity amount"),
    "opportunity_contacts": ("opportunity_contacts", "id opportunity_id contact_id role"),
    "stage_history": ("stage_changes", "id opportunity_id from_stage to_stage changed_at"),
    "close_date_history": ("close_date_changes", "id opportunity_id from_on to_on changed_at"),
    "amount_history": ("amount_changes", "id opportunity_id from_amount to_amount changed_at"),
    "quotes": (
        "quotes",
        "id opportunity_id number status total currency discount created_on valid_until",
    ),
    "activities": (
        "activities",
        "id kind subject body owner_id account_id opportunity_id contact_id occurred_at due_on "
        "done_at",
    ),
    "cases": (
        "cases",
        "id subject status priority category account_id contact_id owner_id product_id opened_at "
        "closed_at satisfaction",
    ),
    "quotas": ("quotas", "id user_id team_id starts_on ends_on amount currency"),
    "aliases": ("aliases", "entity target name"),
}


class Tables:
    """Open CSV files, one for each table; use as a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts = dict.fromkeys(TABLES, 0)
        self._stack = ExitStack()
        self._writers: dict[str, Any] = {}

    def __enter__(self) -> Self:
        """Create the files with their headings."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, (_, columns) in TABLES.items():
            path = self.folder / f"{name}.csv"
            file = self._stack.enter_context(path.open("w", encoding="utf-8", newline=""))
            self._writers[name] = csv.writer(file, lineterminator="\n")
            self._writers[name].writerow(columns.split())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close them all."""
        self._stack.close()

    def add(self, name: str, row: Sequence[object]) -> None:
        """Write a row whose id, if it has no own one, is the empty string."""
        self.counts[name] += 1
        first = row[0] or f"{name}-{self.counts[name]}"
        self._writers[name].writerow([first, *row[1:]])


def write_mapping(path: Path) -> None:
    """Write the mapping that imports all tables, stages declared."""
    stages = {
        name: {"status": status, "probability": str(probability)}
        for name, status, probability, _ in bank("company")["stages"]
    }
    tables = [
        {
            "file": f"{name}.csv",
            "entity": entity,
            "fields": {column: column for column in columns.split()},
        }
        for name, (entity, columns) in TABLES.items()
    ]
    mapping = {"source": "demo", "currency": "USD", "stages": stages, "tables": tables}
    path.write_text(yaml.safe_dump(mapping, sort_keys=False, allow_unicode=True), "utf-8")
