"""How far the trail had come when this machine last looked, kept beside the database."""

import json
import logging
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from crm.audit.verifying import Anchor, is_anchored, newest_anchor
from crm.store import Store

log = logging.getLogger(__name__)

FILE = "audit.anchor"


def read_anchor(folder: Path) -> Anchor | None:
    """Return what was noted in a workspace's folder, None if nothing was or it cannot be read."""
    try:
        return Anchor(**json.loads((folder / FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def keep_anchor(store: Store, folder: Path) -> None:
    """Note how far the trail has come, unless it is not the one that was noted last time.

    Then the note stays, for `audit verify` to tell. What cannot be read or written now is noted
    next time.
    """
    known = read_anchor(folder)
    try:
        with store.session() as session:
            newest = newest_anchor(session, at=datetime.now(UTC))
            if newest is None or (known and not is_anchored(session, known)):
                return
    except DBAPIError as error:
        log.debug("how far the trail has come was not noted: %s", type(error).__name__)
        return
    if known is None or newest.seq > known.seq:
        _write(folder / FILE, newest)


def forget_anchor(folder: Path) -> None:
    """Begin anew, where another database took the place of the former one on purpose."""
    (folder / FILE).unlink(missing_ok=True)


def _write(path: Path, anchor: Anchor) -> None:
    staged = path.with_suffix(".new")
    with suppress(OSError):
        staged.write_text(json.dumps(asdict(anchor)), encoding="utf-8")
        staged.replace(path)
