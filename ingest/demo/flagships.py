"""The deals on show: written by hand in `words/flagships.yaml`, dated from today."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ingest.demo.calendar_days import quarter_at
from ingest.demo.chance import dice
from ingest.demo.customers import Customer, Person, polite_address
from ingest.demo.deals import Deal, Hidden, Line
from ingest.demo.organisation import price_factor, products, reps
from ingest.demo.wordbank import bank


@dataclass(frozen=True)
class Flagship:
    """A customer with the one deal of its own that is on show."""

    customer: Customer
    deal: Deal


def make_flagships(seed: int, today: date) -> list[Flagship]:
    """Return the flagships; their accounts and deals have the first numbers."""
    return [_make(seed, n, row, today) for n, row in enumerate(bank("flagships"), start=1)]


def _make(seed: int, number: int, row: dict[str, Any], today: date) -> Flagship:
    customer = _customer(number, row, today)
    given = row["deal"]
    opened_on = today - timedelta(days=given["age"])
    planned_on, moves = _plan(seed, number, is_slipped=given["slips"], today=today)
    days = [today - timedelta(days=round(given["age"] * (1 - s / 5.5))) for s in range(5)]
    hidden = Hidden(
        quality=given["quality"],
        win_chance=0.5,
        response_hours=customer.rep.response_hours,
        next_step_rate=1.0,
        ends_on=planned_on,
        outcome="won" if given["quality"] > 0 else "lost",
        lost_reason="" if given["quality"] > 0 else "Price",
        last_contact_on=today - timedelta(days=1),
    )
    deal = Deal(
        id=f"D{number:05d}",
        name=given["name"],
        customer=customer,
        rep=customer.rep,
        people=customer.people,
        currency=given["currency"],
        lines=_lines(given),
        discount=given["discount"],
        lead_source="Inbound" if number % 2 else "Referral",
        competitor=given["competitor"],
        next_step=given["next_step"],
        opened_on=opened_on,
        stages=tuple((index, days[index]) for index in range(given["stage"] + 1)),
        moves=moves,
        planned_on=planned_on,
        closed_on=None,
        hidden=hidden,
    )
    return Flagship(customer, deal)


def _customer(number: int, row: dict[str, Any], today: date) -> Customer:
    given = row["account"]
    rep = next(each for each in reps() if each.id == given["owner"])
    country, cities = bank("company")["cities"][given["territory"]]
    people = tuple(
        Person(
            id=f"C{number:04d}{place}",
            name=name,
            email=f"{local}@{given['domain']}",
            title=title,
            role=role,
            language=given["language"],
            address=polite_address(name[0], role) if given["language"] == "zh" else name.split()[0],
        )
        for place, (name, local, title, role) in enumerate(row["people"])
    )
    return Customer(
        id=f"A{number:04d}",
        name=given["name"],
        aliases=tuple(given["aliases"]),
        industry=given["industry"],
        country=country,
        city=cities[0],
        domain=given["domain"],
        employees=given["employees"],
        currency=row["deal"]["currency"],
        founded_year=1974 + number,
        rep=rep,
        territory=given["territory"],
        created_on=today - timedelta(days=920 + number),
        language=given["language"],
        people=people,
    )


def _plan(
    seed: int, number: int, *, is_slipped: bool, today: date
) -> tuple[date, tuple[tuple[date, date, date], ...]]:
    """A slip is a move made within this quarter, from this quarter to after its end."""
    quarter = quarter_at(today)
    random = dice(seed, "plan", number)
    if not is_slipped:
        return today + timedelta(days=random.randint(25, 40)), ()
    changed_on = max(quarter.start, today - timedelta(days=number))
    first = changed_on + timedelta(days=random.randint(0, (quarter.end - changed_on).days))
    later = quarter.end + timedelta(days=random.randint(20, 60))
    return later, ((first, later, changed_on),)


def _lines(given: dict[str, Any]) -> tuple[Line, ...]:
    by_id = {product.id: product for product in products()}
    lines = []
    for key, quantity, amount in given["lines"]:
        price = by_id[key].price_minor * price_factor(given["currency"])
        lines.append(Line(by_id[key], quantity, round(price * quantity), amount * 100))
    return tuple(lines)
