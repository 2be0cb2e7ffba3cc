"""Competitors: names that the CRM knows, and names said where one says what else one looks at."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import rjieba

from copilot.grounding import lexicon
from copilot.writers.calls.cues import CueBook, word_list
from copilot.writers.calls.notes import NoteDraft, Talk
from copilot.writers.calls.statements import Statement
from crm.models import NoteKind
from tools.names.words import is_ordinary

_CAPITAL = r"(?P<name>[A-Z][\w&’'.-]*(?: (?:[A-Z][\w&’'-]*|of|and(?= [A-Z])))*)"
_LOWER = r"(?P<name>[a-z][a-z0-9-]{4,24})"
_HAN = r"(?P<name>[\u4e00-\u9fff]{2,5}?|[A-Za-z][A-Za-z0-9]{2,20})"
_LINKING = r"\s*[:,]?\s*(?:the |a company called |someone called )?"
_HAN_LIST = r"(?P<name>[\u4e00-\u9fff]{2,11}?|[A-Za-z][A-Za-z0-9]{2,20})"
_SHORTEST_LOWER = 6
# What opens no name: times, prepositions, particles. Names are taken for all other kinds of words.
_NO_NAME = frozenset("tpuy")


@dataclass(frozen=True)
class Rival:
    """A competitor by name, and where it was named."""

    name: str
    statement: Statement


def find_rivals(statements: Sequence[Statement], talk: Talk, book: CueBook) -> list[Rival]:
    """Return each mention of a competitor by the customer; names of ours and theirs are none."""
    own = {name.casefold() for name in talk.own_names}
    known = {name.casefold(): name for name in talk.competitors if len(name) > 1}
    found: list[Rival] = []
    for statement in statements:
        if statement.is_ours or statement.is_order or statement.is_question:
            continue
        is_answer = _is_answer(statement, statements, book)
        for name in _names_in(statement.text, known, book, is_answer=is_answer):
            if not _is_one_of(name, own):
                known.setdefault(name.casefold(), name)
                found.append(Rival(known[name.casefold()], statement))
    return found


def rival_notes(rivals: Sequence[Rival]) -> list[NoteDraft]:
    """Return one note for each competitor, with all places where it was named."""
    by_name: dict[str, list[Rival]] = {}
    for rival in rivals:
        by_name.setdefault(rival.name.casefold(), []).append(rival)
    return [_note(group) for group in by_name.values()]


def _note(group: Sequence[Rival]) -> NoteDraft:
    first = group[0]
    line = first.statement.line
    return NoteDraft(
        kind=NoteKind.COMPETITOR,
        text=f"{first.name}: {first.statement.text}",
        segments=tuple(dict.fromkeys(each.statement.line.position for each in group)),
        speaker=line.speaker,
        side=line.side,
        start_ms=line.start_ms,
        end_ms=line.end_ms,
    )


def _is_one_of(name: str, own: set[str]) -> bool:
    folded = name.casefold()
    return any(folded == each or folded in each.split() or each in folded for each in own if each)


def _is_answer(statement: Statement, statements: Sequence[Statement], book: CueBook) -> bool:
    """Say whether our side asked just before whom else the customer looks at."""
    before = [each for each in statements if each.line.place == statement.line.place - 1]
    asked = any(each.is_ours and book.has("asks_competition", each.text) for each in before)
    return asked and statement.index == 0


def _names_in(text: str, known: dict[str, str], book: CueBook, *, is_answer: bool) -> list[str]:
    said = text.casefold()
    found = [
        name
        for folded, name in known.items()
        if re.search(rf"(?<![a-z0-9]){re.escape(folded)}(?![a-z0-9])", said)
    ]
    if book.has("not_rival", text) or not (is_answer or book.has("rival_topic", text)):
        return found
    finders = {"zh": _chinese, "en": _english}
    new = list(finders[book.language](text, book))
    if is_answer and book.language == "zh":
        new += _named_first(text)
    return list(dict.fromkeys([*found, *(name for name in new if name.casefold() not in known)]))


def _english(text: str, book: CueBook) -> Iterator[str]:
    for cue in book.all("rival_before", text):
        match = re.match(_LINKING + _CAPITAL, text[cue.end() :])
        if match and _is_name(match["name"]):
            yield match["name"].rstrip(".'’")
        elif text == text.lower():
            lower = re.match(_LINKING + _LOWER, text[cue.end() :])
            if lower and _is_unknown_word(lower["name"]):
                yield lower["name"]
    opening = re.match(_CAPITAL, text) if text != text.lower() else None
    is_name = opening is not None and " " in opening["name"] and _is_name(opening["name"])
    if opening and is_name and book.has("rival_after", text[opening.end() :]):
        yield opening["name"]
    for cue in book.all("rival_after", text):
        match = re.search(_CAPITAL + r"\s+(?:also\s+)?$", text[: cue.start()])
        if match and _is_name(match["name"]) and (match.start() > 0 or len(match["name"]) > 4):
            yield match["name"]


def _is_name(name: str) -> bool:
    words = [word.casefold().strip(".'’") for word in name.split()]
    telling = [word for word in words if word not in lexicon.COMMON and len(word) > 1]
    return bool(telling) and words[0] not in lexicon.COMMON


def _is_unknown_word(word: str) -> bool:
    """Say whether a word of unpunctuated speech can only be a name: it is in no word list."""
    endings = (*lexicon.COMMON_ENDINGS, "ed", "er", "ers", "es")
    return (
        len(word) >= _SHORTEST_LOWER
        and word not in lexicon.COMMON
        and not is_ordinary(word)
        and not word.endswith(endings)
    )


def _chinese(text: str, book: CueBook) -> Iterator[str]:
    for cue in book.all("rival_before", text):
        rest = text[cue.end() :].lstrip('：:“" ')
        match = re.match(
            _HAN + r"(?=谈|接触|聊|沟通|比|[，,。”\"]|他们|也|的|了|$|报|合作|签)", rest
        )
        if match and _is_chinese_name(match["name"]):
            yield match["name"]
    for cue in book.all("rival_after", text):
        head = re.search(
            r"(?:^|[，,。：“\"的跟]|不瞒你说)" + _HAN_LIST + r"[，,]?$", text[: cue.start()]
        )
        if head:
            yield from (n for n in re.split("[和与跟、]", head["name"]) if _is_chinese_name(n))


def _named_first(text: str) -> list[str]:
    """Return the name that opens an answer to "whom else do you look at?"."""
    match = re.match(
        r"(?:有的?[，,]?|还有)?" + _HAN_LIST + r"(?=的人|那边|家|也|都|在|给|报|来|[，,。])", text
    )
    return [match["name"]] if match and _is_chinese_name(match["name"]) else []


def _is_chinese_name(name: str) -> bool:
    return (
        1 < len(name) < 6
        and name not in word_list("no_rivals")
        and not any(
            part in name
            for part in ("我", "你", "您", "他", "们", "这", "那", "什么", "价", "也", "都")
        )
        and not name.endswith(("部", "院", "厂", "年", "月", "天", "的", "了", "过", "家"))
        and rjieba.tag(name)[0][1][0] not in _NO_NAME
    )
