"""Changes to HubSpot: one record, or a task or note that is found again by its mark."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, time
from decimal import Decimal
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from crm.errors import BadInput, NotFound
from ingest.mail.html import html_to_text
from ingest.sources.hubspot_api import HubspotApi
from ingest.sources.hubspot_rows import LINKED, flat_row, needed_properties
from ingest.sources.rest import Refused
from ingest.sources.writing import (
    WRITE_PACING,
    Cell,
    ColumnKind,
    ColumnShape,
    Entry,
    Kept,
    Refusals,
    RemoteRow,
)

LABEL = "HubSpot"
TASKS, NOTES = "tasks", "notes"
_STAGE = "dealstage"
_DUE_AT = time(8)
_LONGEST_BODY = 65_536
# HubSpot's own types of association, from an entry to what it is about.
_ASSOCIATIONS = {
    (TASKS, "contacts"): 204, (TASKS, "companies"): 192, (TASKS, "deals"): 216,
    (NOTES, "contacts"): 202, (NOTES, "companies"): 190, (NOTES, "deals"): 214,
}  # fmt: skip
_KINDS = {
    "string": ColumnKind.TEXT,
    "phone_number": ColumnKind.TEXT,
    "number": ColumnKind.NUMBER,
    "enumeration": ColumnKind.CHOICE,
    "date": ColumnKind.DATE,
    "datetime": ColumnKind.MOMENT,
}


class HubspotWriter:
    """One connection; `mark_field` is a property of tasks and notes that holds marks, if any.

    Without it a mark is the last line of the text. It is looked for among the entries that the
    record is associated with, since HubSpot's search lags behind its records.
    """

    def __init__(
        self,
        api: HubspotApi,
        refusals: Refusals,
        *,
        currency: str | None,
        zone: ZoneInfo,
        mark_field: str | None,
    ) -> None:
        self._api, self._refusals = api, refusals
        self._currency, self._zone, self._mark_field = currency, zone, mark_field

    def shapes(self, name: str, columns: Sequence[str]) -> Mapping[str, ColumnShape]:
        """Return what the properties' descriptions say."""
        found = {}
        for column in columns:
            with self._explained(f"the property {column} of {name}"):
                found[column] = _shape(self._api.property_details(name, column))
        return found

    def read(self, name: str, record_id: str, columns: Sequence[str]) -> RemoteRow:
        """Return the record; HubSpot has no conditional changes, so it has no version."""
        own = [column for column in columns if column not in LINKED]
        with self._explained(f"{name} {record_id}"):
            record = self._api.record(name, record_id, needed_properties(name, own))
            if "_currency" in own and self._currency is None:
                self._currency = self._api.currency()
        if str(record.get("id")) != record_id:
            raise NotFound(f"{name} {record_id} was merged into {record.get('id')} in {LABEL}")
        return RemoteRow(flat_row(name, record, own, {}, self._currency))

    def change(
        self, name: str, record_id: str, cells: Mapping[str, Cell], *, version: str | None
    ) -> None:
        """Change the record."""
        values = {column: _text(cell) for column, cell in cells.items()}
        with self._explained(f"{name} {record_id}"):
            if name == "deals" and _STAGE in values:
                self._check_pipeline(record_id, values[_STAGE])
            self._api.change(name, record_id, values)

    def find_entry(self, entry: Entry) -> Kept | None:
        """Return the task or note that has the mark, among those of the record."""
        kind = _kind(entry)
        about, record_id = entry.links[0]
        body_field = _body_field(kind)
        fields = [body_field, *([self._mark_field] if self._mark_field else [])]
        with self._explained(f"the {kind} of {about} {record_id}"):
            ids = self._api.linked(about, record_id, kind)
            rows = self._api.records(kind, ids, fields) if ids else []
        for row in rows:
            values = row.get("properties") or {}
            if entry.mark in str(values.get(self._mark_field or body_field) or ""):
                return Kept(str(row["id"]), _plain(values.get(body_field)))
        return None

    def make_entry(self, entry: Entry) -> Kept:
        """Make the task (to do at eight of the day) or the note, associated at once."""
        kind = _kind(entry)
        lines = (entry.body or "").splitlines()
        values = {self._mark_field: entry.mark} if self._mark_field else {}
        if not self._mark_field:
            lines += [f"[copilot {entry.mark}]"]
        if kind == NOTES:
            lines = [entry.subject, *lines]
        else:
            values |= {"hs_task_subject": entry.subject, "hs_task_status": "NOT_STARTED"}
            values["hs_task_type"] = "TODO"
        body = "<br>".join(escape(line) for line in lines)
        values |= {"hs_timestamp": self._moment(entry), _body_field(kind): body}
        if entry.owner_id:
            values["hubspot_owner_id"] = entry.owner_id
        with self._explained(f"the new one of {kind}"):
            made = self._api.make(kind, values, [_association(kind, *end) for end in entry.links])
        return Kept(made, _plain(body))

    def _check_pipeline(self, deal_id: str, stage: str) -> None:
        """Refuse a stage of another pipeline: the deal would stand in one and be in the other."""
        held = self._api.record("deals", deal_id, [_STAGE])["properties"].get(_STAGE)
        for pipeline in self._api.pipelines("deals"):
            stages = {str(one["id"]) for one in pipeline.get("stages") or ()}
            if held in stages and stage not in stages:
                raise BadInput(
                    f"the stage {stage!r} is not of the pipeline {pipeline.get('label')!r}, in "
                    f"which the deal is: move it there in {LABEL}"
                )

    def _moment(self, entry: Entry) -> str:
        if entry.made_at is not None:
            moment = entry.made_at
        elif entry.due_on is not None:
            moment = datetime.combine(entry.due_on, _DUE_AT, self._zone)
        else:
            raise BadInput(f"a task in {LABEL} needs a day: give due_on")
        stamp = moment.astimezone(UTC).isoformat(timespec="milliseconds")
        return stamp.replace("+00:00", "Z")

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except Refused as error:
            raise self._refusals.explain(error, what) from error


@contextmanager
def open_writer(
    base_url: str,
    token: str,
    *,
    currency: str | None,
    zone: str,
    mark_field: str | None,
    secret: str,
) -> Iterator[HubspotWriter]:
    """Yield a connection that may write; `secret` is the name of the token's secret."""
    refusals = Refusals(LABEL, secret, rights=frozenset({"MISSING_SCOPES"}))
    with closing(HubspotApi(base_url, token, pacing=WRITE_PACING)) as api:
        yield HubspotWriter(
            api, refusals, currency=currency, zone=ZoneInfo(zone), mark_field=mark_field
        )


def has_id(external_id: str) -> bool:
    """Say whether this can be an id of HubSpot's."""
    return external_id.isascii() and external_id.isdigit()


def check_entry(entry: Entry) -> None:
    """Refuse a task or note that HubSpot cannot keep. Raises BadInput."""
    if not entry.is_note and entry.due_on is None:
        raise BadInput(f"a task in {LABEL} needs a day: give due_on")
    if len(escape(entry.body or "")) + 200 > _LONGEST_BODY:
        raise BadInput(f"the text is longer than the 65,536 characters that {LABEL} takes")
    kind = _kind(entry)
    for about, _record_id in entry.links:
        if (kind, about) not in _ASSOCIATIONS:
            raise BadInput(f"{LABEL} ties no {kind} to {about!r}: name a deal, contact or account")


def _shape(detail: Mapping[str, Any]) -> ColumnShape:
    kind = _KINDS.get(str(detail.get("type")), ColumnKind.OTHER)
    rights = detail.get("modificationMetadata") or {}
    is_fixed = bool(rights.get("readOnlyValue")) or bool(detail.get("calculated"))
    listed = () if detail.get("externalOptions") else detail.get("options") or ()
    choices = tuple(str(one["value"]) for one in listed) if kind is ColumnKind.CHOICE else ()
    return ColumnShape(kind, not is_fixed, choices)


def _text(cell: Cell) -> str:
    """HubSpot writes everything as text; the empty text empties a property."""
    if cell is None:
        return ""
    return f"{cell:f}" if isinstance(cell, Decimal) else cell


def _kind(entry: Entry) -> str:
    return NOTES if entry.is_note else TASKS


def _body_field(kind: str) -> str:
    return "hs_note_body" if kind == NOTES else "hs_task_body"


def _plain(body: object) -> str | None:
    text = str(body or "")
    return (html_to_text(text) if "<" in text else text) or None


def _association(kind: str, about: str, record_id: str) -> Mapping[str, object]:
    types = [
        {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": _ASSOCIATIONS[kind, about]}
    ]
    return {"to": {"id": record_id}, "types": types}
