"""Everything done with customers: conversations, and the activities that no conversation tells."""

from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, exists, func, literal, select
from sqlalchemy.orm import aliased

from crm.access import readable, visible
from crm.metrics.portable_dates import DayOf
from crm.models import Activity, ActivityKind, Conversation, Opportunity
from crm.principal import Principal

RECORDED_KINDS = (ActivityKind.CALL, ActivityKind.EMAIL, ActivityKind.MEETING)


def touches(principal: Principal, as_of: datetime) -> CTE:
    """Return the CTE `touches`, one row for each thing done up to the as-of time.

    A call, email or meeting logged as an activity is left out when a conversation of the same
    kind that the caller may read took place on the same UTC day with the same deal or the same
    account: it is the same event seen twice. Conversations carry their id negated, as the two
    tables share numbers.
    """
    return _activities(principal, as_of).union_all(_conversations(principal, as_of)).cte("touches")


def _activities(principal: Principal, as_of: datetime) -> Select[Any]:
    done_at = func.coalesce(Activity.occurred_at, Activity.done_at)
    account_id = func.coalesce(Activity.account_id, Opportunity.account_id)
    rows: Any = (
        select(
            Activity.id,
            Activity.kind,
            DayOf(done_at).label("happened_on"),
            Activity.owner_id,
            account_id.label("account_id"),
            Activity.opportunity_id,
        )
        .select_from(Activity)
        .outerjoin(
            Opportunity,
            and_(Opportunity.id == Activity.opportunity_id, readable(Opportunity, principal)),
        )
        .where(
            done_at <= as_of,
            ~_is_recorded("opportunity_id", Activity.opportunity_id, done_at, principal),
            ~_is_recorded("account_id", account_id, done_at, principal),
        )
    )
    return visible(rows, Activity, principal)


def _is_recorded(
    column: str, value: Any, done_at: Any, principal: Principal
) -> ColumnElement[bool]:
    seen = aliased(Conversation)
    return (
        exists(select(literal(1)).select_from(seen))
        .where(
            getattr(seen, column) == value,
            seen.kind == Activity.kind,
            Activity.kind.in_([kind.value for kind in RECORDED_KINDS]),
            DayOf(seen.started_at) == DayOf(done_at),
            readable(seen, principal),
        )
        .correlate(Activity, Opportunity)
    )


def _conversations(principal: Principal, as_of: datetime) -> Select[Any]:
    rows: Any = select(
        -Conversation.id,
        Conversation.kind,
        DayOf(Conversation.started_at),
        Conversation.owner_id,
        Conversation.account_id,
        Conversation.opportunity_id,
    ).where(Conversation.started_at <= as_of)
    return visible(rows, Conversation, principal)
