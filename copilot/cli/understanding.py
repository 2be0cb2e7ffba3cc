"""Making the notes that imported conversations still lack."""

import logging
from collections.abc import Sequence

from copilot.cli.console import Meter, progress
from copilot.cli.context import moment
from copilot.wiring import Installation
from copilot.writers.calls.storing import pending_notes, understand_conversation
from crm.errors import CopilotError
from crm.principal import Principal

log = logging.getLogger(__name__)

_SLICE = 200


def understand_pending(
    installation: Installation, *, only: Sequence[int] | None = None, quiet: bool = False
) -> int:
    """Understand what has no current notes, or `only` these, and return how many were.

    What the model or the conversation refuses is left without notes, for `sync` to try again.
    """
    model, owner = installation.note_model, Principal.local_owner()
    tried: set[int] = set()
    done = 0
    with progress(quiet=quiet) as display:
        meter = Meter(display)
        while True:
            with installation.store.session() as session:
                limit = _SLICE + len(tried)
                found = only if only is not None else pending_notes(
                    session, owner, limit, model=model
                )  # fmt: skip
            ids = [each for each in found if each not in tried]
            if not ids:
                return done
            for conversation_id in ids:
                meter("understanding", len(tried), len(tried) + len(ids))
                tried.add(conversation_id)
                done += _understood(installation, conversation_id)


def _understood(installation: Installation, conversation_id: int) -> bool:
    try:
        made = understand_conversation(
            installation.store,
            conversation_id,
            model=installation.note_model,
            principal=Principal.local_owner(),
            now=moment(installation),
        )
    except CopilotError as error:
        log.warning("conversation %d has no notes: %s", conversation_id, type(error).__name__)
        return False
    return made.changed
