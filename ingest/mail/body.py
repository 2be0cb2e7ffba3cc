"""The text of a mail: the right MIME parts, and of those what its sender newly wrote."""

import re
from dataclasses import dataclass
from email.message import Message

from crm.errors import BadInput
from ingest.mail.html import html_to_text
from ingest.wording import clean_text, decode_text, split_text

MAX_BODY_CHARS = 1_000_000
MAX_DEPTH = 30
MAX_PARTS = 1_000

_QUOTE_HEADERS = (
    re.compile(r"-{2,}\s*(original (message|appointment)|forwarded message)", re.I),
    re.compile(r"-{2,}\s*(原始邮件|转发的?邮件|原邮件)"),
    re.compile(r"(begin forwarded message|anfang der weitergeleiteten nachricht)\b", re.I),
    re.compile(r"on\b.{6,200}\bwrote\s*:$", re.I),
    re.compile(r"(am|le|el|il)\b.{6,200}\b(schrieb|écrit|escribió|ha scritto)\b.{0,80}:$", re.I),
    re.compile(r"(.{0,120}[于在])?\s{0,9}\d{4}\s{0,9}[年/.-].{2,160}写道\s*[:：]$"),
)  # fmt: skip
# Outlook quotes a mail under a block of its headers: two such lines in a row.
_HEADER_LINE = re.compile(
    r"\*?(from|sent|date|to|cc|subject|von|gesendet|an|betreff"
    r"|发件人|发送时间|日期|时间|收件人|抄送|主题)\*?\s*[:：]", re.I
)  # fmt: skip
_FIRST_HEADER_LINE = re.compile(r"\*?(from|von|发件人)\*?\s*[:：]", re.I)
_RULE = re.compile(r"[_-]{10,}$")
_SIGN_OFF = re.compile(
    r"(--|sent from my [\w ]{2,30}|get outlook for \w+|von meinem \w+ gesendet"
    r"|发自我的.{1,20}|从我的.{1,20}发送)\.?$", re.I
)  # fmt: skip
_PARAGRAPH = re.compile(r"\n\s*\n")


@dataclass(frozen=True)
class MailBody:
    """Paragraphs newly written, paragraphs quoted, and how many files were attached."""

    new: tuple[str, ...]
    quoted: tuple[str, ...]
    attachments: int


def read_body(message: Message) -> MailBody:
    """Return a mail's body; BadInput if it is longer or more deeply nested than a mail can be."""
    collected = _Parts()
    collected.add(message, 0)
    text = clean_text("\n\n".join(collected.texts))
    new, quoted = _separate(text)
    return MailBody(_paragraphs(new), _paragraphs(quoted), collected.attachments)


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


def _separate(text: str) -> tuple[str, str]:
    """Return (new text, quoted text); the signature is in neither."""
    new: list[str] = []
    quoted: list[str] = []
    lines = text.split("\n")
    is_signature = False
    for number, raw_line in enumerate(lines):
        line = raw_line.strip()
        if line.startswith(">"):
            quoted.append(line.lstrip("> "))
            continue
        if _starts_quote(lines, number):
            quoted += [one.strip().lstrip("> ") for one in lines[number:]]
            break
        is_signature = is_signature or _SIGN_OFF.match(line) is not None
        if not is_signature:
            new.append(raw_line.rstrip())
    return "\n".join(new), "\n".join(quoted)


def _starts_quote(lines: list[str], number: int) -> bool:
    line = lines[number].strip()
    following = [one.strip() for one in lines[number + 1 : number + 5] if one.strip()]
    # "On … wrote:" is often wrapped.
    joined = f"{line} {following[0]}" if following else line
    if any(p.match(line) or (len(line) > 20 and p.match(joined)) for p in _QUOTE_HEADERS):
        return True
    if _RULE.match(line) and following and _FIRST_HEADER_LINE.match(following[0]):
        return True
    is_block = bool(following) and _HEADER_LINE.match(following[0]) is not None
    return _FIRST_HEADER_LINE.match(line) is not None and is_block


def _paragraphs(text: str) -> tuple[str, ...]:
    found = (clean_text(one) for one in _PARAGRAPH.split(text))
    return tuple(piece for paragraph in found if paragraph for piece in split_text(paragraph))
