"""The text of a mail: the right MIME parts, and of those what its sender newly wrote."""

import re
from dataclasses import dataclass
from email.message import Message

from crm.errors import BadInput
from ingest.mail.html import html_to_text
from ingest.mail.quotes import divide_quotes
from ingest.mail.signature import Signature, split_signature
from ingest.wording import clean_text, decode_text, split_text

MAX_BODY_CHARS = 1_000_000
MAX_DEPTH = 30
MAX_PARTS = 1_000

_PARAGRAPH = re.compile(r"\n\s*\n")


@dataclass(frozen=True)
class MailBody:
    """Paragraphs newly written, paragraphs quoted, how many files were attached, and who signed."""

    new: tuple[str, ...]
    quoted: tuple[str, ...]
    attachments: int
    signature: Signature


def read_body(message: Message, sender: str = "") -> MailBody:
    """Return a mail's body; BadInput if it is longer or more deeply nested than a mail can be.

    The sender's name tells where a signature begins that nothing else announces.
    """
    collected = _Parts()
    collected.add(message, 0)
    text = clean_text("\n\n".join(collected.texts))
    divided = divide_quotes(text)
    new, signature = split_signature(divided.new, sender)
    return MailBody(
        _paragraphs("\n".join(new)),
        _paragraphs("\n".join(divided.quoted)),
        collected.attachments,
        signature,
    )


class _Parts:
    """Walks the MIME tree, taking text and counting attachments."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.attachments = 0
        self._count = 0

    def add(self, part: Message, depth: int) -> None:
        self._count += 1
        if self._count > MAX_PARTS:
            raise BadInput(f"more than {MAX_PARTS:,} MIME parts: not a mail a person wrote")
        if depth > MAX_DEPTH:
            raise BadInput(f"MIME parts nested more than {MAX_DEPTH} deep")
        kind = part.get_content_type()
        if kind == "multipart/alternative":
            self.add(_choose(part), depth + 1)
        elif kind.startswith("multipart/") and part.is_multipart():
            for child in _children(part):
                self.add(child, depth + 1)
        elif _is_shown(part, kind):
            self.texts.append(_text_of(part, kind))
        else:
            self.attachments += 1


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _choose(part: Message) -> Message:
    """Return the plain alternative unless it is empty, else the HTML, else the last."""
    children = _children(part)
    if not children:
        raise BadInput("a multipart/alternative part without alternatives")
    plain = [one for one in children if one.get_content_type() == "text/plain"]
    if plain and _text_of(plain[0], "text/plain").strip():
        return plain[0]
    rich = [one for one in children if one.get_content_type() != "text/plain"]
    html = [one for one in rich if one.get_content_type() == "text/html"]
    return (html or rich[::-1] or children)[0]


def _is_shown(part: Message, kind: str) -> bool:
    is_text = kind in ("text/plain", "text/html", "text/enriched") or kind.startswith("multipart/")
    return is_text and part.get_content_disposition() != "attachment" and not part.get_filename()


def _text_of(part: Message, kind: str) -> str:
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    if len(raw) > MAX_BODY_CHARS * 4:
        raise BadInput(f"a body of {len(raw):,} bytes; the limit is {MAX_BODY_CHARS * 4:,}")
    text = decode_text(raw, part.get_content_charset())
    text = html_to_text(text) if kind == "text/html" else text
    if len(text) > MAX_BODY_CHARS:
        raise BadInput(f"a body of {len(text):,} characters; the limit is {MAX_BODY_CHARS:,}")
    return text


def _paragraphs(text: str) -> tuple[str, ...]:
    found = (clean_text(one) for one in _PARAGRAPH.split(text))
    return tuple(piece for paragraph in found if paragraph for piece in split_text(paragraph))
