"""Which quotas count, and what was won against each of them."""

from typing import Any

from sqlalchemy import CTE, ColumnElement, and_, exists, func, literal, or_, select
from sqlalchemy.orm import aliased

from crm.access import readable, visible
from crm.models import Opportunity, Quota, Stage, StageStatus, Team, User
from crm.principal import Principal


def team_tree() -> CTE:
    """Return pairs (`top_id`, `team_id`): each team with itself and every team below it."""
    start = select(Team.id.label("top_id"), Team.id.label("team_id"))
    tree = start.cte(recursive=True)
    below = select(tree.c.top_id, Team.id).where(Team.parent_id == tree.c.team_id)
    # UNION drops repeats, so a loop in the data ends too.
    return tree.union(below)


def is_counted(principal: Principal) -> ColumnElement[bool]:
    """Return the condition that a quota is not a sum of others that the caller may read.

    A team's quota counts only where nobody in the team and no team below it has one of the same
    days: otherwise the same target would be counted at two levels.
    """
    tree, part, member = team_tree(), aliased(Quota), aliased(User)
    finer = (
        exists(select(literal(1)).select_from(part).outerjoin(member, member.id == part.user_id))
        .where(
            part.starts_on <= Quota.ends_on,
            part.ends_on >= Quota.starts_on,
            tree.c.top_id == Quota.team_id,
            or_(
                tree.c.team_id == member.team_id,
                and_(tree.c.team_id == part.team_id, part.team_id != Quota.team_id),
            ),
            part.id != Quota.id,
            readable(part, principal),
        )
        .correlate(Quota)
    )
    return or_(Quota.user_id.is_not(None), ~finer)


def won_against(principal: Principal) -> ColumnElement[Any]:
    """Return the minor units won in a quota's days and currency by its user or team tree."""
    tree, seller, stage = team_tree(), aliased(User), aliased(Stage)
    in_team = select(tree.c.team_id).where(tree.c.top_id == Quota.team_id).correlate(Quota)
    is_theirs = or_(
        Opportunity.owner_id == Quota.user_id,
        and_(Quota.user_id.is_(None), seller.team_id.in_(in_team)),
    )
    won = (
        select(func.coalesce(func.sum(Opportunity.amount_minor), 0))
        .join(stage, stage.id == Opportunity.stage_id)
        .outerjoin(seller, seller.id == Opportunity.owner_id)
        .where(
            stage.status == StageStatus.WON.value,
            Opportunity.currency == Quota.currency,
            Opportunity.closed_on.between(Quota.starts_on, Quota.ends_on),
            is_theirs,
        )
    )
    return visible(won, Opportunity, principal).correlate(Quota).scalar_subquery()
