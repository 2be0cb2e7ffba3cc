"""Exports made up for the import tests: four files without ids for accounts, in the usual mess."""

import csv
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

ACCOUNTS = tuple(
    f"{first} {second}"
    for first in ("North", "Blue", "Iron", "Silver", "Green")
    for second in ("Harbor Ltd", "Foundry", "Optics", "Logistics, Inc.", "Labs")
)
AGENTS = ("Ana Ortiz", "Ben Novak", "Cleo Singh", "Dan Mbeki", "Eva Larsen")
MANAGERS = ("Mo Carver", "Rocco Vance")
PRODUCTS = (("Kite Pro", "Kite", "4821"), ("Kite Basic", "Kite", "550"), ("Reef 500", "Reef", "26"))
PIPELINE = (
    "opportunity_id",
    "sales_agent",
    "product",
    "account",
    "deal_stage",
    "engage_date",
    "close_date",
    "close_value",
)


def write_csv(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], encoding: str = "utf-8"
) -> Path:
    with path.open("w", newline="", encoding=encoding) as handle:
        writer = csv.writer(handle)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def write_four_files(folder: Path, deals: int = 300) -> list[Path]:
    """Write the files and return them in an order in which no reference would resolve."""
    rng = random.Random(7)
    accounts = write_csv(
        folder / "accounts.csv",
        (
            "account",
            "sector",
            "year_established",
            "revenue",
            "employees",
            "office_location",
            "subsidiary_of",
        ),
        [
            (name, "technolgy", 1999, "12.5", 40, "Norway", ACCOUNTS[-1] if i == 0 else "")
            for i, name in enumerate(ACCOUNTS)
        ],
    )
    products = write_csv(folder / "products.csv", ("product", "series", "sales_price"), PRODUCTS)
    teams = write_csv(
        folder / "sales_teams.csv",
        ("sales_agent", "manager", "regional_office"),
        [(name, MANAGERS[i % 2], ("East", "West")[i % 2]) for i, name in enumerate(AGENTS)],
    )
    pipeline = write_csv(
        folder / "sales_pipeline.csv", PIPELINE, (_deal(rng, number) for number in range(deals))
    )
    return [pipeline, accounts, teams, products]


def _deal(rng: random.Random, number: int) -> tuple[str, ...]:
    stage = ("Won", "Lost", "Engaging", "Prospecting")[number % 4]
    is_closed = stage in ("Won", "Lost")
    product = rng.choice(PRODUCTS)
    day = number % 28 + 1
    return (
        f"D{number:05d}",
        rng.choice(AGENTS),
        product[0].replace("Kite Pro", "KitePro"),
        "" if number % 7 == 0 else rng.choice(ACCOUNTS),
        stage,
        "" if stage == "Prospecting" else f"2026-01-{day:02d}",
        f"2026-03-{day:02d}" if is_closed else "",
        (product[2] if stage == "Won" else "0") if is_closed else "",
    )
