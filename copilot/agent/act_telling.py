"""What is said of actions: what would be done, its risk, who approves it, what came of it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.agent.approvals.deciding import Decider
from copilot.agent.approvals.listing import ActionView
from copilot.agent.contract import ProposedBrief
from copilot.agent.effects.destinations import crm_of
from copilot.agent.effects.fields import MODELS
from copilot.agent.wording import phrase
from copilot.grounding.pack.hostile import name_and_address, told_name
from crm.access import visible
from crm.facts import Fact, FactKind
from crm.models import ActionStatus, EffectKind, User
from crm.principal import Principal, Role
from tools.language import Language

_HASH = 12
_MOST_SHOWN = 160
_MAILS = frozenset({EffectKind.SEND_MAIL, EffectKind.SAVE_MAIL_DRAFT})


@dataclass(frozen=True)
class Hearer:
    """To whom it is told, in which language; names of records come as he may read them."""

    session: Session
    principal: Principal
    language: Language


@dataclass(frozen=True)
class Told:
    """A sentence on one action, and its receipt."""

    text: str
    fact: Fact


def brief_of(hearer: Hearer, view: ActionView) -> ProposedBrief:
    """Return an action as an answer shows it."""
    language = hearer.language
    return ProposedBrief(
        id=view.id,
        kind=view.kind.value,
        status=view.status.value,
        summary=summary_of(hearer, view),
        payload=view.payload,
        payload_sha256=view.payload_sha256,
        risk=view.risk,
        goes_to=goes_to(view, language),
        approvers=_approvers(view.deciders, language),
        you_may=view.i_may,
        expires_at=view.expires_at.isoformat(),
        result=view.result,
        error=view.error,
    )


def summary_of(hearer: Hearer, view: ActionView) -> str:
    """Return in one line what the payload would do, values as they stand in it."""
    payload, language = view.payload, hearer.language
    match view.kind:
        case EffectKind.CREATE_TASK:
            due = payload.get("due_on")
            key = "act_task_due" if due else "act_task"
            task = phrase(key, language, subject=payload.get("subject"), due=due)
            parts = [task, *_whose(hearer, payload), *_ties(hearer, payload)]
            return phrase("separator", language).join(parts)
        case EffectKind.UPDATE_RECORD:
            return _change(hearer, payload)
        case EffectKind.APPLY_FIELD_PROPOSAL:
            fields = {payload["field"]: {"before": payload["before"], "after": payload["after"]}}
            return _change(hearer, {**payload, "fields": fields})
        case EffectKind.REQUEST_DISCOUNT:
            return phrase(
                "act_discount",
                language,
                percent=f"{payload['discount'] / 100:g}",
                record=_name(hearer, "opportunity", payload["opportunity_id"]),
                reason=payload["reason"],
            )
        case _:
            people = ", ".join(str(one.get("email")) for one in payload.get("to", []))
            subject = str(payload.get("subject", ""))[:_MOST_SHOWN]
            return phrase(f"act_{view.kind.value}", language, subject=subject, to=people)


def decider_in_words(one: Decider, language: Language) -> str:
    """Return who may approve: a role, and how one has to stand to the proposer."""
    if one.role is Role.OWNER:
        return phrase("act_by_owner", language)
    role = phrase(f"act_role_{one.role.value}", language)
    stands = phrase(f"act_by_{one.relation or 'any'}", language, role=role)
    return stands + (phrase("act_by_two", language) if one.is_jointly else "")


def goes_to(view: ActionView, language: Language) -> str | None:
    """Return where a change of records would be written; None for a mail, whose line says it."""
    if view.kind in _MAILS:
        return None
    crm = crm_of(view.payload)
    if crm is None:
        return phrase("act_in_store", language)
    return phrase("act_in_crm", language, label=crm.label, source=crm.source)


def _approvers(deciders: Iterable[Decider], language: Language) -> list[str]:
    return list(dict.fromkeys(decider_in_words(one, language) for one in deciders))


def fact_of(view: ActionView, summary: str, language: Language) -> Fact:
    """Return the receipt of an action: what it is and where it stands."""
    state = phrase(f"act_state_{view.status.value}", language)
    risk = phrase(f"act_risk_{view.risk}", language)
    return Fact(
        kind=FactKind.RECORD,
        text=phrase("act_receipt", language, summary=summary, state=state, risk=risk),
        source=f"action:{view.id}",
        as_of=view.created_at,
    )


def proposal_line(view: ActionView, summary: str, language: Language) -> str:
    """Return what waits: what would be done, its risk, who approves, and how."""
    others = [one for one in view.deciders if one.role is not Role.OWNER]
    people = phrase("or", language).join(_approvers(others, language))
    place = goes_to(view, language)
    who = phrase("act_you_may", language) if view.i_may == "approve" else people
    return phrase(
        "act_waits",
        language,
        id=view.id,
        summary=summary,
        place=phrase("act_goes_to", language, place=place) if place else "",
        risk=phrase(f"act_risk_{view.risk}", language),
        who=who or phrase("act_by_owner", language),
        digest=view.payload_sha256[:_HASH],
    )


def outcome_line(view: ActionView, summary: str, language: Language) -> str:
    """Return where an action stands: carried out with its result, or why not."""
    shown = {
        "id": view.id,
        "summary": summary,
        "why": view.error or "",
        "result": _result(view.result),
        "rule": view.rule,
    }
    key = f"act_is_{view.status.value}"
    is_by_rule = any(vote.person == "rule" for vote in view.votes)
    if view.status is ActionStatus.APPLIED and is_by_rule:
        key = "act_is_applied_by_rule"
    if view.status is ActionStatus.REJECTED:
        shown["why"] = next((one.reason or "" for one in view.votes if one.vote == "reject"), "")
    return phrase(key, language, **shown)


def told(hearer: Hearer, views: Sequence[ActionView]) -> list[Told]:
    """Return one sentence for every action, each with its receipt."""
    found = []
    for view in views:
        summary = summary_of(hearer, view)
        is_open = view.status is ActionStatus.WAITING
        line = (proposal_line if is_open else outcome_line)(view, summary, hearer.language)
        found.append(Told(line, fact_of(view, summary, hearer.language)))
    return found


def _change(hearer: Hearer, payload: Mapping[str, Any]) -> str:
    language = hearer.language
    changes = phrase("separator", language).join(
        phrase(
            "act_field",
            language,
            field=_label(name, language),
            before=change["before"] or phrase("act_empty", language),
            after=change["after"] or phrase("act_empty", language),
        )
        for name, change in payload["fields"].items()
    )
    record = _name(hearer, payload["entity"], payload["entity_id"])
    return phrase("act_change", language, record=record, changes=changes)


def _whose(hearer: Hearer, payload: Mapping[str, Any]) -> list[str]:
    """Return for whom a task is; nothing of one's own."""
    owner_id = payload.get("owner_id")
    if owner_id is None or owner_id == hearer.principal.user_id:
        return []
    statement = select(User.name).where(User.id == owner_id)
    name = hearer.session.scalar(visible(statement, User, hearer.principal))
    return [phrase("act_task_for", hearer.language, who=told_name("user", owner_id, name))]


def _ties(hearer: Hearer, payload: Mapping[str, Any]) -> list[str]:
    """Return the records that a task is tied to; the account only where it has nothing nearer."""
    found = [
        _name(hearer, entity, payload[f"{entity}_id"])
        for entity in ("contact", "opportunity", "account")
        if payload.get(f"{entity}_id") is not None
    ]
    return found[:-1] if len(found) > 1 and payload.get("account_id") is not None else found


def _label(name: str, language: Language) -> str:
    label = phrase("act_labels", language)
    return dict(pair.split("=") for pair in label.split("|")).get(name, name)


def _name(hearer: Hearer, entity: str, row_id: int) -> str:
    model = MODELS[entity]
    statement = select(model.name).where(model.id == row_id)
    name = hearer.session.scalar(visible(statement, model, hearer.principal))
    return name_and_address(entity, row_id, name)


def _result(result: Mapping[str, Any] | None) -> str:
    if not result:
        return ""
    return str(result.get("object") or json.dumps(result, ensure_ascii=False))[:_MOST_SHOWN]
