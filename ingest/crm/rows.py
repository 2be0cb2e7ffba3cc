"""Rows read through the mapping: each cell to its field, each row to one record or its problems."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Integer, Numeric

from crm.errors import BadInput
from crm.money import to_minor
from ingest.crm.fields import Field, Kind
from ingest.crm.mapping import FieldMapping, Mapping, Missing, TableMapping
from ingest.crm.names import normal
from ingest.crm.records import Link, Policy, Record, StageBook, settle_close, with_alias
from ingest.crm.sheets import Row, Sheet, column_index
from ingest.crm.values import (
    Money,
    Native,
    NeedsDeclaring,
    Notation,
    as_text,
    convert,
    currency_of,
)

_CACHE = 50_000
_LONGEST_KEY = 200
_SAMPLE = 1_000


@dataclass
class _Cell:
    """One field's way from a row to a value."""

    field: Field
    mapping: FieldMapping
    indices: tuple[int, ...]
    notation: Notation
    blanks: frozenset[str]
    value_map: dict[str, str]
    cache: dict[Native, Any]

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
            if len(self.cache) >= _CACHE:
                self.cache.clear()
            self.cache[raw] = value
        return value

    def shown(self, cells: list[Native]) -> str:
        """Return the cell's text, for the rejects."""
        return self._joined(cells) or ""

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


class RowReader:
    """Turns the rows of one sheet into records of one table."""

    def __init__(
        self, mapping: Mapping, table: TableMapping, sheet: Sheet, stages: StageBook
    ) -> None:
        self.entity = table.target
        self._mapping, self._table, self._stages = mapping, table, stages
        self._aliases = {
            entity: {normal(other): name for other, name in names.items()}
            for entity, names in mapping.aliases.items()
        }
        self._cells = [self._cell(name, item, sheet) for name, item in table.fields.items()]
        self._by_name = {cell.field.name: cell for cell in self._cells}
        self._policies = {
            cell.field.name: self._policy(cell) for cell in self._cells if cell.field.entity
        }
        self._finish: Callable[[Record, dict[str, Any]], None] = {
            "opportunities": self._finish_opportunity,
            "users": self._finish_user,
            "territories": _finish_territory,
            "quotes": _finish_quote,
            "aliases": _finish_alias,
        }.get(self.entity.name, _finish_nothing)
        keys = (tuple(table.key),) if table.key else self.entity.keys
        self._keys = [tuple(self._mapped_parts(key)) for key in keys]

    def read(self, row: Row) -> Record:
        """Return the row's record, with its problems if it has any."""
        record = Record(row.number)
        if row.flaw:
            record.refuse("", as_text(row.cells[0])[:80] if row.cells else "", row.flaw)
            return record
        found: dict[str, Any] = {}
        for cell in self._cells:
            try:
                found[cell.field.name] = cell.read(row.cells)
            except (ValueError, ArithmeticError) as error:
                record.refuse(cell.field.name, cell.shown(row.cells), str(error))
        if not record.problems:
            self._fill(record, found, row.cells)
        return record

    def check(self, rows: Iterator[Row]) -> None:
        """Refuse notations that the mapping has to declare, told from the first thousand rows.

        Raises:
            BadInput: names the column, the row, the cell and what to declare.
        """
        for row, _ in zip(rows, range(_SAMPLE), strict=False):
            if row.flaw:
                continue
            for cell in self._cells:
                try:
                    cell.read(row.cells)
                except NeedsDeclaring as error:
                    raise BadInput(
                        f"column {cell.mapping.sources!r}, row {row.number}: "
                        f"{cell.shown(row.cells)!r}: {error}"
                    ) from None
                except (ValueError, ArithmeticError):
                    continue

    def _cell(self, name: str, item: FieldMapping, sheet: Sheet) -> _Cell:
        merged = {
            key: getattr(item, key) or getattr(self._table, key) or getattr(self._mapping, key)
            for key in ("date_format", "decimal", "timezone")
        }
        zone = ZoneInfo(merged["timezone"]) if merged["timezone"] else UTC
        return _Cell(
            field=self.entity.fields[name],
            mapping=item,
            indices=tuple(column_index(sheet, column) for column in item.sources),
            notation=Notation(
                tuple(merged["date_format"] or ()), merged["decimal"], item.scale, zone
            ),
            blanks=frozenset(blank.casefold() for blank in self._mapping.blank),
            value_map={normal(k): v for k, v in {**item.aliases, **item.value_map}.items()},
            cache={},
        )

    def _policy(self, cell: _Cell) -> Policy:
        parts = (cell.mapping, self._table, self._mapping)
        fuzzy = next((part.fuzzy for part in parts if part.fuzzy is not None), None)
        missing: Missing = next((part.missing for part in parts if part.missing), "create")
        return Policy(missing, fuzzy)

    def _mapped_parts(self, key: tuple[str, ...]) -> Iterator[str]:
        for name in key:
            for part in (name, f"{name}_id"):
                if part in self._by_name:
                    yield part

    def _fill(self, record: Record, found: dict[str, Any], cells: list[Native]) -> None:
        for cell in self._cells:
            value = found[cell.field.name]
            try:
                self._place(record, cell.field, value)
            except ValueError as error:
                record.refuse(cell.field.name, cell.shown(cells), str(error))
        if record.problems:
            return
        try:
            self._set_money(record, found)
        except ValueError as error:
            record.refuse("currency", found.get("currency") or "", str(error))
        self._finish(record, found)
        record.key = self._key(found)
        self._check_needed(record, found)

    def _place(self, record: Record, field: Field, value: Any) -> None:
        if field.kind is Kind.STAGE:
            if value is not None:
                stage = self._stages.find(value)
                record.extras[field.name] = stage
                value = stage.id
            record.values[str(field.column)] = value
        elif field.entity and field.kind in (Kind.LINK, Kind.LINK_ID):
            self._place_link(record, field, value)
        elif field.kind is Kind.NAMES:
            record.extras[field.name] = value
        elif field.column and field.kind is not Kind.MONEY:
            column = self.entity.table.c[field.column]
            if value is not None or column.nullable:
                record.values[field.column] = _fitting(value, column.type)

    def _place_link(self, record: Record, field: Field, value: str | None) -> None:
        if value is None:
            if field.column:
                record.links.setdefault(
                    field.column, Link(field.entity, self._policies[field.name], field.name)
                )
            return
        slot = field.column or "product"
        known = record.product if field.column is None else record.links.get(slot)
        link = known or Link(field.entity, self._policies[field.name], field.name)
        is_id = field.kind is Kind.LINK_ID
        link = replace(link, id=value) if is_id else replace(link, name=value)
        link = with_alias(link, self._aliases)
        if field.column:
            record.links[slot] = link
        else:
            record.product = link

    def _set_money(self, record: Record, found: dict[str, Any]) -> None:
        named = found.get("currency")
        declared = currency_of(named, None) if named else None
        used = declared
        for cell in self._cells:
            if cell.field.kind is not Kind.MONEY:
                continue
            column = str(cell.field.column or cell.field.name)
            money = found[cell.field.name]
            if money is None or self.entity.money_from:
                record.values[column] = money
                continue
            default = declared or used or self._default_currency(cell)
            currency = currency_of(money.currency, default)
            if currency is None:
                record.refuse(cell.field.name, money.amount, "no currency; declare `currency:`")
            elif used and currency != used:
                reason = f"in {currency}, while the row is in {used}"
                record.refuse(cell.field.name, money.amount, reason)
            else:
                used = currency
                record.values[column] = to_minor(money.amount, currency)
        if "list_price" in record.values:
            record.extras["list_price"] = record.values.pop("list_price")
            record.extras["price_book"] = found.get("price_book")
            record.extras["currency"] = used
        elif "currency" in self.entity.table.c:
            self._set_currency(record, used)

    def _set_currency(self, record: Record, used: str | None) -> None:
        has_money = any(cell.field.kind is Kind.MONEY for cell in self._cells)
        is_needed = not self.entity.table.c["currency"].nullable
        if is_needed:
            used = used or self._table.currency or self._mapping.currency
        if has_money or is_needed or "currency" in self._by_name:
            record.values["currency"] = used

    def _default_currency(self, cell: _Cell) -> str | None:
        return cell.mapping.currency or self._table.currency or self._mapping.currency

    def _key(self, found: dict[str, Any]) -> str:
        if "id" in found:
            return found["id"] or ""
        for key in self._keys:
            parts = [
                f"{name}:{normal(_key_text(found[name]))}"
                for name in key
                if found[name] is not None
            ]
            if parts:
                text = "|".join(parts)
                if len(text) <= _LONGEST_KEY:
                    return text
                return f"{key[0]}:{hashlib.sha256(text.encode()).hexdigest()}"
        return ""

    def _check_needed(self, record: Record, found: dict[str, Any]) -> None:
        for field in self.entity.fields.values():
            if not field.is_required or field.kind is Kind.LINK_ID:
                continue
            if field.kind is Kind.LINK:
                link = record.links.get(str(field.column))
                is_blank = link is None or not link.shown
            else:
                is_blank = record.values.get(str(field.column or ""), found.get(field.name)) is None
            if is_blank:
                record.refuse(field.name, "", "needed, but blank")
        if not record.key and not record.problems:
            record.refuse("id", "", "nothing to know the row by: its id or key is blank")
        if self.entity.name == "quotas" and not any(link.shown for link in record.links.values()):
            record.refuse("user", "", "needs a user or a team")

    def _finish_opportunity(self, record: Record, found: dict[str, Any]) -> None:
        _set_territory(record, found)
        stage = record.extras.get("stage")
        if stage and {"close_date", "closed_on", "expected_close_on"} & set(found):
            settle_close(record.values, is_open=stage.is_open, close=found.get("close_date"))
        if not record.values.get("name"):
            account = record.links.get("account_id")
            parts = [
                account.shown if account else "",
                record.product.shown if record.product else "",
            ]
            name = " – ".join(part for part in parts if part)
            ident = found.get("id")
            record.values["name"] = f"{name} ({ident})" if name and ident else name or ident
        record.extras["quantity"] = found.get("quantity") or Decimal(1)
        record.extras["has_product"] = bool({"product", "product_id"} & set(found))

    def _finish_user(self, record: Record, found: dict[str, Any]) -> None:
        _set_territory(record, found)
        if "role" not in found:
            record.extras["is_role_open"] = True
        manager = record.links.get("manager_id")
        if not {"team", "team_id"} & set(found) and manager and manager.name:
            policy = Policy("create")
            record.links["team_id"] = Link("teams", policy, "team", name=manager.name)
            record.extras["team_of_manager"] = True


def _set_territory(record: Record, found: dict[str, Any]) -> None:
    if "region" not in found:
        return
    region = found["region"]
    link = record.links.get("territory_id")
    if link is None:
        link = Link("territories", Policy("create"), "region")
    if not link.shown:
        link = replace(link, name=region)
    record.links["territory_id"] = replace(link, region=region)


def _finish_territory(record: Record, _found: dict[str, Any]) -> None:
    if not record.values.get("region"):
        record.values["region"] = record.values.get("name")


def _finish_quote(record: Record, found: dict[str, Any]) -> None:
    record.values.setdefault("number", found.get("id"))


def _finish_alias(record: Record, found: dict[str, Any]) -> None:
    record.extras |= {"entity": found["entity"], "target": found["target"]}


def _finish_nothing(_record: Record, _found: dict[str, Any]) -> None:
    """Most tables store what their cells say."""


def _key_text(value: object) -> str:
    return str(value.amount.normalize()) if isinstance(value, Money) else str(value)


def _fitting(value: Any, kind: Any) -> Any:
    if isinstance(value, Decimal) and isinstance(kind, Numeric) and kind.scale is not None:
        whole = (kind.precision or 18) - kind.scale
        if abs(value) >= Decimal(10) ** whole:
            raise ValueError("number too large")
        return value.quantize(Decimal(1).scaleb(-kind.scale))
    if isinstance(value, Decimal) and isinstance(kind, Integer):
        return int(value)
    return value
