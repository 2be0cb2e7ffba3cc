"""Who is who: ties a conversation's people to users and contacts, and it to account and deal."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.models import Account, Contact, Side, User
from crm.principal import Principal
from ingest.deals import find_account_named, find_account_titled, find_deal, find_hinted_deal

# Everybody has these; they say nothing about a company.
_PUBLIC = (
    "gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com icloud.com me.com "
    "aol.com gmx.de gmx.net web.de proton.me protonmail.com mail.ru yandex.ru qq.com vip.qq.com "
    "foxmail.com 163.com 126.com yeah.net sina.com sina.cn sohu.com aliyun.com 139.com 189.cn "
    "yahoo.co.jp naver.com"
)
_PUBLIC_DOMAINS = frozenset(_PUBLIC.split())
_BATCH = 400


@dataclass(frozen=True)
class Person:
    """A participant as the file names them; `side` where the file says it."""

    name: str
    email: str | None = None
    role: str | None = None
    side: Side | None = None
    phone: str | None = None


@dataclass(frozen=True)
class Hints:
    """What a file says about its account and opportunity: an id or a name."""

    account: str | None = None
    opportunity: str | None = None


NO_HINTS = Hints()


@dataclass(frozen=True)
class KnownPerson:
    """A participant with the user or contact they are, if known."""

    person: Person
    side: Side | None = None
    user_id: int | None = None
    contact_id: int | None = None
    account_id: int | None = None


@dataclass(frozen=True)
class Link:
    """Where a conversation belongs."""

    people: tuple[KnownPerson, ...]
    account_id: int | None
    opportunity_id: int | None
    owner_id: int | None


class Directory:
    """The users, contacts and accounts that a caller may read, looked up by address and name.

    Addresses are remembered, so that a batch of mails asks once for each; make a new one for
    each transaction.
    """

    def __init__(self, session: Session, principal: Principal) -> None:
        self._session = session
        self._principal = principal
        users = session.execute(
            visible(select(User.id, User.name, User.email).order_by(User.id), User, principal)
        ).all()
        self._users = {row.email.strip().lower(): row.id for row in users if row.email}
        self._user_names = _unique((row.name, row.id) for row in users)
        self._own_domains = {domain_of(email) for email in self._users} - {None}
        self._contacts: dict[str, tuple[int, int | None] | None] = {}
        self._domains: dict[str, int | None] = {}

    def learn(self, emails: Iterable[str]) -> None:
        """Look up all these addresses in a few statements."""
        new = sorted({email.lower() for email in emails} - self._contacts.keys())
        for start in range(0, len(new), _BATCH):
            self._learn_contacts(new[start : start + _BATCH])
        candidates = {part for email in new for part in _parents(domain_of(email))}
        domains = sorted(candidates - self._domains.keys())
        for start in range(0, len(domains), _BATCH):
            self._learn_domains(domains[start : start + _BATCH])

    def resolve(
        self, people: Sequence[Person], title: str, started_at: datetime, hints: Hints
    ) -> Link:
        """Return the people identified, their account and deal, and our person who owns it.

        Order of trust: a hint in the file, e-mail addresses, e-mail domains, exact names that are
        unique, an account named in the title. What stays ambiguous stays None.
        """
        self.learn(person.email for person in people if person.email)
        known = [self._by_email(person) for person in people]
        deal = find_hinted_deal(self._session, self._principal, hints.opportunity)
        account_id = self._hinted_account(hints, deal.account_id if deal else None)
        account_id = account_id or _commonest(known)
        known = [self._by_name(one, account_id) for one in known]
        account_id = account_id or _commonest(known)
        if account_id is None:
            account_id = find_account_titled(self._session, self._principal, title)
        known = [_with_side(one) for one in known]
        user_ids = [one.user_id for one in known if one.user_id is not None]
        opportunity_id = deal.id if deal else None
        if opportunity_id is None and account_id is not None:
            opportunity_id = find_deal(
                self._session, self._principal, account_id, at=started_at, user_ids=user_ids
            )
        owner_id = user_ids[0] if user_ids else None
        return Link(tuple(known), account_id, opportunity_id, owner_id)

    def _hinted_account(self, hints: Hints, deal_account_id: int | None) -> int | None:
        named = find_account_named(self._session, self._principal, hints.account)
        return named if named is not None else deal_account_id

    def _by_email(self, person: Person) -> KnownPerson:
        email = (person.email or "").lower()
        if email in self._users:
            return KnownPerson(person, Side.OURS, user_id=self._users[email])
        contact = self._contacts.get(email)
        if contact is not None:
            return KnownPerson(person, person.side, contact_id=contact[0], account_id=contact[1])
        domain = domain_of(email)
        parents = _parents(domain)
        if any(part in self._own_domains for part in parents):
            return KnownPerson(person, Side.OURS)
        account_id = next((self._domains[d] for d in parents if self._domains.get(d)), None)
        return KnownPerson(person, person.side, account_id=account_id)

    def _by_name(self, known: KnownPerson, account_id: int | None) -> KnownPerson:
        person = known.person
        if known.user_id or known.contact_id or not person.name:
            return known
        # A name is weaker than an address: somebody at a customer's domain is not our namesake.
        user_id = self._user_names.get(_key(person.name))
        if user_id and known.account_id is None and person.side is not Side.CUSTOMER:
            return KnownPerson(person, Side.OURS, user_id=user_id)
        if known.side is Side.OURS:
            return known
        contact = self._contact_named(person.name, known.account_id or account_id)
        if contact is None:
            return known
        return KnownPerson(person, known.side, contact_id=contact[0], account_id=contact[1])

    def _contact_named(self, name: str, account_id: int | None) -> tuple[int, int | None] | None:
        statement = select(Contact.id, Contact.account_id).where(Contact.name == name).limit(3)
        if account_id is not None:
            statement = statement.where(Contact.account_id == account_id)
        rows = self._session.execute(visible(statement, Contact, self._principal)).all()
        return (rows[0].id, rows[0].account_id) if len(rows) == 1 else None

    def _learn_contacts(self, emails: list[str]) -> None:
        self._contacts.update(dict.fromkeys(emails))
        statement = (
            select(Contact.id, Contact.account_id, func.lower(Contact.email).label("email"))
            .where(func.lower(Contact.email).in_(emails))
            .order_by(Contact.id.desc())
        )
        # The oldest of several contacts with one address wins, so that repeats agree.
        for row in self._session.execute(visible(statement, Contact, self._principal)):
            self._contacts[row.email] = (row.id, row.account_id)

    def _learn_domains(self, domains: list[str]) -> None:
        self._domains.update(dict.fromkeys(domains))
        spelled = [*domains, *(f"www.{domain}" for domain in domains)]
        statement = select(Account.id, func.lower(Account.domain).label("domain")).where(
            func.lower(Account.domain).in_(spelled)
        )
        rows = self._session.execute(visible(statement, Account, self._principal)).all()
        found = _unique((row.domain.removeprefix("www."), row.id) for row in rows)
        self._domains.update(found)


def domain_of(email: str | None) -> str | None:
    """Return the company's domain of an address; None for public mail providers."""
    _, at, domain = (email or "").lower().rpartition("@")
    return domain if at and domain and domain not in _PUBLIC_DOMAINS else None


def _parents(domain: str | None) -> list[str]:
    """Return the domain and those above it, without the top level."""
    labels = (domain or "").split(".")[-5:]
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]


def _key(name: str) -> str:
    return " ".join(name.casefold().split())


def _unique(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return the names that stand for one id only."""
    ids: dict[str, set[int]] = {}
    for name, number in pairs:
        ids.setdefault(_key(name), set()).add(number)
    return {name: next(iter(numbers)) for name, numbers in ids.items() if len(numbers) == 1}


def _commonest(known: list[KnownPerson]) -> int | None:
    counts = Counter(one.account_id for one in known if one.account_id is not None)
    return counts.most_common(1)[0][0] if counts else None


def _with_side(known: KnownPerson) -> KnownPerson:
    if known.side is not None:
        return known
    is_customer = known.contact_id is not None or known.account_id is not None
    side = Side.CUSTOMER if is_customer else known.person.side
    return KnownPerson(known.person, side, known.user_id, known.contact_id, known.account_id)
