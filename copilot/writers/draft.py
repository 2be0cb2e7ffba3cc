"""A finished draft: what it says, what each sentence rests on, what is open, what was cut."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from copilot.grounding.pack.asked import Channel, DraftKind
from copilot.grounding.sentences import CitedSentence, Dropped
from crm.facts import Fact
from tools.language import Language


class Approval(StrEnum):
    """Who has to agree before it may leave: the rep, or somebody above as well."""

    REP = "rep"
    ELEVATED = "elevated"


class Addressee(BaseModel):
    """Who receives the draft."""

    model_config = ConfigDict(frozen=True)

    name: str
    email: str | None


class OpenPoint(BaseModel):
    """A placeholder in the body that the rep fills or removes, and why it is one."""

    model_config = ConfigDict(frozen=True)

    placeholder: str
    reason: str


class Threading(BaseModel):
    """The headers that put a reply into its thread."""

    model_config = ConfigDict(frozen=True)

    in_reply_to: str
    references: tuple[str, ...]
    author: str
    sent_at: datetime
    text: str


class Draft(BaseModel):
    """A letter or message that a person may send: every sentence cites facts.

    `paragraphs` are the sentences between greeting and closing, in the order of the body; a
    sentence without facts states none. `approval` is elevated where a commitment of ours could not
    be proved and stands as a placeholder. `without_model` says why rules alone worded facts and
    quotations where the model should have, None where it did.
    """

    model_config = ConfigDict(frozen=True)

    kind: DraftKind
    channel: Channel
    language: Language
    to: tuple[Addressee, ...]
    sender: str
    subject: str
    greeting: str
    paragraphs: tuple[tuple[CitedSentence, ...], ...]
    closing: str
    body: str
    facts: tuple[Fact, ...]
    open_questions: tuple[str, ...] = ()
    open_points: tuple[OpenPoint, ...] = ()
    approval: Approval = Approval.REP
    dropped: tuple[Dropped, ...] = ()
    style_sources: tuple[str, ...] = ()
    without_model: str | None = None
    thread: Threading | None = None
    opportunity_id: int | None = None
    account_id: int | None = None
    contact_id: int | None = None
    tokens_in: int = 0
    tokens_out: int = 0

    @property
    def sentences(self) -> tuple[CitedSentence, ...]:
        """All sentences in order."""
        return tuple(sentence for paragraph in self.paragraphs for sentence in paragraph)
