"""Answers what somebody outside asks about his own: cases, talks, details; and about products."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.agent.contract import Status
from copilot.agent.declining import Topic, declined, instead
from copilot.agent.desk import Request
from copilot.agent.outcome import Outcome
from copilot.agent.outside_reading import taken_for
from copilot.agent.plan import TOLD_OF_COMPANY, OwnQuestion, OwnThing
from copilot.grounding.sentences import CitedSentence
from crm.access import visible
from crm.facts import Fact, FactKind
from crm.models import ConversationKind, Opportunity, Product
from tools.attributes import Entity
from tools.cases import FindCases, find_cases
from tools.conversations import ReadArguments, read_conversation
from tools.language import Language
from tools.records import AttributeArguments, GetRecord, get_record, record_attribute
from tools.talks import ListTalks, list_talks
from tools.withheld import Withheld, word_withheld

_SHOWN = 20
_TURNS = 8
_DETAILS = ("phone", "email", "title", "language", "account")
_DEAL = ("account", "amount", "stage", "expected_close_on", "opened_on")
_TALKS_LISTED, _DEALS_LISTED = 3, 5


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
    elif own.is_guess:
        outcome.sentences.append(CitedSentence(text=taken_for(own.thing, language), facts=()))


def _cases(
    session: Session, own: OwnQuestion, _request: Request, asked: dict[str, Any]
) -> list[Fact]:
    if own.words:
        found = find_cases(session, FindCases(text=own.words[:300]), **asked)
        if found.total or not own.is_loose:
            counts = _case_counts(session, own, asked) if own.is_guess and own.is_loose else []
            return [*counts, *found.facts[1:]]
    if own.is_guess:
        listed = find_cases(session, FindCases(since=own.since, until=own.until), **asked)
        counts = _case_counts(session, own, asked)
        if not listed.total and own.since is not None:
            # Whatever the days belong to, it is not the cases.
            return [counts[0], *_cases(session, _of_all_days(own), _request, asked)]
        return [*counts, *listed.facts[1:]]
    wanted = FindCases(state=own.state, since=own.since, until=own.until)
    return find_cases(session, wanted, **asked).facts


def _of_all_days(own: OwnQuestion) -> OwnQuestion:
    return own.model_copy(update={"since": None, "until": None})


def _case_counts(session: Session, own: OwnQuestion, asked: dict[str, Any]) -> list[Fact]:
    """Return how many cases there are, how many are open, and how many closed."""
    return [
        find_cases(
            session, FindCases(state=state, since=own.since, until=own.until), **asked
        ).facts[0]
        for state in (None, "open", "closed")
    ]


def _talks(
    session: Session, own: OwnQuestion, _request: Request, asked: dict[str, Any]
) -> list[Fact]:
    kind = ConversationKind(own.kind) if own.kind else None
    if own.is_guess:
        return _talks_at_large(session, own, asked)
    is_last = own.state == "closed"
    limit = 1 if is_last else _SHOWN
    wanted = ListTalks(kind=kind, since=own.since, until=own.until, limit=limit)
    found = list_talks(session, wanted, **asked)
    if not found.talks and is_last:
        # "The last meeting" may well have been a call.
        found = list_talks(session, wanted.model_copy(update={"kind": None}), **asked)
    if not found.talks and is_last and own.since is not None:
        return _talks(session, _of_all_days(own), _request, asked)
    if not found.talks:
        return [] if is_last else [found.total]
    listed = [talk.fact for talk in found.talks]
    if own.words:
        stretch = ReadArguments(conversation_id=found.talks[0].conversation_id)
        return [*listed, *read_conversation(session, stretch, **asked).facts[:_TURNS]]
    return listed if is_last else [found.total, *listed]


def _talks_at_large(session: Session, own: OwnQuestion, asked: dict[str, Any]) -> list[Fact]:
    """Return how many talks there were, the newest ones, and what was said in the very newest."""
    kind = ConversationKind(own.kind) if own.kind else None
    wanted = ListTalks(kind=kind, since=own.since, until=own.until, limit=_TALKS_LISTED)
    found = list_talks(session, wanted, **asked)
    if not found.talks and kind is not None:
        found = list_talks(session, wanted.model_copy(update={"kind": None}), **asked)
    if not found.talks and own.since is not None:
        return [found.total, *_talks_at_large(session, _of_all_days(own), asked)]
    if not found.talks:
        return [found.total]
    newest = ReadArguments(conversation_id=found.talks[0].conversation_id)
    said = read_conversation(session, newest, **asked).facts[:_TURNS]
    return [found.total, *(talk.fact for talk in found.talks), *said]


def _details(
    session: Session, own: OwnQuestion, request: Request, asked: dict[str, Any]
) -> list[Fact]:
    contact = GetRecord(entity=Entity.CONTACT, ref=f"contact:{request.principal.contact_id}")
    found = get_record(session, contact, **asked)
    return _attributes(session, Entity.CONTACT, found.id, own.attributes or _DETAILS, asked)


def _company(
    session: Session, own: OwnQuestion, request: Request, asked: dict[str, Any]
) -> list[Fact]:
    employer = next(iter(request.principal.scopes)).bindings.employer_id or 0
    wanted = own.attributes or TOLD_OF_COMPANY
    return _attributes(session, Entity.ACCOUNT, employer, wanted, asked)


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


def _deal(
    session: Session, own: OwnQuestion, _request: Request, asked: dict[str, Any]
) -> list[Fact]:
    deal = own.ids[0]
    facts = _attributes(session, Entity.OPPORTUNITY, deal, _DEAL, asked)
    account = session.scalar(
        visible(
            select(Opportunity.account_id).where(Opportunity.id == deal),
            Opportunity,
            asked["principal"],
        )
    )
    told = _attributes(session, Entity.ACCOUNT, account, TOLD_OF_COMPANY, asked) if account else []
    return [*facts, *told]


def _customer(
    session: Session, own: OwnQuestion, _request: Request, asked: dict[str, Any]
) -> list[Fact]:
    account = own.ids[0]
    deals = session.scalars(
        visible(
            select(Opportunity.id)
            .where(Opportunity.account_id == account)
            .order_by(Opportunity.id),
            Opportunity,
            asked["principal"],
        )
    )
    facts = _attributes(session, Entity.ACCOUNT, account, TOLD_OF_COMPANY, asked)
    for deal in list(deals)[:_DEALS_LISTED]:
        facts += _attributes(session, Entity.OPPORTUNITY, deal, _DEAL[1:], asked)
    return facts


def _attributes(
    session: Session, entity: Entity, id_: int, attributes: Sequence[str], asked: dict[str, Any]
) -> list[Fact]:
    """Return one fact for each attribute that may be told. Raises NotFound for others' rows."""
    found = (
        record_attribute(
            session, AttributeArguments(entity=entity, id=id_, attribute=one), **asked
        ).facts
        for one in attributes
    )
    hidden = tuple(word_withheld(one, asked["language"]) for one in Withheld)
    return [facts[0] for facts in found if facts and not facts[0].text.endswith(hidden)]


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
    OwnThing.DEAL: _deal,
    OwnThing.CUSTOMER: _customer,
}
