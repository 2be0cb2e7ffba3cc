"""What conversations give to a draft: questions and their answers, concerns, needs, promises."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from copilot.grounding.pack.days import promised_day
from copilot.grounding.pack.found import Found
from copilot.grounding.pack.model import Role
from copilot.grounding.pack.quoting import quote_turn
from copilot.grounding.pack.sayings import (
    Act,
    is_deferral,
    is_question,
    is_small_talk,
    leans_on_others,
    names_next_step,
    split_sentences,
    telling_sentences,
)
from crm.index.passages import length_of
from crm.index.terms import query_terms, terms_of
from crm.models import ConversationKind, Side
from tools.language import Language, has_han
from tools.spoken import Spoken

ROLE_OF_ACT = {
    Act.ASKS: Role.THEIR_QUESTION,
    Act.WORRIES: Role.THEIR_CONCERN,
    Act.NEEDS: Role.THEIR_NEED,
    Act.PROMISES: Role.THEIR_PROMISE,
    Act.TELLS: Role.THEIR_WORDS,
}
_WEIGHTS = {Act.ASKS: 3.0, Act.WORRIES: 2.0, Act.NEEDS: 2.0, Act.PROMISES: 2.0, Act.TELLS: 0.5}
_ANSWER_LENGTH = 6
_LEAST_ASKED = 4.0
_RUN_LENGTH = 24.0
_STATEMENTS = frozenset({Act.WORRIES, Act.NEEDS, Act.TELLS})
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Ear:
    """How a conversation is listened to.

    `wanted` are the terms of the purpose, `recency` is added to every weight, `is_asked` marks the
    mail to be answered, `is_answered` one in whose thread our side wrote since.
    """

    wanted: Sequence[str]
    language: Language
    recency: float = 0.0
    is_asked: bool = False
    is_answered: bool = False


def pieces_of_talk(turns: Sequence[Spoken], ear: Ear) -> Iterator[Found]:
    """Yield what a call, meeting or chat gives, in the order it was said.

    Turns whose side nobody knows give nothing: on our side they would pass for promises of ours,
    on the customer's for their wishes.
    """
    for place, turn in enumerate(turns):
        if turn.side is Side.CUSTOMER:
            yield from _theirs(turn, turns[place + 1 :], ear)
        elif turn.side is Side.OURS:
            yield from _ours(turn, ear)


def pieces_of_mail(turns: Sequence[Spoken], ear: Ear) -> Iterator[Found]:
    """Yield what a mail gives, each question, request and statement by itself."""
    for turn in turns:
        if turn.side is Side.OURS:
            yield from _ours(turn, ear)
        elif turn.side is Side.CUSTOMER:
            for act, found in _said(turn, ear):
                is_open = act is Act.PROMISES or (act is Act.ASKS and not ear.is_answered)
                role = ROLE_OF_ACT[act]
                yield replace(found, role=role, is_open=is_open, is_asked=ear.is_asked)


def weigh(act: Act, sentence: str, wanted: Sequence[str]) -> float:
    """Return how much a sentence matters: what it does, the purpose, figures, next steps."""
    hits = len(set(wanted).intersection(terms_of(sentence)))
    weight = _WEIGHTS[act] + 2.0 * min(hits, 2)
    weight += 1.0 if names_next_step(sentence) else 0.0
    weight -= 2.0 if act is not Act.ASKS and leans_on_others(sentence) else 0.0
    return weight + (0.5 if _DIGIT.search(sentence) else 0.0)


def _said(turn: Spoken, ear: Ear) -> Iterator[tuple[Act, Found]]:
    """Yield what a turn tells and what that does, as the customer's words at first.

    In speech, statements that follow each other stay together: one alone seldom says enough.
    """
    told = list(telling_sentences(turn.text))
    if turn.kind != ConversationKind.EMAIL:
        told = _together(told)
    for number, (act, sentence) in enumerate(told):
        found = quote_turn(
            turn,
            sentence,
            Role.THEIR_WORDS,
            language=ear.language,
            wanted=ear.wanted,
            weight=weigh(act, sentence, ear.wanted) + ear.recency,
            sentence=number,
        )
        yield act, replace(found, due_on=_due(act, turn, sentence))


def _together(told: Sequence[tuple[Act, str]]) -> list[tuple[Act, str]]:
    """Join statements in a row while they are short; what they do is what the strongest does."""
    joined: list[tuple[Act, str]] = []
    for act, sentence in told:
        before = joined[-1] if joined else None
        if before is None or not _STATEMENTS.issuperset({act, before[0]}):
            joined.append((act, sentence))
            continue
        text = f"{before[1]}{'' if has_han(sentence) else ' '}{sentence}"
        if length_of(text) > _RUN_LENGTH:
            joined.append((act, sentence))
        else:
            joined[-1] = (max(before[0], act, key=_WEIGHTS.__getitem__), text)
    return joined


def _theirs(turn: Spoken, later: Sequence[Spoken], ear: Ear) -> Iterator[Found]:
    asked: list[Found] = []
    last: Found | None = None
    for act, found in _said(turn, ear):
        words = found.quote or ""
        if act is Act.TELLS and is_small_talk(words):
            continue
        if act is not Act.ASKS:
            last = replace(found, role=ROLE_OF_ACT[act], is_open=act is Act.PROMISES)
            yield last
        elif length_of(words) >= _LEAST_ASKED:
            asked.append(replace(found, role=Role.THEIR_QUESTION))
    if not asked:
        if last is not None and last.role is not Role.THEIR_PROMISE:
            yield from _taken_up(last, later, ear)
        return
    reply = _reply(later)
    has_answer = reply is not None and not is_deferral(reply.text) and _says_enough(reply)
    is_asked = ear.is_asked and not has_answer
    for question in asked:
        yield replace(question, is_open=not has_answer, is_asked=is_asked)
    if reply is not None and has_answer:
        # What follows a string of questions answers the last of them.
        yield _answer(reply, asked[-1], ear)


def _taken_up(told: Found, later: Sequence[Spoken], ear: Ear) -> Iterator[Found]:
    """Yield what our side said to a statement right after it, where it is on the same matter."""
    reply = later[0] if later and later[0].side is Side.OURS else None
    if reply is None or is_deferral(reply.text) or not _says_enough(reply):
        return
    if set(query_terms(told.quote or "")).isdisjoint(terms_of(_stated(reply))):
        return
    yield replace(_answer(reply, told, ear), group=told.fact.source)


def _reply(later: Sequence[Spoken]) -> Spoken | None:
    """Return our next turn, None if somebody of an unknown side speaks before it."""
    for turn in later:
        if turn.side is Side.OURS:
            return turn
        if turn.side is Side.UNKNOWN:
            return None
    return None


def _stated(turn: Spoken) -> str:
    return " ".join(part for part in split_sentences(turn.text) if not is_question(part))


def _says_enough(reply: Spoken) -> bool:
    return length_of(_stated(reply)) >= _ANSWER_LENGTH


def _answer(reply: Spoken, asked: Found, ear: Ear) -> Found:
    terms = [*ear.wanted, *query_terms(asked.quote or "")]
    found = quote_turn(
        reply,
        _stated(reply),
        Role.OUR_ANSWER,
        language=ear.language,
        wanted=terms,
        weight=asked.weight,
    )
    return replace(found, answers=asked.key)


def _ours(turn: Spoken, ear: Ear) -> Iterator[Found]:
    """Yield our promises, and of the rest what has figures or bears on the purpose."""
    for act, found in _said(turn, ear):
        if act is Act.PROMISES:
            yield replace(found, role=Role.OUR_PROMISE, is_open=True)
        elif act is not Act.ASKS and (ear.is_asked or _matters(found, ear.wanted)):
            yield replace(found, role=Role.OUR_WORDS)


def _matters(found: Found, wanted: Sequence[str]) -> bool:
    # The words as they were said: `quote` has days in figures.
    words = found.fact.text.partition("“" if "“" in found.fact.text else ': "')[2]
    return bool(_DIGIT.search(words)) or not set(wanted).isdisjoint(terms_of(words))


def _due(act: Act, turn: Spoken, sentence: str) -> date | None:
    return promised_day(sentence, turn.started_at.date()) if act is Act.PROMISES else None
