"""All people of the CRM, findable by words of their names, numbers and domains, for one run."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.models import Account, Alias, Contact, IdentityEntity, User
from crm.principal import Principal
from ingest.identity.addresses import canonical_address, domain_of
from ingest.identity.names import NameForm, form_of
from ingest.identity.phones import region_of, suffix_of
from ingest.identity.readings import spelled
from ingest.identity.scoring import Known

# A word that so many share ("David", 王芳) finds nobody by itself.
_MOST_HITS = 200
_MOST_SPELLINGS = 8
# A domain speaks for a company once so many of its contacts write from it.
_COLLEAGUES = 2
_PORTION = 5_000


class Roster:
    """Built at first use and kept for a run: ids by word, number and domain, and our users.

    Holds ids only of contacts (about 200 bytes each), so that a hundred thousand are no burden.
    """

    def __init__(self) -> None:
        self.users: dict[int, Known] = {}
        self._is_built = self._has_users = False
        self._words: defaultdict[str, array[int]] = defaultdict(_ids)
        self._phones: defaultdict[str, array[int]] = defaultdict(_ids)
        self._mailboxes: defaultdict[str, array[int]] = defaultdict(_ids)
        self._domains: dict[str, int] = {}
        self.region: str | None = None

    def learn_users(self, session: Session, principal: Principal) -> None:
        """Load our users, once."""
        if self._has_users:
            return
        self._has_users = True
        aliases = _aliases(session, IdentityEntity.USER, None)
        statement = select(User.id, User.name, User.email, User.title).order_by(User.id)
        for row in session.execute(visible(statement, User, principal)):
            names = (row.name, *aliases.get(row.id, ()))
            self.users[row.id] = Known(
                IdentityEntity.USER, row.id, row.name, _forms(names), row.email, title=row.title
            )

    def build(self, session: Session, principal: Principal) -> None:
        """Read all contacts, once; only what finds them again is kept."""
        if self._is_built:
            return
        self._is_built = True
        aliases = _aliases(session, IdentityEntity.CONTACT, None)
        domains: defaultdict[str, Counter[int]] = defaultdict(Counter)
        columns = (Contact.id, Contact.name, Contact.email, Contact.phone, Contact.account_id)
        statement = visible(select(*columns).order_by(Contact.id), Contact, principal)
        for row in session.execute(statement.execution_options(yield_per=_PORTION)):
            for form in _forms((row.name, *aliases.get(row.id, ()))):
                for word in set(words_of(form)):
                    self._words[word].append(row.id)
            if suffix := suffix_of(row.phone):
                self._phones[suffix].append(row.id)
            mailbox = canonical_address(row.email)
            if mailbox and mailbox != (row.email or "").strip().lower():
                self._mailboxes[mailbox].append(row.id)
            if row.account_id is not None and (domain := domain_of(row.email)):
                domains[domain][row.account_id] += 1
        accounts = visible(select(Account.id), Account, principal)
        self._domains = dict(_spoken_for(domains, frozenset(session.scalars(accounts))))
        self.region = _commonest_region(session, principal)

    def by_name(self, form: NameForm) -> set[int]:
        """Return contacts that share a rare enough word with the name."""
        found: set[int] = set()
        for word in words_of(form):
            ids = self._words.get(word)
            if ids is not None and len(ids) <= _MOST_HITS:
                found.update(ids)
        if len(form.latin) > 1:
            found |= self._with_all(form.latin)
        return found

    def _with_all(self, words: Iterable[str]) -> set[int]:
        """Return those who bear all the words, however common each is."""
        rows = [self._words.get(word) for word in words]
        if any(ids is None for ids in rows):
            return set()
        sets = sorted((set(ids) for ids in rows if ids is not None), key=len)
        return set.intersection(*sets) if sets else set()

    def by_phone(self, phone: str | None) -> set[int]:
        """Return contacts whose number ends alike."""
        ids = self._phones.get(suffix_of(phone))
        return set(ids) if ids is not None and len(ids) <= _MOST_HITS else set()

    def by_mailbox(self, mailbox: str) -> set[int]:
        """Return contacts whose address is stored as a variant (plus-tag, dots) of the mailbox."""
        return set(self._mailboxes.get(mailbox, ()))

    def account_of_domain(self, domain: str) -> int | None:
        """Return the one account from whose contacts' addresses the domain is known."""
        return self._domains.get(domain)


def words_of(form: NameForm) -> Iterator[str]:
    """Yield what a name is found by: Latin words, Chinese names whole, given, and spelled."""
    yield from (word for word in form.latin if len(word) > 1)
    if len(form.latin) > 1:
        yield "".join(form.latin)
        yield "".join(form.latin[::-1])
    for han in form.han:
        if len(han) < 2:
            continue
        yield han
        if len(han) > 2:
            yield han[1:]
        spelling = spelled(han)
        pairs = [(last, given) for last in spelling.surname for given in sorted(spelling.given)]
        for last, given in pairs[:_MOST_SPELLINGS]:
            yield last + given
            yield given + last


def load_contacts(
    session: Session, principal: Principal, statement_ids: Iterable[int], *, by_account: bool
) -> list[Known]:
    """Return the contacts with these ids, or of these accounts, ready for matching."""
    wanted = sorted(statement_ids)
    column = Contact.account_id if by_account else Contact.id
    statement = (
        select(
            Contact.id, Contact.name, Contact.email, Contact.phone, Contact.title,
            Contact.account_id, Account.name.label("company"), Account.country, Account.domain,
        )
        .join(Account, Account.id == Contact.account_id, isouter=True)
        .where(column.in_(wanted))
        .order_by(Contact.id)
    )  # fmt: skip
    rows = session.execute(visible(statement, Contact, principal)).all()
    aliases = _aliases(session, IdentityEntity.CONTACT, [row.id for row in rows])
    return [
        Known(
            IdentityEntity.CONTACT,
            row.id,
            row.name,
            _forms((row.name, *aliases.get(row.id, ()))),
            row.email,
            row.phone,
            row.title,
            row.account_id,
            row.company,
            row.domain,
            region_of(row.country),
        )
        for row in rows
    ]


def _ids() -> "array[int]":
    return array("q")


def _forms(names: Iterable[str]) -> tuple[NameForm, ...]:
    forms = (form_of(name) for name in names)
    return tuple(dict.fromkeys(form for form in forms if not form.is_empty))


def _aliases(
    session: Session, entity: IdentityEntity, ids: list[int] | None
) -> dict[int, list[str]]:
    if ids is not None and not ids:
        return {}
    statement = select(Alias.entity_id, Alias.name).where(Alias.entity == entity.value)
    if ids is not None:
        statement = statement.where(Alias.entity_id.in_(ids))
    found: defaultdict[int, list[str]] = defaultdict(list)
    for row in session.execute(statement.order_by(Alias.id)):
        found[row.entity_id].append(row.name)
    return found


def _spoken_for(
    domains: dict[str, Counter[int]], accounts: frozenset[int]
) -> Iterator[tuple[str, int]]:
    for domain, counts in domains.items():
        if len(counts) == 1:
            (account_id, count), *_ = counts.items()
            if count >= _COLLEAGUES and account_id in accounts:
                yield domain, account_id


def _commonest_region(session: Session, principal: Principal) -> str | None:
    statement = select(Account.country, func.count().label("number")).group_by(Account.country)
    counts: Counter[str] = Counter()
    for row in session.execute(visible(statement, Account, principal)):
        if region := region_of(row.country):
            counts[region] += row.number
    return counts.most_common(1)[0][0] if counts else None
