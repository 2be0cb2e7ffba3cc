"""Mail servers for tests: a real Dovecot of their own, and a scripted one that misbehaves."""

import getpass
import grp
import os
import re
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CRLF = b"\r\n"


def mail(number: int, body: str = "We take forty gateways.", extra: str = "") -> bytes:
    return (
        f"From: Bob Ray <bob@acme.example>\r\nTo: anna@ours.example\r\nSubject: Mail {number}\r\n"
        f"Date: Mon, 04 May 2026 10:{number % 60:02d}:00 +0000\r\nMessage-ID: <m{number}@x>\r\n"
        f"{extra}\r\n{body} {number}\r\n"
    ).encode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Dovecot:
    """A running server; `maildir` is the mailbox of `user`, whose password is `secret`."""

    port: int
    maildir: Path
    user: str = "anna"
    password: str = "correct horse"
    _count: int = 0

    def deliver(self, raw: bytes, folder: str = "") -> Path:
        """Put a message into a folder as a delivery agent does."""
        home = self.maildir / f".{folder}" if folder else self.maildir
        for part in ("", "tmp", "new", "cur"):
            (home / part).mkdir(parents=True, exist_ok=True)
            (home / part).chmod(0o777)
        self._count += 1
        path = home / "new" / f"{1_700_000_000 + self._count}.{self._count}.test"
        staged = home / "tmp" / path.name
        staged.write_bytes(raw)
        staged.chmod(0o666)
        staged.rename(path)
        return path

    def state(self) -> dict[str, bytes]:
        """Return every message file with its flags, to show that nobody changed them."""
        return {
            re.sub(r"^(new|cur)/", "", str(path.relative_to(self.maildir))): path.read_bytes()
            for path in sorted(self.maildir.rglob("*.test*"))
        }


@contextmanager
def run_dovecot() -> Iterator[Dovecot]:
    """Run a Dovecot of our own on the loopback address, all its files in a temporary folder."""
    # Not under pytest's: sockets need short paths, and those that others may enter.
    with tempfile.TemporaryDirectory(prefix="imap-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with _run_in(Path(folder)) as server:
            yield server


@contextmanager
def _run_in(base: Path) -> Iterator[Dovecot]:
    program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert program is not None
    me, group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
    is_root = os.getuid() == 0
    # Nobody's mail is delivered to root, and so it is to `nobody`.
    mail_uid, mail_gid = (65_534, 65_534) if is_root else (os.getuid(), os.getgid())
    # Root's server hands connections to users of the package, who must reach its sockets.
    owners = (
        ""
        if is_root
        else (
            f"default_internal_user = {me}\ndefault_internal_group = {group}\n"
            f"default_login_user = {me}\n"
        )
    )
    maildir, port = base / "mail", free_port()
    for folder in (maildir, base / "run", base / "state"):
        folder.mkdir(parents=True)
    server = Dovecot(port, maildir)
    users = base / "users"
    users.write_text(f"{server.user}:{{PLAIN}}{server.password}:{mail_uid}:{mail_gid}::::\n")
    config = base / "dovecot.conf"
    config.write_text(
        f"""
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/log
protocols = imap
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
listen = 127.0.0.1
{owners}
first_valid_uid = 0
first_valid_gid = 0
mail_location = maildir:{maildir}
maildir_stat_dirs = yes
mailbox_list_index = no
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = passwd-file
  args = {users}
}}
userdb {{
  driver = passwd-file
  args = {users}
}}
namespace inbox {{
  inbox = yes
  mailbox Rubbish {{
    special_use = \\Junk
  }}
  mailbox Entwurf {{
    special_use = \\Drafts
  }}
}}
"""
    )
    maildir.chmod(0o777)
    with (base / "errors").open("wb") as errors:
        process = subprocess.Popen([program, "-F", "-c", str(config)], stderr=errors)
    try:
        _await_port(port, process, base)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=60)


def _await_port(port: int, process: "subprocess.Popen[bytes]", base: Path) -> None:
    for _ in range(1200):
        if process.poll() is not None:
            said = [path.read_text() for path in (base / "errors", base / "log") if path.exists()]
            raise AssertionError(f"dovecot did not start: {said}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("dovecot does not answer")


# What a fault does: it gets the connection and the command's words, and says whether it answered.
Fault = Callable[["Connection", str, list[str]], bool]


@dataclass
class Script:
    """What the scripted server holds and how it behaves; it notes every command."""

    messages: dict[str, dict[int, bytes]] = field(default_factory=lambda: {"INBOX": {}})
    flags: dict[str, str] = field(default_factory=dict)
    validity: int = 7
    capabilities: str = "IMAP4rev1 IDLE UIDPLUS"
    greeting: str = "* OK ready"
    password: str = "secret-word"
    token: str = ""
    sizes: dict[int, int] = field(default_factory=dict)
    fault: Fault | None = None
    commands: list[str] = field(default_factory=list)
    connections: int = 0


class Connection(socketserver.StreamRequestHandler):
    """One client, served as the script says."""

    server: "ScriptedServer"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        self.folder = "INBOX"
        script = self.server.script
        script.connections += 1
        self.say(script.greeting)
        try:
            while line := self.rfile.readline():
                words = line.decode("utf-8", "replace").rstrip("\r\n").split(" ")
                script.commands.append(" ".join(words[1:]))
                if script.fault and script.fault(self, words[0], words[1:]):
                    continue
                self.answer(words[0], words[1:])
        except (OSError, ValueError):
            return

    def say(self, line: str | bytes) -> None:
        self.wfile.write((line if isinstance(line, bytes) else line.encode()) + CRLF)
        self.wfile.flush()

    def hang_up(self) -> bool:
        self.connection.shutdown(socket.SHUT_RDWR)
        return True

    def answer(self, tag: str, words: list[str]) -> None:
        name = words[0].upper()
        if name == "UID":
            name, words = f"UID {words[1].upper()}", words[1:]
        handler = getattr(self, "do_" + name.lower().replace(" ", "_"), None)
        if handler is None:
            self.say(f"{tag} BAD unknown command")
        else:
            handler(tag, words[1:])

    def do_capability(self, tag: str, _: list[str]) -> None:
        self.say(f"* CAPABILITY {self.server.script.capabilities}")
        self.say(f"{tag} OK done")

    def do_login(self, tag: str, words: list[str]) -> None:
        is_right = words[1].strip('"') == self.server.script.password
        self.say(f"{tag} OK in" if is_right else f"{tag} NO [AUTHENTICATIONFAILED] no")

    def do_authenticate(self, tag: str, words: list[str]) -> None:
        import base64

        self.say("+ ")
        given = base64.b64decode(self.rfile.readline()).decode()
        if given.endswith(f"auth=Bearer {self.server.script.token}\1\1"):
            self.say(f"{tag} OK in")
            return
        self.say(b"+ " + base64.b64encode(b'{"status":"401"}'))
        self.rfile.readline()
        self.say(f"{tag} NO [AUTHENTICATIONFAILED] no")

    def do_list(self, tag: str, _: list[str]) -> None:
        for name in self.server.script.messages:
            flags = self.server.script.flags.get(name, "\\HasNoChildren")
            self.say(f'* LIST ({flags}) "/" "{name}"')
        self.say(f"{tag} OK done")

    def do_examine(self, tag: str, words: list[str]) -> None:
        self.folder = " ".join(words).strip('"')
        held = self.server.script.messages[self.folder]
        self.say(f"* {len(held)} EXISTS")
        self.say(f"* OK [UIDVALIDITY {self.server.script.validity}] valid")
        self.say(f"* OK [UIDNEXT {max(held, default=0) + 1}] next")
        self.say(f"{tag} OK [READ-ONLY] done")

    def do_status(self, tag: str, words: list[str]) -> None:
        held = self.server.script.messages[words[0].strip('"')]
        self.say(f"* STATUS {words[0]} (UIDNEXT {max(held, default=0) + 1})")
        self.say(f"{tag} OK done")

    def do_uid_search(self, tag: str, words: list[str]) -> None:
        held = sorted(self.server.script.messages[self.folder])
        first = int(words[words.index("UID") + 1].split(":")[0])
        # As in RFC 3501: up to `*` includes the last message, whatever its number.
        found = [uid for uid in held if uid >= first] or held[-1:]
        if "X-GM-LABELS" in words:
            label = words[-1].strip('"').encode()
            texts = self.server.script.messages[self.folder]
            found = [uid for uid in found if b"X-Label: " + label in texts[uid]]
        self.say(f"* SEARCH {' '.join(map(str, found))}".rstrip())
        self.say(f"{tag} OK done")

    def do_uid_fetch(self, tag: str, words: list[str]) -> None:
        held = self.server.script.messages[self.folder]
        wanted = {
            uid
            for part in words[0].split(",")
            for uid in range(int(part.split(":")[0]), int(part.split(":")[-1]) + 1)
        }
        for number, uid in enumerate(sorted(held), 1):
            if uid not in wanted:
                continue
            raw = held[uid]
            if "RFC822.SIZE" in " ".join(words):
                size = self.server.script.sizes.get(uid, len(raw))
                self.say(f"* {number} FETCH (UID {uid} RFC822.SIZE {size} FLAGS (\\Seen))")
            else:
                # The number behind the body, as some servers have it.
                self.say(f"* {number} FETCH (BODY[] {{{len(raw)}}}".encode() + CRLF + raw
                         + f" UID {uid})".encode())  # fmt: skip
        self.say(f"{tag} OK done")

    def do_idle(self, tag: str, _: list[str]) -> None:
        self.say("+ idling")
        self.connection.settimeout(60)
        if self.server.script.commands.count("IDLE") == 1:
            self.say("* 9 EXISTS")
        self.rfile.readline()
        self.say(f"{tag} OK done")

    def do_noop(self, tag: str, _: list[str]) -> None:
        self.say(f"{tag} OK done")

    def do_id(self, tag: str, _: list[str]) -> None:
        self.say("* ID NIL")
        self.say(f"{tag} OK done")

    def do_logout(self, tag: str, _: list[str]) -> None:
        self.say("* BYE")
        self.say(f"{tag} OK bye")


class ScriptedServer(socketserver.ThreadingTCPServer):
    """An IMAP server on the loopback address that does what its script says."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        self.script = Script()
        super().__init__(("127.0.0.1", 0), Connection)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@contextmanager
def run_script() -> Iterator[ScriptedServer]:
    """Run a scripted server until the block ends."""
    with ScriptedServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
