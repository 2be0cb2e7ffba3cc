"""Before and after the deal: leads, and support cases with the customer's satisfaction."""

from datetime import date, timedelta
from random import Random

from ingest.demo.calendar_days import at, stamp
from ingest.demo.chance import clamp, dice, happens
from ingest.demo.customers import Customer, Person, make_customer
from ingest.demo.deals import MONTHS, Deal
from ingest.demo.organisation import Product, products
from ingest.demo.tables import Tables
from ingest.demo.wordbank import bank

_SOURCES = ("Inbound", "Outbound", "Referral", "Partner", "Trade show")
_PRIORITIES = ("low", "normal", "high", "urgent")


def write_leads(tables: Tables, random: Random, deals: list[Deal], today: date) -> None:
    """Write the lead that a deal came from, for the sources that begin with one, and misses."""
    for deal in deals:
        if deal.lead_source in {"Inbound", "Trade show", "Outbound"}:
            _write_converted(tables, random, deal)
        if happens(random, 0.25):
            _write_open(tables, random, deal, today)


def _write_converted(tables: Tables, random: Random, deal: Deal) -> None:
    person = deal.people[0]
    created = deal.opened_on - timedelta(days=random.randint(1, 40))
    row = ["", person.name, deal.customer.name, _own_address(person, deal), "Converted"]
    row += [deal.lead_source, deal.rep.id, str(created), str(deal.opened_on), deal.id]
    tables.add("leads", row)


def _own_address(person: Person, deal: Deal) -> str:
    """A lead of its own for each deal: the same person may come in twice."""
    local, domain = person.email.split("@")
    return f"{local}+{deal.id.lower()}@{domain}"


def _write_open(tables: Tables, random: Random, deal: Deal, today: date) -> None:
    # A company that is no account: its number lies beyond any account's.
    stranger = make_customer(random.randrange(10**6), 10**7 + int(deal.id[1:]), today)
    person = stranger.people[0]
    created = today - timedelta(days=random.randint(1, MONTHS * 30))
    status = random.choices(bank("company")["lead_statuses"], (15, 25, 30, 30))[0]
    company = stranger.aliases[0] if stranger.aliases else stranger.name
    row = ["", person.name, company, person.email, status, random.choice(_SOURCES)]
    tables.add("leads", [*row, deal.rep.id, created, "", ""])


def write_cases(
    tables: Tables, customer: Customer, deals: list[Deal], *, seed: int, today: date
) -> None:
    """Write the cases of a customer that has bought; slow answers lower the satisfaction."""
    bought = [d for d in deals if not d.is_open and d.hidden.outcome == "won"]
    random = dice(seed, "cases", customer.id)
    care = random.gauss(0, 0.6)
    for deal in bought:
        for _ in range(random.choices((0, 1, 2, 3), (45, 30, 17, 8))[0]):
            _write_case(tables, random, deal, care, today)


def _write_case(tables: Tables, random: Random, deal: Deal, care: float, today: date) -> None:
    assert deal.closed_on is not None  # noqa: S101
    room = (today - deal.closed_on).days - 1
    if room < 1:
        return
    category, subjects = random.choice(
        list(bank("company")["case_subjects"][deal.language].items())
    )
    opened = at(deal.closed_on + timedelta(days=random.randint(1, room)), random)
    priority = random.choices(_PRIORITIES, (20, 48, 24, 8))[0]
    hours = random.lognormvariate(3.2 - 0.4 * _PRIORITIES.index(priority) - 0.3 * care, 0.8)
    closed = opened + timedelta(hours=hours)
    is_closed = closed.date() < today
    score = ""
    if is_closed and happens(random, 0.62):
        score = str(round(clamp(4.6 - hours / 40 + 0.5 * care + random.gauss(0, 0.6), 1, 5)))
    owner = "U07" if deal.language == "zh" else "U06"
    row = ["", random.choice(subjects), "closed" if is_closed else "open", priority, category]
    row += [deal.customer.id, random.choice(deal.people).id, owner]
    row += [_product_of(random, deal, category).id, stamp(opened)]
    tables.add("cases", [*row, stamp(closed) if is_closed else "", score])


def _product_of(random: Random, deal: Deal, category: str) -> Product:
    family = {"Device": "Tidemark Devices", "Software": "Beacon Software"}.get(category)
    bought = [line.product for line in deal.lines]
    fitting = [each for each in bought if each.family == family]
    return random.choice(fitting or bought or list(products()))
