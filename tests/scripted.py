"""A scripted language model: an honest fake that answers from a queue and records what it saw."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from copilot.llm.client import Message, Reply, T, Usage

USAGE = Usage(tokens_in=10, tokens_out=5)


class ScriptedModel:
    """Gives out the replies in order; an exception among them is raised instead.

    `asked` holds the messages of each call, `types` the result types. A mapping is validated by
    the result type that the caller asks for, so a script that does not fit fails the test.
    """

    def __init__(self, replies: Iterable[BaseModel | Mapping[str, Any] | Exception]) -> None:
        self._replies = deque(replies)
        self.asked: list[list[Message]] = []
        self.types: list[type[BaseModel]] = []
        self.is_closed = False

    @property
    def name(self) -> str:
        return "scripted"

    @property
    def left(self) -> int:
        """How many replies have not been asked for."""
        return len(self._replies)

    def structured(
        self, messages: Sequence[Message], result_type: type[T], *, max_tokens: int
    ) -> Reply[T]:
        assert max_tokens > 0, "a call without a limit on its tokens"
        self.asked.append(list(messages))
        self.types.append(result_type)
        assert self._replies, f"asked {len(self.asked)} times, which is more than was scripted"
        reply = self._replies.popleft()
        if isinstance(reply, Exception):
            raise reply
        value = reply.model_dump() if isinstance(reply, BaseModel) else dict(reply)
        return Reply(value=result_type.model_validate(value), usage=USAGE)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def close(self) -> None:
        self.is_closed = True

    def prompt(self, call: int = -1) -> str:
        """Return everything that one call showed the model, as one text."""
        return "\n".join(message.content for message in self.asked[call])
