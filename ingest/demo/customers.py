"""Customer companies and their people, each made from its number alone."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from ingest.demo.chance import dice, happens
from ingest.demo.organisation import Rep, reps
from ingest.demo.wordbank import bank

# Greater China, Americas, Europe.
_TEAM_SHARES = {"T3": 0.30, "T1": 0.42, "T2": 0.28}
_ROLES = ("champion", "economic_buyer", "technical", "procurement", "user", "user", "technical")
_REVENUE_PER_HEAD = 190_000_00


@dataclass(frozen=True)
class Person:
    """Somebody at a customer; `role` is what he or she is in a purchase."""

    id: str
    name: str
    email: str
    title: str
    role: str
    language: str
    address: str


@dataclass(frozen=True)
class Customer:
    """An account. `size` is a factor on quantities; `growth` is hidden."""

    id: str
    name: str
    aliases: tuple[str, ...]
    industry: str
    country: str
    city: str
    domain: str
    employees: int
    currency: str
    founded_year: int
    rep: Rep
    territory: str
    created_on: date
    language: str
    people: tuple[Person, ...]

    @property
    def size(self) -> float:
        """How much more than a company of 500 people it buys."""
        return float((self.employees / 500) ** 0.45)

    @property
    def revenue_minor(self) -> int:
        """Revenue of a year in minor units of the account's currency."""
        factor = 3.2 if self.currency == "CNY" else 1.0
        return round(self.employees * _REVENUE_PER_HEAD * factor / 100_000_00) * 100_000_00


def make_customer(seed: int, number: int, today: date) -> Customer:
    """Return account `number`; equal arguments give equal accounts."""
    random = dice(seed, "customer", number)
    team = random.choices(list(_TEAM_SHARES), list(_TEAM_SHARES.values()))[0]
    rep = random.choice([each for each in reps() if each.team == team])
    industry = random.choice(bank("company")["industries"])
    country, cities = bank("company")["cities"][rep.territory]
    city = random.choice(cities)
    make_names = _chinese_names if rep.is_chinese else _english_names
    name, aliases, stem = make_names(number, industry, city)
    domain = f"{stem}.example"
    return Customer(
        id=f"A{number + 1:04d}",
        name=name,
        aliases=aliases,
        industry=industry,
        country=country,
        city=city,
        domain=domain,
        employees=max(25, round(random.lognormvariate(6.1, 0.8))),
        currency=_currency(random, team),
        founded_year=random.randint(1948, today.year - 4),
        rep=rep,
        territory=rep.territory,
        created_on=today - timedelta(days=random.randint(915, 1400)),
        language="zh" if rep.is_chinese else "en",
        people=_make_people(random, number, domain, "zh" if rep.is_chinese else "en"),
    )


def _currency(random: Random, team: str) -> str:
    if team == "T3":
        return "CNY"
    return "EUR" if team == "T2" and happens(random, 0.25) else "USD"


def _english_names(number: int, industry: str, city: str) -> tuple[str, tuple[str, ...], str]:
    words = bank("names")["english"]
    roots, tails, ends = (
        words["company_root"],
        words["company_tail"][industry],
        words["company_end"],
    )
    # A root comes back with another tail; only a far bigger company than the usual needs numbers.
    lap = number // len(roots)
    root, tail = roots[number * 37 % len(roots)], tails[lap % len(tails)]
    stem = f"{root} {tail}".lower().replace(" ", "-") + f"-{number + 1}"
    short = f"{root} {tail}"
    if lap >= len(tails):
        short = f"{root} {tail} {city} {number + 1}"
    name = short + ends[number % len(ends)]
    return name, (short,) if short != name else (), stem


def _chinese_names(number: int, industry: str, city: str) -> tuple[str, tuple[str, ...], str]:
    words = bank("names")["chinese"]
    firsts, seconds = words["brand_first"], words["brand_second"]
    index = number * 611 % (len(firsts) * len(seconds))
    lap = number // (len(firsts) * len(seconds))
    first, second = firsts[index // len(seconds)], seconds[index % len(seconds)]
    tails = words["company_tail"][industry]
    tail = tails[(number + lap) % len(tails)]
    end = words["company_end"][lap % len(words["company_end"])]
    brand, latin = first[0] + second[0], f"{first[1]}{second[1]}".capitalize()
    if lap:
        # All brands of two characters are taken.
        third = firsts[(index + lap) % len(firsts)]
        brand, latin = brand + third[0], latin + third[1]
    latin_name = (
        f"{bank('company')['city_latin'][city]} {latin} {words['company_tail_latin'][industry]}"
    )
    short_latin = f"{latin} {words['company_tail_latin'][industry]}"
    return (
        f"{city}{brand}{tail}{end}",
        (f"{brand}{tail}", latin_name, short_latin),
        f"{latin.lower()}-{number + 1}",
    )


def _make_people(random: Random, number: int, domain: str, language: str) -> tuple[Person, ...]:
    people: list[Person] = []
    taken: set[str] = set()
    for place in range(random.randint(3, len(_ROLES))):
        name, local, address = _person_name(random, language, _ROLES[place])
        while name in taken:
            name, local, address = _person_name(random, language, _ROLES[place])
        taken.add(name)
        title = random.choice(bank("names")["titles"][language][_ROLES[place]])
        email = f"{local}@{domain}"
        key = f"C{number + 1:04d}{place}"
        people.append(Person(key, name, email, title, _ROLES[place], language, address))
    return tuple(people)


def _person_name(random: Random, language: str, role: str) -> tuple[str, str, str]:
    words: Any = bank("names")["english" if language == "en" else "chinese"]
    given, family = random.choice(words["given"]), random.choice(words["family"])
    if language == "en":
        return f"{given} {family}", f"{given}.{family}".lower(), given
    return family[0] + given[0], f"{family[1]}.{given[1]}", polite_address(family[0], role)


def polite_address(family: str, role: str) -> str:
    """Return how a Chinese customer is addressed: family name and rank."""
    rank = {"economic_buyer": "总", "technical": "工", "user": "主任"}.get(role, "经理")
    return family + rank
