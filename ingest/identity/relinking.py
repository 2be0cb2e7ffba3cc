"""Ties stored conversations anew after a decision or after the CRM changed, and nothing else."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.models import (
    Contact,
    Conversation,
    IdentityDecision,
    IdentityEntity,
    Participant,
    Side,
)
from crm.principal import Principal
from ingest.identity.addresses import canonical_address
from ingest.identity.directory import Directory
from ingest.identity.people import Evidence, KnownPerson, Link, Person
from ingest.identity.records import FILE, close_questions, keep_sides, record_link, side_prefix
from ingest.identity.roster import Roster
from ingest.identity.verdicts import keys_of

_BATCH = 200


@dataclass(frozen=True)
class _Stored:
    """A conversation with its people as they stand."""

    row: Conversation
    people: tuple[Participant, ...]
    sides: dict[int, Side]

    def evidence(self, stated_account_id: int | None) -> Evidence:
        """Return what the conversation says by itself."""
        return Evidence(
            tuple(self._person(one) for one in self.people),
            self.row.title,
            self.row.started_at,
            conversation_id=self.row.id,
            stated_account_id=stated_account_id,
        )

    def _person(self, one: Participant) -> Person:
        side = self.sides.get(one.position)
        if side is None and one.contact_id is None and one.user_id is None:
            side = Side(one.side) if one.side != Side.UNKNOWN.value else None
        return Person(one.name, one.email, one.role, side, one.phone)


@dataclass(frozen=True)
class _Before:
    """What the evidence gave before a change, and the account that only a file can have stated."""

    link: Link
    stated_account_id: int | None


def relink(
    session: Session,
    principal: Principal,
    conversation_ids: Sequence[int],
    *,
    now: datetime,
    change: Callable[[], None] | None = None,
) -> tuple[int, ...]:
    """Tie these conversations as all evidence and decisions say; return the ids that changed.

    With `change`, which changes decisions, only what follows from it is changed: an account or
    deal that the evidence before does not explain was stated by a file, and stays. Without it the
    CRM has changed: what is tied stays, what was open is looked up again.
    """
    before: dict[int, _Before] = {}
    roster = Roster()
    if change is not None:
        for batch in _batches(session, principal, conversation_ids):
            directory = Directory(session, principal, roster=roster)
            directory.prepare([one.evidence(None) for one in batch])
            before |= {one.row.id: _explained(one, directory) for one in batch}
        change()
        session.flush()
    changed: list[int] = []
    for batch in _batches(session, principal, conversation_ids):
        directory = Directory(session, principal, roster=roster)
        evidence = [
            one.evidence(before[one.row.id].stated_account_id if before else one.row.account_id)
            for one in batch
        ]
        directory.prepare(evidence)
        for one, said in zip(batch, evidence, strict=True):
            link = directory.identify(said)
            record_link(session, link, one.row.id, directory=directory, now=now)
            if _apply(session, one, link, _link_before(before, one), now):
                changed.append(one.row.id)
        session.flush()
    return tuple(changed)


def conversations_under(session: Session, principal: Principal, key: str) -> list[int]:
    """Return the conversations in which somebody stands under a decision's key."""
    kind, _, rest = key.partition(":")
    if kind == "email":
        return _with_address(session, principal, rest)
    if kind == "phone":
        return _with_keys(session, principal, key, Participant.email.is_(None))
    if kind == IdentityEntity.CONTACT.value and rest.isdigit():
        return _ids(session, principal, Participant.contact_id == int(rest))
    scope, _, numbered = rest.partition(":")
    number = numbered.partition(":")[0]
    if kind == "name" and scope == "conversation" and number.isdigit():
        return _ids(session, principal, Conversation.id == int(number))
    if kind == "name" and scope == "account" and number.isdigit():
        return _with_keys(session, principal, key, Conversation.account_id == int(number))
    return []


def is_reached(session: Session, principal: Principal, key: str) -> bool:
    """Say whether the caller may know of decisions under a key: he reads somebody it stands for."""
    if not principal.scopes:
        return True
    kind, _, rest = key.partition(":")
    if kind == IdentityEntity.CONTACT.value and rest.isdigit():
        statement = select(Contact.id).where(Contact.id == int(rest))
        return session.scalar(visible(statement, Contact, principal)) is not None
    return bool(conversations_under(session, principal, key))


def _link_before(before: dict[int, _Before], one: _Stored) -> Link | None:
    return before[one.row.id].link if before else None


def _explained(one: _Stored, directory: Directory) -> _Before:
    """Return what the evidence gives, under the account that a file must have stated, if any."""
    link = directory.identify(one.evidence(None))
    if one.row.account_id is None or link.account_id == one.row.account_id:
        return _Before(link, None)
    stated = one.row.account_id
    return _Before(directory.identify(one.evidence(stated)), stated)


def _apply(session: Session, one: _Stored, link: Link, before: Link | None, now: datetime) -> bool:
    row = one.row
    old = (row.account_id, row.opportunity_id, row.owner_id)
    is_same = link.account_id == row.account_id
    if not _explains(row.opportunity_id, before.opportunity_id if before else None) and is_same:
        opportunity_id = row.opportunity_id
    else:
        opportunity_id = link.opportunity_id
    is_owner_kept = not _explains(row.owner_id, before.owner_id if before else None)
    owner_id = row.owner_id if is_owner_kept else link.owner_id
    new = (link.account_id, opportunity_id, owner_id)
    has_moved = _tie_people(session, one, link, now)
    close_questions(session, link, row.id)
    if not has_moved and old == new:
        return False
    row.account_id, row.opportunity_id, row.owner_id = new
    row.synced_at = now
    return True


def _explains(stored: int | None, expected: int | None) -> bool:
    return stored is None or stored == expected


def _tie_people(session: Session, one: _Stored, link: Link, now: datetime) -> bool:
    has_moved = False
    to_keep: dict[int, Person] = {}
    for participant, known in zip(one.people, link.people, strict=True):
        is_same = (participant.contact_id, participant.user_id) == (known.contact_id, known.user_id)
        if is_same:
            continue
        has_moved = True
        is_open = participant.contact_id is None and participant.user_id is None
        ruled = {ruling.position for ruling in link.rulings}
        if is_open and participant.position not in one.sides.keys() | ruled:
            to_keep[participant.position] = known.person
        _tie(participant, known)
    keep_sides(session, one.row.id, to_keep, now=now)
    return has_moved


def _tie(participant: Participant, known: KnownPerson) -> None:
    participant.contact_id, participant.user_id = known.contact_id, known.user_id
    participant.side = known.side.value if known.side else Side.UNKNOWN.value


def _batches(
    session: Session, principal: Principal, conversation_ids: Sequence[int]
) -> Iterator[list[_Stored]]:
    wanted = list(dict.fromkeys(conversation_ids))
    for start in range(0, len(wanted), _BATCH):
        part = wanted[start : start + _BATCH]
        statement = select(Conversation).where(Conversation.id.in_(part)).order_by(Conversation.id)
        rows = list(session.scalars(visible(statement, Conversation, principal)))
        people: defaultdict[int, list[Participant]] = defaultdict(list)
        for participant in session.scalars(
            select(Participant)
            .where(Participant.conversation_id.in_([row.id for row in rows]))
            .order_by(Participant.conversation_id, Participant.position)
        ):
            people[participant.conversation_id].append(participant)
        sides = _kept_sides(session, people)
        yield [_Stored(row, tuple(people[row.id]), sides[row.id]) for row in rows]


def _kept_sides(
    session: Session, people: dict[int, list[Participant]]
) -> dict[int, dict[int, Side]]:
    found: defaultdict[int, dict[int, Side]] = defaultdict(dict)
    keys = {
        f"{side_prefix(number)}{one.position}": (number, one.position)
        for number, rows in people.items()
        for one in rows
    }
    spelled = list(keys)
    for start in range(0, len(spelled), 400):
        statement = select(IdentityDecision.key, IdentityDecision.entity).where(
            IdentityDecision.key.in_(spelled[start : start + 400]),
            IdentityDecision.decided_by == FILE,
        )
        for decision in session.execute(statement):
            number, position = keys[decision.key]
            found[number].setdefault(position, Side(decision.entity))
    return found


def _ids(session: Session, principal: Principal, condition: object) -> list[int]:
    statement = (
        select(Conversation.id)
        .join(Participant, Participant.conversation_id == Conversation.id)
        .where(condition)  # type: ignore[arg-type]
        .distinct()
        .order_by(Conversation.id)
    )
    return list(session.scalars(visible(statement, Conversation, principal)))


def _with_address(session: Session, principal: Principal, mailbox: str) -> list[int]:
    local, _, domain = mailbox.rpartition("@")
    lowered = func.lower(Participant.email)
    # Addresses with a tag, and Gmail's with dots, are told apart from others in Python.
    near = [
        lowered == mailbox,
        lowered.startswith(f"{local}+", autoescape=True),
    ]
    if domain == "gmail.com":
        near += [lowered.endswith(f"@{each}") for each in ("gmail.com", "googlemail.com")]
    statement = (
        select(Conversation.id, Participant.email)
        .join(Participant, Participant.conversation_id == Conversation.id)
        .where(or_(*near))
    )
    rows = session.execute(visible(statement, Conversation, principal))
    return sorted({row.id for row in rows if canonical_address(row.email) == mailbox})


def _with_keys(session: Session, principal: Principal, key: str, condition: object) -> list[int]:
    statement = (
        select(Conversation.id, Conversation.account_id, Participant.name, Participant.phone)
        .join(Participant, Participant.conversation_id == Conversation.id)
        .where(Participant.email.is_(None), condition)  # type: ignore[arg-type]
    )
    found = set()
    for row in session.execute(visible(statement, Conversation, principal)):
        person = Person(row.name, phone=row.phone)
        keys = keys_of(person, conversation_id=row.id, account_id=row.account_id)
        if key in keys:
            found.add(row.id)
    return sorted(found)
