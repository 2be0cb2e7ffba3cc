"""Salesforce's records as flat rows, with the columns that have to be worked out from several."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby, pairwise
from typing import Any
from urllib.parse import urlsplit

Row = dict[str, Any]
Given = Mapping[str, Any]

HISTORY = "OpportunityHistory"
STAGES = "OpportunityStage"
TRACKED = ("StageName", "CloseDate", "Amount")
_UNLISTED_STAGE = 1_000
# The first three characters of an id tell its object.
_USER, _CONTACT, _DEAL = "005", "003", "006"
_KINDS = {"call": "call", "email": "email", "listemail": "email", "meeting": "meeting"}

# What a worked-out column needs to be read.
NEEDS: dict[str, tuple[str, ...]] = {
    "_Domain": ("Website",),
    "_Phone": ("Phone", "MobilePhone"),
    "_OwnerId": ("OwnerId",),
    "_OpportunityId": ("WhatId",),
    "_ContactId": ("WhoId",),
    "_Kind": ("TaskSubtype", "Type"),
    "_OccurredAt": ("IsClosed", "CompletedDateTime", "ActivityDate", "CreatedDate"),
    "_DoneAt": ("IsClosed", "CompletedDateTime", "ActivityDate"),
    "_Status": ("IsClosed", "IsWon"),
}


def flat_row(record: Given, columns: Iterable[str]) -> Row:
    """Return the record without its envelope: `Owner.Name` for what is nested, and `columns`."""
    row: Row = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            for inner, part in value.items():
                row[f"{name}.{inner}"] = part
        elif name != "attributes":
            row[name] = value
    for column in columns:
        head = column.partition(".")[0]
        if column in _DERIVED and any(need in row for need in NEEDS[column]):
            row[column] = _DERIVED[column](row)
        elif "." in column and head in row:
            # A relation to nothing comes as null.
            row.setdefault(column, None)
    return row


def stage_row(name: str, *, status: str) -> Row:
    """Return the row of a stage that deals are in, though the list of stages no longer has it."""
    return {
        "ApiName": name,
        "MasterLabel": name,
        "SortOrder": _UNLISTED_STAGE,
        "DefaultProbability": None,
        "_Status": status,
    }


def stage_status(record: Given) -> str:
    """Return what a stage or a deal's flags mean: open, won or lost."""
    if record.get("IsWon"):
        return "won"
    return "lost" if record.get("IsClosed") else "open"


def history_status(record: Given) -> str:
    """Return what the stage of a line of history means, by its forecast category."""
    category = str(record.get("ForecastCategory") or "")
    if category == "Closed":
        return "won"
    return "lost" if category == "Omitted" and not record.get("Probability") else "open"


def changes_of(history: Iterable[Given]) -> Iterator[tuple[str, Row]]:
    """Yield (field, change) for whole histories of deals, each deal's lines together and in order.

    A deal's first line is a change of its stage only: the deal came into being with the rest.
    """
    for _deal, lines in groupby(history, key=lambda line: line["OpportunityId"]):
        listed = list(lines)
        yield "StageName", _change(listed[0], None, listed[0].get("StageName"))
        for field in TRACKED:
            for before, after in pairwise(_filled(listed, field)):
                if before[field] != after[field]:
                    yield field, _change(after, before[field], after[field])


def _filled(lines: list[Given], field: str) -> Iterator[Given]:
    return (line for line in lines if line.get(field) is not None)


def _change(line: Given, old: object, new: object) -> Row:
    return {
        "Id": line["Id"],
        "OpportunityId": line["OpportunityId"],
        "OldValue": old,
        "NewValue": new,
        "CreatedDate": line["CreatedDate"],
    }


def _domain(row: Given) -> str | None:
    text = str(row.get("Website") or "").strip()
    try:
        host = urlsplit(text if "//" in text else f"//{text}").hostname
    except ValueError:
        return None
    return host.removeprefix("www.") if host and "." in host else None


def _if_id_of(prefix: str, column: str) -> Callable[[Given], str | None]:
    def pick(row: Given) -> str | None:
        found = row.get(column)
        return found if isinstance(found, str) and found.startswith(prefix) else None

    return pick


def _occurred_at(row: Given) -> str | None:
    """Only what was done has happened: an open task is merely due."""
    if not row.get("IsClosed"):
        return None
    return row.get("CompletedDateTime") or row.get("ActivityDate") or row.get("CreatedDate")


def _kind(row: Given) -> str:
    for column in ("TaskSubtype", "Type"):
        found = _KINDS.get(str(row.get(column) or "").casefold())
        if found:
            return found
    return "task"


_DERIVED: dict[str, Callable[[Given], Any]] = {
    "_Domain": _domain,
    "_Phone": lambda row: row.get("Phone") or row.get("MobilePhone"),
    "_OwnerId": _if_id_of(_USER, "OwnerId"),
    "_OpportunityId": _if_id_of(_DEAL, "WhatId"),
    "_ContactId": _if_id_of(_CONTACT, "WhoId"),
    "_Kind": _kind,
    "_OccurredAt": _occurred_at,
    "_DoneAt": lambda row: (
        row.get("CompletedDateTime") or row.get("ActivityDate") if row.get("IsClosed") else None
    ),
    "_Status": stage_status,
}
