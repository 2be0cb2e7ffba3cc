"""Gives people access beyond their place in the CRM, for a time, and takes it back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from crm.audit.trail import Deed, record
from crm.errors import BadInput, NotAllowed, NotFound
from crm.models import (
    AccessGrant,
    Account,
    Base,
    Conversation,
    GrantKind,
    Opportunity,
    Team,
    Territory,
    User,
)
from crm.principal import Principal, Role

OBJECTS: Mapping[GrantKind, type[Base]] = {
    GrantKind.TEAM: Team,
    GrantKind.TERRITORY: Territory,
    GrantKind.ACCOUNT: Account,
    GrantKind.OPPORTUNITY: Opportunity,
    GrantKind.STAND_IN: User,
}


@dataclass(frozen=True)
class Wish:
    """What a user is to be given, why, and from when until when; None leaves an end open."""

    user_id: int
    kind: GrantKind
    object_id: int
    reason: str
    valid_from: datetime | None = None
    valid_until: datetime | None = None


def grant_access(session: Session, wish: Wish, *, principal: Principal, now: datetime) -> int:
    """Give a user something from a moment until another, and return the grant's id.

    Raises:
        NotAllowed: the caller is not of sales operations.
        BadInput: no reason is given, the time ends before it begins or is over, another grant gives
            the same, or somebody would stand in for himself.
        NotFound: there is no such user or object.
    """
    _check_may(principal)
    if not wish.reason.strip():
        raise BadInput("say why with a reason: the list of grants shows it")
    until = wish.valid_until
    if until is not None and until <= max(wish.valid_from or now, now):
        raise BadInput(f"the grant would end on {until:%Y-%m-%d %H:%M}: give a later day")
    for model, wanted in ((User, wish.user_id), (OBJECTS[wish.kind], wish.object_id)):
        if session.get(model, wanted) is None:
            raise NotFound(f"there is no row {wanted!r} in {model.__tablename__}")
    _check_new(session, wish)
    made = AccessGrant(
        user_id=wish.user_id,
        kind=wish.kind.value,
        object_id=wish.object_id,
        reason=wish.reason.strip(),
        valid_from=wish.valid_from,
        valid_until=until,
        granted_by=principal.name,
        created_at=now,
    )
    session.add(made)
    session.flush()
    given = {
        "what": f"{made.kind}:{made.object_id}",
        "from": made.valid_from and made.valid_from.isoformat(),
        "until": made.valid_until and made.valid_until.isoformat(),
    }
    deed = Deed("access.grant", f"user:{made.user_id}", after=given, reason=made.reason)
    record(session, deed, principal=principal, now=now)
    return made.id


def _check_new(session: Session, wish: Wish) -> None:
    if wish.kind is GrantKind.STAND_IN and wish.object_id == wish.user_id:
        raise BadInput("nobody stands in for himself: name who is absent, and who stands in")
    same = _same(wish.user_id, wish.kind.value, wish.object_id).where(
        AccessGrant.valid_from.is_not_distinct_from(wish.valid_from),
        AccessGrant.valid_until.is_not_distinct_from(wish.valid_until),
    )
    known = session.scalar(same)
    if known is not None:
        raise BadInput(f"grant {known} gives the same for the same time: nothing was added")


def _same(user_id: int, kind: str, object_id: int) -> Select[int]:
    """Return the statement of the grants of the same to the same user that were not taken back."""
    return (
        select(AccessGrant.id)
        .where(
            AccessGrant.user_id == user_id,
            AccessGrant.kind == kind,
            AccessGrant.object_id == object_id,
            AccessGrant.revoked_at.is_(None),
        )
        .order_by(AccessGrant.id)
    )


def revoke_access(
    session: Session, grant_id: int, *, principal: Principal, now: datetime
) -> tuple[int, ...]:
    """Take a grant back; one that was taken back already stays so.

    The result are the grants by which the user still has the same, or will have.
    Raises NotAllowed for who may not, NotFound for an unknown grant.
    """
    _check_may(principal)
    found = session.get(AccessGrant, grant_id)
    if found is None:
        raise NotFound(f"there is no grant {grant_id!r}; `sales-copilot access grants` lists them")
    if found.revoked_at is None:
        found.revoked_at = now
        what = {"what": f"{found.kind}:{found.object_id}", "grant": found.id}
        deed = Deed("access.revoke", f"user:{found.user_id}", before=what)
        record(session, deed, principal=principal, now=now)
    session.flush()
    left = _same(found.user_id, found.kind, found.object_id)
    is_ahead = or_(AccessGrant.valid_until.is_(None), AccessGrant.valid_until > now)
    return tuple(session.scalars(left.where(is_ahead)))


def set_private(
    session: Session, conversation_id: int, *, is_private: bool, principal: Principal, now: datetime
) -> None:
    """Keep a conversation to its owner and the people in it, or open it again.

    Raises NotFound where there is none, or it is another's.
    """
    row = session.get(Conversation, conversation_id)
    is_mine = row is not None and row.owner_id == principal.user_id
    is_owner = principal.is_local_owner and principal.user_id is None
    if row is None or not (is_owner or is_mine):
        raise NotFound(f"no conversation {conversation_id!r} of yours")
    if (row.is_private, row.kept_private) != (is_private, is_private):
        row.is_private = row.kept_private = is_private
        deed = Deed("conversation.private", f"conversation:{row.id}", after={"private": is_private})
        record(session, deed, principal=principal, now=now)


def list_grants(session: Session, *, principal: Principal) -> list[AccessGrant]:
    """Return the grants, the newest first: all for sales operations, for others their own."""
    statement = select(AccessGrant).order_by(AccessGrant.id.desc())
    if not _may_grant(principal):
        statement = statement.where(AccessGrant.user_id == principal.user_id)
    return list(session.scalars(statement))


def _may_grant(principal: Principal) -> bool:
    # A CRM may call somebody "owner": only who is no user of it owns the installation.
    is_owner = principal.is_local_owner and principal.user_id is None
    return is_owner or principal.role is Role.OPERATIONS


def _check_may(principal: Principal) -> None:
    if not _may_grant(principal):
        raise NotAllowed(
            f"{principal.name!r} is {principal.role.value}: access is given by sales operations"
        )
