"""Chooses which moments to show: the best by page, those that follow each other as one stretch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from crm.index.moments import Moment
from crm.index.weighing import Scores

# A reader, or a model, takes in about so many words at once; the best of them come first.
PAGE_LENGTH = 1_000.0
# The best of a page stands above the rest of it, so that who reads less has read the best.
_TOP = 0.3
# Of few hits each has to tell much, so that they are not parted like this.
_FEW = 15
# What is longer becomes several stretches, so that the best of it can come first.
STRETCH_LENGTH = 200.0


@dataclass(frozen=True)
class Run:
    """Moments that follow each other, and the best of their scores."""

    moments: tuple[Moment, ...]
    score: float


def choose_runs(moments: Sequence[Moment], scores: Scores, *, limit: int) -> list[Run]:
    """Return up to `limit` runs, the best first, page by page of about `PAGE_LENGTH` words.

    Within a page the moments are taken by score and neighbours grow together, so that one page
    holds many short stretches where `limit` allows, and longer ones where it does not.
    """
    left = [int(place) for place in (-scores).argsort(kind="stable") if scores[place] > 0]
    runs: list[Run] = []
    shares = (1.0,) if limit < _FEW else (_TOP, 1 - _TOP)
    while left and len(runs) < limit:
        for share in shares:
            most = min(math.ceil(share * limit), limit - len(runs))
            page = _fill_page(left, moments, most, share * PAGE_LENGTH)
            runs += _runs_of(sorted(page), moments, scores)
            left = [place for place in left if place not in page]
    return runs[:limit]


def _fill_page(
    left: Sequence[int], moments: Sequence[Moment], limit: int, length_limit: float
) -> set[int]:
    room = min(length_limit, STRETCH_LENGTH * limit)
    page: set[int] = set()
    length, runs = 0.0, 0
    for place in left:
        more = moments[place].length
        joins = _joins(place, page, moments)
        if page and length + more > room:
            break
        if runs + 1 - joins > limit:
            continue
        page.add(place)
        length += more
        runs += 1 - joins
    return page


def _joins(place: int, page: set[int], moments: Sequence[Moment]) -> int:
    """Return with how many runs of the page the moment grows together: 0, 1 or 2."""
    before = place - 1 in page and is_next(moments[place - 1], moments[place])
    after = place + 1 in page and is_next(moments[place], moments[place + 1])
    return before + after


def _runs_of(places: Sequence[int], moments: Sequence[Moment], scores: Scores) -> list[Run]:
    groups: list[list[int]] = []
    length = 0.0
    for place in places:
        more = moments[place].length
        goes_on = bool(groups) and groups[-1][-1] == place - 1
        goes_on = goes_on and is_next(moments[place - 1], moments[place])
        if goes_on and length + more <= STRETCH_LENGTH:
            groups[-1].append(place)
            length += more
        else:
            groups.append([place])
            length = more
    runs = [
        Run(tuple(moments[place] for place in group), max(float(scores[p]) for p in group))
        for group in groups
    ]
    return sorted(runs, key=lambda run: -run.score)


def is_next(before: Moment, after: Moment) -> bool:
    """Say whether the second moment goes on where the first one ends."""
    is_same = before.conversation_id == after.conversation_id
    if is_same and before.last == after.first:
        return not before.said[-1].is_end
    return is_same and before.last + 1 == after.first
