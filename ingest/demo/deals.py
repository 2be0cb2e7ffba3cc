"""One deal's life, simulated from hidden causes: what the CRM sees of it is in `records`."""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from ingest.demo.calendar_days import quarter_at, workday
from ingest.demo.chance import clamp, happens, sigmoid
from ingest.demo.customers import Customer, Person
from ingest.demo.organisation import Product, Rep, price_factor, products
from ingest.demo.wordbank import bank

MONTHS = 30
_LAST_OPEN_STAGE = 4
_GOODS = 6
_PRODUCT_WEIGHTS = (16, 10, 6, 13, 16, 9, 8, 7, 5)
_LOST_STAGE_WEIGHTS = (11, 16, 23, 26, 24)
_OPENING_BY_MONTH = (0.95, 0.95, 1.1, 0.95, 1.0, 1.05, 0.8, 0.75, 1.15, 1.1, 1.15, 1.0)


@dataclass(frozen=True)
class Line:
    """A product in a deal; the list total and what is asked, in minor units."""

    product: Product
    quantity: int
    list_minor: int
    amount_minor: int


@dataclass(frozen=True)
class Hidden:
    """What nobody can look up: the causes, and how the deal ends (or will end)."""

    quality: float
    win_chance: float
    response_hours: float
    next_step_rate: float
    ends_on: date
    outcome: str
    lost_reason: str
    last_contact_on: date


@dataclass(frozen=True)
class Deal:
    """A deal as of today; `stages` are (index, day entered), `moves` (from, to, day changed)."""

    id: str
    name: str
    customer: Customer
    rep: Rep
    people: tuple[Person, ...]
    currency: str
    lines: tuple[Line, ...]
    discount: float
    lead_source: str
    competitor: str
    next_step: str
    opened_on: date
    stages: tuple[tuple[int, date], ...]
    moves: tuple[tuple[date, date, date], ...]
    planned_on: date
    closed_on: date | None
    hidden: Hidden

    @property
    def amount_minor(self) -> int:
        """The sum of the lines."""
        return sum(line.amount_minor for line in self.lines)

    @property
    def list_minor(self) -> int:
        """The sum of the lines at list prices."""
        return sum(line.list_minor for line in self.lines)

    @property
    def stage(self) -> int:
        """The index of the stage it is in."""
        return self.stages[-1][0]

    @property
    def is_open(self) -> bool:
        """Say whether it is neither won nor lost."""
        return self.closed_on is None

    @property
    def language(self) -> str:
        """The language spoken with the customer."""
        return self.customer.language


def simulate_deal(random: Random, key: str, customer: Customer, today: date) -> Deal:
    """Return a deal that opened within the 30 months before `today`."""
    rep = customer.rep
    quality = random.gauss(0, 1)
    people = _pick_people(random, customer, rep, quality)
    has_competitor = happens(random, 0.38)
    names = "competitors_zh" if customer.language == "zh" else "competitors"
    competitor = random.choice(bank("company")[names]) if has_competitor else ""
    source = random.choices(bank("company")["lead_sources"], (28, 26, 12, 12, 10, 12))[0]
    discount = _discount(random, rep, quality, has_competitor)
    lines = make_lines(random, customer, discount)
    opened_on = _opening_day(random, today)
    response_hours = rep.response_hours * random.lognormvariate(0, 0.5)
    next_step_rate = clamp(rep.next_step + random.gauss(0, 0.15), 0, 1)
    log_odds = (
        -0.78
        + 0.90 * quality
        + 0.50 * rep.skill
        + 0.32 * (len(people) - 2.2)
        - 0.65 * has_competitor
        - 0.28 * math.log(response_hours / 10)
        + 0.80 * (next_step_rate - 0.6)
        + 0.45 * (source in {"Referral", "Existing customer"})
    )
    win_chance = sigmoid(log_odds)
    is_won = happens(random, win_chance)
    ends_on = _ending_day(random, rep, opened_on, sum(line.amount_minor for line in lines), is_won)
    silence = 0 if is_won else random.randint(18, 45)
    quiet_from = max(opened_on + timedelta(days=2), ends_on - timedelta(days=silence))
    reason = "" if is_won else _lost_reason(random, has_competitor, discount)
    hidden = Hidden(
        quality=quality,
        win_chance=win_chance,
        response_hours=response_hours,
        next_step_rate=next_step_rate,
        ends_on=ends_on,
        outcome="won" if is_won else "lost",
        lost_reason=reason,
        last_contact_on=quiet_from,
    )
    is_closed = ends_on < today
    planned_on, moves = _plan(random, opened_on, hidden, today)
    words = bank("company")
    subject = random.choice(words["deal_names"][customer.language])
    short = customer.aliases[0] if customer.aliases else customer.name
    has_next_step = not is_closed and happens(random, next_step_rate)
    return Deal(
        id=key,
        name=f"{short} – {subject} {key[1:].lstrip('0')}",
        customer=customer,
        rep=rep,
        people=people,
        currency=customer.currency,
        lines=lines,
        discount=discount,
        lead_source=source,
        competitor=competitor,
        next_step=random.choice(words["next_steps"][customer.language]) if has_next_step else "",
        opened_on=opened_on,
        stages=_stages(random, opened_on, hidden, today),
        moves=moves,
        planned_on=planned_on,
        closed_on=ends_on if is_closed else None,
        hidden=hidden,
    )


def make_lines(random: Random, customer: Customer, discount: float) -> tuple[Line, ...]:
    """Return one to four products in quantities that fit the customer's size."""
    count = random.choices((1, 2, 3, 4), (30, 35, 25, 10))[0]
    chosen: dict[str, Product] = {}
    # Nobody buys services alone: the first is software or a device.
    first = random.choices(products()[:_GOODS], _PRODUCT_WEIGHTS[:_GOODS])
    for product in (*first, *random.choices(products(), _PRODUCT_WEIGHTS, k=count - 1)):
        chosen[product.id] = product
    lines = []
    for product in chosen.values():
        typical = product.quantity * customer.size * random.lognormvariate(0, 0.45)
        quantity = max(1, round(typical))
        price = round(product.price_minor * price_factor(customer.currency))
        list_minor = price * quantity
        asked = round(list_minor * (1 - discount) / 100) * 100
        lines.append(Line(product, quantity, list_minor, asked))
    return tuple(lines)


def _pick_people(
    random: Random, customer: Customer, rep: Rep, quality: float
) -> tuple[Person, ...]:
    wanted = round(rep.contacts + 0.25 * quality + random.gauss(0, 1.0))
    count = int(clamp(wanted, 1, len(customer.people)))
    others = random.sample(customer.people[1:], count - 1)
    return (customer.people[0], *others)


def _discount(random: Random, rep: Rep, quality: float, has_competitor: bool) -> float:
    asked = rep.discount + 0.04 * has_competitor - 0.015 * quality + random.gauss(0, 0.03)
    return round(clamp(asked, 0, 0.35), 3)


def _opening_day(random: Random, today: date) -> date:
    """Seasonal, and growing by about a third over the whole time."""
    while True:
        age = random.randint(2, MONTHS * 30)
        day = today - timedelta(days=age)
        growth = 1 - 0.25 * age / (MONTHS * 30)
        if happens(random, _OPENING_BY_MONTH[day.month - 1] * growth / 1.2):
            return workday(day) if age > 4 else day


def _ending_day(random: Random, rep: Rep, opened_on: date, minor: int, is_won: bool) -> date:
    """Bigger deals take longer; winners hurry before a quarter ends, most of all the year."""
    days = 82 * rep.cycle * random.lognormvariate(0, 0.38) * (minor / 80_000_00) ** 0.08
    if not is_won:
        days *= random.uniform(0.5, 1.6)
    day = opened_on + timedelta(days=round(clamp(days, 9, 320)))
    end = quarter_at(day).end
    hurry = (0.55 if end.month == 12 else 0.42) if is_won else 0.12
    hurried = end - timedelta(days=random.randint(0, 10))
    if happens(random, hurry) and hurried > opened_on + timedelta(days=14):
        day = hurried
    return workday(day)


def _lost_reason(random: Random, has_competitor: bool, discount: float) -> str:
    reasons = bank("company")["lost_reasons"]
    weights = [18 + 40 * discount, 30 if has_competitor else 0, 14, 20, 9, 8, 9]
    return str(random.choices(reasons, weights)[0])


def _plan(
    random: Random, opened_on: date, hidden: Hidden, today: date
) -> tuple[date, tuple[tuple[date, date, date], ...]]:
    """Weak deals are planned too early and slip more often, before their end or today."""
    length = (hidden.ends_on - opened_on).days
    share = clamp(random.gauss(0.82 + 0.12 * hidden.quality, 0.18), 0.35, 1.3)
    plan = opened_on + timedelta(days=max(10, round(length * share)))
    moves: list[tuple[date, date, date]] = []
    changed_on = opened_on
    while plan < hidden.ends_on:
        earliest = changed_on + timedelta(days=1)
        changed_on = max(earliest, plan - timedelta(days=random.randint(-3, 9)))
        is_forgotten = happens(random, 0.3 * (1 - hidden.next_step_rate))
        if changed_on >= min(today, hidden.ends_on) or is_forgotten:
            break
        later = plan + timedelta(days=random.randint(16, 55))
        moves.append((plan, later, changed_on))
        plan = later
    return plan, tuple(moves)


def _stages(
    random: Random, opened_on: date, hidden: Hidden, today: date
) -> tuple[tuple[int, date], ...]:
    table = bank("company")["stages"]
    last = _LAST_OPEN_STAGE
    if hidden.outcome == "lost":
        last = random.choices(range(5), _LOST_STAGE_WEIGHTS)[0]
    length = (hidden.ends_on - opened_on).days
    stretch = 1.0 if last == _LAST_OPEN_STAGE else random.uniform(0.9, 1.15)
    stages = [(0, opened_on)]
    for index in range(1, last + 1):
        share = clamp(float(table[index][3]) * stretch + random.gauss(0, 0.03), 0.02, 0.97)
        day = max(stages[-1][1], opened_on + timedelta(days=round(length * share)))
        if day < min(today, hidden.ends_on):
            stages.append((index, day))
    if hidden.ends_on < today:
        stages.append((5 if hidden.outcome == "won" else 6, hidden.ends_on))
    return tuple(stages)
