"""Checks that a sentence does not say the opposite of its facts: poles of meaning, and "not"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from copilot.grounding.clauses import overlap, split_clauses, tokenise, words_of
from copilot.grounding.sentences import Problem, ProblemKind
from copilot.grounding.spoken import read_said
from copilot.grounding.wordlist import blank_words, load_table, pattern_of
from crm.facts import Fact

_NEGATOR = (
    r"\b(?:not|never|no longer|cannot|neither|nor|nobody|no one|unable|unlikely|unwilling|refus\w+|"
    r"fail(?:s|ed)? to|hardly|doubts?|no)\b|n['’]t\b"
)
_NEGATED_BEFORE = re.compile(rf"(?:{_NEGATOR})(?:\s+[\w'’]+){{0,3}}\s*$", re.IGNORECASE)
_ZH_NEGATOR = (
    "不(?!仅|但|过|断|同|少|知|如|妨|错|管)|没有|没|未(?!来)|无法|并非|无需|"
    "(?<![识特分级区类个性辨差])别(?!人|的|墅|是)|拒绝"
)
_ZH_NEGATED_BEFORE = re.compile(rf"(?:{_ZH_NEGATOR})[\u4e00-\u9fff]{{0,3}}$")
_QUESTION_END = ("?", "？")
_WINDOW = 28


@dataclass(frozen=True)
class Axis:
    """Two poles of one meaning; a strict axis clashes even where nothing else is shared."""

    name: str
    plus: re.Pattern[str]
    minus: re.Pattern[str]
    excepted: re.Pattern[str]
    is_strict: bool


@dataclass(frozen=True)
class Pole:
    """One place where a text takes a side: the sign, the words near it, how it is written."""

    sign: int
    near: frozenset[str]
    raw: str
    is_negated: bool = False


@cache
def axes() -> tuple[Axis, ...]:
    """Return the poles of the table."""
    return tuple(
        Axis(
            name,
            pattern_of(row["plus"]),
            pattern_of(row["minus"]),
            pattern_of(row.get("except", [])),
            bool(row.get("strict")),
        )
        for name, row in load_table("poles").items()
    )


def check_polarity(sentence: str, facts: Sequence[Fact]) -> list[Problem]:
    """Return a problem if the sentence takes the other side on something that its facts decide.

    Questions take no side. Where the facts take both, the places that share most words decide.
    """
    if sentence.rstrip().endswith(_QUESTION_END) or not facts:
        return []
    clauses = [clause for fact in facts for clause in _clauses_of(fact)]
    for axis in axes():
        claimed = [pole for part in split_clauses(sentence) for pole in poles(part, axis)]
        if not claimed:
            continue
        stated = [pole for clause in clauses for pole in poles(clause, axis)]
        for pole in claimed:
            rival = _opposite(pole, stated, axis)
            if rival is not None:
                return [Problem(ProblemKind.NEGATION, f"{pole.raw} / {rival.raw}")]
    return (
        _invented(sentence, clauses)
        or _bounded(sentence, " ".join(clauses))
        or _negated(sentence, clauses)
    )


_REFUSED = re.compile(
    r"\b(?:rejected|declined|refused|turned down|vetoed|cancell?ed|called off)\b"
    r"|拒绝|否决|驳回|取消|回绝",
    re.IGNORECASE,
)


def _invented(sentence: str, stated: Sequence[str]) -> list[Problem]:
    """Return a problem if something is called refused or cancelled, and no fact is negative."""
    match = _REFUSED.search(sentence)
    if match is None or is_negated_before(sentence[: match.start()]):
        return []
    if any(map(_is_negative, stated)):
        return []
    return [Problem(ProblemKind.NEGATION, match.group())]


_BOUND = re.compile(
    r"(?P<word>at most|at least|more than|less than|fewer than|至少|至多|最多|超过|少于|多于|低于"
    r"|高于)"
    r"\s*(?:[$€£¥]|[A-Z]{3} )?(?P<figure>\d[\d,.]*\d|\d)",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"\b(?:limit|ceiling|cap|max\w*|min\w*|up to|within|only|from|over|under|budget|by|almost"
    r"|nearly"
    r"|about|more|above|below)\b|上限|下限|封顶|只有|只|预算|起|满|达|近|约|内|前|多|余",
    re.IGNORECASE,
)


def _bounded(sentence: str, stated: str) -> list[Problem]:
    """Return a problem if a plain figure of the facts is told as a limit: "at most 14" for 14."""
    size = next(axis for axis in axes() if axis.name == "size")
    for match in _BOUND.finditer(sentence):
        stands = re.search(rf"(?<![\d.,]){re.escape(match['figure'])}(?![\d.,]\d|\d)", stated)
        has_limit = size.plus.search(stated) or size.minus.search(stated) or _LIMIT.search(stated)
        if stands and not has_limit:
            return [Problem(ProblemKind.NEGATION, match.group())]
    return []


def _is_negative(clause: str) -> bool:
    has_not = re.search(
        rf"{_NEGATOR}|{_ZH_NEGATOR}|\binstead\b|\bbut\b|换|改", clause, re.IGNORECASE
    )
    return bool(has_not) or any(axis.minus.search(clause) for axis in axes())


def _clauses_of(fact: Fact) -> list[str]:
    said = read_said(fact)
    return split_clauses(said.words if said else fact.text)


@lru_cache(maxsize=8192)
def poles(clause: str, axis: Axis) -> tuple[Pole, ...]:
    """Return where a clause takes a side on an axis; "not" before a word turns it round."""
    bare = blank_words(clause, axis.excepted)
    found: list[Pole] = []
    taken: list[tuple[int, int]] = []
    matches = [
        (match, sign)
        for pattern, sign in ((axis.plus, 1), (axis.minus, -1))
        for match in pattern.finditer(bare)
    ]
    for match, sign in sorted(matches, key=lambda pair: pair[0].start() - pair[0].end()):
        if any(start < match.end() and match.start() < end for start, end in taken):
            continue
        taken.append(match.span())
        before = bare[: match.start()]
        is_negated = is_negated_before(before)
        side = -sign if is_negated else sign
        if axis.name == "order":
            found.append(Pole(side, _ordered(bare, match), match.group(), is_negated))
            continue
        near = (
            bare[max(0, match.start() - _WINDOW) : match.start()]
            + " "
            + bare[match.end() :][:_WINDOW]
        )
        found.append(Pole(side, words_of(near), match.group(), is_negated))
    return tuple(found)


def _ordered(text: str, match: re.Match[str]) -> frozenset[str]:
    """Return the words of what something is before or after: behind it in English, else ahead."""
    if match.group().isascii():
        return words_of(text[match.end() :][:_WINDOW])
    return words_of(text[max(0, match.start() - _WINDOW // 3) : match.start()])


def is_negated_before(before: str) -> bool:
    """Say whether a "not" reaches what comes after these words."""
    return bool(_NEGATED_BEFORE.search(before) or _ZH_NEGATED_BEFORE.search(before))


def _opposite(claim: Pole, stated: Sequence[Pole], axis: Axis) -> Pole | None:
    if not stated:
        return None
    best = max(len(claim.near & pole.near) for pole in stated)
    if best == 0 and not axis.is_strict:
        return None
    nearest = [pole for pole in stated if len(claim.near & pole.near) == best]
    if any(pole.sign == claim.sign for pole in nearest):
        return None
    if best == 0 and any(pole.sign == claim.sign for pole in stated):
        return None
    return nearest[0]


_HAN_RUN = re.compile(r"[\u4e00-\u9fff]")
_FRAME = re.compile(
    r"\bnot only\b|\bnot just\b|\bno later than\b|\bnot later than\b|\bno more than\b"
    r"|\bnot more than\b"
    r"|\bno longer than\b|\bnot exceed\b|\bnot take longer than\b|\bno less than\b|\bnot until\b"
    r"|\bnot\b(?=[^.;,]*\b(?:until|unless|without|before|exceed|longer than|more than)\b)"
    r"|n['’]t\b(?=[^.;,]*\b(?:until|unless|without|before|exceed|longer than|more than)\b)"
    r"|\bcannot\b(?=[^.;,]*\b(?:until|unless|without|before|exceed)\b)"
    r"|\bno (?:problem|doubt|later|matter|rush|worries)\b"
    r"|不仅|不只|没有超过|没超过|未超过|不能超过|不得超过|不超过|不晚于|不低于|不少于|不高于"
    r"|不得不|没问题|没关系|不好意思|不客气|不用谢|不然|否则"
    r"|(?P<verb>[\u4e00-\u9fff])不(?P=verb)|能不能|是不是|有没有|会不会|可不可以|要不要",
    re.IGNORECASE,
)
_EN_REACH = re.compile(
    rf"(?:{_NEGATOR}|\bwithout\b|\black(?:s|ed|ing)?\b)((?:\s+[\w'’-]+){{1,5}})", re.IGNORECASE
)
_ZH_REACH = re.compile(
    rf"(?:{_ZH_NEGATOR}|缺少|缺乏|无需)(?:再|会|能|想|打算|需要|必|用)*"
    rf"([\u4e00-\u9fffA-Za-z0-9 ]{{1,8}})"
)
_ALIKE = 0.5
_CONDITION = re.compile(
    r"^\W*(?:if|unless|otherwise)\b|的话|除非|否则|不然|^\W*(?:如果|即使)", re.IGNORECASE
)


def _negated(sentence: str, stated: Sequence[str]) -> list[Problem]:
    """Return a problem where "not" reaches a word in one text only, the clauses being alike.

    A word that both deny, or that the facts say both ways, tells nothing.
    """
    for clause in split_clauses(sentence):
        words = words_of(clause)
        if len(words) < 2 or _CONDITION.search(clause):
            continue
        denied = reached(clause)
        rivals = [(one, words_of(one)) for one in stated]
        alike = [
            (one, theirs)
            for one, theirs in rivals
            if len(words & theirs) >= 2
            and max(overlap(words, theirs), overlap(theirs, words)) >= _ALIKE
        ]
        if not alike:
            continue
        best = max(alike, key=lambda pair: len(words & pair[1]))
        if any(
            _agree(clause, one)
            for one, theirs in alike
            if len(theirs & words) >= len(best[1] & words)
        ):
            continue
        if any(_agree_on(axis, clause, best[0]) for axis in axes()):
            continue
        shared = words & best[1]
        if (denied & shared) != (reached(best[0]) & shared):
            return [Problem(ProblemKind.NEGATION, best[0])]
    return []


def _agree_on(axis: Axis, first: str, second: str) -> bool:
    return any(
        mine.sign == theirs.sign and mine.is_negated != theirs.is_negated
        for mine in poles(first, axis)
        for theirs in poles(second, axis)
    )


def _agree(first: str, second: str) -> bool:
    shared = words_of(first) & words_of(second)
    mine, theirs = reached(first) & shared, reached(second) & shared
    return mine == theirs or bool(mine & theirs)


def reached(clause: str) -> frozenset[str]:
    """Return the words of a clause that a "not" reaches."""
    bare = blank_words(clause, _FRAME)
    found: set[str] = set()
    for match in _EN_REACH.finditer(bare):
        found |= {token.text for token in tokenise(match.group(1))}
    for match in _ZH_REACH.finditer(bare):
        found |= {token.text for token in tokenise(match.group(1))}
    return frozenset(found)
