"""What notes claim, reduced to what code can judge, and the counts that come of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from copilot.writers.calls.notes import CallNotes, NoteDraft, ProposalDraft
from crm.models import NoteKind

# Fields that say the same: found once, they count once.
_ELEMENTS = {
    "meddicc.identify_pain": "pain",
    "bant.need": "pain",
    "meddicc.metrics": "metrics",
    "meddicc.economic_buyer": "economic_buyer",
    "bant.authority": "economic_buyer",
    "meddicc.decision_criteria": "criteria",
    "meddicc.decision_process": "process",
    "meddicc.paper_process": "paper",
    "meddicc.champion": "champion",
    "meddicc.competition": "competition",
    "competitor": "competition",
    "bant.budget": "budget",
    "expected_close_on": "close",
    "bant.timeline": "close",
    "amount": "amount",
    "stage": "stage",
}
_JUDGED = ("question", "objection", "competitor", "commitment", "next_step", "field")


@dataclass
class Tally:
    """Counts of one kind: wanted and found give recall, claimed and false give precision."""

    wanted: int = 0
    found: int = 0
    claimed: int = 0
    false: int = 0
    missed: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """The share of what was wanted that was found."""
        return self.found / self.wanted if self.wanted else 1.0

    @property
    def precision(self) -> float:
        """The share of what was claimed that may be."""
        return 1 - self.false / self.claimed if self.claimed else 1.0


@dataclass(frozen=True)
class Claim:
    """Something that the notes claim, reduced to what can be judged."""

    kind: str
    segments: tuple[int, ...]
    text: str
    side: str | None = None
    answered: bool | None = None
    name: str = ""
    day: date | None = None


def claims_of(notes: CallNotes) -> list[Claim]:
    """Return what the notes claim, topics and summary apart; fields that are twins once."""
    found = [_note_claim(note) for note in notes.notes if note.kind.value in _JUDGED]
    seen: set[tuple[str, str]] = set()
    for proposal in notes.proposals:
        element = _ELEMENTS.get(proposal.field)
        if element and (element, proposal.new_value) not in seen:
            seen.add((element, proposal.new_value))
            found += _field_claims(element, proposal)
    return found


def _note_claim(note: NoteDraft) -> Claim:
    return Claim(
        kind=note.kind.value,
        segments=note.segments if note.kind is not NoteKind.QUESTION else note.segments[:1],
        text=note.text,
        side=note.side.value if note.side else None,
        answered=len(note.segments) > 1 if note.kind is NoteKind.QUESTION else None,
        name=note.text.partition(": ")[0] if note.kind is NoteKind.COMPETITOR else "",
        day=note.due_on,
    )


def _field_claims(element: str, proposal: ProposalDraft) -> Iterator[Claim]:
    """Yield one claim a quote: a proposal that rests on three segments claims three things."""
    for segment in proposal.segments:
        yield Claim(f"field:{element}", (segment,), proposal.new_value, name=proposal.new_value)
