"""Checks which side of a contrast a figure, date or thing is on: "X rather than Y", 从X改到Y."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from copilot.grounding import measures
from copilot.grounding.clauses import words_of
from copilot.grounding.quantities import Quantity
from copilot.grounding.sentences import Problem, ProblemKind
from copilot.grounding.support import Reading, Support, read_text

_END = r"(?=,(?!\d)|\.(?!\d)|[;:!?，。；！？、]|$)"
_NEVER = r"(?:n['’]t|\bnot|\bcannot|\bnever|\bno longer)"
_INSTEAD = ("rather than", "instead of", "and not", "as opposed to")
# What stands in `minus` does not hold, what stands in `plus` does instead. Without one of the words
# before it a pattern is not tried: what begins with anything is tried at every letter.
_CONTRASTS = tuple(
    (words, re.compile(each, re.IGNORECASE))
    for words, each in (
        (_INSTEAD, rf"(?P<plus>[^,.;，。；]+?),? (?:rather than|instead of|and not"
         rf"|as opposed to) (?P<minus>(?:[^,.;]|[,.](?=\d))+?){_END}"),
        (_INSTEAD, rf"\b(?:rather than|instead of) (?P<minus>(?:[^,.;]|[,.](?=\d))+?)(?:, "
         rf"| \b(?:now|it is)\b)(?P<plus>(?:[^,.;]|[,.](?=\d))+?){_END}"),
        ((", not ",), rf"(?P<plus>(?:[^,.;]|[,.](?=\d))+), not (?!before|until|only|later|more"
         rf"|less)(?P<minus>(?:[^,.;]|[,.](?=\d))+?){_END}"),
        (("not ",), rf"\bnot (?P<minus>[^,.;]{{1,40}}?),? but (?!not)"
         rf"(?P<plus>(?:[^,.;]|[,.](?=\d))+?){_END}"),
        (("from ",), rf"(?:postponed|moved|changed|shifted|put off|brought forward|corrected"
         rf"|pushed|rescheduled)\b[^.;]*?\bfrom (?:the )?(?P<minus>(?:[^,.;]"
         rf"|[,.](?=\d))+?) to (?:the )?(?P<plus>(?:[^,.;]|[,.](?=\d))+?){_END}"),
        (("从", "由", "原"), r"(?:从|由|原定|原计划)(?P<minus>[^，。；]{2,16}?)"
         r"(?:改到|改为|改成|推迟到|延到|延期到|提前到|调整到|调整为|挪到|更正为|，[^，。；]{0,4}(?:改到|改为|推迟到))了?"
         r"(?P<plus>[^，。；]{2,16})"),
        (("不是",), r"不是(?P<minus>[^，。；]{1,16})，?而是(?P<plus>[^，。；]{1,16})"),
        (("不",), r"[是在](?P<plus>[^，。；不]{1,16})，?(?:而)?不[是在](?P<minus>[^，。；]{1,16})"),
        (("而非",), r"[是在](?P<plus>[^，。；不]{1,16})，而非(?P<minus>[^，。；]{1,16})"),
    )
)  # fmt: skip
_WAS = re.compile(
    r"\b(?:original\w*|first (?:meant|planned|set)|was (?:meant|planned|set"
    r"|to be)|had been|used to|previous\w*|initially|before)\b|原来|原定|原先|本来|之前定"
    r"|原计划",
    re.IGNORECASE,
)
_NEGATOR = re.compile(
    rf"{_NEVER}\b|\bunable\b|\b(?:more|higher|larger|longer) than (?:you|your|he"
    rf"|she|they|we) (?:can|could)\b|\bbeyond\b|\btoo (?:high|much|expensive|long"
    rf"|late)\b|太[高贵长晚多]|超出|过高"
    r"|不(?!仅|但|过|断|同|少|知|妨|错|到|是|超|低于|晚于)|没|无法|拒绝",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r",(?!\d)|[;，；。]\s*|\.(?!\d)|\b(?:but|while|whereas|and)\b|但|而(?!是)")


@dataclass(frozen=True)
class _Stretch:
    """A piece of text that holds (+1) or does not (-1)."""

    text: str
    sign: int


def check_sides(sentence: str, support: Support) -> list[Problem]:
    """Return a problem if the sentence puts something on the other side of a contrast of the facts.

    "I can defend 30, I cannot defend 37" leaves 37 no side but the second.
    """
    if sentence.rstrip().endswith(("?", "？")):
        return []
    claimed = [*_contrasts(sentence), *_plain(sentence)]
    for reading in support.readings:
        stated = _contrasts(reading.text) or _opposed(reading)
        if {each.sign for each in stated} != {1, -1}:
            continue
        for mine in claimed:
            reason = _clash(mine, claimed, stated, reading, support)
            if reason:
                return [Problem(ProblemKind.ROLE, reason)]
    return []


def _contrasts(text: str) -> list[_Stretch]:
    found: list[_Stretch] = []
    known = text.casefold()
    for words, pattern in _CONTRASTS:
        if not any(word in known for word in words):
            continue
        for match in pattern.finditer(text):
            found += [_Stretch(match["plus"], 1), _Stretch(match["minus"], -1)]
        if found:
            break
    return found


def _plain(text: str) -> list[_Stretch]:
    """Return the clauses of a text without a contrast of its own, each with its side."""
    if _contrasts(text):
        return []
    return [
        _Stretch(part, -1 if _NEGATOR.search(part) or _WAS.search(part) else 1)
        for part in _CLAUSE.split(text)
        if part and part.strip()
    ]


def _opposed(reading: Reading) -> list[_Stretch]:
    """Return two clauses with a figure each of which one is denied and the other is not."""
    if len(reading.quantities) < 2 or not _NEGATOR.search(reading.text):
        return []
    parts = [
        _Stretch(part, -1 if _NEGATOR.search(part) else 1)
        for part in _CLAUSE.split(reading.text)
        if part
    ]
    with_figure = [
        each for each in parts if read_text(each.text, reading.base, reading.known).counted
    ]
    for first in with_figure:
        for second in with_figure:
            is_pair = first.sign > second.sign and _predicates_alike(first.text, second.text)
            if is_pair:
                return [first, second]
    return []


def _predicates_alike(first: str, second: str) -> bool:
    if re.search(r"[\u4e00-\u9fff]", first):
        return bool(re.search(r"(?:可以|能|行)", first) and re.search(r"不(?:能|行|可以)", second))
    return bool(words_of(first) & words_of(second))


def _clash(
    mine: _Stretch,
    claimed: Sequence[_Stretch],
    stated: Sequence[_Stretch],
    reading: Reading,
    support: Support,
) -> str:
    signs = {each.sign for each in stated if _shares(mine.text, each.text, reading, support)}
    if signs and mine.sign not in signs:
        return mine.text.strip()[:60]
    if {each.sign for each in claimed} != {1, -1} or not _contrasts(reading.text):
        return ""
    theirs = {each.sign: words_of(each.text) for each in stated}
    only = (theirs[-mine.sign] - theirs[mine.sign]) & words_of(mine.text)
    own = (theirs[mine.sign] - theirs[-mine.sign]) & words_of(mine.text)
    return mine.text.strip()[:60] if only and not own else ""


def _shares(mine: str, theirs: str, reading: Reading, support: Support) -> bool:
    """Say whether both hold the same figure or day."""
    first = read_text(mine, support.today, reading.known)
    second = read_text(theirs, reading.base, reading.known)
    days = {period for mention in second.mentions for period in mention.stated}
    if any(period in days for mention in first.mentions for period in mention.periods):
        return True
    stated = [*second.quantities, *_in_whole(theirs, reading)]
    return any(measures.supports(fact, one) for fact in stated for one in first.counted)


def _in_whole(part: str, reading: Reading) -> list[Quantity]:
    start = reading.text.find(part)
    return [each for each in reading.quantities if start <= each.start < start + len(part)]
