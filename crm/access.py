"""The one place where a caller's scope is put on a statement, for every read of every layer."""

from typing import TypeVarTuple

from sqlalchemy import Select

from crm.models import Base
from crm.principal import Principal

Ts = TypeVarTuple("Ts")


def visible(statement: Select[*Ts], entity: type[Base], principal: Principal) -> Select[*Ts]:
    """Return the statement limited to the rows of `entity` that the caller may read.

    Everybody who can open the installation reads everything as yet; what is fixed already is that
    no read happens without a caller, so that rules can be added here and nowhere else.
    """
    if not isinstance(principal, Principal):
        raise TypeError(f"reading {entity.__tablename__} needs a Principal, got {principal!r}")
    return statement
