"""Which findings go into a pack: by kind of draft, open before settled, within a budget."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from copilot.grounding.pack.asked import DraftKind
from copilot.grounding.pack.found import Found, Key
from copilot.grounding.pack.hostile import orders_the_writer
from copilot.grounding.pack.model import Piece, Role
from tools.profile.evidence import fold

MOST_PIECES = 24
_OVERHEAD = 4
_MOST_OF_TALK = 5
_ORDER: Final = (
    Role.COMPANY, Role.DEAL, Role.PRODUCT, Role.PRICE, Role.OFFER, Role.POLICY, Role.SERVICE,
    Role.EVENT, Role.TALK, Role.THEIR_QUESTION, Role.THEIR_CONCERN, Role.THEIR_NEED,
    Role.THEIR_WORDS, Role.THEIR_PROMISE, Role.OUR_ANSWER, Role.OUR_PROMISE, Role.OUR_WORDS,
    Role.OUR_TASK, Role.MEETING,
)  # fmt: skip
"""Records first: their ids stay the same when a conversation is added."""

_STATEMENTS: Final = frozenset({Role.THEIR_NEED, Role.THEIR_CONCERN, Role.THEIR_WORDS})

Plan = tuple[tuple[Role, int], ...]
PLANS: Final[dict[DraftKind, Plan]] = {
    DraftKind.REPLY: (
        (Role.TALK, 1), (Role.THEIR_QUESTION, 5), (Role.OUR_ANSWER, 5), (Role.POLICY, 3),
        (Role.OFFER, 1), (Role.PRODUCT, 2), (Role.PRICE, 2), (Role.THEIR_CONCERN, 3),
        (Role.THEIR_NEED, 3), (Role.OUR_PROMISE, 2), (Role.MEETING, 2), (Role.THEIR_PROMISE, 2),
        (Role.THEIR_WORDS, 3), (Role.OUR_WORDS, 2), (Role.DEAL, 3), (Role.OUR_TASK, 1),
        (Role.SERVICE, 1), (Role.EVENT, 1), (Role.COMPANY, 1),
    ),
    DraftKind.FOLLOW_UP: (
        (Role.TALK, 1), (Role.OUR_PROMISE, 3), (Role.THEIR_QUESTION, 4), (Role.OUR_ANSWER, 4),
        (Role.THEIR_CONCERN, 3), (Role.THEIR_NEED, 2), (Role.THEIR_PROMISE, 2), (Role.MEETING, 2),
        (Role.OFFER, 1), (Role.POLICY, 2), (Role.PRODUCT, 1), (Role.PRICE, 1),
        (Role.THEIR_WORDS, 3), (Role.OUR_TASK, 2), (Role.DEAL, 3), (Role.OUR_WORDS, 1),
        (Role.SERVICE, 1), (Role.EVENT, 1), (Role.COMPANY, 1),
    ),
    DraftKind.NUDGE: (
        (Role.TALK, 1), (Role.OUR_WORDS, 3), (Role.OFFER, 1), (Role.OUR_PROMISE, 2),
        (Role.THEIR_PROMISE, 2), (Role.THEIR_QUESTION, 2), (Role.OUR_ANSWER, 1),
        (Role.THEIR_NEED, 2), (Role.THEIR_CONCERN, 1), (Role.MEETING, 1), (Role.DEAL, 3),
        (Role.THEIR_WORDS, 2), (Role.POLICY, 1), (Role.EVENT, 1), (Role.PRODUCT, 1),
        (Role.OUR_TASK, 1), (Role.COMPANY, 1),
    ),
    DraftKind.MEETING_REQUEST: (
        (Role.TALK, 1), (Role.MEETING, 2), (Role.THEIR_QUESTION, 3), (Role.OUR_PROMISE, 2),
        (Role.THEIR_PROMISE, 2), (Role.THEIR_CONCERN, 2), (Role.THEIR_NEED, 3), (Role.OFFER, 1),
        (Role.DEAL, 3), (Role.THEIR_WORDS, 2), (Role.PRODUCT, 1), (Role.POLICY, 1),
        (Role.COMPANY, 2), (Role.OUR_TASK, 1), (Role.EVENT, 1),
    ),
    DraftKind.RE_ENGAGEMENT: (
        (Role.TALK, 1), (Role.THEIR_NEED, 3), (Role.THEIR_CONCERN, 2), (Role.THEIR_PROMISE, 2),
        (Role.OUR_PROMISE, 2), (Role.THEIR_QUESTION, 2), (Role.DEAL, 3), (Role.OFFER, 1),
        (Role.PRODUCT, 2), (Role.THEIR_WORDS, 3), (Role.EVENT, 2), (Role.POLICY, 2),
        (Role.SERVICE, 2), (Role.OUR_WORDS, 1), (Role.COMPANY, 2), (Role.OUR_TASK, 1),
    ),
    DraftKind.RENEWAL: (
        (Role.DEAL, 3), (Role.PRODUCT, 4), (Role.SERVICE, 3), (Role.TALK, 1), (Role.EVENT, 2),
        (Role.OFFER, 1), (Role.PRICE, 2), (Role.POLICY, 2), (Role.THEIR_NEED, 2),
        (Role.THEIR_CONCERN, 2), (Role.THEIR_QUESTION, 2), (Role.OUR_PROMISE, 2),
        (Role.THEIR_PROMISE, 1), (Role.THEIR_WORDS, 2), (Role.MEETING, 1), (Role.OUR_TASK, 1),
        (Role.COMPANY, 1),
    ),
    DraftKind.PROPOSAL_COVER: (
        (Role.OFFER, 1), (Role.THEIR_NEED, 4), (Role.PRODUCT, 3), (Role.THEIR_CONCERN, 2),
        (Role.THEIR_QUESTION, 3), (Role.OUR_ANSWER, 3), (Role.TALK, 1), (Role.DEAL, 3),
        (Role.POLICY, 2), (Role.OUR_PROMISE, 2), (Role.PRICE, 2), (Role.THEIR_WORDS, 3),
        (Role.MEETING, 1), (Role.THEIR_PROMISE, 1), (Role.COMPANY, 1),
    ),
    DraftKind.COLD_OUTREACH: (
        (Role.COMPANY, 2), (Role.PRODUCT, 3), (Role.POLICY, 3), (Role.THEIR_NEED, 2),
        (Role.TALK, 1), (Role.THEIR_WORDS, 2), (Role.EVENT, 1), (Role.DEAL, 1), (Role.PRICE, 1),
    ),
}  # fmt: skip
"""For each kind of draft the roles in the order of their worth, and how many of each at most."""


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text costs, rather too many than too few.

    Three Chinese characters count as four, seven other characters as two, by the vocabulary that
    costs most among those in use.
    """
    han = sum(1 for char in text if "\u3400" <= char <= "\u9fff")
    return (4 * han + 2) // 3 + (2 * (len(text) - han) + 6) // 7


def choose(
    found: Iterable[Found],
    kind: DraftKind,
    *,
    budget_tokens: int,
    count_tokens: Callable[[str], int] = estimate_tokens,
) -> tuple[Found, ...]:
    """Return the findings of a pack in the order of their ids, within the budget.

    Those of the mail to be answered come first, then role by role as the kind's plan has it: open
    before settled, weighty before light, recent before old. An answer comes only with its question.
    """
    basket = _Basket(budget_tokens, count_tokens)
    offered = _tied(_distinct(each for each in found if not _is_hostile(each)))
    by_worth = sorted(offered, key=_worth)
    for each in sorted(by_worth, key=lambda one: one.answers is not None):
        if each.is_asked and each.role in {Role.THEIR_QUESTION, Role.OUR_ANSWER}:
            basket.take(each, by_worth)
    for each in _of_last_talk(by_worth):
        basket.take(each, by_worth)
    for role, most in PLANS[kind]:
        left = most - basket.count(role)
        for each in [one for one in by_worth if one.role is role]:
            if left > 0 and basket.take(each, by_worth):
                left -= 1
    return tuple(sorted(basket.taken.values(), key=_place))


def number(chosen: Sequence[Found]) -> tuple[Piece, ...]:
    """Return the findings as pieces with the ids F1…Fn."""
    ids = {each.key: f"F{count}" for count, each in enumerate(chosen, 1)}
    return tuple(
        Piece(
            fact=each.fact.model_copy(update={"id": ids[each.key]}),
            role=each.role,
            who=each.who,
            quote=each.quote,
            answers=ids.get(each.answers) if each.answers else None,
            is_open=each.is_open,
            due_on=each.due_on,
        )
        for each in chosen
    )


class _Basket:
    """What was taken so far, and how much room is left."""

    def __init__(self, budget_tokens: int, count_tokens: Callable[[str], int]) -> None:
        self.taken: dict[Key, Found] = {}
        self._left = budget_tokens
        self._count_tokens = count_tokens

    def count(self, role: Role) -> int:
        return sum(each.role is role for each in self.taken.values())

    def take(self, each: Found, offered: Sequence[Found]) -> bool:
        """Take a finding with what belongs to it, if there is room; say whether it was taken."""
        if each.key in self.taken or (each.answers and each.answers not in self.taken):
            return False
        party = [each]
        if each.group:
            party = [one for one in offered if one.group == each.group]
        cost = sum(self._count_tokens(one.fact.text) + _OVERHEAD for one in party)
        if cost > self._left or len(self.taken) + len(party) > MOST_PIECES:
            return False
        self._left -= cost
        self.taken |= {one.key: one for one in party}
        return True


def _is_hostile(each: Found) -> bool:
    # What the company itself states may speak of rules and instructions.
    return each.role is not Role.POLICY and orders_the_writer(each.quote or each.fact.text)


def _worth(each: Found) -> tuple[bool, bool, float, float, str, tuple[int, int]]:
    said = -each.said_at.timestamp() if each.quote else 0.0
    talk = each.fact.source.split("#")[0]
    return not each.is_asked, not each.is_open, -each.weight, said, talk, each.place


def _place(each: Found) -> tuple[int, float, str, tuple[int, int], str]:
    said = each.said_at.timestamp() if each.quote else 0.0
    return _ORDER.index(each.role), said, each.fact.source.split("#")[0], each.place, each.fact.text


def _of_last_talk(by_worth: Sequence[Found]) -> list[Found]:
    """Return what was asked or told and taken up in the talk at hand, with our words on it."""
    talk = next((each.fact.source for each in by_worth if each.role is Role.TALK), "")
    inside = [each for each in by_worth if talk and each.fact.source.startswith(f"{talk}#")]
    told = [
        each
        for each in inside
        if each.role is Role.THEIR_QUESTION or (each.group and each.answers is None)
    ]
    asked = told[:_MOST_OF_TALK]
    keys = {each.key for each in asked}
    return [*asked, *(each for each in inside if each.answers in keys)]


def _tied(found: Sequence[Found]) -> list[Found]:
    """Return the findings with each statement in one group with our word on it, if it has one."""
    groups = {each.answers: each.group for each in found if each.answers and each.group}
    return [replace(each, group=groups.get(each.key, each.group)) for each in found]


def _whole(found: Iterable[Found]) -> list[Found]:
    """Return the findings with statements in their context before the parts of it.

    A part that was understood as a need or a concern lends that to the whole.
    """
    every = list(found)
    loose = [each for each in every if each.role in _STATEMENTS and each.quote]
    parts: dict[str, list[Found]] = {}
    for each in loose:
        parts.setdefault(each.fact.source.split("#")[0], []).append(each)
    told = {
        id(each): _lent(each, parts[each.fact.source.split("#")[0]])
        for each in loose
        if each.role is Role.THEIR_WORDS
    }
    every = [told.get(id(each), each) for each in every]
    longest = sorted(every, key=lambda each: -len(each.quote or ""))
    statements = iter([each for each in longest if each.role in _STATEMENTS and each.quote])
    return [next(statements) if each.role in _STATEMENTS and each.quote else each for each in every]


def _lent(whole: Found, parts: Sequence[Found]) -> Found:
    words = fold(whole.quote or "")
    for part in parts:
        is_more = part.role is not Role.THEIR_WORDS
        if is_more and len(part.quote or "") <= len(words) and fold(part.quote or "") in words:
            return replace(whole, role=part.role, weight=max(whole.weight, part.weight))
    return whole


def _distinct(found: Iterable[Found]) -> list[Found]:
    """Return each saying once: of two that hold the same words, the first or the whole one."""
    kept: dict[Key, Found] = {}
    said: list[tuple[str, str]] = []
    for each in _whole(found):
        words = fold(each.quote) if each.quote else ""
        talk = each.fact.source.split("#")[0]
        if each.key in kept or (words and _is_told(words, talk, said)):
            continue
        kept[each.key] = each
        if words:
            said.append((talk, words))
    return list(kept.values())


def _is_told(words: str, talk: str, said: Sequence[tuple[str, str]]) -> bool:
    for where, told in said:
        is_inside = where == talk and (
            words in told or (told in words and _is_most_of(told, words))
        )
        if words == told or is_inside:
            return True
    return False


def _is_most_of(part: str, whole: str) -> bool:
    return 2 * len(part) > len(whole)
