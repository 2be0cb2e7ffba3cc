"""Hidden rows: those that their source deleted, and those that it has promised and not yet sent."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from ingest.crm.catalogue import ENTITIES
from ingest.crm.chunks import chunks
from ingest.crm.fields import Entity

# A row that others refer to before it has come is made hidden since this time.
PROMISED = datetime(1970, 1, 1, tzinfo=UTC)

# What makes no sense without its owner goes and comes back with it: table → column.
OWNED: dict[str, dict[str, str]] = {
    "opportunities": dict.fromkeys(
        (
            "opportunity_lines",
            "opportunity_contacts",
            "stage_changes",
            "close_date_changes",
            "amount_changes",
            "quotes",
        ),
        "opportunity_id",
    ),
    "contacts": {"opportunity_contacts": "contact_id"},
    "products": {"price_book_entries": "product_id"},
    "price_books": {"price_book_entries": "price_book_id"},
}
_OWNERS: dict[str, list[tuple[str, str]]] = {}
for _owner, _children in OWNED.items():
    for _child, _column in _children.items():
        _OWNERS.setdefault(_child, []).append((_owner, _column))
# Deals count by what their stage means: without it they would vanish with it.
_LASTING = frozenset({"stages"})


def bury(
    session: Session, entity: Entity, source: str, gone: Mapping[str, datetime]
) -> dict[int, datetime]:
    """Hide the rows of these external ids, each with what it owns, since the times given.

    Rows that are not there, or hidden already, are left alone. Returns the ids of those that were
    hidden with the times, without what they own.
    """
    if entity.name in _LASTING:
        return {}
    table = entity.table
    found: dict[int, datetime] = {}
    for part in chunks(gone):
        statement = select(table.c.id, table.c.external_id).where(
            table.c.source == source,
            table.c.external_id.in_(part),
            table.c.deleted_at.is_(None),
        )
        found.update((row_id, gone[key]) for row_id, key in session.execute(statement))
    if not found:
        return {}
    rows = [{"row_id": row_id, "since": since} for row_id, since in found.items()]
    statement_ = update(table).where(table.c.id == bindparam("row_id"))
    session.connection().execute(statement_.values(deleted_at=bindparam("since")), rows)
    for child, column in OWNED.get(entity.name, {}).items():
        own = ENTITIES[child].table
        hide = update(own).where(own.c[column] == bindparam("row_id"), own.c.deleted_at.is_(None))
        session.connection().execute(hide.values(deleted_at=bindparam("since")), rows)
    return found


def bring_back(session: Session, entity: Entity, returned: Mapping[int, datetime]) -> None:
    """Show again what rows own that was hidden together with them; `returned` says since when."""
    rows = [{"row_id": row_id, "since": since} for row_id, since in returned.items()]
    for child, column in OWNED.get(entity.name, {}).items() if rows else ():
        own = ENTITIES[child].table
        show = update(own).where(
            own.c[column] == bindparam("row_id"), own.c.deleted_at == bindparam("since")
        )
        session.connection().execute(show.values(deleted_at=None), rows)


def hidden_owners(
    session: Session, entity: Entity, rows: Collection[Mapping[str, object]]
) -> list[tuple[str, dict[object, datetime]]]:
    """Return, for each column that names an owner, since when the hidden ones of `rows` are."""
    found: list[tuple[str, dict[object, datetime]]] = []
    for owner, column in _OWNERS.get(entity.name, ()):
        ids = {row.get(column) for row in rows} - {None}
        found.append((column, _hidden(session, ENTITIES[owner], ids)))
    return found


def _hidden(session: Session, entity: Entity, ids: Iterable[object]) -> dict[object, datetime]:
    table = entity.table
    hidden: dict[object, datetime] = {}
    for part in chunks(ids):
        statement = select(table.c.id, table.c.deleted_at).where(
            table.c.id.in_(part), table.c.deleted_at.is_not(None)
        )
        hidden.update((row_id, since) for row_id, since in session.execute(statement))
    return hidden
