"""The timeline: dated steps that lie ahead, from meetings, tasks, promises and the close date."""

import re
from collections.abc import Iterator
from datetime import date

from copilot.grounding.dates import find_dates
from copilot.writers.documents.content import Milestone
from copilot.writers.documents.wording import show_date
from copilot.writers.proposals.cues import UNFIT
from copilot.writers.proposals.evidence import ProposalEvidence
from copilot.writers.proposals.notebook import Notebook
from copilot.writers.proposals.voices import clean_words
from copilot.writers.proposals.wording import phrase
from crm.models import Activity, ActivityKind, Side
from tools.language import Language, detect_language
from tools.profile.model import Matter, Urgency

MOST_STEPS = 12
_INTERNAL = re.compile(
    r"\b(?:champion|internal\w*|forecast|commit|pipeline|upsell|follow[- ]?up|check[- ]?in|chase"
    r"|reminder?|reply|nudge|crm|close plan|margin|call back|ask)\b"
    r"|内部|支持者|跟进|催|预测|提醒|回电|回复|摸底|打探",
    re.IGNORECASE,
)
_DOES = re.compile(
    r"\b(?:I|we)(?:['’]ll| will| shall| am going to| are going to| can) (?P<deed>[^,.;!?…]+)",
    re.IGNORECASE,
)
_DOES_ZH = re.compile(r"(?:我|我们|我方|我这边|我司)(?:负责|会|来|将)(?P<deed>[^，。；！？…]+)")
_TO_YOU = re.compile(r"^(send|give|show|bring|get|share|forward|hand) (?:you|us|over) ", re.I)
_POINTING = re.compile(
    r"\b(?:it|that|this|them|these|those|you|your|me|us|my|so|there)\b|[您你它这那]|一下", re.I
)
_ENDS = re.compile(
    r"\s*\b(?:by|on|until|before|till|at the latest|latest|from|in)\s*$|之前$|前$", re.I
)


def plan_steps(evidence: ProposalEvidence, notebook: Notebook) -> tuple[Milestone, ...]:
    """Return the steps ahead, the nearest first, each resting on a dated fact.

    Steps without a day are left out, as are those that only our own people should read.
    """
    steps: dict[tuple[date, str], Milestone] = {}
    for step in (
        *_meetings(evidence, notebook),
        *_activities(evidence, notebook),
        *_promises(evidence, notebook),
    ):
        steps.setdefault((step.starts_on, step.title), step)
    ahead = sorted(steps.values(), key=lambda step: step.starts_on)[:MOST_STEPS]
    ahead += _close(evidence, notebook)
    if not ahead:
        notebook.ask("timeline", "open_no_timeline")
    return tuple(sorted(ahead, key=lambda step: step.starts_on))


def deed_of(words: str, said_on: date, language: Language) -> str | None:
    """Return what a promise is about, without its day: `Send the offer`; None if it points back."""
    mentions, _ = find_dates(words, said_on)
    bare = words
    for mention in sorted(mentions, key=lambda each: each.start, reverse=True):
        bare = bare[: mention.start] + bare[mention.end :]
    found = (_DOES_ZH if language == "zh" else _DOES).search(bare)
    if found is None:
        return None
    deed = _TO_YOU.sub(r"\1 ", found["deed"].strip())
    while (shorter := _ENDS.sub("", deed).strip()) != deed:
        deed = shorter
    long_enough = len(deed) >= (4 if language == "zh" else 8) and len(deed) <= 90
    if not long_enough or _POINTING.search(deed) or _is_unfit(deed):
        return None
    return deed[:1].upper() + deed[1:]


def _meetings(evidence: ProposalEvidence, notebook: Notebook) -> Iterator[Milestone]:
    language = evidence.language
    for known in evidence.profile.contact.planned:
        if known.value:
            source = notebook.cite(known.facts[0], is_theirs=known.side is Side.CUSTOMER)
            title, owner = phrase("meeting_step", language), phrase("both", language)
            yield _step(notebook, title, date.fromisoformat(known.value), owner, source)


def _activities(evidence: ProposalEvidence, notebook: Notebook) -> Iterator[Milestone]:
    for activity in evidence.planned:
        day = _day_of(activity)
        subject = " ".join(activity.subject.split())
        is_readable = detect_language(subject) == evidence.language
        if day is None or not is_readable or _is_unfit(subject) or len(subject) > 120:
            continue
        shown = show_date(day, evidence.language)
        text = phrase("fact_task", evidence.language, day=shown, subject=subject)
        source = notebook.record(text, f"activity:{activity.id}")
        is_meeting = activity.kind in {ActivityKind.MEETING, ActivityKind.CALL}
        owner = _owner(evidence, None if is_meeting else Side.OURS)
        yield _step(notebook, subject, day, owner, source)


def _promises(evidence: ProposalEvidence, notebook: Notebook) -> Iterator[Milestone]:
    for matter in evidence.profile.commitments:
        title = _title_of(matter, evidence)
        if title is None or matter.due_on is None:
            continue
        is_theirs = matter.known.side is Side.CUSTOMER
        source = notebook.cite(matter.known.facts[0], is_theirs=is_theirs)
        side = Side.CUSTOMER if is_theirs else Side.OURS
        yield _step(notebook, title, matter.due_on, _owner(evidence, side), source)


def _title_of(matter: Matter, evidence: ProposalEvidence) -> str | None:
    known = matter.known
    is_task = known.facts[0].source.startswith("activity:")
    if is_task or matter.urgency is not Urgency.DUE or known.known_on is None:
        return None
    for part in known.text.split("…"):
        deed = deed_of(clean_words(part), known.known_on, evidence.language)
        if deed:
            return deed
    return None


def _close(evidence: ProposalEvidence, notebook: Notebook) -> list[Milestone]:
    day = evidence.deal.expected_close_on
    if day is None or evidence.deal.closed_on is not None:
        return []
    shown = show_date(day, evidence.language)
    if day < evidence.today:
        notebook.ask("timeline", "open_close_passed", day=shown)
        return []
    text = phrase("fact_close", evidence.language, day=shown)
    source = notebook.record(text, f"opportunity:{evidence.deal.id}")
    title = phrase("close_step", evidence.language)
    return [_step(notebook, title, day, phrase("both", evidence.language), source)]


def _step(notebook: Notebook, title: str, day: date, owner: str, source: str) -> Milestone:
    notebook.say(f"{title}: {show_date(day, notebook.language)}", source)
    return Milestone(title, day, owner=owner, sources=(source,))


def _day_of(activity: Activity) -> date | None:
    if activity.due_on is not None:
        return activity.due_on
    return activity.occurred_at.date() if activity.occurred_at else None


def _owner(evidence: ProposalEvidence, side: Side | None) -> str:
    if side is Side.CUSTOMER:
        return evidence.customer
    if side is Side.OURS and evidence.owner:
        return evidence.owner.name
    return phrase("both", evidence.language)


def _is_unfit(text: str) -> bool:
    return bool(UNFIT.search(text) or _INTERNAL.search(text))
