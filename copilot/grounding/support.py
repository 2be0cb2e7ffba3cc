"""Everything that cited facts carry, read once: figures, dates, times, names and their words."""

import re
import unicodedata
from bisect import bisect
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property, lru_cache

from copilot.grounding import clock, dates, measures, names, quantities
from copilot.grounding.binding import Bound, bind
from copilot.grounding.clauses import tokenise
from copilot.grounding.quantities import Quantity
from copilot.grounding.sentences import ProblemKind
from copilot.grounding.spoken import quote_start, read_said
from crm.facts import Fact, FactKind
from crm.period import FiscalCalendar, Period

_EVENTS = frozenset({FactKind.SEGMENT, FactKind.EMAIL, FactKind.ACTIVITY})
_ISO_DAY = re.compile(r"\b(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d)\b")
_YEAR = re.compile(r"(?<![\d.,/-])(20\d\d)(?![\d/-]|,\d|\.\d)")
NOUN_KINDS = (
    ProblemKind.AMOUNT, ProblemKind.PERCENTAGE, ProblemKind.NUMBER, ProblemKind.DURATION,
)  # fmt: skip


def even(text: str) -> str:
    """Return the text in one width, without spaces between Chinese characters and digits."""
    text = unicodedata.normalize("NFKC", text) if re.search(r"[０-９Ａ-Ｚａ-ｚ]", text) else text
    return re.sub(r"(?<=\d) (?=[\u4e00-\u9fff])|(?<=[\u4e00-\u9fff]) (?=\d)", "", text)


@dataclass(frozen=True)
class Figure:
    """A quantity with the words that it belongs to."""

    quantity: Quantity
    bound: Bound


@dataclass(frozen=True)
class Dated:
    """A date as a fact states it with the words that it belongs to."""

    mention: dates.DateMention
    bound: Bound


@dataclass(frozen=True)
class Named:
    """A name with the words that belong to it."""

    name: str
    bound: Bound


@dataclass
class Reading:
    """What one text holds, read once.

    `text` is even, `base` the day from which it counts; `known` are names to look for, whose
    digits count nothing. Words that somebody said are told apart from what stands before them.
    """

    text: str
    base: date
    known: tuple[str, ...] = ()
    mentions: list[dates.DateMention] = field(default_factory=list)
    minutes: set[int] = field(default_factory=set)
    quantities: list[Quantity] = field(default_factory=list)
    counted: list[Quantity] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read the text."""
        _, rest = names.find_addresses(self.text)
        self.mentions, rest = dates.find_dates(rest, self.base)
        moments, rest = clock.find_times(rest)
        self.minutes = {minute for moment in moments for minute in moment.minutes}
        _, uncoded = names.find_codes(rest)
        plain = quantities.find_quantities(without_digits(uncoded, self.known))[0]
        self.counted = as_money(self.text, plain)
        in_codes = quantities.find_quantities(rest)[0] if uncoded != rest else []
        self.quantities = [*plain, *(each for each in self.counted if each not in plain)]
        self.quantities += elided(self.text, plain)
        self.quantities += [each for each in in_codes if each not in plain]

    @cached_property
    def figures(self) -> list[Figure]:
        """The quantities with the words that they belong to."""
        return bind_figures(self.text, self.counted, self.mentions, known=self.known, is_fact=True)

    @cached_property
    def dated(self) -> list[Dated]:
        """The dates with the words that they belong to."""
        return bind_dates(self.text, self.mentions, self.counted, known=self.known, is_fact=True)

    @cached_property
    def named(self) -> list[Named]:
        """The names with the words that belong to them; a speaker owns what no name in it owns."""
        text = self.text
        for mention in self.mentions:
            text = quantities.blank(text, mention.start, mention.end)
        cut = quote_start(self.text)
        found = bind_names(text[cut:], self.known)
        if not cut:
            return self._of_record(found)
        owned = frozenset[str]().union(*(each.bound.words for each in found))
        words = frozenset(token.text for token in tokenise(text[cut:])) - owned
        head = names.find_names(text[:cut], self.known)
        if head and head[0].raw.isascii():
            spoken = name_speaker(text[cut:], head[0].raw)
            found = bind_names(spoken, (*self.known, head[0].raw))
            owned = frozenset[str]().union(*(each.bound.words for each in found))
            words = frozenset(token.text for token in tokenise(spoken)) - owned
        speaker = [Named(each.raw, Bound(0, 0, words, is_head=True)) for each in head[:1]]
        return [*found, *speaker]

    def _of_record(self, found: list[Named]) -> list[Named]:
        """Return the names of a record; what one sentence of it says belongs to all in it."""
        ends = [match.end() for match in _RECORD_END.finditer(self.text)]
        shared: dict[int, frozenset[str]] = {}
        places = [bisect(ends, each.bound.start) for each in found]
        for place, each in zip(places, found, strict=True):
            shared[place] = shared.get(place, frozenset()) | each.bound.words
        return [
            Named(each.name, replace(each.bound, words=shared[place]))
            for place, each in zip(places, found, strict=True)
        ]


_RECORD_END = re.compile(r"[;；。]|\.(?=\s)")
_I_SUBJECT = re.compile(r"\bI(?=['’]ll\b| )|\bI(?=['’]m\b)|(?<![\u4e00-\u9fff]的)我(?!们|司|方|国)")


def name_speaker(text: str, who: str) -> str:
    """Return somebody's words with his name in place of "I"."""
    return _I_SUBJECT.sub(f" {who} ", text) if who else text


def without_digits(text: str, known: Sequence[str]) -> str:
    """Return the text without the digits in known names: a product's 4 counts nothing."""
    for name in known:
        if re.search(r"\d", name) and name in text:
            text = text.replace(name, re.sub(r"\d", " ", name))
    return text


def bind_names(text: str, known: Collection[str]) -> list[Named]:
    """Return each name of a text with the words that belong to it."""
    found = sorted(names.find_names(text, known), key=lambda each: each.start)
    spans = [(each.start, each.end) for each in found]
    bounds = bind(text, spans, ProblemKind.NAME.value, backward=True)
    return [Named(each.raw, bound) for each, bound in zip(found, bounds, strict=True)]


@lru_cache(maxsize=4096)
def read_text(text: str, base: date, known: tuple[str, ...]) -> Reading:
    """Return what a text holds; facts are read once however many sentences cite them."""
    return Reading(text, base, known)


_MONEY_NOUN = re.compile(
    r"(?:预算|报价|价格|费用|金额|总价|成本|合同额|单价|收入|营收|配额|首付|订金|投入)(?:是|为|约|大约|大概|差不多|在|到|共"
    r"|有|只有|就|定|定在|控制在|：|:|\s|人民币|总计|上限|不超过)*$"
)


_SAME_SENTENCE = re.compile(r"[。！？!?]")
_ANY_MONEY = re.compile(r"预算|报价|价格|费用|金额|总价|成本|合同额|单价|要|花|付|亏|赚|钱|报")


def _is_money(text: str, quantity: Quantity) -> bool:
    before = text[: quantity.start]
    if _MONEY_NOUN.search(before):
        return True
    # 预算是1.5亿，分给我们的也就1200万: a bare 万 that counts nothing, after a noun of money.
    is_bare = quantity.raw.endswith(("万", "亿")) and re.match(
        r"[\s，。、；,;？?！!”\"）)的]|$", text[quantity.end :]
    )
    return bool(is_bare and _ANY_MONEY.search(_SAME_SENTENCE.split(before)[-1]))


def as_money(text: str, found: Sequence[Quantity]) -> list[Quantity]:
    """Return the quantities with a bare 80万 behind a noun of money read as 80万元."""
    return [
        replace(each, kind=ProblemKind.AMOUNT, unit=frozenset(["CNY"]))
        if each.kind is ProblemKind.NUMBER and _is_money(text, each)
        else each
        for each in found
    ]


_NOTHING_COUNTED = re.compile(
    r"[\s]*(?:[.,;:!?，。；：！？、”\"’'）)/]|$|(?:to|or|and|but|than|instead|到|至|降|涨|升"
    r"|减|增|而|的)(?![a-z]))"
)
_BARE_MONEY = re.compile(r"[万亿]$")


def elided(text: str, found: Sequence[Quantity]) -> list[Quantity]:
    """Return bare numbers in the unit that they leave out: "12 months, not 36", "降到3.1万"."""
    twins: list[Quantity] = []
    for each in found:
        if each.kind is not ProblemKind.NUMBER or not is_bare(text, each):
            continue
        if _BARE_MONEY.search(each.raw):
            twins.append(replace(each, kind=ProblemKind.AMOUNT, unit=frozenset(["CNY"])))
        for other in found:
            if other is each or other.is_article:
                continue
            if other.kind is ProblemKind.AMOUNT and min(each.values) >= _LEAST_MONEY:
                twins.append(replace(each, kind=other.kind, unit=other.unit))
            if other.kind is ProblemKind.DURATION:
                factor = measures.unit_factor(other.raw)
                values = tuple(value * factor for value in each.values)
                twins.append(replace(each, kind=other.kind, unit=other.unit, values=values))
    return twins


_LEAST_MONEY = 100


def is_bare(text: str, quantity: Quantity) -> bool:
    """Say whether a number stands without the thing that it counts."""
    return bool(_NOTHING_COUNTED.match(text[quantity.end :]))


def bind_figures(
    text: str,
    found: Sequence[Quantity],
    days: Sequence[dates.DateMention],
    *,
    known: Collection[str] = (),
    is_fact: bool = False,
) -> list[Figure]:
    """Return each quantity with its words; only quantities of a kind compete for a word."""
    figures: list[Figure] = []
    busy = [(each.start, each.end) for each in found] + [(each.start, each.end) for each in days]
    for kind in NOUN_KINDS:
        of_kind = sorted(
            (each for each in found if each.kind is kind and not _is_idle(each)),
            key=lambda each: each.start,
        )
        spans = [(each.start, each.end) for each in of_kind]
        bounds = _bind_said(text, spans, kind.value, busy, known, is_fact=is_fact)
        figures += [Figure(*pair) for pair in zip(of_kind, bounds, strict=True)]
    return figures


def _bind_said(
    text: str,
    spans: Sequence[tuple[int, int]],
    kind: str,
    busy: Sequence[tuple[int, int]],
    known: Collection[str],
    *,
    is_fact: bool,
) -> list[Bound]:
    """Bind what stands before quoted words and the words themselves apart from one another."""
    cut = quote_start(text) if is_fact else 0
    head = [span for span in spans if span[0] < cut]
    before = bind(text[:cut], head, kind, busy=busy, known=known)
    blanked = " " * cut + text[cut:]
    after = bind(blanked, spans[len(head) :], kind, busy=busy, inherit=is_fact, known=known)
    return [*(replace(each, is_head=True) for each in before), *after]


def _is_idle(quantity: Quantity) -> bool:
    """Say whether this counts nothing: an article, or a bare year."""
    is_year = quantity.kind is ProblemKind.NUMBER and re.fullmatch(r"(?:19|20)\d\d", quantity.raw)
    return quantity.is_article or bool(is_year)


def bind_dates(
    text: str,
    found: Sequence[dates.DateMention],
    counted: Sequence[Quantity],
    *,
    known: Collection[str] = (),
    is_fact: bool = False,
) -> list[Dated]:
    """Return each date with the words that it belongs to."""
    ordered = sorted(found, key=lambda each: each.start)
    spans = [(each.start, each.end) for each in ordered]
    busy = [(each.start, each.end) for each in counted]
    bounds = _bind_said(text, spans, ProblemKind.DATE.value, busy, known, is_fact=is_fact)
    return [Dated(*pair) for pair in zip(ordered, bounds, strict=True)]


_DEADLINE_BEFORE = re.compile(r"\b(?:by|until|till|before|from|starting|after)(?: the)?\s*$", re.I)
_DEADLINE_AFTER = re.compile(r"\s*(?:之前|以前|前|起|开始|截止|到期)")


def deadlines(reading: Reading) -> list[Period]:
    """Return the coming day that a deadline without a year means, besides the nearest one."""
    found = []
    for mention in reading.mentions:
        text = reading.text
        is_deadline = _DEADLINE_BEFORE.search(text[: mention.start]) or _DEADLINE_AFTER.match(
            text[mention.end :]
        )
        if is_deadline and len(mention.periods) > 1:
            coming = [each for each in mention.periods if each.start >= reading.base]
            found += coming[:1]
    return found


class Support:
    """Everything that the cited facts carry."""

    def __init__(self, facts: Sequence[Fact], today: date, known: Collection[str] = ()) -> None:
        """Read the facts as they are seen on a day; `known` are names to look for."""
        self.facts = facts
        self.today = today
        self.said = [said for fact in facts if (said := read_said(fact)) is not None]
        self.known = tuple(sorted(known))
        self.quantities: list[Quantity] = []
        self.periods: list[Period] = []
        self.minutes: set[int] = set()
        self.readings: list[Reading] = []
        self.raw = " \n ".join(self._read(fact, today) for fact in facts)
        self.folded = names.fold(self.raw)

    def _read(self, fact: Fact, today: date) -> str:
        if isinstance(fact.value, int | float):
            self.quantities += measures.fact_quantities(float(fact.value), fact.unit, fact.currency)
        value = fact.value if isinstance(fact.value, str) else ""
        reading = read_text(
            even(f"{fact.text} {value}".rstrip()), self._day_of(fact, today), self.known
        )
        self.readings.append(reading)
        self.periods += [period for mention in reading.mentions for period in mention.stated]
        self.periods += deadlines(reading)
        self.periods += [FiscalCalendar().year(int(year)) for year in _YEAR.findall(reading.text)]
        self.minutes |= reading.minutes
        for moment in clock.find_times(fact.source)[0]:
            self.minutes |= moment.minutes
        self.quantities += reading.quantities
        return reading.text

    def _day_of(self, fact: Fact, today: date) -> date:
        """Return the day from which the fact's "tomorrow" counts: for quoted words their own."""
        day = fact.as_of.date() if fact.as_of else today
        if fact.kind in _EVENTS:
            written = _ISO_DAY.search(fact.text)
            return date.fromisoformat(written.group()) if written else day
        if fact.as_of:
            self.periods.append(Period(day, day))
        return day

    @cached_property
    def figures(self) -> list[Figure]:
        """Every quantity of the facts' texts with its words."""
        return [figure for reading in self.readings for figure in reading.figures]

    @cached_property
    def dated(self) -> list[Dated]:
        """Every date of the facts' texts with its words."""
        return [dated for reading in self.readings for dated in reading.dated]

    @cached_property
    def named(self) -> list[Named]:
        """Every name of the facts' texts with its words."""
        return [named for reading in self.readings for named in reading.named]
