"""The act step: runs the planned tool with the caller's principal and keeps its facts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from copilot.agent.act_proposing import list_asked
from copilot.agent.act_scene import RECORDS
from copilot.agent.contract import Status
from copilot.agent.desk import Desk, Request
from copilot.agent.draft_acting import write_order
from copilot.agent.metric_acting import run_metrics
from copilot.agent.outcome import Outcome
from copilot.agent.own_acting import answer_own
from copilot.agent.plan import Plan, Route
from copilot.agent.wording import phrase
from copilot.grounding.pack.hostile import told_name
from crm.errors import Ambiguous, BadInput, NotFound
from crm.index.terms import terms_of
from crm.models import ConversationKind, Side
from crm.tracing import span
from tools.attributes import Entity
from tools.conversations import (
    LastArguments,
    SearchArguments,
    TopicArguments,
    find_in_conversation,
    last_conversation,
    search_conversations,
)
from tools.language import Language, detect_language
from tools.records import AttributeArguments, record_attribute
from tools.timeline import (
    ActivityArguments,
    TimelineArguments,
    opportunity_timeline,
    recent_activity_and_gaps,
)


@dataclass(frozen=True)
class Step:
    """What a runner works with."""

    desk: Desk
    session: Session
    request: Request
    plan: Plan
    outcome: Outcome
    language: Language

    @property
    def asked(self) -> dict[str, Any]:
        """The arguments that every tool takes: for whom, as of when, in which language."""
        return {
            "principal": self.request.principal,
            "as_of": self.request.as_of,
            "language": self.language,
        }


_PASSAGES = 6


def act(desk: Desk, request: Request, state: dict[str, Any]) -> dict[str, Any]:
    """Return the state's changes: facts, sentences written by code, and how the step ended."""
    plan = Plan.model_validate(state["plan"])
    outcome = Outcome()
    language = state["language"]
    try:
        with desk.store.session() as session, span("tool", route=plan.route.value):
            _RUNNERS[plan.route](Step(desk, session, request, plan, outcome, language))
    except NotFound as error:
        outcome.status = Status.NOT_FOUND
        outcome.say(str(error))
    except Ambiguous as error:
        outcome.status = Status.AMBIGUOUS
        outcome.candidates = error.candidates
        outcome.say(str(error))
    except BadInput as error:
        outcome.status = Status.NOT_FOUND
        is_draft = plan.route is Route.DRAFT
        outcome.say(
            phrase("cannot_draft" if is_draft else "cannot_compute", language, why=str(error))
        )
    return {
        "status": outcome.status.value,
        "interpretation": outcome.interpretation,
        "facts": [fact.model_dump(mode="json") for fact in outcome.facts],
        "sentences": [sentence.model_dump(mode="json") for sentence in outcome.sentences],
        "candidates": outcome.candidates,
        "actions": [one.model_dump(mode="json") for one in outcome.actions],
        "needs_model": outcome.needs_model,
        "relevant": outcome.relevant,
        "tokens_in": state["tokens_in"] + outcome.tokens_in,
        "tokens_out": state["tokens_out"] + outcome.tokens_out,
        "draft": outcome.draft.model_dump(mode="json") if outcome.draft else None,
        "dropped": [one.model_dump(mode="json") for one in outcome.dropped],
        "tried": [*state["tried"], plan.route.value],
        "previous": _remember(state, plan, outcome),
    }


def _remember(state: dict[str, Any], plan: Plan, outcome: Outcome) -> dict[str, Any]:
    previous = dict(state.get("previous") or {})
    if outcome.status is not Status.ANSWERED:
        return previous
    focus = {**(previous.get("focus") or {}), **outcome.focus}
    return {"plan": plan.model_dump(mode="json"), "focus": focus}


def _metric(step: Step) -> None:
    plan, outcome = step.plan, step.outcome
    run_metrics(
        step.session,
        plan,
        outcome,
        request=step.request,
        calendar=step.desk.calendar,
        language=step.language,
    )


def _lookup(step: Step) -> None:
    plan, outcome = step.plan, step.outcome
    arguments = AttributeArguments(
        entity=Entity(plan.entity), id=plan.record_id or 0, attribute=plan.attribute
    )
    found = record_attribute(step.session, arguments, **step.asked)
    if found.field.text is None:
        outcome.status = Status.NOT_FOUND
    for fact in found.facts:
        outcome.say(fact.text, outcome.evidence.add(fact).id)
    record = found.record
    named = told_name(record.entity.value, record.id, record.name)
    outcome.interpretation = f"{named} · {found.field.label}"
    if f"{record.entity.value}_id" in RECORDS:
        # What was spoken of before is no longer meant by "it".
        outcome.focus = dict.fromkeys(RECORDS) | {f"{record.entity.value}_id": record.id}


def _conversation(step: Step) -> None:
    plan, outcome = step.plan, step.outcome
    if plan.only_last:
        scope = _last_scope(plan, step.request)
        card = last_conversation(step.session, LastArguments(**scope), **step.asked)
        topic = TopicArguments(
            conversation_id=card.conversation_id,
            topic=plan.topic,
            side=Side(plan.side) if plan.side else None,
            limit=_PASSAGES,
        )
        found = find_in_conversation(step.session, step.desk.index, topic, **step.asked)
        outcome.interpretation = card.facts[0].text
        outcome.focus = {
            "conversation_id": card.conversation_id,
            "account_id": card.account_id,
            "opportunity_id": card.opportunity_id,
        }
    else:
        search = SearchArguments(
            text=plan.topic,
            account_id=plan.account_id,
            opportunity_id=plan.opportunity_id,
            speaker=plan.speaker or None,
            kind=ConversationKind(plan.kind) if plan.kind else None,
        )
        found = search_conversations(step.session, step.desk.index, search, **step.asked)
        outcome.interpretation = phrase("searched", step.language, topic=plan.topic)
    wanted = set(found.matched_terms)
    for fact in found.facts[:_PASSAGES]:
        known = outcome.evidence.add(fact)
        if wanted & set(terms_of(fact.text)):
            outcome.relevant.append(known.id)
    if not outcome.evidence.facts or not (
        found.matched_terms or plan.only_last or _is_foreign(step)
    ):
        outcome.status = Status.NOT_FOUND
        if not plan.only_last:
            outcome.say(phrase("nothing_said", step.language))
        return
    outcome.needs_model = True


def _is_foreign(step: Step) -> bool:
    """Say whether the quotes are in another language than the question: words cannot match then."""
    quoted = " ".join(fact.text for fact in step.outcome.evidence.facts)
    return detect_language(quoted) != detect_language(step.plan.topic)


def _last_scope(plan: Plan, request: Request) -> dict[str, Any]:
    """Whose last conversation: the named record's, else the caller's own, else everybody's."""
    kind = ConversationKind(plan.kind) if plan.kind else None
    if plan.opportunity_id:
        return {"opportunity_id": plan.opportunity_id, "kind": kind}
    if plan.account_id:
        return {"account_id": plan.account_id, "kind": kind}
    owner_id = plan.owner_id or request.principal.user_id
    return {"owner_id": owner_id, "kind": kind} if owner_id else {"kind": kind}


def _history(step: Step) -> None:
    plan, outcome = step.plan, step.outcome
    if plan.opportunity_id is None:
        _contact_gap(step)
        return
    arguments = TimelineArguments(opportunity_id=plan.opportunity_id)
    found = opportunity_timeline(step.session, arguments, **step.asked)
    for fact in found.facts:
        outcome.say(fact.text, outcome.evidence.add(fact).id)
    outcome.focus["opportunity_id"] = plan.opportunity_id


def _contact_gap(step: Step) -> None:
    plan, outcome = step.plan, step.outcome
    scope = {
        "opportunity_id": plan.opportunity_id,
        "account_id": plan.account_id,
        "owner_id": plan.owner_id,
    }
    arguments = ActivityArguments(**{key: value for key, value in scope.items() if value})
    found = recent_activity_and_gaps(step.session, arguments, **step.asked)
    for fact in found.facts:
        outcome.say(fact.text, outcome.evidence.add(fact).id)


def _own(step: Step) -> None:
    own = step.plan.own
    if own is None:
        raise BadInput("a plan of the route 'own' says nothing of what is asked")
    answer_own(step.session, own, step.outcome, request=step.request, language=step.language)


def _draft(step: Step) -> None:
    write_order(step.desk, step.request, step.plan, step.outcome, language=step.language)


def _actions(step: Step) -> None:
    list_asked(
        step.desk,
        step.session,
        step.plan.topic,
        step.outcome,
        request=step.request,
        language=step.language,
    )


_RUNNERS: dict[Route, Callable[[Step], None]] = {
    Route.METRIC: _metric,
    Route.LOOKUP: _lookup,
    Route.CONVERSATION: _conversation,
    Route.HISTORY: _history,
    Route.CONTACT_GAP: _contact_gap,
    Route.DRAFT: _draft,
    Route.ACTIONS: _actions,
    Route.OWN: _own,
}
