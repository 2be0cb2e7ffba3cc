"""What code finds in a question before any model sees it: names, periods, amounts, cues."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import cast

import yaml

from copilot.agent.phrases import Phrasebook, PhraseMatch, overlaps, tokens
from crm.metrics.catalog import catalog
from crm.period import FiscalCalendar
from tools.language import Language, detect_language
from tools.names import Linked, NameIndex, NameMention, find_names, unknown_names
from tools.periods import PeriodMention, find_periods
from tools.quantities import QuantityMention, RankMention, find_quantities, find_rank

# Nouns that are counted by a measure of their own rather than grouped by. These measures, like
# "opportunities" and "amount", are understood from noun, status and intent, not from one phrase.
COUNTED = {
    "account": "accounts",
    "contact": "contacts",
    "owner": "reps",
    "product": "products",
}


@dataclass(frozen=True)
class Reading:
    """A question taken apart. `residue` holds the words that nothing here could explain."""

    text: str
    language: Language
    names: tuple[NameMention, ...]
    unknown: tuple[str, ...]
    periods: tuple[PeriodMention, ...]
    quantities: tuple[QuantityMention, ...]
    rank: RankMention | None
    cues: tuple[PhraseMatch, ...]
    residue: tuple[str, ...]

    @property
    def topic(self) -> str:
        """The question without names, dates and cues, as words to search conversations for."""
        spans = [m.span for m in self.names]
        spans += [(p.start_char, p.end_char) for p in self.periods]
        spans += [
            (cue.start, cue.end) for cue in self.cues if cue.section in {"route", "side", "filler"}
        ]
        left = [t for t in tokens(self.text) if not overlaps(t.start, t.end, spans)]
        words = [self.text[t.start : t.end] for t in left]
        joined = "".join(words) if self.language == "zh" else " ".join(words)
        return joined or self.text

    def keys(self, section: str) -> list[str]:
        """Return the distinct meanings found in a section, in the order of the question."""
        return list(dict.fromkeys(cue.key for cue in self.cues if cue.section == section))

    def has(self, section: str, *keys: str) -> bool:
        """Say whether any of the meanings was found."""
        return any(cue.section == section and cue.key in keys for cue in self.cues)


def read_question(text: str, index: NameIndex, *, today: date, calendar: FiscalCalendar) -> Reading:
    """Take a question apart; nothing here calls a model or changes anything."""
    language = detect_language(text)
    periods = tuple(find_periods(text, today=today, calendar=calendar, language=language))
    period_spans = [(p.start_char, p.end_char) for p in periods]
    linked = find_names(text, index, exclude_spans=period_spans)
    book = phrasebook(language)
    names = tuple(m for m in linked.mentions if not _is_a_cue(m, book.find(text)))
    spans = period_spans + [m.span for m in names]
    quantities = tuple(
        q for q in find_quantities(text, exclude_spans=period_spans) if not overlaps(*q.span, spans)
    )
    rank = find_rank(text)
    if rank is not None and overlaps(*rank.span, spans):
        rank = None
    taken = spans + [q.span for q in quantities]
    cues = tuple(book.find(text, taken))
    if rank is not None:
        taken.append(rank.span)
    return Reading(
        text=text,
        language=language,
        names=names,
        unknown=tuple(unknown_names(text, Linked(mentions=names), taken)),
        periods=periods,
        quantities=quantities,
        rank=rank,
        cues=cues,
        residue=tuple(_residue(text, cues, taken)),
    )


def _is_a_cue(mention: NameMention, cues: Iterable[PhraseMatch]) -> bool:
    """A stage called "Won" or an industry called "sales" does not hijack the plain word."""
    start, end = mention.span
    for cue in cues:
        covers = cue.start <= start and cue.end >= end
        if covers and cue.section in {"status", "measure", "noun", "intent", "route", "filler"}:
            only_loose = all(
                thing.dimension in {"stage", "source", "lost_reason", "industry", "status"}
                for thing in mention.candidates
            )
            longer = cue.end - cue.start > end - start
            if longer or (only_loose and cue.section in {"status", "measure", "intent"}):
                return True
    return False


def _residue(text: str, cues: Iterable[PhraseMatch], taken: list[tuple[int, int]]) -> Iterable[str]:
    covered = taken + [(cue.start, cue.end) for cue in cues]
    for token in tokens(text):
        if not overlaps(token.start, token.end, covered):
            yield text[token.start : token.end]


@cache
def phrasebook(language: Language) -> Phrasebook:
    """Return all cue phrases of a language, Chinese questions knowing the English ones too."""
    book = Phrasebook()
    order = ("unsupported", "route", "status", "measure", "noun", "intent", "side", "missing")
    languages: tuple[Language, ...] = ("en",) if language == "en" else ("zh", "en")
    words = {code: _words(code) for code in languages}
    for section in order:
        for code in languages:
            for key, phrases in _section(words[code], section, code).items():
                book.add(section, key, phrases)
    for code in languages:
        book.add("filler", "filler", cast("list[str]", words[code]["filler"]))
    return book


def _section(words: dict[str, object], section: str, language: str) -> dict[str, list[str]]:
    found = words.get(section, {})
    own = {section: found} if isinstance(found, list) else dict(found)  # type: ignore[call-overload]
    if section == "measure":
        for name, measure in catalog().measures.items():
            if name in COUNTED.values() or name in {"opportunities", "amount"}:
                continue
            own[name] = [*own.get(name, []), measure.label[language], *measure.aliases[language]]
    if section == "noun":
        for name, dimension in catalog().dimensions.items():
            own[name] = [*own.get(name, []), *dimension.aliases[language]]
    return own


def _words(language: str) -> dict[str, object]:
    path = resources.files("copilot.agent") / "words" / f"{language}.yaml"
    loaded: dict[str, object] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded
