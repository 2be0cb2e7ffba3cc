"""The customer's statements in a deal: cut from what was said and written, cleaned, told apart."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.grounding.pack.hostile import orders_the_writer
from copilot.writers.proposals.cues import (
    ABOUT_ONESELF,
    ADDRESSED,
    CUES,
    FILLERS,
    HANGING_END,
    HANGING_START,
    NOISE,
    REPEATED,
    REQUESTS,
    THIRD_PARTY,
    UNFIT,
    Voice,
)
from crm.access import visible
from crm.facts import Fact
from crm.index.passages import length_of
from crm.models import Conversation, Opportunity, Side
from crm.principal import Principal
from tools.language import Language, detect_language
from tools.profile.evidence import fold
from tools.spoken import Spoken, quote_fact, read_spoken

MOST_TALKS = 20
_SENTENCE = re.compile(r"[^.!?。！？；\n]+(?:[.!?](?!\s|$)[^.!?。！？；\n]*)*[.!?。！？；]*")
_POINTS_BACK = re.compile(r"(?:then|that|this|my)\b|[那这]", re.IGNORECASE)
_LEAST, _MOST = 4.0, 34.0
_TELLING_PLACE = 2.0


@dataclass(frozen=True)
class Statement:
    """One sentence of the customer, fit to be read before a board.

    `words` are theirs without fillers; `answer` is what we said to it at once, if anything, and
    `answer_fact` its receipt. `weight` ranks statements, the most telling first; `place` counts
    the sentences of its turn.
    """

    words: str
    speaker: str
    said_on: date
    voices: frozenset[Voice]
    weight: float
    fact: Fact
    place: int = 0
    answer: str | None = None
    answer_fact: Fact | None = None


def find_talks(
    session: Session, deal: Opportunity, *, principal: Principal, as_of: datetime
) -> list[int]:
    """Return the ids of the deal's newest conversations, else of the account's outside any deal."""
    of_deal = Conversation.opportunity_id == deal.id
    statement = select(Conversation.id).where(Conversation.started_at <= as_of)
    order = (Conversation.started_at.desc(), Conversation.id.desc())
    found = session.scalars(
        visible(statement.where(of_deal), Conversation, principal)
        .order_by(*order)
        .limit(MOST_TALKS)
    ).all()
    if found or deal.account_id is None:
        return list(found)
    loose = statement.where(
        Conversation.account_id == deal.account_id, Conversation.opportunity_id.is_(None)
    )
    query = visible(loose, Conversation, principal).order_by(*order).limit(MOST_TALKS)
    return list(session.scalars(query))


def find_statements(
    session: Session,
    talk_ids: Sequence[int],
    *,
    language: Language,
    telling: Collection[str],
    names: Collection[str],
    principal: Principal,
) -> list[Statement]:
    """Return what the customer said that tells of pains, needs, goals or praise; the best first.

    `telling` are addresses of facts that the profile rests on, which count for more; a sentence
    that names one of the `names`, rivals and people, is left out like haggling, politics, doubts
    and complaints.
    Only words of people known to be on the customer's side are taken.
    """
    turns = read_spoken(session, [(each, 0, None) for each in talk_ids], principal)
    places = frozenset(address.partition("@")[0] for address in telling)
    named = _any_of(names)
    found: dict[str, Statement] = {}
    for at, turn in enumerate(turns):
        if turn.side is not Side.CUSTOMER:
            continue
        for statement in _statements(turn, turns[at + 1 : at + 3], language, places):
            before = found.get(fold(statement.words))
            # Orders to the writer are no needs of theirs.
            is_said_to_us = not orders_the_writer(f"{statement.words} {statement.answer or ''}")
            if (
                is_said_to_us
                and not named.search(statement.words)
                and (before is None or before.said_on < statement.said_on)
            ):
                found[fold(statement.words)] = statement
    ranked = sorted(found.values(), key=lambda each: each.said_on, reverse=True)
    return sorted(ranked, key=lambda each: -each.weight)


def _any_of(names: Collection[str]) -> re.Pattern[str]:
    edges = {True: r"\b{}\b", False: "{}"}
    known = [edges[name.isascii()].format(re.escape(name)) for name in names if len(name) > 1]
    return re.compile("|".join(known) or r"(?!)", re.IGNORECASE)


def cut_sentences(text: str) -> list[str]:
    """Return the sentences of a text, each cleaned of fillers, with a capital at its start."""
    return [clean for raw in _SENTENCE.findall(text) if (clean := clean_words(raw))]


def clean_words(text: str) -> str:
    """Return the words without fillers, noise and stammering; nothing else is changed."""
    flat = " ".join(NOISE.sub(" ", text).split())
    flat = REPEATED.sub(r"\1", FILLERS.sub("", flat))
    flat = re.sub(r"\s+([,.;!?])", r"\1", flat).strip(" ,，、-–")
    return flat[:1].upper() + flat[1:]


def voices_of(words: str) -> frozenset[Voice]:
    """Return what a sentence tells; nothing if it is unfit to be shown or cannot stand alone."""
    if not _LEAST <= length_of(words) <= _MOST or words.endswith(("?", "？")):
        return frozenset()
    unfit = (UNFIT, ABOUT_ONESELF, REQUESTS, THIRD_PARTY, HANGING_END)
    if any(pattern.search(words) for pattern in unfit) or HANGING_START.match(words):
        return frozenset()
    voices = frozenset(voice for voice, cue in CUES.items() if cue.search(words))
    if not ADDRESSED.search(words):
        return voices
    # What they say to us may be praise; a pain that is told with "your" is a complaint.
    return voices & {Voice.PRAISE} if Voice.PAIN not in voices else frozenset()


def _statements(
    turn: Spoken, after: Sequence[Spoken], language: Language, places: Collection[str]
) -> Iterator[Statement]:
    reply = _reply(turn, after)
    for place, words in enumerate(cut_sentences(turn.text)):
        voices = voices_of(words)
        if not voices:
            continue
        answer = _answer(reply) if reply and Voice.NEED in voices else None
        yield Statement(
            words=words,
            speaker=turn.speaker,
            said_on=turn.started_at.date(),
            voices=voices,
            weight=_weight(words, voices, turn, places),
            fact=quote_fact(turn, words, as_of=turn.started_at, language=language),
            answer=answer,
            answer_fact=quote_fact(reply, answer, as_of=reply.started_at, language=language)
            if reply and answer
            else None,
            place=place,
        )


def _weight(words: str, voices: frozenset[Voice], turn: Spoken, places: Collection[str]) -> float:
    weight = float(len(voices)) + (1.0 if any(char.isdigit() for char in words) else 0.0)
    stands = {
        f"conversation:{turn.conversation_id}#{at}" for at in range(turn.first, turn.last + 1)
    }
    if stands.intersection(places):
        weight += _TELLING_PLACE
    return weight + (0.5 if Voice.PAIN in voices or Voice.NEED in voices else 0.0)


def _reply(turn: Spoken, after: Iterable[Spoken]) -> Spoken | None:
    for other in after:
        if other.conversation_id != turn.conversation_id:
            return None
        if other.side is Side.OURS:
            return other
    return None


def _answer(reply: Spoken) -> str | None:
    """Return what a reply states: no questions, no thanks, nothing on price, at most two."""
    kept = [
        words
        for words in cut_sentences(reply.text)
        if length_of(words) >= _LEAST
        and not words.endswith(("?", "？"))
        and not UNFIT.search(words)
        and not ABOUT_ONESELF.search(words)
        and not _POINTS_BACK.match(words)
        and detect_language(words) == detect_language(reply.text)
    ]
    return " ".join(kept[:2]) or None
