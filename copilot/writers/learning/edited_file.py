"""Reads the text that a rep sent in the end: from a mail, Markdown or plain text file."""

import re
from email import message_from_bytes
from email.policy import default

from copilot.writers.learning.keeping import MOST_CHARACTERS, Edit
from crm.errors import BadInput

_MOST_BYTES = 20_000_000
_SUBJECT = re.compile(r"^(?:subject|主题)\s*[:：]\s*(?P<subject>.*)$", re.IGNORECASE)
_TITLE = re.compile(r"^# (?P<title>.+)$")
_DETAIL = re.compile(r"^(?:- \*\*[^*]+[:：]\*\*.*|\*\*[^*]+\*\*|\*[^*]+\*)$")
_NOTES = re.compile(r"^## ", re.MULTILINE)
_NOTE_MARK = re.compile(r" ?(?<!\\)\[\d{1,3}\]")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def read_edited(content: bytes, name: str) -> Edit:
    """Return the edit in a file; what kind it is its name says, plain text where it says nothing.

    A subject may stand in the mail's header, in the Markdown title, or in a first line
    "Subject: …". What a mail quotes below the answer is left out.

    Raises BadInput if it is no text, or too long.
    """
    if len(content) > _MOST_BYTES:
        raise BadInput(f"{name!r} has {len(content):,} bytes: give the text of one letter")
    lowered = name.lower()
    if lowered.endswith(".eml"):
        return _from_mail(content, name)
    text = _decoded(content, name)
    return _from_markdown(text) if lowered.endswith((".md", ".markdown")) else _from_text(text)


def as_editable(subject: str, body: str) -> str:
    """Return the text that goes into an editor: the subject in the first line."""
    return f"Subject: {subject}\n\n{body}\n" if subject else f"{body}\n"


def _from_mail(content: bytes, name: str) -> Edit:
    message = message_from_bytes(content, policy=default)
    part = message.get_body(preferencelist=("plain",))
    if part is None:
        raise BadInput(f"{name!r} has no plain text: save the message with one, or as .txt")
    try:
        text = str(part.get_content())
    except (LookupError, UnicodeDecodeError) as error:
        raise BadInput(f"{name!r} cannot be read ({error}): save it as .txt in UTF-8") from None
    subject = " ".join(str(message["Subject"] or "").split())
    return Edit(_without_quotes(text), subject or None)


def _from_markdown(text: str) -> Edit:
    lines = _NOTES.split(text, maxsplit=1)[0].strip().split("\n")
    title = _TITLE.match(lines[0].strip())
    if title is None:
        return _from_text(_plain("\n".join(lines)))
    rest = lines[1:]
    while rest and (not rest[0].strip() or _DETAIL.match(rest[0].strip())):
        rest.pop(0)
    return Edit(_plain("\n".join(rest)), _plain(title["title"]))


def _from_text(text: str) -> Edit:
    lines = text.strip().split("\n")
    subject = _SUBJECT.match(lines[0].strip())
    if subject is None:
        return Edit(text.strip())
    return Edit("\n".join(lines[1:]).strip(), subject["subject"].strip() or None)


def _plain(text: str) -> str:
    text = re.sub(r"\\$", "", _NOTE_MARK.sub("", text), flags=re.MULTILINE)
    return _ESCAPED.sub(r"\1", text).strip()


def _without_quotes(text: str) -> str:
    """Cut the mail that was answered: the quoted lines at the end, and the line announcing them."""
    lines = text.replace("\r\n", "\n").rstrip().split("\n")
    end = len(lines)
    while end and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith(">")):
        end -= 1
    if end < len(lines) and end and lines[end - 1].rstrip().endswith((":", "：")):
        end -= 1
    return "\n".join(lines[:end]).strip()


def _decoded(content: bytes, name: str) -> str:
    if b"\x00" in content[:1000] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInput(f"{name!r} is no text: give .txt, .md or .eml")
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        try:
            text = content.decode("gb18030")
        except UnicodeDecodeError:
            raise BadInput(f"{name!r} cannot be read as text: save it in UTF-8") from None
    if len(text) > 4 * MOST_CHARACTERS:
        raise BadInput(f"{name!r} has {len(text):,} characters: give the text of one letter")
    return text
