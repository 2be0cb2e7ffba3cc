"""People met before they were in the CRM: tied once it brings them."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.models import Conversation, Participant
from crm.principal import Principal
from crm.store import Store
from ingest.identity.addresses import canonical_address, domain_of
from ingest.identity.lookups import Lookups
from ingest.identity.people import Person
from ingest.identity.relinking import relink
from ingest.identity.roster import Roster
from ingest.identity.scoring import best_likeness, read_person

_AT_ONCE = 500
_PORTION = 2_000


def relink_pending(store: Store, principal: Principal, now: datetime) -> tuple[int, ...]:
    """Tie conversations whose people or account were unknown, and return the ids that changed.

    Call it after the CRM was read. Only participants are read, and only conversations looked at
    again of which somebody now has a namesake, number, address or domain in the CRM. Each portion
    is one transaction.
    """
    with store.session() as session:
        wanted = sorted(_hopeful(session, principal))
    changed: list[int] = []
    for start in range(0, len(wanted), _AT_ONCE):
        with store.session() as session:
            changed += relink(session, principal, wanted[start : start + _AT_ONCE], now=now)
    return tuple(changed)


def _hopeful(session: Session, principal: Principal) -> set[int]:
    """Return the conversations with an open participant for whom there is somebody to be."""
    roster = Roster()
    roster.build(session, principal)
    lookups = Lookups(session, principal, roster)
    found: set[int] = set()
    for rows in _open_participants(session, principal):
        lookups.learn(person.email for _, _, person in rows if person.email)
        lookups.learn_accounts({number for _, number, _ in rows if number is not None})
        found |= {
            number for number, account_id, person in rows
            if _has_hope(person, account_id, lookups)
        }  # fmt: skip
    return found


def _has_hope(person: Person, account_id: int | None, lookups: Lookups) -> bool:
    email = person.email or ""
    if email and (lookups.user_at(email) is not None or lookups.contact_at(email) is not None):
        return True
    if account_id is None and lookups.account_at(domain_of(email)) is not None:
        return True
    said = read_person(person)
    if not said.is_matchable:
        return False
    roster = lookups.roster
    if roster.by_phone(said.phone) or roster.by_mailbox(canonical_address(email)):
        return True
    if account_id is None and roster.by_name(said.form):
        return True
    place = lookups.account_at(domain_of(email)) or account_id
    lookups.learn_accounts([place] if place is not None else [])
    near = lookups.contacts_of(place) if place is not None else []
    return any(
        best_likeness(said.form, known) is not None for known in (*near, *roster.users.values())
    )


def _open_participants(
    session: Session, principal: Principal
) -> Iterator[list[tuple[int, int | None, Person]]]:
    statement = (
        select(
            Conversation.id, Conversation.account_id, Participant.name, Participant.email,
            Participant.phone, Participant.role,
        )
        .join(Participant, Participant.conversation_id == Conversation.id)
        .where(
            or_(
                and_(Participant.contact_id.is_(None), Participant.user_id.is_(None)),
                Conversation.account_id.is_(None),
            )
        )
        .order_by(Participant.id)
        .execution_options(yield_per=_PORTION)
    )  # fmt: skip
    for rows in session.execute(visible(statement, Conversation, principal)).partitions():
        yield [
            (row.id, row.account_id, Person(row.name, row.email, row.role, None, row.phone))
            for row in rows
        ]
