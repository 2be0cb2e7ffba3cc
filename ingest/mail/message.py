"""One mail's bytes, parsed into a conversation."""

import hashlib
import re
from dataclasses import replace
from email import policy
from email.errors import MessageError
from email.message import Message
from email.parser import BytesParser

from crm.errors import BadInput
from crm.models import ConversationKind
from ingest.conversations import ParsedConversation, ParsedSegment
from ingest.identity import Person
from ingest.mail.body import MailBody, read_body
from ingest.mail.headers import read_date, read_header, read_ids, read_people
from ingest.mail.signature import Signature
from ingest.wording import guess_language

SOURCE = "mail"
MAX_BOUNDARIES = 200

# The standard parser's time grows with the square of such a header's length: this is seconds.
_MIME_HEADER = re.compile(rb"(?im)(?:^|\r)content-[a-z-]+:(?:[^\r\n]|\r\n?[ \t]|\n[ \t])*")
_MIME_HEADER_COST = 40_000_000

# What the standard library raises, by version, on MIME headers that make no sense.
_MALFORMED = (
    RecursionError, MessageError, LookupError, ValueError, TypeError, AttributeError,
    AssertionError,
)  # fmt: skip


def parse_mail(raw: bytes) -> ParsedConversation:
    """Return the mail; BadInput says why it cannot be one (no date, nested too deep, too long).

    The key is its Message-ID, or a hash of its content; the thread is named after the first
    message that it refers to.
    """
    if raw.lower().count(b"boundary=") > MAX_BOUNDARIES:
        raise BadInput(f"more than {MAX_BOUNDARIES} MIME boundaries: not a mail a person wrote")
    cost = 0
    for header in _MIME_HEADER.finditer(raw):
        cost += (header.end() - header.start()) ** 2
        if cost > _MIME_HEADER_COST:
            raise BadInput("MIME headers far too long, or too many: not a mail a person wrote")
    try:
        return _parse(BytesParser(policy=policy.default).parsebytes(raw))
    except _MALFORMED:
        # The older policy takes MIME headers as they come.
        return _parse_leniently(raw)


def _parse_leniently(raw: bytes) -> ParsedConversation:
    try:
        return _parse(BytesParser(policy=policy.compat32).parsebytes(raw))
    except _MALFORMED as error:
        raise BadInput(f"not a readable mail ({type(error).__name__}: {error})") from error


def _parse(message: Message) -> ParsedConversation:
    started_at = read_date(message)
    people = read_people(message)
    sender = next((one for one in people if one.role == "from"), Person(name="Unknown"))
    title = read_header(message, "subject")
    body = read_body(message, sender.name)
    people = [_signed(one, body.signature) if one is sender else one for one in people]
    segments = _segments(body, sender.name)
    digest = _digest(started_at.isoformat(), title, people, segments)
    message_id = next(iter(read_ids(message, "message-id")), None)
    parents = read_ids(message, "in-reply-to")
    references = read_ids(message, "references") or parents
    text = "\n".join([title, *(segment.text for segment in segments)])
    return ParsedConversation(
        source=SOURCE,
        external_id=message_id or digest,
        kind=ConversationKind.EMAIL,
        title=title,
        started_at=started_at,
        participants=tuple(people),
        segments=segments,
        content_sha256=digest,
        language=guess_language(text),
        message_id=message_id,
        in_reply_to=parents[0] if parents else None,
        thread_key=references[0] if references else message_id or digest,
    )


def _signed(sender: Person, signature: Signature) -> Person:
    """Return the sender with the phone and title that the signature tells."""
    return replace(sender, phone=signature.phone, role=signature.title or sender.role)


def _segments(body: MailBody, sender: str) -> tuple[ParsedSegment, ...]:
    segments = [ParsedSegment(sender, text) for text in body.new]
    if not segments:
        # A bare forward: its words are somebody else's, so they are not put in the sender's mouth.
        segments = [ParsedSegment(f"{sender} (quoted)", text) for text in body.quoted]
    if body.attachments:
        segments.append(ParsedSegment(sender, f"[{body.attachments} attached]"))
    return tuple(segments)


def _digest(
    date: str, title: str, people: list[Person], segments: tuple[ParsedSegment, ...]
) -> str:
    parts = [
        date,
        title,
        *(f"{p.role} {p.name} {p.email} {p.phone or ''}".rstrip() for p in people),
    ]
    parts += [f"{segment.speaker}\t{segment.text}" for segment in segments]
    return hashlib.sha256("\x1e".join(parts).encode("utf-8", "replace")).hexdigest()
