"""Checks the audit trail from its first event to its head, and says what does not fit."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.audit.trail import FIRST, digest_of_detail, digest_of_event
from crm.models import AuditDetail, AuditEvent, AuditHead

ERASED, REWORDED = "audit.erased", "audit.reworded"
_TOLD = re.compile(r"audit:(\d{1,18})(?::([0-9a-f]{64}))?")
_PORTION = 500


@dataclass(frozen=True)
class Fault:
    """Something that was changed afterwards: at which event, and what."""

    seq: int
    what: str


@dataclass(frozen=True)
class Checked:
    """How many events there are, how many details were erased or reworded, the last digest, faults.

    Reworded is a detail in which a pseudonym stands for somebody who was erased.
    """

    events: int
    erased: int
    reworded: int
    digest: str
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Anchor:
    """An event that was the newest once: its number and digest, and when that was noted."""

    seq: int
    digest: str
    at: str


def newest_anchor(session: Session, *, at: datetime) -> Anchor | None:
    """Return the newest event, to hold the trail against later; None of an empty trail."""
    newest = select(AuditEvent.seq, AuditEvent.digest).order_by(AuditEvent.seq.desc()).limit(1)
    row = session.execute(newest).first()
    return Anchor(row.seq, row.digest, at.isoformat()) if row else None


def is_anchored(session: Session, anchor: Anchor) -> bool:
    """Say whether the event that was noted is still there as it was."""
    return (
        session.scalar(select(AuditEvent.digest).where(AuditEvent.seq == anchor.seq))
        == anchor.digest
    )


def verify_trail(
    session: Session, *, expected: str | None = None, anchor: Anchor | None = None
) -> Checked:
    """Return what a walk over the whole chain found.

    `expected` is a digest noted earlier: that its event is still there shows that the end of the
    chain was not cut off and written anew. An `anchor` shows the same, noted by the machine itself.
    """
    previous, seq, faults = FIRST, 0, list[Fault]()
    details, is_seen = _Details(), expected is None
    for event, detail in _walk(session):
        seq += 1
        faults += [Fault(event.seq, what) for what in _faults_of(event, seq, previous)]
        details.take(event, detail)
        previous, seq = event.digest, event.seq
        is_seen = is_seen or event.digest == expected
    faults += details.faults()
    faults += _faults_of_head(session.get(AuditHead, 1), seq, previous)
    if not is_seen:
        faults.append(Fault(seq, f"no event has the digest {expected}"))
    faults += _faults_of_anchor(session, seq, anchor)
    return Checked(seq, details.erased, details.reworded, previous, tuple(faults))


def verify_end(
    session: Session, *, events: int = 100, anchor: Anchor | None = None
) -> tuple[Fault, ...]:
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
    details = _Details()
    for event, detail in rows[-events:]:
        seq += 1
        faults += [Fault(event.seq, what) for what in _faults_of(event, seq, previous)]
        details.take(event, detail)
        previous, seq = event.digest, event.seq
    lost = _faults_of_anchor(session, seq, anchor)
    return (*faults, *details.faults(), *_faults_of_head(head, seq, previous), *lost)


def _faults_of_anchor(session: Session, seq: int, anchor: Anchor | None) -> Iterator[Fault]:
    if anchor is not None and not is_anchored(session, anchor):
        what = "gone" if seq < anchor.seq else "another one"
        yield Fault(
            min(seq, anchor.seq),
            f"event {anchor.seq}, which was there on {anchor.at[:16]}, is {what}: the end was cut "
            "off or written anew, or the database was swapped",
        )


class _Details:
    """The details on the way along the chain, against what later events say of them."""

    def __init__(self) -> None:
        self._missing: set[int] = set()
        self._changed: dict[int, str] = {}
        self._erased: set[int] = set()
        self._reworded: dict[int, str] = {}

    def take(self, event: AuditEvent, detail: AuditDetail | None) -> None:
        """Look at the next event's detail, and at what the event says of earlier ones."""
        if detail is None:
            self._missing.add(event.seq)
        elif (digest := digest_of_detail(detail.salt, detail.body)) != event.detail_digest:
            self._changed[event.seq] = digest
        if event.action not in (ERASED, REWORDED):
            return
        for told in filter(None, map(_TOLD.fullmatch, event.read)):
            if event.action == ERASED:
                self._erased.add(int(told[1]))
            elif told[2]:
                self._reworded[int(told[1])] = told[2]

    @property
    def erased(self) -> int:
        """How many are gone, as an erasure says."""
        return len(self._missing & self._erased)

    @property
    def reworded(self) -> int:
        """How many have other words than at first, which an event vouches for."""
        return sum(self._reworded.get(seq) == digest for seq, digest in self._changed.items())

    def faults(self) -> Iterator[Fault]:
        """Yield the details that are gone or changed without an event that says so."""
        for seq, digest in sorted(self._changed.items()):
            if self._reworded.get(seq) != digest:
                yield Fault(seq, "its detail was changed")
        for seq in sorted(self._missing - self._erased):
            yield Fault(seq, "its detail is gone, and no erasure says so")


def _faults_of_head(head: AuditHead | None, seq: int, digest: str) -> Iterator[Fault]:
    if (head.seq, head.digest) != (seq, digest) if head else seq:
        yield Fault(seq, "the chain's end is not where its head says")


def _faults_of(event: AuditEvent, seq: int, previous: str) -> Iterator[str]:
    if event.seq != seq:
        yield f"events {seq} to {event.seq - 1} are missing before it"
    if event.previous != previous:
        yield "it does not follow the event before it"
    columns = {name: getattr(event, name) for name in _COLUMNS}
    if digest_of_event(columns) != event.digest:
        yield "it was changed"


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
