"""One connection to a mailbox: signed in, read-only, and bounded in what it takes in."""

import imaplib
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from imap_tools import BaseMailBox
from imap_tools.errors import ImapToolsError
from imap_tools.imap_utf7 import utf7_encode

from crm.errors import CopilotError, PermanentError, TransientError
from ingest.sources.imap_folders import Folder

# What a server may send in answer to one command.
MAX_RESPONSE_BYTES = 150_000_000
GOODBYE_S = 3.0
_UID = re.compile(rb"\bUID (\d{1,10})\b")
_SIZE = re.compile(rb"RFC822\.SIZE (\d{1,12})")
_FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")
# RFC 5530 codes that say "later" rather than "never".
_LATER = ("[UNAVAILABLE]", "[INUSE]", "[SERVERBUG]", "[LIMIT]", "[OVERQUOTA]", "TOO MANY")

# What the libraries raise when a server hangs up or talks nonsense.
_NONSENSE = (EOFError, imaplib.IMAP4.error, ImapToolsError, ValueError, IndexError, TypeError)


class Lost(OSError):
    """The connection is of no more use."""


class Refused(CopilotError):
    """The server said no to a command, and stays connected."""


@contextmanager
def _speaking() -> Iterator[None]:
    try:
        yield
    except ImapToolsError as error:
        raise Refused(f"the server refused: {str(error)[:200]!r}") from error
    except _NONSENSE as error:
        raise Lost(str(error)[:200] or type(error).__name__) from error


@dataclass(frozen=True)
class Endpoint:
    """Where a mailbox is and how to reach it safely."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    timeout_s: float
    is_verified: bool = True
    ca_file: Path | None = None


@dataclass(frozen=True)
class Opened:
    """A folder opened for reading, as the server numbers it; `next_uid` None if it is not told."""

    validity: int
    next_uid: int | None


@dataclass(frozen=True)
class Listed:
    """A message before it is fetched: its number, its size in bytes, and whether it is a draft."""

    uid: int
    size: int
    is_draft: bool


class _Bounded(imaplib.IMAP4):
    """Counts what comes in, so that no literal or flood of lines fills the memory."""

    taken = 0

    def _command(self, name: str, *args: Any) -> bytes:
        self.taken = 0
        return super()._command(name, *args)  # type: ignore[misc, no-any-return]

    def read(self, size: int) -> bytes:
        self._take(size)
        return super().read(size)

    def readline(self) -> bytes:
        line = super().readline()
        self._take(len(line))
        return line

    def _take(self, size: int) -> None:
        self.taken += size
        if self.taken > MAX_RESPONSE_BYTES:
            raise self.abort(f"more than {MAX_RESPONSE_BYTES:,} bytes in one answer")


class _BoundedTls(_Bounded, imaplib.IMAP4_SSL):
    pass


class _Mailbox(BaseMailBox):
    def __init__(self, client: imaplib.IMAP4) -> None:
        self._given = client
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        return self._given


class Mailbox:
    """A connection; nothing it does changes the mailbox.

    Every method raises OSError (`Lost` among them) when the connection is of no more use, and
    those that ask for something raise `Refused` when the server says no.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        with _speaking():
            self._box = _Mailbox(_connect(endpoint))

    def close(self) -> None:
        """Say goodbye if the server still listens, and close the connection."""
        client = self._box.client
        with suppress(OSError, *_NONSENSE):
            # Whoever hangs would have us wait for the goodbye as well.
            client.sock.settimeout(GOODBYE_S)
            self._box.logout()
        with suppress(OSError):
            client.shutdown()

    def sign_in(self, user: str, password: str) -> None:
        """Sign in; PermanentError if the server refuses, TransientError if it is for now."""
        _refuse_controls(user, password)
        is_plain = user.isascii() and password.isascii()
        with _Signing(user, self._endpoint.host, "its user and password"):
            if is_plain and "LOGINDISABLED" not in self._box.client.capabilities:
                self._box.login(user, password, initial_folder=None)
            else:
                self._box.login_utf8(user, password, initial_folder=None)
        self._introduce()

    def sign_in_with_token(self, user: str, token: str) -> None:
        """Sign in by XOAUTH2; errors as for `sign_in`."""
        _refuse_controls(user, token)
        answers = [f"user={user}\1auth=Bearer {token}\1\1".encode()]
        with _Signing(user, self._endpoint.host, "its rights and the token's scope"):
            # A refusal comes as a challenge, which wants an empty answer.
            self._box.client.authenticate("XOAUTH2", lambda _: answers.pop() if answers else b"")
        self._introduce()

    def folders(self) -> list[Folder]:
        """Return all folders that can be opened, with their special uses."""
        with _speaking():
            found = self._box.folder.list()
        return [
            Folder(one.name, one.delim, tuple(flag.lower() for flag in one.flags)) for one in found
        ]

    def open(self, folder: str) -> Opened:
        """Open a folder without the right to change it."""
        with _speaking():
            self._box.folder.set(folder, readonly=True)
            return Opened(self._number("UIDVALIDITY") or 0, self._number("UIDNEXT"))

    def has(self, capability: str) -> bool:
        """Say whether the server can do this."""
        return capability in self._box.client.capabilities

    def next_uid(self, folder: str) -> int:
        """Return the number that the folder's next message will get."""
        with _speaking():
            return self._box.folder.status(folder, ["UIDNEXT"]).get("UIDNEXT", 0)

    def search(self, *criteria: str) -> list[int]:
        """Return the numbers of the messages that meet the criteria, in order."""
        data = self._ask("SEARCH", *criteria)
        words = b" ".join(part for part in data if isinstance(part, bytes)).split()
        return sorted(int(word) for word in words if word.isdigit())

    def list_messages(self, uids: Sequence[int]) -> list[Listed]:
        """Return size and draft flag of these messages, in order; missing ones are left out."""
        data = self._ask("FETCH", _as_set(uids), "(UID RFC822.SIZE FLAGS)")
        wanted, found = set(uids), {}
        for item in data:
            line = b" ".join(item) if isinstance(item, tuple) else item or b""
            uid, size, flags = _UID.search(line), _SIZE.search(line), _FLAGS.search(line)
            if uid and size and int(uid[1]) in wanted:
                is_draft = flags is not None and b"\\draft" in flags[1].lower()
                found[int(uid[1])] = Listed(int(uid[1]), int(size[1]), is_draft)
        return [found[uid] for uid in sorted(found)]

    def fetch(self, uids: Sequence[int]) -> dict[int, bytes]:
        """Return the messages by number, without marking them as read; missing ones left out."""
        data = self._ask("FETCH", _as_set(uids), "(UID BODY.PEEK[])")
        wanted = set(uids)
        return {uid: raw for uid, raw in _bodies(data) if uid in wanted}

    def idle(self, seconds: float) -> bool:
        """Wait for a message to come to the open folder; False if none did in that time."""
        with _speaking(), self._box.idle as idle:
            lines = self._buffered_lines() or idle.poll(timeout=min(seconds, 25 * 60))
        return any(b"EXISTS" in line.upper() or b"RECENT" in line.upper() for line in lines)

    def _buffered_lines(self) -> list[bytes]:
        """Return what came in one packet with the answer before: polling the socket misses it."""
        client = self._box.client
        reader: Any = getattr(client, "_file", None) or client.file
        patience = client.sock.gettimeout()
        client.sock.settimeout(0)
        lines: list[bytes] = []
        try:
            while b"\n" in (reader.peek() or b""):
                lines.append(reader.readline())
        except OSError:
            # Nothing there, which TLS says by an error.
            pass
        finally:
            client.sock.settimeout(patience)
        return lines

    def _ask(self, command: str, *words: str) -> list[Any]:
        with _speaking():
            status, data = self._box.client.uid(command, *words)
        if status != "OK":
            said = data[-1] if data and isinstance(data[-1], bytes) else b""
            raise Refused(f"the server said {status}: {said[:200].decode('utf-8', 'replace')!r}")
        return list(data)

    def _introduce(self) -> None:
        """Say who is asking: some providers (163.com, 126.com) show nothing to the nameless."""
        client = self._box.client
        with _speaking():
            # What a server can do it often says only to those signed in.
            _, said = client.capability()
            words = said[-1].decode("ascii", "replace") if said and said[-1] else ""
            client.capabilities = tuple(words.upper().split()) or client.capabilities
            if self.has("ID"):
                client.xatom("ID", '("name" "sales-copilot")')

    def _number(self, code: str) -> int | None:
        _, data = self._box.client.response(code)
        return int(data[-1]) if data and data[-1] and data[-1].isdigit() else None


class _Signing:
    """Turns a refused login into what the user should do about it; no secret is in the words."""

    def __init__(self, user: str, host: str, check: str) -> None:
        self._who = f"{user!r} at {host!r}"
        self._check = check

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, imaplib.IMAP4.abort | OSError):
            return
        if isinstance(error, imaplib.IMAP4.error | ImapToolsError):
            said = str(error)
            if any(word in said.upper() for word in _LATER):
                raise TransientError(
                    f"{self._who} cannot sign in for now: try again later"
                ) from None
            raise PermanentError(f"{self._who} may not sign in: check {self._check}") from None


def _connect(endpoint: Endpoint) -> imaplib.IMAP4:
    try:
        if endpoint.security == "tls":
            return _BoundedTls(
                endpoint.host,
                endpoint.port,
                ssl_context=_tls_context(endpoint),
                timeout=endpoint.timeout_s,
            )
        client = _Bounded(endpoint.host, endpoint.port, timeout=endpoint.timeout_s)
        if endpoint.security == "starttls":
            try:
                client.starttls(_tls_context(endpoint))
            except BaseException:
                client.shutdown()
                raise
    except ssl.SSLCertVerificationError as error:
        raise PermanentError(
            f"the certificate of {endpoint.host!r} is not trusted ({error.verify_message}):"
            " check the host, or name the authority's file as ca_file"
        ) from error
    return client


def _tls_context(endpoint: Endpoint) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=endpoint.ca_file)
    if not endpoint.is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _refuse_controls(*values: str) -> None:
    if any(ord(char) < 32 for value in values for char in value):
        raise PermanentError("user, password or token holds a line break: set the secret anew")


def _bodies(data: Sequence[Any]) -> Iterator[tuple[int, bytes]]:
    """Yield (number, body) from a FETCH answer; the number may stand before or after the body."""
    for place, item in enumerate(data):
        if not isinstance(item, tuple) or len(item) < 2:
            continue
        following = data[place + 1] if place + 1 < len(data) else b""
        after = following if isinstance(following, bytes) else b""
        uid = _UID.search(item[0]) or _UID.search(after)
        if uid:
            yield int(uid[1]), item[1]


def _as_set(uids: Sequence[int]) -> str:
    """Return numbers as a set of ranges: `3:7,9`."""
    ranges: list[list[int]] = []
    for uid in uids:
        if ranges and uid == ranges[-1][1] + 1:
            ranges[-1][1] = uid
        else:
            ranges.append([uid, uid])
    return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in ranges)


def quote_label(label: str) -> str:
    """Return a folder's name or label as it stands in a command."""
    text = utf7_encode(label)
    decoded = text.decode("ascii") if isinstance(text, bytes) else text
    return '"' + decoded.replace("\\", "\\\\").replace('"', '\\"') + '"'
