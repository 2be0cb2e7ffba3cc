"""The verifier: every checkable claim in a sentence must stand in a fact that it cites."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from copilot.grounding import clock, dates, measures, names, quantities
from copilot.grounding.acts import check_acts, check_quotations
from copilot.grounding.basis import check_basis, check_persons_named
from copilot.grounding.commitments import check_commitments
from copilot.grounding.giving import check_colleague, check_giver
from copilot.grounding.ground import Ground, with_facts
from copilot.grounding.names import NameMention
from copilot.grounding.persons import check_attribution, check_persons, check_third_person
from copilot.grounding.perspective import check_perspective
from copilot.grounding.polarity import check_polarity
from copilot.grounding.praise import check_praise
from copilot.grounding.promises import check_negation, check_promises, check_speaker
from copilot.grounding.quantities import Quantity
from copilot.grounding.rates import check_rates
from copilot.grounding.roles import check_dates, check_figures, check_people
from copilot.grounding.sentences import CitedSentence, Dropped, Problem, ProblemKind
from copilot.grounding.sides import check_sides
from copilot.grounding.support import Support, elided, even, without_digits
from crm.facts import Fact

__all__ = [
    "Ground",
    "Pending",
    "Verified",
    "check_sentence",
    "verify",
    "verify_with_rewrite",
    "with_facts",
]

_MARKS = re.compile(r"\s*\[\s*F\d+(?:\s*,\s*F\d+)*\s*\]|^\s*(?:\d{1,2}[.)、]|[(（]\d{1,2}[)）])\s+")
_NOWADAYS = frozenset({"today", "now", "目前", "现在", "如今"})
_OPENS_WITH_NOW = re.compile(
    r"^\W*(?:today,?|now,?|目前|现在|如今|今天)(?! we| I|我|开|会)", re.IGNORECASE
)
_SOCIAL = re.compile(
    r"^\W*(?:[A-Z]\w+(?: [A-Z]\w+)?, )?"
    r"(?:[\u4e00-\u9fff]{1,4}(?:总|经理|先生|女士|主任|工|老师)[，,：:]\s*)?(?:(?:hi|hello"
    r"|dear|thanks?"
    r"|thank you|many thanks|best|kind|warm"
    r"|cheers|regards|sincerely|"
    r"(?:i|we) hope|hope|(?:i|we)(?:['’]m| am| are|['’]re)? (?:really )?(?:look"
    r"|appreciate|enjoyed)|"
    r"if (?:anything|you have|there is anything)|see you|talk to you|until then|all the best"
    r"|sorry|apologies|my apologies|congratulations|wishing|just (?:give|call|let|drop|write)"
    r"|have a|enjoy|"
    r"looking forward|it was|please (?:let|feel|do not)|let (?:me|us)|(?:i"
    r"|we)(?:['’]d| would) be (?:glad|happy)|"
    r"happy to|feel free|(?:i|we) (?:remain|am|are) (?:available|here))\b"
    r"|就[^，。]{0,20}(?:邮件|来信|通话|电话|沟通|会议)[^，。]{0,4}，[^，。]{0,10}(?:跟进|回复|沟通|汇报|说明)"
    r"|(?:您好|你好|感谢|谢谢|多谢|辛苦|期待|祝|顺祝|此致|如有|若有|如果您|希望"
    r"|很高兴|再次|辛苦|抱歉|不好意思|打扰|恭喜|有任何|随时|周末愉快|顺颂|谨启|敬请|请随时|欢迎|盼|静候))",
    re.IGNORECASE,
)


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


def check_sentence(sentence: CitedSentence, ground: Ground) -> list[Problem]:
    """Return why a sentence may not be shipped; an empty list means that it holds."""
    unknown = [each for each in sentence.facts if each not in ground.facts]
    if unknown:
        return [Problem(ProblemKind.CITATION, each) for each in unknown]
    cited = [ground.facts[each] for each in sentence.facts]
    text = even(_MARKS.sub("", sentence.text)).strip()
    support = Support(cited, ground.today, ground.known_names)
    problems = _unsupported(text, support, ground)
    problems = problems or [
        *check_sides(text, support),
        *check_rates(text, support),
    ]
    problems += check_promises(text, cited, ground)
    problems += check_negation(text, cited) or check_polarity(text, cited)
    if ground.outside is not None:
        problems += check_speaker(text, sentence.facts, ground.outside)
        problems += check_perspective(text, cited, ground.outside)
    if ground.is_strict:
        problems += _strictly(text, cited, ground)
    if not cited and not problems and not _needs_no_fact(text):
        return [Problem(ProblemKind.CITATION, text[:80])]
    return _without_echoes(problems) or _by_model(text, cited, ground)


def _without_echoes(problems: list[Problem]) -> list[Problem]:
    """Return the problems without those that a commitment brings about by being one."""
    if not any(problem.kind is ProblemKind.COMMITMENT for problem in problems):
        return problems
    echoes = {ProblemKind.PROMISE, ProblemKind.SPEAKER}
    return [problem for problem in problems if problem.kind not in echoes]


def _strictly(text: str, cited: Sequence[Fact], ground: Ground) -> list[Problem]:
    """Return what is wrong with a sentence that will leave the house."""
    outside = ground.outside_ids()
    titles = [*ground.known_names, *ground.attachments]
    return [
        *check_persons(text, cited, outside),
        *check_third_person(text, cited, outside, ground.free_names),
        *check_attribution(text, cited, outside, ground.free_names),
        *check_giver(text, cited, outside),
        *check_colleague(text, cited, outside),
        *check_commitments(text, ground, cited),
        *check_praise(text, ground),
        *check_acts(text, cited, ground),
        *check_quotations(text, cited, titles),
        *check_basis(text, cited),
        *check_persons_named(text, cited, [each for each in ground.free_names if each]),
    ]


def _by_model(text: str, cited: Sequence[Fact], ground: Ground) -> list[Problem]:
    """Return a problem if a configured entailment model vetoes what the rules let through."""
    if ground.entailment is None or not cited or _needs_no_fact(text):
        return []
    score = ground.entailment.supports([fact.text for fact in cited], text)
    if score >= ground.entailment_threshold:
        return []
    return [Problem(ProblemKind.ENTAILMENT, text[:80])]


def _needs_no_fact(text: str) -> bool:
    return bool(_SOCIAL.match(text)) or text.endswith(("?", "？", ":", "："))


def _unsupported(text: str, support: Support, ground: Ground) -> list[Problem]:
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
    if support.facts:
        known = dates.find_holidays(support.raw)
        feasts = dates.find_holidays(text).items()
        problems += [Problem(ProblemKind.DATE, said) for name, said in feasts if name not in known]
    moments, rest = clock.find_times(rest)
    for moment in moments:
        if not moment.minutes & support.minutes:
            problems.append(Problem(ProblemKind.TIME, moment.raw))
    rest = _blank_free(rest, ground.free_names)
    codes, rest = names.find_codes(rest)
    problems += [each for code in codes for each in _check_code(code, support)]
    found, _ = quantities.find_quantities(without_digits(rest, tuple(ground.known_names)))
    problems += [
        Problem(each.kind, each.raw)
        for each in found
        if not _holds(each, support) and not _is_derived(each, found, text, support)
    ]
    problems += _check_names(
        names.find_names(_blanked(rest, found), ground.known_names), support, ground
    )
    if problems:
        return problems
    return [
        *check_figures(text, found, mentions, support),
        *check_dates(text, mentions, found, support),
        *check_people(_undated(text, mentions), support, ground),
    ]


def _blanked(text: str, found: Sequence[Quantity]) -> str:
    for each in found:
        text = quantities.blank(text, each.start, each.end)
    return text


def _undated(text: str, mentions: Sequence[dates.DateMention]) -> str:
    for mention in mentions:
        text = quantities.blank(text, mention.start, mention.end)
    return text


def _has_address(address: str, raw: str) -> bool:
    if "@" in address or address[:1] in "hw":
        return address.rstrip("./").casefold() in raw.casefold()
    return re.sub(r"\D", "", address) in re.sub(r"[^\w]", "", raw)


def _date_holds(mention: dates.DateMention, support: Support, text: str) -> bool:
    if any(dates.covers(mention, period) for period in support.periods):
        return True
    is_now = mention.raw.lower() in _NOWADAYS
    if is_now and (_OPENS_WITH_NOW.match(text) or any(w in support.folded for w in _NOWADAYS)):
        return True
    # "Could we talk next week?" proposes a time; it does not state one.
    return mention.is_vague and text.rstrip().endswith(("?", "？"))


def _holds(claim: Quantity, support: Support) -> bool:
    if claim.is_article or _is_unit_named(claim, support):
        return True
    if any(measures.supports(fact, claim) for fact in support.quantities):
        return True
    is_year = claim.kind is ProblemKind.NUMBER and re.fullmatch(r"(?:19|20)\d\d", claim.raw)
    return bool(is_year) and any(period.start.year == int(claim.raw) for period in support.periods)


_GAP_AFTER = re.compile(
    r"\s*(?:later|earlier|ago|after|before|以后|之后|后|前|之前)\b", re.IGNORECASE
)
_DIFFERS = re.compile(
    r"\b(?:less|more|fewer|lower|higher|cheaper|difference|gap|above|below|over|under|sav\w+)\b"
    r"|少|多|差|高出|低|省|超出|降了|涨了",
    re.IGNORECASE,
)


def _is_derived(claim: Quantity, found: Sequence[Quantity], text: str, support: Support) -> bool:
    """Say whether a figure leaves out its unit, or is the gap between two of the facts."""
    if any(_holds(each, support) for each in elided(text, found) if each.start == claim.start):
        return True
    if claim.unit & {"d"} and _GAP_AFTER.match(text[claim.end :]):
        days = [each.start for each in support.periods if each.start == each.end]
        gaps = {float(abs((first - second).days)) for first in days for second in days}
        return any(value in gaps for value in claim.values if value)
    if claim.kind is not ProblemKind.AMOUNT or not _DIFFERS.search(text):
        return False
    sums = [each for each in support.quantities if measures.comparable(each, claim)]
    sizes = {value for each in sums for value in each.values}
    gaps = {abs(first - second) for first in sizes for second in sizes}
    return any(abs(gap - value) < _CENT for gap in gaps for value in claim.values if value)


_CENT = 0.01


def _is_unit_named(claim: Quantity, support: Support) -> bool:
    """Say whether "one quarter" stands for "the last quarter" or "a quarter" of the facts."""
    match = re.fullmatch(r"one (day|week|month|quarter|year)", claim.raw.lower())
    named = r"(?!)"
    if match:
        adverb = "daily" if match[1] == "day" else f"{match[1]}ly"
        named = rf"\b(?:(?:last|past|this|per|a|each|every|and|next) {match[1]}|{adverb})\b"
    return bool(re.search(named, support.folded))


def _check_code(code: NameMention, support: Support) -> list[Problem]:
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


def _check_names(
    mentions: Iterable[NameMention], support: Support, ground: Ground
) -> list[Problem]:
    people = [*ground.free_names, *(said.who for said in support.said)]
    return [
        Problem(ProblemKind.NAME, mention.raw)
        for mention in mentions
        if not _name_holds(mention.raw, support.folded, people)
    ]


def _name_holds(name: str, folded: str, people: Sequence[str]) -> bool:
    if names.is_titled_as(name, people):
        return True
    return names.stands_in(name, folded) and not names.stands_only_longer(name, folded)


def verify(sentences: Sequence[CitedSentence], ground: Ground) -> Verified:
    """Return the sentences that hold, those that do not and those that a person must approve."""
    kept: list[CitedSentence] = []
    dropped: list[Dropped] = []
    pending: list[Pending] = []
    for sentence in sentences:
        problems = check_sentence(sentence, ground)
        if not problems:
            kept.append(sentence)
        elif _only_commits(problems):
            pending.append(_wait(sentence, problems, ground))
        else:
            dropped.append(_drop(sentence, problems, ground))
    return Verified(kept, dropped, pending)


Rewrite = Callable[[Sequence[Dropped]], Sequence[CitedSentence]]


def verify_with_rewrite(
    rewrite: Rewrite, sentences: Sequence[CitedSentence], ground: Ground
) -> Verified:
    """Return the sentences that hold after those that failed were rewritten once, together.

    `rewrite` takes the failed sentences with reasons and returns their replacements in the same
    order; one that is missing or fails again is dropped, with the reason of its last version.
    What only lacks approval is not rewritten: it stands in `pending`.
    """
    first = verify(sentences, ground)
    if not first.dropped:
        return first
    failed = [
        (position, sentence)
        for position, sentence in enumerate(sentences)
        if sentence not in first.kept and all(sentence != each.sentence for each in first.pending)
    ]
    renewed = rewrite(first.dropped)
    places: dict[int, CitedSentence] = {}
    dropped: list[Dropped] = []
    pending = list(first.pending)
    for index, (position, _) in enumerate(failed):
        again = verify([renewed[index]], ground) if index < len(renewed) else None
        if again is None:
            dropped.append(first.dropped[index])
            continue
        places.update(dict.fromkeys([position], again.kept[0]) if again.kept else {})
        dropped += again.dropped
        pending += again.pending
    final = [
        places.get(position, sentence)
        for position, sentence in enumerate(sentences)
        if position in places or sentence in first.kept
    ]
    return Verified(_without_repeats(final), dropped, pending)


def _only_commits(problems: Sequence[Problem]) -> bool:
    return all(problem.kind is ProblemKind.COMMITMENT for problem in problems)


def _wait(sentence: CitedSentence, problems: Sequence[Problem], ground: Ground) -> Pending:
    reasons = dict.fromkeys(problem.message(ground.language) for problem in problems)
    return Pending(sentence, problems[0].value, "; ".join(reasons))


def _drop(sentence: CitedSentence, problems: Sequence[Problem], ground: Ground) -> Dropped:
    reasons = dict.fromkeys(problem.message(ground.language) for problem in problems)
    return Dropped(text=sentence.text, reason="; ".join(reasons))


def _without_repeats(sentences: Iterable[CitedSentence]) -> list[CitedSentence]:
    return list({names.fold(sentence.text): sentence for sentence in sentences}.values())
