"""What a tool run leaves for the answer: sentences that code wrote, facts, and how it ended."""

from dataclasses import dataclass, field

from copilot.agent.contract import DraftedText, ProposedBrief, Status
from copilot.grounding.sentences import CitedSentence, Dropped
from crm.facts import EvidencePack, Fact


@dataclass
class Outcome:
    """The result of one step.

    `needs_model` asks for sentences written from the facts, of which those in `relevant` are known
    to bear on the question (none: the model has to pick); `focus` remembers which records the
    conversation is about now. A `draft` brings facts of its own, with their ids.
    """

    status: Status = Status.ANSWERED
    interpretation: str = ""
    evidence: EvidencePack = field(default_factory=EvidencePack)
    sentences: list[CitedSentence] = field(default_factory=list)
    candidates: list[str] = field(default_factory=list)
    needs_model: bool = False
    relevant: list[str] = field(default_factory=list)
    focus: dict[str, int | None] = field(default_factory=dict)
    draft: DraftedText | None = None
    draft_facts: tuple[Fact, ...] = ()
    actions: list[ProposedBrief] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    tokens_in: int = 0
    tokens_out: int = 0

    @property
    def facts(self) -> list[Fact]:
        """What the sentences cite."""
        return [*self.draft_facts] if self.draft is not None else self.evidence.facts

    def say(self, text: str, *fact_ids: str) -> None:
        """Add a sentence that rests on these facts."""
        self.sentences.append(CitedSentence(text=text, facts=fact_ids))
