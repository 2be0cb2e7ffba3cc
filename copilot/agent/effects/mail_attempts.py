"""What this machine knows of its attempts to send: begun or done, and one process at a time."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from filelock import FileLock, Timeout

from copilot.agent.effects.outgoing import Identity
from crm.errors import PermanentError, TransientError

FOLDER = "mail-attempts"
"""Where a workspace keeps them."""


class Stage(StrEnum):
    """How far an attempt came: nothing handed over, perhaps handed over, or taken by the server."""

    NOTHING = "nothing"
    BEGUN = "begun"
    TAKEN = "taken"


@dataclass(frozen=True)
class Attempt:
    """One mail's attempts; the file lies on the disk before a method returns."""

    path: Path

    @property
    def stage(self) -> Stage:
        """How far it came. A note that was cut off by a crash counts as begun."""
        try:
            return Stage(json.loads(self.path.read_text(encoding="utf-8"))["stage"])
        except FileNotFoundError:
            return Stage.NOTHING
        except (ValueError, KeyError, TypeError):
            return Stage.BEGUN

    def note(self, stage: Stage) -> None:
        """Keep how far it came, through a crash or power cut.

        Raises PermanentError if it cannot be kept before anything was handed over. Afterwards the
        earlier note stays, which says the same with less certainty.
        """
        try:
            self._write(stage)
        except OSError as error:
            if stage is Stage.BEGUN:
                raise _no_room(self.path, error) from error

    def _write(self, stage: Stage) -> None:
        if stage is Stage.NOTHING:
            self.path.unlink(missing_ok=True)
            return
        staged = self.path.with_suffix(".new")
        with staged.open("w", encoding="utf-8") as file:
            json.dump({"stage": stage.value}, file)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Attempts:
    """The attempts of all mails, in a folder that every process which sends has to share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, identity: Identity) -> Attempt:
        """Return the mail's attempt, for reading."""
        return Attempt(self._folder / identity.mark[:2] / f"{identity.mark}.json")

    @contextmanager
    def held(self, identity: Identity) -> Iterator[Attempt]:
        """Yield the mail's attempt while no other process has it; a killed one has it no more.

        Raises TransientError if another process is at it, PermanentError if nothing can be
        written.
        """
        attempt = self.of(identity)
        lock = FileLock(attempt.path.with_suffix(".lock"), timeout=0)
        try:
            attempt.path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise TransientError(
                f"mail {identity.message_id} is on its way in another process: ask again later"
            ) from None
        except OSError as error:
            raise _no_room(attempt.path, error) from error
        try:
            yield attempt
        finally:
            lock.release()


def _no_room(path: Path, error: OSError) -> PermanentError:
    return PermanentError(
        f"{str(path)!r} cannot be written ({error.strerror}): make room or give the right to write"
        " there; nothing was sent"
    )
