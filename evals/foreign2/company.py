"""A customer of a third vendor: a seeded export in euros with European numbers, dates and dirt."""

import csv
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any

import yaml

DEALS, COMPANIES = 4_000, 260
FIRST_DAY, LAST_DAY = date(2023, 1, 2), date(2025, 6, 30)
_WON, _LOST = "Order Received", "Not Awarded"
_OWNER_COLUMNS = ("Deal owner", "Email address", "Sales team", "Active")
_COMPANY_COLUMNS = ("Company", "Segment", "Country", "Town", "Headcount")
_DEAL_COLUMNS = (
    "Record no.",
    "Deal name",
    "Associated company",
    "Deal owner",
    "Deal stage",
    "Amount (EUR)",
    "Create date",
    "Close date",
    "Region",
    "Original source",
    "Product line",
    "Reason lost",
)


@dataclass(frozen=True)
class SecondExport:
    """The three files that were written, with the mapping that fits them."""

    files: tuple[Path, ...]
    mapping: Path


def write_export(folder: Path, *, seed: int = 73) -> SecondExport:
    """Write the three CSV files into `folder`; equal seeds give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    random, words = Random(seed), _words()
    companies = _companies(random, words)
    owners = [
        [name, _address(name), words["teams"][team], "yes" if name != "Marek Zelinka" else "no"]
        for name, team, *_ in words["owners"]
    ]
    deals = _deals(random, words, companies)
    paths = (
        _write(folder / "owners.csv", _OWNER_COLUMNS, owners),
        _write(folder / "companies.csv", _COMPANY_COLUMNS, companies),
        _write(folder / "all-deals.csv", _DEAL_COLUMNS, deals),
    )
    mapping = folder / "mapping.yaml"
    mapping.write_text((files("evals.foreign2") / "mapping.yaml").read_text("utf-8"), "utf-8")
    return SecondExport(paths, mapping)


@cache
def _words() -> dict[str, Any]:
    text = (files("evals.foreign2") / "words.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def _address(name: str) -> str:
    return name.casefold().replace("í", "i").replace(" ", ".") + "@dentora.example"


def _companies(random: Random, words: dict[str, Any]) -> list[list[object]]:
    places = [(country, share) for _, share, lands in words["regions"] for country in lands]
    countries, shares = zip(*places, strict=True)
    names: dict[str, str] = {}
    while len(names) < COMPANIES:
        segment = random.choices(words["segments"], [42, 22, 12, 8, 16])[0]
        head, tail = random.choice(words["heads"]), random.choice(words["tails"][segment])
        town = random.choice(["", "", f" {random.choice(['Nord', 'Süd', 'West', 'Centro'])}"])
        names.setdefault(f"{head} {tail}{town}", segment)
    return [
        [
            name,
            segment if random.random() > 0.04 else "",
            random.choices(countries, shares)[0],
            "",
            round(random.lognormvariate(3.2, 1.1)) + 1,
        ]
        for name, segment in sorted(names.items())
    ]


def _deals(
    random: Random, words: dict[str, Any], companies: list[list[object]]
) -> Iterator[list[object]]:
    weights = [random.lognormvariate(0, 0.6) for _ in companies]
    home = {land: region for region, _, lands in words["regions"] for land in lands}
    days = (LAST_DAY - FIRST_DAY).days
    for number in range(DEALS):
        company, _, country, *_ = random.choices(companies, weights)[0]
        owner, _, skill, _ = random.choices(words["owners"], [row[3] for row in words["owners"]])[0]
        line, price, _ = random.choices(words["lines"], [row[2] for row in words["lines"]])[0]
        created = FIRST_DAY + timedelta(days=round(days * random.random() ** 0.9))
        stage, closed = _fate(random, words["stages"], created, skill)
        amount = price * random.lognormvariate(0, 0.35)
        yield [
            f"DL-{number * 7 + 10013}",
            f"{company} - {random.choice(words['purposes'])} {number + 1}",
            company if random.random() > 0.03 else "",
            _owner_as_typed(random, owner),
            stage.upper() if random.random() < 0.02 else stage,
            _amount_as_typed(random, amount, is_open=stage not in {_WON, _LOST}),
            f"{created:%d.%m.%Y}",
            f"{closed:%d.%m.%Y}" if closed else "",
            _misspelt(random, home[str(country)], words["misspelt_region"], 0.05),
            _picked(random, words["sources"]) if random.random() > 0.05 else "",
            _misspelt(random, line, words["misspelt_line"], 0.12),
            _picked(random, words["reasons"]) if stage == _LOST and random.random() > 0.08 else "",
        ]


def _fate(
    random: Random, stages: Sequence[str], created: date, skill: float
) -> tuple[str, date | None]:
    """Return the stage and the close date, the planned one of an open deal (or none)."""
    is_won = random.random() < 1 / (1 + math.exp(-(skill - 0.35)))
    closed = created + timedelta(days=round(random.lognormvariate(3.9 if is_won else 3.7, 0.7)))
    if closed <= LAST_DAY and random.random() > 0.03:
        return (_WON if is_won else _LOST), closed
    planned = LAST_DAY + timedelta(days=random.randint(-40, 170))
    return random.choice(stages[:4]), planned if random.random() > 0.1 else None


def _picked(random: Random, weighted: Sequence[Sequence[Any]]) -> str:
    return str(random.choices([row[0] for row in weighted], [row[1] for row in weighted])[0])


def _misspelt(random: Random, name: str, spellings: dict[str, str], share: float) -> str:
    return spellings.get(name, name) if random.random() < share else name


def _owner_as_typed(random: Random, owner: str) -> str:
    chance = random.random()
    if chance < 0.03:
        return owner.casefold()
    return f" {owner} " if chance < 0.05 else owner


def _amount_as_typed(random: Random, amount: float, *, is_open: bool) -> str:
    if is_open and random.random() < 0.07:
        return ""
    european = f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))
    return random.choices([f"€ {european}", f"{european} €", european], [80, 12, 8])[0]


if __name__ == "__main__":
    write_export(Path(sys.argv[1]))
