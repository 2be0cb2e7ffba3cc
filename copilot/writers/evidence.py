"""Gathers what a letter about a deal may rest on: a few short facts, in a stable order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.llm.budget import count_tokens
from copilot.writers import records
from copilot.writers.turns import choose_turns, open_questions, quote_of
from crm.access import visible
from crm.facts import EvidencePack, Fact, FactKind
from crm.index.conversations import ConversationIndex
from crm.models import (
    Account,
    Contact,
    Conversation,
    Opportunity,
    OpportunityContact,
    Participant,
    Side,
)
from crm.principal import Principal
from prompts.library import Language
from tools.conversations import SearchArguments, search_conversations
from tools.spoken import KIND_WORDS, Spoken, quote_fact, read_spoken

MAX_FACTS = 14
FACT_TOKENS = 560
_TURNS = 7
_EARLIER = 2
_OPEN_QUESTIONS = 3


@dataclass(frozen=True)
class Recipient:
    """Whom the letter goes to; the name may be empty when nobody is known."""

    name: str
    email: str | None = None
    title: str | None = None


@dataclass(frozen=True)
class DraftEvidence:
    """Facts F1…Fn with what code knows about the letter around them.

    `outside` are the ids of facts in the customer's words; `talk` is the fact of the last
    conversation itself; `questions` are customer questions that nobody answered.
    """

    subject_of: str
    sender: str
    recipient: Recipient
    facts: tuple[Fact, ...]
    outside: frozenset[str] = frozenset()
    talk: Fact | None = None
    talk_kind: str | None = None
    questions: tuple[str, ...] = ()
    known_names: frozenset[str] = field(default_factory=frozenset)


def gather_evidence(
    session: Session,
    index: ConversationIndex | None,
    opportunity_id: int,
    *,
    sender: str,
    purpose: str,
    principal: Principal,
    as_of: datetime,
    language: Language,
) -> DraftEvidence:
    """Return the evidence for a letter about one opportunity, at most 14 facts of ~560 tokens.

    The last conversation gives the turns that matter for the purpose; `index`, if given, adds
    what earlier ones said about it. Without any conversation only CRM facts remain.

    Raises:
        NotFound: there is no such opportunity, or the caller may not read it.
    """
    deal, stage, account = records.find_deal(session, opportunity_id, principal)
    talk = _last_talk(session, deal, principal, as_of)
    turns = read_spoken(session, [(talk.id, 0, None)], principal) if talk else []
    people = _participants(session, talk) if talk else []
    recipient = _recipient(session, deal, people, turns, principal)
    pack, outside = EvidencePack(), set[str]()
    pack.add(records.deal_fact(deal, stage, account, as_of=as_of, language=language))
    talk_fact = pack.add(_talk_fact(talk, recipient, language)) if talk else None
    for fact in _record_facts(session, deal, principal, as_of, language):
        pack.add(fact)
    for turn in choose_turns(turns, purpose, _TURNS):
        quote = quote_fact(turn, quote_of(turn, purpose), as_of=turn.started_at, language=language)
        fact = pack.add(
            quote.model_copy(update={"text": _brief(turn, quote_of(turn, purpose), language)})
        )
        if turn.side is not Side.OURS:
            outside.add(fact.id)
    outside |= _add_earlier(
        session, index, pack, _earlier_arguments(deal, purpose), principal, as_of, language, talk
    )
    kept = _within_budget(pack.facts)
    return DraftEvidence(
        subject_of=deal.name,
        sender=sender,
        recipient=recipient,
        facts=kept,
        outside=frozenset(outside),
        talk=talk_fact,
        talk_kind=talk.kind if talk else None,
        questions=tuple(open_questions(turns, _OPEN_QUESTIONS)),
        known_names=_names_near(session, deal, account, people, principal),
    )


def _last_talk(
    session: Session, deal: Opportunity, principal: Principal, as_of: datetime
) -> Conversation | None:
    for column, wanted in (
        (Conversation.opportunity_id, deal.id),
        (Conversation.account_id, deal.account_id),
    ):
        if wanted is None:
            continue
        statement = (
            select(Conversation)
            .where(column == wanted, Conversation.started_at <= as_of)
            .order_by(Conversation.started_at.desc(), Conversation.id.desc())
            .limit(1)
        )
        found = session.scalars(visible(statement, Conversation, principal)).first()
        if found is not None:
            return found
    return None


def _participants(session: Session, talk: Conversation) -> list[Participant]:
    statement = select(Participant).where(Participant.conversation_id == talk.id)
    return list(session.scalars(statement.order_by(Participant.position)))


def _recipient(
    session: Session,
    deal: Opportunity,
    people: Sequence[Participant],
    turns: Sequence[Spoken],
    principal: Principal,
) -> Recipient:
    """Return the customer who said most in the last conversation, else a contact of the deal."""
    customers = [person for person in people if person.side == Side.CUSTOMER]
    said = {
        person.name: sum(
            len(turn.text) for turn in turns if turn.speaker in (person.name, person.email)
        )
        for person in customers
    }
    if customers:
        main = max(customers, key=lambda person: said[person.name])
        contact = _contact_of(session, deal, main, principal)
        email = main.email or (contact.email if contact else None)
        name = contact.name if contact else main.name
        return Recipient(name, email, (contact.title if contact else None) or main.role)
    contact = _deal_contact(session, deal, principal)
    return Recipient(contact.name, contact.email, contact.title) if contact else Recipient("")


def _contact_of(
    session: Session, deal: Opportunity, person: Participant, principal: Principal
) -> Contact | None:
    """Return the contact whom the conversation names: by link, else by name at the account."""
    statement = select(Contact).where(Contact.id == person.contact_id)
    if person.contact_id is None:
        statement = select(Contact).where(
            Contact.name == person.name, Contact.account_id == deal.account_id
        )
    return session.scalars(visible(statement, Contact, principal).limit(1)).first()


def _deal_contact(session: Session, deal: Opportunity, principal: Principal) -> Contact | None:
    of_deal = (
        select(Contact)
        .join(OpportunityContact, OpportunityContact.contact_id == Contact.id)
        .where(OpportunityContact.opportunity_id == deal.id)
        .order_by(OpportunityContact.id)
    )
    found = session.scalars(visible(of_deal, Contact, principal).limit(1)).first()
    if found is not None or deal.account_id is None:
        return found
    of_account = select(Contact).where(Contact.account_id == deal.account_id).order_by(Contact.id)
    return session.scalars(visible(of_account, Contact, principal).limit(1)).first()


def _talk_fact(talk: Conversation, recipient: Recipient, language: Language) -> Fact:
    day, kind = f"{talk.started_at:%Y-%m-%d}", KIND_WORDS[language].get(talk.kind, talk.kind)
    who = f"与{recipient.name}" if language == "zh" and recipient.name else ""
    text = f"{day} {who}的{kind}《{talk.title}》。"
    if language != "zh":
        who = f" with {recipient.name}" if recipient.name else ""
        text = f'{kind.capitalize()} "{talk.title}"{who} on {day}.'
    return Fact(
        kind=FactKind.ACTIVITY, text=text, as_of=talk.started_at, source=f"conversation:{talk.id}"
    )


def _record_facts(
    session: Session, deal: Opportunity, principal: Principal, as_of: datetime, language: Language
) -> list[Fact]:
    today = as_of.date()
    return [
        *records.product_fact(session, deal.id, principal=principal, language=language),
        *records.quote_facts(session, deal.id, principal=principal, today=today, language=language),
        *records.task_facts(session, deal.id, principal=principal, as_of=as_of, language=language),
    ]


def _brief(turn: Spoken, quote: str, language: Language) -> str:
    """Word a turn of the last conversation shortly: the date stands in the talk's own fact."""
    is_ours = turn.side is Side.OURS
    if language == "zh":
        return f"{turn.speaker}（{'我方' if is_ours else '客户'}）说：“{quote}”"
    return f'{turn.speaker} ({"our side" if is_ours else "customer"}) said: "{quote}"'


def _earlier_arguments(deal: Opportunity, purpose: str) -> SearchArguments:
    return SearchArguments(
        text=purpose[:1_000] or deal.name, opportunity_id=deal.id, limit=_EARLIER + 2
    )


def _add_earlier(
    session: Session,
    index: ConversationIndex | None,
    pack: EvidencePack,
    arguments: SearchArguments,
    principal: Principal,
    as_of: datetime,
    language: Language,
    talk: Conversation | None,
) -> set[str]:
    """Add what earlier conversations of the deal said about the purpose; return those ids.

    Their sides are not told apart here, so all count as the customer's words.
    """
    if index is None:
        return set()
    found = search_conversations(
        session, index, arguments, principal=principal, as_of=as_of, language=language
    )
    if not found.matched_terms:
        return set()
    last = f"conversation:{talk.id}#" if talk else "conversation:0#"
    earlier = [fact for fact in found.facts if not fact.source.startswith(last)]
    return {pack.add(fact).id for fact in earlier[:_EARLIER]}


def _within_budget(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    kept: list[Fact] = []
    left = FACT_TOKENS
    for fact in facts[:MAX_FACTS]:
        cost = count_tokens(fact.text) + 4
        if cost > left and kept:
            continue
        kept.append(fact)
        left -= cost
    return tuple(kept)


def _names_near(
    session: Session,
    deal: Opportunity,
    account: Account | None,
    people: Sequence[Participant],
    principal: Principal,
) -> frozenset[str]:
    """Return names that a sentence about this deal could wrongly mention."""
    names = {person.name for person in people} | ({account.name} if account else set())
    if deal.account_id is not None:
        statement = select(Contact).where(Contact.account_id == deal.account_id).limit(200)
        names |= {
            contact.name for contact in session.scalars(visible(statement, Contact, principal))
        }
    return frozenset(name for name in names if name)
