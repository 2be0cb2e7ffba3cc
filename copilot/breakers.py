"""Circuit breakers around servers elsewhere: one that is down is not asked again for a while."""

import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, TypeVar

from pybreaker import (
    STATE_OPEN,
    CircuitBreaker,
    CircuitBreakerError,
    CircuitBreakerListener,
    CircuitBreakerStorage,
)
from pydantic import BaseModel, Field

from crm.errors import OutOfReach, TransientError
from crm.tracing import count, measure

T = TypeVar("T")
Kind = Literal["model", "embedder", "recogniser", "mail server", "CRM"]

FAILURES = 3
PAUSE_S = 30.0
_CLOCK_SLACK = timedelta(seconds=2)


class Resting(TransientError):
    """The server was not asked, because it failed several times in a row a moment ago."""


class Standing(BaseModel):
    """What is known of a server: `opened_at` is when it was last given up, in seconds of UTC.

    `what` names it to people, `pause_s` is how long it is left alone.
    """

    what: str = ""
    pause_s: float = Field(default=PAUSE_S, ge=0.0, lt=1e6)
    state: Literal["closed", "open", "half-open"] = "closed"
    failures: int = 0
    successes: int = 0
    opened_at: float = Field(default=0.0, ge=0.0, lt=1e11)


class Breaker:
    """Passes calls on to one server until it failed `FAILURES` times in a row.

    All processes of a workspace share what they know through a small file, so that a server that
    is down costs one of them its time, not each. Two that fail in the same instant may count as
    one. Only errors of the kind `counted` are failures: a refusal shows that the server is there.
    """

    def __init__(
        self,
        what: str,
        *,
        file: Path,
        pause_s: float = PAUSE_S,
        kind: str = "server",
        counted: type[TransientError] = TransientError,
    ) -> None:
        """`what` names the server to people, as in "the model at 'https://…'"."""
        self._what = what
        self._kind = kind
        self._counted = counted
        self._pause = timedelta(seconds=pause_s)
        self._kept = _FileState(file, Standing(what=what, pause_s=pause_s))
        self._of_thread = threading.local()

    def call(self, work: Callable[[], T]) -> T:
        """Return what the work returns. Raises Resting without doing it, while the pause lasts."""
        try:
            return self._breaker.call(work)
        except CircuitBreakerError:
            raise self._resting() from None

    @property
    def is_open(self) -> bool:
        """Say whether the server is not being asked at present."""
        return self._kept.state == STATE_OPEN

    @property
    def _breaker(self) -> CircuitBreaker:
        # The library lets one call at a time through a breaker; callers on other threads have
        # breakers of their own, on the same state.
        found: CircuitBreaker | None = getattr(self._of_thread, "breaker", None)
        if found is None:
            found = self._of_thread.breaker = CircuitBreaker(
                fail_max=FAILURES,
                reset_timeout=self._pause.total_seconds(),
                exclude=[lambda error: not isinstance(error, self._counted)],
                state_storage=self._kept,
                listeners=[_Counting()],
                name=self._kind,
                throw_new_error_on_trip=False,
            )
        return found

    def _resting(self) -> Resting:
        since = self._kept.opened_at or datetime.now(UTC)
        return Resting(_in_words(self._what, since, since + self._pause))


def breaker_for(kind: Kind, place: str, *, folder: Path, pause_s: float = PAUSE_S) -> Breaker:
    """Return the breaker of one server, whose state lies in a file of the folder.

    `place` is shown to people: give it without credentials. A mail server or CRM that is there
    and puts off one mail or record is asked for the next: only its absence counts.
    """
    digest = sha256(place.encode("utf-8", "replace")).hexdigest()[:12]
    word = kind.replace(" ", "-").lower()
    file = folder / f"{word}-{digest}.json"
    counted = OutOfReach if kind in {"mail server", "CRM"} else TransientError
    what = f"the {kind} at {place!r}"
    return Breaker(what, file=file, kind=word, pause_s=pause_s, counted=counted)


def servers_at_rest(folder: Path, now: datetime) -> Iterator[str]:
    """Yield a sentence for each server that is not asked at present, as the breakers tell it."""
    for file in sorted(folder.glob("*.json")):
        known = _FileState(file, Standing())
        since, kept = known.opened_at, known.standing
        if kept.state != STATE_OPEN or since is None:
            continue
        again = since + timedelta(seconds=kept.pause_s)
        if now < again:
            yield _in_words(kept.what or f"the server of {file.name!r}", since, again)


def _in_words(what: str, since: datetime, again: datetime) -> str:
    return (
        f"{what} failed {FAILURES} times in a row and is not asked since {since:%H:%M:%S} UTC; it "
        f"is asked again at {again:%Y-%m-%d %H:%M:%S} UTC"
    )


class _Counting(CircuitBreakerListener):
    def state_change(self, cb: CircuitBreaker, old_state: Any, new_state: Any) -> None:
        """Let telemetry know."""
        count("breaker_changes", state=new_state.name, kind=cb.name or "")
        measure("breaker_open", float(new_state.name == STATE_OPEN), kind=cb.name or "")


class _FileState(CircuitBreakerStorage):
    """The library's state in a file; where that cannot be written, in this process alone."""

    def __init__(self, file: Path, first: Standing) -> None:
        super().__init__("file")
        self._file = file
        self._first = first
        self._here: Standing | None = None

    @property
    def standing(self) -> Standing:
        """All that is known."""
        return self._read()

    @property
    def state(self) -> str:
        """Whether calls pass: closed, open or half-open."""
        return self._read().state

    @state.setter
    def state(self, state: str) -> None:
        self._write(state=state)

    @property
    def counter(self) -> int:
        """How many calls failed in a row."""
        return self._read().failures

    def increment_counter(self) -> None:
        """Note a failure."""
        self._write(failures=self.counter + 1)

    def reset_counter(self) -> None:
        """Forget failures; a server that is well costs no write."""
        if self.counter:
            self._write(failures=0)

    @property
    def success_counter(self) -> int:
        """How many calls went well since the last pause."""
        return self._read().successes

    def increment_success_counter(self) -> None:
        """Note a success."""
        self._write(successes=self.success_counter + 1)

    def reset_success_counter(self) -> None:
        """Forget successes."""
        self._write(successes=0)

    @property
    def opened_at(self) -> datetime | None:
        """When the server was given up; None where the clock was set back since: ask it again."""
        opened = datetime.fromtimestamp(self._read().opened_at, UTC)
        return None if opened > datetime.now(UTC) + _CLOCK_SLACK else opened

    @opened_at.setter
    def opened_at(self, moment: datetime) -> None:
        self._write(opened_at=moment.timestamp())

    def _read(self) -> Standing:
        if self._here is not None:
            return self._here
        try:
            return Standing.model_validate_json(self._file.read_bytes())
        except (OSError, ValueError):
            return self._first

    def _write(self, **changes: Any) -> None:
        named = {"what": self._first.what, "pause_s": self._first.pause_s}
        changed = self._read().model_copy(update={**named, **changes})
        scratch = self._file.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            scratch.write_text(changed.model_dump_json(), "utf-8")
            scratch.replace(self._file)
        except OSError:
            self._here = changed
