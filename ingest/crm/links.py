"""References resolved: names and ids to rows, the missing ones made where that is wanted."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from crm.access import visible
from crm.models import Alias
from crm.principal import Principal, Role
from ingest.crm.catalogue import ENTITIES
from ingest.crm.chunks import CHUNK, chunks
from ingest.crm.erased import Sieve
from ingest.crm.fields import Entity
from ingest.crm.names import nearest, normal
from ingest.crm.records import Link
from ingest.crm.tally import Tally
from ingest.crm.tombstones import PROMISED

_SEVERAL = -1
# What the alias table calls the rows of each table.
ALIASED = {
    "accounts": "account",
    "contacts": "contact",
    "opportunities": "opportunity",
    "products": "product",
    "users": "user",
}


class Linker:
    """Finds rows by id (a query a batch) or by name (an index of names, read once a table).

    With `is_feed`, an id that is not there yet is promised: a hidden row stands for it until its
    record comes. `currency` is then that of a promised deal or price book.
    """

    def __init__(
        self,
        source: str,
        now: datetime,
        principal: Principal,
        tally: Tally,
        *,
        sieve: Sieve,
        is_feed: bool = False,
        currency: str | None = None,
    ) -> None:
        self._source, self._now, self._principal, self._tally = source, now, principal, tally
        self._sieve, self._is_feed, self._currency = sieve, is_feed, currency
        self._names: dict[str, dict[str, int]] = {}
        self.ids: dict[Link, int | None] = {}
        self.failures: dict[Link, str] = {}

    def resolve(
        self, session: Session, links: Collection[Link], *, may_create: bool = True
    ) -> None:
        """Fill `ids`, or `failures` with the reason; without `may_create` absence is neither."""
        open_links = [link for link in links if link not in self.ids]
        by_entity: dict[str, list[Link]] = {}
        for link in open_links:
            by_entity.setdefault(link.entity, []).append(link)
        for name, wanted in by_entity.items():
            entity = ENTITIES[name]
            rest = self._by_id(session, entity, wanted)
            rest = [link for link in rest if not self._by_name(session, entity, link)]
            rest = [link for link in rest if not self._is_erased(session, entity, link)]
            if may_create:
                self._settle_missing(session, entity, rest)

    def forget_batch(self) -> None:
        """Drop what was found for one batch; the index of names stays."""
        self.ids.clear()
        self.failures.clear()

    def note(self, entity: Entity, row_id: int, names: Iterable[str | None]) -> None:
        """Keep the index of names in step with a row that was written."""
        index = self._names.get(entity.name)
        if index is not None:
            for name in names:
                if name and index.setdefault(normal(name), row_id) != row_id:
                    index[normal(name)] = _SEVERAL

    def fetch_ids(self, session: Session, entity: Entity, keys: Iterable[str]) -> dict[str, int]:
        """Return the row ids of external ids of this source, hidden rows included."""
        table = entity.table
        found: dict[str, int] = {}
        for part in chunks(keys):
            statement = select(table.c.external_id, table.c.id).where(
                table.c.source == self._source, table.c.external_id.in_(part)
            )
            found.update((key, row_id) for key, row_id in session.execute(statement))
        return found

    def _by_id(self, session: Session, entity: Entity, links: list[Link]) -> list[Link]:
        keys = {link.id for link in links if link.id}
        found = self.fetch_ids(session, entity, keys) if keys else {}
        rest = []
        for link in links:
            if link.id in found:
                self.ids[link] = found[link.id]
            else:
                rest.append(link)
        return rest

    def _is_erased(self, session: Session, entity: Entity, link: Link) -> bool:
        is_theirs, row_id = self._sieve.resolve(session, link, entity.table)
        if is_theirs:
            self.ids[link] = row_id
        return is_theirs

    def _by_name(self, session: Session, entity: Entity, link: Link) -> bool:
        if not link.name:
            return False
        index = self._index(session, entity)
        found = index.get(normal(link.name))
        if found is None and link.policy.fuzzy:
            near = nearest(link.name, list(index), link.policy.fuzzy)
            if near is not None:
                found = index[near]
                self._tally.note_link(f"took {link.name!r} for {near!r} in {entity.name}")
        if found == _SEVERAL:
            self.failures[link] = f"several {entity.name} have this name; map {link.field}_id"
            return True
        if found is not None:
            self.ids[link] = found
        return found is not None

    def _index(self, session: Session, entity: Entity) -> dict[str, int]:
        if entity.name not in self._names:
            self._names[entity.name] = self._read_index(session, entity)
        return self._names[entity.name]

    def _read_index(self, session: Session, entity: Entity) -> dict[str, int]:
        table = entity.table
        columns = [table.c[name] for name in ("name", "email") if name in table.c]
        own: dict[str, int] = {}
        others: dict[str, int] = {}
        statement = select(table.c.id, table.c.source, *columns).execution_options(yield_per=CHUNK)
        for row_id, source, *names in session.execute(
            visible(statement, entity.model, self._principal)
        ):
            index = own if source == self._source else others
            for name in names:
                if name and index.setdefault(normal(name), row_id) != row_id:
                    index[normal(name)] = _SEVERAL
        aliased = select(Alias.entity_id, Alias.name).where(
            Alias.entity == ALIASED.get(entity.name, "")
        )
        for row_id, name in session.execute(visible(aliased, Alias, self._principal)):
            others.setdefault(normal(name), row_id)
        return {**others, **own}

    def _settle_missing(self, session: Session, entity: Entity, links: list[Link]) -> None:
        to_create: dict[str, Link] = {}
        to_promise: dict[str, Link] = {}
        for link in links:
            if link in self.failures:
                continue
            if link.policy.missing == "blank":
                self.ids[link] = None
            elif link.name and entity.is_creatable and link.policy.missing == "create":
                to_create.setdefault(link.id or f"name:{normal(link.name)}", link)
            elif self._is_feed and link.id and link.policy.missing == "create":
                to_promise.setdefault(link.id, link)
            else:
                self._fail(entity, link)
        if to_create:
            self._create(session, entity, to_create)
            for link in links:
                key = link.id or f"name:{normal(link.name or '')}"
                if link not in self.failures and link not in self.ids and key in self._created:
                    self.ids[link] = self._created[key]
        if to_promise:
            self._promise(session, entity, to_promise, links)

    def _fail(self, entity: Entity, link: Link) -> None:
        what = f"named {link.name!r}" if link.name else f"with the id {link.id!r}"
        self.failures[link] = f"no {entity.name} row {what}"

    def _create(self, session: Session, entity: Entity, wanted: dict[str, Link]) -> None:
        known = self.fetch_ids(session, entity, wanted)
        new = [self._stub(entity, key, link) for key, link in wanted.items() if key not in known]
        if new:
            session.execute(insert(entity.table), new)
            self._tally.add(entity.name, "created", len(new))
        self._created = self.fetch_ids(session, entity, wanted)
        for key, link in wanted.items():
            self.note(entity, self._created[key], [link.name])

    def _stub(self, entity: Entity, key: str, link: Link) -> dict[str, Any]:
        stub: dict[str, Any] = {
            "source": self._source,
            "external_id": key,
            "synced_at": self._now,
            "name": link.name,
        }
        if entity.name == "users":
            stub["role"] = (Role.MANAGER if link.field == "manager" else Role.REP).value
            stub["email"] = link.name if "@" in str(link.name) else None
        if entity.name == "territories":
            stub["region"] = link.region or link.name
        return stub

    def _promise(
        self, session: Session, entity: Entity, wanted: dict[str, Link], links: list[Link]
    ) -> None:
        stub = self._blank_row(session, entity)
        if stub is None:
            for link in wanted.values():
                self._fail(entity, link)
            return
        rows = [
            {**stub, "external_id": key, **({"name": key} if "name" in entity.table.c else {})}
            for key in wanted
        ]
        session.execute(insert(entity.table), rows)
        promised = self.fetch_ids(session, entity, wanted)
        for link in links:
            if link.id in promised and link not in self.ids:
                self.ids[link] = promised[link.id]

    def _blank_row(self, session: Session, entity: Entity) -> dict[str, Any] | None:
        """Return what a hidden row of the table must hold, or None if that cannot be known."""
        stub: dict[str, Any] = {
            "source": self._source, "synced_at": self._now, "deleted_at": PROMISED,
        }  # fmt: skip
        for column in entity.table.c:
            if column.nullable or column.default is not None or column.name in (*stub, "id"):
                continue
            if column.name == "stage_id":
                stages = ENTITIES["stages"].table
                of_source = select(stages.c.id).where(stages.c.source == self._source)
                stub["stage_id"] = session.scalar(of_source.order_by(stages.c.position).limit(1))
            elif column.name == "currency":
                stub["currency"] = self._currency
            elif column.foreign_keys:
                return None
            elif column.name != "external_id":
                stub[column.name] = ""
        return None if None in stub.values() else stub
