"""`python -m evals.identity`: whether people are recognised; how often rightly, never, or asked."""

import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from crm.models import Account, Contact
from crm.principal import Principal
from crm.store import Store
from ingest.demo.customers import Customer, make_customer
from ingest.demo.customers import Person as Employee
from ingest.identity import NO_HINTS, Directory, Hints, Person
from ingest.identity.names import vocabulary
from ingest.identity.people import Evidence
from ingest.identity.readings import spelled
from ingest.identity.roster import Roster

LEAST_PRECISION = 0.99
SEED = 20261116
_ACCOUNTS = 700
_TODAY = date(2026, 11, 16)
_AT = datetime(2026, 11, 10, 9, tzinfo=UTC)
_BATCH = 100
# Shares of people whom the CRM does not know, and of companies it does not know at all.
_UNKNOWN_PEOPLE = 0.15
_UNKNOWN_COMPANIES = 0.1
# Strangers made to look like somebody, for each contact.
_DECOYS = 0.25
_ACCENTS = str.maketrans("aeiou", "áéíöü")


@dataclass(frozen=True)
class Case:
    """A participant as met, and the contact they are; None if the CRM does not hold them."""

    kind: str
    language: str
    person: Person
    hints: Hints
    contact_id: int | None


@dataclass(frozen=True)
class Verdict:
    """What became of a case: the contact linked, and those asked about."""

    case: Case
    linked: int | None
    asked: tuple[int, ...]


@dataclass(frozen=True)
class Score:
    """`precision` of automatic links; `recall` among people who are in the CRM; shares of all."""

    cases: int
    links: int
    precision: float
    recall: float
    queued: float
    answerable: float


def main() -> None:
    """Measure, print by kind of spelling, and fail under the least precision."""
    verdicts = measure(SEED)
    console = Console()
    table = Table(title=f"Identity: {len(verdicts):,} participants, seed {SEED}")
    for heading in ("spelling", "cases", "links", "precision", "recall", "queued", "answer in it"):
        table.add_column(heading)
    groups: defaultdict[str, list[Verdict]] = defaultdict(list)
    for one in verdicts:
        for part in one.case.kind.split(", "):
            groups[part].append(one)
        groups[f"all, {one.case.language}"].append(one)
    groups["all"] = verdicts
    for kind, some in groups.items():
        score = score_of(some)
        table.add_row(
            kind, f"{score.cases:,}", f"{score.links:,}",
            *(f"{share:.3f}" for share in (score.precision, score.recall, score.queued,
                                           score.answerable)),
        )  # fmt: skip
    console.print(table)
    if score_of(verdicts).precision < LEAST_PRECISION:
        console.print(f"[red]precision is under {LEAST_PRECISION}[/]")
        sys.exit(1)


def measure(seed: int, accounts: int = _ACCOUNTS) -> list[Verdict]:
    """Return what becomes of a generated set of participants; equal seeds give equal cases."""
    random = Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        store = Store.sqlite(Path(folder) / "crm.db")
        store.migrate()
        with store.session() as session:
            cases = _fill(session, random, accounts)
        random.shuffle(cases)
        verdicts: list[Verdict] = []
        roster = Roster()
        for start in range(0, len(cases), _BATCH):
            with store.session() as session:
                verdicts += _judge(session, cases[start : start + _BATCH], roster, start)
        store.close()
    return verdicts


def score_of(verdicts: list[Verdict]) -> Score:
    """Return the figures of some verdicts; a share of nothing is 1."""
    linked = [one for one in verdicts if one.linked is not None]
    right = sum(one.linked == one.case.contact_id for one in linked)
    known = sum(one.case.contact_id is not None for one in verdicts)
    asked = [one for one in verdicts if one.asked]
    askable = [one for one in asked if one.case.contact_id is not None]
    held = sum(one.case.contact_id in one.asked for one in askable)
    return Score(
        len(verdicts), len(linked), _share(right, len(linked)), _share(right, known),
        len(asked) / max(1, len(verdicts)), _share(held, len(askable)),
    )  # fmt: skip


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _judge(session: Session, cases: list[Case], roster: Roster, first: int) -> list[Verdict]:
    directory = Directory(session, Principal.local_owner(), roster=roster)
    evidence = [
        Evidence((case.person,), "Call", _AT, case.hints, conversation_id=first + place + 1)
        for place, case in enumerate(cases)
    ]
    directory.prepare(evidence)
    found = []
    for case, one in zip(cases, evidence, strict=True):
        link = directory.identify(one)
        asked = tuple(each.id for doubt in link.doubts for each in doubt.candidates)
        found.append(Verdict(case, link.people[0].contact_id, asked))
    return found


def _fill(session: Session, random: Random, accounts: int) -> list[Case]:
    cases: list[Case] = []
    contact_id = 0
    for number in range(accounts):
        customer = make_customer(SEED, number, _TODAY)
        is_known = random.random() >= _UNKNOWN_COMPANIES
        if is_known:
            session.add(_account(number + 1, customer))
            session.flush()
        for place, employee in enumerate(customer.people):
            phone = _phone(random, customer, number, place)
            contact_id += 1
            is_held = is_known and random.random() >= _UNKNOWN_PEOPLE
            if is_held:
                session.add(_contact(contact_id, number + 1, employee, phone))
            if is_held and random.random() < _DECOYS:
                kind, person, hints = _decoy(random, customer, employee)
                cases.append(
                    Case(f"another person: {kind}", employee.language, person, hints, None)
                )
            made = _case(random, customer, employee, phone, is_known=is_known)
            kind, person, hints = made
            true_id = contact_id if is_held else None
            cases.append(Case(kind, employee.language, person, hints, true_id))
    return cases


def _account(number: int, customer: Customer) -> Account:
    return Account(
        id=number, name=customer.name, domain=customer.domain, country=customer.country,
        source="eval", external_id=customer.id, synced_at=_AT,
    )  # fmt: skip


def _contact(number: int, account_id: int, employee: Employee, phone: str) -> Contact:
    return Contact(
        id=number, name=employee.name, email=employee.email, phone=phone, title=employee.title,
        account_id=account_id, source="eval", external_id=employee.id, synced_at=_AT,
    )  # fmt: skip


def _case(
    random: Random, customer: Customer, employee: Employee, phone: str, *, is_known: bool
) -> tuple[str, Person, Hints]:
    """Return a participant by one of the ways in which this person may be met."""
    hinted = Hints(account=customer.id) if is_known else NO_HINTS
    spellings = dict(_spellings(random, employee))
    kind = random.choice([*spellings, *_CONTACTED])
    if kind in _CONTACTED:
        return kind, _CONTACTED[kind](random, customer, employee, phone), NO_HINTS
    name = spellings[kind]
    place = random.choice(("hint", "domain", "mail", "alone"))
    if place == "domain":
        mailbox = f"{_short_mailbox(employee)}@{customer.domain}"
        return f"{kind}, company's address", Person(name, mailbox), NO_HINTS
    if place == "mail":
        return f"{kind}, private address", Person(name, f"u{random.random()}@gmail.com"), hinted
    if place == "alone":
        return f"{kind}, no company", Person(name), NO_HINTS
    return f"{kind}, known company", Person(name), hinted


def _decoy(random: Random, customer: Customer, employee: Employee) -> tuple[str, Person, Hints]:
    """Return somebody else who is much like a contact: a namesake, a relative, a colleague."""
    other = make_customer(SEED, random.randrange(_ACCOUNTS), _TODAY)
    stranger = random.choice(other.people)
    mailbox, at = _short_mailbox(employee), customer.domain
    is_chinese = employee.language == "zh"
    first, last = employee.name.split(" ", 1) if not is_chinese else (employee.name[1:], "")
    relative = f"{employee.name[0]}{random.choice('涛静勇')}" if is_chinese else f"Zoltan {last}"
    same_first = f"{random.choice('范陆')}{first}" if is_chinese else f"{first} Zabrowski"
    made = {
        "namesake at an unknown company": Person(employee.name, f"{mailbox}@elsewhere.example"),
        "namesake with a number": Person(employee.name, f"{mailbox}2@{at}"),
        "colleague of the same surname": Person(relative, f"z.{len(first)}@{at}"),
        "colleague of the same first name": Person(same_first, f"q{len(first)}@{at}"),
        "colleague at the same telephone": Person(
            stranger.name, phone=random.choice(("+1 415 000 0000", "+86 138 0000 0000"))
        ),
        "abbreviated colleague": Person(
            f"{employee.name[0]}总" if is_chinese else f"{first[0]}. {last}"
        ),
    }
    kind = random.choice([*made, "namesake at a known company"])
    if kind == "namesake at a known company":
        return kind, Person(employee.name), Hints(account=other.id)
    is_hinted = kind in {"abbreviated colleague", "colleague at the same telephone"}
    return kind, made[kind], Hints(account=customer.id) if is_hinted else NO_HINTS


def _spellings(random: Random, employee: Employee) -> Iterator[tuple[str, str]]:
    yield "full name", employee.name
    if employee.language == "zh":
        yield from _chinese_spellings(random, employee.name)
        return
    first, last = employee.name.split(" ", 1)
    yield "swapped", random.choice((f"{last} {first}", f"{last}, {first}"))
    yield "initial", f"{first[0]}. {last}"
    yield "middle name", f"{first} {random.choice('ABCDEFG')}. {last}"
    yield "title", f"{random.choice(('Dr.', 'Ms', 'Mr.'))} {first} {last}"
    yield "surname", f"{random.choice(('Dr.', 'Ms', 'Mr.'))} {last}"
    yield "accents", employee.name.translate(_ACCENTS)
    yield "first name", first
    yield "slip", _slip(random, employee.name)
    short = [line.split() for line in vocabulary()["nicknames"] if line.startswith(first.lower())]
    if short and len(short[0]) > 1:
        yield "nickname", f"{random.choice(short[0][1:]).title()} {last}"


def _chinese_spellings(random: Random, name: str) -> Iterator[tuple[str, str]]:
    spelling = spelled(name)
    surname, given = min(spelling.surname).title(), min(spelling.given).title()
    yield "swapped", f"{name[1:]} {name[0]}"
    yield "pinyin", random.choice((f"{surname} {given}", f"{given} {surname}", surname + given))
    yield "surname", random.choice((f"{name[0]}总", f"小{name[0]}", f"{name[0]}经理"))
    yield "title", f"{name}{random.choice(('先生', '经理', '博士'))}"
    if len(name) > 2:
        yield "first name", name[1:]


def _slip(random: Random, name: str) -> str:
    place = random.randrange(1, len(name) - 2)
    return name[:place] + name[place + 1] + name[place] + name[place + 2 :]


def _short_mailbox(employee: Employee) -> str:
    """Return another mailbox of the same person: initial and surname."""
    if employee.language == "zh":
        spelling = spelled(employee.name)
        return f"{min(spelling.initials)}{min(spelling.surname)}"
    first, last = employee.name.lower().split(" ", 1)
    return f"{first[0]}{last.replace(' ', '')}"


def _phone(random: Random, customer: Customer, number: int, place: int) -> str:
    digits = f"{number:04d}{place:02d}{random.randrange(10)}"
    if customer.language == "zh":
        return f"+86 138 {digits[:4]} {digits[4:]}0"
    return f"+1 415 {digits[:3]} {digits[3:]}"


_CONTACTED: dict[str, Callable[[Random, Customer, Employee, str], Person]] = {
    "exact address": lambda _, __, one, ___: Person(one.name, one.email.upper()),
    "plus-tag": lambda _, __, one, ___: Person("", one.email.replace("@", "+crm@")),
    "number alone": lambda _, __, ___, phone: Person(phone.replace(" ", "-")),
    "number and first name": lambda _, __, one, phone: Person(
        one.name.split(" ")[0], phone=phone.replace(" ", "")
    ),
}


if __name__ == "__main__":
    main()
