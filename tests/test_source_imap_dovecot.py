"""A mailbox on a real server: what is new, once, read-only, in the folders that count."""

import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from crm.errors import PermanentError
from ingest.conversations import ParsedConversation
from ingest.sources.imap import ImapConfig, ImapSource, open_imap
from ingest.sources.source import Pulled, Source, Watched
from tests.imap_servers import Dovecot, mail, run_dovecot

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("dovecot", path="/usr/sbin:/usr/bin:/usr/local/sbin") is None,
        reason="needs dovecot: apt-get install dovecot-imapd",
    ),
]
NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with run_dovecot() as server:
        server.deliver(mail(1))
        server.deliver(mail(2, "我们的预算是八十万元。"))
        server.deliver(mail(3), "Archive")
        server.deliver(mail(1), "Archive")
        server.deliver(mail(4), "Rubbish")
        server.deliver(mail(5), "Entwurf")
        server.deliver(mail(6), "Trash")
        server.deliver(mail(7), "Private.Doctor")
        server.deliver(mail(8), "&Zg5ef5oHZ1A-")
        yield server


def _open(server: Dovecot, **options: Any) -> ImapSource:
    config = ImapConfig(
        host="127.0.0.1", port=server.port, security="none", user=server.user,
        password="MAIL_PASSWORD", **options,
    )  # fmt: skip
    return open_imap(config, name="mail", secret=lambda _: SecretStr(server.password))


def _titles(portions: list[Pulled]) -> list[str]:
    return [
        item.title
        for portion in portions
        for item in portion.conversations
        if isinstance(item, ParsedConversation)
    ]


def test_all_but_rubbish_is_read_once_and_nothing_is_changed(dovecot: Dovecot) -> None:
    before = dovecot.state()
    source = _open(dovecot, exclude=("private*",))
    assert isinstance(source, Source)
    assert isinstance(source, Watched)
    portions = list(source.pull(None, now=NOW))
    assert sorted(_titles(portions)) == ["Mail 1", "Mail 2", "Mail 3", "Mail 8"]
    assert portions[-1].newest_at is not None
    assert list(source.pull(portions[-1].cursor, now=NOW)) == []
    after = dovecot.state()
    assert sorted(after.values()) == sorted(before.values())
    # A flag would be a letter behind the name: `:2,S`.
    assert all(name.endswith((".test", ":2,")) for name in after)


def test_new_mail_alone_comes_the_next_time(dovecot: Dovecot) -> None:
    source = _open(dovecot, folders=("INBOX", "News"))
    cursor = list(source.pull(None, now=NOW))[-1].cursor
    dovecot.deliver(mail(20))
    dovecot.deliver(mail(21), "News")
    portions = list(source.pull(cursor, now=NOW))
    assert _titles(portions) == ["Mail 20", "Mail 21"]


def test_folder_made_anew_is_read_again_and_said(dovecot: Dovecot) -> None:
    dovecot.deliver(mail(31), "Deals")
    dovecot.deliver(mail(32), "Deals")
    source = _open(dovecot, folders=("Deals",))
    cursor = list(source.pull(None, now=NOW))[-1].cursor
    for name in ("dovecot-uidlist", "dovecot.index.log", "dovecot.index", "dovecot.index.cache"):
        (dovecot.maildir / ".Deals" / name).unlink(missing_ok=True)
    # Numbers are made of the second: another one has to come.
    uidlist = dovecot.maildir / ".Deals" / "dovecot-uidlist"
    files = sorted(path.name for path in (dovecot.maildir / ".Deals").rglob("*.test*"))
    names = "".join(f"{number} :{name}\n" for number, name in enumerate(files, 5))
    uidlist.write_text(f"3 V1234567 N{len(files) + 5} Gabcdef\n{names}")
    portions = list(source.pull(cursor, now=NOW))
    assert _titles(portions) == ["Mail 31", "Mail 32"]
    assert "numbered anew" in portions[0].notes[0]


def test_drafts_in_any_folder_are_left_out(dovecot: Dovecot) -> None:
    path = dovecot.deliver(mail(41), "Mixed")
    path.rename(path.parent.parent / "cur" / f"{path.name}:2,D")
    dovecot.deliver(mail(42), "Mixed")
    source = _open(dovecot, folders=("Mixed",))
    assert _titles(list(source.pull(None, now=NOW))) == ["Mail 42"]


def test_many_messages_come_in_portions_that_can_be_resumed(dovecot: Dovecot) -> None:
    for number in range(120):
        dovecot.deliver(mail(1000 + number), "Many")
    source = _open(dovecot, folders=("Many",))
    portions = source.pull(None, now=NOW)
    first = next(portions)
    portions.close()  # type: ignore[attr-defined]
    rest = list(source.pull(first.cursor, now=NOW))
    assert len(first.conversations) == 50
    assert _titles([first, *rest]) == [f"Mail {1000 + number}" for number in range(120)]


def test_wrong_password_is_said_without_the_password(dovecot: Dovecot) -> None:
    config = ImapConfig(
        host="127.0.0.1", port=dovecot.port, security="none", user="anna", password="P"
    )
    source = open_imap(config, name="mail", secret=lambda _: SecretStr("wrong-word"))
    with pytest.raises(PermanentError, match="may not sign in") as caught:
        list(source.pull(None, now=NOW))
    assert "wrong-word" not in repr(caught.value)


def test_server_tells_of_new_mail(dovecot: Dovecot) -> None:
    source = _open(dovecot, folders=("INBOX",))
    assert source.wait(0.1)
    cursor = list(source.pull(None, now=NOW))[-1].cursor
    assert not source.wait(0.3)
    timer = threading.Timer(0.5, lambda: dovecot.deliver(mail(51)))
    timer.start()
    try:
        assert source.wait(60)
    finally:
        timer.join()
    assert _titles(list(source.pull(cursor, now=NOW))) == ["Mail 51"]
