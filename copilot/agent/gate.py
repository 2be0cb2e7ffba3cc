"""The gate before planning and after it: who gets a plan at all, and which plans partners get."""

import re
from typing import Any

from sqlalchemy.orm import Session

from copilot.agent.declining import Topic, declined, is_outside, topic_of
from copilot.agent.desk import Desk, Request
from copilot.agent.outside import plan_outside
from copilot.agent.partners import partners_plan
from copilot.agent.plan import Plan, Route
from copilot.agent.reading import Reading, read_question
from copilot.agent.subjects import with_subjects_quoted
from tools.cases import subjects_in
from tools.names import NameIndex
from tools.talks import speakers_of

# What a partner may be told of the deals that were given to him; all else is how we work inside.
_TOLD_TO_PARTNERS = frozenset(
    {
        "opportunities", "open_opportunities", "won_deals", "lost_deals", "closed_deals", "amount",
        "pipeline", "won_amount", "lost_amount", "largest_deal", "smallest_deal", "accounts",
        "contacts", "customers",
    }
)  # fmt: skip
_KEPT_FROM_PARTNERS = frozenset(
    {
        "owner", "manager", "team", "territory", "region", "source", "role", "forecast_category",
        "competitor", "lead_source",
    }
)  # fmt: skip
_NOT_BY_WORDS = frozenset({Topic.OTHERS, Topic.OPERATIONS})
_MINE = re.compile(
    r"\b(?:i|i've|me|my|mine|we|us|our|ours|given|assigned|shared|registered)\b|我|咱|分配|交给|共享",
    re.IGNORECASE,
)


def before_plan(
    desk: Desk, request: Request, session: Session, index: NameIndex, state: dict[str, Any]
) -> dict[str, Any] | None:
    """Return the state's changes where the gate settles the question, None where it lets it pass.

    For customers and visitors it always settles it: by a plan of its own kinds or a decline.
    """
    question, caller = str(state["question"]).strip(), request.principal
    if not desk.declines:
        return None
    if caller.is_customer:
        cases = subjects_in(session, question, principal=caller)
        question = with_subjects_quoted(question, cases)
        reading = read_question(
            question, index, today=request.as_of.date(), calendar=desk.calendar, asker=caller.name
        )
        speakers = speakers_of(session, principal=caller)
        return plan_outside(
            request, reading, state, speakers=speakers, cases=cases, kinds=desk.kinds
        )
    rivals = [thing.name for thing in index.things("competitor")]
    # Partners speak of customers and deals by right: of these it is the plan that decides.
    but_for = _NOT_BY_WORDS if is_outside(caller) else frozenset[Topic]()
    topic = topic_of(question, caller, rivals, but_for=but_for)
    return None if topic is None else declined(topic, question, caller)


def after_plan(
    desk: Desk, request: Request, reading: Reading, changes: dict[str, Any]
) -> dict[str, Any]:
    """Return the plan, or an ending; a partner's is of what was given to him, or a decline."""
    caller = request.principal
    if not desk.declines or not is_outside(caller):
        return changes
    plan = Plan.model_validate(changes["plan"]) if changes.get("plan") else None
    is_told = plan is not None and _is_of_given(plan, reading)
    settled = partners_plan(plan if is_told else None, reading, desk.kinds)
    if settled is not None:
        return {**changes, "status": "", "sentences": [], "plan": settled.model_dump(mode="json")}
    topic = topic_of(reading.text, caller) or Topic.GENERAL
    return declined(topic, reading.text, caller)


def _is_of_given(plan: Plan, reading: Reading) -> bool:
    is_anchored = bool(_MINE.search(reading.text)) or any(
        mention.candidates[0].dimension in {"account", "contact", "opportunity"}
        for mention in reading.names
    )
    match plan.route:
        case Route.LOOKUP:
            return plan.attribute not in _KEPT_FROM_PARTNERS
        case Route.HISTORY:
            return plan.opportunity_id is not None
        case Route.METRIC:
            asked = {dimension for query in plan.queries for dimension in query.by}
            asked |= {one.dimension for query in plan.queries for one in query.filters}
            measures = {query.measure for query in plan.queries}
            is_told = measures <= _TOLD_TO_PARTNERS and not asked & _KEPT_FROM_PARTNERS
            return is_anchored and is_told
        case _:
            return False
