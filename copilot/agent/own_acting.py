"""Answers what somebody outside asks about his own: cases, talks, details; and about products."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.agent.contract import Status
from copilot.agent.declining import Topic, declined, instead
from copilot.agent.desk import Request
from copilot.agent.outcome import Outcome
from copilot.agent.plan import OwnQuestion, OwnThing
from copilot.grounding.sentences import CitedSentence
from crm.access import visible
from crm.facts import Fact, FactKind
from crm.models import ConversationKind, Product
from tools.attributes import Entity
from tools.cases import FindCases, find_cases
from tools.conversations import ReadArguments, read_conversation
from tools.language import Language
from tools.records import AttributeArguments, GetRecord, get_record, record_attribute
from tools.talks import ListTalks, list_talks

_SHOWN = 20
_TURNS = 8
_DETAILS = ("phone", "email", "title", "language", "account")


def answer_own(
    session: Session,
    own: OwnQuestion,
    outcome: Outcome,
    *,
    request: Request,
    language: Language,
) -> None:
    """Fill the outcome with what the caller may know; with a decline where there is nothing."""
    asked: dict[str, Any] = {
        "principal": request.principal, "as_of": request.as_of, "language": language,
    }  # fmt: skip
    facts = _FACTS[own.thing](session, own, request, asked)
    for fact in facts:
        outcome.say(fact.text, outcome.evidence.add(fact).id)
    if own.thing in {OwnThing.HELP, OwnThing.REACH}:
        outcome.sentences.append(CitedSentence(text=instead(language, request.principal), facts=()))
    elif not facts:
        ending = declined(Topic.GENERAL, "的" if language == "zh" else "", request.principal)
        outcome.status = Status.DECLINED
        for one in ending["sentences"]:
            outcome.sentences.append(CitedSentence(text=one["text"], facts=()))


def _cases(
    session: Session, own: OwnQuestion, _request: Request, asked: dict[str, Any]
) -> list[Fact]:
    if own.words:
        found = find_cases(session, FindCases(text=own.words[:300]), **asked)
        if found.total or not own.is_loose:
            return found.facts[1:]
    wanted = FindCases(state=own.state, since=own.since, until=own.until)
    return find_cases(session, wanted, **asked).facts


def _talks(
    session: Session, own: OwnQuestion, _request: Request, asked: dict[str, Any]
) -> list[Fact]:
    kind = ConversationKind(own.kind) if own.kind else None
    is_last = own.state == "closed"
    limit = 1 if is_last else _SHOWN
    wanted = ListTalks(kind=kind, since=own.since, until=own.until, limit=limit)
    found = list_talks(session, wanted, **asked)
    if not found.talks and is_last:
        # "The last meeting" may well have been a call.
        found = list_talks(session, wanted.model_copy(update={"kind": None}), **asked)
    if not found.talks:
        return [] if is_last else [found.total]
    listed = [talk.fact for talk in found.talks]
    if own.words:
        stretch = ReadArguments(conversation_id=found.talks[0].conversation_id)
        return [*listed, *read_conversation(session, stretch, **asked).facts[:_TURNS]]
    return listed if is_last else [found.total, *listed]


def _details(
    session: Session, own: OwnQuestion, request: Request, asked: dict[str, Any]
) -> list[Fact]:
    contact = GetRecord(entity=Entity.CONTACT, ref=f"contact:{request.principal.contact_id}")
    found = get_record(session, contact, **asked)
    wanted = own.attributes or _DETAILS
    return [
        record_attribute(
            session, AttributeArguments(entity=Entity.CONTACT, id=found.id, attribute=one), **asked
        ).facts[0]
        for one in wanted
    ]


def _company(
    session: Session, own: OwnQuestion, request: Request, asked: dict[str, Any]
) -> list[Fact]:
    employer = next(iter(request.principal.scopes)).bindings.employer_id
    return [
        record_attribute(
            session,
            AttributeArguments(entity=Entity.ACCOUNT, id=employer or 0, attribute=one),
            **asked,
        ).facts[0]
        for one in own.attributes
    ]


def _products(
    session: Session, own: OwnQuestion, request: Request, asked: dict[str, Any]
) -> list[Fact]:
    statement = select(Product).where(Product.is_active.is_(True)).order_by(Product.name)
    if own.ids:
        statement = statement.where(Product.id.in_(own.ids))
    if own.family:
        statement = statement.where(Product.family == own.family)
    rows = list(session.scalars(visible(statement, Product, request.principal)))
    language: Language = asked["language"]
    facts = [_product(row, request, language) for row in rows[:_SHOWN]]
    if own.ids:
        return facts
    words = {"en": f"Products: {len(rows)}", "zh": f"产品：{len(rows)} 个"}
    total = Fact(
        kind=FactKind.METRIC, text=words[language], value=len(rows), unit="count", rows=len(rows),
        as_of=request.as_of, source="metric:products",
    )  # fmt: skip
    return [total, *facts]


def _product(row: Product, request: Request, language: Language) -> Fact:
    """Return a product as everybody outside may know it: no price, and nothing of its sales."""
    if language == "zh":
        text = f"产品《{row.name}》" + (f"，系列 {row.family}" if row.family else "")
        text += f"：{row.description}" if row.description else ""
    else:
        text = f'Product "{row.name}"' + (f", family {row.family}" if row.family else "")
        text += f": {row.description}" if row.description else ""
    return Fact(kind=FactKind.RECORD, text=text, as_of=request.as_of, source=f"product:{row.id}")


def _reach(
    session: Session, _own: OwnQuestion, request: Request, asked: dict[str, Any]
) -> list[Fact]:
    if request.principal.contact_id is None:
        return []
    return [talk.fact for talk in list_talks(session, ListTalks(limit=1), **asked).talks]


def _help(
    _session: Session, _own: OwnQuestion, _request: Request, _asked: dict[str, Any]
) -> list[Fact]:
    return []


_FACTS = {
    OwnThing.CASES: _cases,
    OwnThing.TALKS: _talks,
    OwnThing.DETAILS: _details,
    OwnThing.COMPANY: _company,
    OwnThing.PRODUCTS: _products,
    OwnThing.REACH: _reach,
    OwnThing.HELP: _help,
}
