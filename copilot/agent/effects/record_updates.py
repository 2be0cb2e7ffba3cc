"""Updates fields of one record: from what the approver saw, to what he approved."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from copilot.agent.approvals.effects import WRITES_TO, Payload
from copilot.agent.effects.changing import change_fields, check_change
from copilot.agent.effects.fields import Record, check_told, find_record, show_field
from copilot.agent.effects.owners import is_another_ones
from crm.errors import BadInput
from crm.models import EffectKind
from crm.principal import Principal

_MOST_FIELDS = 20


def update_payload(
    session: Session,
    entity: str,
    row_id: int,
    changes: Mapping[str, str | None],
    *,
    principal: Principal,
) -> dict[str, Any]:
    """Return the payload that changes these fields, with what they hold now.

    Raises BadInput for a field that cannot be changed, NotFound for the record, NotAllowed for a
    field that the caller is not shown.
    """
    row = find_record(session, entity, row_id, principal)
    check_told(session, entity, changes, principal=principal)
    fields = {
        name: {"before": show_field(session, entity, row, name), "after": after}
        for name, after in changes.items()
    }
    return {"entity": entity, "entity_id": row.id, "fields": fields}


class UpdateRecord:
    """Changes fields of an account, contact, lead or deal in our store.

    Payload: `entity`, `entity_id`, and `fields`, each with its value `before` and `after`.
    """

    kind = EffectKind.UPDATE_RECORD
    is_external = False

    def check(
        self, session: Session, payload: Payload, *, principal: Principal, now: datetime
    ) -> None:
        """Refuse unknown fields, values that do not fit, and what was changed meanwhile."""
        row, fields = self._read(session, payload, principal)
        for name, change in fields.items():
            if not isinstance(change, dict) or set(change) != {"before", "after"}:
                raise BadInput(f"{name} is {change!r}: give its value `before` and `after`")
            check_change(session, payload["entity"], row, name, **change)

    def is_elevated(
        self, session: Session, payload: Payload, *, principal: Principal, now: datetime
    ) -> bool:
        """Say whether the record is another's: then more than its proposer has to agree."""
        row, _ = self._read(session, payload, principal)
        return is_another_ones(session, row, principal=principal)

    def done_already(self, payload: Payload, *, key: str) -> dict[str, Any] | None:
        """Return None: it happens in the transaction that records it."""
        return None

    def carry_out(
        self, session: Session, payload: Payload, *, key: str, principal: Principal, now: datetime
    ) -> dict[str, Any]:
        """Change the fields and return what they were and are."""
        row, fields = self._read(session, payload, principal)
        entity = payload["entity"]
        values = {name: change["after"] for name, change in fields.items()}
        change_fields(session, entity, row, values, key=key, now=now)
        return {
            "object": f"{entity}:{row.id}",
            "before": {name: change["before"] for name, change in fields.items()},
            "after": values,
        }

    def _read(
        self, session: Session, payload: Payload, principal: Principal
    ) -> tuple[Record, dict[str, Any]]:
        fields = payload.get("fields")
        if not isinstance(fields, dict) or not 0 < len(fields) <= _MOST_FIELDS:
            raise BadInput(f"fields is {fields!r}: give 1 to {_MOST_FIELDS} fields with values")
        if WRITES_TO in payload:
            raise BadInput(
                f"this is for {payload[WRITES_TO]!r}, not for our store alone: carry it out where "
                "that CRM is connected"
            )
        row = find_record(session, payload.get("entity"), payload.get("entity_id"), principal)
        check_told(session, payload["entity"], fields, principal=principal)
        return row, fields
