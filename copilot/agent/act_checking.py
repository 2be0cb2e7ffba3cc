"""The last look before anything is proposed: what would be done stands in the caller's own words.

What evidence says, or a model wrote, cannot get into the arguments of an action: each of them has
to be said by the caller in this turn, or belong to the draft or record that the thread is about.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.agent.act_leads import is_lead_said
from copilot.agent.act_mails import ADDRESS
from copilot.agent.colleagues import is_colleague_said
from copilot.agent.effects.fields import FIELDS, MODELS, FieldShape
from copilot.grounding.quantities import find_quantities as find_figures
from copilot.grounding.sentences import ProblemKind
from copilot.writers.calls.due import find_due
from copilot.writers.learning.keeping import get_draft, stored_draft
from crm.access import visible
from crm.errors import NotAllowed
from crm.models import Account, Contact, EffectKind, Lead, Opportunity, Stage, StageStatus
from crm.principal import Principal
from tools.language import fold_script
from tools.names import NameIndex, find_names
from tools.quantities import find_quantities

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\u3007]")
_PIECES = re.compile(rf"{_HAN.pattern}|[^\W_\u3400-\u4dbf\u4e00-\u9fff\u3007]+")
_SHORTEST_NAME = 4
_IDS = {"account_id": Account, "opportunity_id": Opportunity, "contact_id": Contact}
_NUMBERED = {
    "opportunity": r"(?:deal|opportunity|商机)",
    "account": r"(?:account|customer|company|客户)",
    "contact": r"(?:contact|联系人)",
    "lead": r"(?:lead|线索)",
}
_TASK_FIELDS = frozenset({"subject", "due_on", "owner_id", *_IDS})


@dataclass(frozen=True)
class Said:
    """The caller's own words of this turn, and the records that the thread is about.

    `texts` are the request and what he answered when he was asked back, nothing else.
    """

    session: Session
    index: NameIndex
    principal: Principal
    today: date
    texts: tuple[str, ...]
    focus: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All that was said."""
        return "\n".join(self.texts)


def check_said(kind: EffectKind, payload: Mapping[str, Any], said: Said) -> None:
    """Refuse an action of which any argument was not asked for.

    Raises NotAllowed naming the argument.
    """
    match kind:
        case EffectKind.CREATE_TASK:
            _check_task(payload, said)
        case EffectKind.UPDATE_RECORD:
            _check_change(payload, said)
        case EffectKind.REQUEST_DISCOUNT:
            _check_discount(payload, said)
        case EffectKind.SEND_MAIL | EffectKind.SAVE_MAIL_DRAFT:
            _check_mail(payload, said)
        case EffectKind.APPLY_FIELD_PROPOSAL:
            raise _unasked("proposal_id", payload.get("proposal_id"))


def _check_task(payload: Mapping[str, Any], said: Said) -> None:
    for name in payload:
        if name not in _TASK_FIELDS and payload[name] is not None:
            raise _unasked(name, payload[name])
    _check_text("subject", payload["subject"], said)
    _check_day("due_on", payload.get("due_on"), said)
    _check_owner(payload.get("owner_id"), said)
    _check_ties(payload, said)


def _check_owner(owner_id: int | None, said: Said) -> None:
    """Refuse a task for anybody but the caller and a colleague whom he named."""
    if owner_id == said.principal.user_id:
        return
    if owner_id is None or not is_colleague_said(said.session, owner_id, said.text, said.principal):
        raise _unasked("owner_id", owner_id)


def _check_change(payload: Mapping[str, Any], said: Said) -> None:
    entity, row_id = payload["entity"], payload["entity_id"]
    if not _is_named(said, entity, row_id):
        raise _unasked("entity_id", f"{entity}:{row_id}")
    for name, change in payload["fields"].items():
        value = change["after"]
        if value is None:
            continue
        match FIELDS[entity].get(name):
            case FieldShape.DATE:
                _check_day(name, value, said)
            case FieldShape.MONEY | FieldShape.COUNT:
                _check_number(name, value, said)
            case FieldShape.STAGE:
                _check_stage(name, value, said)
            case _:
                _check_text(name, value, said)


def _check_discount(payload: Mapping[str, Any], said: Said) -> None:
    if not _is_named(said, "opportunity", payload["opportunity_id"]):
        raise _unasked("opportunity_id", payload["opportunity_id"])
    percent = payload["discount"] / 100
    figures = find_figures(said.text)[0]
    stated = {value for one in figures for value in one.values}
    # A percentage is read as a share there: 0.15 for "fifteen percent" and 百分之十五.
    shares = (one for one in figures if one.kind is ProblemKind.PERCENTAGE)
    stated |= {round(value * 100, 6) for one in shares for value in one.values}
    stated |= {float(one.value) for one in find_quantities(said.text)}
    if not any(abs(percent - value) < 1e-9 for value in _folds(said.text, stated)):
        raise _unasked("discount", f"{percent:g} %")
    _check_text("reason", payload["reason"], said)


def _folds(text: str, stated: set[float]) -> set[float]:
    """Add what 85折 and 九折 take off to the figures that were said."""
    found = set(stated)
    for said in re.findall(r"([\d.]+|[一二三四五六七八九]{1,2})\s*折", text):
        digits = "".join(
            str("一二三四五六七八九".index(one) + 1) if one in "一二三四五六七八九" else one
            for one in said
        )
        if re.fullmatch(r"\d+(?:\.\d+)?", digits):
            left = float(digits) * (1 if len(digits) == 2 else 10)
            found.add(round(100 - left, 6))
    return found


def _check_mail(payload: Mapping[str, Any], said: Said) -> None:
    number = payload["draft_id"]
    numbers = re.findall(r"\d+", said.text)
    if number != said.focus.get("draft_id") and str(number) not in numbers:
        raise _unasked("draft_id", number)
    draft = stored_draft(get_draft(said.session, number, principal=said.principal))
    allowed = {one.email.lower() for one in draft.to if one.email}
    allowed |= {one.lower() for one in ADDRESS.findall(said.text)}
    for person in payload["to"]:
        if person["email"].lower() not in allowed and not _is_address_named(person["email"], said):
            raise _unasked("to", person["email"])


def _is_address_named(email: str, said: Said) -> bool:
    """Say whether it is the address of a contact whom the caller named."""
    statement = select(Contact.id).where(Contact.email == email)
    ids = said.session.scalars(visible(statement, Contact, said.principal))
    return any(_is_said_name(said, "contact", row_id) for row_id in ids)


def _check_ties(payload: Mapping[str, Any], said: Said) -> None:
    """Refuse records that were not named and do not follow from one that was."""
    ids = {name: payload.get(name) for name in _IDS}
    follow: dict[str, set[int | None]] = {"account_id": set()}
    for name, entity in (("opportunity_id", "opportunity"), ("contact_id", "contact")):
        row_id = ids[name]
        if row_id is None:
            continue
        if not _is_named(said, entity, row_id):
            raise _unasked(name, row_id)
        model = _IDS[name]
        account = model.__table__.c.account_id
        statement = select(account).where(model.__table__.c.id == row_id)
        follow["account_id"].add(said.session.scalar(statement))
    account_id = ids["account_id"]
    if account_id is None or account_id in follow["account_id"]:
        return
    if not _is_named(said, "account", account_id):
        raise _unasked("account_id", account_id)


def _is_named(said: Said, entity: str, row_id: int) -> bool:
    """Say whether the caller named the record, or the thread is about it."""
    if said.focus.get(f"{entity}_id") == row_id or _is_said_name(said, entity, row_id):
        return True
    if entity != "opportunity":
        return False
    account = select(Opportunity.account_id).where(Opportunity.id == row_id)
    account_id = said.session.scalar(visible(account, Opportunity, said.principal))
    if account_id is None:
        return False
    # A deal may be called by its customer, or by somebody there.
    if _is_said_name(said, "account", account_id) or said.focus.get("account_id") == account_id:
        return True
    people = select(Contact.id).where(Contact.account_id == account_id)
    return any(
        _is_said_name(said, "contact", one)
        for one in said.session.scalars(visible(people, Contact, said.principal))
    )


def _is_said_name(said: Said, entity: str, row_id: int) -> bool:
    model = MODELS[entity]
    statement = select(model.name, model.external_id).where(model.id == row_id)
    found = said.session.execute(visible(statement, model, said.principal)).first()
    if found is None:
        return False
    name, own_id = found
    text = said.text.casefold()
    if re.search(rf"(?<![a-z0-9_-]){re.escape(str(own_id).casefold())}(?![a-z0-9_-])", text):
        return True
    if re.search(_NUMBERED[entity] + rf"\W{{0,2}}{row_id}(?!\d)", text):
        return True
    if name and (
        _stands_whole(name, text)
        or any(
            one.id == row_id and one.dimension == entity
            for mention in find_names(said.text, said.index).mentions
            for one in mention.candidates
        )
    ):
        return True
    if entity == "lead":
        return _is_lead_named(said, row_id, name)
    return bool(name) and entity == "contact" and _is_honoured(name, said.text)


def _stands_whole(name: str, text: str) -> bool:
    """Say whether a name of some length stands in the words as it is."""
    plain = name.strip().casefold()
    edge = rf"(?<![^\W_]){re.escape(plain)}(?![^\W_])"
    return len(plain) >= _SHORTEST_NAME and re.search(edge, text) is not None


def _is_lead_named(said: Said, row_id: int, name: str) -> bool:
    company = visible(select(Lead.company).where(Lead.id == row_id), Lead, said.principal)
    return is_lead_said(name, said.session.scalar(company), said.text)


def _is_honoured(name: str, text: str) -> bool:
    """Say whether 王总 may stand for this contact."""
    plain = fold_script(name)
    return bool(_HAN.match(plain)) and bool(
        re.search(
            rf"{re.escape(plain[0])}\w?(?:总|经理|董|主任|工|老师|先生|女士|小姐)",
            fold_script(text),
        )
    )


def _check_stage(name: str, value: str, said: Said) -> None:
    mentions = find_names(said.text, said.index).mentions
    named = {one.name for found in mentions for one in found.candidates if one.dimension == "stage"}
    if value not in named and not _is_said_end(value, said):
        _check_text(name, _shared(value, said.text), said)


def _is_said_end(value: str, said: Said) -> bool:
    """Say whether the stage ends deals as "won" or 丢单 in the words says."""
    statuses = set(said.session.scalars(select(Stage.status).where(Stage.name == value)))
    won, lost = r"\bwon\b|赢|成交", r"\blost\b|输|丢"
    ends = ((StageStatus.WON, won), (StageStatus.LOST, lost))
    return any(
        statuses == {status.value} and re.search(words, said.text, re.IGNORECASE)
        for status, words in ends
    )


def _shared(value: str, text: str) -> str:
    """Return the part of a stage's name like "Negotiation/Review" that was said, or all of it."""
    parts = re.split(r"\s*[/,&–-]\s*", value)
    return next((part for part in parts if part.casefold() in text.casefold()), value)


def _check_text(name: str, value: str, said: Said) -> None:
    """Refuse words that were not all said."""
    missing = _bag(value) - _bag(said.text)
    if missing:
        raise _unasked(name, next(iter(missing)))


def _bag(text: str) -> Counter[str]:
    return Counter(_PIECES.findall(fold_script(text).casefold()))


def _check_day(name: str, value: str | None, said: Said) -> None:
    if value is None:
        return
    days = {one.on.isoformat() for text in said.texts for one in find_due(text, said.today)}
    if value not in days:
        raise _unasked(name, value)


def _check_number(name: str, value: str, said: Said) -> None:
    number = next(iter(find_quantities(value.partition(" ")[0])), None)
    stated = {one.value for one in find_quantities(said.text)}
    if number is None or number.value not in stated:
        raise _unasked(name, value)


def _unasked(name: str, value: object) -> NotAllowed:
    return NotAllowed(
        f"{name} {str(value)[:80]!r} was not in what you asked for: nothing was proposed. Say it "
        "in your own words"
    )
