"""One batch of records into the store: links first, then rows, then what follows from them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from crm.access import visible
from crm.errors import BadInput
from crm.models import Alias, OpportunityLine
from crm.money import to_minor
from crm.principal import Principal, Role
from ingest.crm.catalogue import ENTITIES
from ingest.crm.chunks import chunks
from ingest.crm.erased import Sieve
from ingest.crm.fields import Entity
from ingest.crm.links import ALIASED, Linker
from ingest.crm.names import normal
from ingest.crm.records import Link, Policy, Record
from ingest.crm.tally import Tally
from ingest.crm.tombstones import bring_back, hidden_owners
from ingest.crm.upsert import Outcome, Upserter
from ingest.crm.values import Money, currency_of

# What a change to a deal's column is recorded as: table, column before, column after.
_HISTORY = {
    "stage_id": ("stage_changes", "from_stage_id", "to_stage_id"),
    "expected_close_on": ("close_date_changes", "from_on", "to_on"),
    "amount_minor": ("amount_changes", "from_minor", "to_minor"),
}
_HISTORY_COLUMNS = ("stage_id", "expected_close_on", "amount_minor")


@dataclass(frozen=True)
class _Later:
    """A link to a row of the same table that has not come yet."""

    record: Record
    column: str
    link: Link


class Writer:
    """Writes batches of one import; remembers the keys it has seen and the links still open.

    `given_history` names the history tables that the files bring themselves, for which nothing is
    derived from changed deals. With `is_feed` the records are news of a source that is read again
    and again: of two for one row the later counts, and what they refer to may come after them.
    """

    def __init__(
        self,
        *,
        source: str,
        now: datetime,
        principal: Principal,
        tally: Tally,
        given_history: frozenset[str] = frozenset(),
        is_feed: bool = False,
        currency: str | None = None,
    ) -> None:
        self._source, self._now, self._principal, self._tally = source, now, principal, tally
        self._given_history, self._is_feed = given_history, is_feed
        self._sieve = Sieve(source, tally)
        self._linker = Linker(
            source, now, principal, tally, sieve=self._sieve, is_feed=is_feed, currency=currency
        )
        self._upserter = Upserter(
            source=source, now=now, tally=tally, linker=self._linker, sieve=self._sieve
        )
        self._seen: set[int] = set()
        self._later: list[_Later] = []
        self._promoted: set[int] = set()

    def begin_table(self) -> None:
        """Forget the keys of the table before."""
        self._seen.clear()

    def write(self, session: Session, entity: Entity, records: list[Record]) -> None:
        """Write the records that have no problems; those that meet one here get it noted."""
        good = self._without_doubles(entity, records)
        self._linker.forget_batch()
        self._link(session, entity, good)
        self._price(session, entity, good)
        good = [record for record in good if not record.problems]
        good = self._sieve.sift(session, entity, good)
        self._hide_with_owners(session, entity, good)
        if entity.name == "aliases":
            self._write_aliases(session, good)
            return
        outcome = self._upserter.write(
            session, entity, good, is_repeat=lambda key: hash(key) in self._seen
        )
        bring_back(session, entity, outcome.returned)
        if not self._is_feed:
            self._seen.update(hash(record.key) for record in good)
        self._follow(session, entity, [each for each in good if not each.problems], outcome)
        self._close_links(session, entity, may_create=False)

    def finish_table(self, session: Session, entity: Entity) -> None:
        """Resolve the links to rows of the same table, now that all of them are there."""
        self._linker.forget_batch()
        self._close_links(session, entity, may_create=True)

    def add_aliases(self, session: Session, aliases: dict[str, dict[str, str]]) -> None:
        """Store the mapping's own aliases of rows that exist."""
        for table, names in aliases.items():
            if table not in ALIASED:
                continue
            records = []
            for other, name in names.items():
                record = Record(0, values={"name": other})
                record.extras = {"entity": table, "target": name}
                records.append(record)
            self._write_aliases(session, records)

    def _without_doubles(self, entity: Entity, records: list[Record]) -> list[Record]:
        first: dict[str, Record] = {}
        for record in reversed(records) if self._is_feed else records:
            if record.problems:
                continue
            known = first.setdefault(record.key, record)
            if known is record:
                continue
            is_same = known.values == record.values and known.links == record.links
            if self._is_feed or is_same:
                self._tally.add(entity.name, "unchanged")
            else:
                record.refuse("", record.key, "an earlier row of the same key says otherwise")
        return list(first.values())

    def _link(self, session: Session, entity: Entity, records: list[Record]) -> None:
        others: set[Link] = set()
        own: set[Link] = set()
        for record in records:
            for link in record.links.values():
                if link.shown:
                    (own if link.entity == entity.name else others).add(link)
            if record.product:
                others.add(record.product)
        self._linker.resolve(session, others)
        self._linker.resolve(session, own, may_create=False)
        for record in records:
            for column, link in record.links.items():
                self._set_link(record, column, link, is_own=link.entity == entity.name)
            if record.product and record.product not in self._linker.ids:
                self._refuse_link(record, record.product)

    def _set_link(self, record: Record, column: str, link: Link, *, is_own: bool) -> None:
        if not link.shown:
            record.values[column] = None
        elif link in self._linker.ids:
            record.values[column] = self._linker.ids[link]
        elif is_own and link not in self._linker.failures:
            record.extras.setdefault("later", []).append(_Later(record, column, link))
        else:
            self._refuse_link(record, link)

    def _refuse_link(self, record: Record, link: Link) -> None:
        record.refuse(link.field, link.shown, self._linker.failures[link])

    def _price(self, session: Session, entity: Entity, records: list[Record]) -> None:
        """Turn amounts into minor units of the currency of the row that they belong to."""
        if entity.money_from is None:
            return
        column, parent = entity.money_from
        ids = {record.values.get(column) for record in records} - {None}
        currencies = self._currencies(session, ENTITIES[parent], ids)
        for record in records:
            currency = currencies.get(record.values.get(column))
            for name, value in list(record.values.items()):
                if not isinstance(value, Money) or currency is None:
                    continue
                if currency_of(value.currency, currency) != currency:
                    record.refuse(
                        name, value.amount, f"not in {currency}, the currency of {parent}"
                    )
                record.values[name] = to_minor(value.amount, currency)

    def _currencies(self, session: Session, entity: Entity, ids: Iterable[Any]) -> dict[Any, str]:
        table = entity.table
        found: dict[Any, str] = {}
        for part in chunks(ids):
            statement = select(table.c.id, table.c.currency).where(table.c.id.in_(part))
            found.update((row_id, currency) for row_id, currency in session.execute(statement))
        return found

    def _hide_with_owners(self, session: Session, entity: Entity, records: list[Record]) -> None:
        """Keep records hidden as long as what owns them is, since the same time."""
        owners = hidden_owners(session, entity, [record.values for record in records])
        for column, hidden in owners:
            for record in records if hidden else ():
                since = hidden.get(record.values.get(column))
                if since is not None:
                    record.values["deleted_at"] = since

    def _follow(
        self, session: Session, entity: Entity, records: list[Record], outcome: Outcome
    ) -> None:
        for record in records:
            self._later += record.extras.get("later", [])
        if entity.name == "opportunities":
            self._record_history(session, outcome)
            self._write_lines(session, records, outcome)
        elif entity.name == "products":
            self._write_prices(session, records, outcome)
        elif entity.name == "users":
            self._promote(session, records)
        aliased = [
            Record(0, values={"name": name}, extras={"entity_id": outcome.ids[record.key]})
            for record in records
            for name in record.extras.get("aliases") or ()
        ]
        if aliased:
            self._insert_aliases(session, ALIASED[entity.name], aliased)

    def _record_history(self, session: Session, outcome: Outcome) -> None:
        changes: dict[str, list[Record]] = {}
        for record in outcome.changed:
            before = outcome.before[record.key]
            for column in _HISTORY_COLUMNS:
                old, new = before.get(column), record.values.get(column)
                table, from_column, to_column = _HISTORY[column]
                if new is None or old == new or table in self._given_history:
                    continue
                values = {
                    "opportunity_id": outcome.ids[record.key],
                    from_column: old,
                    to_column: new,
                    "changed_at": self._now,
                }
                key = f"{record.key}|{self._now.isoformat()}|{old}>{new}"
                changes.setdefault(table, []).append(Record(record.row, key, values))
        for table, records in changes.items():
            self._upserter.write(session, ENTITIES[table], records)

    def _write_lines(self, session: Session, records: list[Record], outcome: Outcome) -> None:
        lines, gone = [], []
        for record in records:
            key = f"{record.key}|line"
            if record.product:
                values = {
                    "opportunity_id": outcome.ids[record.key],
                    "product_id": self._linker.ids[record.product],
                    "quantity": record.extras["quantity"],
                }
                if "amount_minor" in record.values:
                    values["amount_minor"] = record.values["amount_minor"]
                lines.append(Record(record.row, key, values))
            elif record.extras.get("has_product") and record.key in outcome.before:
                gone.append(key)
        lines = [line for line in lines if line.values["product_id"] is not None]
        self._upserter.write(session, ENTITIES["opportunity_lines"], lines)
        for part in chunks(gone):
            session.execute(
                delete(OpportunityLine).where(
                    OpportunityLine.source == self._source, OpportunityLine.external_id.in_(part)
                )
            )

    def _write_prices(self, session: Session, records: list[Record], outcome: Outcome) -> None:
        priced = [record for record in records if record.extras.get("list_price") is not None]
        books: dict[str, Record] = {}
        for record in priced:
            currency = record.extras["currency"]
            name = record.extras["price_book"] or f"Standard {currency}"
            record.extras["price_book"] = name
            values = {"name": name, "currency": currency}
            key = f"name:{normal(name)}"
            known = books.setdefault(key, Record(record.row, key, values))
            if known.values["currency"] != currency:
                raise BadInput(
                    f"row {record.row}: price book {name!r} has prices in "
                    f"{known.values['currency']} and {currency}; use one book a currency"
                )
        found = self._upserter.write(session, ENTITIES["price_books"], list(books.values()))
        entries = []
        for record in priced:
            book = f"name:{normal(record.extras['price_book'])}"
            values = {
                "price_book_id": found.ids[book],
                "product_id": outcome.ids[record.key],
                "list_price_minor": record.extras["list_price"],
            }
            entries.append(Record(record.row, f"{book}|{record.key}", values))
        self._upserter.write(session, ENTITIES["price_book_entries"], entries)

    def _promote(self, session: Session, records: Iterable[Record]) -> None:
        """Make managers of those whom others report to, in the team that bears their name."""
        teams: dict[int, int | None] = {}
        for record in records:
            manager = record.values.get("manager_id")
            if manager and manager not in self._promoted and record.extras.get("is_role_open"):
                is_own_team = record.extras.get("team_of_manager")
                teams[manager] = record.values.get("team_id") if is_own_team else None
        if not teams:
            return
        self._promoted |= set(teams)
        rows = [{"user_id": user, "own_team": team} for user, team in teams.items()]
        users = ENTITIES["users"].table
        is_theirs = users.c.id == bindparam("user_id")
        connection = session.connection()
        connection.execute(
            update(users)
            .where(is_theirs, users.c.role == Role.REP)
            .values(role=Role.MANAGER.value),
            [{"user_id": row["user_id"]} for row in rows],
        )
        connection.execute(
            update(users)
            .where(is_theirs, users.c.team_id.is_(None))
            .values(team_id=bindparam("own_team")),
            rows,
        )

    def _close_links(self, session: Session, entity: Entity, *, may_create: bool) -> None:
        if not self._later:
            return
        self._linker.resolve(session, {each.link for each in self._later}, may_create=may_create)
        known = [each for each in self._later if each.link in self._linker.ids]
        if may_create:
            self._note_unknown(entity)
            self._later = []
        else:
            self._later = [each for each in self._later if each.link not in self._linker.ids]
        keys = {each.record.key for each in known}
        ids = self._linker.fetch_ids(session, entity, keys)
        table = entity.table
        for column in {each.column for each in known}:
            rows = [
                {"row_id": ids[each.record.key], "target": self._linker.ids[each.link]}
                for each in known
                if each.column == column
            ]
            statement = update(table).where(table.c.id == bindparam("row_id"))
            session.connection().execute(statement.values({column: bindparam("target")}), rows)
        for each in known:
            each.record.values[each.column] = self._linker.ids[each.link]
        if entity.name == "users":
            self._promote(session, [each.record for each in known if each.column == "manager_id"])

    def _note_unknown(self, entity: Entity) -> None:
        for each in self._later:
            if each.link in self._linker.failures:
                reason = self._linker.failures[each.link]
                self._tally.note_link(f"{entity.name}: {each.link.field} left as it was: {reason}")

    def _write_aliases(self, session: Session, records: list[Record]) -> None:
        by_table: dict[str, list[Record]] = {}
        for record in records:
            by_table.setdefault(record.extras["entity"], []).append(record)
        for name, group in by_table.items():
            links = {id(record): _alias_link(name, record) for record in group}
            self._linker.resolve(session, set(links.values()))
            found = []
            for record in group:
                link = links[id(record)]
                row_id = self._linker.ids.get(link)
                if self._sieve.resolve(session, link, ENTITIES[name].table)[0]:
                    self._tally.add("aliases", "suppressed")
                elif row_id is None:
                    record.refuse("target", link.shown, self._linker.failures[link])
                else:
                    record.extras["entity_id"] = row_id
                    found.append(record)
            self._insert_aliases(session, ALIASED[name], found)

    def _insert_aliases(self, session: Session, kind: str, records: list[Record]) -> None:
        wanted = {(record.extras["entity_id"], record.values["name"]) for record in records}
        known = set()
        for part in chunks(cast("Iterable[Any]", {row_id for row_id, _ in wanted})):
            statement = select(Alias.entity_id, Alias.name).where(
                Alias.entity == kind, Alias.entity_id.in_(part)
            )
            rows = session.execute(visible(statement, Alias, self._principal))
            known |= {(row_id, name) for row_id, name in rows}
        new = sorted(wanted - known)
        if new:
            session.execute(
                insert(Alias), [{"entity": kind, "entity_id": i, "name": name} for i, name in new]
            )
        self._tally.add("aliases", "created", len(new))
        self._tally.add("aliases", "unchanged", len(records) - len(new))


def _alias_link(table: str, record: Record) -> Link:
    target = record.extras["target"]
    return Link(table, Policy("reject"), "target", target, target)
