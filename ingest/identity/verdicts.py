"""What was decided on whom before, by people and by rules, and what was taken back."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.models import IdentityDecision, IdentityEntity
from ingest.identity.addresses import canonical_address
from ingest.identity.names import plain
from ingest.identity.people import Person
from ingest.identity.phones import digits_of, e164
from ingest.identity.scoring import read_person

RULE = "rule"
_BATCH = 400
_LONGEST_NAME = 60


def keys_of(
    person: Person, *, conversation_id: int | None, account_id: int | None
) -> tuple[str, ...]:
    """Return the keys a participant's decisions may stand under, the narrowest first.

    An address, else a telephone number, is known again everywhere; a mere name only within its
    conversation or its account. Nothing to go by gives no key.
    """
    if mailbox := canonical_address(person.email):
        return (f"email:{mailbox}",)
    said = read_person(person)
    if said.phone:
        number = e164(said.phone, None) or digits_of(said.phone)
        return (f"phone:{number}",) if number else ()
    if said.form.is_empty:
        return ()
    name = _short(plain(person.name))
    scopes = (("conversation", conversation_id), ("account", account_id))
    return tuple(f"name:{scope}:{number}:{name}" for scope, number in scopes if number is not None)


class Verdicts:
    """The standing decisions by key, remembered for one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._standing: dict[str, IdentityDecision | None] = {}
        self._refused: defaultdict[str, set[tuple[str, int | None]]] = defaultdict(set)
        self._merged = self._learn_merges()
        self._answers: dict[str, set[tuple[str, int]]] | None = None

    def learn(self, keys: Iterable[str]) -> None:
        """Look up all these keys in a few statements."""
        new = sorted(set(keys) - self._standing.keys())
        self._standing.update(dict.fromkeys(new))
        for start in range(0, len(new), _BATCH):
            statement = (
                select(IdentityDecision)
                .where(IdentityDecision.key.in_(new[start : start + _BATCH]))
                .order_by(IdentityDecision.id)
            )
            for row in self._session.scalars(statement):
                self._take(row)

    def learn_none(self, keys: Iterable[str]) -> None:
        """Take it that nothing was decided under these keys: they are new."""
        for key in keys:
            self._standing.setdefault(key, None)

    def note(self, row: IdentityDecision) -> None:
        """Take in a decision made in this transaction."""
        self._take(row)

    def _take(self, row: IdentityDecision) -> None:
        if row.undone_at is not None:
            if row.decided_by == RULE:
                self._refused[row.key].add((row.entity, row.entity_id))
            return
        standing = self._standing.get(row.key)
        is_weaker = row.decided_by == RULE and standing is not None and standing.decided_by != RULE
        if not is_weaker:
            self._standing[row.key] = row

    def on(self, keys: Iterable[str], *, by_person: bool) -> IdentityDecision | None:
        """Return the first standing decision of a person, or of a rule, under these keys."""
        for key in keys:
            row = self._standing.get(key)
            if row is not None and (row.decided_by != RULE) is by_person:
                return row
        return None

    def is_refused(self, keys: Iterable[str], entity: str, entity_id: int) -> bool:
        """Say whether a rule's link was undone under one of the keys and must not come back."""
        return any((entity, entity_id) in self._refused.get(key, ()) for key in keys)

    def shown_as(self, contact_id: int) -> int:
        """Return the contact that stands for this one after merges; circles do no harm."""
        seen = {contact_id}
        while (other := self._merged.get(contact_id)) is not None and other not in seen:
            seen.add(other)
            contact_id = other
        return contact_id

    def answered_for(self, name: str) -> frozenset[tuple[str, int]]:
        """Return whom people took somebody of this name for, in other places."""
        if self._answers is None:
            self._answers = self._learn_answers()
        return frozenset(self._answers.get(_short(plain(name)), ()))

    def _learn_answers(self) -> dict[str, set[tuple[str, int]]]:
        statement = select(IdentityDecision).where(
            IdentityDecision.key.startswith("name:"),
            IdentityDecision.undone_at.is_(None),
            IdentityDecision.decided_by != RULE,
            IdentityDecision.entity_id.is_not(None),
        )
        found: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
        for row in self._session.scalars(statement):
            name = row.key.split(":", 3)[-1]
            found[name].add((row.entity, row.entity_id or 0))
        return found

    def _learn_merges(self) -> dict[int, int]:
        prefix = f"{IdentityEntity.CONTACT.value}:"
        statement = (
            select(IdentityDecision.key, IdentityDecision.entity_id)
            .where(
                IdentityDecision.key.startswith(prefix),
                IdentityDecision.undone_at.is_(None),
                IdentityDecision.entity == IdentityEntity.CONTACT.value,
            )
            .order_by(IdentityDecision.id)
        )
        rows = self._session.execute(statement)
        return {int(row.key.removeprefix(prefix)): row.entity_id for row in rows}


def _short(name: str) -> str:
    """Return a name for a key, with a digest in place of what is too long for one."""
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{name[: _LONGEST_NAME - 17]}#{digest}"
