"""A mail as people approve it: its shape, and what of it no header or server could hold."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from copilot.agent.effects.mail_html import check_same_words
from crm.errors import BadInput

MOST_RECIPIENTS = 100
_MOST_BODY = 500_000
_MOST_NAME = 200
_MOST_ID = 2**63 - 1
_LOCAL = re.compile(r"[^\s<>,;:\"()\[\]\\@]{1,64}")
_LABEL = re.compile(r"(?!-)[\w-]{1,63}(?<!-)")
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,900}>")
_KIND = re.compile(r"[a-z]+/[a-z0-9.+-]{1,100}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
# Categories that end a line for somebody, or that no text can be made of.
_BREAKS = frozenset({"Cc", "Zl", "Zp", "Cs"})
# Marks that show a name or an ending in another order than it has.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e")
# Pages that open in the reader, and messages that carry headers of their own.
_UNSAFE_KINDS = ("text/html", "multipart/", "message/")


class Person(BaseModel):
    """Somebody with an address; `name` may be empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: str
    name: str = Field(default="", max_length=_MOST_NAME)


class AttachedFile(BaseModel):
    """A file below the folder of documents, bound to its content by the SHA-256 of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(min_length=1, max_length=500)
    sha256: str
    kind: str = "application/octet-stream"
    name: str | None = None

    @property
    def shown_name(self) -> str:
        """The file's name as the recipient sees it."""
        return self.name if self.name is not None else PurePosixPath(self.path).name


class MailPayload(BaseModel):
    """A finished mail. `body` is its text; `html`, where given, says the same words.

    `in_reply_to` and `references` are message ids with their angle brackets. The fields behind
    `attachments` are for rules and the record, and do not go out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    sender: Person = Field(alias="from")
    to: tuple[Person, ...] = Field(min_length=1)
    cc: tuple[Person, ...] = ()
    subject: str = Field(max_length=900)
    body: str = Field(min_length=1, max_length=_MOST_BODY)
    html: str | None = Field(default=None, max_length=_MOST_BODY)
    in_reply_to: str | None = None
    references: tuple[str, ...] = Field(default=(), max_length=500)
    attachments: tuple[AttachedFile, ...] = Field(default=(), max_length=50)
    language: str | None = None
    draft_id: int | None = Field(default=None, ge=1, le=_MOST_ID)
    contact_id: int | None = Field(default=None, ge=1, le=_MOST_ID)
    account_id: int | None = Field(default=None, ge=1, le=_MOST_ID)
    opportunity_id: int | None = Field(default=None, ge=1, le=_MOST_ID)
    discount: int | None = None
    amount_minor: int | None = None
    currency: str | None = None

    @property
    def recipients(self) -> tuple[str, ...]:
        """Every address that it goes to, each once."""
        return tuple(dict.fromkeys(person.email for person in (*self.to, *self.cc)))


def read_payload(payload: Mapping[str, Any], *, sender: str) -> MailPayload:
    """Return the payload as a mail that `sender` may send as it stands.

    Raises BadInput for what is missing or unknown, an address that cannot be one, a line break or
    other control sign in what becomes a header, HTML that says something else than the text, more
    than 100 recipients, or another sender than the mailbox's own address.
    """
    try:
        mail = MailPayload.model_validate(dict(payload))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"the mail's {where!r} cannot be used: {first['msg']}") from None
    for where, text in _header_texts(mail):
        _check_header(where, text)
    for person in (mail.sender, *mail.to, *mail.cc):
        check_address(person.email)
    if mail.sender.email.casefold() != sender.casefold():
        raise BadInput(
            f"the mail is from {mail.sender.email!r}, but the mailbox that is set up is {sender!r}:"
            " propose it from there"
        )
    if len(mail.recipients) > MOST_RECIPIENTS:
        raise BadInput(
            f"the mail has {len(mail.recipients)} recipients: {MOST_RECIPIENTS} are the most"
        )
    _check_parts(mail)
    return mail


def is_safe_kind(kind: str) -> bool:
    """Say whether a MIME type may be attached: no page that opens, no message with headers."""
    return _KIND.fullmatch(kind) is not None and not kind.startswith(_UNSAFE_KINDS)


def is_message_id(text: str) -> bool:
    """Say whether a header can hold this as the id of a message, in its angle brackets."""
    return _MESSAGE_ID.fullmatch(text) is not None


def check_address(address: str) -> None:
    """Refuse what cannot be one email address. Raises BadInput naming it."""
    local, at, domain = address.rpartition("@")
    labels = domain.split(".")
    is_usable = (
        bool(at)
        and len(address) <= 254
        and _LOCAL.fullmatch(local) is not None
        and not (local.startswith(".") or local.endswith(".") or ".." in local)
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
    )
    if not is_usable:
        raise BadInput(
            f"{address[:254]!r} is no email address: give one such as 'priya@acme.example'"
        )


def _header_texts(mail: MailPayload) -> Iterator[tuple[str, str]]:
    """Yield each text of the mail that goes into a header, with its place in the payload."""
    yield "subject", mail.subject
    for where, people in (("from", (mail.sender,)), ("to", mail.to), ("cc", mail.cc)):
        for person in people:
            yield f"{where}.name", person.name
            yield f"{where}.email", person.email
    yield "in_reply_to", mail.in_reply_to or ""
    for reference in mail.references:
        yield "references", reference
    for each in mail.attachments:
        yield "attachments.name", each.shown_name
        yield "attachments.kind", each.kind


def _check_header(where: str, text: str) -> None:
    wrong = next(
        (char for char in text if char in _TURNING or unicodedata.category(char) in _BREAKS), None
    )
    if wrong is not None:
        raise BadInput(
            f"{where} {text[:80]!r} holds {wrong!r}, which could forge a header: write it on one"
            " line without control signs"
        )


def _check_parts(mail: MailPayload) -> None:
    ids = [*mail.references, *([mail.in_reply_to] if mail.in_reply_to is not None else [])]
    for each in ids:
        if not is_message_id(each):
            raise BadInput(f"message id {each[:80]!r}: give it as '<something@host>'")
    for file in mail.attachments:
        name = file.shown_name
        if not name.strip() or name.startswith(".") or re.search(r"[/\\\"]", name):
            raise BadInput(f"attachment name {name!r}: give a plain file name")
        if not is_safe_kind(file.kind):
            raise BadInput(f"attachment kind {file.kind!r}: give a type such as application/pdf")
        if not _DIGEST.fullmatch(file.sha256):
            raise BadInput(f"attachment {name!r} has no SHA-256 of its content: propose it anew")
    if any(unicodedata.category(char) == "Cs" or char == "\0" for char in mail.body):
        raise BadInput("the body holds signs that no mail can: write the text anew")
    if mail.html is not None:
        check_same_words(mail.html, mail.body)
