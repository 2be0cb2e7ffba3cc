"""The verifier: every checkable claim in a sentence must stand in a fact that it cites."""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from copilot.grounding import dates, names, quantities
from copilot.grounding.names import NameMention
from copilot.grounding.perspective import check_perspective
from copilot.grounding.promises import check_negation, check_promises, check_speaker
from copilot.grounding.quantities import Quantity
from copilot.grounding.sentences import CitedSentence, Dropped, Problem, ProblemKind
from crm.facts import Fact, FactKind
from crm.period import Period

_MARKS = re.compile(r"\s*\[\s*F\d+(?:\s*,\s*F\d+)*\s*\]|^\s*(?:\d{1,2}[.)、]|[(（]\d{1,2}[)）])\s+")
_SOCIAL = re.compile(
    r"^\W*(?:(?:hi|hello|dear|thanks?|thank you|many thanks|best|kind|warm"
    r"|cheers|regards|sincerely|"
    r"(?:i|we) hope|hope|(?:i|we)(?:['’]m| am| are|['’]re)? (?:really )?(?:look"
    r"|appreciate|enjoyed)|"
    r"looking forward|it was|please (?:let|feel|do not)|let (?:me|us)|(?:i"
    r"|we)(?:['’]d| would) be (?:glad|happy)|"
    r"happy to|feel free|(?:i|we) (?:remain|am|are) (?:available|here))\b"
    r"|(?:您好|你好|感谢|谢谢|多谢|辛苦|期待|祝|顺祝|此致|如有|若有|如果您|希望"
    r"|很高兴|请随时|欢迎|盼|静候))",
    re.IGNORECASE,
)


_EVENTS = frozenset({FactKind.SEGMENT, FactKind.EMAIL, FactKind.ACTIVITY})
_ISO_DAY = re.compile(r"\b(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d)\b")


@dataclass(frozen=True)
class Pending:
    """A sentence whose only fault is a commitment that no approved fact carries; `what` it is."""

    sentence: CitedSentence
    what: str
    reason: str


@dataclass(frozen=True)
class Verified:
    """Sentences that hold, in order, those that were cut, and those that need a person's word."""

    kept: list[CitedSentence]
    dropped: list[Dropped]
    pending: list[Pending] = field(default_factory=list)


@dataclass(frozen=True)
class Ground:
    """What sentences are checked against.

    `known_names` are names to look for (accounts, people, products), `free_names` need no fact
    (sender and recipient). `outside` are ids of facts in the customer's words, which cannot carry
    a promise of ours; None takes every call segment and email for such. `approved` are ids of
    facts on which a commitment may rest (a quote, the price book, a policy); None asks for no
    approval. `attachments` are names of files that go with the text. `language` is that of the
    messages.
    """

    facts: Mapping[str, Fact]
    today: date
    language: str = "en"
    known_names: Collection[str] = ()
    free_names: Collection[str] = ()
    outside: Collection[str] | None = None
    approved: Collection[str] | None = None
    attachments: Collection[str] = ()

    def outside_ids(self) -> frozenset[str]:
        """Return the ids of the facts that hold somebody else's words."""
        if self.outside is not None:
            return frozenset(self.outside)
        quoted = {FactKind.SEGMENT, FactKind.EMAIL}
        return frozenset(key for key, fact in self.facts.items() if fact.kind in quoted)


def check_sentence(sentence: CitedSentence, ground: Ground) -> list[Problem]:
    """Return why a sentence may not be shipped; an empty list means that it holds."""
    unknown = [each for each in sentence.facts if each not in ground.facts]
    if unknown:
        return [Problem(ProblemKind.CITATION, each) for each in unknown]
    cited = [ground.facts[each] for each in sentence.facts]
    text = _even(_MARKS.sub("", sentence.text)).strip()
    problems = _unsupported(text, _Support(cited, ground.today), ground)
    problems += check_promises(text, cited, ground.outside_ids())
    problems += check_negation(text, cited)
    if ground.outside is not None:
        problems += check_speaker(text, sentence.facts, ground.outside)
        problems += check_perspective(text, cited, ground.outside)
    if not cited and not problems and not _needs_no_fact(text):
        return [Problem(ProblemKind.CITATION, text[:80])]
    return problems


def _even(text: str) -> str:
    """Return the text in one width, without spaces between Chinese characters and digits."""
    text = unicodedata.normalize("NFKC", text) if re.search(r"[０-９Ａ-Ｚａ-ｚ]", text) else text
    return re.sub(r"(?<=\d) (?=[\u4e00-\u9fff])|(?<=[\u4e00-\u9fff]) (?=\d)", "", text)


def _needs_no_fact(text: str) -> bool:
    return bool(_SOCIAL.match(text)) or text.endswith(("?", "？", ":", "："))


class _Support:
    """Everything that the cited facts carry, read once."""

    def __init__(self, facts: Sequence[Fact], today: date) -> None:
        self.quantities: list[Quantity] = []
        self.periods: list[Period] = []
        self.minutes: set[int] = set()
        self.raw = " \n ".join(self._read(fact, today) for fact in facts)
        self.folded = names.fold(self.raw)

    def _read(self, fact: Fact, today: date) -> str:
        base = self._day_of(fact, today)
        if isinstance(fact.value, int | float):
            found = quantities.fact_quantities(float(fact.value), fact.unit, fact.currency)
            self.quantities += found
        value = fact.value if isinstance(fact.value, str) else ""
        whole = _even(f"{fact.text} {value}")
        _, rest = names.find_addresses(whole)
        mentions, rest = dates.find_dates(rest, base)
        self.periods += [period for mention in mentions for period in mention.stated]
        moments, rest = dates.find_times(rest)
        self.minutes |= {minute for moment in moments for minute in moment.minutes}
        self._add_source_time(fact.source)
        _, uncoded = names.find_codes(rest)
        for part in {rest, uncoded}:
            self.quantities += quantities.find_quantities(part)[0]
        return whole

    def _day_of(self, fact: Fact, today: date) -> date:
        """Return the day from which the fact's "tomorrow" counts: for quoted words their own."""
        day = fact.as_of.date() if fact.as_of else today
        if fact.kind in _EVENTS:
            written = _ISO_DAY.search(fact.text)
            return date.fromisoformat(written.group()) if written else day
        if fact.as_of:
            self.periods.append(Period(day, day))
        return day

    def _add_source_time(self, source: str) -> None:
        for moment in dates.find_times(source)[0]:
            self.minutes |= moment.minutes


def _unsupported(text: str, support: _Support, ground: Ground) -> list[Problem]:
    addresses, rest = names.find_addresses(text)
    mentions, rest = dates.find_dates(rest, ground.today)
    phones, rest = names.find_phones(rest)
    problems = [
        Problem(ProblemKind.CONTACT, address)
        for address in [*addresses, *phones]
        if not _has_address(address, support.raw)
    ]
    problems += [
        Problem(ProblemKind.DATE, mention.raw)
        for mention in mentions
        if not _date_holds(mention, support, text)
    ]
    moments, rest = dates.find_times(rest)
    for moment in moments:
        if not moment.minutes & support.minutes:
            problems.append(Problem(ProblemKind.TIME, moment.raw))
    rest = _blank_free(rest, ground.free_names)
    codes, rest = names.find_codes(rest)
    problems += [each for code in codes for each in _check_code(code, support)]
    found, rest = quantities.find_quantities(rest)
    problems += [Problem(each.kind, each.raw) for each in found if not _holds(each, support)]
    problems += _check_names(names.find_names(rest, ground.known_names), support)
    return problems


def _has_address(address: str, raw: str) -> bool:
    if "@" in address or address[:1] in "hw":
        return address.rstrip("./").casefold() in raw.casefold()
    return re.sub(r"\D", "", address) in re.sub(r"[^\w]", "", raw)


def _date_holds(mention: dates.DateMention, support: _Support, text: str) -> bool:
    if any(dates.covers(mention, period) for period in support.periods):
        return True
    # "Could we talk next week?" proposes a time; it does not state one.
    return mention.is_vague and text.rstrip().endswith(("?", "？"))


def _holds(claim: Quantity, support: _Support) -> bool:
    if claim.is_article:
        return True
    if any(quantities.supports(fact, claim) for fact in support.quantities):
        return True
    is_year = claim.kind is ProblemKind.NUMBER and re.fullmatch(r"(?:19|20)\d\d", claim.raw)
    return bool(is_year) and any(period.start.year == int(claim.raw) for period in support.periods)


def _check_code(code: NameMention, support: _Support) -> list[Problem]:
    if names.stands_in(code.raw, support.folded):
        return []
    # "gave Northwind 50 seats": a name and a number that only happen to stand side by side.
    numbers, _ = quantities.find_quantities(code.number)
    head = code.raw[: -len(code.number)].strip(" -")
    is_pair = " " in code.raw and numbers and all(_holds(each, support) for each in numbers)
    if is_pair and len(head) > 4 and names.stands_in(head, support.folded):
        return []
    return [Problem(ProblemKind.NAME, code.raw)]


def _blank_free(text: str, free_names: Collection[str]) -> str:
    for name in sorted(free_names, key=len, reverse=True):
        for part in [name, *(name.split() if name.isascii() else [])]:
            if len(part) < 2:
                continue
            edges = r"(?<![A-Za-z]){}(?![A-Za-z])" if part.isascii() else "{}"
            for match in re.finditer(edges.format(re.escape(part)), text):
                text = quantities.blank(text, *match.span())
    return text


def _check_names(mentions: Iterable[NameMention], support: _Support) -> list[Problem]:
    return [
        Problem(ProblemKind.NAME, mention.raw)
        for mention in mentions
        if not names.stands_in(mention.raw, support.folded)
    ]


def verify(sentences: Sequence[CitedSentence], ground: Ground) -> Verified:
    """Return the sentences that hold and, with reasons, those that do not."""
    kept, failed = _sort(sentences, ground)
    return Verified(kept, [dropped for _, dropped in failed])


Rewrite = Callable[[Sequence[Dropped]], Sequence[CitedSentence]]


def verify_with_rewrite(
    rewrite: Rewrite, sentences: Sequence[CitedSentence], ground: Ground
) -> Verified:
    """Return the sentences that hold after those that failed were rewritten once, together.

    `rewrite` takes the failed sentences with reasons and returns their replacements in the same
    order; one that is missing or fails again is dropped, with the reason of its last version.
    """
    kept, failed = _sort(sentences, ground)
    if not failed:
        return Verified(kept, [])
    renewed = rewrite([dropped for _, dropped in failed])
    places: dict[int, CitedSentence] = {}
    dropped: list[Dropped] = []
    for index, (position, first) in enumerate(failed):
        again = renewed[index] if index < len(renewed) else None
        problems = check_sentence(again, ground) if again else []
        if again is None or problems:
            dropped.append(_drop(again, problems, ground) if again and problems else first)
        else:
            places[position] = again
    failing = {position for position, _ in failed}
    final = [
        places.get(position, sentence)
        for position, sentence in enumerate(sentences)
        if position in places or position not in failing
    ]
    return Verified(_without_repeats(final), dropped)


def _sort(
    sentences: Sequence[CitedSentence], ground: Ground
) -> tuple[list[CitedSentence], list[tuple[int, Dropped]]]:
    kept: list[CitedSentence] = []
    failed: list[tuple[int, Dropped]] = []
    for position, sentence in enumerate(sentences):
        problems = check_sentence(sentence, ground)
        if problems:
            failed.append((position, _drop(sentence, problems, ground)))
        else:
            kept.append(sentence)
    return kept, failed


def _drop(sentence: CitedSentence, problems: Sequence[Problem], ground: Ground) -> Dropped:
    reasons = dict.fromkeys(problem.message(ground.language) for problem in problems)
    return Dropped(text=sentence.text, reason="; ".join(reasons))


def _without_repeats(sentences: Iterable[CitedSentence]) -> list[CitedSentence]:
    return list({names.fold(sentence.text): sentence for sentence in sentences}.values())


def with_facts(ground: Ground, facts: Iterable[Fact]) -> Ground:
    """Return the ground over other facts, keyed by their ids."""
    return replace(ground, facts={fact.id: fact for fact in facts})
