"""Checks that a figure, date or name stands for what it stands for in the facts."""

import re
from collections.abc import Collection, Sequence

from copilot.grounding import dates, names, quantities
from copilot.grounding.binding import Bound, belongs_elsewhere, nouns_clash
from copilot.grounding.quantities import Quantity
from copilot.grounding.sentences import Problem, ProblemKind
from copilot.grounding.support import (
    Figure,
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
        if _is_misplaced(figure, support):
            problems.append(Problem(ProblemKind.ROLE, _shown(figure.quantity.raw, figure.bound)))
    return problems


def _is_misplaced(claim: Figure, support: Support) -> bool:
    alike = [each for each in support.figures if quantities.is_alike(each.quantity, claim.quantity)]
    matching = [each.bound for each in alike if quantities.supports(each.quantity, claim.quantity)]
    rivals = [
        each.bound for each in alike if not quantities.supports(each.quantity, claim.quantity)
    ]
    if claim.quantity.kind in _CLASHING and nouns_clash(claim.bound, matching):
        return True
    return belongs_elsewhere(claim.bound, matching, rivals)


def check_dates(
    text: str, days: Sequence[dates.DateMention], found: Sequence[Quantity], support: Support
) -> list[Problem]:
    """Return a problem for each date that the facts give to another event."""
    problems = []
    for dated in bind_dates(text, days, found, known=support.known):
        matching: list[Bound] = []
        rivals: list[Bound] = []
        for each in support.dated:
            covered = any(dates.covers(dated.mention, one) for one in each.mention.stated)
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


def check_people(text: str, support: Support, known_names: Collection[str]) -> list[Problem]:
    """Return a problem for each name whose words in the sentence belong to another one.

    Two people swapped between two roles, or two products between two features, fail. The text
    comes without its dates: a month is no name.
    """
    claims = bind_names(text, known_names)
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
    return problems


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
