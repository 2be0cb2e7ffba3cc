"""Who writes a draft and who receives it."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from copilot.grounding.pack.history import History, Talk
from copilot.grounding.pack.hostile import is_persons_name
from copilot.grounding.pack.model import Party
from copilot.grounding.pack.scope import Asker, Scope
from crm.access import visible
from crm.access.fields import withheld, withhold
from crm.models import Contact, OpportunityContact, Participant, Side, User
from tools.profile.words import role_key
from tools.spoken import Spoken

_FIRST_ROLES = ("champion", "economic_buyer")
_NOT_TITLES = frozenset({"from", "to", "cc", "bcc", "host", "attendee", "organizer", "organiser"})


def sender_of(scope: Scope, asker: Asker, given: Party | None) -> Party:
    """Return the given sender, else the caller, else the owner of the deal or the account."""
    if given is not None:
        return given
    owner_ids = (
        asker.principal.user_id,
        scope.deal.owner_id if scope.deal else None,
        scope.account.owner_id if scope.account else None,
    )
    wanted = [each for each in owner_ids if each is not None]
    statement = select(User).where(User.id.in_(wanted))
    found = {
        row.id: row
        for row in withhold(
            asker.session.scalars(visible(statement, User, asker.principal)), asker.principal
        )
    }
    user = next((found[each] for each in wanted if each in found), None)
    if user is None:
        return Party(name="" if asker.principal.is_local_owner else asker.principal.name)
    return Party(name=user.name, email=user.email, title=user.title, user_id=user.id)


def recipient_of(
    scope: Scope,
    history: History,
    turns: Mapping[int, Sequence[Spoken]],
    contacts: Sequence[Contact],
    *,
    answered: Talk | None,
    asker: Asker,
) -> Party:
    """Return whom the draft goes to; a party without a name if nobody is known.

    The contact asked for; for a reply who wrote the mail; else who said most in the last
    conversation with the customer; else the deal's champion or economic buyer, else a contact.
    """
    company = scope.account.name if scope.account else None
    if scope.contact is not None:
        return _from_contact(scope.contact, company)
    person = _main_person(history, turns, answered)
    if person is not None:
        return _from_person(person, contacts, scope, asker)
    contact = _contact_of_deal(scope, contacts, asker)
    return _from_contact(contact, company) if contact else Party(name="", company=company)


def _main_person(
    history: History, turns: Mapping[int, Sequence[Spoken]], answered: Talk | None
) -> Participant | None:
    if answered is not None:
        wrote = answered.sender
        if wrote is not None and wrote.side != Side.OURS:
            return wrote
        return next(iter(answered.customers), None)
    for talk in history.talks:
        if talk.customers:
            return _most_said(talk, turns.get(talk.row.id, ()))
    return None


def _most_said(talk: Talk, turns: Sequence[Spoken]) -> Participant:
    if talk.sender is not None and talk.sender.side == Side.CUSTOMER:
        return talk.sender
    said = [
        sum(len(turn.text) for turn in turns if turn.speaker in {one.name, one.email})
        for one in talk.customers
    ]
    return talk.customers[said.index(max(said))]


def _from_person(
    person: Participant, contacts: Sequence[Contact], scope: Scope, asker: Asker
) -> Party:
    contact = contact_of(person, contacts)
    hidden = withheld(Participant, asker.principal)
    own_email = None if "email" in hidden else person.email
    own_phone = None if "phone" in hidden else person.phone
    company = scope.account.name if scope.account else None
    if contact is not None:
        party = _from_contact(contact, company)
        email, phone = own_email or party.email, party.phone or own_phone
        return Party(party.name, email, party.title, company, phone, contact.id)
    title = person.role if (person.role or "").casefold() not in _NOT_TITLES else None
    return Party(_safe(person.name), own_email, _safe(title or "") or None, company, own_phone)


def contact_of(person: Participant, contacts: Sequence[Contact]) -> Contact | None:
    """Return the contact that a participant is: by link, else by address, else by name."""
    name, email = person.name.casefold(), (person.email or "").casefold()
    for contact in contacts:
        if contact.id == person.contact_id:
            return contact
    for contact in contacts:
        if email and (contact.email or "").casefold() == email:
            return contact
    named = [contact for contact in contacts if contact.name.casefold() == name]
    return named[0] if len(named) == 1 else None


def _from_contact(contact: Contact, company: str | None) -> Party:
    title = _safe(contact.title or "") or None
    return Party(
        _safe(contact.name), contact.email, title, company, contact.phone, contact_id=contact.id
    )


def _safe(name: str) -> str:
    return name.strip() if is_persons_name(name) else ""


def _contact_of_deal(scope: Scope, contacts: Sequence[Contact], asker: Asker) -> Contact | None:
    if scope.deal is not None:
        statement = (
            select(Contact, OpportunityContact.role)
            .join(OpportunityContact, OpportunityContact.contact_id == Contact.id)
            .where(OpportunityContact.opportunity_id == scope.deal.id)
            .order_by(OpportunityContact.id)
            .limit(50)
        )
        rows = asker.session.execute(visible(statement, Contact, asker.principal)).all()
        withhold([row[0] for row in rows], asker.principal)
        ranked = sorted(rows, key=lambda row: _rank(row[1]))
        if ranked:
            return ranked[0][0]
    here = scope.account.id if scope.account else None
    return next((contact for contact in contacts if contact.account_id == here), None)


def _rank(role: str | None) -> int:
    key = role_key(role or "")
    return _FIRST_ROLES.index(key) if key in _FIRST_ROLES else len(_FIRST_ROLES)
