"""What the CRM holds of a customer and a deal: the rows of its tables."""

from datetime import UTC, date, datetime, time, timedelta
from random import Random

from ingest.demo.calendar_days import at, plain_money, stamp
from ingest.demo.chance import clamp, happens
from ingest.demo.customers import Customer
from ingest.demo.deals import Deal
from ingest.demo.tables import Tables
from ingest.demo.wordbank import bank

_PROPOSAL, _NEGOTIATION = 3, 4


def write_customer(tables: Tables, customer: Customer) -> None:
    """Write the account, its other names and its people."""
    tables.add(
        "accounts",
        [
            customer.id, customer.name, customer.industry, customer.country, customer.city,
            customer.domain, customer.employees, plain_money(customer.revenue_minor),
            customer.currency, customer.founded_year, customer.rep.id, customer.territory,
            customer.created_on,
        ],
    )  # fmt: skip
    for alias in customer.aliases:
        tables.add("aliases", ["accounts", customer.id, alias])
    prefix = "+86 10 5550" if customer.language == "zh" else "+1 555 01"
    for person in customer.people:
        digits = f"{int(person.id[1:]) % 10000:04d}"
        tables.add(
            "contacts",
            [
                person.id, person.name, person.email, f"{prefix} {digits}", person.title,
                person.language, customer.id,
            ],
        )  # fmt: skip


def write_deal(tables: Tables, random: Random, deal: Deal, today: date) -> None:
    """Write the deal with its lines, people, history, quotes and activities."""
    _write_opportunity(tables, deal)
    for line in deal.lines:
        amount = plain_money(line.amount_minor)
        tables.add("opportunity_lines", ["", deal.id, line.product.id, line.quantity, amount])
    for person in deal.people:
        tables.add("opportunity_contacts", ["", deal.id, person.id, person.role])
    _write_history(tables, random, deal)
    _write_quotes(tables, deal, today)
    _write_touches(tables, random, deal, today)
    _write_tasks(tables, random, deal, today)


def _write_opportunity(tables: Tables, deal: Deal) -> None:
    company = bank("company")
    stage, status, *_ = company["stages"][deal.stage]
    forecast = company["forecast_categories"][deal.stage] if deal.is_open else ""
    tables.add(
        "opportunities",
        [
            deal.id, deal.name, deal.customer.id, deal.rep.id, deal.customer.territory, stage,
            plain_money(deal.amount_minor), deal.currency, deal.lead_source,
            forecast or ("Closed" if status == "won" else "Omitted"),
            deal.hidden.lost_reason if status == "lost" else "",
            deal.competitor, deal.next_step, deal.opened_on, deal.planned_on,
            deal.closed_on or "",
        ],
    )  # fmt: skip


def _write_history(tables: Tables, random: Random, deal: Deal) -> None:
    names = [row[0] for row in bank("company")["stages"]]
    before = ""
    hour = 9
    for index, day in deal.stages:
        # Later hours for later stages keep the order when two fall on one day.
        moment = datetime.combine(day, time(hour, random.randrange(60)), UTC)
        hour = min(17, hour + 1)
        tables.add("stage_history", ["", deal.id, before, names[index], stamp(moment)])
        before = names[index]
    for number, (old, new, day) in enumerate(deal.moves):
        minute = (int(deal.id[1:]) * 7 + number) % 60
        moment = datetime.combine(day, time(0, minute), UTC)
        tables.add("close_date_history", ["", deal.id, old, new, stamp(moment)])
    proposed_on = _entered(deal, _PROPOSAL)
    if proposed_on and happens(random, 0.6):
        guess = max(100_000, round(round(deal.amount_minor * random.uniform(0.6, 1.35)), -5))
        if guess != deal.amount_minor:
            changed_at = stamp(at(proposed_on, random))
            row = ["", deal.id, plain_money(guess), plain_money(deal.amount_minor), changed_at]
            tables.add("amount_history", row)


def _entered(deal: Deal, stage: int) -> date | None:
    return next((day for index, day in deal.stages if index == stage), None)


def _write_quotes(tables: Tables, deal: Deal, today: date) -> None:
    proposed_on, negotiated_on = _entered(deal, _PROPOSAL), _entered(deal, _NEGOTIATION)
    if not proposed_on:
        return
    final = "sent"
    if not deal.is_open:
        final = "accepted" if deal.hidden.outcome == "won" else "rejected"
    offers = [(proposed_on, deal.discount)]
    if negotiated_on and deal.discount > 0.03:
        offers = [(proposed_on, round(deal.discount * 0.4, 3)), (negotiated_on, deal.discount)]
    for number, (day, discount) in enumerate(offers, start=1):
        is_last = number == len(offers)
        total = deal.amount_minor
        if not is_last:
            total = round(deal.list_minor * (1 - discount) / 100) * 100
        valid_until = day + timedelta(days=30)
        status = final if is_last else "superseded"
        if status == "sent" and valid_until < today:
            status = "expired"
        tables.add(
            "quotes",
            [
                "", deal.id, f"Q-{deal.id[1:]}-{number}", status, plain_money(total),
                deal.currency, f"{discount:.3f}", day, valid_until,
            ],
        )  # fmt: skip


def _write_touches(tables: Tables, random: Random, deal: Deal, today: date) -> None:
    """Calls, mails, meetings and notes up to the last contact; some answer a customer's mail."""
    words = bank("company")["activity_subjects"][deal.language]
    last = min(deal.hidden.last_contact_on, today - timedelta(days=1))
    days = max(1, (last - deal.opened_on).days)
    wanted = days / 13 * deal.rep.activity * random.uniform(0.7, 1.3)
    for _ in range(int(clamp(round(wanted), 2, 26))):
        moment = at(deal.opened_on + timedelta(days=random.randint(0, days)), random)
        person = random.choice(deal.people)
        if happens(random, 0.2):
            answered = moment + timedelta(hours=deal.hidden.response_hours)
            pair = [("received", moment)]
            if answered.date() < today:
                pair.append(("reply", answered))
            for kind, when in pair:
                _add_touch(tables, deal, ("email", random.choice(words[kind])), person.id, when)
            continue
        kind = random.choices(("call", "email", "meeting", "note"), (34, 36, 16, 14))[0]
        _add_touch(tables, deal, (kind, random.choice(words[kind])), person.id, moment)


def _add_touch(
    tables: Tables, deal: Deal, what: tuple[str, str], person: str, moment: datetime
) -> None:
    when = stamp(moment)
    account = deal.customer.id
    row = ["", *what, "", deal.rep.id, account, deal.id, person, when, "", when]
    tables.add("activities", row)


def _write_tasks(tables: Tables, random: Random, deal: Deal, today: date) -> None:
    """Done tasks in disciplined deals; open ones, some overdue, while a deal lives."""
    words = bank("company")["activity_subjects"][deal.language]["task"]
    last = min(deal.hidden.last_contact_on, today - timedelta(days=1))
    count = round(3 * deal.hidden.next_step_rate * random.random())
    days = max(1, (last - deal.opened_on).days)
    for _ in range(count):
        due = deal.opened_on + timedelta(days=random.randint(1, days))
        done = at(min(due, last), random)
        _add_task(tables, deal, random.choice(words), (due, stamp(done)))
    if deal.is_open and happens(random, 0.3 + 0.6 * deal.hidden.next_step_rate):
        slack = 12 if deal.rep.next_step > 0.6 else 4
        due = today + timedelta(days=random.randint(-10, slack))
        _add_task(tables, deal, random.choice(words), (max(due, deal.opened_on), ""))


def _add_task(tables: Tables, deal: Deal, subject: str, times: tuple[date, str]) -> None:
    due, done = times
    account, person = deal.customer.id, deal.people[0].id
    row = ["", "task", subject, "", deal.rep.id, account, deal.id, person, "", due, done]
    tables.add("activities", row)
