"""What the customer said, told back to them, with what our side answered: the heart of a letter."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from copilot.grounding import lexicon
from copilot.grounding.pack.asked import DraftKind
from copilot.grounding.pack.model import DraftEvidence, Piece, Role
from copilot.grounding.pack.sayings import Act, act_of
from copilot.grounding.sentences import CitedSentence
from copilot.writers.letters.persons import turned, turned_roughly
from copilot.writers.letters.quoting import (
    core_sentence,
    is_question,
    our_words,
    quotable,
    spoken_clean,
)
from copilot.writers.letters.reported import reported_question, reported_request
from copilot.writers.letters.tellable import is_tellable
from copilot.writers.scribe import Item
from crm.index.terms import query_terms, terms_of
from tools.language import Language, has_han

QUOTE_LENGTH = 30.0
_ANSWER_LENGTH = 38.0
_SHARED_TERMS = 2
_SHARED_PART = 0.4
_REQUEST = re.compile(
    r"^send (?:me|us)\b"
    r"|^(?:please|could you|can you|would you|kindly)\b.*\b"
    r"(?:send|share|check|confirm|call|book|give)\b"
    r"|^(?:请(?!问)|麻烦|烦请)(?!.*[吗？?]$)",
    re.IGNORECASE,
)
_ENOUGH = 2
_OLD_DAYS = 21
# What may be brought up again without an answer of ours, by kind; in others nothing may.
_ALONE: Mapping[DraftKind, frozenset[Role]] = {
    DraftKind.FOLLOW_UP: frozenset({Role.THEIR_NEED, Role.THEIR_CONCERN, Role.THEIR_WORDS}),
    DraftKind.REPLY: frozenset({Role.THEIR_NEED, Role.THEIR_CONCERN, Role.THEIR_WORDS}),
    DraftKind.MEETING_REQUEST: frozenset({Role.THEIR_NEED, Role.THEIR_CONCERN, Role.THEIR_WORDS}),
    DraftKind.RE_ENGAGEMENT: frozenset({Role.THEIR_NEED, Role.THEIR_WORDS}),
    DraftKind.RENEWAL: frozenset({Role.THEIR_NEED}),
    DraftKind.PROPOSAL_COVER: frozenset({Role.THEIR_NEED}),
}
_ORDER = (Role.THEIR_QUESTION, Role.THEIR_CONCERN, Role.THEIR_NEED, Role.THEIR_WORDS)
_ACTS = {Role.THEIR_NEED: Act.NEEDS, Role.THEIR_CONCERN: Act.WORRIES}
_STATEMENTS = frozenset({Role.THEIR_CONCERN, Role.THEIR_NEED, Role.THEIR_WORDS})
_LABELS: Mapping[Language, Mapping[Role, str]] = {
    "en": {
        Role.THEIR_QUESTION: "CUSTOMER ASKED",
        Role.THEIR_CONCERN: "CUSTOMER WORRIES",
        Role.THEIR_NEED: "CUSTOMER NEEDS",
        Role.THEIR_WORDS: "CUSTOMER SAID",
        Role.THEIR_PROMISE: "CUSTOMER PROMISED",
    },
    "zh": {
        Role.THEIR_QUESTION: "客户问",
        Role.THEIR_CONCERN: "客户担心",
        Role.THEIR_NEED: "客户需要",
        Role.THEIR_WORDS: "客户说",
        Role.THEIR_PROMISE: "客户承诺",
    },
}
OPENINGS: Mapping[Language, Mapping[Role, tuple[str, ...]]] = {
    "en": {
        Role.THEIR_QUESTION: ("You asked ",),
        Role.THEIR_CONCERN: ("You are concerned ", "You mentioned "),
        Role.THEIR_NEED: ("You need ", "You would like ", "You want ", "You expect "),
        Role.THEIR_WORDS: ("You mentioned that ",),
        Role.THEIR_PROMISE: ("You wanted to ", "You offered to "),
    },
    "zh": {
        Role.THEIR_QUESTION: ("您问到", "您想了解"),
        Role.THEIR_CONCERN: ("您担心", "您提到"),
        Role.THEIR_NEED: ("您希望", "您要求", "您需要"),
        Role.THEIR_WORDS: ("您提到",),
        Role.THEIR_PROMISE: ("您提到会", "您这边会"),
    },
}
_QUOTING: Mapping[Language, Mapping[Role, str]] = {
    "en": {
        Role.THEIR_QUESTION: "You asked: “{words}”",
        Role.THEIR_CONCERN: "You told us: “{words}.”",
        Role.THEIR_NEED: "What you need, in your words: “{words}.”",
        Role.THEIR_WORDS: "You mentioned: “{words}.”",
        Role.THEIR_PROMISE: "From your side we noted: “{words}.”",
    },
    "zh": {
        Role.THEIR_QUESTION: "您问到：“{words}”",
        Role.THEIR_CONCERN: "您提到：“{words}。”",
        Role.THEIR_NEED: "您的要求是：“{words}。”",
        Role.THEIR_WORDS: "您提到：“{words}。”",
        Role.THEIR_PROMISE: "您这边说过：“{words}。”",
    },
}


_COLLEAGUE = {
    "en": ("Your colleague {who} told us: “{words}”", "Your colleague {who} asked: “{words}”"),
    "zh": ("贵司的{who}提到：“{words}”", "贵司的{who}问到：“{words}”"),
}
_REQUESTING = {"en": "You asked us: “{words}.”", "zh": "您提到：“{words}。”"}


@dataclass(frozen=True)
class Exchange:
    """Words of the customer as an item for the model, and our answer as we gave it, if any."""

    asked: Piece
    item: Item
    answer: CitedSentence | None = None


def exchanges(
    evidence: DraftEvidence, most: int, *, holds: Callable[[CitedSentence], bool]
) -> list[Exchange]:
    """Return at most `most` exchanges: of the last talk first, answered ones before others.

    Questions that nobody answered are no exchanges (see `unanswered`); a nudge brings up nothing
    that we did not answer, or may not say again without approval (`holds`).
    """
    found: list[tuple[tuple[bool, int, int], Exchange]] = []
    taken: set[str] = set()
    for place, piece in enumerate(evidence.pieces):
        if piece.role not in _ORDER or _is_of_other_mail(piece, evidence):
            continue
        answer = answer_to(piece, evidence)
        if answer is not None and (answer.text in taken or not holds(answer)):
            is_needed = answer.text not in taken and evidence.kind in _ALONE
            answer = answer if is_needed else None
        if answer is None and not _may_stand_alone(piece, evidence):
            continue
        taken |= {answer.text} if answer else set()
        item = told_item(piece, evidence)
        if item is not None:
            rank = _ORDER.index(piece.role) + (0 if answer else 2)
            found.append(
                ((not _is_of_talk(piece, evidence), rank, place), Exchange(piece, item, answer))
            )
    # In a reply their own remarks are no news to them: one shows that it was read.
    enough = 1 if evidence.kind is DraftKind.REPLY else _ENOUGH
    return _chosen(sorted(found, key=lambda each: each[0]), most, enough=enough)


def _chosen(
    found: Sequence[tuple[tuple[bool, int, int], Exchange]], most: int, *, enough: int
) -> list[Exchange]:
    """Return those of the last talk; older ones, and mere remarks, only where it gives little."""
    chosen: list[Exchange] = []
    for (is_older, _, _), exchange in found:
        is_filler = is_older or (
            exchange.asked.role is Role.THEIR_WORDS and exchange.answer is None
        )
        if len(chosen) < (min(enough, most) if is_filler else most):
            chosen.append(exchange)
    return chosen


def _may_stand_alone(piece: Piece, evidence: DraftEvidence) -> bool:
    """Say whether words without an answer of ours may be brought up again in such a letter."""
    return piece.role in _ALONE.get(evidence.kind, frozenset())


def _is_of_other_mail(piece: Piece, evidence: DraftEvidence) -> bool:
    return evidence.kind is DraftKind.REPLY and not _is_of_talk(piece, evidence)


def _is_of_talk(piece: Piece, evidence: DraftEvidence) -> bool:
    talk = next((each for each in evidence.pieces if each.role is Role.TALK), None)
    return talk is not None and piece.fact.source.startswith(f"{talk.fact.source}#")


def unanswered(evidence: DraftEvidence, most: int, *, told: Collection[str] = ()) -> list[Exchange]:
    """Return open questions and requests that are not `told` yet, the last talk's first.

    Older ones than three weeks are left to the rep: somebody may have answered them elsewhere.
    """
    found: list[Exchange] = []
    pieces = sorted(evidence.pieces, key=lambda piece: not _is_of_talk(piece, evidence))
    for piece in pieces:
        if piece.role is not Role.THEIR_QUESTION or len(found) >= most:
            continue
        if piece.fact.id in told or not _waits(piece, evidence):
            continue
        item = told_item(piece, evidence)
        if item is not None:
            found.append(Exchange(piece, item))
    return found


def _waits(piece: Piece, evidence: DraftEvidence) -> bool:
    """Say whether a question waits for an answer: each of the mail answered, and new open ones."""
    if evidence.kind is DraftKind.REPLY:
        return _is_of_talk(piece, evidence)
    said_on = _said_on(piece)
    is_old = said_on is not None and (evidence.as_of.date() - said_on).days > _OLD_DAYS
    return piece.is_open and not is_old


def told_item(piece: Piece, evidence: DraftEvidence) -> Item | None:
    """Return the customer's words as an item for the scribe, None if they may not be repeated."""
    language, role = evidence.language, piece.role
    words = quotable(_words(piece), language, _said_on(piece), QUOTE_LENGTH)
    if not words:
        return None
    words = core_sentence(
        _without_names(words, evidence),
        is_asked=role is Role.THEIR_QUESTION,
        telling=lambda part: act_of(part) is _ACTS.get(role) and is_tellable(piece, part),
    )
    # A translation could not be checked against the words: another language is left to the rep.
    if not is_tellable(piece, words) or has_han(words) != (language == "zh"):
        return None
    words = words.strip(" .。")
    if is_colleague(piece, evidence):
        if not _is_of_talk(piece, evidence):
            return None
        return _colleagues_item(piece, words, language)
    exact = None if "…" in words else turned(words, language)
    told = exact or turned_roughly(words, language)
    is_settled = language == "zh" or (exact is not None and role in _STATEMENTS)
    asks_us = role is not Role.THEIR_PROMISE and "…" not in words
    reported = reported_request(words, language) if asks_us else None
    if reported is None and asks_us and role is Role.THEIR_QUESTION and is_question(words):
        reported = reported_question(words, language)
    if reported is not None:
        return Item(
            facts=(piece.fact.id,),
            shown=f"{_LABELS[language][Role.THEIR_QUESTION]}: {told}",
            fallback=CitedSentence(text=reported, facts=(piece.fact.id,)),
            openings=OPENINGS[language][Role.THEIR_QUESTION],
            words=told,
            is_settled=True,
            quoted=_quoted(piece, words, language),
        )
    if role is Role.THEIR_QUESTION and not (is_question(words) or _REQUEST.search(words)):
        # "Our plant manager asks why …": it is told, not asked, and maybe not theirs.
        role, exact, is_settled = Role.THEIR_CONCERN, None, True
    return Item(
        facts=(piece.fact.id,),
        shown=f"{_LABELS[language][role]}: {told}",
        fallback=CitedSentence(text=_by_code(words, exact, role, language), facts=(piece.fact.id,)),
        openings=OPENINGS[language][role],
        words=told,
        is_settled=is_settled,
        quoted=_quoted(piece, words, language),
    )


def _quoted(piece: Piece, words: str, language: Language) -> CitedSentence | None:
    """Return a question or need in the customer's own words, for where nothing else holds."""
    if piece.role not in {Role.THEIR_QUESTION, Role.THEIR_NEED}:
        return None
    is_bare = piece.role is Role.THEIR_QUESTION and not words.endswith(("?", "？", "…"))
    mark = ("。" if language == "zh" else ".") if is_bare else ""
    text = _QUOTING[language][piece.role].format(words=f"{words}{mark}")
    return CitedSentence(text=text, facts=(piece.fact.id,))


def is_colleague(piece: Piece, evidence: DraftEvidence) -> bool:
    """Say whether somebody else of the customer's said it than the one who gets the letter."""
    person = evidence.recipient
    known = {person.name.casefold(), (person.email or "").casefold()} - {""}
    return bool(piece.who and known) and (piece.who or "").casefold() not in known


def _colleagues_item(piece: Piece, words: str, language: Language) -> Item | None:
    """Return a colleague's words in quotation marks, under the name by which the facts have it."""
    if piece.who is None or "@" in piece.who:
        return None
    is_asked = piece.role is Role.THEIR_QUESTION
    mark = "" if words.endswith(("?", "？", "…")) else ("。" if language == "zh" else ".")
    text = _COLLEAGUE[language][is_asked].format(who=piece.who, words=f"{words}{mark}")
    said = CitedSentence(text=text, facts=(piece.fact.id,))
    return Item(facts=(piece.fact.id,), shown=words, fallback=said, is_settled=True)


def _without_names(words: str, evidence: DraftEvidence) -> str:
    """Return the words without a name called out in front, as people do when they talk."""
    words = spoken_clean(words, evidence.language)
    for party in (evidence.sender, evidence.recipient):
        for name in {party.name, *party.name.split()} - {""}:
            words = re.sub(rf"^{re.escape(name)}[,.，。]\s*", "", words)
    return words[:1].upper() + words[1:]


def _by_code(words: str, told: str | None, role: Role, language: Language) -> str:
    """Return the words told by code: their pronouns turned where that is exact, else quoted."""
    if told and language == "zh" and not _REQUEST.search(words):
        return _told_zh(told, role)
    if told and language == "en" and role in _STATEMENTS:
        return _told_en(told, role)
    if _REQUEST.search(words):
        return _REQUESTING[language].format(words=words)
    return _QUOTING[language][role].format(words=words)


def _told_en(told: str, role: Role) -> str:
    # "You need to" would sound like an order of ours.
    wish = re.match(r"you (?:would (?:\w+ )?like|want)\b", told, re.IGNORECASE)
    if role is Role.THEIR_NEED and wish:
        return f"{told[:1].upper()}{told[1:]}."
    return f"You mentioned that {_lower(told)}."


def _told_zh(told: str, role: Role) -> str:
    if role is Role.THEIR_QUESTION:
        mark = "" if told.endswith(("？", "?")) else "。"
        return f"您问到：{told}{mark}"
    return f"您提到，{told}。"


def _lower(text: str) -> str:
    """Return the text for the middle of a sentence: names keep their capital."""
    first = re.match(r"[A-Za-z'’]+", text)
    is_common = first is not None and first.group().casefold() in lexicon.COMMON
    return text[:1].lower() + text[1:] if is_common else text


def answer_to(piece: Piece, evidence: DraftEvidence) -> CitedSentence | None:
    """Return our answer as we gave it, else a policy on the same matter; never the customer's."""
    for other in evidence.pieces:
        if other.answers == piece.fact.id and other.role in {
            Role.OUR_ANSWER,
            Role.OUR_PROMISE,
            Role.OUR_WORDS,
        }:  # fmt: skip
            said = _without_names(_words(other), evidence)
            text = our_words(said, evidence.language, _said_on(other), _ANSWER_LENGTH)
            if text and has_han(text) == (evidence.language == "zh"):
                return CitedSentence(text=text, facts=(other.fact.id,))
    if piece.role is Role.THEIR_QUESTION:
        return _policy_on(piece, evidence)
    return None


def _policy_on(piece: Piece, evidence: DraftEvidence) -> CitedSentence | None:
    """Return the policy that shares most with a question, if that is a fair part of it."""
    words = _words(piece)
    wanted = set(query_terms(words))
    if not wanted or _REQUEST.search(words):
        return None
    policies = [other for other in evidence.pieces if other.role is Role.POLICY]
    shared = {each.fact.id: len(wanted & set(terms_of(each.fact.text))) for each in policies}
    best = max(policies, key=lambda each: shared[each.fact.id], default=None)
    if best is None or shared[best.fact.id] < max(_SHARED_TERMS, _SHARED_PART * len(wanted)):
        return None
    return CitedSentence(text=" ".join(best.fact.text.split()), facts=(best.fact.id,))


def _words(piece: Piece) -> str:
    return piece.quote or piece.fact.text


def _said_on(piece: Piece) -> date | None:
    return piece.fact.as_of.date() if piece.fact.as_of else None
