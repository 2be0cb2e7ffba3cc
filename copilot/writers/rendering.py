"""Turns finished drafts and proposals into the content of documents, and that into bytes."""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

from copilot.grounding.pack.asked import Channel
from copilot.writers.documents.brand import PLAIN_BRAND, Brand
from copilot.writers.documents.content import (
    Content,
    EarlierMail,
    LetterContent,
    OpenPoint,
    Person,
    ProposalContent,
    Prose,
    Sentence,
    Source,
)
from copilot.writers.documents.mail_message import render_eml
from copilot.writers.documents.markdown_text import escaped, render_markdown
from copilot.writers.documents.pdf_document import render_pdf
from copilot.writers.documents.web_page import render_html
from copilot.writers.documents.word_document import render_docx
from copilot.writers.documents.wording import wording
from copilot.writers.draft import Draft
from crm.errors import BadInput
from crm.escaping import for_slack, for_terminal

_BARE_ID = re.compile(r"[^\s<>]+")
_HEADER_ID = re.compile(r"<[!-;=?-~]{1,900}>")


class Format(StrEnum):
    """What a draft can be written as; the value is the file's extension."""

    EML = "eml"
    MD = "md"
    TXT = "txt"
    HTML = "html"
    DOCX = "docx"
    PDF = "pdf"


BINARY = frozenset({Format.DOCX, Format.PDF})
LETTER_FORMATS = tuple(Format)
MESSAGE_FORMATS = (Format.TXT, Format.MD)
PROPOSAL_FORMATS = (Format.MD, Format.HTML, Format.DOCX, Format.PDF)


@dataclass(frozen=True)
class Envelope:
    """Who sends a letter to whom, when, and under which id (with its angle brackets)."""

    sender: Person
    to: tuple[Person, ...]
    sent_at: datetime
    message_id: str


@dataclass(frozen=True)
class Look:
    """How documents look; `with_notes` adds the sources behind each sentence, for colleagues."""

    brand: Brand = PLAIN_BRAND
    template: Path | None = None
    with_notes: bool = False


def letter_content(
    draft: Draft, *, sender: Person, dated: date, to: tuple[Person, ...] = ()
) -> LetterContent:
    """Return what the letter says: its sentences with their sources, placeholders marked open.

    Without `to`, the addressees that the draft names.
    """
    points = tuple(OpenPoint(where=one.placeholder, what=one.reason) for one in draft.open_points)
    marks = [one.placeholder for one in draft.open_points]
    paragraphs = tuple(
        tuple(
            Sentence(one.text, one.facts, is_open=any(mark in one.text for mark in marks))
            for one in paragraph
        )
        for paragraph in draft.paragraphs
    )
    lost = [mark for mark in marks if not any(mark in one.text for one in draft.sentences)]
    if lost:
        paragraphs = (*paragraphs, tuple(Sentence(mark, is_open=True) for mark in lost))
    return LetterContent(
        language=draft.language,
        subject=draft.subject,
        sender=sender,
        to=to or tuple(Person(one.name, email=one.email or "") for one in draft.to),
        dated=dated,
        greeting=draft.greeting,
        paragraphs=paragraphs,
        closing=_without_signature(draft.closing, (draft.sender, sender.name)),
        in_reply_to=_earlier(draft),
        open_points=points,
        sources=tuple(
            Source(
                id=fact.id,
                text=fact.text,
                address=fact.source,
                dated=fact.as_of.date() if fact.as_of else None,
            )
            for fact in draft.facts
        ),
    )


def render_draft(
    draft: Draft, form: Format, *, envelope: Envelope, look: Look | None = None
) -> bytes:
    """Return the draft as a file; with open points it carries the draft mark and shows them.

    A chat message is text: its other formats do not exist.

    Raises:
        BadInput: the format does not fit, an address is missing, or the template is unusable.
        PermanentError: the typesetter is not installed.
    """
    check_format(form, _formats_of(draft))
    if form is Format.TXT:
        return _text(draft.body)
    if draft.channel is Channel.SLACK:
        return _text(for_slack(draft.body))
    if draft.channel is not Channel.EMAIL:
        return _text(escaped(draft.body))
    content = letter_content(
        draft, sender=envelope.sender, dated=envelope.sent_at.date(), to=envelope.to
    )
    if form is Format.PDF and content.open_points:
        # The page of a letter has no place for the mark but its subject.
        content = replace(content, subject=_marked_subject(content))
    if form is not Format.EML:
        return _render(content, form, look or Look())
    return render_eml(_sendable(content), message_id=envelope.message_id, sent_at=envelope.sent_at)


def render_proposal(content: ProposalContent, form: Format, *, look: Look | None = None) -> bytes:
    """Return the proposal as a file.

    Raises:
        BadInput: the format does not fit, the sums do not add up, or the template is unusable.
        PermanentError: the typesetter is not installed.
    """
    check_format(form, PROPOSAL_FORMATS)
    return _render(content, form, look or Look())


def check_format(form: Format, allowed: tuple[Format, ...]) -> None:
    """Raise BadInput where this kind of draft cannot be written in the format."""
    if form not in allowed:
        names = ", ".join(one.value for one in allowed)
        raise BadInput(f"format {form.value!r} does not fit this draft: give one of {names}")


def _formats_of(draft: Draft) -> tuple[Format, ...]:
    return LETTER_FORMATS if draft.channel is Channel.EMAIL else MESSAGE_FORMATS


def _render(content: Content, form: Format, look: Look) -> bytes:
    if form is Format.MD:
        return _text(render_markdown(content, with_notes=look.with_notes))
    if form is Format.HTML:
        return _text(render_html(content, brand=look.brand, with_notes=look.with_notes))
    if form is Format.DOCX:
        return render_docx(content, look.template, with_notes=look.with_notes)
    return render_pdf(content, brand=look.brand, with_notes=look.with_notes)


def _text(text: str) -> bytes:
    return f"{for_terminal(text).rstrip()}\n".encode()


def _sendable(content: LetterContent) -> LetterContent:
    """Return the content with its placeholders as plain text and the draft mark in the subject.

    The rep finishes the message in her mail program, which knows nothing of open sentences.
    """
    opened = any(one.is_open for paragraph in content.paragraphs for one in paragraph)
    if not opened and not content.open_points:
        return content
    plain: tuple[Prose, ...] = tuple(
        tuple(replace(one, is_open=False) for one in paragraph) for paragraph in content.paragraphs
    )
    return replace(content, paragraphs=plain, subject=_marked_subject(content), open_points=())


def _marked_subject(content: LetterContent) -> str:
    return f"[{wording(content.language).draft}] {content.subject}"


def _earlier(draft: Draft) -> EarlierMail | None:
    """Return the mail that is answered; an id that no header takes cannot thread anything."""
    thread = draft.thread
    parent = _bracketed(thread.in_reply_to) if thread else ""
    if thread is None or _HEADER_ID.fullmatch(parent) is None:
        return None
    return EarlierMail(
        message_id=parent,
        author=thread.author,
        sent_at=thread.sent_at,
        text=thread.text,
        references=tuple(_bracketed(one) for one in thread.references),
    )


def _bracketed(message_id: str) -> str:
    """Return the id with its angle brackets, which some exports leave out."""
    bare = message_id.strip()
    return f"<{bare}>" if _BARE_ID.fullmatch(bare) else bare


def _without_signature(closing: str, names: tuple[str, ...]) -> str:
    """Return the closing without the sender's lines, which the signature below it repeats."""
    lines = closing.split("\n")
    known = {name.strip() for name in names if name.strip()}
    at = next((at for at, line in enumerate(lines) if at and line.strip() in known), len(lines))
    return "\n".join(lines[:at]).rstrip()
