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
    "不(?!仅|但|过|断|同(?!意)|少|知|如|妨|错|管)|没有|没|未(?!来)|无法|并非|无需|"
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
    context: frozenset[str] = frozenset()

    def likeness(self, other: "Pole") -> int:
        """Return how many words stand near both; words of the clause before count little."""
        own = len(self.near & other.near)
        return 3 * own + len((self.near | self.context) & (other.near | other.context))


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
    mine = _with_context(split_clauses(sentence))
    theirs = [pair for fact in facts for pair in _with_context(_clauses_of(fact))]
    for axis in axes():
        claimed = [pole for part, context in mine for pole in poles(part, axis, context)]
        if not claimed:
            continue
        stated = [pole for clause, context in theirs for pole in poles(clause, axis, context)]
        for pole in claimed:
            rival = _opposite(pole, stated, axis)
            if rival is not None:
                return [Problem(ProblemKind.NEGATION, f"{pole.raw} / {rival.raw}")]
    return (
        _invented(sentence, clauses)
        or _bounded(sentence, " ".join(clauses))
        or _negated(sentence, clauses, theirs)
        or _unfounded_denial(sentence, facts)
    )


_POINTS_BACK = re.compile(
    r"\b(?:it|its|them|that|this|they|which|him|her)\b|^[^\u4e00-\u9fff]*(?:被|它"
    r"|这|那|我们|已经|已)",
    re.IGNORECASE,
)
_Clause = tuple[str, frozenset[str]]
_FEW = 3


def _with_context(clauses: Sequence[str]) -> list[_Clause]:
    """Return each clause with the words of the one before it, where it points back to that."""
    before = frozenset[str]()
    found: list[_Clause] = []
    for clause in clauses:
        is_linked = _POINTS_BACK.search(clause) or len(words_of(clause)) < _FEW
        found.append((clause, before if is_linked else frozenset()))
        before = words_of(clause)
    return found


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
def poles(clause: str, axis: Axis, context: frozenset[str] = frozenset()) -> tuple[Pole, ...]:
    """Return where a clause takes a side on an axis; "not" before a word turns it round.

    `context` are words that count as near to any of them.
    """
    bare = blank_words(clause, axis.excepted)
    found: list[Pole] = []
    if len(re.findall(_NEGATOR, _NEITHER.sub(r" not \1 ", bare), re.IGNORECASE)) > 1:
        return ()  # two denials: which of them holds is beyond these rules
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
        if axis.name == "order":  # "not before" and "before …, not": one and the same
            is_negated = bool(re.search(rf"{_NEGATOR}|{_ZH_NEGATOR}", bare, re.IGNORECASE))
        side = -sign if is_negated else sign
        if axis.name == "order":
            found.append(Pole(side, _ordered(bare, match), match.group(), is_negated))
            continue
        near = (
            bare[max(0, match.start() - _WINDOW) : match.start()]
            + " "
            + bare[match.end() :][:_WINDOW]
        )
        found.append(Pole(side, words_of(near), match.group(), is_negated, context))
    return tuple(found)


def _ordered(text: str, match: re.Match[str]) -> frozenset[str]:
    """Return the words of what something is before or after: behind it in English, else ahead."""
    if match.group().isascii():
        return words_of(text[match.end() :][:_WINDOW])
    return words_of(text[max(0, match.start() - _WINDOW // 3) : match.start()])


def is_negated_before(before: str) -> bool:
    """Say whether a "not" reaches what comes after these words."""
    reach = re.split(r"\b(?:before|until|unless|without)\b", before)[-1]
    return bool(_NEGATED_BEFORE.search(reach) or _ZH_NEGATED_BEFORE.search(before))


def _opposite(claim: Pole, stated: Sequence[Pole], axis: Axis) -> Pole | None:
    if not stated:
        return None
    best = max(claim.likeness(pole) for pole in stated)
    if best == 0 and not axis.is_strict:
        return None
    nearest = [pole for pole in stated if claim.likeness(pole) == best]
    if any(pole.sign == claim.sign for pole in nearest):
        return None
    if any(pole.sign == claim.sign and len(claim.near & pole.near) > 1 for pole in stated):
        return None
    if best == 0 and any(pole.sign == claim.sign for pole in stated):
        return None
    return nearest[0]


_FRAME = re.compile(
    r"\bnot only\b|\bnot just\b|\bno later than\b|\bnot later than\b|\bno more than\b"
    r"|\bnot more than\b"
    r"|\bno longer than\b|\bnot exceed\b|\bnot take longer than\b|\bno less than\b|\bnot until\b"
    r"|\bnot\b(?=[^.;,]*\b(?:until|unless|without|before|exceed|longer than|more than)\b)"
    r"|n['’]t\b(?=[^.;,]*\b(?:until|unless|without|before|exceed|longer than|more than)\b)"
    r"|\bcannot\b(?=[^.;,]*\b(?:until|unless|without|before|exceed)\b)"
    r"|\bno (?:problem|doubt|later|matter|rush|worries)\b"
    r"|不仅|不只|不管|不论|无论|没有超过|没超过|未超过|不能超过|不得超过|不超过|不晚于|不低于|不少于|不高于"
    r"|不得不|没有?问题|没关系|不好意思|不客气|不用谢|不然|否则"
    r"|(?P<verb>[\u4e00-\u9fff])不(?P=verb)|能不能|是不是|有没有|会不会|可不可以|要不要",
    re.IGNORECASE,
)
_EN_REACH = re.compile(
    rf"(?:{_NEGATOR}|\bwithout\b|\black(?:s|ed|ing)?\b)((?:\s+(?!(?:in|on|at|for"
    rf"|from|by|because|as|but|until)\b)[\w'’-]+){{1,5}})",
    re.IGNORECASE,
)
_ZH_REACH = re.compile(
    rf"(?:{_ZH_NEGATOR}|缺少|缺乏|无需)(?:再|会|能|想|打算|需要|必|用)*"
    rf"([\u4e00-\u9fffA-Za-z0-9 ]{{1,8}})"
)
_ALIKE = 0.5
_CONDITION = re.compile(
    r"^\W*(?:if|unless|otherwise)\b|的话|除非|否则|不然|^\W*(?:如果|即使)", re.IGNORECASE
)


def _negated(sentence: str, stated: Sequence[str], linked: Sequence[_Clause]) -> list[Problem]:
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
        mine, theirs = denied & shared, reached(best[0]) & shared
        if mine and any(
            is_negative(one) and words & (context | words_of(one)) for one, context in linked
        ):
            continue
        if bool(mine) != bool(theirs) and is_negative(clause) != is_negative(best[0]):
            return [Problem(ProblemKind.NEGATION, best[0])]
    return []


_DENIES = re.compile(
    r"\b(?:will|would|can|could|do|does|did|is|are|was|were|has|have|had|should|must) not\b"
    r"|\bcannot\b|\bwon['’]t\b|n['’]t\b|\bno longer\b|\bnever\b"
    r"|不(?:会|能|行|可以|要|再|打算|愿|想|需要|用|上|买|考虑)|没有|并未|尚未|还没|没法|无法",
    re.IGNORECASE,
)
_MILD = re.compile(
    r"\b(?:do not|don['’]t|not) (?:hesitate|worry|forget|know|want to|expect|be|have to|need to)\b"
    r"|\bnot (?:yet|sure|only|just|until|before|later|more|least)\b|\bno (?:problem|doubt|rush)\b"
    r"|\bwhether or not\b|\bif\b|\bwithout\b|不清楚"
    r"|不知道|不确定|不一定|没有?问题|没关系|有没有|能不能"
    r"|不晚于"
    r"|不超过|不低于|不少于|如果|若",
    re.IGNORECASE,
)
_ANY_NEGATIVE = re.compile(
    rf"{_NEGATOR}|{_ZH_NEGATOR}|\b(?:un\w{{4,}}|only|but|without|instead"
    rf"|less than|at most|up to|within|too|stop\w*|late|missing|lack\w*|out|over"
    rf"|fell|still)\b"
    r"|不|没|未|无|别|仅|只|才|停|禁|免|缺|超|晚|已|内|到期|之前|必须",
    re.IGNORECASE,
)


def _unfounded_denial(sentence: str, facts: Sequence[Fact]) -> list[Problem]:
    """Return a problem if the sentence denies something and no cited fact holds any denial."""
    match = _DENIES.search(sentence)
    if match is None or _MILD.search(sentence):
        return []
    said = [clause for fact in facts for clause in _clauses_of(fact)]
    if any(_ANY_NEGATIVE.search(clause) or _is_negative(clause) for clause in said):
        return []
    return [Problem(ProblemKind.NEGATION, match.group())]


_NEITHER = re.compile(r"\bneither\b(.*?)\bnor\b", re.IGNORECASE)
_NEGATIVE_WORDS = re.compile(
    r"\b(?:afraid|fear\w*|worr\w+|refus\w+|reject\w*|object\w*|doubt\w*|against"
    r"|declin\w+|lack\w*|unable|turned (?:\w+ ){0,2}down)\b"
    r"|怕|担心|拒绝|反对|回绝|否决|怀疑|缺",
    re.IGNORECASE,
)


def is_negative(clause: str) -> bool:
    """Say whether a clause denies something; "not afraid" and "no objection" deny nothing."""
    bare = _NEITHER.sub(r" not \1 ", blank_words(clause, _FRAME))
    denials = len(re.findall(_NEGATOR, re.sub(r"\brefus\w+|\bdoubts?\b", " ", bare), re.IGNORECASE))
    denials += len(re.findall(_ZH_NEGATOR.replace("|拒绝", ""), bare))
    return (denials + len(_NEGATIVE_WORDS.findall(bare))) % 2 == 1


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
