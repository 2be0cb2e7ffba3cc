"""A model elsewhere behind a circuit breaker: down, it is not asked again for a while."""

from collections.abc import Sequence

from copilot.llm.client import LanguageModel, Message, Reply, T
from crm.guards import Guard


class BreakingModel:
    """Passes everything on; calls go through the guard."""

    def __init__(self, model: LanguageModel, guard: Guard) -> None:
        self._model = model
        self._guard = guard

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    def structured(
        self, messages: Sequence[Message], result_type: type[T], *, max_tokens: int
    ) -> Reply[T]:
        """Return the model's answer; see `LanguageModel.structured`."""
        return self._guard.call(
            lambda: self._model.structured(messages, result_type, max_tokens=max_tokens)
        )

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the text costs."""
        return self._model.count_tokens(text)

    def close(self) -> None:
        """Free what the model holds."""
        self._model.close()
