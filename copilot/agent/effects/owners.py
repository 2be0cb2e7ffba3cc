"""Whose a record is: changing another's takes more than its proposer."""

from sqlalchemy.orm import Session

from copilot.agent.effects.fields import Record
from crm.models import Account, Contact
from crm.principal import Principal


def is_another_ones(session: Session, row: Record, *, principal: Principal) -> bool:
    """Say whether the record has an owner who is neither the caller nor whom he stands in for.

    A contact is its account's owner's. The local owner's are all.
    """
    if principal.is_local_owner:
        return False
    owner_id = _owner_id(session, row)
    mine = {principal.user_id}
    for scope in principal.scopes:
        mine |= scope.bindings.stand_in_for
    return owner_id is not None and owner_id not in mine


def _owner_id(session: Session, row: Record) -> int | None:
    if isinstance(row, Contact):
        account = session.get(Account, row.account_id) if row.account_id else None
        return account.owner_id if account else None
    return row.owner_id
