"""Gives out the audit trail, and what it says of a person; erases the latter on request."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from crm.audit.trail import Deed, record
from crm.audit.verifying import ERASED
from crm.errors import BadInput, NotAllowed
from crm.models import AuditDetail, AuditEvent, AuditSubject
from crm.principal import Principal, Role

MAY_READ = frozenset({Role.OWNER, Role.OPERATIONS, Role.EXECUTIVE})
MAY_ERASE = frozenset({Role.OWNER, Role.OPERATIONS})


@dataclass(frozen=True)
class Wanted:
    """Which events: from a moment until another, by whom, through what, what was done, to what.

    `action` and `object` may be kinds: `action` takes `action.approve`, `contact` takes
    `contact:12`. An object is also a person whom an event's detail is about.
    """

    since: datetime | None = None
    until: datetime | None = None
    person: str | None = None
    agent: str | None = None
    action: str | None = None
    object: str | None = None


def export_trail(
    session: Session,
    wanted: Wanted,
    *,
    principal: Principal,
    is_newest_first: bool = False,
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield events in order as plain values; `detail` is None where it was erased.

    They are read a few hundred at a time, however many there are. Raises NotAllowed for who may
    not read the trail.
    """
    check_role(principal, MAY_READ, "read")
    order = AuditEvent.seq.desc() if is_newest_first else AuditEvent.seq
    statement = (
        select(*AuditEvent.__table__.columns, AuditDetail.body)
        .outerjoin(AuditDetail, AuditDetail.seq == AuditEvent.seq)
        .where(*_conditions(wanted))
        .order_by(order)
        .limit(limit)
    )
    for row in session.execute(statement.execution_options(yield_per=500)):
        shown = dict(row._mapping)
        shown["detail"] = shown.pop("body")
        yield {**shown, "at": row.at.isoformat()}


def count_trail(session: Session, wanted: Wanted, *, principal: Principal) -> int:
    """Return how many events there are. Raises NotAllowed for who may not read the trail."""
    check_role(principal, MAY_READ, "read")
    statement = select(func.count()).select_from(AuditEvent).where(*_conditions(wanted))
    return session.scalar(statement) or 0


def _conditions(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.since is not None:
        yield AuditEvent.at >= wanted.since
    if wanted.until is not None:
        yield AuditEvent.at < wanted.until
    if wanted.person is not None:
        yield AuditEvent.person == wanted.person
    if wanted.agent is not None:
        yield AuditEvent.agent == wanted.agent
    if wanted.action is not None:
        yield _is_or_begins(AuditEvent.action, wanted.action, ".")
    if wanted.object is not None:
        about = select(AuditSubject.seq).where(AuditSubject.address == wanted.object)
        yield or_(_is_or_begins(AuditEvent.object, wanted.object, ":"), AuditEvent.seq.in_(about))


def _is_or_begins(column: Any, value: str, separator: str) -> ColumnElement[bool]:
    begins = column.startswith(value + separator, autoescape=True)
    return or_(column == value, begins)


def details_about(session: Session, address: str, *, principal: Principal) -> list[dict[str, Any]]:
    """Return what the trail's details say about a person, such as `contact:12`."""
    check_role(principal, MAY_READ, "read")
    statement = (
        select(AuditEvent.seq, AuditEvent.at, AuditEvent.action, AuditDetail.body)
        .join(AuditDetail, AuditDetail.seq == AuditEvent.seq)
        .join(AuditSubject, AuditSubject.seq == AuditEvent.seq)
        .where(AuditSubject.address == address)
        .order_by(AuditEvent.seq)
    )
    return [
        {"seq": row.seq, "at": row.at.isoformat(), "action": row.action, "detail": row.body}
        for row in session.execute(statement)
    ]


def erase_details(
    session: Session,
    address: str,
    *,
    reason: str,
    principal: Principal,
    now: datetime,
    naming: Collection[int] = (),
) -> int:
    """Erase the details about a person and return how many; that it was done is an event itself.

    The events stay, with the digests of what was erased, so the chain still verifies. `naming`
    are numbers of details that name the person without being filed under the address.
    Raises NotAllowed for who may not, BadInput without a reason.
    """
    check_role(principal, MAY_ERASE, "erase from")
    if not reason.strip():
        raise BadInput("say why with a reason: the trail keeps it")
    about = select(AuditSubject.seq).where(AuditSubject.address == address)
    is_theirs = or_(AuditDetail.seq.in_(about), AuditDetail.seq.in_(sorted(naming)))
    there = select(AuditDetail.seq).where(is_theirs).order_by(AuditDetail.seq)
    numbers = list(session.scalars(there))
    if not numbers:
        return 0
    deed = Deed(
        action=ERASED, object=_lasting(address), reason=reason.strip(),
        read=[f"audit:{number}" for number in numbers],
    )  # fmt: skip
    record(session, deed, principal=principal, now=now)
    session.execute(delete(AuditDetail).where(AuditDetail.seq.in_(numbers)))
    session.execute(delete(AuditSubject).where(AuditSubject.address == address))
    return len(numbers)


def _lasting(address: str) -> str:
    """Return the address as the chain may keep it for ever: `email:…` would be the person's own."""
    kind, _, number = address.partition(":")
    return address if number.isdigit() else f"{kind}:…"


def check_role(principal: Principal, roles: frozenset[Role], what: str) -> None:
    """Raise NotAllowed unless the caller's role is one of these."""
    if principal.role not in roles:
        raise NotAllowed(
            f"{principal.name!r} is {principal.role.value} and may not {what} the trail or what is "
            "kept of people: ask sales operations"
        )
