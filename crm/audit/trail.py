"""Appends to the audit trail: each event carries the digest of the one before."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from crm.models import AuditDetail, AuditEvent, AuditHead, AuditSubject
from crm.principal import Principal

FIRST = "0" * 64
"""What the first event builds on; the migration writes it into the head."""

_HEAD = 1


@dataclass(frozen=True)
class Deed:
    """One thing done: to what, what it changed, what was read for it, what the model saw.

    `object` and `read` are addresses such as `opportunity:12`, `saw` digests of prompts,
    `subjects` the people whom the detail is about. `agent` names what acted for the person.
    """

    action: str
    object: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    reason: str | None = None
    read: Sequence[str] = ()
    saw: Sequence[str] = ()
    subjects: Sequence[str] = field(default=())
    agent: str | None = None


def record(session: Session, deed: Deed, *, principal: Principal, now: datetime) -> int:
    """Append one event in the session's transaction, and return its number.

    Who appends waits for whoever does so at the same time; rolled back, nothing was done.
    """
    seq, previous = _next(session)
    body = {"before": deed.before, "after": deed.after, "reason": deed.reason}
    salt = secrets.token_hex(16)
    event = {
        "seq": seq,
        "at": now.astimezone(UTC),
        "person": address_of(principal),
        "agent": deed.agent,
        "action": deed.action,
        "object": deed.object,
        "read": list(deed.read),
        "saw": list(deed.saw),
        "detail_digest": digest_of_detail(salt, body),
        "previous": previous,
    }
    digest = digest_of_event(event)
    session.execute(insert(AuditEvent).values(**event, digest=digest))
    session.execute(insert(AuditDetail).values(seq=seq, salt=salt, body=_plain(body)))
    for address in dict.fromkeys(deed.subjects):
        session.execute(insert(AuditSubject).values(seq=seq, address=address))
    session.execute(update(AuditHead).where(AuditHead.id == _HEAD).values(digest=digest))
    return seq


def address_of(principal: Principal) -> str:
    """Return who did it: `user:3`, or `owner` in a single-user installation.

    People outside the company are `contact:12`, and `visitor` where nobody knows them.
    """
    if principal.is_customer:
        return "visitor" if principal.contact_id is None else f"contact:{principal.contact_id}"
    return "owner" if principal.user_id is None else f"user:{principal.user_id}"


def digest_of_event(event: Mapping[str, Any]) -> str:
    """Return the SHA-256 of an event's columns but the digest itself, in a fixed form."""
    columns = {name: value for name, value in event.items() if name != "digest"}
    columns["at"] = columns["at"].astimezone(UTC).isoformat()
    return _digest(columns)


def digest_of_detail(salt: str, body: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a detail under its salt."""
    return _digest({"salt": salt, "body": body})


def _next(session: Session) -> tuple[int, str]:
    """Take the head's lock and return the next number and the digest to build on."""
    session.execute(update(AuditHead).where(AuditHead.id == _HEAD).values(seq=AuditHead.seq + 1))
    head = session.execute(
        select(AuditHead.seq, AuditHead.digest).where(AuditHead.id == _HEAD)
    ).one()
    return head.seq, head.digest


def _digest(value: Mapping[str, Any]) -> str:
    text = json.dumps(_plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value as JSON gives it back, so that its digest stays the same once stored."""
    plain: dict[str, Any] = json.loads(json.dumps(value, default=str))
    return plain
