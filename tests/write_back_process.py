"""One process of its own that carries changes out in a CRM, and ends without warning.

Arguments: the database's URL, a folder, the CRM's kind and address, the moment, minutes passed.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from copilot.agent.approvals.applying import resume_applying
from copilot.agent.effects.connected import ConnectedCrms
from copilot.agent.effects.internal import internal_effects
from crm.store import Store
from tests.approval_world import Desk
from tests.write_back_world import hubspot_source, salesforce_source

MOMENTS = ("opened", "before", "written")


class Watched:
    """A writer that says when it has come to a moment."""

    def __init__(self, writer: Any, at: Callable[[str], None]) -> None:
        self._writer, self._at = writer, at

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._writer, name)
        if name not in ("change", "make_entry"):
            return method

        def told(*args: Any, **more: Any) -> Any:
            self._at("before")
            done = method(*args, **more)
            self._at("written")
            return done

        return told


def watched(source: Any, at: Callable[[str], None]) -> Any:
    """Return the source, whose writers say when they have come to a moment."""
    opened = source.writer

    @contextmanager
    def writer() -> Iterator[Any]:
        with opened() as found:
            at("opened")
            yield Watched(found, at)

    source.writer = writer
    return source


def main(url: str, folder: str, kind: str, address: str, moment: str, minutes: str) -> None:
    """Take up everything that is approved, and vanish at the moment."""

    def at(name: str) -> None:
        if name == moment:
            os._exit(9)

    made = {"salesforce": salesforce_source, "hubspot": hubspot_source}[kind](address)
    source = watched(made, at)
    desk = Desk(Store(url), Path(folder))
    desk.effects = internal_effects(ConnectedCrms(lambda: {source.name: source}))
    desk.later(minutes=float(minutes))
    resume_applying(desk.store, desk.applying())
    desk.store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
