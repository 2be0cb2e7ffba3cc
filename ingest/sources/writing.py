"""What writing to a connected CRM is: a record is read, changed, or gets an entry."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, runtime_checkable

from crm.errors import BadInput, CopilotError, NotFound, PermanentError
from ingest.crm.mapping import Mapping as FieldsMapping
from ingest.sources.pacing import Busy, Pacing
from ingest.sources.rest import Refused

# All requests of one change together end well before another process may take it up.
WRITE_PACING = Pacing(attempts=3, first_wait_s=1.0, longest_wait_s=20.0, timeout_s=20.0)
_SHOWN_CHOICES = 12

Cell = str | Decimal | None
"""A value as the CRM holds it, before it becomes JSON."""


class ColumnKind(StrEnum):
    """What a field of the CRM holds."""

    TEXT = "text"
    CHOICE = "choice"
    NUMBER = "number"
    DATE = "date"
    MOMENT = "moment"
    OTHER = "other"


@dataclass(frozen=True)
class ColumnShape:
    """A field of the CRM; `choices` are the values that a closed list has, empty for any."""

    kind: ColumnKind
    is_writable: bool = True
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class RemoteRow:
    """A record as the CRM holds it now; `version` is what a conditional change names."""

    values: Mapping[str, object]
    version: str | None = None


@dataclass(frozen=True)
class Entry:
    """A task to do, or a note of what was done, with the ids that it has in the CRM.

    `links` are the CRM's own names of objects and ids, the one that it is looked for at first.
    `mark` is found again in what the CRM keeps. `made_at` is when a note is made.
    """

    subject: str
    body: str | None
    mark: str
    links: tuple[tuple[str, str], ...]
    owner_id: str | None = None
    due_on: date | None = None
    is_note: bool = False
    made_at: datetime | None = None


@dataclass(frozen=True)
class Kept:
    """An entry as the CRM keeps it: its id, and the text, in which the mark may stand."""

    id: str
    body: str | None


class Conflict(BadInput):
    """The record was changed between our reading and our writing: nothing was written."""


class RecordWriter(Protocol):
    """An open connection that may write.

    Its methods raise NotFound for what is gone, BadInput for what the CRM refuses for good,
    PermanentError for a missing right or a refused login, and TransientError where it is out of
    reach: a change or an entry may then have been made or not.
    """

    def shapes(self, name: str, columns: Sequence[str]) -> Mapping[str, ColumnShape]:
        """Return what is known of fields of an object; what may not be seen is left out."""
        ...

    def read(self, name: str, record_id: str, columns: Sequence[str]) -> RemoteRow:
        """Return the record's columns as a sync gets them."""
        ...

    def change(
        self, name: str, record_id: str, cells: Mapping[str, Cell], *, version: str | None
    ) -> None:
        """Change these fields of the record at once. Raises Conflict where the CRM can tell."""
        ...

    def find_entry(self, entry: Entry) -> Kept | None:
        """Return the entry with this mark, None if the record has none."""
        ...

    def make_entry(self, entry: Entry) -> Kept:
        """Make the entry."""
        ...


@runtime_checkable
class WritableSource(Protocol):
    """A connected CRM that changes may be written to, if its configuration says so."""

    name: str
    kind: str
    mapping: FieldsMapping

    @property
    def may_write(self) -> bool:
        """Say whether the configuration has `write: true`."""
        ...

    @property
    def label(self) -> str:
        """The CRM's name for people."""
        ...

    def has_id(self, external_id: str) -> bool:
        """Say whether this is an id of the CRM's, rather than a key that we made."""
        ...

    def writer(self) -> AbstractContextManager[RecordWriter]:
        """Open a connection that may write; it is closed with the context."""
        ...

    def check_entry(self, entry: Entry) -> None:
        """Refuse an entry that this CRM cannot keep. Raises BadInput."""
        ...


@dataclass(frozen=True)
class Refusals:
    """How a CRM says no: its codes for what we tell apart, and the secret it was asked with."""

    label: str
    secret: str
    rights: frozenset[str] = field(default=frozenset())
    gone: frozenset[str] = field(default=frozenset())
    locked: frozenset[str] = field(default=frozenset())

    def explain(self, error: Refused, what: str) -> CopilotError:
        """Return what a refusal means for who asked; `what` is named in the message."""
        said = f"{self.label} refuses {what}: {error}"
        if error.status == 401:
            return self.login(error)
        if error.status in (404, 410) or error.code in self.gone:
            return NotFound(f"{what} is no longer in {self.label}, or not for us: sync and look")
        if error.status == 403 or error.code in self.rights:
            return PermanentError(
                f"{said}; give our user the right to change it (object and field-level security)"
            )
        if error.code in self.locked:
            return Busy(f"{said}; somebody is at it, try again later", is_untouched=True)
        if error.status in (409, 412):
            return Conflict(f"{what} was changed in {self.label} meanwhile: nothing was written")
        return BadInput(f"{said}; nothing was written")

    def login(self, error: CopilotError) -> PermanentError:
        """Return the error for a login that is refused, naming the secret to renew."""
        return PermanentError(
            f"{self.label} refuses us ({error}): renew the secret {self.secret!r}; nothing was"
            " written"
        )


def cell_for(column: str, value: object, shape: ColumnShape, zone: tzinfo) -> Cell:
    """Return the value as a field of this shape holds it.

    Raises BadInput if it cannot, PermanentError for a field that we may not change.
    """
    if not shape.is_writable:
        raise PermanentError(
            f"the field {column!r} is read-only for us: give our user the right to edit it"
            " (field-level security), unless the CRM works it out itself"
        )
    if value is None:
        return None
    match shape.kind, value:
        case ColumnKind.DATE, date():
            return value.isoformat()
        case ColumnKind.MOMENT, date():
            return datetime.combine(value, time(), zone).astimezone(UTC).isoformat()
        case ColumnKind.NUMBER, Decimal() | int():
            return Decimal(value)
        case ColumnKind.CHOICE, str() if shape.choices and value not in shape.choices:
            some = ", ".join(map(repr, shape.choices[:_SHOWN_CHOICES]))
            raise BadInput(f"{value!r} is not among the values of {column!r}: {some}")
        case ((ColumnKind.TEXT | ColumnKind.CHOICE), (str() | int() | Decimal() | date())):
            return f"{value:f}" if isinstance(value, Decimal) else str(value)
    raise BadInput(f"the field {column!r} cannot hold {str(value)!r} (it is a {shape.kind} there)")
