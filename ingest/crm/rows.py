"""Rows read through the mapping: each cell to its field, each row to one record or its problems."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Column, Integer, Numeric, Table

from crm.errors import BadInput
from crm.money import to_minor
from ingest.crm.cells import Cell
from ingest.crm.fields import Kind
from ingest.crm.mapping import FieldMapping, Mapping, Missing, TableMapping
from ingest.crm.names import normal
from ingest.crm.records import Link, Policy, Record, StageBook, settle_close, with_alias
from ingest.crm.sheets import Headed, Row, column_index
from ingest.crm.values import (
    Money,
    Native,
    NeedsDeclaring,
    Notation,
    as_text,
    currency_of,
)

_LONGEST_KEY = 200
_SAMPLE = 1_000
# An index of PostgreSQL takes 2,704 bytes, of which the source and the row's head need some.
_LONGEST_INDEXED_BYTES = 2_000


class RowReader:
    """Turns the rows of one sheet, or of anything with columns, into records of one table."""

    def __init__(
        self, mapping: Mapping, table: TableMapping, sheet: Headed, stages: StageBook
    ) -> None:
        self.entity = table.target
        self._mapping, self._table, self._stages = mapping, table, stages
        self._aliases = {
            entity: {normal(other): name for other, name in names.items()}
            for entity, names in mapping.aliases.items()
        }
        self._cells = [self._cell(name, item, sheet) for name, item in table.fields.items()]
        self._by_name = {cell.field.name: cell for cell in self._cells}
        self._money = [cell for cell in self._cells if cell.field.kind is Kind.MONEY]
        self._needed = [
            field
            for field in self.entity.fields.values()
            if field.is_required and field.kind is not Kind.LINK_ID
        ]
        self._currency_column = self.entity.table.c.get("currency")
        self._finish: Callable[[Record, dict[str, Any]], None] = {
            "opportunities": self._finish_opportunity,
            "users": self._finish_user,
            "territories": _finish_territory,
            "quotes": _finish_quote,
            "aliases": _finish_alias,
        }.get(self.entity.name, _finish_nothing)
        self._indexed = _indexed_columns(self.entity.table)
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

    def _cell(self, name: str, item: FieldMapping, sheet: Headed) -> Cell:
        merged = {
            key: getattr(item, key) or getattr(self._table, key) or getattr(self._mapping, key)
            for key in ("date_format", "decimal", "timezone")
        }
        zone = ZoneInfo(merged["timezone"]) if merged["timezone"] else UTC
        field = self.entity.fields[name]
        is_plain = field.column and field.kind not in (Kind.MONEY, Kind.LINK, Kind.LINK_ID)
        return Cell(
            field=field,
            mapping=item,
            indices=tuple(column_index(sheet, column) for column in item.sources),
            notation=Notation(
                tuple(merged["date_format"] or ()), merged["decimal"], item.scale, zone
            ),
            blanks=frozenset(blank.casefold() for blank in self._mapping.blank),
            value_map={normal(k): v for k, v in {**item.aliases, **item.value_map}.items()},
            policy=self._policy(item) if field.entity else None,
            column=self.entity.table.c[str(field.column)] if is_plain else None,
            cache={},
            links={},
        )

    def _policy(self, item: FieldMapping) -> Policy:
        parts = (item, self._table, self._mapping)
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
                self._place(record, cell, value)
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
        self._check_lengths(record)

    def _place(self, record: Record, cell: Cell, value: Any) -> None:
        field = cell.field
        if cell.policy and field.kind in (Kind.LINK, Kind.LINK_ID):
            self._place_link(record, cell, value)
        elif field.kind is Kind.STAGE:
            if value is not None:
                stage = self._stages.find(value)
                record.extras[field.name] = stage
                value = stage.id
            record.values[str(field.column)] = value
        elif field.kind is Kind.NAMES:
            record.extras[field.name] = value
        elif cell.column is not None and (value is not None or cell.column.nullable):
            is_exact = isinstance(value, Decimal)
            record.values[str(field.column)] = _fitting(value, cell.column) if is_exact else value

    def _place_link(self, record: Record, cell: Cell, value: str | None) -> None:
        field = cell.field
        known = record.links.get(field.column) if field.column else record.product
        if known is None:
            link = cell.link(value, self._aliases)
        elif value is None:
            return
        else:
            is_id = field.kind is Kind.LINK_ID
            link = replace(known, id=value) if is_id else replace(known, name=value)
            link = with_alias(link, self._aliases)
        if field.column:
            record.links[field.column] = link
        elif value is not None:
            record.product = link

    def _set_money(self, record: Record, found: dict[str, Any]) -> None:
        named = found.get("currency")
        declared = currency_of(named, None) if named else None
        used = declared
        for cell in self._money:
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
        elif self._currency_column is not None:
            self._set_currency(record, used, is_needed=not self._currency_column.nullable)

    def _set_currency(self, record: Record, used: str | None, *, is_needed: bool) -> None:
        if is_needed:
            used = used or self._table.currency or self._mapping.currency
        if self._money or is_needed or "currency" in self._by_name:
            record.values["currency"] = used

    def _default_currency(self, cell: Cell) -> str | None:
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
        for field in self._needed:
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

    def _check_lengths(self, record: Record) -> None:
        texts: list[tuple[str, object]] = [("id", record.key)]
        texts += [(name, record.values.get(name)) for name in self._indexed]
        for link in (*record.links.values(), *([record.product] if record.product else [])):
            texts += [(link.field, link.id), (link.field, link.name), ("region", link.region)]
        for name, text in texts:
            if isinstance(text, str) and _is_too_long(text):
                reason = f"longer than {_LONGEST_INDEXED_BYTES:,} bytes, which no index takes"
                record.refuse(name, text[:80], reason)

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


def _indexed_columns(table: Table) -> tuple[str, ...]:
    indexed = {column.name for index in table.indexes for column in index.columns}
    return tuple(sorted(indexed | ({"name"} & set(table.c.keys()))))


def _is_too_long(text: str) -> bool:
    # No character has more than four bytes.
    is_short = len(text) <= _LONGEST_INDEXED_BYTES // 4
    return not is_short and len(text.encode("utf-8", "replace")) > _LONGEST_INDEXED_BYTES


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


def _fitting(value: Decimal, column: Column[Any]) -> Decimal | int:
    kind = column.type
    if isinstance(kind, Numeric) and kind.scale is not None:
        whole = (kind.precision or 18) - kind.scale
        if abs(value) >= Decimal(10) ** whole:
            raise ValueError("number too large")
        return value.quantize(Decimal(1).scaleb(-kind.scale))
    return int(value) if isinstance(kind, Integer) else value
