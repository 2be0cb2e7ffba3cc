"""Finds plain words that are values of the CRM's own lists: "lost on price", "from referrals"."""

from collections.abc import Iterable, Sequence

from copilot.agent.phrases import Phrasebook, PhraseMatch
from tools.names import NamedThing, NameIndex, NameMention
from tools.names.words import equivalents

# A dimension's values are looked for only where the question speaks of its subject.
_CONTEXTS: dict[str, tuple[tuple[str, str], ...]] = {
    "lost_reason": (("status", "lost"),),
    "source": (),
    "forecast_category": (("measure", "pipeline"), ("status", "open"), ("noun", "opportunity")),
    "case_priority": (("measure", "case_count"), ("measure", "open_cases")),
    "case_category": (("measure", "case_count"), ("measure", "open_cases")),
}


def value_mentions(
    text: str, index: NameIndex, cues: Sequence[PhraseMatch], taken: Iterable[tuple[int, int]]
) -> list[NameMention]:
    """Return the list values that the text speaks of, by word stem and in either language."""
    said = {(cue.section, cue.key) for cue in cues}
    spans = list(taken)
    found: list[NameMention] = []
    for dimension, contexts in _CONTEXTS.items():
        if contexts and not said & set(contexts):
            continue
        things = {thing.name: thing for thing in index.things(dimension)}
        if not things:
            continue
        blocked = spans + (_plain_words(cues) if dimension == "forecast_category" else [])
        for match in _book(dimension, things.values()).find(text, blocked):
            asked_for = any(
                cue.section == "intent" and cue.key == "which" and 0 <= match.start - cue.end <= 1
                for cue in cues
            )
            if not asked_for:
                found.append(_mention(match, things[match.key]))
                spans.append((match.start, match.end))
    return found


def _plain_words(cues: Iterable[PhraseMatch]) -> list[tuple[int, int]]:
    """Categories are called Closed and Pipeline: the plain words mean status and measure first."""
    plain = {"status", "measure", "noun", "intent"}
    return [(cue.start, cue.end) for cue in cues if cue.section in plain]


def _book(dimension: str, things: Iterable[NamedThing]) -> Phrasebook:
    book = Phrasebook()
    others = equivalents().get(dimension, {})
    for thing in things:
        book.add(dimension, thing.name, [thing.name, *others.get(thing.name.lower(), ())])
    return book


def _mention(match: PhraseMatch, thing: NamedThing) -> NameMention:
    return NameMention(
        span=(match.start, match.end),
        text=match.text,
        candidates=(thing,),
        score=95.0,
        exact=True,
        ambiguous=False,
    )
