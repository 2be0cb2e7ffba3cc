"""A real SMTP server that delivers, counts and misbehaves, and a line to IMAP that breaks off."""

import asyncio
import logging
import random
import socket
import socketserver
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.imap_servers import free_port

OK = "250 Message accepted for delivery"
USER, PASSWORD = "anna", "correct horse"


@dataclass
class Taken:
    """One message that was taken: to whom, and its bytes."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        found = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found


@dataclass
class Deliveries:
    """What the server took, and how it answers; a code for an address or for content refuses it.

    `drop_after` and `drop_before` are the chances of hanging up right after a message is taken, and
    right before, instead of answering; `busy` is the chance of "come again later", `late` that of
    reaching the mailbox some moments after the answer only.
    """

    taken: list[Taken] = field(default_factory=list)
    by_id: Counter[str] = field(default_factory=Counter)
    by_body: Counter[str] = field(default_factory=Counter)
    refusals: dict[str, str] = field(default_factory=dict)
    content: list[str] = field(default_factory=list)
    drop_after: float = 0.0
    drop_before: float = 0.0
    late: float = 0.0
    busy: float = 0.0
    dropped_after: int = 0
    dropped_before: int = 0
    told_busy: int = 0
    logins: list[str] = field(default_factory=list)
    deliver: Callable[[bytes], Any] | None = None
    chance: random.Random = field(default_factory=lambda: random.Random(5))

    async def handle_RCPT(  # noqa: N802 - named by the library
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        if self.chance.random() < self.busy:
            self.told_busy += 1
            return "451 4.3.0 Busy: come again later"
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(0)
        if self.content:
            answer = self.content.pop(0)
            if answer:
                return answer
        if self.chance.random() < self.drop_before:
            self.dropped_before += 1
            return _hang_up(server)
        self._take(envelope)
        if self.chance.random() < self.drop_after:
            self.dropped_after += 1
            return _hang_up(server)
        return OK

    def _take(self, envelope: Envelope) -> None:
        raw = envelope.original_content or b""
        one = Taken(str(envelope.mail_from), tuple(envelope.rcpt_tos), raw)
        message = one.message
        body = message.get_body(("plain",))
        self.taken.append(one)
        self.by_id[str(message["Message-ID"]).strip()] += 1
        self.by_body[body.get_content().strip() if body else ""] += 1
        if self.deliver is None:
            return
        wait_s = self.chance.uniform(0.05, 0.6) if self.chance.random() < self.late else 0.0
        if wait_s:
            asyncio.get_running_loop().call_later(wait_s, self.deliver, raw)
        else:
            self.deliver(raw)

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        is_right = (
            isinstance(data, LoginPassword)
            and data.login.decode() == USER
            and data.password.decode() == PASSWORD
        )
        self.logins.append(mechanism)
        return AuthResult(success=is_right, handled=False)


def _hang_up(server: SMTP) -> str:
    transport: Any = server.transport
    transport.abort()
    return OK


@dataclass
class SmtpServer:
    """A running server."""

    port: int
    deliveries: Deliveries


@contextmanager
def run_smtp(
    deliveries: Deliveries | None = None, *, most_bytes: int = 30_000_000, **options: Any
) -> Iterator[SmtpServer]:
    """Run an SMTP server on the loopback address until the block ends."""
    found = deliveries or Deliveries()
    # The library warns of a part of its own at every sign-in.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    controller = Controller(
        found,
        hostname="127.0.0.1",
        port=free_port(),
        # Five seconds by itself, too few on a busy machine.
        ready_timeout=60,
        auth_require_tls=False,
        authenticator=found.authenticate,
        data_size_limit=most_bytes,
        enable_SMTPUTF8=True,
        **options,
    )
    controller.start()
    try:
        yield SmtpServer(controller.port, found)
    finally:
        controller.stop()


@dataclass
class BreakingLine:
    """A line to a mailbox that breaks off by chance as a message is appended to it.

    `before` breaks as the command comes, `after` once it was carried out and before its answer.
    """

    target: int
    before: float = 0.0
    after: float = 0.0
    broken_before: int = 0
    broken_after: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    port: int = 0

    def lets(self, data: bytes, *, is_answer: bool) -> bool:
        """Say whether this part gets through."""
        if is_answer and b"APPENDUID" in data and self.chance.random() < self.after:
            self.broken_after += 1
            return False
        if not is_answer and b" APPEND " in data and self.chance.random() < self.before:
            self.broken_before += 1
            return False
        return True


@contextmanager
def run_line(line: BreakingLine) -> Iterator[BreakingLine]:
    """Run the line on the loopback address until the block ends."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", line.target)) as behind:
                answers = threading.Thread(target=self.pump, args=(behind, self.request, True))
                answers.start()
                self.pump(self.request, behind, False)
                answers.join()

        def pump(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
            try:
                while (data := source.recv(65_536)) and line.lets(data, is_answer=is_answer):
                    target.sendall(data)
            except OSError:
                pass
            for each in (source, target):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        line.port = int(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield line
        finally:
            server.shutdown()
            thread.join()
