"""Whether a rep would send a draft after small edits, judged by code on fixed criteria.

Hard criteria are what a rep cannot mend in half a minute or must not miss: the wrong person, the
wrong language, nothing of this customer where there is much, talking about the reader as of a
third person, our internal matters, words of a transcript, leftovers of the machine, no wish or
next step, too many gaps, a summary announced and not given, the purpose put to the customer as a
question, a reply that takes up nothing of its mail. Soft ones are a quick edit each: a greeting
without a title, length, a repeated sentence, filler, a "tomorrow" that will have passed, broken
sentences, an "it" that points at nothing, a line copied out of a catalogue, a report put as a
question, a bare subject. A draft passes with all hard ones and at most one soft one failed.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from copilot.writers.draft import Draft
from evals.drafting_case import HAN, Case
from evals.drafting_faults import SOFT
from evals.drafting_figures import flat
from evals.drafting_ground import content, words
from evals.drafting_tasks import Resolved

_COMPANY = re.compile(r"(?:公司|集团|厂|大学|医院)$")
_MARKUP = re.compile(
    r"\bF\d{1,2}\b|[{}]|</?\w+>|```|\*\*|^#+ |\\n|\bNone\b|\bnull\b|<<|>>", re.MULTILINE
)


@dataclass(frozen=True)
class Mark:
    """One criterion's outcome; `why` is empty if it holds."""

    criterion: str
    is_hard: bool
    why: str = ""

    @property
    def holds(self) -> bool:
        """Say whether there is nothing against it."""
        return not self.why


def grade(draft: Draft, resolved: Resolved, *, today: date) -> list[Mark]:
    """Return a mark for each criterion, in a fixed order."""
    case = Case(draft, resolved, today)
    marks = [Mark(name, True, judge(case)) for name, judge in _HARD.items()]
    return marks + [Mark(name, False, judge(case)) for name, judge in SOFT.items()]


def passes(marks: list[Mark]) -> bool:
    """Say whether a rep would send it after small edits."""
    hard = any(mark.is_hard and not mark.holds for mark in marks)
    return not hard and sum(not mark.holds for mark in marks) <= 1


def _recipient(case: Case) -> str:
    draft, known = case.draft, case.resolved.recipients
    addresses = {one.email.casefold() for one in draft.to if one.email}
    if known and not draft.to:
        return "nobody is addressed"
    if addresses - known and known:
        return f"{sorted(addresses - known)!r} is none of the customer's people"
    if not draft.to:
        return ""
    name = draft.to[0].name
    parts = [name, *name.split()] if name.isascii() else [name, name[0]]
    if draft.greeting and not any(part in draft.greeting for part in parts):
        return f"the greeting {draft.greeting!r} is not to {name!r}"
    return ""


def _no_echo(case: Case) -> str:
    """The purpose is the rep's word to us; only one that is a question is put to the customer."""
    if re.match(r"ask (?:whether|if)\b|问|询问|了解", case.resolved.request.purpose):
        return ""
    purpose = content(case.resolved.request.purpose)
    for sentence in case.draft.sentences:
        asks = re.match(r"(?:Could|Would|Can|Do|Are|Will) you\b|想?请问?您|您", sentence.text)
        both = len(purpose & content(sentence.text))
        if purpose and asks and both >= 2 and both >= 0.6 * len(purpose):
            return f"echoes its purpose: {sentence.text[:60]!r}"
    return ""


def _answers(case: Case) -> str:
    """A reply takes up what stands in the mail that it answers."""
    answered = case.resolved.request.reply_to
    if answered is None:
        return ""
    theirs = {
        fact.id for fact in case.draft.facts if fact.source.startswith(f"conversation:{answered}#")
    }
    cited = {each for one in case.draft.sentences for each in one.facts}
    return "" if theirs & cited or not theirs else "takes up nothing of the mail it answers"


def _one_language(case: Case) -> str:
    own = case.own
    if case.language == "en":
        found = re.findall(rf"{HAN}+", own)
        names = " ".join([*(one.name for one in case.draft.to), case.draft.sender])
        odd = [
            one for one in found if one not in names and len(one) > 4 and not _COMPANY.search(one)
        ]
        return f"Chinese in it: {odd[0]!r}" if odd else ""
    runs = re.findall(r"(?:\b[a-z][a-z'’-]+\b[ ,]*){3,}", own)
    if runs:
        return f"English in it: {runs[0].strip()[:60]!r}"
    return "" if re.search(HAN, own) or not own.strip() else "no Chinese in it"


def _specific(case: Case) -> str:
    task = case.resolved.task
    if task.evidence == "thin":
        return ""
    folded = flat(f"{case.draft.subject} {case.text}").casefold()
    told = {fact.id for fact in case.draft.facts if "#" in fact.source}
    mine = content(" ".join(one.text for one in case.draft.sentences if told & set(one.facts)))
    enough = 4 if case.language == "zh" else 3
    for one in case.resolved.must_mention:
        words_of_theirs = mine & case.resolved.theirs
        found = any(
            len(words_of_theirs) >= enough if word == "$theirs" else flat(word).casefold() in folded
            for word in one
        )
        if not found:
            return f"nothing of {[word for word in one if word][:5]!r}"
    return ""


def _must_not(case: Case) -> str:
    folded = flat(case.own).casefold()
    found = [one for one in case.resolved.task.must_not if flat(one).casefold() in folded]
    return f"says {found[0]!r}" if found else ""


def _next_step(case: Case) -> str:
    pattern = re.sub(r"\s+\|", "|", words()["next_step"][case.language])
    return "" if re.search(pattern, case.own, re.IGNORECASE) else "no wish, question or next step"


def _not_third_person(case: Case) -> str:
    for person in case.draft.to:
        first = person.name.split()[0] if person.name.isascii() else person.name
        if len(first) < 2:
            continue
        found = re.search(
            rf"\b{re.escape(first)}\b(?:'s|’s)? \w+" if first.isascii() else re.escape(first),
            case.own,
        )
        if found and not re.match(rf"\s*(?:Hi|Dear|Hello|Thank you,?|Thanks,?) {first}", case.own):
            return f"tells the reader of {found[0]!r}"
    narrated = re.search(
        r"\bthe customer\b|\bthe client\b|\bthe prospect\b|(?<!其他)(?<!其它)(?<!多数)(?<!部分)"
        r"(?<!我们的)(?<!类似)"
        r"(?<!很多)(?<!分)(?<!有的)客户(?:说|表示|提到|希望|问|担心|要求|方)",
        case.own,
        re.IGNORECASE,
    )
    return f"speaks of {narrated[0]!r}" if narrated else ""


def _not_internal(case: Case) -> str:
    for pattern in words()["internal"][case.language]:
        found = re.search(pattern, f"{case.draft.subject}\n{case.own}", re.IGNORECASE)
        if found and found[0] not in (case.draft.thread.text if case.draft.thread else ""):
            return f"{found[0]!r}"
    return ""


def _no_noise(case: Case) -> str:
    found = re.search(words()["noise"][case.language], case.text, re.IGNORECASE)
    return f"transcript noise {found[0]!r}" if found else ""


def _no_markup(case: Case) -> str:
    found = _MARKUP.search(f"{case.draft.subject}\n{case.text}")
    if found:
        return f"{found[0]!r} stands in the text"
    marks = case.text.count('"') % 2 or case.text.count("“") != case.text.count("”")
    return "quotation marks do not match" if marks else ""


def _few_gaps(case: Case) -> str:
    draft = case.draft
    placeholders = sum(point.placeholder in draft.body for point in draft.open_points)
    quotes = len(re.findall(r"[\"“][^\"“”]{12,}[\"”]", case.text))
    allowed = max(1, len(draft.sentences) // 3)
    found = placeholders + quotes
    return f"{found} gaps or quotes in {len(draft.sentences)} sentences" if found > allowed else ""


def _keeps_its_word(case: Case) -> str:
    """A text that says it sums up, answers or replies has to do so from what was said."""
    talks = {fact.id for fact in case.draft.facts if fact.source.startswith("conversation:")}
    tells = [one for one in case.draft.sentences if talks.intersection(one.facts)]
    announced = re.search(
        r"\b(?:summari[sz]e|sum up|summary of|answer your question|thank you for the call)\w*"
        r"|总结|汇总|回答您的问题|感谢您?(?:上次)?(?:的)?(?:通话|来电)",
        case.own,
        re.IGNORECASE,
    )
    needed = 2 if announced and re.search(r"su|总|汇", announced[0]) else 1
    return f"announces {announced[0]!r} and does not" if announced and len(tells) < needed else ""


_HARD: dict[str, Callable[[Case], str]] = {
    "recipient": _recipient,
    "language": _one_language,
    "specific": _specific,
    "must_not": _must_not,
    "next_step": _next_step,
    "third_person": _not_third_person,
    "internal": _not_internal,
    "noise": _no_noise,
    "markup": _no_markup,
    "gaps": _few_gaps,
    "word_kept": _keeps_its_word,
    "echo": _no_echo,
    "answers": _answers,
}
