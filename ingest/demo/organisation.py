"""Our own side: the people with what is hidden about them, the catalogue, and the quotas."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from ingest.demo.calendar_days import plain_money, quarter_at
from ingest.demo.chance import dice
from ingest.demo.tables import Tables
from ingest.demo.wordbank import bank

# What a rep of skill 0 is asked to sell in a quarter, in minor units of the team's currency.
_QUARTER_TARGETS = {"T1": 480_000_00, "T2": 280_000_00, "T3": 2_500_000_00}


@dataclass(frozen=True)
class Rep:
    """A rep; from `skill` on, what the CRM does not know."""

    id: str
    name: str
    local_part: str
    team: str
    territory: str
    aliases: tuple[str, ...]
    skill: float
    cycle: float
    discount: float
    activity: float
    contacts: float
    response_hours: float
    next_step: float

    @property
    def email(self) -> str:
        """The rep's address."""
        return f"{self.local_part}@{bank('company')['domain']}"

    @property
    def is_chinese(self) -> bool:
        """Say whether the rep sells in Chinese."""
        return self.team == "T3"


@dataclass(frozen=True)
class Product:
    """A product with its list price in USD minor units and a typical quantity."""

    id: str
    name: str
    family: str
    description: str
    price_minor: int
    quantity: int


@cache
def reps() -> tuple[Rep, ...]:
    """Return the twelve reps."""
    rows = bank("company")["reps"]
    made: list[list[Any]] = [
        [*row[:5], tuple(row[5]), *(float(number) for number in row[6:])] for row in rows
    ]
    return tuple(Rep(*values) for values in made)


@cache
def products() -> tuple[Product, ...]:
    """Return the catalogue."""
    rows = bank("company")["products"]
    made: list[list[Any]] = [[*row[:4], row[4] * 100, row[5]] for row in rows]
    return tuple(Product(*values) for values in made)


def price_factor(currency: str) -> float:
    """Return what a USD list price is multiplied with in this currency."""
    return next(float(row[3]) for row in bank("company")["price_books"] if row[2] == currency)


def write_organisation(tables: Tables, *, seed: int, today: date, scale: float) -> None:
    """Write territories, teams, users, catalogue and quotas."""
    company = bank("company")
    for row in company["territories"]:
        tables.add("territories", row)
    for team, name, parent, *_ in company["teams"]:
        tables.add("teams", [team, name, parent])
    _write_users(tables)
    for item in products():
        tables.add("products", [item.id, item.name, item.family, item.description, "true"])
    for book, name, currency, factor in company["price_books"]:
        tables.add("price_books", [book, name, currency])
        for item in products():
            price = plain_money(round(item.price_minor * factor))
            tables.add("price_book", ["", book, item.id, price])
    _write_quotas(tables, seed=seed, today=today, scale=scale)


def _write_users(tables: Tables) -> None:
    company = bank("company")
    managers = {row[5]: row[0] for row in company["leaders"] if row[3] == "manager"}
    for user, name, local, role, title, team, manager, territory, aliases in company["leaders"]:
        email = f"{local}@{company['domain']}"
        tables.add("users", [user, name, email, role, title, team, manager, territory, "true"])
        _write_aliases(tables, user, aliases)
    for rep in reps():
        title = "客户经理" if rep.is_chinese else "Account Executive"
        manager = managers[rep.team]
        tables.add(
            "users",
            [rep.id, rep.name, rep.email, "rep", title, rep.team, manager, rep.territory, "true"],
        )
        _write_aliases(tables, rep.id, rep.aliases)


def _write_aliases(tables: Tables, user: str, aliases: tuple[str, ...] | list[str]) -> None:
    for alias in aliases:
        tables.add("aliases", ["users", user, alias])


def _write_quotas(tables: Tables, *, seed: int, today: date, scale: float) -> None:
    """Targets rise by a tenth a year; the fourth quarter carries more."""
    currencies = {row[0]: row[4] for row in bank("company")["teams"]}
    last = quarter_at(today)
    quarters = [last]
    while len(quarters) < 10:
        quarters.insert(0, quarter_at(quarters[0].start - timedelta(days=1)))
    for number, quarter in enumerate(quarters):
        sums: dict[str, int] = {}
        season = 1.2 if quarter.start.month == 10 else 1.0
        growth = 1 + 0.025 * (number - 9)
        for rep in reps():
            currency = currencies[rep.team]
            own = 1 + 0.45 * rep.skill + dice(seed, "quota", rep.id, number).uniform(-0.06, 0.06)
            amount = _QUARTER_TARGETS[rep.team] * season * growth * own * scale
            minor = max(1, round(amount / 500_000)) * 500_000
            sums[rep.team] = sums.get(rep.team, 0) + minor
            days = [quarter.start, quarter.end]
            tables.add("quotas", ["", rep.id, "", *days, plain_money(minor), currency])
        for team, total in sums.items():
            days = [quarter.start, quarter.end]
            tables.add("quotas", ["", "", team, *days, plain_money(total), currencies[team]])
