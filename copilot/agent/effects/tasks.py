"""Creates a task in our store."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.agent.approvals.deciding import caller_of, can_read
from copilot.agent.approvals.effects import Payload
from copilot.agent.effects.changing import SOURCE
from copilot.agent.effects.owners import is_another_ones_task
from crm.access import visible
from crm.errors import BadInput, NotAllowed, NotFound
from crm.models import Account, Activity, ActivityKind, Contact, EffectKind, Opportunity, User
from crm.principal import Principal


class TaskPayload(BaseModel):
    """A task as people approve it; without `owner_id` it is nobody's in particular."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    subject: str = Field(min_length=1, max_length=500, pattern=r"\S")
    due_on: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    body: str | None = Field(default=None, max_length=20_000)
    owner_id: int | None = None
    account_id: int | None = None
    opportunity_id: int | None = None
    contact_id: int | None = None

    @property
    def due(self) -> date | None:
        """The day it is due. Raises BadInput for a day that the calendar does not have."""
        try:
            return date.fromisoformat(self.due_on) if self.due_on else None
        except ValueError:
            raise BadInput(f"due_on is {self.due_on!r}: write a day as 2027-01-08") from None


class CreateTask:
    """Writes one open task; payload: the fields of `TaskPayload`."""

    kind = EffectKind.CREATE_TASK
    is_external = False

    def check(
        self, session: Session, payload: Payload, *, principal: Principal, now: datetime
    ) -> None:
        """Refuse fields that do not fit, and records that the caller may not read."""
        task = _task(payload)
        if task.due is not None and task.due < now.date():
            raise BadInput(f"the task would be due on {task.due}, which is over: give a later day")
        owner = session.get(User, task.owner_id) if task.owner_id is not None else None
        if task.owner_id is not None and (owner is None or not owner.is_active):
            raise NotFound(f"no active user {task.owner_id!r}: name a colleague")
        for model, row_id in (
            (Account, task.account_id),
            (Opportunity, task.opportunity_id),
            (Contact, task.contact_id),
        ):
            statement = visible(select(model.id).where(model.id == row_id), model, principal)
            if row_id is not None and session.execute(statement).first() is None:
                name = model.__tablename__.removesuffix("s")
                raise NotFound(f"{name} {row_id!r} is not there: name another")
        if owner is not None and owner.id != principal.user_id:
            _check_reader(session, task, owner, principal=principal, now=now)

    def is_elevated(
        self, session: Session, payload: Payload, *, principal: Principal, now: datetime
    ) -> bool:
        """Say whether it is work for a colleague: he, or a manager, has to agree."""
        return is_another_ones_task(session, _task(payload).owner_id, principal=principal)

    def done_already(self, payload: Payload, *, key: str) -> dict[str, Any] | None:
        """Return None: it happens in the transaction that records it."""
        return None

    def carry_out(
        self, session: Session, payload: Payload, *, key: str, principal: Principal, now: datetime
    ) -> dict[str, Any]:
        """Store the task and return its number."""
        task = _task(payload)
        row = Activity(
            source=SOURCE,
            external_id=key,
            synced_at=now,
            kind=ActivityKind.TASK.value,
            subject=task.subject.strip(),
            body=task.body,
            owner_id=task.owner_id,
            account_id=task.account_id,
            opportunity_id=task.opportunity_id,
            contact_id=task.contact_id,
            due_on=task.due,
        )
        session.add(row)
        session.flush()
        return {"object": f"activity:{row.id}", "before": None, "after": dict(payload)}


def _check_reader(
    session: Session, task: TaskPayload, owner: User, *, principal: Principal, now: datetime
) -> None:
    """Refuse a task on records that whoever is to do it may not read. Raises NotAllowed."""
    for scope in principal.scopes[:1]:
        reader = caller_of(session, owner, policy=scope.policy, now=now)
        if not can_read(session, task, principal=reader):
            raise NotAllowed(
                f"{owner.name!r} may not read the account or deal of the task: name a colleague "
                "who may, or leave it out"
            )


def _task(payload: Payload) -> TaskPayload:
    try:
        return TaskPayload.model_validate(dict(payload))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "the task"
        raise BadInput(f"{name} cannot be used ({first['msg']}): mend it and try again") from None
