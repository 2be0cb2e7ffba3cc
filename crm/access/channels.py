"""Who reads in a shared channel: nobody in particular, so what all of its members may read."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.access.bindings import NOBODY, Bindings, bindings_of, role_of
from crm.access.policy import Policy
from crm.access.scope import Scope
from crm.errors import BadInput
from crm.models import User
from crm.principal import Principal, Role

_NOTHING = Policy("forbid (principal, action, resource);")
_BY_STANDING = (
    Role.PARTNER, Role.SERVICE, Role.REP, Role.MANAGER, Role.EXECUTIVE, Role.OPERATIONS, Role.OWNER,
)  # fmt: skip


def principal_of_channel(
    session: Session,
    user_ids: Iterable[int | None],
    *,
    name: str,
    policy: Policy,
    at: datetime,
) -> Principal:
    """Return the caller whose reads are those that every member of a channel may do.

    A row is readable, and a field shown, where all members' rules say so; what each is bound to
    counts for him alone. A member who is no active user of the CRM (None, unknown, deleted, left)
    may read nothing, and so does the channel with him in it. Its role is the humblest of theirs,
    for what is decided by role alone.

    Raises BadInput for a channel without members.
    """
    members = list(dict.fromkeys(user_ids))
    if not members:
        raise BadInput(f"channel {name!r} has no members: nobody could read in it")
    known = {
        user.id: user
        for user in session.scalars(
            select(User).where(
                User.id.in_([one for one in members if one is not None]),
                User.deleted_at.is_(None),
                User.is_active.is_(True),
            )
        )
    }
    if any(member not in known for member in members):
        scope = Scope(_NOTHING, Role.PARTNER, Bindings(NOBODY))
        return Principal(NOBODY, name, Role.PARTNER, scopes=(scope,))
    scopes = tuple(
        Scope(policy, role_of(user), bindings_of(session, user, at=at)) for user in known.values()
    )
    role = min((scope.role for scope in scopes), key=_BY_STANDING.index)
    return Principal(NOBODY, name, role, scopes=scopes)
