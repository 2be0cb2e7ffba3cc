"""What the customer's profile and a search give to a draft, as words with their speaker."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from copilot.grounding.pack.found import Found
from copilot.grounding.pack.model import Role
from copilot.grounding.pack.places import read_places
from copilot.grounding.pack.quoting import quote_turn
from copilot.grounding.pack.sayings import act_of, split_sentences
from copilot.grounding.pack.scope import Asker
from copilot.grounding.pack.spoken_pieces import ROLE_OF_ACT
from copilot.grounding.pack.wording import WORDS
from crm.facts import Fact
from crm.index.terms import query_terms, terms_of
from crm.models import Side
from tools.language import Language
from tools.profile.evidence import fold
from tools.profile.model import Basis, Contradiction, CustomerProfile, Known, Matter, Topic, Urgency

_TOPICS = {
    Topic.PAIN: (Role.THEIR_NEED, 3.0),
    Topic.NEED: (Role.THEIR_NEED, 2.5),
    Topic.IMPACT: (Role.THEIR_NEED, 2.5),
    Topic.OBJECTION: (Role.THEIR_CONCERN, 3.0),
    Topic.TIMELINE: (Role.THEIR_WORDS, 2.0),
    Topic.PROCESS: (Role.THEIR_WORDS, 1.5),
    Topic.BUDGET: (Role.THEIR_WORDS, 1.5),
    Topic.COMPETITOR: (Role.THEIR_WORDS, 1.0),
}
_DEAL_FIELDS = frozenset({"close_date", "amount", "stage"})


@dataclass(frozen=True)
class Mark:
    """Where words stand that a draft may use, and what they are for on either side.

    A role of None leaves the words out if that side said them; `label` marks what is not settled.
    """

    fact: Fact
    words: str
    theirs: Role | None
    ours: Role | None
    weight: float
    is_open: bool = False
    due_on: date | None = None
    label: str = ""
    group: str = ""


def profile_marks(profile: CustomerProfile, deal_id: int | None) -> list[Mark]:
    """Return what the profile knows from people's words, of this deal or of none in particular."""
    marks = [mark for one in profile.contradictions for mark in _contradicting(one, deal_id)]
    disputed = {mark.fact.source for mark in marks}
    for topic, (role, weight) in _TOPICS.items():
        for known in profile.told.get(topic, ()):
            if _is_said(known, deal_id) and known.facts[0].source not in disputed:
                marks.append(Mark(known.facts[0], known.text, role, None, weight))
    marks += [
        _matter(each, Role.THEIR_PROMISE, Role.OUR_PROMISE)
        for each in profile.commitments
        if _is_said(each.known, deal_id)
    ]
    marks += [
        _matter(each, Role.THEIR_QUESTION, None)
        for each in profile.questions
        if _is_said(each.known, deal_id)
    ]
    marks += [
        Mark(known.facts[0], known.text, Role.MEETING, Role.MEETING, 2.0, True, _day(known))
        for known in profile.contact.planned
        if _is_said(known, deal_id)
    ]
    return marks


def search_marks(facts: Sequence[Fact]) -> list[Mark]:
    """Return what a search found; its words are read again at their address."""
    return [Mark(fact, "", Role.THEIR_WORDS, Role.OUR_WORDS, 2.5) for fact in facts]


def marked_pieces(
    marks: Sequence[Mark], asker: Asker, wanted: Sequence[str], language: Language
) -> Iterator[Found]:
    """Yield the words at the marks with who said them; words of an unknown side give nothing."""
    turns = read_places({mark.fact.source for mark in marks}, asker)
    for mark in marks:
        turn = turns.get(mark.fact.source)
        role = None
        if turn is not None and turn.side is not Side.UNKNOWN:
            role = mark.theirs if turn.side is Side.CUSTOMER else mark.ours
        if turn is None or role is None:
            continue
        words, number = _marked_words(turn.text, mark.words, wanted)
        if not mark.words and role is Role.THEIR_WORDS:
            role = ROLE_OF_ACT[act_of(words)]
        found = quote_turn(
            turn,
            words,
            role,
            language=language,
            wanted=query_terms(mark.words) or wanted,
            weight=mark.weight,
            sentence=number,
        )
        found = replace(found, is_open=mark.is_open, due_on=mark.due_on)
        yield _labelled(found, mark, language)


def recorded_pieces(
    profile: CustomerProfile, deal_id: int | None, language: Language
) -> Iterator[Found]:
    """Yield what the CRM itself holds of open matters: tasks, support, and what it disputes."""
    words = WORDS[language]
    for each in profile.commitments:
        known = each.known
        if known.basis is Basis.RECORDED and known.opportunity_id in {deal_id, None}:
            due = words["due"].format(day=each.due_on) if each.due_on else ""
            text = words["task"].format(due=due, subject=known.text)
            fact = known.facts[0].model_copy(update={"text": text})
            yield Found(
                fact, Role.OUR_TASK, quote=known.text, is_open=True, due_on=each.due_on, weight=1.0
            )
    for case in profile.service.open_cases:
        fact = case.facts[0].model_copy(update={"text": words["case"].format(text=case.text)})
        yield Found(fact, Role.SERVICE, is_open=True)
    yield from (Found(fact, Role.SERVICE) for fact in profile.service.facts)
    for one in profile.contradictions:
        if one.opportunity_id in {deal_id, None}:
            yield from _held(one, language)


def disputed_fields(profile: CustomerProfile, deal_id: int | None) -> frozenset[str]:
    """Return which fields of the deal's record evidence disputes: close_date, amount, stage."""
    return frozenset(
        one.field
        for one in profile.contradictions
        if one.opportunity_id == deal_id and one.field in _DEAL_FIELDS
    )


def _marked_words(text: str, words: str, wanted: Sequence[str]) -> tuple[str, int]:
    """Return the sentence of a turn that a note or a search speaks of, and its number."""
    sentences = split_sentences(text)
    folded = fold(words) if words else ""
    for number, sentence in enumerate(sentences):
        if folded and (folded in fold(sentence) or fold(sentence) in folded):
            return sentence, number
    terms = set(query_terms(words) if words else wanted)
    hits = [len(terms.intersection(terms_of(sentence))) for sentence in sentences]
    number = hits.index(max(hits))
    return sentences[number], number


def _contradicting(one: Contradiction, deal_id: int | None) -> Iterator[Mark]:
    if one.opportunity_id not in {deal_id, None}:
        return
    for known in one.values:
        if known.basis is Basis.SAID and known.facts:
            yield Mark(
                known.facts[0],
                known.text,
                Role.THEIR_WORDS,
                Role.OUR_WORDS,
                3.0,
                is_open=True,
                label=one.label,
                group=_group(one),
            )


def _held(one: Contradiction, language: Language) -> Iterator[Found]:
    for known in one.values:
        if known.basis is not Basis.SAID and known.facts:
            found = Found(known.facts[0], Role.DEAL, is_open=True, weight=3.0, group=_group(one))
            yield _unsettled(found, one.label, language)


def _group(one: Contradiction) -> str:
    return f"{one.field}/{one.opportunity_id}"


def _labelled(found: Found, mark: Mark, language: Language) -> Found:
    if not mark.label:
        return found
    return _unsettled(replace(found, group=mark.group), mark.label, language)


def _unsettled(found: Found, label: str, language: Language) -> Found:
    text = WORDS[language]["unsettled"].format(label=label, text=found.fact.text)
    return replace(found, fact=found.fact.model_copy(update={"text": text}))


def _matter(each: Matter, theirs: Role, ours: Role | None) -> Mark:
    is_open = each.urgency is not Urgency.LIKELY_DONE
    weight = 3.5 if is_open else 0.5
    return Mark(each.known.facts[0], each.known.text, theirs, ours, weight, is_open, each.due_on)


def _is_said(known: Known, deal_id: int | None) -> bool:
    is_here = deal_id is None or known.opportunity_id in {deal_id, None}
    return known.basis is Basis.SAID and bool(known.facts) and is_here


def _day(known: Known) -> date | None:
    return date.fromisoformat(known.value) if known.value else None
