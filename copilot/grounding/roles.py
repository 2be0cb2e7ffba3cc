"""Checks that a figure, date or name stands for what it stands for in the facts."""

import itertools
import re
from collections.abc import Sequence

from copilot.grounding import dates, measures, names
from copilot.grounding.binding import Bound, belongs_elsewhere, nouns_clash
from copilot.grounding.clauses import words_of
from copilot.grounding.ground import Ground
from copilot.grounding.quantities import Quantity
from copilot.grounding.sentences import Problem, ProblemKind
from copilot.grounding.support import (
    Figure,
    Named,
    Support,
    as_money,
    bind_dates,
    bind_figures,
    bind_names,
)

_CLASHING = frozenset({ProblemKind.AMOUNT, ProblemKind.PERCENTAGE, ProblemKind.NUMBER})


def check_figures(
    text: str, found: Sequence[Quantity], days: Sequence[dates.DateMention], support: Support
) -> list[Problem]:
    """Return a problem for each figure that is in the facts, but there belongs to something else.

    A budget that the facts call an offer fails, and so do two figures swapped between two things.
    """
    problems = []
    for figure in bind_figures(text, as_money(text, found), days, known=support.known):
        share = _share_of(figure.quantity, support)
        if share == _TOTAL and not _names_part(found, support) and _tells_share(text, support):
            problems.append(Problem(ProblemKind.ROLE, figure.quantity.raw))
        elif share != _PART and _is_misplaced(figure, support):
            problems.append(Problem(ProblemKind.ROLE, _shown(figure.quantity.raw, figure.bound)))
    return problems


_PART, _TOTAL = "part", "total"
_OF = re.compile(r"\s*(?:\w+ )?of (?:our|your|the|their|these|those|all)?\s*", re.IGNORECASE)
_AMONG = re.compile(r"[^，。；]{0,6}(?:里|中)[^，。；]{0,6}有")


def _shares(support: Support) -> list[tuple[Quantity, Quantity, str]]:
    """Return part, total and what is said of the part: "nine of our 16 cranes are old"."""
    found = []
    for reading in support.readings:
        counted = [each for each in reading.counted if each.kind is ProblemKind.NUMBER]
        for first, second in itertools.pairwise(counted):
            between = reading.text[first.end : second.start]
            rest = re.split(r"[.;，。；,](?!\d)", reading.text[second.end :])[0]
            if _OF.fullmatch(between):
                found.append((first, second, rest))
            elif _AMONG.fullmatch(between):
                found.append((second, first, rest))
    return found


def _share_of(claim: Quantity, support: Support) -> str:
    for part, total, _ in _shares(support):
        if measures.supports(part, claim):
            return _PART
        if measures.supports(total, claim):
            return _TOTAL
    return ""


def _names_part(found: Sequence[Quantity], support: Support) -> bool:
    return any(_share_of(each, support) == _PART for each in found)


def _tells_share(text: str, support: Support) -> bool:
    return any(len(words_of(text) & words_of(told)) > 1 for _, _, told in _shares(support))


def _is_misplaced(claim: Figure, support: Support) -> bool:
    alike = [each for each in support.figures if measures.is_alike(each.quantity, claim.quantity)]
    matching = [each.bound for each in alike if measures.supports(each.quantity, claim.quantity)]
    rivals = [each.bound for each in alike if not measures.supports(each.quantity, claim.quantity)]
    if claim.quantity.kind in _CLASHING and nouns_clash(claim.bound, matching):
        return True
    return belongs_elsewhere(claim.bound, matching, rivals)


def check_dates(
    text: str, days: Sequence[dates.DateMention], found: Sequence[Quantity], support: Support
) -> list[Problem]:
    """Return a problem for each date that the facts give to another event."""
    problems = []
    for dated in bind_dates(text, days, found, known=support.known):
        if dated.mention.is_vague:
            continue
        matching: list[Bound] = []
        rivals: list[Bound] = []
        for each in support.dated:
            covered = any(dates.covers(dated.mention, one) for one in each.mention.stated)
            around = any(dates.covers(each.mention, one) for one in dated.mention.stated)
            if around and not covered:
                continue  # "before the end of the year": no other day
            (matching if covered else rivals).append(each.bound)
        if belongs_elsewhere(dated.bound, matching, rivals):
            problems.append(Problem(ProblemKind.ROLE, _shown(dated.mention.raw, dated.bound)))
    return problems


def _shown(raw: str, bound: Bound) -> str:
    return f"{raw} ({bound.noun.removeprefix('@')})" if bound.noun else raw


_TITLES = frozenset(
    [
        "ceo",
        "cfo",
        "cto",
        "coo",
        "cio",
        "vp",
        "head",
        "director",
        "manag",
        "lead",
        "legal",
        "finance",
        "financ",
        "procur",
        "engin",
        "buyer",
        "purchas",
        "总监",
        "经理",
        "财务",
        "采购",
        "法务",
        "技术",
        "主管",
        "信息",
        "主任",
    ]
)
_ADDRESSED = re.compile(r"^\W*(?:(?:dear|hi|hello|thanks?|thank you)[ ,]+)?$", re.IGNORECASE)
_VOCATIVE = re.compile(r"[,，：:](?!\s*(?:your|our|the|a|an|who|head|chief|[A-Z]{2,})\b)")
_ENOUGH, _PAIR = 2.0, 0.67


def check_people(text: str, support: Support, ground: Ground) -> list[Problem]:
    """Return a problem for each name whose words in the sentence belong to another one.

    Two people swapped between two roles, or two products between two features, fail. The text
    comes without its dates: a month is no name.
    """
    plain, text = text, _name_recipient(text, support, ground)
    claims = bind_names(text, ground.known_names)
    problems = []
    for claim in claims:
        bound = claim.bound
        if _ADDRESSED.match(text[: bound.start]) and _VOCATIVE.match(text[bound.end :]):
            continue
        matching = [each.bound for each in support.named if _same(claim.name, each.name)]
        rivals = [
            each.bound
            for each in support.named
            if not _same(claim.name, each.name) and not each.bound.is_head
        ]
        if matching and any(_taken(bound, matching, each) for each in rivals):
            problems.append(Problem(ProblemKind.ROLE, claim.name))
    if not problems:
        problems = _swapped(claims, support)
    # The recipient's "you" only counts where two have changed places.
    return problems if text == plain or len(problems) > 1 else []


_YOU = re.compile(
    r"\b[Yy]ou(?= (?:want|would|are|wanted|need|prefer|like|asked|plan)\b)"
    r"|^\W*您(?=想|要|更|希望|会|在)"
)


def _name_recipient(text: str, support: Support, ground: Ground) -> str:
    """Return the sentence with the recipient's name for "you" beside others who are named."""
    speakers = [said.who for said in support.said if said.who in ground.free_names]
    if len(set(speakers)) != 1 or ground.outside is None:
        return text
    if all(fact.id in ground.outside for fact in support.facts):
        return _YOU.sub(speakers[0], text)
    return text


def _swapped(claims: Sequence[Named], support: Support) -> list[Problem]:
    """Return a problem if two names have each a word that the facts give to the other alone."""
    for first, second in itertools.permutations(claims, 2):
        if _same(first.name, second.name):
            continue
        of_first, of_second = _words_for(first, support), _words_for(second, support)
        if not of_first or not of_second:
            continue
        lost = (of_second - of_first) & first.bound.words
        kept = (of_first - of_second) & first.bound.words
        won = (of_first - of_second) & second.bound.words
        held = (of_second - of_first) & second.bound.words
        if lost and won and not kept and not held:
            return [Problem(ProblemKind.ROLE, first.name)]
    return []


def _words_for(claim: Named, support: Support) -> frozenset[str]:
    own = [
        each.bound.words
        for each in support.named
        if _same(claim.name, each.name) and not each.bound.is_head
    ]
    return frozenset[str]().union(*own)


def _taken(claim: Bound, matching: Sequence[Bound], rival: Bound) -> bool:
    of_matches = frozenset[str]().union(*(each.everything for each in matching))
    own = rival.everything
    theirs = (own - of_matches) & claim.everything
    mine = (of_matches - own) & claim.everything
    weight = sum(_weight(word) for word in theirs if word[0] not in "@#")
    return not mine and weight >= _ENOUGH


def _weight(word: str) -> float:
    if word in _TITLES:
        return _ENOUGH
    return 1.0 if word.isascii() else _PAIR


def _same(first: str, second: str) -> bool:
    mine, theirs = names.fold(first), names.fold(second)
    return mine in theirs or theirs in mine
