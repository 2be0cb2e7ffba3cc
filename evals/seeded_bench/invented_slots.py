"""Values for templates about companies that no data set holds."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import yaml

from evals.seeded_bench.sources import SETS, SetName
from evals.seeded_bench.spoken import Count, Day, Money, Person, Share

_CURRENCIES = {"en": ("EUR", "USD", "GBP", "JPY"), "zh": ("CNY", "CNY", "CNY", "EUR")}


def invented_slots(name: SetName, language: str, *, seed: int) -> Iterator[dict[str, Any]]:
    """Yield the values of one invented deal after another; figures of one deal all differ."""
    pools = yaml.safe_load((SETS / f"names_{name}.yaml").read_text("utf-8"))
    chance = random.Random(seed)
    while True:
        today = date(2026, 8, 3) + timedelta(days=chance.randrange(300))
        people = [Person(one) for one in chance.sample(pools["people"][language], 5)]
        products = chance.sample(pools["products"][language], 3)
        currency = chance.choice(_CURRENCIES[language])
        scale = 10_000 if currency == "JPY" else 100
        budget = chance.randrange(350, 2_000) * scale * 2
        counts = chance.sample(range(13, 98), 6)
        yield {
            "origin": "invented",
            "today": Day(today, today),
            "met": Day(today - timedelta(days=chance.randint(3, 9)), today),
            "account": chance.choice(pools["accounts"][language]),
            "quote": _number(chance),
            "budget": Money(budget, currency),
            "total": Money(budget + chance.randrange(60, 160) * scale, currency),
            "price": Money(chance.randrange(11, 95) * scale, currency),
            "share": Share(chance.choice((5, 10, 15, 20))),
            "loss": Share(chance.choice((3, 4, 6, 7, 9))),
            "valid": Day(today + timedelta(days=chance.randint(30, 60)), today),
            "due": Day(today + timedelta(days=chance.randint(3, 9)), today),
            "board": Day(today + timedelta(days=chance.randint(20, 40)), today),
            "rival": chance.choice(pools["rivals"][language]),
            "absent": products[2],
            "product1": products[0],
            "product2": products[1],
            **{
                one: Count(count)
                for one, count in zip(
                    ("qty1", "qty2", "hours", "sites", "users", "days"), counts, strict=True
                )
            },
            **dict(zip(("person", "colleague", "stranger", "owner", "mate"), people, strict=True)),
        }


def _number(chance: random.Random) -> str:
    return f"{chance.choice('ABKRT')}{chance.choice('QXZ')}-{chance.randrange(1100, 9900)}"
