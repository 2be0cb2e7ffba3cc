"""One process of its own that applies actions, and ends without warning at a given moment.

Arguments: the database's URL, the folder of deliveries, the moment, the hours that have passed.
"""

import os
import sys
from pathlib import Path

from copilot.agent.approvals.applying import resume_applying
from crm.errors import CopilotError
from crm.store import Store
from tests.approval_world import Desk


def main(url: str, folder: str, moment: str, hours: str) -> None:
    """Take up everything that is approved, and vanish at the moment."""

    def at(name: str) -> None:
        if name == moment:
            os._exit(9)

    desk = Desk(Store(url), Path(folder))
    desk.delivery.at = at
    desk.later(hours=float(hours))
    try:
        resume_applying(desk.store, desk.applying())
    except CopilotError:
        os._exit(1)
    desk.store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
