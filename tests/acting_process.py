"""A process of its own that resumes a thread, and may end without warning before the effect.

Arguments: the database's file, the folder, the decisions as JSON, and the moment of the end.
"""

import json
import os
import sys
from pathlib import Path

from copilot.agent.asking import decide
from crm.errors import CopilotError
from crm.store import Store
from tests.acting_world import Actors
from tests.agent_world import ANNA_ASKS, AS_OF


def main(database: str, folder: str, decisions: str, moment: str) -> None:
    """Resume the thread "t" as Anna, and vanish at the moment."""

    def at(name: str) -> None:
        if name == moment:
            os._exit(9)

    actors = Actors(Store.sqlite(Path(database)), Path(folder))
    actors.post.at = at
    try:
        with actors.graph() as graph:
            answer = decide(
                graph, json.loads(decisions), principal=ANNA_ASKS, as_of=AS_OF, thread_id="t"
            )
        sys.stdout.write(answer.actions[0].status)
    except CopilotError as error:
        sys.stdout.write(f"{type(error).__name__} {error}")
    actors.store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
