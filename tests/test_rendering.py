"""Drafts become files that their own libraries open again: mail, text, HTML, Word, PDF."""

import shutil
import subprocess
from datetime import UTC, date, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from io import BytesIO
from pathlib import Path
from typing import Any

import docx
import pytest
from pypdf import PdfReader

from copilot.grounding.pack.asked import Channel
from copilot.grounding.sentences import CitedSentence
from copilot.writers.documents.blocks import Notice
from copilot.writers.documents.compose import compose
from copilot.writers.documents.content import Person, ProposalContent, Sentence
from copilot.writers.documents.word_styles import plain_template
from copilot.writers.draft import Draft
from copilot.writers.rendering import (
    Envelope,
    Format,
    Look,
    letter_content,
    render_draft,
    render_proposal,
)
from crm.errors import BadInput
from tests.draft_talk import PLACEHOLDER, in_thread, made, with_open_point

ANNA = Person("Anna Berg", "Account Executive", "Sells Inc", "u2@sells.example", "555-0101")
MARIA = Person("Maria Lopez", "CTO", "Acme Corp", "c1@buys.example")
AT = datetime(2026, 11, 16, 9, tzinfo=UTC)


def envelope(**changes: Any) -> Envelope:
    values: dict[str, Any] = {
        "sender": ANNA, "to": (MARIA,), "sent_at": AT, "message_id": "<d1@sells.example>",
    }  # fmt: skip
    return Envelope(**{**values, **changes})


def rendered(draft: Draft, form: Format, **look: Any) -> bytes:
    return render_draft(draft, form, envelope=envelope(), look=Look(**look))


def mail_of(draft: Draft) -> EmailMessage:
    parsed = message_from_bytes(rendered(draft, Format.EML), policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def plain_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def words_of(packed: bytes) -> str:
    document = docx.Document(BytesIO(packed))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    heads = [each.text for section in document.sections for each in section.header.paragraphs]
    return "\n".join([*heads, *(each.text for each in document.paragraphs), *cells])


def test_the_letter_keeps_each_sentence_with_its_sources() -> None:
    content = letter_content(made(), sender=ANNA, dated=date(2026, 11, 16))
    assert content.paragraphs == (
        (Sentence("You asked for the warranty clause.", ("F1",)),),
        (Sentence("Shall we talk on Thursday?"),),
    )
    assert [(one.id, one.address, one.dated) for one in content.sources] == [
        ("F1", "conversation:3#0", date(2026, 11, 5))
    ]


def test_the_signature_below_repeats_no_name_of_the_closing() -> None:
    assert letter_content(made(), sender=ANNA, dated=date(2026, 11, 16)).closing == "Best regards,"
    text = plain_of(mail_of(made()))
    assert text.count("Anna Berg") == 1
    lines = text.rstrip().splitlines()
    signed = ["Anna Berg", "Account Executive", "Sells Inc", "555-0101"]
    assert lines[-5:] == ["Best regards,", *signed]


def test_a_sentence_with_a_placeholder_is_open_and_told_at_the_top() -> None:
    content = letter_content(with_open_point(), sender=ANNA, dated=date(2026, 11, 16))
    assert [one.is_open for paragraph in content.paragraphs for one in paragraph] == [
        False, False, True,
    ]  # fmt: skip
    assert [(point.where, point.what) for point in content.open_points] == [
        (PLACEHOLDER, "no approved discount")
    ]


def test_an_open_point_is_told_once_with_its_reason() -> None:
    content = letter_content(with_open_point(), sender=ANNA, dated=date(2026, 11, 16))
    notice = next(each for each in compose(content).blocks if isinstance(each, Notice))
    assert len(notice.items) == 1
    assert PLACEHOLDER in notice.items[0]
    assert "no approved discount" in notice.items[0]


def test_a_placeholder_that_stands_in_no_sentence_is_not_lost() -> None:
    lost = with_open_point().model_copy(update={"paragraphs": made().paragraphs})
    content = letter_content(lost, sender=ANNA, dated=date(2026, 11, 16))
    assert content.paragraphs[-1] == (Sentence(PLACEHOLDER, is_open=True),)
    assert PLACEHOLDER in plain_of(mail_of(lost))


def test_a_mail_has_what_a_mail_program_needs_to_go_on() -> None:
    mail = mail_of(in_thread())
    assert mail["From"] == "Anna Berg <u2@sells.example>"
    assert mail["To"] == "Maria Lopez <c1@buys.example>"
    assert mail["Subject"] == "Re: Warranty"
    assert mail["Message-ID"] == "<d1@sells.example>"
    assert mail["In-Reply-To"] == "<m2@buys.example>"
    assert mail["References"].split() == ["<m1@sells.example>", "<m2@buys.example>"]
    assert mail["X-Unsent"] == "1"
    assert mail["Date"].datetime == AT
    assert not mail.defects


def test_the_mail_answered_is_quoted_below_and_its_html_is_escaped() -> None:
    mail = mail_of(in_thread())
    plain = plain_of(mail)
    assert "> We need the warranty clause in writing." in plain
    assert plain.index("Shall we talk") < plain.index("> We need")
    html = mail.get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()
    assert "&lt;script&gt;" in html.get_content()


def test_an_id_without_brackets_threads_too() -> None:
    mail = mail_of(in_thread("m2@buys.example"))
    assert mail["In-Reply-To"] == "<m2@buys.example>"


@pytest.mark.parametrize("broken", ["", "no id at all", "<é@x.example>", "<a\r\nBcc: x@y.example>"])
def test_an_id_that_no_header_takes_costs_the_thread_and_not_the_draft(broken: str) -> None:
    mail = mail_of(in_thread(broken))
    assert mail["In-Reply-To"] is None
    assert mail["Bcc"] is None
    assert "You asked for the warranty clause." in plain_of(mail)


def test_an_open_draft_is_marked_in_every_format() -> None:
    draft = with_open_point()
    mail = mail_of(draft)
    assert mail["Subject"] == "[DRAFT] Warranty"
    assert PLACEHOLDER in plain_of(mail)
    word = words_of(rendered(draft, Format.DOCX))
    assert "DRAFT" in word
    assert PLACEHOLDER in word
    assert "no approved discount" in word
    markdown = rendered(draft, Format.MD).decode()
    assert "**DRAFT**" in markdown
    page = rendered(draft, Format.HTML).decode()
    assert "DRAFT" in page
    assert PLACEHOLDER in page


def test_a_finished_draft_carries_no_mark() -> None:
    assert mail_of(made())["Subject"] == "Warranty"
    assert "DRAFT" not in words_of(rendered(made(), Format.DOCX))
    assert "DRAFT" not in rendered(made(), Format.MD).decode()


def test_a_chinese_draft_is_marked_in_chinese() -> None:
    draft = with_open_point().model_copy(update={"language": "zh", "subject": "质保条款"})
    assert mail_of(draft)["Subject"] == "[草稿] 质保条款"


def test_sources_are_listed_only_for_colleagues() -> None:
    assert "conversation:3" not in words_of(rendered(made(), Format.DOCX))
    assert "conversation:3" in words_of(rendered(made(), Format.DOCX, with_notes=True))
    # Notes are for the rep, and a mail goes to the customer.
    assert "conversation:3" not in rendered(made(), Format.EML, with_notes=True).decode()


def test_a_companys_word_template_is_filled(tmp_path: Path) -> None:
    document = docx.Document(BytesIO(plain_template("letter")))
    document.add_paragraph("Sells Inc, 1 Main Street")
    path = tmp_path / "ours.docx"
    document.save(str(path))
    word = words_of(rendered(made(), Format.DOCX, template=path))
    assert "Sells Inc, 1 Main Street" in word
    assert "You asked for the warranty clause." in word
    assert "{{" not in word


def pdf_text(packed: bytes) -> str:
    pages = [page.extract_text() for page in PdfReader(BytesIO(packed)).pages]
    return " ".join(" ".join(pages).replace("\u200b", "").split())


def test_a_pdf_holds_the_letter_and_the_mark_where_something_is_open() -> None:
    finished = pdf_text(rendered(made(), Format.PDF))
    assert "You asked for the warranty clause." in finished
    assert "DRAFT" not in finished
    open_ = pdf_text(rendered(with_open_point(), Format.PDF))
    assert "DRAFT" in open_
    assert "Confirm before sending: 15% discount" in open_


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_a_word_draft_opens_in_libreoffice(tmp_path: Path) -> None:
    path = tmp_path / "draft.docx"
    path.write_bytes(rendered(with_open_point(), Format.DOCX))
    profile = f"-env:UserInstallation=file://{tmp_path / 'profile'}"
    subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), path],
        check=True,
        capture_output=True,
        timeout=300,
    )
    text = pdf_text((tmp_path / "draft.pdf").read_bytes())
    assert "You asked for the warranty clause." in text
    assert "15% discount" in text


def test_hostile_text_stays_text() -> None:
    hostile = "=cmd|' /C calc'!A0 <img src=x onerror=alert(1)> **bold** [x](javascript:alert(1))"
    draft = made(paragraphs=((CitedSentence(text=hostile),),), subject="A\r\nBcc: x@y.example")
    mail = mail_of(draft)
    assert mail["Bcc"] is None
    html = mail.get_body(("html",))
    assert html is not None
    assert "<img" not in html.get_content()
    assert "<img" not in rendered(draft, Format.HTML).decode()
    assert r"\*\*bold\*\*" in rendered(draft, Format.MD).decode()
    assert hostile in words_of(rendered(draft, Format.DOCX))


def test_text_is_the_body_and_never_fails_on_half_a_character() -> None:
    assert rendered(made(), Format.TXT).decode() == f"{made().body}\n"
    assert rendered(made(body="a\ud83d"), Format.TXT) == "a\ufffd\n".encode()


def test_a_chat_message_is_text_and_nothing_else() -> None:
    chat = made(channel=Channel.WECHAT, body="王总，*报价*收到了吗？", subject="")
    assert rendered(chat, Format.TXT).decode() == "王总，*报价*收到了吗？\n"
    assert rendered(chat, Format.MD).decode() == "王总，\\*报价\\*收到了吗？\n"
    for form in (Format.EML, Format.HTML, Format.DOCX, Format.PDF):
        with pytest.raises(BadInput, match="txt, md"):
            rendered(chat, form)


def test_a_mail_to_nobody_or_to_no_address_is_refused() -> None:
    with pytest.raises(BadInput, match="no recipient"):
        render_draft(made(to=()), Format.EML, envelope=envelope(to=()))
    nameless = (Person("Maria Lopez"),)
    with pytest.raises(BadInput, match="Maria Lopez"):
        render_draft(made(), Format.EML, envelope=envelope(to=nameless))


def test_a_proposal_is_a_document_and_no_mail() -> None:
    content = ProposalContent(
        language="en", title="Offer", customer="Acme Corp", company="Sells Inc",
        dated=date(2026, 11, 16), goals=((Sentence("Cut downtime."),),),
    )  # fmt: skip
    assert "Cut downtime." in words_of(render_proposal(content, Format.DOCX))
    assert render_proposal(content, Format.PDF).startswith(b"%PDF-")
    assert "Cut downtime." in render_proposal(content, Format.MD).decode()
    for form in (Format.EML, Format.TXT):
        with pytest.raises(BadInput, match="md, html, docx, pdf"):
            render_proposal(content, form)
