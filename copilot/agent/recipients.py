"""Finds the person whom a few words mean, and the newest mail that this person wrote."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from copilot.grounding.lexicon import SURNAMES, ZH_TITLES
from copilot.grounding.pack.hostile import is_persons_name, is_title, told_name
from crm.access import readable, visible
from crm.access.fields import withheld
from crm.errors import Ambiguous, NotFound
from crm.models import Account, Contact, Conversation, ConversationKind, Participant, Segment, Side
from crm.principal import Principal
from tools.language import fold_script, has_han
from tools.names import NamedThing, NameIndex, find_names

MOST_CANDIDATES = 10
WRITTEN = (ConversationKind.EMAIL, ConversationKind.CHAT)
_COMPOUND = "欧阳|司马|诸葛|上官|司徒|东方|令狐|皇甫|尉迟|公孙|慕容|长孙|宇文|夏侯|轩辕"
HONOURED = re.compile(rf"(?P<surname>{_COMPOUND}|[{SURNAMES}])(?P<title>{ZH_TITLES})")
_POLITE = re.compile(r"^(?:mrs?|ms|miss|dr|prof)\.?\s+", re.IGNORECASE)
_LED = re.compile(
    r"总|董事|创始|首席|负责人|\bC[A-Z]O\b|\bVP\b|vice president|president|director|head|chief"
    r"|founder|owner",
    re.IGNORECASE,
)
_MANAGES = re.compile(r"经理|主管|总监|manager|lead|supervisor", re.IGNORECASE)
_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_ADDRESS = re.compile(r"contact:(\d+)", re.IGNORECASE)
_LONGEST_ID = 10
_IDS_A_STATEMENT = 5_000


@dataclass(frozen=True)
class Somebody:
    """A contact as it is offered where a name fits several."""

    contact_id: int
    name: str
    title: str | None = None
    account: str | None = None
    account_id: int | None = None
    email: str | None = None

    def shown(self) -> str:
        """Return the person in a line, with the address that names exactly this one."""
        title = self.title if self.title and is_persons_name(self.title) else ""
        account = self.account if self.account and is_title(self.account) else ""
        name = told_name("contact", self.contact_id, self.name)
        parts = ", ".join(part for part in (name, title, account) if part)
        return f"{parts} (contact:{self.contact_id})"


@dataclass(frozen=True)
class Scope:
    """Where to look: at one account, or among what one of us talks about; None looks anywhere."""

    account_id: int | None = None
    owner_id: int | None = None
    writes: bool = False


def find_person(
    session: Session,
    said: str,
    index: NameIndex,
    *,
    principal: Principal,
    scope: Scope | None = None,
    rather: int | None = None,
) -> Somebody:
    """Return the contact whom the words mean: a name or part of one, 王总, Ms Nair, an email.

    Where several fit, the one who talks with the caller, or with us, is meant (with
    `scope.writes`, who writes to us) if there is exactly one; `rather` is the contact of whom the
    talk was just now.

    Raises:
        NotFound: nobody is called that.
        Ambiguous: several are; the candidates are in the order of the last talk.
    """
    where = scope or Scope()
    by_id = _ADDRESS.fullmatch(said.strip())
    if by_id is not None and len(by_id[1]) < _LONGEST_ID:
        found = read_people(session, [int(by_id[1])], principal=principal)
        if found:
            return found[0]
    people = read_people(session, named_people(said, index), principal=principal)
    if "@" in said:
        people += _with_email(session, said.strip(), principal)
    if where.account_id is not None:
        people = [one for one in people if one.account_id == where.account_id] or people
    people = _titled(people, said)
    if not people:
        raise NotFound(f"there is no contact {said!r}: give a name, an email address or an id")
    known = [one for one in people if one.contact_id == rather]
    if len(people) == 1 or known:
        return known[0] if known else people[0]
    return _narrowed(session, said, people, where, principal)


def named_people(said: str, index: NameIndex) -> list[int]:
    """Return the ids of the contacts whose name may be meant; a full name wins over a part."""
    wanted = fold_script(_POLITE.sub("", said.strip())).casefold()
    contacts = [(thing, fold_script(thing.name).casefold()) for thing in index.things("contact")]
    exact = [thing for thing, name in contacts if name == wanted]
    if exact or not wanted:
        return _ids(exact)
    honoured = HONOURED.fullmatch(fold_script(said.strip()))
    if honoured is not None:
        return _ids(
            thing
            for thing, name in contacts
            if name.startswith(honoured["surname"]) and len(name) <= 4 and has_han(name)
        )
    words = set(_WORDS.findall(wanted))
    part = [thing for thing, name in contacts if words and words <= set(_WORDS.findall(name))]
    if part:
        return _ids(part)
    linked = find_names(said, index).mentions
    return _ids(thing for one in linked for thing in one.candidates if thing.dimension == "contact")


def read_people(session: Session, ids: Sequence[int], *, principal: Principal) -> list[Somebody]:
    """Return the contacts with these ids that the caller may read, by name."""
    found: list[Somebody] = []
    for start in range(0, len(ids), _IDS_A_STATEMENT):
        part = Contact.id.in_(ids[start : start + _IDS_A_STATEMENT])
        found += _people_where(session, part, principal)
    return found


def newest_mail(
    session: Session,
    *,
    principal: Principal,
    as_of: datetime,
    contact_id: int | None = None,
    account_id: int | None = None,
    opportunity_id: int | None = None,
    kinds: Collection[ConversationKind] = WRITTEN,
) -> int | None:
    """Return the id of the newest mail or chat in which this customer wrote, None without one.

    Without contact, account and deal: the newest that a customer wrote to the caller.
    """
    statement = (
        select(Conversation.id)
        .join(Participant, Participant.conversation_id == Conversation.id)
        .where(
            Conversation.kind.in_([kind.value for kind in kinds]),
            Conversation.started_at <= as_of,
            Participant.side != Side.OURS.value,
            _wrote(),
        )
        .order_by(Conversation.started_at.desc(), Conversation.id.desc())
        .limit(1)
    )
    if contact_id is not None:
        statement = statement.where(_is_contact(session, contact_id, principal))
    elif opportunity_id is not None:
        statement = statement.where(Conversation.opportunity_id == opportunity_id)
    elif account_id is not None:
        statement = statement.where(Conversation.account_id == account_id)
    else:
        statement = statement.where(
            Participant.side == Side.CUSTOMER.value, Conversation.owner_id == principal.user_id
        )
    return session.scalar(visible(statement, Conversation, principal))


def _wrote() -> ColumnElement[bool]:
    """The participant's own words are in the conversation: being a recipient is not enough."""
    said = select(Segment.id).where(
        Segment.conversation_id == Participant.conversation_id, Segment.speaker == Participant.name
    )
    return said.exists()


def _is_contact(session: Session, contact_id: int, principal: Principal) -> ColumnElement[bool]:
    own = select(Contact.email).where(Contact.id == contact_id)
    email = session.scalar(visible(own, Contact, principal))
    same = Participant.contact_id == contact_id
    return or_(same, func.lower(Participant.email) == email.lower()) if email else same


def _ids(things: Iterable[NamedThing]) -> list[int]:
    return list(dict.fromkeys(thing.id for thing in things if thing.id is not None))


def _people_where(
    session: Session, condition: ColumnElement[bool], principal: Principal
) -> list[Somebody]:
    statement = (
        select(Contact.id, Contact.name, Contact.title, Account.name, Account.id, Contact.email)
        .outerjoin(Account, and_(Account.id == Contact.account_id, readable(Account, principal)))
        .where(condition)
        .order_by(Contact.name, Contact.id)
    )
    found = [Somebody(*row) for row in session.execute(visible(statement, Contact, principal))]
    if "email" in withheld(Contact, principal):
        return [replace(one, email=None) for one in found]
    return found


def _with_email(session: Session, address: str, principal: Principal) -> list[Somebody]:
    if "email" in withheld(Contact, principal):
        # Whoever may try addresses learns whose they are.
        return []
    return _people_where(session, func.lower(Contact.email) == address.lower(), principal)


def _titled(people: list[Somebody], said: str) -> list[Somebody]:
    """Return those whose title fits 王总 or 李经理, or all where no title does."""
    honoured = HONOURED.fullmatch(fold_script(said.strip()))
    if honoured is None or len(people) < 2:
        return people
    rank = honoured["title"]
    literal = [one for one in people if one.title and rank in one.title.replace("总经理", "总")]
    kind = _LED if rank.startswith(("总", "董")) else _MANAGES if rank == "经理" else None
    fitting = literal or [one for one in people if kind and one.title and kind.search(one.title)]
    return fitting or people


def _narrowed(
    session: Session, said: str, people: list[Somebody], scope: Scope, principal: Principal
) -> Somebody:
    talked = _last_talks(session, people, scope, principal)
    for owner_id in dict.fromkeys([scope.owner_id, None]):
        of_owner = {one: at for (one, owner), at in talked.items() if owner_id in (None, owner)}
        if len(of_owner) == 1:
            [only] = of_owner
            return next(one for one in people if one.contact_id == only)
    latest: dict[int, datetime] = {}
    for (one, _), at in talked.items():
        latest[one] = max(at, latest.get(one, at))
    people.sort(
        key=lambda one: -latest[one.contact_id].timestamp() if one.contact_id in latest else 0.0
    )
    raise Ambiguous(
        f"{len(people)} contacts fit {said!r}: say which one, by full name, company or id",
        [one.shown() for one in people[:MOST_CANDIDATES]],
    )


def _last_talks(
    session: Session, people: Sequence[Somebody], scope: Scope, principal: Principal
) -> dict[tuple[int, int | None], datetime]:
    """Return when each person last talked with us, by contact and by whose conversation it was."""
    found: dict[tuple[int, int | None], datetime] = {}
    for start in range(0, len(people), _IDS_A_STATEMENT):
        ids = [one.contact_id for one in people[start : start + _IDS_A_STATEMENT]]
        statement = (
            select(Participant.contact_id, Conversation.owner_id, func.max(Conversation.started_at))
            .join(Conversation, Conversation.id == Participant.conversation_id)
            .where(Participant.contact_id.in_(ids))
            .group_by(Participant.contact_id, Conversation.owner_id)
        )
        if scope.writes:
            kinds = [kind.value for kind in WRITTEN]
            statement = statement.where(Conversation.kind.in_(kinds), _wrote())
        for contact_id, owner_id, at in session.execute(
            visible(statement, Conversation, principal)
        ):
            if contact_id is not None and at is not None:
                found[contact_id, owner_id] = at
    return found
