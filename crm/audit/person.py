"""Who a person in the records is: all rows that are them, and what they are known by in texts."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from crm.audit.exporting import MAY_READ, check_role
from crm.audit.marks import BLOTTED, Marks, pseudonym_of
from crm.audit.suppressing import email_key, person_keys, row_key, text_key
from crm.errors import Ambiguous, BadInput, NotFound
from crm.models import Account, Alias, Contact, Conversation, Lead, Participant, User
from crm.principal import Principal

_CITED = re.compile(r"conversation:(\d{1,18})")
_KINDS = ("contact", "lead", "user")
Record = Contact | Lead | User


@dataclass(frozen=True)
class Person:
    """One person: the rows that are them, their marks, and the conversations that go with them.

    `address` is the row that was asked for, such as `lead:7`. Of a colleague, `user_id`, only the
    private conversations go in which no other colleague was; a pseudonym stands for them.
    `keys` are by what an import would know them again.
    """

    address: str
    marks: Marks
    conversation_ids: frozenset[int]
    contact_ids: frozenset[int] = frozenset()
    lead_ids: frozenset[int] = frozenset()
    user_id: int | None = None
    keys: tuple[str, ...] = ()

    @property
    def records(self) -> tuple[str, ...]:
        """The addresses of all rows that are them."""
        users = () if self.user_id is None else (f"user:{self.user_id}",)
        contacts = tuple(f"contact:{one}" for one in sorted(self.contact_ids))
        return users + contacts + tuple(f"lead:{one}" for one in sorted(self.lead_ids))

    def is_in(self, value: Any) -> bool:
        """Say whether a text or JSON value names the person, or cites a conversation of theirs."""
        if self.marks.are_in(value):
            return True
        return any(int(found[1]) in self.conversation_ids for found in _CITED.finditer(str(value)))


def person_of(address: str) -> tuple[str, int] | None:
    """Return kind and number of `contact:12`, `lead:7` or `user:3`, None for any other address.

    Raises BadInput for one of these kinds without a number.
    """
    kind, _, number = address.partition(":")
    if kind not in _KINDS:
        return None
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise BadInput(f"{address!r} names no {kind}: write it as {kind}:12")
    return kind, int(number)


def resolve_address(session: Session, text: str) -> str:
    """Return the address of the contact, lead or user whose email this is; other texts as given.

    Raises NotFound if it is nobody's, Ambiguous if it is of several people.
    """
    if "@" not in text:
        return text
    email = text.partition(":")[2] if text.startswith("email:") else text
    found: list[str] = []
    for kind, model in (("user", User), ("contact", Contact), ("lead", Lead)):
        table = model.__table__
        same = func.lower(func.trim(table.c.email)) == email.strip().lower()
        found += [f"{kind}:{one}" for one in session.scalars(select(table.c.id).where(same))]
    if not found:
        raise NotFound(f"nobody in the records has the address {email!r}: give contact:12 or so")
    first = found[0]
    kind, number = first.split(":")
    row = session.get(Contact if kind == "contact" else Lead, int(number))
    same_person = {first}
    if row is not None and kind != "user":
        contacts, leads = _same_person(session, cast("Contact | Lead", row))
        same_person |= {f"contact:{one.id}" for one in contacts}
        same_person |= {f"lead:{one.id}" for one in leads}
    if others := [one for one in found if one not in same_person]:
        raise Ambiguous(f"several people have the address {email!r}: give one", [first, *others])
    return first


def find_person(session: Session, address: str, *, principal: Principal) -> Person:
    """Return who a contact, lead or user is, whether or not the caller may read it all.

    Contacts and leads of one address and name are one person. A name, address or number that
    somebody else has too is no mark.

    Raises NotFound if there is no such row, BadInput for an address of another kind, NotAllowed
    for who may not read the trail.
    """
    check_role(principal, MAY_READ, "read")
    wanted = person_of(address)
    if wanted is None:
        raise BadInput(f"{address!r} names no person: write it as contact:12, lead:7 or user:3")
    kind, number = wanted
    user = session.get(User, number) if kind == "user" else None
    contact = session.get(Contact, number) if kind == "contact" else None
    row = contact or (session.get(Lead, number) if kind == "lead" else None)
    if user is not None:
        return _colleague(session, user)
    if row is None:
        raise NotFound(f"there is no {kind} {number!r}")
    return _outsider(session, f"{kind}:{number}", row)


def _outsider(session: Session, address: str, row: Contact | Lead) -> Person:
    contacts, leads = _same_person(session, row)
    contact_ids = frozenset(one.id for one in contacts)
    lead_ids = frozenset(one.id for one in leads)
    rows: list[Record] = [*contacts, *leads]
    emails = {one.email.strip().lower() for one in rows if one.email and one.email.strip()}
    emails -= _held_by_others(session, "email", emails, contact_ids, lead_ids)
    known = Participant.contact_id.in_(contact_ids)
    seen = _met(session, or_(known, func.lower(Participant.email).in_(emails)))
    names = {one.name for one in rows} | {one.name for one in seen}
    names |= _aliases(session, "contact", contact_ids)
    names -= _held_by_others(session, "name", names, contact_ids, lead_ids)
    phones = {one.phone for one in (*contacts, *seen) if one.phone}
    phones -= _held_by_others(session, "phone", phones, contact_ids, lead_ids)
    mails = emails | {one.email for one in seen if one.email}
    mails -= _held_by_others(session, "email", mails, contact_ids, lead_ids)
    marks = Marks.of([*mails, *phones, *names])
    talks = frozenset(one.conversation_id for one in seen)
    keys = _row_keys(rows) + _talk_keys(session, talks) + _text_keys(marks.texts)
    keys += [key for one in rows for key in _own_keys(session, one, emails)]
    # Where a name was blotted it is known again, though a namesake has it too.
    keys += _text_keys(one.name for one in rows)
    return Person(address, marks, talks, contact_ids, lead_ids, keys=tuple(keys))


def _colleague(session: Session, row: User) -> Person:
    ids = frozenset({row.id})
    known = Participant.user_id == row.id
    if row.email and row.email.strip():
        known = or_(known, func.lower(Participant.email) == row.email.strip().lower())
    seen = _met(session, known)
    names = {row.name, *(one.name for one in seen), *_aliases(session, "user", ids)}
    names -= _held_by_others(session, "name", names, user_ids=ids)
    phones = {one.phone for one in seen if one.phone}
    phones -= _held_by_others(session, "phone", phones)
    mails = {mail for mail in (row.email, *(one.email for one in seen)) if mail}
    marks = Marks.of([*mails, *phones, *names], stand_in=pseudonym_of(row.id))
    talks = _private_talks(session, row.id)
    keys = _row_keys([row]) + _talk_keys(session, talks) + _text_keys(marks.texts)
    keys += [email_key(mail) for mail in mails]
    return Person(f"user:{row.id}", marks, talks, user_id=row.id, keys=tuple(keys))


def _same_person(session: Session, row: Contact | Lead) -> tuple[list[Contact], list[Lead]]:
    """Return the contacts and leads that are the person of this row, itself among them."""
    email, name = (row.email or "").strip().lower(), _folded(row.name)
    contacts: list[Contact] = []
    leads: list[Lead] = []
    if email:
        here = func.lower(func.trim(Contact.email)) == email
        contacts = list(session.scalars(select(Contact).where(here)))
        there = func.lower(func.trim(Lead.email)) == email
        leads = list(session.scalars(select(Lead).where(there)))
    # An address such as info@ is of several people: then the name has to agree as well.
    is_shared = len({_folded(one.name) for one in contacts}) > 1
    if is_shared or isinstance(row, Contact):
        contacts = [one for one in contacts if _folded(one.name) == name]
    if is_shared:
        leads = [one for one in leads if _folded(one.name) == name]
    own: list[Any] = contacts if isinstance(row, Contact) else leads
    if row not in own:
        own.append(row)
    held = _held_by_others(session, "name", {row.name}, {one.id for one in contacts})
    if row.name.strip() and row.name != BLOTTED and not held - {one.name for one in leads}:
        nameless = or_(Lead.email.is_(None), Lead.email == "")
        same = select(Lead).where(func.lower(Lead.name) == name, nameless)
        leads += [one for one in session.scalars(same) if one not in leads]
    return contacts, leads


def _met(session: Session, condition: ColumnElement[bool]) -> list[Any]:
    statement = select(
        Participant.conversation_id, Participant.name, Participant.email, Participant.phone,
        Participant.contact_id,
    )  # fmt: skip
    return list(session.execute(statement.where(condition)).all())


def _private_talks(session: Session, user_id: int) -> frozenset[int]:
    """Return the private conversations of a colleague that no other colleague may read."""
    others = select(Participant.conversation_id).where(
        Participant.user_id.is_not(None), Participant.user_id != user_id
    )
    own = select(Conversation.id).where(
        Conversation.is_private.is_(True),
        Conversation.owner_id == user_id,
        Conversation.id.not_in(others),
    )
    return frozenset(session.scalars(own))


def _aliases(session: Session, entity: str, ids: Collection[int]) -> set[str]:
    statement = select(Alias.name).where(Alias.entity == entity, Alias.entity_id.in_(ids))
    return set(session.scalars(statement))


def _held_by_others(
    session: Session,
    column: str,
    values: Iterable[str],
    contact_ids: Collection[int] = (),
    lead_ids: Collection[int] = (),
    user_ids: Collection[int] = (),
) -> set[str]:
    """Return which of these names, addresses or numbers a row of somebody else has too."""
    given = set(values)
    lowered = {value.strip().lower() for value in given}
    others: set[str] = set()
    for model, own in ((Contact, contact_ids), (Lead, lead_ids), (User, user_ids)):
        table = model.__table__
        if column not in table.c:
            continue
        held = func.lower(func.trim(table.c[column]))
        statement = select(held).where(held.in_(lowered), table.c.id.not_in(own))
        others |= set(session.scalars(statement))
    return {value for value in given if value.strip().lower() in others}


def _row_keys(rows: Iterable[Record]) -> list[str]:
    return [row_key(row.__tablename__, row.source, row.external_id) for row in rows]


def _talk_keys(session: Session, ids: Collection[int]) -> list[str]:
    statement = select(Conversation.source, Conversation.external_id)
    found = session.execute(statement.where(Conversation.id.in_(ids)))
    return [row_key(Conversation.__tablename__, *row) for row in found]


def _text_keys(texts: Iterable[str]) -> list[str]:
    return [text_key(text) for text in texts]


def _own_keys(session: Session, row: Record, emails: Collection[str]) -> list[str]:
    mail = row.email if row.email and row.email.strip().lower() in emails else None
    if isinstance(row, Contact):
        account = session.get(Account, row.account_id) if row.account_id else None
        company = account.name if account else None
        return person_keys(row.name, mail, phone=row.phone, company=company)
    return person_keys(row.name, mail, company=row.company if isinstance(row, Lead) else None)


def _folded(name: str) -> str:
    return name.strip().lower()
