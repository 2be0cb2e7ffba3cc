"""The shape of an answer that scripts rely on; a change of meaning raises `SCHEMA_VERSION`."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from copilot.grounding.sentences import CitedSentence, Dropped
from crm.facts import Fact

SCHEMA_VERSION = 1


class Status(StrEnum):
    """How a question ended."""

    ANSWERED = "answered"
    NOT_FOUND = "not_found"
    AMBIGUOUS = "ambiguous"
    DECLINED = "declined"
    NEEDS_APPROVAL = "needs_approval"
    ERROR = "error"


class Tokens(BaseModel):
    """What the model read and wrote for this answer."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    read: int = Field(default=0, alias="in")
    written: int = Field(default=0, alias="out")


class OpenPlace(BaseModel):
    """A placeholder, or a place of a proposal, that a person has to settle, and why."""

    where: str
    what: str


class DraftedText(BaseModel):
    """What was drafted, as text: `kind` is a kind of letter, or "proposal" with Markdown as body.

    `draft_id` is the number under which it is kept for accepting or editing, null where it is not
    kept. Nothing was sent. `without_model` says why facts and quotations stand for what the model
    should have worded, null where it did.
    """

    draft_id: int | None = None
    kind: str
    channel: str | None = None
    language: Literal["en", "zh"]
    to: list[str] = []
    subject: str = ""
    body: str
    approval: Literal["rep", "elevated"]
    open_points: list[OpenPlace] = []
    open_questions: list[str] = []
    style_sources: list[str] = []
    without_model: str | None = None
    opportunity_id: int | None = None
    account_id: int | None = None
    contact_id: int | None = None


class ProposedBrief(BaseModel):
    """An action that was proposed; only `status` "applied" says that it was done.

    People approve `payload` by `payload_sha256`; `approvers` says who may, `you_may` is "approve",
    "approve_jointly" or null for the caller. `goes_to` says in words where a change of records is
    written, null for mails. `result` is what carrying it out returned.
    """

    id: int
    kind: str
    status: str
    summary: str
    payload: dict[str, Any]
    payload_sha256: str
    risk: str
    goes_to: str | None = None
    approvers: list[str] = []
    you_may: str | None = None
    expires_at: str
    result: dict[str, Any] | None = None
    error: str | None = None


class Answer(BaseModel):
    """One answer with its receipts.

    `answer` is the sentences joined; `interpretation` says in words what was computed or searched,
    so that a person can correct it; `candidates` is filled when `status` is ambiguous. `draft` is
    there only where one was asked for; the document leaves it out otherwise. `actions` are side
    effects that were proposed or asked about; `status` is needs_approval while this turn's wait.
    """

    schema_version: int = SCHEMA_VERSION
    status: Status
    answer: str
    language: Literal["en", "zh"]
    interpretation: str = ""
    sentences: list[CitedSentence] = []
    facts: list[Fact] = []
    dropped: list[Dropped] = []
    candidates: list[str] = []
    actions: list[ProposedBrief] = []
    thread_id: str = ""
    took_ms: int = 0
    tokens: Tokens = Field(default_factory=Tokens)
    draft: DraftedText | None = None

    @model_serializer(mode="wrap")
    def _without_absent_draft(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        document: dict[str, Any] = serialise(self)
        if self.draft is None:
            document.pop("draft", None)
        return document
