"""What SIGINT and SIGTERM do: the first ends the command in good order, the second at once."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = 128 + signal.SIGINT
_REPEATED = 0x80
_BREATH_S = 0.01


class Stopped(KeyboardInterrupt):
    """A signal asked this process to end; transactions roll back on its way out."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


def stop_code(error: KeyboardInterrupt) -> int:
    """Return the exit code after an interruption: 130 by SIGINT, 143 by SIGTERM."""
    return error.exit_code if isinstance(error, Stopped) else INTERRUPTED


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Raise Stopped on the first signal inside, and leave the process on the second.

    A signal that the caller ignores, as a shell does for what runs behind `nohup`, stays ignored.
    """
    taken = [one for one in _SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.getsignal(one) for one in taken}
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    # A thread of its own sees the second signal even while the first waits for a library's loop.
    kept = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    hook = sys.unraisablehook
    threading.Thread(target=_watch, args=(reading,), name="signals", daemon=True).start()
    try:
        sys.unraisablehook = partial(_ask_again, writing, hook)
        for one in taken:
            signal.signal(one, _stop)
        yield
    except SystemExit as left:
        # What runs before our own error edge answers every interruption with 130.
        if left.code == INTERRUPTED and signal.getsignal(signal.SIGTERM) is _terminated:
            left.code = 128 + signal.SIGTERM
        raise
    finally:
        sys.unraisablehook = hook
        signal.set_wakeup_fd(kept)
        os.close(writing)
        for one, handler in before.items():
            signal.signal(one, handler)


def _stop(number: int, _frame: FrameType | None) -> None:
    # The next one is the thread's.
    after = _terminated if number == signal.SIGTERM else _interrupted
    for one in _SIGNALS:
        if signal.getsignal(one) is _stop:
            signal.signal(one, after)
    raise Stopped(number)


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    """Do nothing more after SIGINT."""


def _terminated(_number: int, _frame: FrameType | None) -> None:
    """Do nothing more after SIGTERM."""


def _ask_again(writing: int, hook: Any, unraisable: Any) -> None:
    """Have a signal repeated whose Stopped was swallowed, as callbacks of weak references do."""
    stopped = unraisable.exc_value
    if not isinstance(stopped, Stopped):
        hook(unraisable)
        return
    for one in _SIGNALS:
        if signal.getsignal(one) in {_interrupted, _terminated}:
            signal.signal(one, _stop)
    os.write(writing, bytes([_REPEATED | (stopped.exit_code - 128)]))


def _watch(reading: int) -> None:
    seen = repeated = 0
    while number := os.read(reading, 1):
        if number[0] & _REPEATED:
            repeated += 1
            time.sleep(_BREATH_S)
            os.kill(os.getpid(), number[0] & ~_REPEATED)
            continue
        if number[0] in _SIGNALS and repeated:
            repeated -= 1
            continue
        if number[0] not in _SIGNALS:
            continue
        seen += 1
        if seen > 1:
            os._exit(128 + number[0])
        if sys.stderr.isatty():
            sys.stderr.write("\nstopping; once more ends at once\n")
    os.close(reading)
