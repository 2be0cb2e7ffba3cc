"""Gathers what one draft may rest on: recent, unanswered, promised and relevant, in a budget."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from copilot.grounding.pack import records
from copilot.grounding.pack.asked import DraftKind, DraftRequest
from copilot.grounding.pack.choosing import choose, number
from copilot.grounding.pack.corrected import without_corrected
from copilot.grounding.pack.earlier import answer_again
from copilot.grounding.pack.found import Found
from copilot.grounding.pack.history import (
    History,
    Talk,
    contacts_near,
    label_of,
    read_history,
    read_turns,
    withheld_words,
)
from copilot.grounding.pack.hostile import is_persons_name, orders_the_writer
from copilot.grounding.pack.kinds import kind_for
from copilot.grounding.pack.known import (
    disputed_fields,
    marked_pieces,
    profile_marks,
    recorded_pieces,
    search_marks,
)
from copilot.grounding.pack.model import THEIRS, Answered, DraftEvidence, Party, Role
from copilot.grounding.pack.parties import recipient_of, sender_of
from copilot.grounding.pack.scope import Asker, Scope, resolve_scope
from copilot.grounding.pack.spoken_pieces import Ear, pieces_of_mail, pieces_of_talk
from copilot.grounding.pack.taking_up import (
    is_answered,
    mail_to_answer,
    situation_of,
    talk_for,
    talks_to_read,
)
from copilot.grounding.pack.tongue import language_of
from copilot.grounding.pack.wording import WORDS
from crm.errors import BadInput
from crm.facts import Fact, FactKind
from crm.index.conversations import ConversationIndex
from crm.index.terms import query_terms
from crm.models import Contact, Side
from crm.principal import Principal
from tools.conversations import SearchArguments, search_conversations
from tools.language import Language
from tools.profile import CustomerProfile, build_opportunity_profile, build_profile
from tools.profile.model import WritingStyle
from tools.spoken import KIND_WORDS, Spoken

_SEARCHED = 4
_QUESTIONS = 5
_WITHHELD = 2
_WITHHELD_CHARS = 160
_COLLEAGUE = 1.5
_RECENCY = (2.0, 0.5, 0.0)


def no_policies(_language: Language) -> Sequence[tuple[str, str]]:
    """Return no policies: what a caller without a company guide gives."""
    return ()


@dataclass(frozen=True)
class _Known:
    """Everything read for one draft."""

    request: DraftRequest
    asker: Asker
    scope: Scope
    history: History
    language: Language
    kind: DraftKind
    answered: Talk | None
    talk: Talk | None
    turns: Mapping[int, Sequence[Spoken]]
    profile: CustomerProfile | None
    contacts: Sequence[Contact]

    @property
    def wanted(self) -> list[str]:
        return query_terms(self.request.purpose) if self.request.purpose.strip() else []

    @property
    def deal_id(self) -> int | None:
        return self.scope.deal.id if self.scope.deal else None


def gather_evidence(
    session: Session,
    index: ConversationIndex | None,
    request: DraftRequest,
    *,
    sender: Party | None = None,
    policies: Callable[[Language], Sequence[tuple[str, str]]] = no_policies,
    principal: Principal,
    as_of: datetime,
    budget_tokens: int = 700,
) -> DraftEvidence:
    """Return the evidence pack of one draft as its caller may read it, the same for the same facts.

    A bounded number of statements whatever the length of the history; `index`, if given, adds
    what was said about the purpose anywhere. `policies` gives (id, text) in the draft's language;
    `budget_tokens` is about what all texts together may cost.

    Raises:
        BadInput: the request names nothing, or records that do not belong together.
        NotFound: a record that it names does not exist, or the caller may not read it.
    """
    known = _read(request, Asker(session, principal, as_of))
    recipient = recipient_of(
        known.scope,
        known.history,
        known.turns,
        known.contacts,
        answered=known.answered,
        asker=known.asker,
    )
    found = [_for_recipient(each, recipient) for each in _find(known, index, policies)]
    found = without_corrected(found)
    if known.kind is DraftKind.REPLY:
        found = answer_again(found)
    chosen = choose(found, known.kind, budget_tokens=budget_tokens)
    return DraftEvidence(
        kind=known.kind,
        channel=request.channel,
        language=known.language,
        as_of=as_of,
        purpose=request.purpose,
        subject_of=known.scope.subject,
        sender=sender_of(known.scope, known.asker, sender),
        recipient=recipient,
        pieces=number(chosen),
        opportunity_id=known.deal_id,
        account_id=known.scope.account.id if known.scope.account else None,
        answered=_answered(known.answered, known.turns),
        talk_kind=known.talk.row.kind if known.talk else None,
        style=_style(known.profile, recipient),
        questions=(*_open_questions(found), *_withheld(known)),
        known_names=_names(known),
    )


def _read(request: DraftRequest, asker: Asker) -> _Known:
    scope = resolve_scope(request, asker)
    history = read_history(scope, asker)
    language = language_of(scope, history, scope.contact, request.language)
    profile = _profile(scope, asker, language)
    answered = mail_to_answer(history, scope, request.kind)
    kind = request.kind or kind_for(situation_of(scope, history, profile, answered, asker))
    if kind is DraftKind.REPLY and (answered is None or answered.is_from_us):
        named = "here" if request.reply_to is None else f"in conversation {request.reply_to!r}"
        raise BadInput(
            f"the customer wrote nothing to reply to {named}: give the id of their mail, or ask "
            "for a nudge or a follow-up"
        )
    talk = talk_for(kind, history, scope, answered)
    return _Known(
        request,
        asker,
        scope,
        history,
        language,
        kind,
        answered,
        talk,
        _as_theirs(read_turns(talks_to_read(history, talk, answered), asker), answered),
        profile,
        contacts_near(scope, history, asker),
    )


def _as_theirs(turns: dict[int, list[Spoken]], answered: Talk | None) -> dict[int, list[Spoken]]:
    """Take the mail to be answered for the customer's where nobody knows its sender's side.

    Whoever it is, it is not us who promised in it.
    """
    sender = answered.sender if answered else None
    if answered is not None and sender is not None and sender.side == Side.UNKNOWN:
        turns[answered.row.id] = [
            replace(turn, side=Side.CUSTOMER) if turn.speaker == sender.name else turn
            for turn in turns[answered.row.id]
        ]
    return turns


def _profile(scope: Scope, asker: Asker, language: Language) -> CustomerProfile | None:
    if scope.account is None and scope.deal is None:
        return None
    build = build_profile if scope.account else build_opportunity_profile
    about = scope.account or scope.deal
    return build(
        asker.session,
        about.id if about else 0,
        principal=asker.principal,
        as_of=asker.as_of,
        language=language,
    )


def _find(
    known: _Known,
    index: ConversationIndex | None,
    policies: Callable[[Language], Sequence[tuple[str, str]]],
) -> Iterator[Found]:
    scope, asker, language = known.scope, known.asker, known.language
    marks = profile_marks(known.profile, known.deal_id) if known.profile else []
    marks += search_marks(_searched(known, index))
    yield from marked_pieces(marks, asker, known.wanted, language)
    yield from _talks(known)
    disputed = disputed_fields(known.profile, known.deal_id) if known.profile else frozenset()
    yield from records.deal_pieces(scope, asker, language, disputed=disputed)
    yield from records.company_pieces(scope, asker, language)
    yield from records.offer_pieces(scope, asker, language)
    mail = " ".join(turn.text for turn in _turns(known, known.answered))
    said = records.Said(known.request.purpose, mail)
    yield from records.product_pieces(scope, said, asker, language)
    if known.kind is DraftKind.COLD_OUTREACH:
        yield from records.popular_products(scope, asker, language)
    yield from records.meeting_pieces(scope, asker, language)
    if known.profile is not None:
        yield from recorded_pieces(known.profile, known.deal_id, language)
        yield from _last_contact(known, known.profile)
    wanted = [*known.wanted, *(query_terms(mail) if mail.strip() else [])]
    yield from records.policy_pieces(policies(language), wanted)


def _turns(known: _Known, talk: Talk | None) -> Sequence[Spoken]:
    return known.turns.get(talk.row.id, ()) if talk else ()


def _for_recipient(each: Found, recipient: Party) -> Found:
    """Let words of the recipient's colleagues weigh less than their own."""
    if each.role not in THEIRS or not each.who or not recipient.name:
        return each
    is_own = each.who.casefold() in {recipient.name.casefold(), (recipient.email or "").casefold()}
    return each if is_own else replace(each, weight=each.weight - _COLLEAGUE)


def _talks(known: _Known) -> Iterator[Found]:
    """Yield the main conversation itself, and what was said in it and around it."""
    if known.talk is not None:
        yield _talk_fact(known.talk, known.language)
    read = (*known.history.talks, *known.history.thread)
    ordered = sorted(
        {talk.row.id: talk for talk in read if talk.row.id in known.turns}.values(),
        key=lambda talk: (
            talk is not known.talk and talk.row.id != _id(known.talk),
            -talk.row.started_at.timestamp(),
            talk.row.id,
        ),
    )
    for place, talk in enumerate(ordered):
        recency = _RECENCY[min(place, len(_RECENCY) - 1)]
        turns = known.turns[talk.row.id]
        ear = Ear(
            known.wanted,
            known.language,
            recency,
            is_asked=talk.row.id == _id(known.answered),
            is_answered=is_answered(talk, read),
        )
        yield from (pieces_of_mail if talk.is_mail else pieces_of_talk)(turns, ear)


def _id(talk: Talk | None) -> int | None:
    return talk.row.id if talk else None


def _talk_fact(talk: Talk, language: Language) -> Found:
    words, row = WORDS[language], talk.row
    kind = KIND_WORDS[language].get(row.kind, row.kind)
    names = [one.name for one in talk.customers if is_persons_name(one.name)]
    listed = words["list"].join(names[:3])
    key = "with"
    if talk.is_mail:
        key = "to" if talk.is_from_us else "from"
    title = "" if orders_the_writer(row.title) else row.title.strip()
    text = words["talk"].format(
        kind=kind[0].upper() + kind[1:],
        title=words["titled"].format(title=title) if title else "",
        people=words[key].format(names=listed) if listed else "",
        day=f"{row.started_at:%Y-%m-%d}",
    )
    is_email = talk.is_mail
    fact = Fact(
        kind=FactKind.EMAIL if is_email else FactKind.ACTIVITY,
        text=text,
        as_of=row.started_at,
        source=f"conversation:{row.id}",
    )
    return Found(fact, Role.TALK, weight=5.0)


def _last_contact(known: _Known, profile: CustomerProfile) -> Iterator[Found]:
    last = profile.contact.last
    if last is None or (known.talk and last.facts[0].source == f"conversation:{known.talk.row.id}"):
        return
    fact = last.facts[0]
    text = WORDS[known.language]["last_contact"].format(touch=fact.text)
    yield Found(fact.model_copy(update={"text": text}), Role.EVENT)


def _searched(known: _Known, index: ConversationIndex | None) -> list[Fact]:
    """Return what was said about the purpose in any conversation of the deal or account."""
    if index is None or not known.wanted or known.scope.account is None:
        return []
    found = search_conversations(
        known.asker.session,
        index,
        SearchArguments(
            text=known.request.purpose[:1_000],
            opportunity_id=known.deal_id,
            account_id=None if known.deal_id else known.scope.account.id,
            limit=_SEARCHED,
        ),
        principal=known.asker.principal,
        as_of=known.asker.as_of,
        language=known.language,
    )
    return found.facts if found.matched_terms else []


def _answered(talk: Talk | None, turns: Mapping[int, Sequence[Spoken]]) -> Answered | None:
    if talk is None:
        return None
    row = talk.row
    ids = [each for each in (row.thread_key, row.in_reply_to) if each and each != row.message_id]
    wrote = [talk.sender] if talk.sender else list(talk.customers)
    author = ", ".join(label_of(one.name, wrote) for one in wrote)
    return Answered(
        conversation_id=row.id,
        message_id=_bracketed(row.message_id) if row.message_id else None,
        references=tuple(dict.fromkeys(_bracketed(each) for each in ids if "@" in each)),
        subject=row.title,
        author=author,
        sent_at=row.started_at,
        text="\n\n".join(turn.text for turn in turns.get(row.id, ())),
    )


def _bracketed(message_id: str) -> str:
    return message_id if message_id.startswith("<") else f"<{message_id}>"


def _style(profile: CustomerProfile | None, recipient: Party) -> WritingStyle | None:
    if profile is None:
        return None
    for person in profile.people:
        if recipient.contact_id and person.contact_id == recipient.contact_id and person.style:
            return person.style
    return profile.style


def _open_questions(found: Sequence[Found]) -> tuple[str, ...]:
    asked = [
        each
        for each in found
        if each.role is Role.THEIR_QUESTION
        and each.is_open
        and each.quote
        and not orders_the_writer(each.quote)
    ]
    asked.sort(key=lambda each: (not each.is_asked, -each.said_at.timestamp(), each.place))
    return tuple(dict.fromkeys(each.quote for each in asked if each.quote))[:_QUESTIONS]


def _withheld(known: _Known) -> Iterator[str]:
    """Yield what the customer said in the talk at hand that no letter may rest on, for the rep."""
    talk = known.answered or known.talk
    if talk is None:
        return
    wording = WORDS[known.language]["withheld"]
    for words in withheld_words(talk, known.asker)[:_WITHHELD]:
        flat = " ".join(words.split())
        shown = flat if len(flat) <= _WITHHELD_CHARS else f"{flat[:_WITHHELD_CHARS].rstrip()}…"
        yield wording.format(words=shown)


def _names(known: _Known) -> frozenset[str]:
    """Return the names of people and companies that a sentence could wrongly mention."""
    talks = (*known.history.talks, *known.history.thread)
    names = {one.name for talk in talks for one in talk.people}
    names |= {contact.name for contact in known.contacts}
    if known.scope.account is not None:
        names.add(known.scope.account.name)
    return frozenset(name for name in names if name)
