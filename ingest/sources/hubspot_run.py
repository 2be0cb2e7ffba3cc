"""One reading of a HubSpot account: lists at first, then searches by time of change."""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from crm.errors import PermanentError
from ingest.crm.mapping import Mapping as FieldsMapping
from ingest.sources.hubspot_api import HubspotApi, Page
from ingest.sources.hubspot_rows import (
    LINKED,
    MERGED,
    TRACKED,
    Row,
    changes_of,
    flat_row,
    needed_properties,
    owner_row,
    stage_rows,
)
from ingest.sources.places import next_place, parse_time, shown_time
from ingest.sources.records import objects_of
from ingest.sources.rest import Refused
from ingest.sources.source import Gone, Pulled, TableRows

PORTION = 500
_MODIFIED = {"contacts": "lastmodifieddate"}
_STAGED = frozenset({"leads", "tickets"})

Given = Mapping[str, Any]
State = dict[str, Any]


class HubspotRun:
    """Reads everything that the mapping names."""

    def __init__(
        self,
        api: HubspotApi,
        mapping: FieldsMapping,
        cursor: Given,
        *,
        currency: str | None,
        overlap: timedelta,
        now: datetime,
    ) -> None:
        self._api, self._overlap, self._now = api, overlap, now
        self._objects = objects_of(mapping)
        self._currency = currency
        self._states: dict[str, State] = copy.deepcopy(dict(cursor.get("objects", {})))
        self._stages: frozenset[str] = frozenset()
        self._labels: dict[str, dict[str, str]] = {}
        self._done = 0

    def portions(self) -> Iterator[Pulled]:
        """Yield the portions, people before companies before deals."""
        self._currency = self._currency or self._company_currency()
        for name, columns in self._objects.items():
            try:
                if name == "pipelines:deals":
                    yield self._read_stages()
                elif name == "owners":
                    yield from self._read_owners()
                elif ":" not in name:
                    yield from self._read(name, columns)
            except Refused as error:
                # A right or a product that the account lacks; the rest can be read.
                if error.status not in (403, 404):
                    raise
                yield self._pulled(notes=(f"{name}: left out: {error}",))

    def _company_currency(self) -> str:
        try:
            found = self._api.currency()
        except Refused as error:
            if error.status == 401:
                raise
            found = None
        if found is None:
            raise PermanentError(
                "HubSpot does not tell the company's currency: set `currency`, such as USD"
            )
        return found

    def _read_stages(self) -> Pulled:
        rows = stage_rows(self._api.pipelines("deals"))
        self._stages = frozenset(str(row["id"]) for row in rows)
        return self._pulled([TableRows("pipelines:deals", tuple(rows))], count=len(rows))

    def _read_owners(self) -> Iterator[Pulled]:
        for archived in (True, False):
            for page in self._api.owners(archived=archived):
                rows = tuple(owner_row(one, is_active=not archived) for one in page.records)
                yield self._pulled([TableRows("owners", rows)], count=len(rows))

    def _read(self, name: str, columns: Sequence[str]) -> Iterator[Pulled]:
        state = self._states.setdefault(name, {})
        if name in _STAGED and "_stage" in columns:
            stages = [one for line in self._api.pipelines(name) for one in line.get("stages") or ()]
            self._labels[name] = {str(one["id"]): str(one.get("label")) for one in stages}
        if not state.get("at"):
            yield from self._read_list(name, columns, state)
            return
        yield from self._read_archived(name, state)
        yield from self._read_news(name, columns, state)

    def _read_list(self, name: str, columns: Sequence[str], state: State) -> Iterator[Pulled]:
        """Read everything once, in order of ids; what changes meanwhile is news afterwards."""
        state["began"] = state.get("began") or shown_time(self._time())
        properties = self._properties(name, columns)
        kept: list[Given] = []
        for page in self._api.listed(name, properties, state.get("list_after")):
            kept += page.records
            if page.after and len(kept) >= PORTION:
                state["list_after"] = page.after
                yield self._take(name, columns, kept)
                kept = []
        state.pop("list_after", None)
        state["at"] = state["archived_to"] = state["began"]
        state["began"] = None
        yield self._take(name, columns, kept)

    def _read_archived(self, name: str, state: State) -> Iterator[Pulled]:
        began = self._time()
        since = (parse_time(state.get("archived_to")) or began) - self._overlap
        for page in self._api.listed(name, (), None, archived=True):
            gone = []
            for record in page.records:
                at = parse_time(record.get("archivedAt"))
                if at is None or at >= since:
                    gone.append(Gone(name, str(record["id"]), at))
            if gone:
                yield self._pulled(gone=gone, count=len(gone))
        state["archived_to"] = shown_time(began)

    def _read_news(self, name: str, columns: Sequence[str], state: State) -> Iterator[Pulled]:
        place = next_place(state, self._overlap)
        state["began"] = shown_time(self._time())
        stamp = _modified(name)
        properties = self._properties(name, columns)
        kept: list[Given] = []
        newest: datetime | None = None
        for record in self._changed(name, properties, place.since or self._now):
            kept.append(record)
            if len(kept) >= PORTION:
                newest = self._move(state, kept[-1], stamp)
                yield self._take(name, columns, kept, newest)
                kept = []
        if kept:
            newest = self._move(state, kept[-1], stamp)
        state["began"] = None
        yield self._take(name, columns, kept, newest)

    def _changed(self, name: str, properties: Sequence[str], since: datetime) -> Iterator[Given]:
        """Yield what changed since a time, oldest first, however much it is.

        Each search begins at the time of the last record, for two reasons: a search refuses to
        page beyond 10,000 records, and a record that changes meanwhile moves to the end, by which
        those behind it would slip through between two pages. Where more share one millisecond
        than a page holds, they are told apart by their ids.
        """
        stamp, start = _modified(name), _ms(since)
        known: set[str] = set()
        while True:
            page = self._search(name, properties, [(stamp, "GTE", start)], stamp)
            times = [_ms_of(record, stamp) or start for record in page.records]
            yield from (one for one in page.records if str(one["id"]) not in known)
            if page.after is None or not times:
                return
            last = max(times)
            if last <= start:
                yield from self._of_one_moment(name, properties, start)
                start, known = start + 1, set()
            else:
                ends = zip(page.records, times, strict=True)
                start, known = last, {str(one["id"]) for one, at in ends if at == last}

    def _of_one_moment(self, name: str, properties: Sequence[str], at: int) -> Iterator[Given]:
        last_id = 0
        while True:
            tests = [(_modified(name), "EQ", at), ("hs_object_id", "GT", last_id)]
            page = self._search(name, properties, tests, "hs_object_id")
            yield from page.records
            reached = max((int(record["id"]) for record in page.records), default=last_id)
            if page.after is None or reached <= last_id:
                return
            last_id = reached

    def _search(
        self, name: str, properties: Sequence[str], tests: list[tuple[str, str, int]], order: str
    ) -> Page:
        filters = [
            {"propertyName": one, "operator": sign, "value": str(value)}
            for one, sign, value in tests
        ]
        return self._api.search(
            name,
            {
                "filterGroups": [{"filters": filters}],
                "sorts": [{"propertyName": order, "direction": "ASCENDING"}],
                "properties": list(properties),
            },
        )

    def _move(self, state: State, last: Given, stamp: str) -> datetime | None:
        at = parse_time((last.get("properties") or {}).get(stamp))
        if at is not None:
            # A stamp from the future must not hide what comes until then.
            state["at"] = shown_time(min(at, self._time()))
        return at

    def _take(
        self,
        name: str,
        columns: Sequence[str],
        records: Sequence[Given],
        newest: datetime | None = None,
    ) -> Pulled:
        labels = self._labels.get(name, {})
        rows = [flat_row(name, one, columns, labels, self._currency) for one in records]
        ids = [str(row["id"]) for row in rows]
        for column, other in LINKED.items():
            if column in columns and ids:
                links = self._api.links(name, other, ids)
                for row in rows:
                    row[column] = next((one for one, _label in links.get(row["id"], ())), None)
        notes: list[str] = []
        tables = [TableRows(name, tuple(rows))]
        if name == "deals" and ids:
            tables += [*self._histories(ids, notes), *self._roles(ids)]
        gone = [Gone(name, old) for row in rows for old in _merged(row)]
        if gone:
            notes.append(f"{name}: {len(gone)} merged into others")
        return self._pulled(tables, gone, newest, tuple(notes), count=len(rows))

    def _histories(self, ids: Sequence[str], notes: list[str]) -> Iterator[TableRows]:
        wanted = [one for one in TRACKED if f"deals:{one}" in self._objects]
        histories = self._api.histories("deals", wanted, ids) if wanted else {}
        for name in wanted:
            rows: list[Row] = []
            lost = 0
            for deal, versions in histories.items():
                listed = [one for one in versions.get(name) or () if self._is_known(name, one)]
                lost += len(versions.get(name) or ()) - len(listed)
                rows += changes_of(deal, name, listed)
            if lost:
                notes.append(f"deals: {lost} changes to stages that are no more, left out")
            yield TableRows(f"deals:{name}", tuple(rows))

    def _is_known(self, name: str, version: Given) -> bool:
        return name != "dealstage" or str(version.get("value")) in self._stages

    def _roles(self, ids: Sequence[str]) -> Iterator[TableRows]:
        if "deals:contacts" not in self._objects:
            return
        rows = [
            {"id": f"{deal}:{contact}", "deal": deal, "contact": contact, "role": label or None}
            for deal, ends in self._api.links("deals", "contacts", ids).items()
            for contact, label in ends
        ]
        yield TableRows("deals:contacts", tuple(rows))

    def _properties(self, name: str, columns: Sequence[str]) -> list[str]:
        return [*needed_properties(name, columns), _modified(name)]

    def _time(self) -> datetime:
        return self._api.server_time or self._now

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
        filled = tuple(table for table in tables if table.rows)
        return Pulled(
            {"objects": copy.deepcopy(self._states)},
            tables=filled,
            gone=tuple(gone),
            newest_at=newest,
            done=self._done,
            notes=notes,
        )


def _modified(name: str) -> str:
    return _MODIFIED.get(name, "hs_lastmodifieddate")


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _ms_of(record: Given, stamp: str) -> int | None:
    moment = parse_time((record.get("properties") or {}).get(stamp))
    return None if moment is None else _ms(moment)


def _merged(row: Row) -> list[str]:
    listed = str(row.get(MERGED) or "")
    return [one.strip() for one in listed.split(";") if one.strip() and one.strip() != row["id"]]
