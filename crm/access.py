"""The one place where a caller's scope is put on a statement, for every read of every layer."""

from collections.abc import Iterator
from typing import Any, TypeVarTuple

from sqlalchemy import Alias, FromClause, Join, Select, Table

from crm.models import Base
from crm.models.base import Sourced
from crm.principal import Principal

Ts = TypeVarTuple("Ts")


def visible(statement: Select[*Ts], entity: type[Base], principal: Principal) -> Select[*Ts]:
    """Return the statement limited to the rows of `entity` that the caller may read.

    Everybody who can open the installation reads everything as yet, except what its source has
    deleted; what is fixed already is that no read happens without a caller, so that rules can be
    added here and nowhere else. Where the statement reads the table itself, rules bind there, else
    on its aliases.
    """
    if not isinstance(principal, Principal):
        raise TypeError(f"reading {entity.__tablename__} needs a Principal, got {principal!r}")
    if not issubclass(entity, Sourced):
        return statement
    read = [leaf for source in statement.get_final_froms() for leaf in _leaves(source)]
    tables = [leaf for leaf in read if leaf == entity.__table__]
    tables = tables or [leaf for leaf in read if _is_alias(leaf, entity.__table__)]
    return statement.where(*(table.c.deleted_at.is_(None) for table in tables))


def _leaves(source: FromClause) -> Iterator[FromClause]:
    if isinstance(source, Join):
        yield from _leaves(source.left)
        yield from _leaves(source.right)
    else:
        yield source


def _is_alias(leaf: FromClause, table: Table | Any) -> bool:
    return isinstance(leaf, Alias) and leaf.element == table
