"""What a caller is bound to at one moment: teams, territories, accounts, deals, stand-ins."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from crm.models import AccessGrant, Contact, GrantKind, Team, User
from crm.principal import Role

NOBODY = 0
"""The user id of callers who are no user, so that nothing of a person is theirs."""


@dataclass(frozen=True)
class Bindings:
    """Ids of what is the caller's; `stand_in_for` are users, whose rows he reads meanwhile.

    `report_ids` are the users who report to him, directly or through others: they are of his team,
    whatever teams the CRM has. Who is no user, `NOBODY`, is perhaps a contact who works for the
    account `employer_id`.
    """

    user_id: int
    team_ids: frozenset[int] = frozenset()
    report_ids: frozenset[int] = frozenset()
    territory_ids: frozenset[int] = frozenset()
    account_ids: frozenset[int] = frozenset()
    opportunity_ids: frozenset[int] = frozenset()
    stand_in_for: frozenset[int] = frozenset()
    contact_id: int | None = None
    employer_id: int | None = None


def bindings_of(session: Session, user: User, *, at: datetime) -> Bindings:
    """Return what the user is bound to at this moment: by the CRM, and by grants that hold then."""
    granted: dict[str, set[int]] = {kind.value: set() for kind in GrantKind}
    for row in session.execute(grants_of(user.id, at=at)):
        granted[row.kind].add(row.object_id)
    teams = granted[GrantKind.TEAM] | ({user.team_id} if user.team_id else set())
    territories = granted[GrantKind.TERRITORY] | (
        {user.territory_id} if user.territory_id else set()
    )
    return Bindings(
        user_id=user.id,
        team_ids=frozenset(_with_those_below(session, select(Team.id, Team.parent_id), teams)),
        report_ids=frozenset(
            _with_those_below(session, select(User.id, User.manager_id), {user.id}) - {user.id}
        ),
        territory_ids=frozenset(territories),
        account_ids=frozenset(granted[GrantKind.ACCOUNT]),
        opportunity_ids=frozenset(granted[GrantKind.OPPORTUNITY]),
        stand_in_for=frozenset(granted[GrantKind.STAND_IN]),
    )


def bindings_outside(contact: Contact | None) -> Bindings:
    """Return what binds somebody outside the company: who he is, and whom he works for."""
    if contact is None:
        return Bindings(NOBODY)
    return Bindings(NOBODY, contact_id=contact.id, employer_id=contact.account_id)


def grants_of(user_id: int, *, at: datetime) -> Select[str, int]:
    """Return the statement of kind and object of the grants that hold at this moment."""
    return select(AccessGrant.kind, AccessGrant.object_id).where(
        AccessGrant.user_id == user_id,
        or_(AccessGrant.valid_from.is_(None), AccessGrant.valid_from <= at),
        or_(AccessGrant.valid_until.is_(None), AccessGrant.valid_until > at),
        AccessGrant.revoked_at.is_(None),
    )


def _with_those_below(session: Session, tree: Select[int, int | None], roots: set[int]) -> set[int]:
    """Return the roots and all below them in a tree of id and parent; a ring ends the walk."""
    children: dict[int | None, list[int]] = {}
    for number, parent_id in session.execute(tree):
        children.setdefault(parent_id, []).append(number)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting += children.get(number, [])
    return found


def role_of(user: User) -> Role:
    """Return a user's role; the owner of an installation comes in by no import.

    A user who is called a customer is no colleague, but is somebody whom the CRM lets in: he reads
    what partners do.
    """
    role = Role(user.role)
    return {Role.OWNER: Role.REP, Role.CUSTOMER: Role.PARTNER}.get(role, role)
