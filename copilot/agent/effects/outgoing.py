"""Makes the bytes of an approved mail: the same payload, key and time give the same bytes."""

import hashlib
import mimetypes
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address, HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from copilot.agent.approvals.payloads import digest_of
from copilot.agent.effects.mail_payload import AttachedFile, MailPayload, Person, is_safe_kind
from crm.errors import BadInput
from crm.models import EffectKind

MARK = "X-Copilot-Id"
"""A header of our own with the mail's mark: some servers write the Message-ID anew."""

MOST_ATTACHED_BYTES = 25_000_000
_MOST_REFERENCES = 20
_PLAIN_LINES = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Identity:
    """By what a mail is found again: `mark` is 32 hex digits, `message_id` has angle brackets."""

    mark: str
    message_id: str


@dataclass(frozen=True)
class Attached:
    """A file that goes along; `kind` is its MIME type."""

    name: str
    kind: str
    data: bytes


class _IdsHeader(UniqueUnstructuredHeader):
    """A header of message ids: one id a line, for an id must never be encoded or broken."""

    name: str

    def fold(self, *, policy: Any) -> str:
        return f"{self.name}: {f'{policy.linesep} '.join(str(self).split())}{policy.linesep}"


def identify(kind: EffectKind, payload: Mapping[str, Any], *, key: str, sender: str) -> Identity:
    """Return the identity of what this key does with this payload: never that of anything else."""
    text = f"{key}\n{digest_of(kind, payload)}"
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    domain = _ascii_domain(sender.rpartition("@")[2])
    return Identity(mark, f"<{mark}@{domain}>")


def build_message(
    mail: MailPayload,
    identity: Identity,
    *,
    sent_at: datetime,
    attached: Sequence[Attached] = (),
) -> bytes:
    """Return the finished message, text before HTML, with lines that end in CRLF.

    It is ASCII throughout unless an address is not. Raises BadInput for a time without a zone.
    """
    if sent_at.tzinfo is None:
        raise BadInput(f"sent_at {sent_at!r} has no time zone: give an aware time")
    message = EmailMessage(policy=_policy(mail))
    message["From"] = _address(mail.sender)
    message["To"] = [_address(person) for person in mail.to]
    if mail.cc:
        message["Cc"] = [_address(person) for person in mail.cc]
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(sent_at)
    message["Message-ID"] = identity.message_id
    message[MARK] = identity.mark
    _thread(message, mail)
    _set_text(message, mail.body, "plain")
    if mail.html is not None:
        _set_text(message, mail.html, "html")
    for one in attached:
        main, sub = one.kind.split("/")
        message.add_attachment(one.data, maintype=main, subtype=sub, filename=one.name)
    _fix_boundaries(message, identity.mark)
    return message.as_bytes()


def told(
    identity: Identity, payload: Mapping[str, Any], *, was_found: bool, folder: str | None = None
) -> dict[str, Any]:
    """Return what people and the audit trail are told of a mail that is where it should be.

    `was_found` says that an earlier attempt had done it, `folder` where it lies if that is known.
    """
    people = [*payload.get("to", ()), *payload.get("cc", ())]
    result = {
        "message_id": identity.message_id,
        "to": [str(person.get("email")) for person in people],
        "folder": folder,
        "was_found": was_found,
    }
    if payload.get("contact_id"):
        after = {"message_id": identity.message_id}
        return {**result, "object": f"contact:{payload['contact_id']}", "after": after}
    return result


def read_attachments(files: Sequence[AttachedFile], folder: Path | None) -> tuple[Attached, ...]:
    """Return the files as they were approved, from below `folder`.

    Raises BadInput for a file that is missing, lies elsewhere, or was changed since it was
    proposed, and for more than 25 MB.
    """
    found: list[Attached] = []
    for file in files:
        data = _path_of(file, folder).read_bytes()
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise BadInput(
                f"{file.shown_name!r} is not the file that was proposed: propose the mail anew"
            )
        found.append(Attached(file.shown_name, file.kind, data))
        if sum(len(one.data) for one in found) > MOST_ATTACHED_BYTES:
            raise BadInput(
                f"the attachments are larger than {MOST_ATTACHED_BYTES // 1_000_000} MB:"
                " send a link, or fewer"
            )
    return tuple(found)


def describe_document(name: str, folder: Path | None) -> AttachedFile:
    """Return a file below `folder` as it is now, to be proposed along with a mail.

    Raises BadInput where it lies elsewhere or is too large.
    """
    place = Path(name).expanduser()
    if (
        folder is not None
        and place.is_absolute()
        and place.resolve().is_relative_to(folder.resolve())
    ):
        name = place.resolve().relative_to(folder.resolve()).as_posix()
    # Which digest it has is only known once it is read.
    data = _path_of(AttachedFile(path=name, sha256=""), folder).read_bytes()
    guessed, packed = mimetypes.guess_type(name)
    is_usual = guessed is not None and packed is None and is_safe_kind(guessed)
    kind = guessed if is_usual and guessed else "application/octet-stream"
    return AttachedFile(path=name, sha256=hashlib.sha256(data).hexdigest(), kind=kind)


def _path_of(file: AttachedFile, folder: Path | None) -> Path:
    if folder is None:
        raise BadInput(
            f"{file.shown_name!r} cannot go along: set SALES_COPILOT_MAIL_DOCUMENTS to the folder"
            " that attachments come from"
        )
    root = folder.resolve()
    path = root / file.path
    try:
        path = path.resolve()
        is_usable = path.is_relative_to(root) and path.is_file()
        is_small = is_usable and path.stat().st_size <= MOST_ATTACHED_BYTES
    except (OSError, ValueError):
        is_usable = is_small = False
    if not is_usable:
        raise BadInput(f"there is no document {file.path!r}: propose the mail anew with what is")
    if not is_small:
        raise BadInput(
            f"{file.shown_name!r} is larger than {MOST_ATTACHED_BYTES // 1_000_000} MB: send a link"
        )
    return path


def _policy(mail: MailPayload) -> "EmailPolicy[Any]":
    registry = HeaderRegistry()
    for name in ("message-id", "in-reply-to", "references", MARK.lower()):
        registry.map_to_type(name, _IdsHeader)  # type: ignore[arg-type]
    # An address beyond ASCII can only be written as UTF-8 (RFC 6532); names never need that.
    is_international = not all(
        wire_address(one.email).isascii() for one in (mail.sender, *mail.to, *mail.cc)
    )
    return SMTP.clone(header_factory=registry, utf8=is_international)


def _address(person: Person) -> Address:
    local, _, domain = wire_address(person.email).rpartition("@")
    return Address(display_name=person.name.strip(), username=local, domain=domain)


def wire_address(address: str) -> str:
    """Return the address as servers know it: with an ASCII domain where there is one."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{_ascii_domain(domain)}"


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise BadInput(f"{domain[:100]!r} is no domain of an email address: correct it") from None


def _thread(message: EmailMessage, mail: MailPayload) -> None:
    parent = mail.in_reply_to
    if parent is None:
        return
    chain = [each for each in dict.fromkeys(mail.references) if each != parent]
    # RFC 5322 wants the whole chain; very long ones keep the root and the latest.
    if len(chain) >= _MOST_REFERENCES:
        chain = [chain[0], *chain[2 - _MOST_REFERENCES :]]
    message["In-Reply-To"] = parent
    message["References"] = " ".join([*chain, parent])


def _set_text(message: EmailMessage, text: str, subtype: str) -> None:
    lines = "\n".join(_PLAIN_LINES.split(text))
    # Beyond ASCII most letters would take nine signs each when quoted.
    cte = (
        "quoted-printable"
        if sum(not char.isascii() for char in lines) * 6 < len(lines)
        else "base64"
    )
    if subtype == "plain":
        message.set_content(lines, cte=cte)
    else:
        message.add_alternative(lines, subtype=subtype, cte=cte)


def _fix_boundaries(message: EmailMessage, mark: str) -> None:
    """Name the parts' boundaries after the message, or every run would give other bytes."""
    for at, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_{hashlib.sha256(f'{mark}/{at}'.encode()).hexdigest()[:32]}")
