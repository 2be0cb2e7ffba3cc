"""A runner in small for tests: reads a source into a store, each portion's cursor behind it."""

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from crm.access import visible
from crm.errors import CopilotError
from crm.principal import Principal
from crm.store import Store
from ingest.sources.records import store_records
from ingest.sources.run import Stored


class Sync:
    """Reads a source into the store, keeping each portion's cursor as a runner does."""

    def __init__(self, store: Store, owner: Principal, rejects: Path) -> None:
        self.store, self.owner, self.rejects = store, owner, rejects
        self.cursor: dict[str, Any] | None = None
        self.notes: list[str] = []
        self.error: CopilotError | None = None

    def __call__(self, source: Any, now: datetime, *, stop_after: int | None = None) -> Stored:
        totals = dict.fromkeys(("created", "updated", "unchanged", "deleted", "rejected"), 0)
        self.notes, self.error = [], None
        try:
            for number, pulled in enumerate(source.pull(self.cursor, now=now), start=1):
                stored = store_records(
                    self.store, source, pulled.tables, pulled.gone,
                    principal=self.owner, now=now, rejects_dir=self.rejects,
                )  # fmt: skip
                for name in totals:
                    totals[name] += getattr(stored, name)
                self.cursor = pulled.cursor
                self.notes += pulled.notes
                if number == stop_after:
                    break
        except CopilotError as error:
            self.error = error
        return Stored(**totals)


def shown(store: Store, entity: Any, owner: Principal) -> list[Any]:
    with store.session() as session:
        return list(session.scalars(visible(select(entity).order_by(entity.id), entity, owner)))
