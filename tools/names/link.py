"""Linking the names in a question to what is in the store."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from tools.language import has_han
from tools.names.form import Token, tokens_of
from tools.names.index import FULL, LEADING, PERSONAL, SHORT, Hit, NameIndex
from tools.names.plausible import is_plausible
from tools.names.sources import NamedThing
from tools.names.words import is_ordinary

Span = tuple[int, int]

MAX_CHARS = 4000
MAX_CANDIDATES = 10
_LEVEL_SCORES = (100.0, 98.0, 95.0, 85.0, 75.0)
_DIMENSIONS = [
    "owner",
    "manager",
    "account",
    "contact",
    "product",
    "product_family",
    "team",
    "territory",
    "region",
    "stage",
    "industry",
    "source",
    "country",
    "city",
    "lost_reason",
    "competitor",
    "forecast_category",
    "opportunity",
    "lead_status",
    "case_category",
    "case_status",
    "case_priority",
]
_ORDER = {name: place for place, name in enumerate(_DIMENSIONS)}
_GAP = re.compile(r"[^\n?!;:。？！；：，、|]{0,3}")
_TYPO_WINDOW = 5


@dataclass(frozen=True)
class NameMention:
    """A name in the text at `span` (end excluded) and what it may mean, best first.

    `score` runs to 100; `exact` is False where typing errors were forgiven. `ambiguous` says that
    two different things of the best candidate's dimension fit equally well; candidates of other
    dimensions (a manager is an owner too) do not make it so.
    """

    span: Span
    text: str
    candidates: tuple[NamedThing, ...]
    score: float
    exact: bool
    ambiguous: bool


@dataclass(frozen=True)
class Linked:
    """The names found in one text, in its order, without overlaps."""

    mentions: tuple[NameMention, ...]


def find_names(text: str, index: NameIndex, *, exclude_spans: Sequence[Span] = ()) -> Linked:
    """Return the names in a text; words in `exclude_spans` (periods, amounts) are not looked at.

    The longest match wins, and a full name wins over a shortened or mistyped one. Only the first
    4,000 characters are read.
    """
    text = text[:MAX_CHARS]
    tokens = [
        token
        for token in tokens_of(text)
        if not any(token.start < end and start < token.end for start, end in exclude_spans)
    ]
    exact = _without_overlaps(_exact_mentions(text, tokens, index))
    typed = _typo_mentions(text, tokens, exact, index)
    return Linked(tuple(_without_overlaps([*exact, *typed])))


def _exact_mentions(text: str, tokens: list[Token], index: NameIndex) -> Iterator[NameMention]:
    for first in range(len(tokens)):
        longest = index.longest_from(tokens[first].key)
        for window in _windows(text, tokens, first, longest):
            keys = [token.key for token in window]
            for key in _spellings(keys):
                mention = index.has(key) and _mention(text, window, index.hits(key), 0)
                if mention:
                    yield mention
                    break


def _windows(text: str, tokens: list[Token], first: int, longest: int) -> Iterator[list[Token]]:
    for last in range(first, min(first + longest, len(tokens))):
        if last > first:
            gap = text[tokens[last - 1].end : tokens[last].start]
            if not _GAP.fullmatch(gap):
                return
        yield tokens[first : last + 1]


def _spellings(keys: list[str]) -> Iterator[str]:
    key = "".join(keys)
    yield key
    # A plural of a name: "GTX Pros", "boxes".
    if key.isascii() and len(keys[-1]) > 3 and key.endswith("s") and not key.endswith("ss"):
        yield key[:-1]
        if key.endswith("es"):
            yield key[:-2]


def _mention(text: str, window: list[Token], hits: list[Hit], edits: int) -> NameMention | None:
    plausible = [hit for hit in hits if is_plausible(text, window, hit)]
    best = _best(plausible)
    if not best:
        return None
    span = (window[0].start, window[-1].end)
    size = sum(len(token.key) for token in window)
    things = tuple(hit.thing for hit in best)
    rivals = [thing for thing in things if thing.dimension == things[0].dimension]
    return NameMention(
        span=span,
        text=text[span[0] : span[1]],
        candidates=things[:MAX_CANDIDATES],
        score=_LEVEL_SCORES[best[0].level] * (1 - edits / size),
        exact=edits == 0,
        ambiguous=len(rivals) > 1,
    )


def _best(hits: list[Hit]) -> list[Hit]:
    if not hits:
        return []
    lowest = min(hit.level for hit in hits)
    limit = SHORT if lowest <= SHORT else lowest
    if lowest == PERSONAL:
        has_user = any(hit.thing.dimension == "owner" and hit.level == PERSONAL for hit in hits)
        hits = [hit for hit in hits if not (has_user and hit.thing.dimension == "contact")]
    levels: dict[str, int] = {}
    for hit in hits:
        dimension = hit.thing.dimension
        levels[dimension] = min(hit.level, levels.get(dimension, LEADING))
    kept = [hit for hit in hits if hit.level <= limit and hit.level == levels[hit.thing.dimension]]
    unique = {hit.thing: hit for hit in kept}.values()
    return sorted(unique, key=lambda hit: (hit.level > FULL + 1, _ORDER[hit.thing.dimension]))


def _typo_mentions(
    text: str, tokens: list[Token], exact: list[NameMention], index: NameIndex
) -> Iterator[NameMention]:
    covered = [mention.span for mention in exact if mention.score > 80]
    choices: list[list[tuple[str, int]]] = []
    for token in tokens:
        is_known = any(start <= token.start < end for start, end in covered)
        choice = [(token.key, 0)]
        if not is_known and token.key.isascii() and not is_ordinary(token.key):
            choice += index.corrections(token.key)
        choices.append(choice)
    for first in range(len(tokens)):
        for window in _windows(text, tokens, first, _TYPO_WINDOW):
            options = choices[first : first + len(window)]
            if any(len(option) > 1 for option in options):
                mention = _typo_mention(text, window, options, index)
                if mention:
                    yield mention


def _typo_mention(
    text: str, window: list[Token], options: list[list[tuple[str, int]]], index: NameIndex
) -> NameMention | None:
    found: list[tuple[int, list[Hit]]] = []
    for combination in product(*(option[:3] for option in options)):
        edits = sum(distance for _, distance in combination)
        key = "".join(word for word, _ in combination)
        if edits and index.has(key):
            hits = [hit for hit in index.hits(key) if _is_typo_of(window, hit, edits)]
            found.append((edits, hits))
    found = [(edits, hits) for edits, hits in found if hits]
    if not found:
        return None
    fewest = min(edits for edits, _ in found)
    nearest = [hit for edits, hits in found if edits == fewest for hit in hits]
    return _mention(text, window, nearest, fewest)


def _is_typo_of(window: list[Token], hit: Hit, edits: int) -> bool:
    size = sum(len(token.key) for token in window)
    is_person = hit.thing.dimension in ("owner", "manager", "contact")
    if hit.level >= PERSONAL:
        # A near first name is as likely another person (Maria, Marie).
        return not is_person and size >= 7 and edits == 1
    return size >= 8 * edits if is_person else not has_han(hit.thing.name)


def _without_overlaps(mentions: Iterator[NameMention] | list[NameMention]) -> list[NameMention]:
    kept: list[NameMention] = []
    for mention in sorted(mentions, key=_rank):
        start, end = mention.span
        if all(end <= other.span[0] or start >= other.span[1] for other in kept):
            kept.append(mention)
    return sorted(kept, key=lambda mention: mention.span)


def _rank(mention: NameMention) -> tuple[int, float, int]:
    start, end = mention.span
    return (start - end, -mention.score, start)
