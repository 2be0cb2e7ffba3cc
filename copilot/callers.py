"""Who a caller is: from the name that a surface gives to a principal with what it may read."""

from datetime import datetime

from sqlalchemy import func, or_, select

from copilot.refusals import no_such_user
from crm.access.bindings import bindings_of, role_of
from crm.access.policy import Policy
from crm.access.scope import Scope
from crm.errors import Ambiguous, NotFound
from crm.models import User
from crm.principal import Principal
from crm.store import Store


def principal_of(store: Store, who: str, *, policy: Policy, at: datetime) -> Principal:
    """Return the caller named by email (or by name where users have none).

    Raises NotFound with close names, Ambiguous if several users have the name.
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
        if not users:
            raise NotFound(no_such_user(session, who))
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
