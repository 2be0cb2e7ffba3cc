"""A mail that was approved: what it may hold, and the bytes that are made of it."""

import hashlib
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from copilot.agent.effects.mail_account import MailAccount
from copilot.agent.effects.mail_html import check_same_words
from copilot.agent.effects.mail_payload import AttachedFile, check_address, read_payload
from copilot.agent.effects.outgoing import (
    Attached,
    Identity,
    build_message,
    identify,
    read_attachments,
)
from copilot.writers.documents.web_page import page_environment
from crm.errors import BadInput
from crm.models import EffectKind

ANNA = "anna@ours.example"
NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
ID = Identity("ab" * 16, f"<{'ab' * 16}@ours.example>")


def payload(**changes: Any) -> dict[str, Any]:
    return {
        "from": {"email": ANNA, "name": "Anna 王"},
        "to": [{"email": "bob@acme.example", "name": "Ray, Bob"}],
        "subject": "报价 and next steps",
        "body": "Hello Bob,\n\n我们报价八十万元。\n.\n\nAnna",
        **changes,
    }


def built(attached: tuple[Attached, ...] = (), **changes: Any) -> tuple[bytes, EmailMessage]:
    mail = read_payload(payload(**changes), sender=ANNA)
    raw = build_message(mail, ID, sent_at=NOW, attached=attached)
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return raw, message


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return text


def test_message_says_what_was_approved_and_nothing_else() -> None:
    raw, message = built(cc=[{"email": "carla@acme.example"}])
    assert raw.isascii()
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert message["From"] == "Anna 王 <anna@ours.example>"
    assert message["To"] == '"Ray, Bob" <bob@acme.example>'
    assert message["Cc"] == "carla@acme.example"
    assert message["Subject"] == "报价 and next steps"
    assert message["Message-ID"] == ID.message_id
    assert message["X-Copilot-Id"] == ID.mark
    assert message["Date"].datetime == NOW
    assert message["Bcc"] is None
    assert text_of(message).replace("\r\n", "\n").rstrip("\n") == payload()["body"]


def test_same_mail_gives_the_same_bytes() -> None:
    file = Attached("offer 报价.pdf", "application/pdf", b"%PDF")
    html = "<p>Hello</p>"
    first, _ = built((file,), body="Hello", html=html)
    second, message = built((file,), body="Hello", html=html)
    assert first == second
    [part] = message.iter_attachments()
    assert part.get_filename() == "offer 报价.pdf"
    assert part.get_content() == b"%PDF"
    assert text_of(message, "html").strip() == html


def test_answer_threads_under_the_mail_it_answers() -> None:
    chain = [f"<m{number}@acme.example>" for number in range(60)]
    _, message = built(in_reply_to="<last@acme.example>", references=chain)
    found = message["References"].split()
    assert message["In-Reply-To"] == "<last@acme.example>"
    assert found[0] == "<m0@acme.example>"
    assert found[-2:] == ["<m59@acme.example>", "<last@acme.example>"]
    assert len(found) == 20


def test_identity_is_that_of_one_key_with_one_payload_in_one_way() -> None:
    def mark(kind: EffectKind, key: str, **changes: Any) -> str:
        return identify(kind, payload(**changes), key=key, sender=ANNA).mark

    send, draft = EffectKind.SEND_MAIL, EffectKind.SAVE_MAIL_DRAFT
    marks = [mark(send, "k"), mark(draft, "k"), mark(send, "l"), mark(send, "k", subject="Other")]
    assert len(set(marks)) == 4
    assert mark(send, "k") == marks[0]
    assert identify(send, payload(), key="k", sender="a@公司.cn").message_id.isascii()


@pytest.mark.parametrize("sign", ["\r", "\n", "\r\n", "\0", "\x0b", "\x85", "\u2028", "\u202e"])
@pytest.mark.parametrize(
    "place", ["subject", "from.name", "to.name", "to.email", "cc.name", "in_reply_to", "references"]
)
def test_no_header_can_be_forged(place: str, sign: str) -> None:
    evil = f"x{sign}Bcc: thief@evil.example"
    person = {"email": "bob@acme.example", "name": "Bob"}
    changes: dict[str, dict[str, Any]] = {
        "subject": {"subject": evil},
        "from.name": {"from": {"email": ANNA, "name": evil}},
        "to.name": {"to": [{**person, "name": evil}]},
        "to.email": {"to": [{**person, "email": f"bob@acme.example{sign}"}]},
        "cc.name": {"cc": [{**person, "name": evil}]},
        "in_reply_to": {"in_reply_to": f"<{evil}>"},
        "references": {"references": [f"<a@b>{sign}"]},
    }
    with pytest.raises(BadInput, match="forge a header"):
        read_payload(payload(**changes[place]), sender=ANNA)


@given(subject=st.text(max_size=80), name=st.text(max_size=60), body=st.text(min_size=1))
def test_any_text_is_refused_or_arrives_under_our_headers_alone(
    subject: str, name: str, body: str
) -> None:
    to = [{"email": "bob@acme.example", "name": name}]
    try:
        raw, message = built(subject=subject, to=to, body=body)
    except BadInput:
        return
    assert sorted(header.lower() for header in message.keys()) == [  # noqa: SIM118 - repeats count
        "content-transfer-encoding", "content-type", "date", "from", "message-id", "mime-version",
        "subject", "to", "x-copilot-id",
    ]  # fmt: skip
    assert [one.addr_spec for one in message["To"].addresses] == ["bob@acme.example"]
    assert raw.isascii()
    assert raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n")


@pytest.mark.parametrize(
    "address",
    ["", "bob", "bob@", "@acme.example", "bob@acme", "bob@@acme.example", "bob@acme..example",
     "bob @acme.example", "bob@acme.example, eve@evil.example", "<bob@acme.example>",
     "bob@-acme.example", ".bob@acme.example", f"{'b' * 65}@acme.example"],
)  # fmt: skip
def test_what_is_no_single_address_is_refused(address: str) -> None:
    with pytest.raises(BadInput, match="no email address"):
        check_address(address)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"to": []}, "'to'"),
        ({"bcc": [{"email": "x@y.example"}]}, "'bcc'"),
        ({"body": ""}, "'body'"),
        ({"body": "a\0b"}, "body"),
        ({"from": {"email": "ceo@ours.example"}}, "the mailbox that is set up"),
        ({"to": [{"email": f"b{n}@acme.example"} for n in range(101)]}, "101 recipients"),
        ({"in_reply_to": "m1@acme.example"}, "message id"),
        ({"attachments": [{"path": "a.pdf", "sha256": "0"}]}, "SHA-256"),
        (
            {"attachments": [{"path": "a", "sha256": "0" * 64, "kind": "text/html"}]},
            "attachment kind",
        ),
        ({"attachments": [{"path": "a", "sha256": "0" * 64, "name": ".."}]}, "attachment name"),
    ],
)
def test_mail_that_cannot_be_sent_as_it_stands_is_refused(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        read_payload(payload(**changes), sender=ANNA)


def test_our_own_page_says_the_same_as_the_text_it_was_made_of() -> None:
    html = page_environment().get_template("mail.html.j2").render(
        lang="zh-CN", paragraphs=["您好：", "A < B & 报价\nnext"],
        attribution="On Monday Bob wrote:", quoted="old words\n\nmore",
    )  # fmt: skip
    text = "您好：\n\nA < B & 报价\nnext\n\nOn Monday Bob wrote:\n\n> old words\n>\n> more\n"
    check_same_words(html, text)


@pytest.mark.parametrize(
    "html",
    [
        "<p>We pay 10 %</p>",
        "<p>We pay 5 % and more</p>",
        "<p>We pay</p>",
        "<p>We pay 5 %</p><script>alert(1)</script>",
        "<p>We pay 5 %</p><img src='https://evil.example/x.png'>",
        "<p>We pay <span style='display: none'>5 %</span></p>",
        "<p>We pay <span style='font-size: 0px'>5 %</span></p>",
        "<p>We pay <span style='color: white'>5 %</span></p>",
        "<p style='background: url(https://evil.example)'>We pay 5 %</p>",
        "<p style='margin: -9999px'>We pay 5 %</p>",
        "<p onclick='x()'>We pay 5 %</p>",
        "<a href='javascript:x()'>We pay 5 %</a>",
        "<!-- [if mso]>Other<![endif] --><p>We pay 5 %</p>",
        "<head><title>We</title></head><p>We pay 5 %</p>",
        "<style>p::after {content: 'not'}</style><p>We pay 5 %</p>",
        "<meta http-equiv='refresh' content='0;url=https://evil.example'><p>We pay 5 %</p>",
        "<?xml x?><p>We pay 5 %</p>",
    ],
)
def test_page_that_shows_or_does_something_else_is_refused(html: str) -> None:
    check_same_words("<p>We pay <b>5</b> %</p>", "We pay 5 %")
    with pytest.raises(BadInput):
        check_same_words(html, "We pay 5 %")


def test_files_go_along_only_as_they_were_approved(tmp_path: Path) -> None:
    documents, secret = tmp_path / "documents", tmp_path / "secret"
    documents.mkdir()
    (documents / "报价.pdf").write_bytes(b"%PDF")
    secret.write_bytes(b"key")
    (documents / "link").symlink_to(secret)

    def file(path: str, content: bytes) -> AttachedFile:
        return AttachedFile(path=path, sha256=hashlib.sha256(content).hexdigest())

    [found] = read_attachments([file("报价.pdf", b"%PDF")], documents)
    assert (found.name, found.data) == ("报价.pdf", b"%PDF")
    for path in ("../secret", str(secret), "link", "none.pdf", ".", "a\0b"):
        with pytest.raises(BadInput, match="no document"):
            read_attachments([file(path, b"key")], documents)
    with pytest.raises(BadInput, match="not the file that was proposed"):
        read_attachments([file("报价.pdf", b"other")], documents)
    with pytest.raises(BadInput, match="MAIL_DOCUMENTS"):
        read_attachments([file("报价.pdf", b"%PDF")], None)
    with (documents / "big").open("wb") as big:
        big.truncate(26_000_000)
    with pytest.raises(BadInput, match="larger than 25 MB"):
        read_attachments([file("big", b"")], documents)


def test_password_is_never_sent_readable_or_shown() -> None:
    with pytest.raises(BadInput, match="readable"):
        MailAccount(ANNA, "anna", SecretStr("s"), smtp_host="mail.example", smtp_security="none")
    with pytest.raises(BadInput, match="IMAP"):
        MailAccount(ANNA, "anna", SecretStr("s"), smtp_host="mail.example", sent_folder="Sent")
    with pytest.raises(BadInput, match="either a password or OAuth"):
        MailAccount(ANNA, "anna")
    assert "hush" not in repr(
        MailAccount(ANNA, "anna", SecretStr("hush"), smtp_host="mail.example")
    )
