"""Whose a record is: changing another's takes more than its proposer."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from copilot.agent.effects.fields import Record
from crm.models import Account, Contact, User
from crm.principal import Principal, Role


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


def is_another_ones_task(session: Session, owner_id: int | None, *, principal: Principal) -> bool:
    """Say whether a task is for a colleague to whom the caller gives none by himself.

    A manager gives tasks to his own people, everybody to himself and to whom he stands in for.
    """
    if principal.is_local_owner or owner_id is None or owner_id in _own_ids(principal):
        return False
    owner = session.get(User, owner_id)
    if owner is None or principal.role is not Role.MANAGER:
        return True
    bound = [scope.bindings for scope in principal.scopes]
    teams = principal.team_ids.union(*(one.team_ids for one in bound))
    reports = {owner_id for one in bound for owner_id in one.report_ids}
    is_his = owner.manager_id == principal.user_id or owner.id in reports
    return not is_his and owner.team_id not in teams


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
