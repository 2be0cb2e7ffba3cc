"""`drafts save` into a real mailbox, and what `doctor` says of it."""

import json
import shutil
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from imap_tools import MailBoxUnencrypted
from typer.testing import CliRunner

from copilot.cli.main import app
from copilot.writers.draft import OpenPoint
from crm.store import Store
from tests.imap_servers import Dovecot, free_port, run_dovecot
from tests.test_cli_draft_sending import AS_ANNA, keep, run, set_up, smtp, store, told

__all__ = ["smtp", "store"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("dovecot", path="/usr/sbin:/usr/bin:/usr/local/sbin") is None,
        reason="needs dovecot: apt-get install dovecot-imapd",
    ),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with run_dovecot() as running:
        running.deliver(b"Subject: older\r\n\r\nNothing of ours.\r\n", "&g0l6P3ux-")
        yield running


@pytest.fixture
def dovecot(server: Dovecot, store: Store, monkeypatch: pytest.MonkeyPatch) -> Dovecot:
    set_up(monkeypatch, free_port(), MAIL_IMAP_HOST="127.0.0.1", MAIL_IMAP_PORT=str(server.port),
           MAIL_IMAP_SECURITY="none", SECRET_MAIL=server.password)  # fmt: skip
    return server


def held(dovecot: Dovecot, subject: str) -> list[EmailMessage]:
    with MailBoxUnencrypted("127.0.0.1", dovecot.port).login(
        dovecot.user, dovecot.password, "草稿箱"
    ) as box:
        return [each.obj for each in box.fetch(mark_seen=False) if each.subject == subject]


def test_a_draft_is_saved_once_and_stays_to_be_decided(dovecot: Dovecot, store: Store) -> None:
    number = str(keep(store, "It is ready.", subject="Saved once"))
    first = told("drafts", "save", number, "--yes", *AS_ANNA)
    again = told("drafts", "save", number, "--yes", *AS_ANNA)

    assert (first["action_status"], first["is_new"], again["is_new"]) == ("applied", True, False)
    assert first["result"]["folder"] == "草稿箱"
    assert len(held(dovecot, "Saved once")) == 1
    assert told("drafts", "show", number, *AS_ANNA)["draft_status"] == "open"
    assert "nothing was sent" in run("drafts", "save", number, *AS_ANNA).output
    told("drafts", "save", number, "--again", "--yes", *AS_ANNA)
    assert len(held(dovecot, "Saved once")) == 2


def test_an_unfinished_draft_is_saved_with_its_mark(dovecot: Dovecot, store: Store) -> None:
    point = OpenPoint(placeholder="[date]", reason="nobody said when")
    number = str(keep(store, "It comes on [date].", open_points=(point,), subject="Delivery"))
    told("drafts", "save", number, "--yes", *AS_ANNA)

    [message] = held(dovecot, "[DRAFT] Delivery")
    assert "It comes on [date]." in str(message)


def doctor() -> dict[str, Any]:
    result = CliRunner().invoke(app, ["doctor", "--fast", "--json"])
    return {one["name"]: one for one in json.loads(result.stdout)["findings"]}


def test_doctor_says_whether_one_can_sign_in(
    dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = doctor()
    assert found["mailbox"]["value"] == "anna@ours.example"
    assert "'草稿箱'" in found["mail_drafts"]["shown"]
    assert "out of reach" in found["mail_sending"]["problem"]

    monkeypatch.setenv("SALES_COPILOT_MAIL_SENT_FOLDER", "Gesendet")
    assert "no folder 'Gesendet'" in doctor()["mail_drafts"]["problem"]
    monkeypatch.setenv("SALES_COPILOT_SECRET_MAIL", "hunter2")
    assert "may not sign in" in doctor()["mail_drafts"]["problem"]
    monkeypatch.delenv("SALES_COPILOT_SECRET_MAIL")
    found = doctor()
    assert "SALES_COPILOT_SECRET_MAIL" in found["mailbox"]["problem"]
    assert "mail_drafts" not in found
    assert "hunter2" not in json.dumps(found)
    monkeypatch.delenv("SALES_COPILOT_MAIL_ADDRESS")
    found = doctor()
    assert (found["mailbox"]["value"], found["mailbox"]["problem"]) == (None, None)
