"""What the calls of a model cost so far, known even where no usable answer came of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from copilot.llm.client import Usage


@dataclass
class Spending:
    """The tokens of all replies since the block began."""

    usage: Usage = field(default_factory=Usage)
    replies: int = 0


_open: ContextVar[Spending | None] = ContextVar("spending", default=None)


@contextmanager
def counted() -> Iterator[Spending]:
    """Yield what is spent inside the block, as it is spent."""
    spending = Spending()
    token = _open.set(spending)
    try:
        yield spending
    finally:
        _open.reset(token)


def spend(usage: Usage) -> None:
    """Add what one reply cost."""
    spending = _open.get()
    if spending is not None:
        spending.usage += usage
        spending.replies += 1
