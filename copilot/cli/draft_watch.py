"""Tells on standard error what of a draft is being written, and takes the time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from copilot.cli.console import Meter
from copilot.cli.console import progress as progress_display

_LABELS = {
    "evidence": "gathering facts",
    "situation": "their situation",
    "goals": "goals",
    "solution": "solution",
    "letter": "cover letter",
    "document": "document",
}


class Watch:
    """Tells on standard error what is being written, and how long everything took."""

    def __init__(self, meter: Meter) -> None:
        self.took_ms = 0
        self._meter = meter
        self._started = time.perf_counter()

    def tell(self, what: str, done: int, total: int) -> None:
        """Show how far it is."""
        self._meter(_LABELS.get(what, what), done, total)

    def stop(self) -> None:
        """Take the time."""
        self.took_ms = round((time.perf_counter() - self._started) * 1000)


@contextmanager
def watched(*, quiet: bool) -> Iterator[Watch]:
    """Yield a watch that tells on a terminal what is being written."""
    with progress_display(quiet=quiet) as display:
        meter = Meter(display)
        meter("gathering facts", 0)
        watch = Watch(meter)
        yield watch
        watch.stop()
