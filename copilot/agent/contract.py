"""The shape of an answer that scripts rely on; a change of meaning raises `SCHEMA_VERSION`."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

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


class Answer(BaseModel):
    """One answer with its receipts.

    `answer` is the sentences joined; `interpretation` says in words what was computed or searched,
    so that a person can correct it; `candidates` is filled when `status` is ambiguous.
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
    thread_id: str = ""
    took_ms: int = 0
    tokens: Tokens = Field(default_factory=Tokens)
