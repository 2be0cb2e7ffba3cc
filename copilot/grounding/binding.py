"""What each figure, date or name of a text belongs to: the words that stand nearest to it."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from copilot.grounding.clauses import Token, kin_of, tokenise

_SPLIT = re.compile(r"[,，;；、。!?！？:：\n“”\"]|(?<!\d)\.|\.(?!\d)")
_JOIN = re.compile(r"\b(?:and|but|while|whereas|plus)\b|而|和|与|及|以及|另外")
_HARD = re.compile(r"[。!?！？;；\n]|\.(?:\s|$)")
_FROM = re.compile(r"(?:\bfrom(?: the)?|从|由|原定|原计划)\s*$", re.IGNORECASE)
_TO = re.compile(r"(?:\bto(?: the)?|到|至|改为|改到|调整为)\s*$", re.IGNORECASE)


_HIGH_AFTER = re.compile(
    r"^\W*(?:\w+\s+){0,3}(?:above|over (?:your|our)|too (?:much|high|expensive)|higher than"
    r"|exceeds?)\b"
    r"|^.{0,5}(?:太高|超出|超过|偏高|高于|太贵|过高)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Bound:
    """A stretch of text with the words that belong to it, and the noun that it is a figure of.

    `carried` are words of a neighbouring part without a figure of its own. `is_heir` says that
    noun or name are those of the figure before (`heir_of` is where that one starts); `is_head`
    marks what stands before quoted words, such as the day on which they were said.
    """

    start: int
    end: int
    words: frozenset[str]
    noun: str = ""
    carried: frozenset[str] = frozenset()
    is_heir: bool = False
    heir_of: int = -1
    is_head: bool = False

    @property
    def everything(self) -> frozenset[str]:
        """The words with those that were carried over."""
        return self.words | self.carried


@dataclass
class _Gathered:
    """What was found for one span so far; of nouns and names the nearest."""

    words: set[str] = field(default_factory=set)
    carried: set[str] = field(default_factory=set)
    noun: tuple[int, str] = (10_000, "")
    name: tuple[int, str] = (10_000, "")

    def take(self, token: Token, gap: int, *, is_own: bool) -> None:
        if token.is_concept:
            self.noun = min(self.noun, (gap, token.text))
        elif token.text.startswith("#"):
            self.name = min(self.name, (gap, token.text))
        else:
            (self.words if is_own else self.carried).add(token.text)


def bind(
    text: str,
    spans: Sequence[tuple[int, int]],
    kind: str,
    *,
    backward: bool = False,
    busy: Sequence[tuple[int, int]] = (),
    inherit: bool = False,
    known: Collection[str] = (),
) -> list[Bound]:
    """Return each span with its words: those in its part of the sentence nearest to it.

    A part without any span lends its words to the next one (to the one before with `backward`),
    unless it holds another figure, one of `busy`. Of nouns and names the nearest counts; with
    `inherit` a figure without one takes that of the figure before it in the same sentence, or of
    the heading. `known` names are words of their own, the longest first.
    """
    if not spans:
        return []
    bare = text
    for start, ended in spans:
        end = ended - 1 if text[ended - 1] == "." else ended  # "15 January." ends a sentence
        bare = bare[:start] + "\x00" * (end - start) + bare[end:]
    parts = _parts(bare, [*spans, *busy])
    gathered = [_Gathered() for _ in spans]
    for token in [*tokenise(bare, kind), *_name_tokens(bare, known)]:
        part = next((each for each in parts if each[0] <= token.start < each[1]), (0, len(text)))
        is_own = any(part[0] <= start < part[1] for start, _ in spans)
        owner = _owner(token, spans, part, bare, backward=backward, busy=busy)
        if owner is not None:
            gathered[owner].take(token, _gap(token, spans[owner]), is_own=is_own)
    return _bounds(text, bare, spans, gathered, _heading(bare, kind) if inherit else None)


def _bounds(
    text: str,
    bare: str,
    spans: Sequence[tuple[int, int]],
    gathered: Sequence[_Gathered],
    heading: str | None,
) -> list[Bound]:
    found: list[Bound] = []
    for place, (start, end) in enumerate(spans):
        one = gathered[place]
        noun, name = one.noun[1], one.name[1]
        before = found[-1] if found and heading is not None else None
        if before and _HARD.search(bare[before.end - 1 : start]):
            before = None
        is_heir, heir_of = not noun, -1
        if before is not None:
            named = next((word for word in before.words if word[0] == "#"), "")
            if (not noun and before.noun) or (not name and named):
                heir_of = before.start
            noun, name = noun or before.noun, name or named
        words = one.words | _marks(text[max(0, start - 12) : start], text[end : end + 40])
        found.append(
            Bound(
                start,
                end,
                frozenset(words | {name} - {""}),
                noun or heading or "",
                frozenset(one.carried),
                is_heir,
                heir_of,
            )
        )
    return found


_HEADING = re.compile(r"^[^:：]{1,40}[:：]")


def _heading(text: str, kind: str) -> str:
    """Return the noun of a heading such as "Price book:", which all its figures have."""
    match = _HEADING.match(text)
    nouns = [token.text for token in tokenise(match.group(), kind)] if match else []
    return next((noun for noun in nouns if noun.startswith("@")), "")


def _name_tokens(text: str, known: Collection[str]) -> list[Token]:
    found: list[Token] = []
    for name in sorted(known, key=len, reverse=True):
        start = text.find(name)
        while start >= 0:
            end = start + len(name)
            found.append(Token("#" + name, start, end))
            text = text[:start] + "\x00" * len(name) + text[end:]
            start = text.find(name, end)
    return found


def _marks(before: str, after: str) -> set[str]:
    found = {"@>high"} if _HIGH_AFTER.search(after) else set()
    if _FROM.search(before):
        return found | {"@>from"}
    return found | {"@>to"} if _TO.search(before) else found


def _parts(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the parts between punctuation, and between "and" where both sides hold a span."""
    cuts = [match.span() for match in _SPLIT.finditer(text)]
    for join in _JOIN.finditer(text):
        left = max([end for _, end in cuts if end <= join.start()], default=0)
        right = min([start for start, _ in cuts if start >= join.end()], default=len(text))
        has_left = any(left <= start < join.start() for start, _ in spans)
        if has_left and any(join.end() <= start < right for start, _ in spans):
            cuts = sorted([*cuts, join.span()])
    starts = [0, *(end for _, end in cuts)]
    ends = [*(start for start, _ in cuts), len(text)]
    return list(zip(starts, ends, strict=True))


def _owner(
    token: Token,
    spans: Sequence[tuple[int, int]],
    part: tuple[int, int],
    text: str,
    *,
    backward: bool,
    busy: Sequence[tuple[int, int]],
) -> int | None:
    inside = [place for place, span in enumerate(spans) if part[0] <= span[0] < part[1]]
    if inside:
        return min(inside, key=lambda place: _gap(token, spans[place]))
    if any(part[0] <= start < part[1] for start, _ in busy):
        return None
    later = [
        place
        for place, span in enumerate(spans)
        if span[0] >= token.end and not _HARD.search(text[token.end : span[0]])
    ]
    sooner = [
        place
        for place, span in enumerate(spans)
        if span[1] <= token.start and not _HARD.search(text[span[1] : token.start])
    ]
    if backward:
        return sooner[-1] if sooner else (later[0] if later else None)
    return later[0] if later else (sooner[-1] if sooner else None)


def _gap(token: Token, span: tuple[int, int]) -> int:
    return span[0] - token.end if token.end <= span[0] else token.start - span[1]


def belongs_elsewhere(claim: Bound, matching: Sequence[Bound], rivals: Sequence[Bound]) -> bool:
    """Say whether what stands around a claim is that of a rival and of no match.

    `matching` are the figures of the facts with the claim's value, `rivals` the others of its
    kind. Words that matches and rivals share tell nothing.
    """
    rivals = [each for each in rivals if not each.is_head]
    if not matching or not rivals:
        return False
    if _marks_clash(claim, matching, rivals):
        return True
    is_theirs = any(_shares_noun(claim, each) and not each.is_heir for each in rivals)
    is_mine = any(_shares_noun(claim, each) for each in matching)
    if is_theirs != is_mine:
        return is_theirs
    of_matches = frozenset[str]().union(*(each.everything for each in matching))
    forebears = {each.heir_of for each in matching}
    enough = 0.5 if is_theirs and all(each.is_heir for each in matching) else 1.0
    for rival in rivals:
        if rival.start in forebears and not is_theirs:
            continue
        if "@>from" in rival.words and any("@>to" in each.words for each in matching):
            continue  # one event moved from day to day: its words are those of both
        theirs = (own_words(rival) - of_matches) & claim.everything
        mine = (of_matches - rival.words) & claim.everything
        named, own = (any(word[0] == "#" for word in words) for words in (theirs, mine))
        if (named and not own) or (not mine and weight_of(theirs) >= enough):
            return True
    return False


def own_words(bound: Bound) -> frozenset[str]:
    """Return what is surely the figure's own: words carried over count where it has no others."""
    return bound.words if weight_of(bound.words) >= _TELLING else bound.everything


_TELLING = 1.0


def _shares_noun(claim: Bound, other: Bound) -> bool:
    return bool(claim.noun) and other.noun in kin_of(claim.noun)


def _marks_clash(claim: Bound, matching: Sequence[Bound], rivals: Sequence[Bound]) -> bool:
    for mark in (word for word in claim.words if word.startswith("@>")):
        if any(mark in each.words for each in matching):
            continue
        is_moved = mark == "@>high" or any(
            word.startswith("@>") for each in matching for word in each.words
        )
        if is_moved and any(mark in each.words for each in rivals):
            return True
    return False


def weight_of(words: frozenset[str]) -> float:
    """Return how much words tell: a pair of Chinese characters tells half of what a word does."""
    return sum(1.0 if word.isascii() else 0.5 for word in words if word[0] not in "@#")


def nouns_clash(claim: Bound, matching: Sequence[Bound]) -> bool:
    """Say whether claim and matches are figures of different nouns: a budget is not an offer."""
    if (
        not claim.noun
        or not matching
        or not all(each.noun and not each.is_heir for each in matching)
    ):
        return False
    return not any(each.noun in kin_of(claim.noun) for each in matching)
