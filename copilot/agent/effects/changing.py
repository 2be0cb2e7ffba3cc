"""Changes fields of a record in our store, with the history that a deal keeps of them."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.agent.effects.fields import (
    Record,
    read_field,
    same_value,
    show_field,
)
from crm.errors import BadInput
from crm.models import (
    AmountChange,
    CloseDateChange,
    Opportunity,
    Stage,
    StageChange,
    StageStatus,
)

SOURCE = "copilot"


def check_change(
    session: Session, entity: str, row: Record, name: str, *, before: object, after: object
) -> None:
    """Refuse a change that does not start from what the record holds, or cannot be stored.

    Raises BadInput or NotFound.
    """
    held = show_field(session, entity, row, name)
    if not same_value(held, before):
        raise BadInput(
            f"{name} of {entity} {row.id} is {held!r} by now, not {before!r}: propose the change "
            "again from what it is"
        )
    if same_value(before, after):
        raise BadInput(f"{name} of {entity} {row.id} is {held!r} already: nothing would change")
    read_field(session, entity, row, name, after)


def change_fields(
    session: Session,
    entity: str,
    row: Record,
    values: Mapping[str, object],
    *,
    key: str,
    now: datetime,
    keeps_history: bool = True,
) -> None:
    """Write the values as people write them; a deal's stage, date and amount leave history.

    `keeps_history` is false for a deal whose CRM tells its history itself at the next sync.
    """
    for name, after in values.items():
        reading = read_field(session, entity, row, name, after)
        if isinstance(row, Opportunity):
            if reading.column == "stage_id" and isinstance(reading.value, int):
                _close_or_open(session, row, reading.value, now)
            if keeps_history:
                _keep_history(session, row, reading.column, reading.value, key=key, now=now)
        setattr(row, reading.column, reading.value)
    session.flush()


def _close_or_open(session: Session, deal: Opportunity, stage_id: int, now: datetime) -> None:
    status = session.scalar(select(Stage.status).where(Stage.id == stage_id))
    is_open = status == StageStatus.OPEN
    deal.closed_on = None if is_open else deal.closed_on or now.date()


def _keep_history(
    session: Session, deal: Opportunity, column: str, value: object, *, key: str, now: datetime
) -> None:
    sourced = {
        "source": SOURCE,
        "external_id": f"{key}:{column}",
        "synced_at": now,
        "opportunity_id": deal.id,
        "changed_at": now,
    }
    if column == "stage_id" and isinstance(value, int):
        session.add(StageChange(**sourced, from_stage_id=deal.stage_id, to_stage_id=value))
    elif column == "amount_minor" and isinstance(value, int):
        session.add(AmountChange(**sourced, from_minor=deal.amount_minor, to_minor=value))
    elif column == "expected_close_on" and value is not None:
        session.add(CloseDateChange(**sourced, from_on=deal.expected_close_on, to_on=value))
