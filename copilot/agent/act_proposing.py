"""The steps around the wait: what the caller asked for is proposed, and what came of it told."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from copilot.agent.act_checking import Said, check_said
from copilot.agent.act_scene import PROPOSED, focus_after
from copilot.agent.act_telling import Hearer, brief_of, told
from copilot.agent.approvals.effects import effect_for
from copilot.agent.approvals.graph import ApprovalDesk, propose_all
from copilot.agent.approvals.listing import ActionFilter, ActionView, list_actions, show_action
from copilot.agent.approvals.proposing import Wanted, propose
from copilot.agent.contract import Status
from copilot.agent.desk import Desk, Request
from copilot.agent.draft_mail import MailWish, propose_draft
from copilot.agent.effects.mail_payload import Person
from copilot.agent.outcome import Outcome
from copilot.agent.wording import phrase
from crm.errors import NotFound, PermanentError
from crm.facts import Fact, FactKind
from crm.models import ActionStatus, EffectKind
from tools.language import Language

AGENT = "copilot"
_MAILS = frozenset({EffectKind.SEND_MAIL, EffectKind.SAVE_MAIL_DRAFT})
_MOST_LISTED = 10


def approval_desk(desk: Desk) -> ApprovalDesk:
    """Return what the steps of approval work with."""
    return ApprovalDesk(desk.store, desk.effects(), desk.policy())


def propose_said(
    desk: Desk, request: Request, state: Mapping[str, Any], thread_id: str
) -> dict[str, Any]:
    """Return the state's changes: what was proposed, after a last look at who said what.

    The keys are the turn's: run again, the step proposes nothing anew.
    """
    with desk.store.session() as session:
        index = desk.names(session, request.principal)

    def put(session: Session, row: Mapping[str, Any]) -> int:
        kind, payload = EffectKind(row["kind"]), row["payload"]
        said = Said(
            session,
            index,
            request.principal,
            request.as_of.date(),
            tuple(row["said"]),
            row["about"],
        )
        check_said(kind, payload, said)
        if kind in _MAILS:
            return _propose_mail(desk, session, kind, payload, request)
        wanted = Wanted(
            kind,
            payload,
            f"ask-{state['turn']}-{row['number']}",
            account_id=row["account_id"],
            opportunity_id=row["opportunity_id"],
            agent=AGENT,
            thread_id=thread_id,
        )
        return propose(
            session,
            wanted,
            effects=desk.effects(),
            policy=desk.policy(),
            principal=request.principal,
            now=request.as_of,
        ).id

    rows = [{**row, "number": number} for number, row in enumerate(state["wanted"])]
    return propose_all(desk.store, rows, put)


def report(desk: Desk, request: Request, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state's changes: sentences on what was proposed, waits, was done or refused."""
    language: Language = state["language"]
    outcome = Outcome()
    with desk.store.session() as session:
        hearer = Hearer(session, request.principal, language)
        views = _views(desk, session, state["action_ids"], request)
        is_waiting = any(view.status is ActionStatus.WAITING for view in views)
        is_done = any(view.status is ActionStatus.APPLIED for view in views)
        if is_waiting and not is_done:
            outcome.say(phrase("act_proposed", language))
        for one in told(hearer, views):
            outcome.say(one.text, outcome.evidence.add(one.fact).id)
        outcome.actions = [brief_of(hearer, view) for view in views]
        known = {view.error for view in views}
        for refused in state["outcomes"]:
            if refused["error"] is not None and refused["error"] not in known:
                outcome.say(phrase("act_refused", language, why=refused["error"]))
        for aside in state["asides"]:
            outcome.say(aside)
    outcome.status = _status({view.status for view in views})
    return _as_state(outcome, state, views)


def list_asked(
    desk: Desk,
    session: Session,
    topic: str,
    outcome: Outcome,
    *,
    request: Request,
    language: Language,
) -> None:
    """Put the actions that were asked about into the outcome: `to_decide`, `of_mine` or `open`."""
    wanted = ActionFilter(limit=_MOST_LISTED)
    if topic == "to_decide":
        wanted = replace(wanted, mine_to_decide=True)
    elif topic == "of_mine":
        wanted = replace(wanted, mine=True, statuses=tuple(ActionStatus))
    page = list_actions(
        session, wanted, policy=desk.policy(), principal=request.principal, now=request.as_of
    )
    count = len(page.actions) + page.more
    counted = phrase(f"act_listed_{topic}", language, count=count)
    outcome.interpretation = counted
    hearer = Hearer(session, request.principal, language)
    for one in told(hearer, page.actions):
        outcome.say(one.text, outcome.evidence.add(one.fact).id)
    outcome.actions = [brief_of(hearer, view) for view in page.actions]
    known = Fact(
        kind=FactKind.METRIC,
        text=counted,
        value=count,
        rows=count,
        as_of=request.as_of,
        source=f"actions:{topic}",
    )
    if not count:
        outcome.say(phrase(f"act_none_{topic}", language), outcome.evidence.add(known).id)
    elif page.more:
        more = phrase("act_more", language, count=page.more)
        outcome.say(more, outcome.evidence.add(known).id)


def _propose_mail(
    desk: Desk, session: Session, kind: EffectKind, payload: Mapping[str, Any], request: Request
) -> int:
    account = desk.mailbox()
    if account is None:
        # The effect that stands for the missing mailbox says what has to be set up.
        effect = effect_for(desk.effects(), kind)
        effect.check(session, payload, principal=request.principal, now=request.as_of)
        raise PermanentError("no mailbox is set up: set SALES_COPILOT_MAIL_ADDRESS")
    people = [Person(email=one["email"], name=one["name"]) for one in payload["to"]]
    return propose_draft(
        session,
        payload["draft_id"],
        MailWish(kind, people, is_changed=payload["is_changed"]),
        account=account,
        effects=desk.effects(),
        policy=desk.policy(),
        principal=request.principal,
        now=request.as_of,
    )


def _views(desk: Desk, session: Session, ids: list[int], request: Request) -> list[ActionView]:
    found = []
    for action_id in ids:
        try:
            found.append(
                show_action(
                    session,
                    action_id,
                    policy=desk.policy(),
                    principal=request.principal,
                    now=request.as_of,
                )
            )
        except NotFound:
            continue
    return found


def _status(found: set[ActionStatus]) -> Status:
    if ActionStatus.WAITING in found:
        return Status.NEEDS_APPROVAL
    if found & {ActionStatus.APPROVED, ActionStatus.APPLYING}:
        return Status.ERROR
    return Status.ANSWERED if ActionStatus.APPLIED in found else Status.DECLINED


def _as_state(
    outcome: Outcome, state: Mapping[str, Any], views: list[ActionView]
) -> dict[str, Any]:
    previous = dict(state.get("previous") or {})
    focus = dict(previous.get("focus") or {})
    for view in views:
        told = {"account_id": view.account_id, "opportunity_id": view.opportunity_id}
        focus = focus_after(focus, {**told, "contact_id": view.payload.get("contact_id")})
    return {
        "status": outcome.status.value,
        "sentences": [one.model_dump(mode="json") for one in outcome.sentences],
        "facts": [one.model_dump(mode="json") for one in outcome.facts],
        "actions": [one.model_dump(mode="json") for one in outcome.actions],
        "previous": {**previous, "focus": focus, PROPOSED: [view.id for view in views]},
    }
