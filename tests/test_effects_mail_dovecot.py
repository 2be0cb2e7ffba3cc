"""Drafts and the proof of sending in a mailbox on a real server: one of each, whatever breaks."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from imap_tools import MailBoxUnencrypted
from pydantic import SecretStr

from copilot.agent.effects.mail_account import MailAccount
from copilot.agent.effects.mail_attempts import Attempts
from copilot.agent.effects.mail_drafts import SaveMailDraft
from copilot.agent.effects.mail_sending import SendMail
from copilot.agent.effects.mailbox import OwnMailbox
from crm.errors import BadInput, PermanentError, TransientError
from crm.principal import Principal
from crm.store import Store
from tests.imap_servers import Dovecot, free_port, run_dovecot
from tests.mail_servers import BreakingLine, Deliveries, run_line, run_smtp

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("dovecot", path="/usr/sbin:/usr/bin:/usr/local/sbin") is None,
        reason="needs dovecot: apt-get install dovecot-imapd",
    ),
]
ANNA = "anna@ours.example"
NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
OWNER = Principal.local_owner()
OLD = b"Subject: older\r\nMessage-ID: <older@x>\r\n\r\nNothing of ours.\r\n"


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with run_dovecot() as server:
        for folder in ("Entwurf", "&g0l6P3ux-", "&XfJT0ZAB-"):
            server.deliver(OLD, folder)
        yield server


def payload(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "from": {"email": ANNA},
        "to": [{"email": "bob@acme.example"}],
        "subject": f"报价 {number}",
        "body": f"Offer {number}: 八十万元",
        **changes,
    }


def account(dovecot: Dovecot, **changes: Any) -> MailAccount:
    given = MailAccount(
        ANNA, dovecot.user, SecretStr(dovecot.password), imap_host="127.0.0.1",
        imap_port=dovecot.port, imap_security="none", folder_wait_s=0.2, timeout_s=60,
    )  # fmt: skip
    return replace(given, **changes)


def texts(dovecot: Dovecot, folder: str) -> list[str]:
    with MailBoxUnencrypted("127.0.0.1", dovecot.port).login(
        dovecot.user, dovecot.password, folder
    ) as box:
        return [each.text.strip() for each in box.fetch(mark_seen=False)]


def carry_out(effect: SaveMailDraft | SendMail, mail: dict[str, Any], store: Store) -> Any:
    with store.session() as session:
        effect.check(session, mail, principal=OWNER, now=NOW)
        return effect.carry_out(session, mail, key="k", principal=OWNER, now=NOW)


def test_draft_lies_once_in_the_folder_that_the_server_marks(
    dovecot: Dovecot, tmp_path: Path, store: Store
) -> None:
    effect = SaveMailDraft(account(dovecot), Attempts(tmp_path))
    assert effect.done_already(payload(1), key="k") is None
    first = carry_out(effect, payload(1), store)
    assert first["folder"] == "Entwurf"
    assert effect.done_already(payload(1), key="k") == {**first, "was_found": True}
    assert carry_out(effect, payload(1), store) == {**first, "was_found": True}
    assert texts(dovecot, "Entwurf").count("Offer 1: 八十万元") == 1
    [path] = [each for each in dovecot.maildir.rglob("*") if each.name.endswith(":2,DS")]
    assert first["message_id"].encode() in path.read_bytes()


def test_draft_that_was_sent_by_hand_since_is_not_made_again(
    dovecot: Dovecot, tmp_path: Path, store: Store
) -> None:
    effect = SaveMailDraft(account(dovecot), Attempts(tmp_path))
    carry_out(effect, payload(2), store)
    with MailBoxUnencrypted("127.0.0.1", dovecot.port).login(
        dovecot.user, dovecot.password, "Entwurf"
    ) as box:
        uids = [each.uid for each in box.fetch() if each.text.startswith("Offer 2:")]
        assert len(uids) == 1
        box.move(uids, "已发送")
    found = effect.done_already(payload(2), key="k")
    assert found is not None
    assert found["folder"] == "已发送"
    assert carry_out(effect, payload(2), store)["was_found"]
    assert texts(dovecot, "Entwurf").count("Offer 2: 八十万元") == 0


def test_server_that_searches_wrongly_does_not_hide_a_draft(
    dovecot: Dovecot, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    effect = SaveMailDraft(account(dovecot), Attempts(tmp_path))
    carry_out(effect, payload(5), store)
    search = OwnMailbox.search
    for wrong in ([], [1]):
        with monkeypatch.context() as patch:
            patch.setattr(
                OwnMailbox, "search",
                lambda self, *words, wrong=wrong: wrong if "HEADER" in words
                else search(self, *words),
            )  # fmt: skip
            assert effect.done_already(payload(5), key="k") is not None
            assert effect.done_already(payload(5), key="another") is None


def test_folder_with_a_chinese_name_is_written_as_the_server_has_it(
    dovecot: Dovecot, tmp_path: Path, store: Store
) -> None:
    effect = SaveMailDraft(account(dovecot, drafts_folder="草稿箱"), Attempts(tmp_path))
    assert carry_out(effect, payload(3), store)["folder"] == "草稿箱"
    assert "Offer 3: 八十万元" in texts(dovecot, "草稿箱")
    assert not any("Offer 3" in text for text in texts(dovecot, "Entwurf"))


def test_folder_that_is_not_there_is_said(dovecot: Dovecot, tmp_path: Path, store: Store) -> None:
    effect = SaveMailDraft(account(dovecot, drafts_folder="Nowhere"), Attempts(tmp_path))
    with pytest.raises(PermanentError, match="Nowhere"):
        carry_out(effect, payload(4), store)
    away = SaveMailDraft(account(dovecot, imap_port=free_port()), Attempts(tmp_path))
    with pytest.raises(TransientError, match="out of reach"):
        away.done_already(payload(4), key="k")


@pytest.mark.parametrize(("before", "after"), [(1.0, 0.0), (0.0, 1.0)])
def test_draft_is_there_once_when_the_line_broke_as_it_was_saved(
    dovecot: Dovecot, tmp_path: Path, store: Store, before: float, after: float
) -> None:
    number = 50 + int(after)
    with run_line(BreakingLine(dovecot.port, before=before, after=after)) as line:
        effect = SaveMailDraft(account(dovecot, imap_port=line.port), Attempts(tmp_path))
        with pytest.raises(TransientError, match="out of reach"):
            carry_out(effect, payload(number), store)
        line.before = line.after = 0.0
        found = effect.done_already(payload(number), key="k")
        assert (found is not None) is bool(after)
        carry_out(effect, payload(number), store)
    assert texts(dovecot, "Entwurf").count(f"Offer {number}: 八十万元") == 1


@pytest.mark.parametrize("place", ["INBOX", "Sent.Ours"])
@pytest.mark.parametrize(("before", "after"), [(1.0, 0.0), (0.0, 1.0)])
def test_unclear_mail_is_looked_for_and_sent_once(
    dovecot: Dovecot, tmp_path: Path, store: Store, place: str, before: float, after: float
) -> None:
    number = 60 + 2 * int(after) + int(place == "INBOX")
    folder = "" if place == "INBOX" else place
    dovecot.deliver(OLD, folder)
    deliveries = Deliveries(
        drop_before=before, drop_after=after, deliver=lambda raw: dovecot.deliver(raw, folder)
    )
    proof = {"is_copied_to_self": True} if place == "INBOX" else {"sent_folder": place}
    waits: list[float] = []
    with run_smtp(deliveries) as smtp:
        effect = SendMail(
            account(dovecot, smtp_host="127.0.0.1", smtp_port=smtp.port, smtp_security="none",
                    **proof),
            Attempts(tmp_path), sleep=waits.append,
        )  # fmt: skip
        with pytest.raises(TransientError, match="not known whether"):
            carry_out(effect, payload(number), store)
        deliveries.drop_before = deliveries.drop_after = 0.0
        found = effect.done_already(payload(number), key="k")
        assert (found is not None) is bool(after)
        assert waits == ([] if after else [0.2])
        assert carry_out(effect, payload(number), store)["was_found"] is bool(after)
        assert effect.done_already(payload(number), key="k") is not None
    assert list(deliveries.by_body.values()) == [1]


def test_mail_of_another_machine_is_found_without_a_note_of_ours(
    dovecot: Dovecot, tmp_path: Path, store: Store
) -> None:
    deliveries = Deliveries(deliver=dovecot.deliver)
    with run_smtp(deliveries) as smtp:
        given = account(
            dovecot, smtp_host="127.0.0.1", smtp_port=smtp.port, smtp_security="none",
            is_copied_to_self=True,
        )  # fmt: skip
        carry_out(SendMail(given, Attempts(tmp_path / "one")), payload(70), store)
        other = SendMail(given, Attempts(tmp_path / "two"))
        assert other.done_already(payload(70), key="k") is not None
        assert other.done_already(payload(70), key="another") is None


def test_mailbox_that_cannot_be_asked_stops_the_sending(
    dovecot: Dovecot, tmp_path: Path, store: Store
) -> None:
    deliveries = Deliveries(drop_after=1.0, deliver=dovecot.deliver)
    with run_smtp(deliveries) as smtp:
        given = account(
            dovecot, smtp_host="127.0.0.1", smtp_port=smtp.port, smtp_security="none",
            is_copied_to_self=True, imap_port=free_port(),
        )  # fmt: skip
        effect = SendMail(given, Attempts(tmp_path))
        for _ in range(2):
            with pytest.raises(TransientError):
                carry_out(effect, payload(80), store)
    assert list(deliveries.by_body.values()) == [1]


def test_wrong_password_is_said_without_the_password(
    dovecot: Dovecot, tmp_path: Path, store: Store
) -> None:
    effect = SaveMailDraft(account(dovecot, secret=SecretStr("wrong-word")), Attempts(tmp_path))
    with pytest.raises(PermanentError, match="may not sign in") as caught:
        carry_out(effect, payload(90), store)
    assert "wrong-word" not in repr(caught.value)
    without = SaveMailDraft(
        MailAccount(ANNA, "anna", SecretStr("s"), smtp_host="127.0.0.1"), Attempts(tmp_path)
    )
    with pytest.raises(BadInput, match="no IMAP host"):
        carry_out(without, payload(90), store)
