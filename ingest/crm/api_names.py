"""Files whose columns have the names of Salesforce's interface: which object, what fills what."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingest.sources.packaged import company_mapping

_API_NAME = re.compile(r"[A-Za-z]\w*(?:\.\w+)*")
_FIRST, _LAST = "FirstName", "LastName"
# What the connector works out for itself, read from one column as far as a file goes. An owner may
# be a queue, and what a task is about may be of any kind: who is not found is left blank.
_ELSE: dict[str, dict[str, str]] = {
    "Account": {"domain": "Website"},
    "Contact": {"phone": "Phone"},
    "Lead": {"owner_id": "OwnerId"},
    "Case": {"owner_id": "OwnerId", "product_id": "Product2Id"},
    "Task": {
        "owner_id": "OwnerId", "opportunity_id": "WhatId", "contact_id": "WhoId",
        "done_at": "CompletedDateTime",
    },
    "Event": {"owner_id": "OwnerId", "opportunity_id": "WhatId", "contact_id": "WhoId"},
    "Quote": {
        "id": "Id", "number": "QuoteNumber", "opportunity_id": "OpportunityId",
        "status": "Status", "total": "GrandTotal", "currency": "CurrencyIsoCode",
        "created_on": "CreatedDate", "valid_until": "ExpirationDate",
    },
}  # fmt: skip
_ENTITIES = {"Quote": "quotes"}
_MAY_BE_OTHERS = frozenset({"WhatId", "WhoId", "ReportsToId"})
_QUEUED = frozenset({"Lead", "Case", "Task", "Event"})


@dataclass(frozen=True)
class ApiTable:
    """An object's file: its entity, the column of each field, and fields written out as YAML."""

    entity: str
    fields: dict[str, str]
    written: dict[str, str]


def is_api_header(header: Sequence[str]) -> bool:
    """Say whether the columns are an interface's names: an `Id`, and no words with spaces."""
    return "Id" in header and all(_API_NAME.fullmatch(name) for name in header if name)


def api_table(stem: str, header: Sequence[str]) -> ApiTable | None:
    """Return what a file of this name holds, None if its name is that of no object with a table."""
    objects = {name.casefold(): name for name in [*_packaged(), *_ENTITIES]}
    tokens = [token.casefold() for token in re.findall(r"[A-Za-z]+2?", stem)]
    found = next((objects[one] for token in tokens for one in (token, token[:-1])
                  if one in objects), None)  # fmt: skip
    if found is None:
        return None
    entity, columns = _packaged().get(found, (_ENTITIES.get(found, ""), {}))
    wanted = {**columns, **_ELSE.get(found, {})}
    fields = {field: column for field, column in wanted.items() if column in header}
    return ApiTable(entity, fields, dict(_written(found, entity, fields, header)))


def _written(
    name: str, entity: str, fields: Mapping[str, str], header: Sequence[str]
) -> list[tuple[str, str]]:
    """Return the fields that one plain column does not fill."""
    written = [
        (field, f"{{column: {column}, missing: blank}}")
        for field, column in fields.items()
        if column in _MAY_BE_OTHERS or (column == "OwnerId" and name in _QUEUED)
    ]
    if "name" not in fields and {_FIRST, _LAST} <= set(header):
        written.append(("name", f"[{_FIRST}, {_LAST}]"))
    if entity == "activities":
        written.append(("kind", f"{{constant: {'meeting' if name == 'Event' else 'task'}}}"))
        written.append(("subject", '{column: Subject, default: "(no subject)"}'))
    return written


def _packaged() -> dict[str, tuple[str, dict[str, str]]]:
    """Return the objects of the packaged mapping: entity, and column of each field that has one."""
    tables = company_mapping(
        "salesforce", None, source="crm", currency="USD", timezone="UTC"
    ).tables
    return {
        name: (table.entity, {
            field: item.column for field, item in table.fields.items()
            if item.column is not None and not item.column.startswith("_")
        })
        for table in tables
        for name in table.file
        if ":" not in name
    }  # fmt: skip
