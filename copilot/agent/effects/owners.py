"""Whose a record is: changing another's takes more than its proposer."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from copilot.agent.effects.fields import Record
from crm.models import Account, Contact, User
from crm.principal import Principal


def is_another_ones(session: Session, row: Record, *, principal: Principal) -> bool:
    """Say whether the record has an owner who is neither the caller nor whom he stands in for.

    A contact is its account's owner's. The local owner's are all.
    """
    if principal.is_local_owner:
        return False
    owner_id = _owner_id(session, row)
    return owner_id is not None and owner_id not in _own_ids(principal)


def is_another_ones_address(session: Session, address: str, *, principal: Principal) -> bool:
    """Say whether the address is that of a colleague for whom the caller does not stand in.

    One that no user has, such as a team's, is nobody's in particular.
    """
    if principal.is_local_owner:
        return False
    statement = select(User.id).where(
        func.lower(User.email) == address.lower(), User.is_active, User.deleted_at.is_(None)
    )
    owners = set(session.scalars(statement))
    return bool(owners) and not owners & _own_ids(principal)


def _own_ids(principal: Principal) -> set[int | None]:
    mine = {principal.user_id}
    for scope in principal.scopes:
        mine |= scope.bindings.stand_in_for
    return mine


def _owner_id(session: Session, row: Record) -> int | None:
    if isinstance(row, Contact):
        account = session.get(Account, row.account_id) if row.account_id else None
        return account.owner_id if account else None
    return row.owner_id
