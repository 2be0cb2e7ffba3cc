"""Looks a conversation's people up, weighs who they may be, and says where it belongs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.audit.marks import erased_user
from crm.models import IdentityDecision, IdentityEntity, ImportRun, Side
from crm.principal import Principal
from ingest.deals import DealBook, find_accounts_named, find_accounts_titled, find_hinted_deal
from ingest.identity.addresses import canonical_address, domain_of
from ingest.identity.lookups import Lookups
from ingest.identity.matching import Matched, Matcher
from ingest.identity.people import (
    NO_HINTS,
    Doubt,
    Evidence,
    Hints,
    KnownPerson,
    Link,
    Person,
    Ruling,
)
from ingest.identity.roster import Roster
from ingest.identity.scoring import Setting
from ingest.identity.verdicts import Verdicts, keys_of

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass
class _Outcome:
    """What identifying one conversation's people gathers."""

    people: list[KnownPerson]
    rulings: list[Ruling] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)


class Directory:
    """The users, contacts and accounts that a caller may read, for telling who is who.

    What was looked up is remembered, so that a batch asks once for each: make a new one for each
    transaction. A `roster` is shared by the transactions of one run. `asked` are the keys of
    questions put in this transaction.
    """

    def __init__(
        self, session: Session, principal: Principal, *, roster: Roster | None = None
    ) -> None:
        self._session, self._principal = session, principal
        self._lookups = Lookups(session, principal, roster or Roster())
        self.verdicts = Verdicts(session)
        self._matcher = Matcher(session, principal, self._lookups, self.verdicts)
        self._deals = DealBook(session, principal)
        self.asked: set[str] = set()
        self._news_at: datetime | None = None
        self._titled: dict[str, int | None] = {}
        self._named: dict[str, int | None] = {}

    def has_news_since(self, moment: datetime) -> bool:
        """Say whether people or accounts came into the CRM after a moment."""
        if self._news_at is None:
            statement = select(func.max(ImportRun.started_at)).where(
                ImportRun.kind != "conversation"
            )
            self._news_at = self._session.scalar(statement) or _LONG_AGO
        return self._news_at > moment

    def learn(self, emails: Iterable[str]) -> None:
        """Look up all these addresses in a few statements."""
        self._lookups.learn(emails)

    def prepare(self, many: Sequence[Evidence]) -> None:
        """Look up what identifying these conversations takes, in a few statements for all."""
        self.learn(person.email for one in many for person in one.people if person.email)
        self._learn_names([one.hints.account for one in many if one.hints.account])
        keys = {
            key for one in many for person in one.people
            if (mailbox := canonical_address(person.email)) for key in (f"email:{mailbox}",)
        }  # fmt: skip
        self.verdicts.learn(keys)
        contexts = {index: self._context_by_address(one) for index, one in enumerate(many)}
        self._learn_titles([one.title for index, one in enumerate(many) if contexts[index] is None])
        places = [
            (one, contexts[index] if contexts[index] is not None else self._titled.get(one.title))
            for index, one in enumerate(many)
        ]
        self._deals.learn({account_id for _, account_id in places if account_id is not None})
        self._lookups.looked_after_by(
            {number for one, place in places if place is None for number in self._our_people(one)}
        )
        self._matcher.prepare([(one, self._settings(one, place)) for one, place in places])

    def resolve(
        self,
        people: Sequence[Person],
        title: str,
        started_at: datetime,
        hints: Hints = NO_HINTS,
    ) -> Link:
        """Return the people identified, their account and deal, and our person who owns it.

        As `identify`, for a conversation that is not stored.
        """
        return self.identify(Evidence(tuple(people), title, started_at, hints))

    def identify(self, one: Evidence) -> Link:
        """Return the people identified, their account and deal, and our person who owns it.

        Order of trust: a person's decision, a hint in the file, e-mail addresses, e-mail domains,
        an account named in the title, then telephone, name and company weighed together. What
        stays ambiguous stays None, and comes as a doubt if there is somebody to choose from.
        """
        self.prepare([one])
        deal = find_hinted_deal(self._session, self._principal, one.hints.opportunity)
        context = one.stated_account_id or self._hinted(one) or (deal.account_id if deal else None)
        done = _Outcome([self._by_address(person) for person in one.people])
        context = context or _commonest(done.people) or self._titled.get(one.title)
        settings = self._settings(one, context)
        self._identify_rest(one, context, settings, done)
        people = [_with_side(self._merged(person)) for person in done.people]
        account_id = context or _commonest(people)
        user_ids = [person.user_id for person in people if person.user_id is not None]
        opportunity_id = deal.id if deal else None
        if opportunity_id is None and account_id is not None:
            opportunity_id = self._deals.find(
                account_id, at=one.started_at, user_ids=user_ids, besides=one.conversation_id
            )
        return Link(
            tuple(people), account_id, opportunity_id, user_ids[0] if user_ids else None,
            tuple(done.rulings), tuple(done.doubts),
        )  # fmt: skip

    def _identify_rest(
        self, one: Evidence, context: int | None, settings: list[Setting], done: _Outcome
    ) -> None:
        taken = {(p.contact_id, p.user_id) for p in done.people if p.is_known}
        for position, known in enumerate(done.people):
            keys = self._keys(one, known.person, context)
            decision = self.verdicts.on(keys, by_person=True)
            if decision is not None:
                done.people[position] = self._as_decided(known, decision)
                continue
            if known.is_known:
                continue
            decision = self.verdicts.on(keys, by_person=False)
            if decision is not None and self._stands(decision):
                done.people[position] = self._as_decided(known, decision)
                continue
            matched = self._matcher.match(known.person, keys, settings[position], taken)
            self._take(matched, position, keys[-1] if keys else "", known, done)
            taken |= {(p.contact_id, p.user_id) for p in [done.people[position]] if p.is_known}

    def _take(
        self, matched: Matched, position: int, key: str, known: KnownPerson, done: _Outcome
    ) -> None:
        if matched.sure is not None:
            done.rulings.append(Ruling(position, key, matched.sure))
            done.people[position] = _tied(
                known, matched.sure.entity.value, matched.sure.id, matched.sure.account_id
            )
        elif matched.candidates:
            done.doubts.append(Doubt(position, key, known.person, matched.candidates))

    def _by_address(self, person: Person) -> KnownPerson:
        email = person.email or ""
        mailbox = canonical_address(email)
        if mailbox:
            decision = self.verdicts.on((f"email:{mailbox}",), by_person=True)
            if decision is not None:
                return self._as_decided(self._by_domain(person), decision)
        user_id = self._lookups.user_at(email) if email else erased_user(person.name)
        if user_id in self._lookups.roster.users:
            return KnownPerson(person, Side.OURS, user_id=user_id)
        contact = self._lookups.contact_at(email) if email else None
        if contact is not None:
            return KnownPerson(
                person, person.side,
                contact_id=contact.contact_id, account_id=contact.account_id,
            )  # fmt: skip
        return self._by_domain(person)

    def _by_domain(self, person: Person) -> KnownPerson:
        domain = domain_of(person.email)
        if self._lookups.is_ours(domain):
            return KnownPerson(person, Side.OURS)
        return KnownPerson(person, person.side, account_id=self._lookups.account_at(domain))

    def _as_decided(self, known: KnownPerson, decision: IdentityDecision) -> KnownPerson:
        if decision.entity_id is None or decision.entity == IdentityEntity.NOBODY.value:
            return KnownPerson(known.person, known.side, account_id=known.account_id)
        if decision.entity == IdentityEntity.USER.value:
            is_there = decision.entity_id in self._lookups.roster.users
            return _tied(known, decision.entity, decision.entity_id, None) if is_there else known
        contact = self._lookups.contact(decision.entity_id)
        if contact is None:
            return known
        return _tied(known, decision.entity, contact.id, contact.account_id)

    def _stands(self, decision: IdentityDecision) -> bool:
        """Say whether whom a rule chose is still there; if not, the rule looks again."""
        if decision.entity_id is None:
            return False
        if decision.entity == IdentityEntity.USER.value:
            return decision.entity_id in self._lookups.roster.users
        return self._lookups.contact(decision.entity_id) is not None

    def _merged(self, known: KnownPerson) -> KnownPerson:
        if known.contact_id is None:
            return known
        number = self.verdicts.shown_as(known.contact_id)
        if number == known.contact_id:
            return known
        other = self._lookups.contact(number)
        if other is None:
            return known
        return replace(known, contact_id=number, account_id=other.account_id)

    def _keys(self, one: Evidence, person: Person, context: int | None) -> tuple[str, ...]:
        keys = keys_of(person, conversation_id=one.conversation_id, account_id=context)
        if one.is_new:
            self.verdicts.learn_none(key for key in keys if key.startswith("name:conversation:"))
        self.verdicts.learn(keys)
        return keys

    def _hinted(self, one: Evidence) -> int | None:
        return self._named.get(one.hints.account or "")

    def _learn_names(self, names: list[str]) -> None:
        new = [name for name in dict.fromkeys(names) if name not in self._named]
        self._named.update(find_accounts_named(self._session, self._principal, new))

    def _learn_titles(self, titles: list[str]) -> None:
        new = [title for title in dict.fromkeys(titles) if title not in self._titled]
        self._titled.update(find_accounts_titled(self._session, self._principal, new))

    def _context_by_address(self, one: Evidence) -> int | None:
        stated = one.stated_account_id or self._hinted(one)
        return stated or _commonest([self._by_address(person) for person in one.people])

    def _our_people(self, one: Evidence) -> set[int]:
        """Return our users in a conversation, by address or by a name that only one of them has."""
        found = {self._lookups.user_at(person.email) for person in one.people if person.email}
        strangers = (person for person in one.people if not person.email)
        return (found - {None}) | self._matcher.likely_users(strangers, Setting())  # type: ignore[return-value]

    def _settings(self, one: Evidence, account_id: int | None) -> list[Setting]:
        """Return what is known of each participant's place."""
        ours = frozenset[int]()
        if account_id is None:
            ours = self._lookups.looked_after_by(self._our_people(one))
        return [self._setting(person, account_id, ours) for person in one.people]

    def _setting(self, person: Person, account_id: int | None, ours: frozenset[int]) -> Setting:
        domain = domain_of(person.email)
        own = self._lookups.account_at(domain)
        return Setting(
            account_id=account_id,
            own_account_id=own,
            is_our_domain=self._lookups.is_ours(domain),
            our_accounts=ours,
        )


def _tied(known: KnownPerson, entity: str, entity_id: int, account_id: int | None) -> KnownPerson:
    if entity == IdentityEntity.USER.value:
        return KnownPerson(known.person, Side.OURS, user_id=entity_id)
    return KnownPerson(known.person, known.side, contact_id=entity_id, account_id=account_id)


def _commonest(known: Sequence[KnownPerson]) -> int | None:
    counts = Counter(one.account_id for one in known if one.account_id is not None)
    return counts.most_common(1)[0][0] if counts else None


def _with_side(known: KnownPerson) -> KnownPerson:
    if known.side is not None:
        return known
    is_customer = known.contact_id is not None or known.account_id is not None
    return replace(known, side=Side.CUSTOMER if is_customer else known.person.side)
