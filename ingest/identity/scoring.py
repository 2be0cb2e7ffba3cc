"""What speaks for a participant being somebody in the CRM, added up to a score with its reasons."""

from dataclasses import dataclass, field
from enum import StrEnum

from crm.models import IdentityEntity, Side
from ingest.identity.addresses import (
    canonical_address,
    digits_in,
    domain_of,
    is_shared,
    stem_of,
    words_in,
)
from ingest.identity.likeness import Likeness, compare, without_umlauts
from ingest.identity.names import EMPTY, NameForm, form_of, vocabulary
from ingest.identity.people import Candidate, Person
from ingest.identity.phones import is_a_number, is_same_number

# From here on code links by itself, if the next candidate is this far behind.
AUTOMATIC = 0.9
AHEAD_BY = 0.05
# From here on a person is asked.
WORTH_ASKING = 0.5

_SAME_MAILBOX = 0.98
_SAME_PHONE = 0.93
_SAME_ROLE = 0.3
_LOCAL_PART = 0.5
_OUR_DEAL = 0.4
_ANSWERED_BEFORE = 0.5
_PHONE_OF_ANOTHER_NAME = 0.6
_NAMESAKES_NUMBER = 0.8
_OTHER_MAILBOX = 0.85
_FREE_MAIL = 0.9
_FROM_ADDRESS = 0.92

_AT_COMPANY = {
    Likeness.SAME: 0.97,
    Likeness.ORDER: 0.96,
    Likeness.SHORTER: 0.94,
    Likeness.PINYIN: 0.94,
    Likeness.NICKNAME: 0.93,
    Likeness.TYPO: 0.88,
    Likeness.SOUND: 0.85,
    Likeness.INITIAL: 0.88,
    Likeness.GIVEN: 0.78,
    Likeness.SURNAME: 0.7,
}
_BY_NAME_ALONE = {
    Likeness.SAME: 0.85,
    Likeness.ORDER: 0.83,
    Likeness.SHORTER: 0.72,
    Likeness.PINYIN: 0.72,
    Likeness.NICKNAME: 0.65,
    Likeness.TYPO: 0.6,
    Likeness.SOUND: 0.55,
    Likeness.INITIAL: 0.5,
    Likeness.GIVEN: 0.5,
}
# Our own people are few and in most of our conversations.
_OUR_NAME_ALONE = {
    Likeness.SAME: 0.94,
    Likeness.ORDER: 0.93,
    Likeness.SHORTER: 0.88,
    Likeness.PINYIN: 0.88,
    Likeness.NICKNAME: 0.85,
    Likeness.TYPO: 0.8,
    Likeness.SOUND: 0.7,
    Likeness.INITIAL: 0.7,
    Likeness.GIVEN: 0.6,
}


class Company(StrEnum):
    """How a participant's company stands to a candidate's."""

    OWN = "same company by e-mail domain"
    CONTEXT = "the conversation is with this company"
    GROUP = "company of the same group"
    RESEMBLES = "company of a similar domain"
    UNKNOWN = ""
    OTHER = "another company"


_FACTORS = {Company.OWN: 1.0, Company.CONTEXT: 1.0, Company.GROUP: 0.93, Company.RESEMBLES: 0.86}


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody in the CRM as matched; `region` is where their telephone is dialled from."""

    entity: IdentityEntity
    id: int
    name: str
    forms: tuple[NameForm, ...]
    email: str | None = None
    phone: str | None = None
    title: str | None = None
    account_id: int | None = None
    company: str | None = None
    company_domain: str | None = None
    region: str | None = None


@dataclass(frozen=True)
class Setting:
    """What is known of a participant's place before their name is looked at.

    `own_account_id` belongs to their address, `account_id` to the conversation; `group` are
    accounts of the same group; `our_accounts` those where our people in it have their deals;
    `answered` are those whom people took for this name before.
    """

    account_id: int | None = None
    own_account_id: int | None = None
    is_our_domain: bool = False
    group: frozenset[int] = frozenset()
    our_accounts: frozenset[int] = frozenset()
    answered: frozenset[tuple[str, int]] = frozenset()
    region: str | None = None


@dataclass
class _Tally:
    """A score that grows with each reason: independent chances of being right add up."""

    doubt: float = 1.0
    most: float = 1.0
    reasons: list[str] = field(default_factory=list)

    def add(self, weight: float, reason: str) -> None:
        self.doubt *= 1 - weight
        self.reasons.append(reason)

    def cap(self, most: float, reason: str) -> None:
        self.most = min(self.most, most)
        self.reasons.append(reason)

    @property
    def score(self) -> float:
        return min(1 - self.doubt, self.most)


@dataclass(frozen=True)
class Said:
    """A participant made ready for comparing; `is_from_address` if the name is read off it."""

    person: Person
    form: NameForm
    phone: str | None
    is_from_address: bool

    @property
    def is_matchable(self) -> bool:
        """Say whether there is anything to go by: a name, a number, or an address of one's own."""
        if is_shared(self.person.email):
            return False
        return not self.form.is_empty or bool(self.phone) or bool(self.person.email)


def read_person(person: Person) -> Said:
    """Return the participant with their name taken apart, or read off their address."""
    phone = person.phone or (person.name if is_a_number(person.name) else None)
    form = form_of(person.name)
    if not form.is_empty or is_shared(person.email):
        return Said(person, form, phone, is_from_address=False)
    words = words_in(person.email)
    form = form_of(" ".join(words)) if len(words) > 1 else EMPTY
    return Said(person, form, phone, is_from_address=True)


def weigh(said: Said, known: Known, setting: Setting) -> Candidate | None:
    """Return the candidate with score and reasons; None if nothing speaks for them.

    Scores are combined as independent chances: 1 - Π(1 - weight). What speaks against (a number
    in the address by which namesakes are told apart, a telephone under another name) caps it.
    """
    company = _company(said.person, known, setting)
    likeness = best_likeness(said.form, known)
    tally = _Tally()
    _weigh_mailbox(tally, said, known)
    _weigh_phone(tally, said, known, likeness, setting)
    if company is Company.OTHER:
        # Namesakes at two companies are two people; only a number or mailbox of their own counts.
        return _candidate(tally, known)
    if likeness is not None:
        _weigh_name(tally, said, known, likeness, company)
        _weigh_surroundings(tally, said, known, company, setting)
    return _candidate(tally, known)


def _candidate(tally: _Tally, known: Known) -> Candidate | None:
    if tally.doubt == 1.0:
        return None
    return Candidate(
        known.entity, known.id, known.name, known.company, known.account_id,
        round(tally.score, 4), tuple(tally.reasons),
    )  # fmt: skip


def _weigh_mailbox(tally: _Tally, said: Said, known: Known) -> None:
    mailbox = canonical_address(said.person.email)
    if mailbox and mailbox == canonical_address(known.email):
        tally.add(_SAME_MAILBOX, "same mailbox")


def _weigh_phone(
    tally: _Tally, said: Said, known: Known, likeness: Likeness | None, setting: Setting
) -> None:
    if not is_same_number(said.phone, known.phone, regions=(known.region, setting.region)):
        return
    tally.add(_SAME_PHONE, "same telephone number")
    if likeness is None and not said.form.is_empty:
        tally.cap(_PHONE_OF_ANOTHER_NAME, "another name")


def _weigh_name(
    tally: _Tally, said: Said, known: Known, likeness: Likeness, company: Company
) -> None:
    is_user = known.entity is IdentityEntity.USER
    if company is Company.UNKNOWN:
        table = _OUR_NAME_ALONE if is_user else _BY_NAME_ALONE
        weight = table.get(likeness, 0.0) * (_FREE_MAIL if said.person.email else 1.0)
    else:
        weight = _AT_COMPANY[likeness] * _FACTORS[company]
    if said.is_from_address:
        weight *= _FROM_ADDRESS
    if weight:
        tally.add(weight, likeness.value)
    if company.value and weight:
        shown = "one of our users" if is_user else f"{company.value}: {known.company or '?'}"
        tally.reasons.append(shown)


def _weigh_surroundings(
    tally: _Tally, said: Said, known: Known, company: Company, setting: Setting
) -> None:
    """Add what the address, the role, our own people and earlier answers say; needs a name."""
    if tally.doubt == 1.0:
        return
    is_close = company in {Company.OWN, Company.RESEMBLES}
    if is_close and not said.is_from_address and spells(said.person.email, known):
        tally.add(_LOCAL_PART, "the address spells the name")
    if _has_rank(said, known):
        tally.add(_SAME_ROLE, f"same role: {known.title}")
    if company is Company.UNKNOWN and known.account_id in setting.our_accounts:
        tally.add(_OUR_DEAL, "our participant looks after the company")
    if (known.entity.value, known.id) in setting.answered:
        tally.add(_ANSWERED_BEFORE, "answered so before")
    _weigh_other_address(tally, said, known)


def _weigh_other_address(tally: _Tally, said: Said, known: Known) -> None:
    """Doubt somebody of the right name whose address in the CRM is another one of that domain."""
    ours, theirs = said.person.email, known.email
    domain = domain_of(ours)
    if not domain or domain != domain_of(theirs):
        return
    if canonical_address(ours) == canonical_address(theirs):
        return
    if digits_in(ours) != digits_in(theirs):
        tally.cap(_NAMESAKES_NUMBER, "another number in the address")
    elif not spells(ours, known):
        tally.cap(_OTHER_MAILBOX, "another address at the company")


def spells(email: str | None, known: Known) -> bool:
    """Say whether an address is made of the person's name: pnair, priya.n, nair-priya, chensy."""
    words = words_in(email)
    if not words or is_shared(email):
        return False
    joined = without_umlauts("".join(words))
    return any(
        joined in {without_umlauts(each) for each in _spellings(form)} for form in known.forms
    )


def _spellings(form: NameForm) -> set[str]:
    from ingest.identity.readings import spelled

    pairs = {(form.latin[0], form.latin[-1])} if len(form.latin) > 1 else set()
    found: set[str] = set()
    for han in form.han:
        spelling = spelled(han)
        pairs |= {(given, last) for given in spelling.given for last in spelling.surname}
        found |= {a + b for a in spelling.initials for b in spelling.surname}
        found |= {b + a for a in spelling.initials for b in spelling.surname}
    for first, last in pairs:
        found |= {first + last, last + first, first[0] + last, last + first[0], first + last[0]}
    return found


def _has_rank(said: Said, known: Known) -> bool:
    title = (known.title or "").casefold()
    if not title:
        return False
    if said.person.role and said.person.role.strip().casefold() == title:
        return True
    if not said.form.rank:
        return False
    words: list[str] = vocabulary()["ranks"].get(said.form.rank, [said.form.rank])
    return any(word in title for word in words)


def best_likeness(form: NameForm, known: Known) -> Likeness | None:
    """Return the closest way in which a name is like one of somebody's names."""
    if form.is_empty:
        return None
    found = [kind for each in known.forms if (kind := compare(form, each)) is not None]
    return min(found, key=list(Likeness).index) if found else None


def _company(person: Person, known: Known, setting: Setting) -> Company:
    if known.entity is IdentityEntity.USER:
        return _our_side(person, setting)
    if person.side is Side.OURS or setting.is_our_domain:
        return Company.OTHER
    if setting.own_account_id is not None:
        return _same_or_group(setting.own_account_id, known, setting, Company.OWN)
    domain = domain_of(person.email)
    if domain is not None:
        is_near = known.account_id is not None and known.account_id == setting.account_id
        is_alike = is_near or _resembles(domain, known)
        return Company.RESEMBLES if is_alike else Company.OTHER
    if setting.account_id is not None:
        return _same_or_group(setting.account_id, known, setting, Company.CONTEXT)
    return Company.UNKNOWN


def _our_side(person: Person, setting: Setting) -> Company:
    if setting.is_our_domain:
        return Company.OWN
    if person.side is Side.OURS:
        return Company.CONTEXT
    is_foreign = setting.own_account_id is not None or domain_of(person.email) is not None
    return Company.OTHER if is_foreign or person.side is Side.CUSTOMER else Company.UNKNOWN


def _same_or_group(account_id: int, known: Known, setting: Setting, same: Company) -> Company:
    if known.account_id == account_id:
        return same
    return Company.GROUP if known.account_id in setting.group else Company.OTHER


def _resembles(domain: str, known: Known) -> bool:
    """Say whether a domain may be another one of the candidate's company: acme.de for acme.com."""
    stem = stem_of(domain)
    if len(stem) < 4:
        return False
    stems = {stem_of(domain_of(known.email)), stem_of(known.company_domain)} - {""}
    company = "".join(char for char in (known.company or "").casefold() if char.isalnum())
    return stem in stems or (len(company) >= 4 and stem.replace("-", "") == company)
