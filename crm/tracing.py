"""Where the work is told to whoever measures it: spans and counts; nobody listens by default."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

Value = str | int | float | bool


class Span(Protocol):
    """One stretch of work under way."""

    def note(self, **attributes: Value) -> None:
        """Add what is known only now."""


class Recorder(Protocol):
    """Who listens; `copilot.telemetry` makes one of OpenTelemetry where that is wanted.

    Attributes are numbers and words of closed sets. What people wrote, their names and addresses
    never are: a recorder refuses attributes that it does not know.
    """

    def span(self, name: str, attributes: Mapping[str, Value]) -> AbstractContextManager[Span]:
        """Return the span in which the work goes on; an exception inside marks it as failed."""

    def count(self, name: str, value: int, attributes: Mapping[str, Value]) -> None:
        """Add to a counter."""

    def measure(self, name: str, value: float, attributes: Mapping[str, Value]) -> None:
        """Note one value of what is measured, in its unit."""


class _Silence:
    def note(self, **attributes: Value) -> None:
        """Keep nothing."""


_NOTHING = nullcontext(_Silence())
_listening: list[Recorder] = []


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Let the recorder hear what this process does until the end of the block."""
    _listening.append(recorder)
    try:
        yield
    finally:
        _listening.remove(recorder)


def span(name: str, **attributes: Value) -> AbstractContextManager[Span]:
    """Return the span in which a stretch of work goes on."""
    return _listening[-1].span(name, attributes) if _listening else _NOTHING


def count(name: str, value: int = 1, **attributes: Value) -> None:
    """Count something that happened."""
    if _listening:
        _listening[-1].count(name, value, attributes)


def measure(name: str, value: float, **attributes: Value) -> None:
    """Note one value of what is measured."""
    if _listening:
        _listening[-1].measure(name, value, attributes)
