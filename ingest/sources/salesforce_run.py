"""One reading of a Salesforce organisation: object by object, each from where it was left."""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from crm.errors import TransientError
from ingest.crm.chunks import chunks
from ingest.crm.mapping import Mapping as FieldsMapping
from ingest.sources.places import Place, next_place, parse_time, shown_time
from ingest.sources.records import objects_of
from ingest.sources.rest import Refused
from ingest.sources.salesforce_api import Description, Page, SalesforceApi
from ingest.sources.salesforce_rows import (
    HISTORY,
    NEEDS,
    STAGES,
    TRACKED,
    Row,
    changes_of,
    flat_row,
    history_status,
    stage_row,
    stage_status,
)
from ingest.sources.source import Cursor, Gone, Pulled, TableRows

_STAMPS = ("SystemModstamp", "LastModifiedDate", "CreatedDate")
_DEALS_A_QUERY = 200
# How far back Salesforce remembers deletions.
_MEMORY = timedelta(days=15)
_ID = re.compile(r"[0-9A-Za-z]{1,18}")
_LINE = ("Id", "OpportunityId", *TRACKED, "Probability", "ForecastCategory", "CreatedDate")

State = dict[str, Any]


@dataclass
class _Object:
    """An object being read: what we may see of it, and the columns asked for."""

    name: str
    seen: Description
    columns: tuple[str, ...]
    stamp: str
    notes: tuple[str, ...] = ()
    newest: datetime | None = field(default=None)


class SalesforceRun:
    """Reads everything that the mapping names."""

    def __init__(
        self,
        api: SalesforceApi,
        mapping: FieldsMapping,
        cursor: Mapping[str, Any],
        *,
        overlap: timedelta,
        now: datetime,
    ) -> None:
        self._api, self._overlap, self._now = api, overlap, now
        self._objects = objects_of(mapping)
        self._states: dict[str, State] = copy.deepcopy(dict(cursor.get("objects", {})))
        self._stages: set[str] = set()
        self._done = 0

    def portions(self) -> Iterator[Pulled]:
        """Yield the portions, users before accounts before deals."""
        history_is_read = False
        for name, columns in self._objects.items():
            base = name.partition(":")[0]
            if base == HISTORY and history_is_read:
                continue
            history_is_read = history_is_read or base == HISTORY
            described = self._described(base, columns)
            if isinstance(described, str):
                yield self._pulled(notes=(described,))
            elif base == STAGES:
                yield from self._read_stages(described)
            elif base == HISTORY:
                yield from self._read_history(described)
            else:
                yield from self._read(described)

    def _described(self, name: str, columns: tuple[str, ...]) -> _Object | str:
        seen = self._api.describe(name)
        if seen is None:
            return f"{name}: not there, or not for us to read; left out"
        stamp = next((one for one in _STAMPS if one in seen.fields), None)
        if stamp is None and name != STAGES:
            return f"{name}: tells no times of change; left out"
        lacking = [] if name == HISTORY else [one for one in columns if not _is_there(one, seen)]
        note = f"{name}: no field {', '.join(lacking)}, or no right to it; left as it is"
        return _Object(name, seen, columns, stamp or "", (note,) if lacking else ())

    def _read_stages(self, item: _Object) -> Iterator[Pulled]:
        wanted = _wanted(item, ("Id", "IsClosed", "IsWon"))
        rows = [
            flat_row(record, item.columns)
            for page in self._api.query(f"SELECT {wanted} FROM {STAGES}")  # noqa: S608
            for record in page.records
        ]
        self._stages = {str(row.get("ApiName") or row.get("MasterLabel")) for row in rows}
        yield self._pulled([TableRows(STAGES, tuple(rows))], notes=item.notes, count=len(rows))

    def _read(self, item: _Object) -> Iterator[Pulled]:
        state = self._states.setdefault(item.name, {})
        is_first = not state.get("at")
        yield from self._read_deletions(item, state, is_first=is_first)
        notes = item.notes
        for page in self._pages(item, state, _read_columns(item), with_deleted=not is_first):
            yield self._take_page(item, page, notes)
            notes = ()
        yield self._finished(item.name, state)

    def _pages(
        self, item: _Object, state: State, wanted: str, *, with_deleted: bool
    ) -> Iterator[Page]:
        """Yield the pages from the state's place on, whose state moves on with each."""
        place = next_place(state, self._overlap)
        state["began"] = shown_time(self._api.server_time or self._now)
        had_some = True
        while had_some:
            had_some = False
            soql = f"SELECT {wanted} FROM {item.name}{_since(item.stamp, place)}"  # noqa: S608
            try:
                for page in self._api.query(soql, with_deleted=with_deleted):
                    if page.records:
                        had_some = True
                        self._move(item, state, page.records[-1])
                        yield page
                return
            except Refused as error:
                if error.code != "INVALID_QUERY_LOCATOR":
                    raise
                # The server forgot the rest of a long query: ask for it anew.
                place = Place(parse_time(state.get("at")), state.get("id"))
        raise TransientError(f"Salesforce lost the query of {item.name} at its start; try again")

    def _move(self, item: _Object, state: State, last: Mapping[str, Any]) -> None:
        at = parse_time(last.get(item.stamp))
        server_time = self._api.server_time or self._now
        if at is not None:
            item.newest = max(at, item.newest or at)
            # A stamp from the future must not hide what comes until then.
            is_ahead = at > server_time
            state["at"] = shown_time(server_time if is_ahead else at)
            state["id"] = None if is_ahead else last.get("Id")

    def _finished(self, name: str, state: State) -> Pulled:
        # An empty object is known, too: from now on its deletions matter.
        state.setdefault("at", state["began"])
        state["id"] = state["began"] = None
        return self._pulled()

    def _take_page(self, item: _Object, page: Page, notes: tuple[str, ...]) -> Pulled:
        rows, gone, merged = [], [], 0
        for record in page.records:
            if record.get("IsDeleted"):
                at = parse_time(record.get(item.stamp))
                gone.append(Gone(item.name, str(record["Id"]), at))
                merged += bool(record.get("MasterRecordId"))
            else:
                rows.append(flat_row(record, item.columns))
        if merged:
            notes = (*notes, f"{item.name}: {merged} merged into others")
        tables = [TableRows(item.name, tuple(rows))]
        if item.name == "Opportunity":
            known = ((row.get("StageName"), stage_status(row)) for row in rows)
            tables = [*self._unlisted(known), *tables]
        return self._pulled(tables, gone, item.newest, notes, count=len(page.records))

    def _unlisted(self, named: Iterable[tuple[object, str]]) -> list[TableRows]:
        """Return the stages that records are in and that the list of stages does not have."""
        rows: list[Row] = []
        for name, status in named:
            if isinstance(name, str) and name not in self._stages:
                self._stages.add(name)
                rows.append(stage_row(name, status=status))
        return [TableRows(STAGES, tuple(rows))] if rows else []

    def _read_deletions(self, item: _Object, state: State, *, is_first: bool) -> Iterator[Pulled]:
        end = self._api.server_time or self._now
        start = parse_time(state.get("deleted_to"))
        if is_first or start is None:
            state["deleted_to"] = shown_time(end)
            return
        if not item.seen.is_replicated or end - start < timedelta(minutes=2):
            return
        notes: tuple[str, ...] = ()
        if end - start > _MEMORY:
            start = end - _MEMORY + timedelta(hours=1)
            notes = (f"{item.name}: deletions before {shown_time(start)} can no longer be known",)
        try:
            found = self._api.deleted(item.name, start, end)
        except Refused as error:
            if error.status != 400:
                raise
            yield self._pulled(notes=(*notes, f"{item.name}: no log of deletions: {error}"))
            return
        gone = [
            Gone(item.name, str(one["id"]), parse_time(one.get("deletedDate")))
            for one in found.get("deletedRecords") or ()
        ]
        for part in chunks(gone):
            yield self._pulled(gone=part, notes=notes, count=len(part))
            notes = ()
        covered = parse_time(found.get("latestDateCovered")) or end
        state["deleted_to"] = shown_time(min(covered, end))
        yield self._pulled(notes=notes)

    def _read_history(self, item: _Object) -> Iterator[Pulled]:
        state = self._states.setdefault(HISTORY, {})
        if not state.get("at"):
            yield from self._read_whole_history(item, state)
            return
        wanted = ", ".join(dict.fromkeys(("Id", "OpportunityId", item.stamp)))
        for page in self._pages(item, state, wanted, with_deleted=False):
            deals = dict.fromkeys(str(line["OpportunityId"]) for line in page.records)
            lines: list[Mapping[str, Any]] = []
            for part in chunks(deals, _DEALS_A_QUERY):
                quoted = ", ".join(f"'{_checked_id(deal)}'" for deal in part)
                lines += self._lines(item, f"WHERE OpportunityId IN ({quoted}) ")
            yield self._take_lines(lines, item.newest, count=len(page.records))
        yield self._finished(HISTORY, state)

    def _read_whole_history(self, item: _Object, state: State) -> Iterator[Pulled]:
        """Read deal by deal; the last deal of a page waits for the rest of its lines."""
        state["began"] = state.get("began") or shown_time(self._api.server_time or self._now)
        after = state.get("after_deal")
        where = f"WHERE OpportunityId > '{_checked_id(after)}' " if after else ""
        kept: list[Mapping[str, Any]] = []
        for page in self._api.query(self._history_query(item, where)):
            kept += page.records
            last = kept[-1]["OpportunityId"] if kept else None
            whole = [line for line in kept if line["OpportunityId"] != last]
            if whole:
                kept = kept[len(whole) :]
                state["after_deal"] = whole[-1]["OpportunityId"]
                yield self._take_lines(whole, None, count=len(whole))
        state.pop("after_deal", None)
        state["at"], state["began"] = state["began"], None
        yield self._take_lines(kept, None, count=len(kept))

    def _lines(self, item: _Object, where: str) -> list[Mapping[str, Any]]:
        query = self._history_query(item, where)
        return [line for page in self._api.query(query) for line in page.records]

    def _history_query(self, item: _Object, where: str) -> str:
        wanted = ", ".join(name for name in _LINE if name in item.seen.fields)
        order = "ORDER BY OpportunityId, CreatedDate, Id"
        return f"SELECT {wanted} FROM {HISTORY} {where}{order}"  # noqa: S608

    def _take_lines(
        self, lines: list[Mapping[str, Any]], newest: datetime | None, *, count: int
    ) -> Pulled:
        found: dict[str, list[Row]] = {name: [] for name in TRACKED}
        for name, change in changes_of(lines):
            found[name].append(change)
        stages = self._unlisted((line.get("StageName"), history_status(line)) for line in lines)
        tables = [TableRows(f"{HISTORY}:{name}", tuple(rows)) for name, rows in found.items()]
        return self._pulled([*stages, *tables], newest=newest, count=count)

    def _pulled(
        self,
        tables: Iterable[TableRows] = (),
        gone: Iterable[Gone] = (),
        newest: datetime | None = None,
        notes: tuple[str, ...] = (),
        *,
        count: int = 0,
    ) -> Pulled:
        self._done += count
        cursor: Cursor = {"objects": copy.deepcopy(self._states)}
        filled = tuple(table for table in tables if table.rows)
        return Pulled(
            cursor, tables=filled, gone=tuple(gone), newest_at=newest, done=self._done, notes=notes
        )


def _since(stamp: str, place: Place) -> str:
    order = f" ORDER BY {stamp}, Id"
    if place.since is None:
        return order
    at = shown_time(place.since)
    if place.after_id is None:
        return f" WHERE {stamp} >= {at}{order}"
    same = f"{stamp} = {at} AND Id > '{_checked_id(place.after_id)}'"
    return f" WHERE ({stamp} > {at} OR ({same})){order}"


def _is_there(column: str, seen: Description) -> bool:
    if column in NEEDS:
        return any(need in seen.fields for need in NEEDS[column])
    head, dot, _rest = column.partition(".")
    return head in seen.relations if dot else column in seen.fields


def _wanted(item: _Object, always: tuple[str, ...]) -> str:
    names: dict[str, None] = dict.fromkeys(one for one in always if one in item.seen.fields)
    for column in item.columns:
        needs = NEEDS.get(column, (column,))
        names |= dict.fromkeys(need for need in needs if _is_there(need, item.seen))
    return ", ".join(names)


def _read_columns(item: _Object) -> str:
    own = ("IsClosed", "IsWon") if item.name == "Opportunity" else ()
    return _wanted(item, ("Id", item.stamp, "IsDeleted", "MasterRecordId", *own))


def _checked_id(text: object) -> str:
    """Return an id for use in a query. Raises TransientError if it is none."""
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise TransientError(f"Salesforce gave {text!r} as an id; try again")
    return text
