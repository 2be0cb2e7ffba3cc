"""Keeps out of an import who was erased: their records, links to them, and texts that name them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from crm.audit.suppressing import (
    Erasure,
    Suppressed,
    load_suppressed,
    person_keys,
    row_key,
    text_key,
)
from crm.models import Account
from ingest.crm.fields import Entity
from ingest.crm.records import Link, Record
from ingest.crm.tally import Tally

PEOPLE = frozenset({"contacts", "leads", "users"})
_TEXTS = ("name", "email", "phone", "company")


class Sieve:
    """What an import must not bring back; who was erased is read once, at its first use."""

    def __init__(self, source: str, tally: Tally) -> None:
        self._source, self._tally = source, tally
        self._known: Suppressed | None = None
        self._dropped: dict[tuple[str, str], int | None] = {}
        self._nobody: set[Link] = set()

    def sift(self, session: Session, entity: Entity, records: list[Record]) -> list[Record]:
        """Return the records without those of erased people, which are counted as suppressed."""
        if not self.known(session):
            return records
        kept = [record for record in records if not self._is_out(session, entity, record)]
        self._tally.add(entity.name, "suppressed", len(records) - len(kept))
        return kept

    def _is_out(self, session: Session, entity: Entity, record: Record) -> bool:
        if entity.name not in PEOPLE:
            # Somebody's role in a deal is nothing without the one whose role it is.
            return any(
                link in self._nobody and not entity.table.c[column].nullable
                for column, link in record.links.items()
            )
        erasure = self.known(session).find(self._keys(session, entity.name, record))
        if erasure is not None:
            row_id = _row_id(session, entity.table, erasure)
            self._dropped[entity.name, record.key] = row_id
        return erasure is not None

    def resolve(self, session: Session, link: Link, table: Table) -> tuple[bool, int | None]:
        """Say whether a link is to somebody erased, and which row stands for them, if any.

        A row by whose name alone the link goes must not be made anew.
        """
        if link.entity not in PEOPLE or not self.known(session):
            return False, None
        row_id = None
        is_theirs = bool(link.id) and (link.entity, link.id) in self._dropped
        if is_theirs:
            row_id = self._dropped[link.entity, str(link.id)]
        else:
            erasure = self._find(session, link)
            is_theirs = erasure is not None
            row_id = _row_id(session, table, erasure) if erasure else None
        if is_theirs and row_id is None:
            self._nobody.add(link)
        return is_theirs, row_id

    def _find(self, session: Session, link: Link) -> Erasure | None:
        keys = [row_key(link.entity, self._source, link.id)] if link.id else []
        if link.name:
            keys += [*person_keys(None, link.name), text_key(link.name)]
        return self.known(session).find(keys)

    def restore_texts(self, before: Mapping[str, Any], values: dict[str, Any]) -> None:
        """Keep a text as it stands where only what was erased from it would come back."""
        for name, value in values.items():
            if self._known and self._known.is_same_text(before.get(name), value):
                values[name] = before[name]

    def known(self, session: Session) -> Suppressed:
        """Return who was erased."""
        if self._known is None:
            self._known = load_suppressed(session)
        return self._known

    def _keys(self, session: Session, table: str, record: Record) -> list[str]:
        name, email, phone, company = (record.values.get(one) for one in _TEXTS)
        if table == "contacts" and not email and not phone and record.values.get("account_id"):
            account = session.get(Account, record.values["account_id"])
            company = account.name if account else None
        found = person_keys(name, email, phone=phone, company=company)
        return [row_key(table, self._source, record.key), *found]


def _row_id(session: Session, table: Table, erasure: Erasure) -> int | None:
    """Return the row that an erasure left, if it is one of this table's and still there."""
    kind, _, number = erasure.address.partition(":")
    if f"{kind}s" != table.name:
        return None
    return session.scalar(select(table.c.id).where(table.c.id == int(number)))
