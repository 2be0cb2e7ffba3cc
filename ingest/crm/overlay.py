"""A company's own mapping laid over the packaged one of its CRM."""

from collections.abc import Mapping
from typing import Any

Loaded = Mapping[str, Any]


def overlay(packaged: Loaded, own: Loaded) -> dict[str, Any]:
    """Return loaded YAML in which what `own` says replaces or adds to what `packaged` says.

    Tables are the same if object and entity are; their fields are laid over one by one, and a
    field given as an empty text is left out. All other keys replace those of the packaged one.
    """
    tables: dict[tuple[str, str], Any] = {
        _identity(table): dict(table) for table in packaged.get("tables", [])
    }
    for number, table in enumerate(_tables_of(own)):
        if not isinstance(table, Mapping) or not isinstance(table.get("fields", {}), Mapping):
            # Left as it is, for the mapping's own check to name it.
            tables[("", str(number))] = table
            continue
        known = tables.get(_identity(table), {})
        fields = {**known.get("fields", {}), **table.get("fields", {})}
        kept = {name: item for name, item in fields.items() if item != ""}
        tables[_identity(table)] = {**known, **table, "fields": kept}
    rest = {key: value for key, value in own.items() if key not in ("tables", "files")}
    return {**packaged, **rest, "tables": list(tables.values())}


def _tables_of(loaded: Loaded) -> list[Any]:
    tables = loaded.get("tables", loaded.get("files", []))
    return tables if isinstance(tables, list) else [tables]


def _identity(table: Loaded) -> tuple[str, str]:
    return str(table.get("object", table.get("file", ""))).casefold(), str(table.get("entity"))
