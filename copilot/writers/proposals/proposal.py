"""What a proposal is asked for, and what came of it: the document, its facts, what is open."""

import re
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from copilot.grounding.sentences import CitedSentence, Dropped
from copilot.writers.documents.content import OpenPoint, ProposalContent
from copilot.writers.draft import Approval
from crm.errors import BadInput
from crm.facts import Fact
from tools.language import Language

MOST_PURPOSE = 500
MOST_DAYS = 365
_UNFIT_IN_NAMES = re.compile(r"[^\w\u4e00-\u9fff]+")


class ProposalStep(StrEnum):
    """What is being worked on, in order."""

    EVIDENCE = "evidence"
    SITUATION = "situation"
    GOALS = "goals"
    SOLUTION = "solution"
    LETTER = "letter"
    DOCUMENT = "document"


@dataclass(frozen=True)
class ProposalRequest:
    """One wish for a proposal, all ids resolved.

    Without `language` it is written in the customer's; `purpose` is what the rep wants it to
    stress, in her words; `valid_days` counts from the day of writing, for prices without a quote
    that says; `contact_id` is whom it is addressed to, else the deal's economic buyer.

    Raises:
        BadInput: the purpose is too long, or the days are out of range.
    """

    opportunity_id: int
    language: Language | None = None
    purpose: str = ""
    valid_days: int | None = None
    contact_id: int | None = None

    def __post_init__(self) -> None:
        if len(self.purpose) > MOST_PURPOSE:
            raise BadInput(
                f"the purpose has {len(self.purpose)!r} characters: say it in {MOST_PURPOSE}"
            )
        if self.valid_days is not None and not 1 <= self.valid_days <= MOST_DAYS:
            raise BadInput(f"valid_days {self.valid_days!r}: give 1 to {MOST_DAYS}")


class Proposal(BaseModel):
    """A proposal that a person may send once nothing is open.

    `sentences` are all of the document that say something, each with the ids of its facts;
    `approval` is elevated where a commitment of ours could not be proved and stands as a
    placeholder, or where prices are not those of a valid quote. `without_model` says why rules
    alone worded facts and quotations where the model should have, None where it did.
    """

    model_config = ConfigDict(frozen=True)

    opportunity_id: int
    language: Language
    content: ProposalContent
    sentences: tuple[CitedSentence, ...]
    facts: tuple[Fact, ...]
    dropped: tuple[Dropped, ...] = ()
    open_points: tuple[OpenPoint, ...] = ()
    approval: Approval = Approval.REP
    without_model: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0

    @property
    def file_stem(self) -> str:
        """A file name without its ending that every system takes."""
        words = _UNFIT_IN_NAMES.sub("-", f"{self.content.customer} {self.content.title}"[:80])
        return f"proposal-{self.opportunity_id}-{words.strip('-').lower()}".strip("-")
