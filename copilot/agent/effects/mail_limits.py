"""How long talking to a mail server may take in all; together well within a claim's lease."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

MAILBOX_S = 60.0
"""Signing in to the mailbox and looking through its folders."""

APPEND_S = 180.0
"""The same, and putting a message into a folder."""

PREPARE_S = 75.0
"""Everything up to the content of a mail, all tries together."""

CONTENT_S = 200.0
"""Handing the content over and waiting for the answer."""


@contextmanager
def cut_off(line: Callable[[], socket.socket | None], *, after_s: float) -> Iterator[None]:
    """End a connection after so long, even where its server keeps saying a little.

    A timeout alone counts anew with every byte. Raises TimeoutError once it has cut: half an answer
    that was read by then must not be taken for a whole one.
    """
    is_cut = threading.Event()

    def cut() -> None:
        is_cut.set()
        one = line()
        if one is not None:
            with suppress(OSError):
                # The plain call: that of TLS changes an object which another thread reads from.
                socket.socket.shutdown(one, socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, after_s), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if is_cut.is_set():
            raise TimeoutError(f"not done within {after_s:.0f} s")
