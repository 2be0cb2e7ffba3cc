"""When a request to a busy server is made again, and when that is given up."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential

from crm.errors import OutOfReach, TransientError


@dataclass(frozen=True)
class Pacing:
    """How patient a source is: waits grow from `first_wait_s`, doubling, to `longest_wait_s`.

    A server that asks for a longer wait than the longest is left in peace until the next run.
    """

    attempts: int = 6
    first_wait_s: float = 1.0
    longest_wait_s: float = 90.0
    timeout_s: float = 60.0
    sleep: Callable[[float], None] = time.sleep


class Busy(TransientError):
    """The server asks to come again; `wait_s` is how much later it says.

    `is_untouched` says that the request surely changed nothing there.
    """

    def __init__(
        self, message: str, wait_s: float | None = None, *, is_untouched: bool = False
    ) -> None:
        super().__init__(message)
        self.wait_s, self.is_untouched = wait_s, is_untouched


class Away(Busy, OutOfReach):
    """The server is out of reach, or what runs there has failed."""


def make_retrying(pacing: Pacing, *, is_write: bool = False) -> Retrying:
    """Return the one loop in which a source's requests are tried again, if the error may pass.

    A write is tried again only if the one before surely changed nothing.
    """
    growing = wait_exponential(multiplier=pacing.first_wait_s, max=pacing.longest_wait_s)

    def wait_s(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait_s if isinstance(error, Busy) else None
        return growing(state) if asked is None else asked

    def is_worth_it(error: BaseException) -> bool:
        if is_write and not (isinstance(error, Busy) and error.is_untouched):
            return False
        asked = error.wait_s if isinstance(error, Busy) else None
        return isinstance(error, TransientError) and (asked or 0) <= pacing.longest_wait_s

    return Retrying(
        sleep=pacing.sleep,
        stop=stop_after_attempt(pacing.attempts),
        wait=wait_s,
        retry=retry_if_exception(is_worth_it),
        reraise=True,
    )


def retry_after_s(header: str | None, server_time: datetime | None) -> float | None:
    """Return the seconds that a Retry-After header asks for, None if it asks for nothing usable.

    A date counts from the server's own clock, as ours may be another.
    """
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        until = http_time(header)
        if until is None or server_time is None:
            return None
        seconds = (until - server_time).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def http_time(header: str | None) -> datetime | None:
    """Return the aware time in an HTTP date, None if it is none."""
    try:
        found = parsedate_to_datetime(header) if header else None
    except ValueError:
        return None
    if found is None:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
