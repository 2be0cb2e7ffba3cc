"""Checks that what a sentence says was done, discussed, agreed or attached is on record."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from copilot.grounding.ground import Ground
from copilot.grounding.names import fold
from copilot.grounding.sentences import Problem, ProblemKind
from copilot.grounding.spoken import read_said
from copilot.grounding.wordlist import load_table, pattern_of
from crm.facts import Fact, FactKind

_TALKS = frozenset({FactKind.SEGMENT, FactKind.EMAIL, FactKind.ACTIVITY})
_OPEN_TASK = re.compile(r"\bopen task\b|\btask open\b|待办|未完成", re.IGNORECASE)
_FUTURE = re.compile(
    r"\b(?:will|I['’]ll|we['’]ll|going to|let me|can|could)\b|会|将|回头|去|马上", re.IGNORECASE
)


@dataclass(frozen=True)
class Act:
    """A kind of act: how a sentence claims it and how a fact records it."""

    name: str
    said: re.Pattern[str]
    recorded: re.Pattern[str]


@cache
def acts() -> tuple[Act, ...]:
    """Return the acts of the table."""
    table = load_table("acts")
    return tuple(
        Act(name, pattern_of(row["said"]), pattern_of(row["recorded"]))
        for name, row in table.items()
    )


def check_acts(sentence: str, cited: Sequence[Fact], ground: Ground) -> list[Problem]:
    """Return a problem for each act that the cited facts do not record.

    "I checked" needs a fact of our own, "as discussed" a conversation, "agreed" the word of
    both sides or a record of the agreement.
    """
    outside = ground.outside_ids()
    problems = []
    for act in acts():
        match = act.said.search(sentence)
        if match is None:
            continue
        ours = [fact for fact in cited if fact.id not in outside]
        if act.name == "discuss":
            # A thank-you for the call cites nothing: any talk of the ground bears it out.
            holds = any(_is_talk(fact) for fact in cited or ground.facts.values())
        elif act.name == "they_agree":
            holds = any(fact.id in outside for fact in cited) or _is_agreed(act, cited, outside)
        elif act.name == "promise":
            holds = any(_promises(act, fact) for fact in ours)
        elif act.name == "attach":
            holds = _is_attached(act, sentence, cited, ground)
        elif act.name == "agree":
            holds = _is_agreed(act, cited, outside)
        else:
            holds = any(_records(act, fact) for fact in ours)
        if not holds:
            problems.append(Problem(ProblemKind.ACTION, match.group()))
    return problems[:1]


def _is_talk(fact: Fact) -> bool:
    return fact.kind in _TALKS and not _OPEN_TASK.search(fact.text)


def _records(act: Act, fact: Fact) -> bool:
    if _OPEN_TASK.search(fact.text):
        return False
    said = read_said(fact)
    text = said.words if said else fact.text
    return any(
        act.recorded.search(part) and not (said and _FUTURE.search(part))
        for part in re.split(r"[.!?;。！？；，]\s*", text)
    )


def _promises(act: Act, fact: Fact) -> bool:
    said = read_said(fact)
    return bool(act.recorded.search(said.words if said else fact.text))


_THEY_ATTACHED = re.compile(
    r"\byou(?:['’]ve| have)? (?:attach|enclos)|\byour attach|您(?:的)?附|您.{0,6}附", re.IGNORECASE
)


def _is_attached(act: Act, sentence: str, cited: Sequence[Fact], ground: Ground) -> bool:
    """Say whether something goes with the text, or a fact records that it went with another."""
    if ground.attachments or _THEY_ATTACHED.search(sentence):
        return True
    return any(act.recorded.search(fact.text) for fact in cited)


def _is_agreed(act: Act, cited: Sequence[Fact], outside: frozenset[str]) -> bool:
    """Say whether the facts record an agreement: in a record of ours, or in words of both sides."""
    spoken = [(fact, said) for fact in cited if (said := read_said(fact)) is not None]
    records = [fact for fact in cited if read_said(fact) is None]
    if any(re.search(r"agree|约定|商定|同意|一致", fact.text, re.IGNORECASE) for fact in records):
        return True
    theirs = [said for fact, said in spoken if fact.id in outside]
    ours = [said for fact, said in spoken if fact.id not in outside]
    if any(
        re.search(r"\bwe (?:have )?agreed|约定|说好|商定", said.words, re.IGNORECASE)
        for said in theirs
    ):
        return True
    return bool(
        theirs
        and ours
        and all(any(act.recorded.search(said.words) for said in side) for side in (theirs, ours))
    )


_QUOTED = re.compile(r"“([^”]{4,})”|\"([^\"]{4,})\"|「([^」]{3,})」|『([^』]{3,})』")


def check_quotations(sentence: str, cited: Sequence[Fact], names: Sequence[str]) -> list[Problem]:
    """Return a problem if words in quotation marks stand in no cited fact as they are written.

    An ellipsis may leave words out. Case, width and punctuation do not count.
    """
    whole = _bare(" ".join(fact.text for fact in cited) + " ".join(names))
    for match in _QUOTED.finditer(sentence):
        quoted = next(group for group in match.groups() if group)
        place = 0
        for piece in re.split(r"…|\.\.\.|\[[^\]]*\]", quoted):
            found = whole.find(_bare(piece), place)
            if found < 0:
                return [Problem(ProblemKind.QUOTE, quoted[:60])]
            place = found
    return []


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", fold(text))
