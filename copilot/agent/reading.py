"""What code finds in a question before any model sees it: names, periods, amounts, cues."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib import resources
from typing import Literal, cast

import yaml

from copilot.agent.phrases import Phrasebook, PhraseMatch, overlaps, tokens
from copilot.agent.values import value_mentions
from crm.index.terms import terms_of
from crm.metrics.catalog import catalog
from crm.period import FiscalCalendar
from tools.language import Language, detect_language
from tools.names import Linked, NameIndex, NameMention, find_names, unknown_names
from tools.periods import PeriodMention, find_periods
from tools.quantities import QuantityMention, RankMention, find_quantities, find_rank

# Aliases such as "which region" or "by quarter" would hide their first word from the code that
# reads it.
_ASKING = re.compile(
    r"which|what|who|why|where|when|how|by |per |each |every |哪|谁|什么|为什么|按|每|各",
    re.IGNORECASE,
)
_SELF = re.compile(
    r"\b(?:my|mine)\b|\b(?:did|do|have|am) i\b"
    r"|\bi (?:have|had|won|win|lost|lose|own|close[ds]?|sold|sell|made|do|did|am)\b"
    r"|(?<![帮给让请诉])我(?!们|想|要知道)",
    re.IGNORECASE,
)
_AROUND = frozenset({"route", "side", "intent"})
_CHANNELS = frozenset({"calls", "emails", "meetings"})
# Nouns that are counted by a measure of their own rather than grouped by. These measures, like
# "opportunities" and "amount", are understood from noun, status and intent, not from one phrase.
COMPOSED = {
    "opportunities", "won_deals", "lost_deals", "open_opportunities", "closed_deals",
    "slipped_deals", "amount", "slipped_amount",
}  # fmt: skip
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
    asker: str = ""
    competitors: tuple[str, ...] = ()

    @property
    def speaks_of_asker(self) -> bool:
        """Say whether "I", "my" or 我 stands for the one who asks."""
        return bool(self.asker) and _SELF.search(self.text) is not None

    @property
    def topic(self) -> str:
        """The question without names, dates and cues, as words to search conversations for."""
        spans = [m.span for m in self.names]
        spans += [(p.start_char, p.end_char) for p in self.periods]
        spans += [(c.start, c.end) for c in self.cues if c.section in _AROUND or c.key in _CHANNELS]
        kept = "".join(
            " " if overlaps(at, at + 1, spans) else char for at, char in enumerate(self.text)
        )
        plain = phrasebook(self.language)
        words = [word for word in terms_of(kept) if not plain.is_filler(word)]
        return " ".join([*words, *self.competitors]) or self.text

    @property
    def said_names(self) -> list[str]:
        """The names in the question, as typed and as the CRM has them."""
        said = [mention.text for mention in self.names]
        return said + [thing.name for mention in self.names for thing in mention.candidates[:1]]

    def keys(self, section: str) -> list[str]:
        """Return the distinct meanings found in a section, in the order of the question."""
        return list(dict.fromkeys(cue.key for cue in self.cues if cue.section == section))

    def has(self, section: str, *keys: str) -> bool:
        """Say whether any of the meanings was found."""
        return any(cue.section == section and cue.key in keys for cue in self.cues)


def read_question(
    text: str, index: NameIndex, *, today: date, calendar: FiscalCalendar, asker: str = ""
) -> Reading:
    """Take a question apart; nothing here calls a model or changes anything.

    Misspelt cue words are read as what they must be; `asker` is the name that "my" stands for.
    """
    first = _read(text, index, today=today, calendar=calendar, asker=asker)
    mended = _mended(first)
    if mended == text:
        return first
    return _read(mended, index, today=today, calendar=calendar, asker=asker)


def _mended(reading: Reading) -> str:
    text = reading.text
    for word in reading.residue:
        close = phrasebook(reading.language).spelling(word.lower())
        if close is not None and word.islower():
            text = re.sub(rf"\b{re.escape(word)}\b", close, text)
    return text


def _read(
    text: str, index: NameIndex, *, today: date, calendar: FiscalCalendar, asker: str
) -> Reading:
    language = detect_language(text)
    periods = tuple(find_periods(text, today=today, calendar=calendar, language=language))
    period_spans = [(p.start_char, p.end_char) for p in periods]
    linked = find_names(text, index, exclude_spans=period_spans)
    book = phrasebook(language)
    plain = book.find(text)
    names = tuple(mention for mention in linked.mentions if not _is_a_cue(mention, plain))
    spans = period_spans + [m.span for m in names]
    quantities = tuple(
        q for q in find_quantities(text, exclude_spans=period_spans) if not overlaps(*q.span, spans)
    )
    rank = find_rank(text)
    if rank is not None and overlaps(*rank.span, spans):
        rank = None
    taken = spans + [q.span for q in quantities]
    cues = tuple(_as_created(cue) for cue in book.find(text, taken))
    values = value_mentions(text, index, cues, taken)
    deal = _partly_named_deal(text, index, names, cues, taken)
    if values or deal:
        named = (m for m in names if not deal or m.candidates[0].dimension != "account")
        names = (*named, *values, *deal)
        taken += [mention.span for mention in (*values, *deal)]
        cues = tuple(_as_created(cue) for cue in book.find(text, taken))
    if rank is None:
        rank = _said_otherwise(cues)
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
        asker=asker,
        competitors=_competitors(index, cues),
    )


_SECTIONS = (
    "unsupported", "route", "status", "measure", "noun", "intent", "side", "missing",
)  # fmt: skip
_RANKS: dict[str, tuple[Literal["asc", "desc"], int]] = {
    "extreme": ("desc", 1), "extreme_low": ("asc", 1), "second": ("desc", 2), "third": ("desc", 3),
}  # fmt: skip
_PLAIN = frozenset({"status", "measure", "noun", "intent", "route", "filler"})


def _competitors(index: NameIndex, cues: Iterable[PhraseMatch]) -> tuple[str, ...]:
    """Return the competitors' names where the question speaks of them without naming one."""
    if not any(cue.section == "noun" and cue.key == "competitor" for cue in cues):
        return ()
    return tuple(thing.name for thing in index.things("competitor"))[:12]


def _as_created(cue: PhraseMatch) -> PhraseMatch:
    """Take "opened in May" for when a deal began, not for its being open still."""
    if cue.section == "status" and cue.text.lower() == "opened":
        return replace(cue, section="filler", key="filler")
    return cue


def _said_otherwise(cues: Iterable[PhraseMatch]) -> RankMention | None:
    """Return the ranking that "main", "most common" and the like ask for."""
    for cue in cues:
        if cue.section == "intent" and cue.key in _RANKS:
            direction, ordinal = _RANKS[cue.key]
            return RankMention((cue.start, cue.end), cue.text, 1, direction, ordinal)
    return None


def _partly_named_deal(
    text: str,
    index: NameIndex,
    names: Sequence[NameMention],
    cues: Iterable[PhraseMatch],
    taken: list[tuple[int, int]],
) -> list[NameMention]:
    """Return the one deal meant by an account and words of the deal's name, if there is one."""
    accounts = [m.candidates[0] for m in names if m.candidates[0].dimension == "account"]
    covered = taken + [(cue.start, cue.end) for cue in cues]
    left = [t for t in tokens(text) if not overlaps(t.start, t.end, covered)]
    if len(accounts) != 1 or not left or detect_language(text) == "zh":
        return []
    span = (left[0].start, left[-1].end)
    if any(span[0] < end and start < span[1] for start, end in taken):
        return []
    words = [text[token.start : token.end] for token in left]
    deals = index.deals_with(accounts[0].name, words)
    ending = [deal for deal in deals if deal.name.lower().endswith(" ".join(words).lower())]
    deals = ending if len(deals) > 1 else deals
    if len(deals) != 1:
        return []
    return [NameMention(span, text[slice(*span)], (deals[0],), 95.0, exact=True, ambiguous=False)]


def _is_a_cue(mention: NameMention, cues: Iterable[PhraseMatch]) -> bool:
    """A stage called "Won" or an industry called "sales" does not hijack the plain word."""
    start, end = mention.span
    for cue in cues:
        covers = cue.start <= start and cue.end >= end
        if covers and cue.section in _PLAIN:
            only_loose = all(
                thing.dimension in {"stage", "source", "lost_reason", "industry", "status"}
                for thing in mention.candidates
            )
            literal = any(
                thing.name.lower() == mention.text.lower() for thing in mention.candidates
            )
            longer = cue.end - cue.start > end - start
            loose = only_loose and cue.section in {"status", "measure", "intent", "noun"}
            if longer or (loose and not (literal and cue.section == "measure")):
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
    languages: tuple[Language, ...] = ("en",) if language == "en" else ("zh", "en")
    words = {code: _words(code) for code in languages}
    for section in _SECTIONS:
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
            if name in COUNTED.values() or name in COMPOSED:
                continue
            own[name] = [*own.get(name, []), measure.label[language], *measure.aliases[language]]
    if section == "noun":
        own = {key: [p for p in phrases if not _ASKING.match(p)] for key, phrases in own.items()}
        for name, dimension in catalog().dimensions.items():
            if dimension.kind == "number":
                continue
            plain = [alias for alias in dimension.aliases[language] if not _ASKING.match(alias)]
            own[name] = [*own.get(name, []), *plain]
    return own


def _words(language: str) -> dict[str, object]:
    path = resources.files("copilot.agent") / "words" / f"{language}.yaml"
    loaded: dict[str, object] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded
