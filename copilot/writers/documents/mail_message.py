"""Renders a letter as an email message that threads under the one it answers."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address, HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from typing import Any

from copilot.writers.documents.compose import attribution, compose, signature
from copilot.writers.documents.content import LetterContent, Person
from copilot.writers.documents.endnotes import EndNotes
from copilot.writers.documents.plain import clean, one_line
from copilot.writers.documents.web_page import page_environment
from crm.errors import BadInput

_MESSAGE_ID = re.compile(r"<[^\s<>\x00-\x20\x7f]{1,900}>")
_ADDRESS = re.compile(r"[^\s<>,;:\"()\[\]\\\x00-\x1f\x7f@]+@[^\s<>,;:\"()\[\]\\\x00-\x1f\x7f@]+")
_KIND = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_ANSWERED = re.compile(r"^((re|aw|sv|回复|答复)\s*[:：]\s*)+", re.IGNORECASE)
# A page that opens in the reader, and what cannot be attached as plain bytes.
_UNSAFE_KINDS = ("text/html", "multipart/", "message/")
_MOST_REFERENCES = 20


@dataclass(frozen=True)
class Attachment:
    """A file that goes along; `kind` is its MIME type."""

    name: str
    kind: str
    data: bytes


class _IdsHeader(UniqueUnstructuredHeader):
    """A header of message ids: one id a line, for an id must never be encoded or broken."""

    name: str

    def fold(self, *, policy: Any) -> str:
        """Return the header's lines."""
        return f"{self.name}: {f'{policy.linesep} '.join(str(self).split())}{policy.linesep}"


def render_eml(
    letter: LetterContent,
    *,
    message_id: str,
    sent_at: datetime,
    attachments: Sequence[Attachment] = (),
) -> bytes:
    """Return the message: text and HTML, threaded, marked as a draft still to be sent.

    `message_id` comes with its angle brackets. The same arguments give the same bytes. Notes
    and open points are for the rep and are not in it.

    Raises:
        BadInput: nobody to send it to, an address, id, file name or type that no header can
            hold, `sent_at` without a time zone, or a sentence that is still open.
    """
    if sent_at.tzinfo is None:
        raise BadInput(f"sent_at {sent_at!r} has no time zone: give an aware time")
    if not letter.to:
        raise BadInput("the letter has no recipient: add one to `to`")
    compose(letter)
    message = EmailMessage(policy=_policy(letter))
    message["From"] = _address(letter.sender)
    message["To"] = [_address(person) for person in letter.to]
    if letter.cc:
        message["Cc"] = [_address(person) for person in letter.cc]
    message["Subject"] = _subject(letter)
    message["Date"] = format_datetime(sent_at)
    message["Message-ID"] = _checked_id(message_id)
    _thread(message, letter)
    message["X-Unsent"] = "1"
    text, html = _bodies(letter)
    message.set_content(text, cte="quoted-printable" if letter.language == "en" else "base64")
    message.add_alternative(
        html, subtype="html", cte="quoted-printable" if letter.language == "en" else "base64"
    )
    for attachment in attachments:
        _attach(message, attachment)
    _fix_boundaries(message, message_id)
    return message.as_bytes()


def _policy(letter: LetterContent) -> "EmailPolicy[Any]":
    registry = HeaderRegistry()
    for name in ("message-id", "in-reply-to", "references"):
        registry.map_to_type(name, _IdsHeader)  # type: ignore[arg-type]
    people = (letter.sender, *letter.to, *letter.cc)
    # An address beyond ASCII can only be written as UTF-8 (RFC 6532); names never need that.
    is_international = not all(person.email.isascii() for person in people)
    return SMTP.clone(header_factory=registry, utf8=is_international)


def _address(person: Person) -> Address:
    if not _ADDRESS.fullmatch(person.email):
        raise BadInput(
            f"email address {person.email!r} of {person.name!r} cannot be used: correct the contact"
        )
    user, domain = person.email.split("@")
    return Address(display_name=one_line(person.name), username=user, domain=domain)


def _subject(letter: LetterContent) -> str:
    """Return the subject; an answer keeps the thread's with one `Re:` in front."""
    subject = one_line(letter.subject)
    if letter.in_reply_to is None:
        return subject
    return f"Re: {_ANSWERED.sub('', subject)}"


def _thread(message: EmailMessage, letter: LetterContent) -> None:
    earlier = letter.in_reply_to
    if earlier is None:
        return
    parent = _checked_id(earlier.message_id)
    known = [each for each in earlier.references if _MESSAGE_ID.fullmatch(each) and each != parent]
    # RFC 5322 wants the whole chain; very long ones keep the root and the latest.
    chain = known if len(known) < _MOST_REFERENCES else [known[0], *known[1 - _MOST_REFERENCES :]]
    message["In-Reply-To"] = parent
    message["References"] = " ".join([*dict.fromkeys(chain), parent])


def _checked_id(message_id: str) -> str:
    if not (_MESSAGE_ID.fullmatch(message_id) and message_id.isascii()):
        raise BadInput(f"message id {message_id[:80]!r}: give it as '<something@host>'")
    return message_id


def _bodies(letter: LetterContent) -> tuple[str, str]:
    notes = EndNotes(letter.sources, letter.language, shown=False)
    paragraphs = [clean(letter.greeting)]
    paragraphs += ["".join(run.text for run in notes.runs(each)) for each in letter.paragraphs]
    if notes.open_texts:
        raise BadInput(
            f"sentence {notes.open_texts[0]!r} is still open: fill it in before making the message"
        )
    paragraphs.append(f"{clean(letter.closing)}\n{signature(letter.sender)}")
    earlier = letter.in_reply_to
    quoted = clean(earlier.text) if earlier else ""
    above = attribution(earlier, letter.language) if earlier and quoted else ""
    html = (
        page_environment()
        .get_template("mail.html.j2")
        .render(
            lang="zh-CN" if letter.language == "zh" else "en",
            paragraphs=[each for each in paragraphs if each],
            attribution=above,
            quoted=quoted,
        )
    )
    lines = [each for each in paragraphs if each]
    if above:
        marked = (
            f">{line}" if line.startswith(">") else f"> {line}" for line in quoted.split("\n")
        )
        lines.append("\n".join([above, "", *(line.rstrip() for line in marked)]))
    return "\n\n".join(lines) + "\n", html


def _attach(message: EmailMessage, attachment: Attachment) -> None:
    name = one_line(attachment.name)
    if not name or re.search(r"[/\\\"\x00-\x1f\x7f]", attachment.name) or name.startswith("."):
        raise BadInput(f"attachment name {attachment.name!r}: give a plain file name")
    if not _KIND.fullmatch(attachment.kind) or attachment.kind.startswith(_UNSAFE_KINDS):
        raise BadInput(f"attachment kind {attachment.kind!r}: give a type such as application/pdf")
    main, sub = attachment.kind.split("/")
    message.add_attachment(attachment.data, maintype=main, subtype=sub, filename=name)


def _fix_boundaries(message: EmailMessage, message_id: str) -> None:
    """Name the parts' boundaries after the message, or every run would give other bytes."""
    for at, part in enumerate(part for part in message.walk() if part.is_multipart()):
        digest = hashlib.sha256(f"{message_id}/{at}".encode()).hexdigest()[:32]
        part.set_boundary(f"=_{digest}")
