"""Sending an approved mail to a real SMTP server: to whom it names, once, or with a reason."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from pydantic import SecretStr

from copilot.agent.approvals.applying import Applying, apply_approved, resume_applying
from copilot.agent.approvals.effects import Effect
from copilot.agent.approvals.proposing import Wanted, propose
from copilot.agent.approvals.voting import Ballot, vote
from copilot.agent.effects.mail_account import MailAccount
from copilot.agent.effects.mail_attempts import Attempts, Stage
from copilot.agent.effects.mail_sending import SendMail
from copilot.agent.effects.outgoing import identify
from crm.access.policy import load_policy
from crm.errors import BadInput, CopilotError, PermanentError, TransientError
from crm.models import ActionStatus, EffectKind, ProposedAction, Vote
from crm.principal import Principal
from crm.store import Store
from ingest.sources.oauth import AccessTokens, OAuthConfig
from tests.imap_servers import free_port
from tests.mail_servers import PASSWORD, USER, Deliveries, SmtpServer, run_smtp

ANNA = "anna@ours.example"
NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
OWNER = Principal.local_owner()


def payload(**changes: Any) -> dict[str, Any]:
    return {
        "from": {"email": ANNA, "name": "Anna"},
        "to": [{"email": "bob@acme.example", "name": "Bob"}],
        "cc": [{"email": "carla@acme.example"}],
        "subject": "报价",
        "body": "Hello\n.\n..two\n我们报价八十万元。",
        **changes,
    }


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with run_smtp() as server:
        yield server


class Sending:
    """The effect on a server, with one key."""

    def __init__(self, port: int, folder: Path, store: Store, **options: Any) -> None:
        secret = {} if "tokens" in options else {"secret": SecretStr(PASSWORD)}
        given = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none"}
        self.waits: list[float] = []
        self.attempts = Attempts(folder / "attempts")
        self.account = MailAccount(ANNA, USER, **{**secret, **given, **options})
        self.effect = SendMail(
            self.account, self.attempts, documents=folder, sleep=self.waits.append
        )
        self.store = store

    def send(self, key: str = "k", **changes: Any) -> dict[str, Any]:
        mail = payload(**changes)
        with self.store.session() as session:
            self.effect.check(session, mail, principal=OWNER, now=NOW)
            return self.effect.carry_out(session, mail, key=key, principal=OWNER, now=NOW)

    def stage(self) -> Stage:
        found = identify(EffectKind.SEND_MAIL, payload(), key="k", sender=ANNA)
        return self.attempts.of(found).stage


@pytest.fixture
def sending(smtp: SmtpServer, tmp_path: Path, store: Store) -> Sending:
    return Sending(smtp.port, tmp_path, store)


@pytest.mark.parametrize("said", ["我们报价八十万元。", "Yours\n.\nRCPT TO:<eve@evil.example>"])
def test_mail_goes_to_whom_it_names_and_says_what_was_approved(
    smtp: SmtpServer, sending: Sending, said: str
) -> None:
    words = f"Hello\n.\n..two\n{said}"
    result = sending.send(body=words)
    [taken] = smtp.deliveries.taken
    assert taken.sender == ANNA
    assert taken.recipients == ("bob@acme.example", "carla@acme.example")
    assert taken.message["Message-ID"] == result["message_id"]
    [body] = smtp.deliveries.by_body
    assert body.replace("\r\n", "\n") == words
    assert result["to"] == ["bob@acme.example", "carla@acme.example"]
    assert not result["was_found"]


def test_mail_that_was_taken_is_not_sent_again(smtp: SmtpServer, sending: Sending) -> None:
    first = sending.send()
    assert sending.effect.done_already(payload(), key="k") == {**first, "was_found": True}
    assert sending.send() == {**first, "was_found": True}
    assert len(smtp.deliveries.taken) == 1
    assert sending.effect.done_already(payload(), key="another") is None
    assert sending.effect.done_already(payload(subject="Other"), key="k") is None


def test_one_refused_recipient_stops_the_mail_for_all(smtp: SmtpServer, sending: Sending) -> None:
    smtp.deliveries.refusals["carla@acme.example"] = "550 5.1.1 No such user"
    with pytest.raises(BadInput, match=r"carla@acme\.example.*nobody received it"):
        sending.send()
    assert smtp.deliveries.taken == []
    assert sending.stage() is Stage.NOTHING


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("550 5.7.1 You may not", PermanentError), ("451 4.7.1 Greylisted", TransientError)],
)
def test_refusal_of_us_is_no_fault_of_the_address(
    smtp: SmtpServer, sending: Sending, answer: str, kind: type[CopilotError]
) -> None:
    smtp.deliveries.refusals["bob@acme.example"] = answer
    with pytest.raises(kind, match="nothing was sent"):
        sending.send()
    assert smtp.deliveries.taken == []
    assert sending.waits == ([1.0, 2.0] if kind is TransientError else [])


def test_busy_server_is_asked_again_before_anything_is_handed_over(
    smtp: SmtpServer, sending: Sending
) -> None:
    answers = iter(["421 4.3.2 Too many", "451 4.3.0 Busy"])

    class Once(dict[str, str]):
        def __contains__(self, key: object) -> bool:
            self["bob@acme.example"] = next(answers, "")
            return bool(self["bob@acme.example"])

    smtp.deliveries.refusals = Once()
    sending.send(cc=[])
    assert sending.waits == [1.0, 2.0]
    assert len(smtp.deliveries.taken) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        ("552 5.3.4 Too big", BadInput, "too large"),
        ("554 5.6.0 Looks like spam", BadInput, "Looks like spam"),
        ("451 4.3.0 Disk full", TransientError, "nothing was sent"),
    ],
)
def test_content_that_the_server_refused_may_be_sent_later(
    smtp: SmtpServer, sending: Sending, answer: str, kind: type[CopilotError], said: str
) -> None:
    smtp.deliveries.content = [answer]
    with pytest.raises(kind, match=said):
        sending.send()
    assert sending.stage() is Stage.NOTHING
    sending.send()
    assert len(smtp.deliveries.taken) == 1


def test_mail_larger_than_the_server_takes_is_not_even_tried(tmp_path: Path, store: Store) -> None:
    with run_smtp(most_bytes=2_000) as server:
        sending = Sending(server.port, tmp_path, store)
        with pytest.raises(BadInput, match="at most 2,000"):
            sending.send(body="word " * 1_000)
        assert server.deliveries.taken == []


@pytest.mark.parametrize(("before", "after", "count"), [(1.0, 0.0, 0), (0.0, 1.0, 1)])
def test_without_a_proof_what_is_unclear_ends_and_is_never_sent_again(
    tmp_path: Path, store: Store, before: float, after: float, count: int
) -> None:
    with run_smtp(Deliveries(drop_before=before, drop_after=after)) as server:
        sending = Sending(server.port, tmp_path, store)
        with pytest.raises(BadInput, match=r"unclear.*Look in your mailbox"):
            sending.send()
        server.deliveries.drop_before = server.deliveries.drop_after = 0.0
        assert sending.effect.done_already(payload(), key="k") is None
        with pytest.raises(BadInput, match="unclear"):
            sending.send()
        assert len(server.deliveries.taken) == count


def test_note_cut_off_by_a_crash_counts_as_begun(smtp: SmtpServer, sending: Sending) -> None:
    found = identify(EffectKind.SEND_MAIL, payload(), key="k", sender=ANNA)
    path = sending.attempts.of(found).path
    path.parent.mkdir(parents=True)
    path.write_text('{"sta')
    with pytest.raises(BadInput, match="unclear"):
        sending.send()
    assert smtp.deliveries.taken == []


def test_nothing_is_sent_where_the_attempt_cannot_be_noted(
    smtp: SmtpServer, sending: Sending, tmp_path: Path
) -> None:
    (tmp_path / "attempts").write_text("a file where the folder should be")
    with pytest.raises(PermanentError, match="nothing was sent"):
        sending.send()
    assert smtp.deliveries.taken == []


def test_contact_is_told_to_the_audit_trail(sending: Sending) -> None:
    result = sending.send(contact_id=12)
    assert result["object"] == "contact:12"
    assert result["after"] == {"message_id": result["message_id"]}


def test_mail_in_the_hands_of_another_process_is_left_to_it(
    smtp: SmtpServer, sending: Sending
) -> None:
    found = identify(EffectKind.SEND_MAIL, payload(), key="k", sender=ANNA)
    with (
        Attempts(sending.attempts.of(found).path.parents[1]).held(found),
        pytest.raises(TransientError, match="in another process"),
    ):
        sending.send()
    assert smtp.deliveries.taken == []
    sending.send()
    assert len(smtp.deliveries.taken) == 1


def test_wrong_password_is_said_without_the_password(
    smtp: SmtpServer, tmp_path: Path, store: Store
) -> None:
    for word in ("wrong-word", "falsch-ü"):
        sending = Sending(smtp.port, tmp_path, store, secret=SecretStr(word))
        with pytest.raises(PermanentError, match="may not sign in") as caught:
            sending.send()
        assert word not in repr(caught.value)
        assert sending.waits == []
    assert smtp.deliveries.taken == []


def test_server_out_of_reach_or_without_encryption_sends_nothing(
    smtp: SmtpServer, tmp_path: Path, store: Store
) -> None:
    away = Sending(free_port(), tmp_path, store)
    with pytest.raises(TransientError, match="out of reach"):
        away.send()
    assert away.waits == [1.0, 2.0]
    plain = Sending(smtp.port, tmp_path, store, smtp_security="starttls")
    with pytest.raises(PermanentError, match="lacks what the set-up asks for"):
        plain.send()
    assert smtp.deliveries.logins == []


class _Tokens(AccessTokens):
    """Gives an old token, then new ones."""

    def __init__(self) -> None:
        config = OAuthConfig(token_url="https://x.example", client_id="c", refresh_token="R")
        super().__init__(config, lambda _: SecretStr("refresh"))
        self.given = iter(["old", "new"])

    def _renew(self) -> SecretStr:
        self._expires_at = float("inf")
        return SecretStr(next(self.given))


class _TokenServer(Deliveries):
    async def auth_XOAUTH2(self, server: SMTP, words: list[str]) -> AuthResult:  # noqa: N802
        import base64

        said = base64.b64decode(words[1]).decode()
        self.logins.append(said)
        return AuthResult(success=said == f"user={USER}\1auth=Bearer new\1\1", handled=False)


def test_token_that_has_grown_old_is_renewed_once(tmp_path: Path, store: Store) -> None:
    with run_smtp(_TokenServer()) as server:
        tokens = _Tokens()
        tokens.get()
        sending = Sending(server.port, tmp_path, store, tokens=tokens)
        sending.send()
        assert len(server.deliveries.taken) == 1
        assert ["old" in said for said in server.deliveries.logins] == [True, False]


def test_address_beyond_ascii_goes_to_servers_that_take_it(
    smtp: SmtpServer, sending: Sending
) -> None:
    sending.send(to=[{"email": "王@例子.example"}], cc=[{"email": "bob@例子.example"}])
    [taken] = smtp.deliveries.taken
    assert taken.recipients == ("王@xn--fsqu00a.example", "bob@xn--fsqu00a.example")


def test_copy_to_ourselves_shows_in_no_header(
    smtp: SmtpServer, tmp_path: Path, store: Store
) -> None:
    sending = Sending(
        smtp.port, tmp_path, store, imap_host="127.0.0.1", imap_port=free_port(),
        imap_security="none", is_copied_to_self=True,
    )  # fmt: skip
    sending.send()
    [taken] = smtp.deliveries.taken
    assert taken.recipients == ("bob@acme.example", "carla@acme.example", ANNA)
    assert ANNA not in str(taken.message["To"]) + str(taken.message["Cc"])
    assert taken.message["Bcc"] is None


def test_file_changed_since_it_was_approved_stops_the_mail(
    smtp: SmtpServer, sending: Sending, tmp_path: Path
) -> None:
    import hashlib

    (tmp_path / "offer.pdf").write_bytes(b"%PDF")
    file = {"path": "offer.pdf", "sha256": hashlib.sha256(b"%PDF").hexdigest()}
    sending.send(attachments=[{**file, "kind": "application/pdf"}])
    (tmp_path / "offer.pdf").write_bytes(b"%PDF other")
    with pytest.raises(BadInput, match="not the file that was proposed"):
        sending.send("other key", attachments=[{**file, "kind": "application/pdf"}])
    [taken] = smtp.deliveries.taken
    [part] = taken.message.iter_attachments()
    assert part.get_content() == b"%PDF"


def test_unclear_mail_ends_as_failed_and_says_where_to_look(tmp_path: Path, store: Store) -> None:
    policy = load_policy()
    with run_smtp(Deliveries(drop_after=1.0)) as server:
        sending = Sending(server.port, tmp_path, store)
        effects: dict[EffectKind, Effect] = {EffectKind.SEND_MAIL: sending.effect}
        wanted = Wanted(EffectKind.SEND_MAIL, payload(), key="k")
        with store.session() as session:
            made = propose(
                session, wanted, effects=effects, policy=policy, principal=OWNER, now=NOW
            )
            ballot = Ballot(made.id, made.payload_sha256, Vote.APPROVE)
            vote(session, ballot, policy=policy, principal=OWNER, now=NOW)
        applying = Applying(effects, policy, OWNER, NOW)
        for _ in range(3):
            with pytest.raises(BadInput, match="unclear"):
                apply_approved(store, made.id, applying)
            assert resume_applying(store, replace(applying, now=NOW + timedelta(days=1))) == []
        with store.session() as session:
            row = session.get_one(ProposedAction, made.id)
            assert row.status == ActionStatus.FAILED
            assert "Look in your mailbox" in str(row.error)
        assert len(server.deliveries.taken) == 1


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_server_without_a_trusted_certificate_gets_no_password(
    tmp_path: Path, store: Store
) -> None:
    made = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key -out cert"
    alternative = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(["openssl", *made.split(), *alternative], cwd=tmp_path, check=True,
                   capture_output=True)  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with run_smtp(tls_context=context) as server:
        stranger = Sending(server.port, tmp_path, store, smtp_security="starttls")
        with pytest.raises(PermanentError, match="not trusted"):
            stranger.send()
        assert server.deliveries.logins == []
        known = Sending(server.port, tmp_path, store, smtp_security="starttls",
                        ca_file=tmp_path / "cert")  # fmt: skip
        known.send()
        assert len(server.deliveries.taken) == 1
