"""Finds names in what is said: of the speaker, and of whoever spoke before or speaks next."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ingest.speech import introductions_zh
from ingest.speech.name_words import ORDINARY_WORDS

MAX_CHARACTERS = 2_000


class Cue(StrEnum):
    """Whose name a name in a turn is."""

    SELF = "self"
    GREETED = "greeted"
    THANKED = "thanked"
    ASKED = "asked"
    CHECKED = "checked"
    HANDED = "handed"


@dataclass(frozen=True)
class NameHeard:
    """A name as it may have been said, longest reading first, and how sure its wording is.

    `is_clear` says that the wording by itself makes it a name, whoever was invited.
    """

    readings: tuple[str, ...]
    cue: Cue
    is_clear: bool


_WORD = r"[^\W\d_][^\W\d_]*(?:['’-][^\W\d_]+)*"
_NAME = rf"(?P<name>(?:(?:mr|mrs|ms|dr)\.? )?{_WORD}(?: {_WORD}){{0,2}})"
_FLAGS = re.IGNORECASE
_SENTENCE = re.compile(r"[^.!?。！？…]+[.!?。！？…]*", re.S)
_TITLE_DOT = re.compile(r"\b(mr|mrs|ms|dr)\.\s", _FLAGS)

_GREETING = r"(?:hi|hello|hey|good (?:morning|afternoon|evening))"
_SELF = (
    (re.compile(rf"\b(?:my|the) name(?:['’]s| is)(?: is)? {_NAME}", _FLAGS), True),
    (re.compile(rf"\byou(?:['’]re| are) (?:speaking|talking) (?:with|to) {_NAME}", _FLAGS), True),
    (re.compile(rf"\byou(?:['’]ve| have) reached {_NAME}", _FLAGS), False),
    (re.compile(rf"\b(?:you can |please |just )call me {_NAME}", _FLAGS), True),
    (re.compile(rf"(?<!is )\bthis is {_NAME}", _FLAGS), False),
    (re.compile(rf"\bi(?:['’]m| am) {_NAME}", _FLAGS), False),
    (
        re.compile(rf"(?:^|[,;] ?)(?:{_GREETING}|yes|so)?[, ]*it(?:['’]s| is) {_NAME}", _FLAGS),
        False,
    ),
)
_HERE = re.compile(
    rf"(?:^|[,;:] ?|\b(?:hi|hello|hey|yes|yeah|morning|afternoon|everyone|all) ){_NAME} "
    r"(?:here|speaking)(?= from| at| with| again| calling|\s*[,.!]|\s*$)",
    _FLAGS,
)
_HERE_FAR = re.compile(
    rf"(?:^|[,;:] ?){_NAME} (?:from|at|with) [^,.;?!]{{1,40}} here\s*[,.!]?$", _FLAGS
)
_GREETED_ALL = re.compile(
    rf"^{_GREETING},? (?:everyone|all|everybody|there|guys|folks)[,.]? {_NAME} (?:from|at|with) ",
    _FLAGS,
)
# Somebody else's words, a denial, or a question: the name is not the speaker's.
_NOT_MINE = re.compile(
    r"(?:\b(?:says?|said|saying|told|tells?|hear|heard|like|if|whether|think|thought|guess|not|"
    r"never|assume|pretend|imagine|means?|meant|called|that|because|when|maybe|is|was)"
    r"(?: (?:me|us|him|her|them))?\W*|[\"“'‘]\W*)$",
    _FLAGS,
)
_ABOUT_ANOTHER = re.compile(
    r"^,? (?:our|my|his|her|their|who|he|she|they|we|whom|that|which|is|was|are|were|will|has|had|"
    r"have|can|could|would|should|joining|speaking[ ?]|says|said)\b",
    _FLAGS,
)
_FROM = re.compile(
    r"^,? (?:here |speaking |calling )?(?:from|with|at|of|over at|calling|here|speaking)\b", _FLAGS
)

_LEAD = (
    r"(?:(?:so|and|but|well|okay|ok|right|alright|all right|yeah|yes|yep|no|sure|oh|ah|now|then|"
    r"great|perfect|sorry|cool|absolutely|exactly|good (?:question|point)|great question|you know|"
    r"actually|look|listen|of course|not at all)[, ]+)*"
)
_HELLO = (
    rf"(?:{_GREETING}|hiya|morning|welcome|(?:hi|hello) there|nice to meet you|"
    r"(?:good|great) to see you|bye|goodbye|bye bye|take care)"
)
_THANKS = (
    r"(?:thanks|thank you|many thanks|thanks so much|thank you (?:so|very) much|thanks a lot|"
    r"cheers|appreciate (?:it|that)|well said|well put|(?:good|great) (?:point|question))"
)
_END = r"(?=\s*(?:[,.!?…]|$))"
_VOCATIVES = (
    (re.compile(rf"^{_LEAD}{_HELLO}[, ]+(?:again[, ]+)?{_NAME}{_END}", _FLAGS), Cue.GREETED),
    (re.compile(rf"^{_LEAD}{_THANKS}[, ]+{_NAME}{_END}", _FLAGS), Cue.THANKED),
    (re.compile(rf"^{_LEAD}{_NAME},(?= )", _FLAGS), Cue.ASKED),
    (re.compile(rf", {_NAME}\s*[?]+$", _FLAGS), Cue.ASKED),
    (re.compile(rf"\byou [^,.?!]{{1,40}} {_NAME}\s*[?]+$", _FLAGS), Cue.ASKED),
)
_CLOSING = re.compile(rf", {_NAME}\s*[.!]*$", _FLAGS)
_ASKED_WHO = re.compile(
    rf"\b(?:am i (?:speaking|talking) (?:with|to)|is this|is that|are you|may i speak (?:with|to)|"
    rf"is it|did i (?:get|reach)|have i reached) {_NAME}\s*[?]?$",
    _FLAGS,
)
_HANDED = (
    re.compile(
        r"\b(?:(?:pass|hand|turn|throw|give)(?: it| this| you| things| the floor)?"
        r"(?: on| over| off)? to|over to(?: you)?,?|go ahead,?|take it away,?|your turn,?|"
        r"i(?:['’]ll| will) let|let me bring in|let['’]s hear from|maybe ask|bring in) "
        rf"{_NAME}",
        _FLAGS,
    ),
    re.compile(
        rf"^{_LEAD}{_NAME},? (?:over to you|go ahead|take it away|your turn|the floor is yours|"
        r"do you want to|would you like to|can you|could you|why don['’]t you)",
        _FLAGS,
    ),
)
_OWNER = re.compile(r"['’]s?(?: |$)")
_LIST = re.compile(rf"^,? (?:and|or|&) {_WORD}|^, {_WORD},? (?:and|or) ", _FLAGS)


def find_names(text: str) -> list[NameHeard]:
    """Return the names in one turn that say who somebody in the talk is, in their order."""
    text = _TITLE_DOT.sub(r"\1 ", " ".join(text[:MAX_CHARACTERS].split()))
    found = [
        heard for sentence in _SENTENCE.findall(text) for heard in _in_sentence(sentence.strip())
    ]
    return found + [
        NameHeard(readings, Cue(cue), is_clear)
        for readings, cue, is_clear in introductions_zh.find_names(text)
    ]


def _in_sentence(sentence: str) -> Iterator[NameHeard]:
    own = list(_own(sentence))
    yield from own
    if own:
        return
    seen: set[str] = set()
    for heard in (*_handed(sentence), *_asked_who(sentence), *_addressed(sentence)):
        if heard.readings[-1] not in seen:
            seen.add(heard.readings[-1])
            yield heard


def _own(sentence: str) -> Iterator[NameHeard]:
    is_question = sentence.rstrip().endswith("?")
    for pattern, is_clear in _SELF:
        for found in pattern.finditer(sentence):
            if (is_question and not is_clear) or _NOT_MINE.search(sentence[: found.start()]):
                continue
            if readings := _readings(found, sentence, _ABOUT_ANOTHER):
                rest = sentence[found.start("name") + len(readings[0]) :]
                clear = is_clear or bool(_FROM.match(rest))
                yield NameHeard(readings, Cue.SELF, clear)
    for pattern in (_HERE, _HERE_FAR, _GREETED_ALL):
        for found in pattern.finditer(sentence):
            if _NOT_MINE.search(sentence[: found.start("name")]):
                continue
            if readings := _last_words(found["name"]):
                yield NameHeard(readings, Cue.SELF, pattern is _HERE)


def _handed(sentence: str) -> Iterator[NameHeard]:
    for pattern in _HANDED:
        for found in pattern.finditer(sentence):
            if readings := _readings(found, sentence, _LIST):
                yield NameHeard(readings, Cue.HANDED, False)


def _asked_who(sentence: str) -> Iterator[NameHeard]:
    found = _ASKED_WHO.search(sentence)
    if found and (readings := _readings(found, sentence, _ABOUT_ANOTHER)):
        yield NameHeard(readings, Cue.CHECKED, False)


def _addressed(sentence: str) -> Iterator[NameHeard]:
    is_question = sentence.rstrip().endswith("?")
    for pattern, cue in _VOCATIVES:
        found = pattern.search(sentence)
        if not found or _is_listed(sentence, found):
            continue
        if readings := _readings(found, sentence, _ABOUT_ANOTHER):
            is_statement = cue is Cue.ASKED and not is_question
            yield NameHeard(readings, Cue.GREETED if is_statement else cue, is_clear=False)
            return
    found = _CLOSING.search(sentence)
    if found and not _is_listed(sentence, found) and (readings := _readings(found, sentence, None)):
        is_thanks = re.match(rf"^{_LEAD}{_THANKS}", sentence, _FLAGS)
        yield NameHeard(readings, Cue.THANKED if is_thanks else Cue.GREETED, False)


def _is_listed(sentence: str, found: re.Match[str]) -> bool:
    return bool(_LIST.match(sentence[found.end("name") :]))


def _readings(
    found: re.Match[str], sentence: str, refused: re.Pattern[str] | None
) -> tuple[str, ...]:
    """Return the words that may be the name, most words first; none where it cannot be one.

    A name ends before an ordinary word, and nobody is their own possession: `Anna's desk`. An
    ordinary word with a capital may be a name by itself: `Will`.
    """
    words = _plain_start(found["name"].split(" "))
    readings = []
    for count in range(len(words), 0, -1):
        name = " ".join(words[:count])
        rest = sentence[found.start("name") + len(name) :]
        if refused and refused.match(rest):
            return ()
        readings.append(name)
    return tuple(readings)


def _plain_start(words: list[str]) -> list[str]:
    if _OWNER.search(" ".join(words)):
        return []
    if words[0].casefold() in ORDINARY_WORDS:
        return words[:1] if words[0].istitle() else []
    ends = (number for number, word in enumerate(words) if word.casefold() in ORDINARY_WORDS)
    return words[: next(ends, len(words))]


def _last_words(name: str) -> tuple[str, ...]:
    """Return what may be the name right before `here`, most words first."""
    words = name.split(" ")
    endings = (words[start:] for start in range(len(words)))
    return tuple(" ".join(ending) for ending in endings if _plain_start(ending) == ending)
