"""A customer of another vendor: a seeded CRM export with that vendor's columns and its dirt."""

import csv
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any

import yaml

OPPORTUNITIES = 9_000
FIRST_DAY, LAST_DAY = date(2016, 10, 17), date(2017, 12, 31)
_ID_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
_PARENTS, _SUBSIDIARIES = 6, 14
_NAMESAKES = ("Media", "Capital", "Motors", "Labs", "Foods", "Marine", "Trading")


@dataclass(frozen=True)
class ForeignExport:
    """The four files that were written, with the mapping that fits them."""

    files: tuple[Path, ...]
    mapping: Path
    opportunities: int


def write_export(folder: Path, *, seed: int = 41) -> ForeignExport:
    """Write the four CSV files into `folder`; equal seeds give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    random, words = Random(seed), _words()
    accounts = _accounts(random, words)
    deals = list(_deals(random, words, [row[0] for row in accounts]))
    teams = [
        [name, words["managers"][boss][0], words["managers"][boss][1]]
        for name, boss, *_ in words["agents"]
    ]
    tables = {
        "accounts": (
            "account sector year_established revenue employees office_location subsidiary_of",
            accounts,
        ),
        "products": ("product series sales_price", [row[:3] for row in words["products"]]),
        "sales_teams": ("sales_agent manager regional_office", teams),
        "sales_pipeline": (
            "opportunity_id sales_agent product account deal_stage engage_date close_date "
            "close_value",
            deals,
        ),
    }
    paths = [
        _write(folder / f"{name}.csv", columns.split(), rows)
        for name, (columns, rows) in tables.items()
    ]
    mapping = folder / "mapping.yaml"
    mapping.write_text((files("evals.foreign") / "mapping.yaml").read_text("utf-8"), "utf-8")
    return ForeignExport(tuple(paths), mapping, len(deals))


@cache
def _words() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(
        (files("evals.foreign") / "words.yaml").read_text("utf-8")
    )
    return found


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def _accounts(random: Random, words: dict[str, Any]) -> list[list[object]]:
    roots = random.sample(words["account_roots"], k=len(words["account_roots"]))
    names = [root + random.choice(words["account_tails"]) for root in roots]
    # The last few share the first word of others, as companies of the real world do.
    names += [f"{roots[place]} {tail}" for place, tail in enumerate(_NAMESAKES, start=-10)]
    parents = names[:_PARENTS]
    owned = {name: random.choice(parents) for name in names[_PARENTS : _PARENTS + _SUBSIDIARIES]}
    countries, shares = zip(*words["countries"], strict=True)
    rows: list[list[object]] = []
    for number, name in enumerate(names):
        sector = words["sectors"][number % len(words["sectors"])]
        employees = round(random.lognormvariate(7.3, 1.2))
        revenue = round(employees * random.uniform(0.12, 0.9), 2)
        rows.append(
            [
                name,
                words["misspelt_sector"].get(sector, sector),
                random.randint(1974, 2014),
                f"{revenue:.2f}",
                employees,
                random.choices(countries, shares)[0],
                owned.get(name, ""),
            ]
        )
    return sorted(rows, key=lambda row: str(row[0]))


def _deals(random: Random, words: dict[str, Any], accounts: list[object]) -> Iterable[list[object]]:
    agents, products = words["agents"], words["products"]
    weights = [random.lognormvariate(0, 0.45) for _ in accounts]
    days = (LAST_DAY - FIRST_DAY).days
    ids: set[str] = set()
    while len(ids) < OPPORTUNITIES:
        key = "".join(random.choices(_ID_SIGNS, k=8))
        if key in ids:
            continue
        ids.add(key)
        agent, _, skill, _ = random.choices(agents, [row[3] for row in agents])[0]
        product, _, price, _ = random.choices(products, [row[3] for row in products])[0]
        account = random.choices(accounts, weights)[0]
        engaged = FIRST_DAY + timedelta(days=round(days * random.random() ** 0.8))
        stage, closed = _fate(random, engaged, skill)
        value: object = ""
        if stage == "Won":
            value = max(1, round(price * random.gauss(1, 0.11)))
        elif stage == "Lost":
            value = 0
        is_open = closed is None
        if is_open and random.random() < 0.62:
            account = ""
        engage_date = "" if stage == "Prospecting" else engaged
        spelt = words["misspelt_product"].get(product, product)
        yield [key, agent, spelt, account, stage, engage_date, closed or "", value]


def _fate(random: Random, engaged: date, skill: float) -> tuple[str, date | None]:
    """Return the stage and closing day; what would close after the last day is open."""
    if random.random() < 0.057:
        return "Prospecting", None
    is_won = random.random() < 1 / (1 + math.exp(-(0.5 + skill)))
    closed = engaged + timedelta(days=round(random.lognormvariate(3.6 if is_won else 3.0, 0.85)))
    if closed > LAST_DAY or random.random() < 0.1:
        return "Engaging", None
    return ("Won" if is_won else "Lost"), closed


if __name__ == "__main__":
    write_export(Path(sys.argv[1]))
