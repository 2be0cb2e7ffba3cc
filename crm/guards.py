"""What may stand before a server elsewhere and refuse to ask it."""

from collections.abc import Callable
from typing import Protocol, TypeVar

R = TypeVar("R")


class Guard(Protocol):
    """Lets calls to one server through, or not."""

    def call(self, work: Callable[[], R]) -> R:
        """Return what the work returns. Raises TransientError instead of doing it."""
        ...


class Unguarded:
    """Lets every call through."""

    def call(self, work: Callable[[], R]) -> R:
        """Return what the work returns."""
        return work()
