"""Time limits that hold wherever a call hangs: in a name server, a slow reply or a retry."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import TypeVar

from crm.errors import TransientError

T = TypeVar("T")


@dataclass
class _Patience:
    """How long models were waited for in one piece of work, in seconds."""

    waited_s: float = 0.0


_patience: ContextVar[_Patience | None] = ContextVar("patience", default=None)
_ends_at: ContextVar[float | None] = ContextVar("ends_at", default=None)


@contextmanager
def shared_patience() -> Iterator[None]:
    """Let all calls in the block have one time limit together instead of one each."""
    token = _patience.set(_Patience())
    try:
        yield
    finally:
        _patience.reset(token)


def left_s() -> float | None:
    """Return how many seconds the work around this has left, None where it has no limit."""
    ends_at = _ends_at.get()
    return None if ends_at is None else ends_at - time.monotonic()


def within(limit_s: float, work: Callable[[], T], *, late: str) -> T:
    """Return what the work returns, done within so many seconds.

    Raises TransientError, which says `late`, when they are over. The work may then go on unheard
    until it asks for `left_s`, but neither the caller nor the end of the process waits for it.
    """
    patience = _patience.get() or _Patience()
    limit_s -= patience.waited_s
    if limit_s <= 0:
        raise TransientError(late)
    begun = time.monotonic()
    future = _begun(work, ends_at=begun + limit_s)
    try:
        if not wait([future], timeout=limit_s).done:
            raise TransientError(late)
        return future.result()
    finally:
        patience.waited_s += time.monotonic() - begun


def _begun(work: Callable[[], T], *, ends_at: float) -> "Future[T]":
    """Start the work on a thread of its own: an executor's would hold up the process's end."""
    future: Future[T] = Future()
    context = copy_context()
    context.run(_ends_at.set, ends_at)

    def run() -> None:
        try:
            future.set_result(context.run(work))
        except BaseException as error:  # noqa: BLE001 — handed over to who waits
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="model-call").start()
    return future
