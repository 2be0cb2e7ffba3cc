"""A model on somebody's account: asked only within the budget, and every call is booked."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from copilot.llm.allowance import UsedUp
from copilot.llm.client import LanguageModel, Message, Reply, T, Usage
from copilot.llm.spending import counted
from crm.errors import CopilotError
from crm.tracing import count, measure, span

OPERATION = "chat"


class OverBudget(UsedUp):
    """The person's tokens for the day are used up; `resets_at` is when they begin anew."""

    def __init__(self, *, en: str, zh: str, resets_at: datetime) -> None:
        super().__init__(en=en, zh=zh)
        self.resets_at = resets_at


class Account(Protocol):
    """Who pays for the calls."""

    def check(self) -> None:
        """Raise OverBudget if no more may be spent now."""

    def book(self, model: str, usage: Usage, *, has_failed: bool) -> None:
        """Add one call and its tokens."""


class MeteredModel:
    """Passes calls on and books them, those that failed included."""

    def __init__(self, model: LanguageModel, account: Account) -> None:
        self._model = model
        self._account = account

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    def structured(
        self, messages: Sequence[Message], result_type: type[T], *, max_tokens: int
    ) -> Reply[T]:
        """Return the model's answer; see `LanguageModel.structured`.

        Raises OverBudget, a TransientError, without asking where the account is used up.
        """
        self._account.check()
        name = self._model.name
        begun = time.perf_counter()
        with (
            counted() as spending,
            span("model", operation=OPERATION, model=name, max_tokens=max_tokens) as told,
        ):
            usage, has_failed = Usage(), True
            try:
                reply = self._model.structured(messages, result_type, max_tokens=max_tokens)
                usage, has_failed = self._known(reply.usage, messages, reply), False
            except CopilotError as error:
                usage = spending.usage
                told.note(error=type(error).__name__)
                count("model_errors", model=name, error=type(error).__name__)
                raise
            finally:
                # A process that is interrupted here has booked what it knows to have spent.
                usage = usage if usage.tokens_in else spending.usage
                self._account.book(name, usage, has_failed=has_failed)
                told.note(tokens_in=usage.tokens_in, tokens_out=usage.tokens_out)
        took_s = time.perf_counter() - begun
        measure("model_seconds", took_s, model=name, operation=OPERATION)
        measure("model_tokens", usage.tokens_in, model=name, operation=OPERATION, direction="input")
        measure(
            "model_tokens", usage.tokens_out, model=name, operation=OPERATION, direction="output"
        )
        return reply

    def _known(self, usage: Usage, messages: Sequence[Message], reply: Reply[T]) -> Usage:
        """Return the usage; some servers tell none, and then it is estimated from the texts."""
        if usage.tokens_in or usage.tokens_out:
            return usage
        read = sum(self.count_tokens(message.content) for message in messages)
        return Usage(tokens_in=read, tokens_out=self.count_tokens(reply.value.model_dump_json()))

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the text costs."""
        return self._model.count_tokens(text)

    def close(self) -> None:
        """Free what the model holds."""
        self._model.close()
