"""Topics with time spans: where the words change (TextTiling, Hearst 1997), named by its terms."""

import math
import re
from collections import Counter
from collections.abc import Sequence

from copilot.writers.calls.cues import word_list
from copilot.writers.calls.notes import Line, NoteDraft
from crm.index.passages import length_of
from crm.index.terms import is_stop_word, terms_of
from crm.models import NoteKind

_BLOCK_WORDS = 90.0
_LEAST_WORDS = 110.0
_MOST_TOPICS = 14
_TITLE_TERMS = 3
_DEPTH_SHARE = 0.4
_HAN = re.compile(r"[\u3400-\u9fff]")
_DIGITS = re.compile(r"\d+")


def find_topics(lines: Sequence[Line]) -> list[NoteDraft]:
    """Return the topics in order; together they cover the conversation, each citing its lines.

    A topic's text are its most telling terms as they were said; short talks have one.
    """
    lines = [line for line in lines if line.text.strip()]
    if not lines:
        return []
    names = {term for line in lines for term in terms_of(line.speaker)}
    terms = [[each for each in _telling(line.text) if each not in names] for line in lines]
    edges = _edges(lines, terms)
    spans = list(zip([0, *edges], [*edges, len(lines)], strict=True))
    whole = Counter(term for line in terms for term in line)
    found = []
    for first, last in spans:
        title = _title(lines[first:last], terms[first:last], whole)
        if title:
            found.append(_note(lines[first:last], title))
    return found


def _telling(text: str) -> list[str]:
    if _HAN.search(text):
        return [word for word, tag in _tagged(text) if _is_noun(word, tag)]
    return [
        term
        for term in terms_of(text)
        if len(term) > 1
        and term not in word_list("no_topics")
        and not is_stop_word(term)
        and not _DIGITS.search(term)
    ]


def _tagged(text: str) -> list[tuple[str, str]]:
    import rjieba

    tagged: list[tuple[str, str]] = rjieba.tag(text)
    return tagged


def _is_noun(word: str, tag: str) -> bool:
    is_named = tag.startswith(("n", "vn", "eng", "j")) and tag != "nr"
    return (
        is_named
        and len(word) > 1
        and word not in word_list("no_topics")
        and not _DIGITS.search(word)
    )


def _edges(lines: Sequence[Line], terms: Sequence[Sequence[str]]) -> list[int]:
    """Return where topics begin, but for the first, deepest valleys of cohesion first."""
    weights = [length_of(line.text) for line in lines]
    total = sum(weights)
    if total < 2 * _LEAST_WORDS:
        return []
    cohesion = [_cohesion(terms, weights, gap) for gap in range(1, len(lines))]
    depths = _depths(cohesion)
    mean = sum(depths) / len(depths)
    spread = math.sqrt(sum((depth - mean) ** 2 for depth in depths) / len(depths))
    floor = mean + _DEPTH_SHARE * spread
    ranked = sorted(range(len(depths)), key=lambda gap: (-depths[gap], gap))
    starts = [sum(weights[: gap + 1]) for gap in range(len(depths))]
    least = max(_LEAST_WORDS, total / (2 * _MOST_TOPICS))
    chosen: list[int] = []
    for gap in ranked:
        if depths[gap] <= floor or len(chosen) >= _MOST_TOPICS - 1:
            break
        places = [0.0, total, *(starts[other] for other in chosen)]
        if min(abs(starts[gap] - place) for place in places) >= least:
            chosen.append(gap)
    return sorted(gap + 1 for gap in chosen)


def _cohesion(terms: Sequence[Sequence[str]], weights: Sequence[float], gap: int) -> float:
    before = _block(terms, weights, range(gap - 1, -1, -1))
    after = _block(terms, weights, range(gap, len(terms)))
    shared = sum(before[term] * after[term] for term in before)
    norm = math.sqrt(sum(n * n for n in before.values()) * sum(n * n for n in after.values()))
    return shared / norm if norm else 0.0


def _block(terms: Sequence[Sequence[str]], weights: Sequence[float], places: range) -> Counter[str]:
    block: Counter[str] = Counter()
    taken = 0.0
    for place in places:
        block.update(terms[place])
        taken += weights[place]
        if taken >= _BLOCK_WORDS:
            break
    return block


def _depths(cohesion: Sequence[float]) -> list[float]:
    """Return how deep each gap lies below the peaks to its left and right."""
    depths = []
    for place, value in enumerate(cohesion):
        left = right = value
        for other in range(place - 1, -1, -1):
            if cohesion[other] < left:
                break
            left = cohesion[other]
        for other in range(place + 1, len(cohesion)):
            if cohesion[other] < right:
                break
            right = cohesion[other]
        depths.append(left + right - 2 * value)
    return depths


def _title(lines: Sequence[Line], terms: Sequence[Sequence[str]], whole: Counter[str]) -> str:
    here = Counter(term for line in terms for term in line)
    size, total = sum(here.values()), sum(whole.values())

    def salience(term: str) -> float:
        expected = whole[term] * size / total
        return here[term] * math.log1p(here[term] / expected) * min(len(term), 4)

    ranked = sorted(here, key=lambda term: (-salience(term), term))
    chosen: list[str] = []
    for term in ranked:
        if any(term in other or other in term for other in chosen):
            continue
        chosen.append(term)
        if len(chosen) == _TITLE_TERMS:
            break
    text = " ".join(line.text for line in lines)
    return " · ".join(_as_said(term, text) for term in chosen)


def _as_said(term: str, text: str) -> str:
    found = re.search(rf"(?<![a-z0-9]){re.escape(term)}[a-zà-ɏ]{{0,3}}", text, re.IGNORECASE)
    if not term.isascii() or found is None:
        return term
    word = found.group()
    return word if word[1:] != word[1:].lower() or word == word.lower() else word.lower()


def _note(lines: Sequence[Line], title: str) -> NoteDraft:
    ends = [line.end_ms for line in lines if line.end_ms is not None]
    return NoteDraft(
        kind=NoteKind.TOPIC,
        text=title,
        segments=(lines[0].position, lines[-1].position),
        start_ms=lines[0].start_ms,
        end_ms=ends[-1] if ends else None,
    )
