"""Slow mail servers: cut off in time, nothing sent twice, and taken up at once where none was."""

import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from copilot.agent.approvals.applying import LEASE, Applying, apply_approved
from copilot.agent.approvals.effects import Effect, NotBegun
from copilot.agent.approvals.proposing import Wanted, propose
from copilot.agent.approvals.voting import Ballot, vote
from copilot.agent.effects import mail_drafts, mail_limits, smtp_delivery
from copilot.agent.effects.mail_account import MailAccount
from copilot.agent.effects.mail_attempts import Attempts, Stage
from copilot.agent.effects.mail_drafts import SaveMailDraft
from copilot.agent.effects.mail_sending import SendMail
from copilot.agent.effects.mail_trying import try_mailbox
from copilot.agent.effects.outgoing import identify
from crm.access.policy import load_policy
from crm.errors import TransientError
from crm.models import ActionStatus, EffectKind, ProposedAction, Vote
from crm.principal import Principal
from crm.store import Store
from tests.imap_servers import free_port
from tests.mail_servers import PASSWORD, USER, run_smtp
from tests.test_effects_mail_sending import ANNA, NOW, payload

OWNER = Principal.local_owner()


@contextmanager
def run_drip(answers: Sequence[bytes], *, after: int) -> Iterator[int]:
    """Answer as a server does; from answer number `after` on it sends a byte now and then."""
    is_over = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            said = b""
            try:
                for at, answer in enumerate(answers):
                    if at == after:
                        self.drip()
                        return
                    # What IMAP answers begins as the command did.
                    self.wfile.write(answer.replace(b"TAG", said.split(b" ")[0]))
                    if at + 1 < len(answers):
                        said = self.read(answer)
            except OSError:
                pass

        def read(self, answer: bytes) -> bytes:
            line = self.rfile.readline()
            while answer.startswith(b"354") and line.strip() != b"." and line:
                line = self.rfile.readline()
            return line

        def drip(self) -> None:
            while not is_over.wait(0.05):
                self.wfile.write(b"2")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            is_over.set()
            server.shutdown()
            thread.join()


SMTP = (
    b"220 slow.example ESMTP\r\n", b"250-slow.example\r\n250 AUTH PLAIN\r\n", b"235 Welcome\r\n",
    b"250 OK\r\n", b"250 OK\r\n", b"354 Go on\r\n", b"250 Taken\r\n",
)  # fmt: skip


def account(port: int, **changes: Any) -> MailAccount:
    given = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none", "timeout_s": 60}
    return MailAccount(ANNA, USER, **{"secret": SecretStr(PASSWORD), **given, **changes})


def sending(port: int, folder: Path, **changes: Any) -> SendMail:
    return SendMail(account(port, **changes), Attempts(folder / "a"), sleep=lambda _: None)


def send(effect: Effect, store: Store) -> dict[str, Any]:
    with store.session() as session:
        mail = payload(cc=[])
        return effect.carry_out(session, mail, key="k", principal=OWNER, now=NOW)


def stage(folder: Path) -> Stage:
    found = identify(EffectKind.SEND_MAIL, payload(cc=[]), key="k", sender=ANNA)
    return Attempts(folder / "a").of(found).stage


def test_all_that_an_effect_may_take_ends_before_its_lease() -> None:
    wait_s = MailAccount.folder_wait_s
    looked_up = 2 * (mail_limits.MAILBOX_S + wait_s)
    dialled = 3 * MailAccount.timeout_s
    sent = mail_limits.PREPARE_S + mail_limits.CONTENT_S
    assert looked_up + dialled + sent < 0.9 * LEASE.total_seconds()
    saved = mail_limits.MAILBOX_S + mail_limits.APPEND_S
    assert saved + dialled < 0.9 * LEASE.total_seconds()


@pytest.mark.parametrize("after", [1, 2, 4])
def test_a_server_that_drips_before_the_content_is_left_and_nothing_was_begun(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(smtp_delivery, "PREPARE_S", 0.4)
    with run_drip(SMTP, after=after) as port:
        with pytest.raises(NotBegun, match="nothing was sent"):
            send(sending(port, tmp_path), store)
        assert stage(tmp_path) is Stage.NOTHING


def test_a_server_that_drips_after_the_content_leaves_it_unclear(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_delivery, "CONTENT_S", 0.4)
    proof = {"imap_host": "127.0.0.1", "imap_security": "none", "is_copied_to_self": True}
    # One recipient more: the copy to ourselves.
    answers = (*SMTP[:4], b"250 OK\r\n", *SMTP[4:])
    with run_drip(answers, after=7) as port:
        with pytest.raises(TransientError, match="not known whether it was sent") as caught:
            send(sending(port, tmp_path, imap_port=free_port(), **proof), store)
        assert not isinstance(caught.value, NotBegun)
        assert stage(tmp_path) is Stage.BEGUN


def test_what_may_still_appear_keeps_its_note_when_a_later_try_fails(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = {"imap_host": "127.0.0.1", "imap_security": "none", "is_copied_to_self": True}
    monkeypatch.setattr(SendMail, "_find", lambda *_: None)
    found = identify(EffectKind.SEND_MAIL, payload(cc=[]), key="k", sender=ANNA)
    attempt = Attempts(tmp_path / "a").of(found)
    attempt.path.parent.mkdir(parents=True)
    attempt.note(Stage.BEGUN)
    with pytest.raises(TransientError, match="out of reach") as caught:
        send(sending(free_port(), tmp_path, imap_port=free_port(), **proof), store)
    assert not isinstance(caught.value, NotBegun)
    assert stage(tmp_path) is Stage.BEGUN


IMAP = (
    b"* OK slow.example\r\n", b"* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n", b"TAG OK welcome\r\n",
    b"TAG OK done\r\n", b"",
)  # fmt: skip


@pytest.mark.parametrize("after", [2, 3])
def test_a_mailbox_that_drips_is_left_and_nothing_was_begun(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(mail_drafts, "APPEND_S", 0.4)
    with run_drip(IMAP, after=after) as port:
        given = {"imap_host": "127.0.0.1", "imap_port": port, "imap_security": "none"}
        effect = SaveMailDraft(account(1, **given), Attempts(tmp_path / "a"))
        with pytest.raises(NotBegun, match="nothing was saved"):
            send(effect, store)


def approved(effect: Effect, store: Store) -> tuple[int, Applying]:
    policy = load_policy()
    effects = {EffectKind.SEND_MAIL: effect}
    with store.session() as session:
        wanted = Wanted(EffectKind.SEND_MAIL, payload(cc=[]), key="k")
        made = propose(session, wanted, effects=effects, policy=policy, principal=OWNER, now=NOW)
        ballot = Ballot(made.id, made.payload_sha256, Vote.APPROVE)
        vote(session, ballot, policy=policy, principal=OWNER, now=NOW)
    return made.id, Applying(effects, policy, OWNER, NOW)


def row(store: Store) -> ProposedAction:
    with store.session() as session:
        return session.get_one(ProposedAction, 1)


def test_what_was_not_begun_is_tried_again_at_once(tmp_path: Path, store: Store) -> None:
    port = free_port()
    number, applying = approved(sending(port, tmp_path), store)
    for tries in (1, 2):
        with pytest.raises(NotBegun, match="nothing was sent"):
            apply_approved(store, number, applying)
        found = row(store)
        assert (found.status, found.attempts) == (ActionStatus.APPROVED, tries)
        assert "out of reach" in str(found.error)
    with run_smtp() as server:
        effect = sending(server.port, tmp_path)
        working = Applying({EffectKind.SEND_MAIL: effect}, applying.policy, OWNER, NOW)
        assert apply_approved(store, number, working).status is ActionStatus.APPLIED
        assert len(server.deliveries.taken) == 1


def test_a_mailbox_is_tried_out_without_changing_anything(tmp_path: Path) -> None:
    with run_smtp() as server:
        [fine] = try_mailbox(account(server.port), within_s=60)
        assert (fine.name, fine.problem) == ("mail_sending", None)
        assert "would let it be looked up" in fine.shown
        [wrong] = try_mailbox(account(server.port, secret=SecretStr("hunter2")), within_s=60)
        assert "may not sign in" in str(wrong.problem)
        assert "hunter2" not in str(wrong)
        assert server.deliveries.taken == []
    both = {"imap_host": "127.0.0.1", "imap_port": free_port(), "imap_security": "none"}
    away = list(try_mailbox(account(free_port(), **both), within_s=1))
    assert [one.name for one in away] == ["mail_drafts", "mail_sending"]
    assert all("out of reach" in str(one.problem) for one in away)


def test_a_server_that_drips_is_said_to_be_out_of_reach() -> None:
    with run_drip(SMTP, after=2) as port:
        [slow] = try_mailbox(account(port), within_s=0.3)
    assert "out of reach" in str(slow.problem)
