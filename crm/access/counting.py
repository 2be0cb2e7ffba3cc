"""Which rows count in a caller's figures though he may not open them: the policy's `aggregate`."""

from dataclasses import replace

from sqlalchemy import ColumnElement, not_

from crm.access.anchors import ANCHORS
from crm.access.scope import check_caller, readable
from crm.models import Base
from crm.principal import Principal


def counts_more(entity: type[Base], principal: Principal) -> bool:
    """Say whether any rows of this kind count for the caller that he may not open."""
    check_caller(entity, principal)
    anchors = ANCHORS.get(entity)
    return anchors is not None and any(
        replace(scope, counts=True).clauses(anchors.kind) != scope.clauses(anchors.kind)
        for scope in principal.scopes
    )


def counting(principal: Principal) -> Principal:
    """Return the caller whose reads are the rows that count in the figures of this one.

    It is for sums alone: no row that it finds is shown.
    """
    return replace(
        principal, scopes=tuple(replace(scope, counts=True) for scope in principal.scopes)
    )


def is_closed(entity: type[Base], principal: Principal) -> ColumnElement[bool]:
    """Return the condition that the caller may not open a row of a table that has owners."""
    return not_(readable(entity, principal))


def smallest_group(principal: Principal) -> int:
    """Return how many owners and customers a group of closed rows has at least, to be told."""
    return max((scope.policy.smallest_group for scope in principal.scopes), default=1)
