"""Values for templates out of the demo's CRM and conversations, read with plain SQL."""

import calendar
import random
import re
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from evals.seeded_bench.spoken import Count, Day, Money, Person, Share

_DEALS = """
select c.id conversation, c.started_at, c.title, c.kind, c.language, o.id opportunity,
       o.name deal, a.id account_id, a.name account, s.name stage, o.amount_minor, o.currency,
       o.expected_close_on
from conversations c join opportunities o on o.id = c.opportunity_id
join accounts a on a.id = o.account_id join stages s on s.id = o.stage_id
where c.language = ? and o.amount_minor > 0 and o.expected_close_on is not null order by c.id
"""
_SENTENCE = re.compile(r"(?:[^.!?。！？]|\.(?=\d))+[.!?。！？]*")


class DemoDeals:
    """The conversations of a demo workspace, each with its deal, in an order that a seed gives."""

    def __init__(self, crm_db: Path, *, seed: int) -> None:
        self._db = sqlite3.connect(f"file:{crm_db}?mode=ro", uri=True)
        self._db.row_factory = sqlite3.Row
        self._seed = seed

    def slots(self, language: str, said: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yield the values of each conversation in which every pattern of `said` was said.

        Named groups become values: `m_` money, `d_` day, `n_` count, `p_` percentage; the words
        of the fact `F1` are `{F1_words}`, who said them `{F1_who}`, on which day `{F1_day}`.
        """
        rows = self._db.execute(_DEALS, (language,)).fetchall()
        chance = random.Random(self._seed)
        chance.shuffle(rows)
        for row in rows:
            spoken = self._spoken(row, said)
            if spoken is not None:
                yield self._deal(row, chance) | spoken

    def _spoken(self, row: sqlite3.Row, said: Mapping[str, str]) -> dict[str, Any] | None:
        segments = self._db.execute(
            "select speaker, text from segments where conversation_id = ? order by position",
            (row["conversation"],),
        ).fetchall()
        found: dict[str, Any] = {}
        for key, pattern in said.items():
            hits = (
                (match, sentence.strip(), segment["speaker"])
                for segment in segments
                for sentence in _SENTENCE.findall(segment["text"])
                if (match := re.search(pattern, sentence))
            )
            hit = next(hits, None)
            if hit is None:
                return None
            match, sentence, speaker = hit
            found |= {f"{key}_words": sentence, f"{key}_who": Person(speaker)}
            found[f"{key}_day"] = row["started_at"][:10]
            for name, value in match.groupdict().items():
                found[name[2:]] = _typed(name[0], value, row)
        return found

    def _deal(self, row: sqlite3.Row, chance: random.Random) -> dict[str, Any]:
        talked = date.fromisoformat(row["started_at"][:10])
        today = talked + timedelta(days=1)
        people = [
            Person(each["name"], each["title"] or "")
            for each in self._db.execute(
                "select name, title from contacts where account_id = ? order by id",
                (row["account_id"],),
            )
        ]
        took_part = self._db.execute(
            "select name, side from participants where conversation_id = ? order by position",
            (row["conversation"],),
        ).fetchall()
        person = next((Person(p["name"]) for p in took_part if p["side"] == "customer"), people[0])
        owner = next((p["name"] for p in took_part if p["side"] == "ours"), "")
        others = [each for each in people if each.name != person.name]
        found: dict[str, Any] = {
            "origin": "demo",
            "opportunity": row["opportunity"],
            "today": Day(today, today),
            "met": Day(talked, today),
            "title": row["title"],
            "account": row["account"],
            "deal": row["deal"],
            "stage": row["stage"],
            "amount": Money(row["amount_minor"] // 100, row["currency"]),
            "close": Day(date.fromisoformat(row["expected_close_on"]), today),
            "person": person,
            "owner": Person(owner),
        }
        found |= dict(zip(("colleague", "stranger"), others, strict=False))
        return found | self._mate(owner, row, chance) | self._offer(row, today)

    def _mate(self, owner: str, row: sqlite3.Row, chance: random.Random) -> dict[str, Any]:
        users = [name for (name,) in self._db.execute("select name from users order by id")]
        is_han = row["language"] == "zh"
        mates = [Person(name) for name in users if name != owner and Person(name).is_han == is_han]
        return {"mate": chance.choice(mates)}

    def _offer(self, row: sqlite3.Row, today: date) -> dict[str, Any]:
        found: dict[str, Any] = {}
        lines = self._db.execute(
            "select p.name, l.quantity from opportunity_lines l join products p on "
            "p.id = l.product_id where l.opportunity_id = ? order by l.id",
            (row["opportunity"],),
        ).fetchall()
        names = list(dict.fromkeys(line["name"] for line in lines))
        products = [name for (name,) in self._db.execute("select name from products order by id")]
        absent = [name for name in products if name not in names]
        for number, line in enumerate(lines[:2], start=1):
            found |= {
                f"product{number}": line["name"],
                f"qty{number}": Count(int(line["quantity"])),
            }
        found["absent"] = absent[row["opportunity"] % len(absent)] if absent else ""
        quote = self._db.execute(
            "select * from quotes where opportunity_id = ? and valid_until is not null "
            "and round(discount * 100) = discount * 100 and discount > 0 order by id desc",
            (row["opportunity"],),
        ).fetchone()
        if quote is not None:
            found |= {
                "quote": quote["number"],
                "total": Money(quote["total_minor"] // 100, quote["currency"]),
                "share": Share(round(quote["discount"] * 100)),
                "valid": Day(date.fromisoformat(quote["valid_until"][:10]), today),
            }
        return found


def _typed(letter: str, value: str, row: sqlite3.Row) -> object:
    if letter == "d":
        return _day(value, row)
    number = float(value.strip("€$£").replace(",", ""))
    if letter == "m":
        return Money(round(number), row["currency"])
    if letter == "w":
        return Money(round(number * 10_000), row["currency"])
    return Share(round(number)) if letter == "p" else Count(round(number))


def _day(value: str, row: sqlite3.Row) -> Day:
    """Resolve a month and a day to the first such day after the conversation."""
    talked = date.fromisoformat(row["started_at"][:10])
    if "月" in value:
        month, day = (int(part) for part in re.findall(r"\d+", value))
    else:
        name, digits = value.split()
        month, day = list(calendar.month_name).index(name), int(digits)
    year = talked.year + ((month, day) < (talked.month, talked.day))
    return Day(date(year, month, day), talked + timedelta(days=1))
