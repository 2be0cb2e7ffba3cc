"""One field's cells in a sheet: found, blanks and value maps applied, converted, remembered."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column

from crm.errors import BadInput
from ingest.crm.fields import Field, Kind
from ingest.crm.mapping import FieldMapping
from ingest.crm.names import normal
from ingest.crm.records import Link, Policy, with_alias
from ingest.crm.values import Native, Notation, as_text, convert

# Cells repeat (stages, owners, days) or never do (ids): a larger memory finds no more of them.
CACHE = 4_000


@dataclass
class Cell:
    """One field's way from a row to a value."""

    field: Field
    mapping: FieldMapping
    indices: tuple[int, ...]
    notation: Notation
    blanks: frozenset[str]
    value_map: dict[str, str]
    policy: Policy | None
    column: Column[Any] | None
    cache: dict[Native, Any]
    links: dict[str, Link]

    def read(self, cells: list[Native]) -> Any:
        """Return the value, None if it is blank; raises ValueError."""
        is_plain = len(self.indices) == 1
        raw = cells[self.indices[0]] if is_plain else self._joined(cells)
        # 1, 1.0 and True are equal as keys but not as cells.
        is_cached = type(raw) is str and len(raw) < 80
        if is_cached and raw in self.cache:
            return self.cache[raw]
        value = self._value(raw)
        if is_cached:
            if len(self.cache) >= CACHE:
                self.cache.clear()
            self.cache[raw] = value
        return value

    def shown(self, cells: list[Native]) -> str:
        """Return the cell's text, for the rejects."""
        return self._joined(cells) or ""

    def link(self, value: str | None, aliases: dict[str, dict[str, str]]) -> Link:
        """Return the reference that the cell makes; BadInput if its field makes none."""
        known = self.links.get(value or "")
        if known is None:
            known = with_alias(self._new_link(value), aliases)
            if len(self.links) >= CACHE:
                self.links.clear()
            self.links[value or ""] = known
        return known

    def _new_link(self, value: str | None) -> Link:
        if self.field.entity is None or self.policy is None:
            raise BadInput(f"field {self.field.name!r} refers to no other table")
        is_id = self.field.kind is Kind.LINK_ID
        name = {"id": value} if is_id else {"name": value}
        return Link(self.field.entity, self.policy, self.field.name, **name)

    def _joined(self, cells: list[Native]) -> str | None:
        if not self.indices:
            return self.mapping.constant
        texts = [as_text(cells[index]) for index in self.indices]
        return self.mapping.join.join(text for text in texts if text)

    def _value(self, raw: Native) -> Any:
        raw = self._part(raw)
        if isinstance(raw, str):
            text = as_text(raw)
            raw = self.value_map.get(normal(text), text) if self.value_map else text
        elif self.value_map and raw is not None:
            raw = self.value_map.get(normal(as_text(raw)), raw)
        if self._is_blank(raw):
            if self.mapping.default is None:
                return None
            raw = self.mapping.default
        return convert(self.field, raw, self.notation)

    def _part(self, raw: Native) -> Native:
        if self.mapping.split is None or raw is None:
            return raw
        parts = as_text(raw).split(self.mapping.split)
        number = self.mapping.part
        index = number - 1 if number > 0 else len(parts) + number
        return parts[index] if 0 <= index < len(parts) else None

    def _is_blank(self, raw: Native) -> bool:
        return raw is None or (isinstance(raw, str) and (not raw or raw.casefold() in self.blanks))
