"""Turns what many decisions told into habits: what somebody does again and again, lately."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import quantiles

from copilot.writers.learning.observing import Observation
from copilot.writers.learning.phrases import holds, is_telling, swap
from crm.models import StyleAspect
from tools.language import Language

# A decision counts half as much as one made ten decisions later.
HALF_LIFE = 10
_ENOUGH = 2
_ENOUGH_LENGTHS = 3
_SHARE = 0.7
_SHORTER = 0.85
_WITHIN = 1.15
_FEWEST_WORDS = 20
_FORMALITY_ENOUGH = 3
_REMOVALS = 3
_MOST_PHRASES = 20


@dataclass(frozen=True)
class Seen:
    """One decided draft as style is learned from it: what it told, when, and for whom.

    `customer` tells customers apart; `final` is the text, to count how often a phrase was left as
    it was, or put back.
    """

    draft_id: int
    decided_at: datetime
    customer: Hashable
    contact_id: int | None
    observation: Observation
    final: str


@dataclass(frozen=True)
class Habit:
    """What somebody does: in `evidence` of the last `of` cases, last on `last_seen_at`.

    `key` is the phrase of an avoided one, whose `value` is what stands instead.
    """

    aspect: StyleAspect
    language: Language
    value: str
    key: str = ""
    evidence: int = 0
    of: int = 0
    last_seen_at: datetime | None = None
    draft_ids: tuple[int, ...] = ()


def habits_of(seen: Sequence[Seen], language: Language) -> list[Habit]:
    """Return the habits in these decisions of one person in one language, the newest first."""
    newest = sorted(seen, key=lambda one: (one.decided_at, one.draft_id), reverse=True)
    found = [
        _usual(newest, language, StyleAspect.GREETING, lambda one: one.observation.greeting),
        _usual(newest, language, StyleAspect.SIGN_OFF, lambda one: one.observation.sign_off),
        _length(newest, language),
        _formality(newest, language),
    ]
    return [habit for habit in found if habit is not None] + _phrases(newest, language)


def usual_greeting(seen: Sequence[Seen], language: Language) -> Habit | None:
    """Return the greeting in these decisions, None if there is no usual one."""
    newest = sorted(seen, key=lambda one: (one.decided_at, one.draft_id), reverse=True)
    return _usual(newest, language, StyleAspect.GREETING, lambda one: one.observation.greeting)


def weights(count: int) -> list[float]:
    """Return the weight of each of so many decisions, the newest first."""
    return [0.5 ** (place / HALF_LIFE) for place in range(count)]


def _usual(
    newest: Sequence[Seen],
    language: Language,
    aspect: StyleAspect,
    read: Callable[[Seen], str | None],
) -> Habit | None:
    """Return the value that has most of the weight of those that tell; nothing written is one."""
    telling = [(one, value) for one in newest if (value := read(one)) is not None]
    totals: dict[str, float] = defaultdict(float)
    for (_, value), weight in zip(telling, weights(len(telling)), strict=True):
        totals[value] += weight
    if not totals:
        return None
    value = max(totals, key=lambda each: totals[each])
    fitting = [one for one, each in telling if each == value]
    if len(fitting) < _ENOUGH or totals[value] < _SHARE * sum(totals.values()):
        return None
    return _habit(aspect, language, value, fitting, len(telling)) if value else None


def _length(newest: Sequence[Seen], language: Language) -> Habit | None:
    """Return the length to which drafts are cut, if they are and then stay that short.

    It is the longest that they usually have, not the middle: what a draft lacks is harder to put
    back than to cut, and a middle would lie below the one before each time it is learned anew.
    """
    cut = [
        one
        for one in newest
        if one.observation.words < _SHORTER * one.observation.drafted_words
        and one.observation.words > 0
    ]
    if len(cut) < _ENOUGH_LENGTHS:
        return None
    usual = quantiles([one.observation.words for one in cut], n=10, method="inclusive")[-1]
    all_weights = weights(len(newest))
    fitting = [one.observation.words <= _WITHIN * usual for one in newest]
    share = sum(w for w, fits in zip(all_weights, fitting, strict=True) if fits)
    if share < _SHARE * sum(all_weights):
        return None
    short = [one for one, fits in zip(newest, fitting, strict=True) if fits]
    longest = max(one.observation.words for one in short)
    value = str(max(_FEWEST_WORDS, longest))
    return _habit(StyleAspect.LENGTH, language, value, short, len(newest))


def _formality(newest: Sequence[Seen], language: Language) -> Habit | None:
    """Return the register into which drafts are put, if they are: keeping ours tells nothing."""
    total = sum(weights(len(newest)))
    for value in ("formal", "casual"):
        fitting = [one for one in newest if one.observation.formality == value]
        changed = [one for one in fitting if one.observation.drafted_formality != value]
        if len(changed) < _FORMALITY_ENOUGH:
            continue
        weighed = zip(newest, weights(len(newest)), strict=True)
        if sum(w for one, w in weighed if one in fitting) >= _SHARE * total:
            return _habit(StyleAspect.FORMALITY, language, value, fitting, len(newest))
    return None


def _phrases(newest: Sequence[Seen], language: Language) -> list[Habit]:
    """Return the phrases replaced in several drafts to several customers and hardly ever kept.

    Of a phrase and the same with a word beside it, the one with more evidence counts, then the
    shorter: it fits more sentences.
    """
    by_pair: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for one in newest:
        for pair in dict.fromkeys(one.observation.replaced):
            by_pair[pair].append(one)
    found: list[Habit] = []
    for (phrase, instead), cases in by_pair.items():
        habit = _phrase(newest, language, phrase, instead, cases)
        if habit is not None:
            found.append(habit)
    found.sort(key=lambda habit: (-habit.evidence, len(habit.key), habit.key))
    chosen: list[Habit] = []
    for habit in found:
        if not any(_is_covered(habit, other) for other in chosen):
            chosen.append(habit)
    return chosen[:_MOST_PHRASES]


def _phrase(
    newest: Sequence[Seen], language: Language, phrase: str, instead: str, cases: list[Seen]
) -> Habit | None:
    enough = _ENOUGH if instead else _REMOVALS
    if len(cases) < enough or len({one.customer for one in cases}) < _ENOUGH:
        return None
    if not is_telling(phrase, instead):
        return None
    replaced = {one.draft_id for one in cases}
    met = [one for one in newest if one.draft_id in replaced or holds(one.final, phrase)]
    taken = [
        weight
        for one, weight in zip(met, weights(len(met)), strict=True)
        if one.draft_id in replaced
    ]
    if sum(taken) < _SHARE * sum(weights(len(met))):
        return None
    return _habit(StyleAspect.AVOID, language, instead, cases, len(met), key=phrase)


def _is_covered(habit: Habit, other: Habit) -> bool:
    """Say whether the other one does the same, or would be undone by this one."""
    if swap(habit.key, other.key, other.value) != habit.key:
        return True
    if holds(other.key, habit.key):
        return True
    return bool(habit.value and holds(habit.value, other.key)) or bool(
        other.value and holds(other.value, habit.key)
    )


def _habit(
    aspect: StyleAspect,
    language: Language,
    value: str,
    fitting: Sequence[Seen],
    of: int,
    *,
    key: str = "",
) -> Habit:
    return Habit(
        aspect=aspect,
        language=language,
        value=value,
        key=key,
        evidence=len(fitting),
        of=of,
        last_seen_at=fitting[0].decided_at,
        draft_ids=tuple(one.draft_id for one in fitting[:_MOST_PHRASES]),
    )
