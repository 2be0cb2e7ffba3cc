"""Letters as email messages: threading, encodings, attachments, and headers nobody can inject."""

from dataclasses import replace
from datetime import UTC, date, datetime
from email import message_from_bytes, message_from_string
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from copilot.writers.documents.content import (
    EarlierMail,
    LetterContent,
    OpenPoint,
    Person,
    Sentence,
    Source,
)
from copilot.writers.documents.mail_message import Attachment, render_eml
from copilot.writers.documents.markdown_text import render_markdown
from copilot.writers.documents.pdf_document import render_pdf
from copilot.writers.documents.web_page import render_html
from crm.errors import BadInput
from tests.test_documents import HOSTILE, pdf_text

PRIYA = Person("Priya Raman", "VP", "Northwind", "priya@northwind.example")
ANNA = Person("Anna Lindqvist", "Account Executive", "Fernhill", "anna@fernhill.example")
EARLIER = EarlierMail(
    "<abc.123@northwind.example>",
    "Priya Raman",
    datetime(2026, 3, 4, 9, 30, tzinfo=UTC),
    "When can I have it?\n> older",
    ("<first@northwind.example>", "<second@fernhill.example>"),
)


def letter(**more: Any) -> LetterContent:
    content = LetterContent(
        language="en",
        subject="Pilot at Leeds",
        sender=ANNA,
        to=(PRIYA,),
        dated=date(2026, 3, 5),
        greeting="Hi Priya,",
        paragraphs=(
            (Sentence("Thank you for the call.", ("F1",)), Sentence("A stop costs £11,000.")),
        ),
        closing="Best regards,",
        sources=(Source("F1", "Call", "conversation:12"),),
    )
    return replace(content, **more)


def rendered(content: LetterContent, **more: Any) -> bytes:
    arguments: dict[str, Any] = {
        "message_id": "<draft.1@fernhill.example>",
        "sent_at": datetime(2026, 3, 5, 10, tzinfo=UTC),
    }
    return render_eml(content, **(arguments | more))


def parsed(packed: bytes) -> EmailMessage:
    message = message_from_bytes(packed, policy=default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body(preferencelist=(kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_a_message_has_text_html_and_plain_headers() -> None:
    message = parsed(rendered(letter()))
    assert message["From"] == "Anna Lindqvist <anna@fernhill.example>"
    assert message["Subject"] == "Pilot at Leeds"
    assert message["Message-ID"] == "<draft.1@fernhill.example>"
    assert message["Date"].datetime == datetime(2026, 3, 5, 10, tzinfo=UTC)
    assert message["In-Reply-To"] is None
    assert message["X-Unsent"] == "1"
    text = part(message, "plain")
    assert text.startswith("Hi Priya,\n\nThank you for the call. A stop costs £11,000.\n")
    assert text.rstrip().endswith("Best regards,\nAnna Lindqvist\nAccount Executive\nFernhill")
    assert "A stop costs £11,000." in part(message, "html")
    assert "conversation:12" not in text


def test_a_reply_threads_under_the_message_it_answers() -> None:
    message = parsed(rendered(letter(in_reply_to=EARLIER)))
    assert message["In-Reply-To"] == EARLIER.message_id
    assert message["References"].split() == [*EARLIER.references, EARLIER.message_id]
    assert message["Subject"] == "Re: Pilot at Leeds"
    text = part(message, "plain")
    assert "On 4 March 2026 at 09:30 UTC, Priya Raman wrote:" in text
    assert "\n> When can I have it?\n>> older\n" in text


@pytest.mark.parametrize("subject", ["Re: Pilot", "RE: re: Pilot", "回复：Pilot", "AW: Pilot"])
def test_a_reply_has_one_re_in_front(subject: str) -> None:
    message = parsed(rendered(letter(subject=subject, in_reply_to=EARLIER)))
    assert message["Subject"] == "Re: Pilot"


def test_long_ids_and_chains_survive_unbroken() -> None:
    ids = tuple(f"<{at:03d}{'x' * 120}@mail.example>" for at in range(40))
    earlier = replace(EARLIER, message_id=f"<{'y' * 200}@mail.example>", references=ids)
    packed = rendered(letter(in_reply_to=earlier))
    message = parsed(packed)
    assert message["In-Reply-To"] == earlier.message_id
    chain = message["References"].split()
    assert chain == [ids[0], *ids[-19:], earlier.message_id]
    assert max(len(row) for row in packed.split(b"\r\n")) < 998
    assert b"=?" not in packed.split(b"\r\n\r\n")[0]


def test_chinese_names_and_subjects_are_encoded_and_come_back() -> None:
    content = letter(
        language="zh",
        subject="沈阳试点：后续安排" * 8,
        sender=replace(ANNA, name="陈思远"),
        to=(
            replace(PRIYA, name="王建国"),
            replace(PRIYA, name='O"Brien, "Pat"', email="p@x.example"),
        ),
        paragraphs=((Sentence("感谢您的来电。"), Sentence("附件请查收。")),),
        greeting="王总，您好：",
        closing="祝商祺",
        in_reply_to=replace(EARLIER, author="王建国"),
    )
    packed = rendered(content)
    assert packed.split(b"\r\n\r\n")[0].isascii()
    message = parsed(packed)
    assert message["Subject"] == "Re: " + "沈阳试点：后续安排" * 8
    assert [each.display_name for each in message["To"].addresses] == ["王建国", 'O"Brien, "Pat"']
    assert "感谢您的来电。附件请查收。" in part(message, "plain")
    assert "王建国 于2026年3月4日 09:30 UTC 写道：" in part(message, "plain")


def test_an_address_beyond_ascii_is_written_as_utf8() -> None:
    packed = rendered(letter(to=(replace(PRIYA, email="王@例子.example"),)))
    # The standard library reads UTF-8 headers from text, not from bytes.
    message = message_from_string(packed.decode(), policy=default)
    assert message["To"].addresses[0].addr_spec == "王@例子.example"


def test_attachments_come_back_whole_with_their_names() -> None:
    pdf = render_pdf(letter())
    files = [
        Attachment("方案.pdf", "application/pdf", pdf),
        Attachment("a b.docx", "application/zip", b"x"),
    ]
    message = parsed(rendered(letter(), attachments=files))
    found = list(message.iter_attachments())
    assert [each.get_filename() for each in found] == ["方案.pdf", "a b.docx"]
    assert found[0].get_content() == pdf
    assert found[0].get_content_type() == "application/pdf"


def test_the_same_letter_gives_the_same_bytes() -> None:
    files = [Attachment("a.pdf", "application/pdf", b"%PDF")]
    once = rendered(letter(in_reply_to=EARLIER), attachments=files)
    assert once == rendered(letter(in_reply_to=EARLIER), attachments=files)


def test_line_breaks_in_content_never_become_headers() -> None:
    evil = "x\r\nBcc: thief@evil.example\r\n\r\nbody"
    content = letter(
        subject=evil,
        sender=replace(ANNA, name=evil),
        to=(replace(PRIYA, name=evil),),
        greeting=evil,
        in_reply_to=replace(EARLIER, author=evil, text=evil),
    )
    message = parsed(rendered(content))
    assert message["Bcc"] is None
    assert len(message["To"].addresses) == 1
    assert len(message.get_all("Subject", [])) == 1


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@b\r\nBcc: c@d",
        "a@b, c@d",
        "a@b>",
        "A <a@b.example>",
        "a b@c.example",
        "a@b@c",
    ],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(BadInput, match="email address"):
        rendered(letter(to=(replace(PRIYA, email=address),)))


@pytest.mark.parametrize("bad", ["", "abc", "<a b@c>", "<a@b>\r\nBcc: x@y", "<a@b><c@d>", "<王@b>"])
def test_a_message_id_that_is_none_is_refused(bad: str) -> None:
    with pytest.raises(BadInput, match="message id"):
        rendered(letter(), message_id=bad)
    with pytest.raises(BadInput, match="message id"):
        rendered(letter(in_reply_to=replace(EARLIER, message_id=bad)))


def test_references_that_are_no_ids_are_left_out() -> None:
    earlier = replace(EARLIER, references=("<ok@x>", "junk\r\nBcc: a@b", "<bad id@x>"))
    message = parsed(rendered(letter(in_reply_to=earlier)))
    assert message["References"].split() == ["<ok@x>", EARLIER.message_id]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("../a.pdf", "application/pdf"), ("", "application/pdf"), ("a\r\nb.pdf", "application/pdf"),
     ("a.pdf", "application/pdf\r\nX: y"), ("a.html", "text/html"), (".bashrc", "application/pdf")],
)  # fmt: skip
def test_an_attachment_with_a_dangerous_name_or_type_is_refused(name: str, kind: str) -> None:
    with pytest.raises(BadInput, match="attachment"):
        rendered(letter(), attachments=[Attachment(name, kind, b"x")])


def test_a_letter_with_an_open_sentence_does_not_become_a_message() -> None:
    with pytest.raises(BadInput, match="still open"):
        rendered(letter(paragraphs=((Sentence("[price?]", is_open=True),),)))


def test_a_time_without_zone_and_a_letter_to_nobody_are_refused() -> None:
    with pytest.raises(BadInput, match="time zone"):
        rendered(letter(), sent_at=datetime(2026, 3, 5))
    with pytest.raises(BadInput, match="recipient"):
        rendered(letter(to=()))


def test_hostile_text_is_escaped_in_the_html_part() -> None:
    content = letter(greeting=HOSTILE, in_reply_to=replace(EARLIER, text=HOSTILE))
    html = part(parsed(rendered(content)), "html")
    assert "<script>" not in html
    assert html.count("&lt;script&gt;") == 2


def test_letters_render_in_the_other_formats_too() -> None:
    content = letter(open_points=(OpenPoint("Price", "ask Tom"),))
    for text in (render_markdown(content), render_html(content), pdf_text(render_pdf(content))):
        for wanted in ("Pilot at Leeds", "Hi Priya,", "£11,000", "Anna Lindqvist", "ask Tom"):
            assert wanted in text
