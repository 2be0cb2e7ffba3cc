"""What a tool run leaves for the answer: sentences that code wrote, facts, and how it ended."""

from dataclasses import dataclass, field

from copilot.agent.contract import Status
from copilot.grounding.sentences import CitedSentence
from crm.facts import EvidencePack


@dataclass
class Outcome:
    """The result of one step.

    `needs_model` asks for sentences written from the facts, of which those in `relevant` are known
    to bear on the question (none: the model has to pick); `focus` remembers which records the
    conversation is about now.
    """

    status: Status = Status.ANSWERED
    interpretation: str = ""
    evidence: EvidencePack = field(default_factory=EvidencePack)
    sentences: list[CitedSentence] = field(default_factory=list)
    candidates: list[str] = field(default_factory=list)
    needs_model: bool = False
    relevant: list[str] = field(default_factory=list)
    focus: dict[str, int | None] = field(default_factory=dict)

    def say(self, text: str, *fact_ids: str) -> None:
        """Add a sentence that rests on these facts."""
        self.sentences.append(CitedSentence(text=text, facts=fact_ids))
