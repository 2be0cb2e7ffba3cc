"""The language model as the rest of the product sees it: messages in, one validated object out."""

from collections.abc import Sequence
from typing import Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from crm.errors import PermanentError

T = TypeVar("T", bound=BaseModel)


class Message(BaseModel):
    """One turn of a prompt."""

    model_config = ConfigDict(frozen=True)

    role: Literal["system", "user", "assistant"]
    content: str


class Usage(BaseModel):
    """Tokens that one reply cost, repairs included; `tokens_cached` of those in were reused."""

    model_config = ConfigDict(frozen=True)

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_out=self.tokens_out + other.tokens_out,
            tokens_cached=self.tokens_cached + other.tokens_cached,
        )


class Reply(BaseModel, Generic[T]):
    """A validated result and what it cost."""

    model_config = ConfigDict(frozen=True)

    value: T
    usage: Usage


class UnusableReply(PermanentError):
    """The model answered twice, and neither answer was of the form that was asked for."""


class LanguageModel(Protocol):
    """Anything that can fill in a result type from a prompt."""

    @property
    def name(self) -> str:
        """The model's name, fit to show a user."""

    def structured(
        self, messages: Sequence[Message], result_type: type[T], *, max_tokens: int
    ) -> Reply[T]:
        """Return the model's answer as a `result_type`, validated, after at most one repair.

        Raises:
            BadInput: the prompt is longer than the model's context.
            TransientError: the model is busy, slow or out of reach.
            UnusableReply: both attempts were of no use.
            PermanentError: the settings are wrong.
        """

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the text costs in a prompt."""

    def close(self) -> None:
        """Free what the model holds; closing twice is harmless."""
