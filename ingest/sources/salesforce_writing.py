"""Changes to Salesforce: one record, conditionally, or a task that is found again by its mark."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

from crm.errors import BadInput, NotFound, PermanentError
from ingest.sources.places import parse_time
from ingest.sources.rest import Refused
from ingest.sources.salesforce_api import Login, SalesforceApi
from ingest.sources.salesforce_rows import NEEDS, flat_row
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

LABEL = "Salesforce"
_ID = re.compile(r"[0-9A-Za-z]{1,18}")
_FIELD = re.compile(r"[A-Za-z]\w{0,79}")
_MODIFIED = "LastModifiedDate"
_LONGEST_SUBJECT, _LONGEST_BODY = 255, 32_000
_KINDS = {
    **dict.fromkeys(("string", "textarea", "email", "phone", "url", "combobox"), ColumnKind.TEXT),
    **dict.fromkeys(("double", "currency", "percent", "int", "long"), ColumnKind.NUMBER),
    "picklist": ColumnKind.CHOICE,
    "date": ColumnKind.DATE,
    "datetime": ColumnKind.MOMENT,
}
_RIGHTS = frozenset(
    {
        "INVALID_FIELD_FOR_INSERT_UPDATE", "INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS",
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "API_DISABLED_FOR_ORG", "INVALID_FIELD", "INVALID_TYPE",
    }
)  # fmt: skip


class SalesforceWriter:
    """One connection; `mark_field` is a text field of activities that holds marks, if there is one.

    Without it a mark stands in the last line of the task's comments, which no query can filter by:
    the tasks of the record are read and looked at.
    """

    def __init__(self, api: SalesforceApi, refusals: Refusals, mark_field: str | None) -> None:
        self._api, self._refusals, self._mark_field = api, refusals, mark_field
        self._details: dict[str, Mapping[str, Mapping[str, Any]]] = {}

    def shapes(self, name: str, columns: Sequence[str]) -> Mapping[str, ColumnShape]:
        """Return what the object's description says of the columns that we may see."""
        details = self._described(name)
        return {column: _shape(details[column]) for column in columns if column in details}

    def read(self, name: str, record_id: str, columns: Sequence[str]) -> RemoteRow:
        """Return the record; its version is the HTTP date of its last change."""
        details = self._described(name)
        wanted = dict.fromkeys(["Id"])
        for column in (*columns, _MODIFIED):
            needs = NEEDS.get(column, (column,))
            wanted |= dict.fromkeys(need for need in needs if need in details)
        with self._explained(f"{name} {record_id}"):
            record = self._api.row(name, record_id, list(wanted))
        if record.get("IsDeleted"):
            raise NotFound(f"{name} {record_id} is in the recycle bin of {LABEL}")
        changed_at = parse_time(record.get(_MODIFIED)) or self._api.server_time
        version = format_datetime(changed_at.astimezone(UTC), usegmt=True) if changed_at else None
        return RemoteRow(flat_row(record, columns), version)

    def change(
        self, name: str, record_id: str, cells: Mapping[str, Cell], *, version: str | None
    ) -> None:
        """Change the record unless it was changed since `version`."""
        if version is None:
            raise PermanentError(
                f"{LABEL} tells no time of the last change of {name} {record_id}: give our user "
                f"the right to read {_MODIFIED}"
            )
        values = {column: _json(cell) for column, cell in cells.items()}
        with self._explained(f"{name} {record_id}"):
            self._api.change(name, record_id, values, unmodified_since=version)

    def find_entry(self, entry: Entry) -> Kept | None:
        """Return the task that has the mark, among those of the record it is linked to."""
        fields = ["Id", "Description", *([self._mark_field] if self._mark_field else [])]
        where = f"{_link_column(entry.links[0][0])} = '{_checked(entry.links[0][1])}'"
        if self._mark_field:
            where = f"{self._mark_field} = '{_checked(entry.mark, re.compile('[0-9a-f]+'))}'"
        soql = f"SELECT {', '.join(fields)} FROM Task WHERE {where}"  # noqa: S608
        with self._explained("the search for tasks"):
            for page in self._api.query(soql):
                for row in page.records:
                    body = row.get("Description")
                    marked = row.get(self._mark_field) if self._mark_field else body
                    if entry.mark in str(marked or ""):
                        return Kept(str(row["Id"]), body)
        return None

    def make_entry(self, entry: Entry) -> Kept:
        """Make the task, done or to do."""
        body = entry.body
        values: dict[str, object] = {
            "Subject": entry.subject,
            "Status": "Completed" if entry.is_note else "Not Started",
        }
        for name, external_id in entry.links:
            values.setdefault(_link_column(name), external_id)
        if entry.owner_id:
            values["OwnerId"] = entry.owner_id
        day = entry.due_on or (entry.made_at.date() if entry.made_at else None)
        if day is not None:
            values["ActivityDate"] = day.isoformat()
        if self._mark_field:
            values[self._mark_field] = entry.mark
        else:
            body = "\n\n".join(part for part in (entry.body, _line(entry.mark)) if part)
        if body:
            values["Description"] = body
        with self._explained("the new task"):
            return Kept(self._api.make("Task", values), body)

    def _described(self, name: str) -> Mapping[str, Mapping[str, Any]]:
        if name not in self._details:
            with self._explained(f"the object {name}"):
                self._details[name] = self._api.field_details(name)
        return self._details[name]

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except Refused as error:
            raise self._refusals.explain(error, what) from error


@contextmanager
def open_writer(
    login: Login, *, version: str, most_use: float, mark_field: str | None, secret: str
) -> Iterator[SalesforceWriter]:
    """Yield a connection that may write; `secret` is the name of what it logs in with.

    Raises PermanentError where the login is refused.
    """
    refusals = Refusals(
        LABEL,
        secret,
        rights=_RIGHTS,
        gone=frozenset({"NOT_FOUND", "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"}),
        locked=frozenset({"UNABLE_TO_LOCK_ROW"}),
    )
    try:
        api = SalesforceApi(login, version=version, most_use=most_use, pacing=WRITE_PACING)
    except PermanentError as error:
        raise refusals.login(error) from error
    with closing(api):
        yield SalesforceWriter(api, refusals, mark_field)


def has_id(external_id: str) -> bool:
    """Say whether this can be an id of Salesforce's."""
    return _ID.fullmatch(external_id) is not None


def check_entry(entry: Entry) -> None:
    """Refuse a task that Salesforce cannot keep. Raises BadInput."""
    if len(entry.subject) > _LONGEST_SUBJECT:
        raise BadInput(
            f"the subject has {len(entry.subject)} characters: {LABEL} takes {_LONGEST_SUBJECT}"
        )
    if len(entry.body or "") > _LONGEST_BODY - len(_line(entry.mark)) - 2:
        raise BadInput(f"the text has {len(entry.body or '')} characters: {LABEL} takes 32,000")


def check_field_name(name: str) -> str:
    """Return the name of a field. Raises ValueError for what is none."""
    if not _FIELD.fullmatch(name):
        raise ValueError(f"expected the name of a field such as Copilot_Mark__c, got {name!r}")
    return name


def _shape(detail: Mapping[str, Any]) -> ColumnShape:
    kind = _KINDS.get(str(detail.get("type")), ColumnKind.OTHER)
    is_closed = kind is ColumnKind.CHOICE and detail.get("restrictedPicklist")
    listed = detail.get("picklistValues") or () if is_closed else ()
    choices = tuple(str(one["value"]) for one in listed if one.get("active", True))
    return ColumnShape(kind, bool(detail.get("updateable", False)), choices)


def _json(cell: Cell) -> str | int | float | None:
    if not isinstance(cell, Decimal):
        return cell
    if cell == cell.to_integral_value():
        return int(cell)
    number = float(cell)
    if Decimal(repr(number)) != cell:
        raise BadInput(f"{cell:f} has more digits than a number on the wire keeps exactly")
    return number


def _link_column(name: str) -> str:
    return "WhoId" if name in ("Contact", "Lead") else "WhatId"


def _line(mark: str) -> str:
    return f"[copilot {mark}]"


def _checked(text: str, shape: re.Pattern[str] = _ID) -> str:
    if not shape.fullmatch(text):
        raise BadInput(f"{text!r} is no id of {LABEL}: sync the source again")
    return text
