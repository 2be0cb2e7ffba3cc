"""Checks the audit trail from its first event to its head, and says what does not fit."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.audit.trail import FIRST, digest_of_detail, digest_of_event
from crm.models import AuditDetail, AuditEvent, AuditHead

ERASED = "audit.erased"
_PORTION = 500


@dataclass(frozen=True)
class Fault:
    """Something that was changed afterwards: at which event, and what."""

    seq: int
    what: str


@dataclass(frozen=True)
class Checked:
    """How many events there are, how many details were erased, the last digest, and the faults."""

    events: int
    erased: int
    digest: str
    faults: tuple[Fault, ...]


def verify_trail(session: Session, *, expected: str | None = None) -> Checked:
    """Return what a walk over the whole chain found.

    `expected` is a digest noted earlier: that its event is still there shows that the end of the
    chain was not cut off and written anew.
    """
    previous, seq, faults, missing = FIRST, 0, list[Fault](), set[int]()
    erased, seen = set[int](), expected is None
    for event, detail in _walk(session):
        seq += 1
        faults += [Fault(event.seq, what) for what in _faults_of(event, detail, seq, previous)]
        if detail is None:
            missing.add(event.seq)
        if event.action == ERASED:
            erased |= {int(each.removeprefix("audit:")) for each in event.read}
        previous, seq = event.digest, event.seq
        seen = seen or event.digest == expected
    faults += [
        Fault(each, "its detail is gone, and no erasure says so") for each in missing - erased
    ]
    faults += _faults_of_head(session.get(AuditHead, 1), seq, previous)
    if not seen:
        faults.append(Fault(seq, f"no event has the digest {expected}"))
    return Checked(seq, len(missing & erased), previous, tuple(faults))


def verify_end(session: Session, *, events: int = 100) -> tuple[Fault, ...]:
    """Return what does not fit in the last events of the chain, however long it is."""
    head = session.get(AuditHead, 1)
    # Up to the head: what others append meanwhile is not looked at.
    newest = select(AuditEvent, AuditDetail).outerjoin(
        AuditDetail, AuditDetail.seq == AuditEvent.seq
    )
    if head is not None:
        newest = newest.where(AuditEvent.seq <= head.seq)
    rows = session.execute(newest.order_by(AuditEvent.seq.desc()).limit(events + 1)).all()[::-1]
    previous, seq, faults = FIRST, 0, list[Fault]()
    if len(rows) > events:
        previous, seq = rows[0][0].digest, rows[0][0].seq
    for event, detail in rows[-events:]:
        seq += 1
        faults += [Fault(event.seq, what) for what in _faults_of(event, detail, seq, previous)]
        previous, seq = event.digest, event.seq
    return (*faults, *_faults_of_head(head, seq, previous))


def _faults_of_head(head: AuditHead | None, seq: int, digest: str) -> Iterator[Fault]:
    if (head.seq, head.digest) != (seq, digest) if head else seq:
        yield Fault(seq, "the chain's end is not where its head says")


def _faults_of(
    event: AuditEvent, detail: AuditDetail | None, seq: int, previous: str
) -> Iterator[str]:
    if event.seq != seq:
        yield f"events {seq} to {event.seq - 1} are missing before it"
    if event.previous != previous:
        yield "it does not follow the event before it"
    columns = {name: getattr(event, name) for name in _COLUMNS}
    if digest_of_event(columns) != event.digest:
        yield "it was changed"
    if detail and digest_of_detail(detail.salt, detail.body) != event.detail_digest:
        yield "its detail was changed"


_COLUMNS = tuple(column.name for column in AuditEvent.__table__.columns if column.name != "digest")


def _walk(session: Session) -> Iterator[tuple[AuditEvent, AuditDetail | None]]:
    last = 0
    while True:
        statement = (
            select(AuditEvent, AuditDetail)
            .outerjoin(AuditDetail, AuditDetail.seq == AuditEvent.seq)
            .where(AuditEvent.seq > last)
            .order_by(AuditEvent.seq)
            .limit(_PORTION)
        )
        rows = session.execute(statement).all()
        for event, detail in rows:
            yield event, detail
            last = event.seq
        session.expunge_all()
        if len(rows) < _PORTION:
            return
