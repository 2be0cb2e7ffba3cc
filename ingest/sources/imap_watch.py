"""Waiting for mail: the server tells (IDLE) where it can, and is asked now and then besides."""

import time
from collections.abc import Callable, Mapping

from crm.errors import TransientError
from ingest.sources.imap_client import Mailbox, Refused

# Before a server that does not answer is tried again.
PAUSE_S = 30.0


def wait_for_mail(
    connect: Callable[[], Mailbox],
    next_uids: Mapping[str, int],
    *,
    timeout_s: float,
    poll_s: float,
    sleep: Callable[[float], None],
) -> bool:
    """Return True once a folder holds more than it did, False after `timeout_s` seconds.

    `next_uids` are the folders with the number that each one's next message was to get; None at
    all means that nothing is known, so anything may be new. A lost connection may have hidden
    something: True. A server out of reach uses up time and gives False. PermanentError if signing
    in is refused.
    """
    if not next_uids:
        return True
    deadline = time.monotonic() + timeout_s
    try:
        mailbox = connect()
    except (OSError, TransientError):
        sleep(max(0.0, min(PAUSE_S, timeout_s)))
        return False
    try:
        return _watch(mailbox, next_uids, deadline, poll_s, sleep)
    except (OSError, Refused):
        return True
    finally:
        mailbox.close()


def _watch(
    mailbox: Mailbox,
    next_uids: Mapping[str, int],
    deadline: float,
    poll_s: float,
    sleep: Callable[[float], None],
) -> bool:
    folder = next((name for name in next_uids if name.upper() == "INBOX"), next(iter(next_uids)))
    can_idle = mailbox.has("IDLE")
    if can_idle:
        mailbox.open(folder)
    while True:
        # Asked once IDLE's folder is open: nothing that comes in between is missed.
        if any(_has_grown(mailbox, name, known) for name, known in next_uids.items()):
            return True
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        pause = min(poll_s, left)
        if can_idle:
            if mailbox.idle(pause):
                return True
        else:
            sleep(pause)


def _has_grown(mailbox: Mailbox, folder: str, known: int) -> bool:
    try:
        return mailbox.next_uid(folder) > known
    except Refused:
        return False
