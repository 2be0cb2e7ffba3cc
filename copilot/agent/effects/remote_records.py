"""Changed fields of a record, as a change of the CRM that it came from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from copilot.agent.approvals.effects import Payload
from copilot.agent.effects.changing import change_fields
from copilot.agent.effects.fields import (
    FIELDS,
    MODELS,
    Record,
    find_record,
    read_field,
    same_value,
    show_field,
)
from copilot.agent.effects.writing_back import Remote
from crm.errors import BadInput, NotFound
from crm.models import Account, Contact, FieldProposal, Lead, Opportunity, ProposalStatus
from crm.models.base import Sourced
from crm.principal import Principal
from ingest.sources.remote_fields import RemoteFields, Setting, is_same
from ingest.sources.writing import Conflict, RecordWriter, WritableSource


@dataclass(frozen=True)
class Change:
    """One field from what the approver was shown to what he approved, as people write it."""

    before: str | None
    after: str | None


class FieldsPlanner:
    """Plans payloads that change fields; `changes` are those of a payload, empty for none."""

    def __init__(
        self,
        changes: Callable[[Payload], Mapping[str, Change]],
        settled: Callable[[Session, Payload], None] = lambda _session, _payload: None,
    ) -> None:
        self._changes, self._settled = changes, settled

    def about(self, session: Session, payload: Payload, principal: Principal) -> Sourced | None:
        """Return the record whose fields are changed."""
        if not self._changes(payload):
            return None
        return find_record(session, payload.get("entity"), payload.get("entity_id"), principal)

    def plan(
        self, session: Session, payload: Payload, source: WritableSource, principal: Principal
    ) -> Remote:
        """Return the change of the record in its CRM."""
        entity = str(payload.get("entity"))
        row = find_record(session, entity, payload.get("entity_id"), principal)
        fields = RemoteFields(session, source, row.__tablename__)
        changes = self._changes(payload)
        before, after = (
            [_setting(session, entity, row, name, text) for name, text in texts]
            for texts in (
                [(name, one.before) for name, one in changes.items()],
                [(name, one.after) for name, one in changes.items()],
            )
        )
        return _Plan(
            source=source,
            fields=fields,
            entity=entity,
            row_id=row.id,
            remote_id=row.external_id,
            currency=row.currency if isinstance(row, Account | Opportunity) else None,
            changes=changes,
            before=before,
            after=after,
            settled=lambda session: self._settled(session, payload),
        )


@dataclass(frozen=True)
class _Plan:
    """A change of one record; `before` and `after` are values as we store them."""

    source: WritableSource
    fields: RemoteFields
    entity: str
    row_id: int
    remote_id: str
    currency: str | None
    changes: Mapping[str, Change]
    before: list[Setting]
    after: list[Setting]
    settled: Callable[[Session], None]

    def check(self) -> None:
        """Refuse what the mapping cannot lead back."""
        self.fields.check(self.after, currency=self.currency)

    def find(self, writer: RecordWriter, *, key: str) -> dict[str, Any] | None:
        """Return the result if the record has the approved values, whoever wrote them."""
        row = writer.read(self.fields.object, self.remote_id, self.fields.columns)
        held = self.fields.read(row.values)
        return self._told() if self._holds(held, self.after) else None

    def write(
        self, writer: RecordWriter, *, key: str, now: datetime, begin: Callable[[], None]
    ) -> dict[str, Any]:
        """Change the record if it still is what the approver was shown."""
        name = self.fields.object
        row = writer.read(name, self.remote_id, self.fields.columns)
        held = self.fields.read(row.values)
        self._check_unchanged(held)
        shapes = writer.shapes(name, self.fields.columns_of(self.after))
        cells = self.fields.cells(row.values, self.after, shapes, currency=self.currency)
        begin()
        try:
            writer.change(name, self.remote_id, cells, version=row.version)
        except Conflict:
            if self.find(writer, key=key) is None:
                raise
        return self._told()

    def settle(
        self, session: Session, result: dict[str, Any], *, key: str, now: datetime
    ) -> dict[str, Any]:
        """Change our copy where it still holds the old value; a sync may have been faster."""
        row = session.get(MODELS[self.entity], self.row_id, populate_existing=True)
        self.settled(session)
        if not isinstance(row, Account | Contact | Lead | Opportunity):
            return result
        try:
            values = {
                name: change.after
                for name, change in self.changes.items()
                if same_value(show_field(session, self.entity, row, name), change.before)
            }
            change_fields(
                session,
                self.entity,
                row,
                values,
                key=key,
                now=now,
                keeps_history=not self.fields.brings_history,
            )
        except (BadInput, NotFound) as error:
            return {**result, "store": f"left for the next sync: {error}"}
        return result

    def _check_unchanged(self, held: Mapping[str, object]) -> None:
        label = self.source.label
        if any(one.name == "amount" for one in self.after):
            currency = held.get("currency")
            if currency != self.currency:
                raise BadInput(
                    f"{self.entity} {self.row_id} is in {currency!r} in {label}, not in "
                    f"{self.currency!r}: sync and propose the change again"
                )
        for one in self.before:
            if one.column not in held:
                raise BadInput(self._unseen(one))
            if not is_same(held[one.column], one.value):
                shown = self.fields.shown(one.column, held[one.column], held.get("currency"))
                raise BadInput(
                    f"{one.name} of {self.entity} {self.row_id} is {shown!r} in {label} by now, "
                    f"not {self.changes[one.name].before!r}: nothing was overwritten; sync and "
                    "propose the change again"
                )

    def _unseen(self, one: Setting) -> str:
        if one.name == "expected_close_on":
            return (
                f"the date of {self.entity} {self.row_id} in {self.source.label} is the day on "
                "which it was won or lost: it has no planned one to change"
            )
        return (
            f"{one.name} of {self.entity} {self.row_id} is not for us to read in "
            f"{self.source.label}: give our user the right to the field"
        )

    def _holds(self, held: Mapping[str, object], settings: list[Setting]) -> bool:
        return all(one.column in held and is_same(held[one.column], one.value) for one in settings)

    def _told(self) -> dict[str, Any]:
        return {
            "object": f"{self.entity}:{self.row_id}",
            "before": {name: change.before for name, change in self.changes.items()},
            "after": {name: change.after for name, change in self.changes.items()},
            "remote": f"{self.fields.object} {self.remote_id}",
        }


def changes_of_update(payload: Payload) -> Mapping[str, Change]:
    """Return the changes of an `update_record` payload; those that are no changes are left out."""
    fields = payload.get("fields")
    if not isinstance(fields, Mapping):
        return {}
    return {
        str(name): Change(one["before"], one["after"])
        for name, one in fields.items()
        if isinstance(one, Mapping) and set(one) == {"before", "after"}
    }


def changes_of_proposal(payload: Payload) -> Mapping[str, Change]:
    """Return the change of a suggestion; one on a role or a qualification changes no CRM."""
    entity, name = str(payload.get("entity")), str(payload.get("field"))
    if name not in FIELDS.get(entity, {}):
        return {}
    return {name: Change(payload.get("before"), payload.get("after"))}


def accept_proposal(session: Session, payload: Payload) -> None:
    """Mark a suggestion whose value was written as accepted, unless it was decided since."""
    row = session.get(FieldProposal, payload.get("proposal_id"), populate_existing=True)
    if row is not None and row.status == ProposalStatus.PROPOSED:
        row.new_value = str(payload.get("after"))
        row.status = ProposalStatus.ACCEPTED.value


def _setting(session: Session, entity: str, row: Record, name: str, text: str | None) -> Setting:
    reading = read_field(session, entity, row, name, text)
    return Setting(name, reading.column, reading.value)
