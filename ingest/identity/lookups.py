"""What identification asks of the CRM by address and domain, in few statements a transaction."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.models import Account, Alias, Contact, Opportunity
from crm.principal import Principal
from ingest.identity.addresses import canonical_address, domain_of, parents
from ingest.identity.roster import Roster, load_contacts
from ingest.identity.scoring import Known

_BATCH = 400


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The contact who has an address."""

    contact_id: int
    account_id: int | None


class Lookups:
    """Contacts by address and id, accounts by domain, remembered for one transaction."""

    def __init__(self, session: Session, principal: Principal, roster: Roster) -> None:
        self._session, self._principal, self.roster = session, principal, roster
        roster.learn_users(session, principal)
        self._user_emails: dict[str, int] = {}
        for number, user in reversed(roster.users.items()):
            if mailbox := (user.email or "").strip().lower():
                self._user_emails[mailbox] = number
        self._user_mailboxes = {
            canonical_address(user.email): number for number, user in roster.users.items()
        }
        self.own_domains = {domain_of(email) for email in self._user_emails} - {None}
        self._mailboxes: dict[str, Mailbox | None] = {}
        self._domains: dict[str, int | None] = {}
        self._contacts: dict[int, Known] = {}
        self._of_account: dict[int, list[Known]] = {}
        self._groups: dict[int, frozenset[int]] = {}
        self._looked_after: dict[int, frozenset[int]] = {}

    def learn(self, emails: Iterable[str]) -> None:
        """Look up all these addresses and their domains in a few statements."""
        spelled = {email.strip().lower() for email in emails}
        spelled |= {canonical_address(email) for email in spelled} - {""}
        new = sorted(spelled - self._mailboxes.keys())
        for part in _portions(new):
            self._learn_mailboxes(part)
        candidates = {part for email in new for part in parents(domain_of(email))}
        for part in _portions(sorted(candidates - self._domains.keys())):
            self._learn_domains(part)

    def user_at(self, email: str) -> int | None:
        """Return our user with this address, spelled so or as a variant of the mailbox."""
        found = self._user_emails.get(email.strip().lower())
        return found if found is not None else self._user_mailboxes.get(canonical_address(email))

    def contact_at(self, email: str) -> Mailbox | None:
        """Return the contact with exactly this address, once learnt."""
        return self._mailboxes.get(email.strip().lower())

    def contact_reached_by(self, email: str) -> int | None:
        """Return the contact whose mailbox this address reaches, with its plus-tag or dots."""
        mailbox = canonical_address(email)
        found = self._mailboxes.get(mailbox)
        return found.contact_id if found else None

    def account_at(self, domain: str | None) -> int | None:
        """Return the account of a domain or of one above it."""
        return next((self._domains[d] for d in parents(domain) if self._domains.get(d)), None)

    def is_ours(self, domain: str | None) -> bool:
        """Say whether the domain is our own."""
        return any(part in self.own_domains for part in parents(domain))

    def learn_accounts(self, account_ids: Iterable[int]) -> None:
        """Load the contacts and the groups of these accounts."""
        new = sorted(set(account_ids) - self._groups.keys())
        for part in _portions(new):
            self._learn_groups(part)
        wanted = set(new).union(*(self._groups[number] for number in new))
        missing = sorted(wanted - self._of_account.keys())
        for part in _portions(missing):
            self._of_account.update({number: [] for number in part})
            for known in load_contacts(self._session, self._principal, part, by_account=True):
                self._contacts[known.id] = known
                if known.account_id is not None:
                    self._of_account[known.account_id].append(known)

    def contacts_of(self, account_id: int) -> list[Known]:
        """Return an account's contacts and those of its group; its own come first."""
        numbers = (account_id, *sorted(self.group_of(account_id) - {account_id}))
        return [known for number in numbers for known in self._of_account.get(number, ())]

    def group_of(self, account_id: int | None) -> frozenset[int]:
        """Return an account's parent and subsidiaries; learnt before."""
        return self._groups.get(account_id, frozenset()) if account_id else frozenset()

    def learn_contacts(self, ids: Iterable[int]) -> None:
        """Load these contacts."""
        for part in _portions(sorted(set(ids) - self._contacts.keys())):
            loaded = load_contacts(self._session, self._principal, part, by_account=False)
            self._contacts.update({known.id: known for known in loaded})

    def contacts(self, ids: Iterable[int]) -> list[Known]:
        """Return these contacts, as far as they may be read; learnt before."""
        return [self._contacts[number] for number in sorted(ids) if number in self._contacts]

    def contact(self, number: int) -> Known | None:
        """Return one contact, or None if it is gone."""
        self.learn_contacts([number])
        return self._contacts.get(number)

    def looked_after_by(self, user_ids: Iterable[int]) -> frozenset[int]:
        """Return the accounts that these users own, or own a deal of."""
        wanted = set(user_ids)
        for part in _portions(sorted(wanted - self._looked_after.keys())):
            self._learn_looked_after(part)
        return frozenset().union(*(self._looked_after[number] for number in wanted))

    def _learn_mailboxes(self, emails: list[str]) -> None:
        self._mailboxes.update(dict.fromkeys(emails))
        statement = (
            select(Contact.id, Contact.account_id, func.lower(Contact.email).label("email"))
            .where(func.lower(Contact.email).in_(emails))
            .order_by(Contact.id.desc())
        )
        # The oldest of several contacts with one address wins, so that repeats agree.
        for row in self._session.execute(visible(statement, Contact, self._principal)):
            self._mailboxes[row.email] = Mailbox(row.id, row.account_id)

    def _learn_domains(self, domains: list[str]) -> None:
        self._domains.update(dict.fromkeys(domains))
        spelled = [*domains, *(f"www.{domain}" for domain in domains)]
        own = select(Account.id, func.lower(Account.domain).label("domain")).where(
            func.lower(Account.domain).in_(spelled)
        )
        # A company's other domains may be kept as its other names.
        aliased = (
            select(Account.id, func.lower(Alias.name).label("domain"))
            .join(Alias, (Alias.entity == "account") & (Alias.entity_id == Account.id))
            .where(func.lower(Alias.name).in_(spelled))
        )
        found: defaultdict[str, set[int]] = defaultdict(set)
        for statement in (own, aliased):
            for row in self._session.execute(visible(statement, Account, self._principal)):
                found[row.domain.removeprefix("www.")].add(row.id)
        self._domains.update({d: min(ids) for d, ids in found.items() if len(ids) == 1})
        unknown = [domain for domain in domains if domain not in found]
        if unknown:
            self.roster.build(self._session, self._principal)
        for domain in unknown:
            self._domains[domain] = self.roster.account_of_domain(domain)

    def _learn_groups(self, account_ids: list[int]) -> None:
        self._groups.update({number: frozenset() for number in account_ids})
        statement = select(Account.id, Account.parent_id).where(
            Account.parent_id.is_not(None),
            or_(Account.id.in_(account_ids), Account.parent_id.in_(account_ids)),
        )
        for row in self._session.execute(visible(statement, Account, self._principal)):
            for one, other in ((row.id, row.parent_id), (row.parent_id, row.id)):
                if one in self._groups:
                    self._groups[one] |= {other}

    def _learn_looked_after(self, user_ids: list[int]) -> None:
        found: defaultdict[int, set[int]] = defaultdict(set)
        owned = select(Account.owner_id, Account.id.label("account_id"))
        owned = owned.where(Account.owner_id.in_(user_ids))
        sold = select(Opportunity.owner_id, Opportunity.account_id)
        sold = sold.where(
            Opportunity.owner_id.in_(user_ids), Opportunity.account_id.is_not(None)
        ).distinct()
        for row in self._session.execute(visible(owned, Account, self._principal)):
            found[row.owner_id].add(row.account_id)
        for deal in self._session.execute(visible(sold, Opportunity, self._principal)):
            found[deal.owner_id].add(deal.account_id)
        self._looked_after.update({number: frozenset(found[number]) for number in user_ids})


def _portions(values: list[int] | list[str]) -> Iterator[list]:  # type: ignore[type-arg]
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]
