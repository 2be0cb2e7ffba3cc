"""Who a caller is: from the name that a surface gives to a principal with what it may read."""

from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from copilot.refusals import no_such_user
from crm.access.bindings import NOBODY, bindings_of, bindings_outside, role_of
from crm.access.policy import Policy
from crm.access.scope import Scope
from crm.errors import Ambiguous, NotAllowed, NotFound
from crm.models import Contact, User
from crm.principal import Principal, Role
from crm.store import Store


def principal_of(
    store: Store,
    who: str,
    *,
    policy: Policy,
    at: datetime,
    admits_outside: bool = False,
    admits_left: bool = False,
) -> Principal:
    """Return the caller named by email (or by name where users have none).

    A surface that `admits_outside` people takes contacts too, by email alone; a user of the same
    address comes first. Who has left asks nothing: `admits_left` is for those who speak of him.

    Raises NotFound with close names, Ambiguous if several people have the name or address,
    NotAllowed for who has left.
    """
    with store.session() as session:
        wanted = who.strip().lower()
        users = list(
            session.scalars(
                select(User).where(
                    or_(func.lower(User.email) == wanted, func.lower(User.name) == wanted)
                )
            )
        )
        if not users and admits_outside:
            contact = _contact(session, wanted)
            if contact is not None:
                return _outside(policy, contact)
        if not users:
            raise NotFound(no_such_user(session, who))
        users = [one for one in users if one.is_active and one.deleted_at is None] or users
        if not admits_left and not (users[0].is_active and users[0].deleted_at is None):
            raise NotAllowed(f"{who!r} has left, or is no longer in the CRM: name an active user")
        if len(users) > 1:
            raise Ambiguous(
                f"{len(users)} users are called {who!r}: use the email address",
                [user.email or user.external_id for user in users],
            )
        user = users[0]
        role = role_of(user)
        return Principal(
            user_id=user.id,
            name=user.name,
            role=role,
            team_ids=frozenset({user.team_id} if user.team_id else ()),
            scopes=(Scope(policy, role, bindings_of(session, user, at=at)),),
        )


def visitor(policy: Policy) -> Principal:
    """Return the caller whom nobody knows: he reads what everybody outside may read."""
    return _outside(policy, None)


def _contact(session: Session, address: str) -> Contact | None:
    """Return the contact of this address; who left the CRM is nobody's contact."""
    found = list(
        session.scalars(
            select(Contact).where(
                func.lower(func.trim(Contact.email)) == address, Contact.deleted_at.is_(None)
            )
        )
    )
    if len(found) > 1:
        # Which of their companies would be shown must not be a guess.
        raise Ambiguous(
            f"{len(found)} contacts have the address {address!r}: merge them, or ask as a visitor",
            [f"contact:{one.id}" for one in found],
        )
    return found[0] if found else None


def _outside(policy: Policy, contact: Contact | None) -> Principal:
    return Principal(
        user_id=NOBODY,
        name="visitor" if contact is None else contact.name,
        role=Role.CUSTOMER,
        scopes=(Scope(policy, Role.CUSTOMER, bindings_outside(contact)),),
        contact_id=None if contact is None else contact.id,
    )
