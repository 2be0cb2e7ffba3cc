"""Tasks, and notes of discounts, as entries of the CRM that their deal or contact came from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from copilot.agent.approvals.effects import Payload
from copilot.agent.approvals.payloads import digest_of
from copilot.agent.effects.writing_back import Remote
from crm.access import visible
from crm.errors import BadInput
from crm.models import Account, Activity, ActivityKind, Contact, EffectKind, Opportunity, User
from crm.models.base import Sourced
from crm.principal import Principal
from ingest.sources.remote_fields import object_of
from ingest.sources.writing import Entry, RecordWriter, WritableSource

_TIES: Mapping[str, type[Opportunity] | type[Account] | type[Contact]] = {
    "opportunity_id": Opportunity,
    "account_id": Account,
    "contact_id": Contact,
}


@dataclass(frozen=True)
class Wording:
    """What a payload says in its entry; `is_note` for a note of what happened."""

    subject: str
    body: str | None
    due_on: date | None
    is_note: bool


class EntriesPlanner:
    """Plans payloads that leave an entry; `worded` is what a payload says."""

    def __init__(self, kind: EffectKind, worded: Callable[[Payload], Wording]) -> None:
        self._kind, self._worded = kind, worded

    def about(self, session: Session, payload: Payload, principal: Principal) -> Sourced | None:
        """Return the deal, else the account, else the contact that it is on."""
        rows = _tied(session, payload, principal)
        return next(iter(rows.values()), None)

    def plan(
        self, session: Session, payload: Payload, source: WritableSource, principal: Principal
    ) -> Remote:
        """Return the entry with the ids of the CRM."""
        rows = _tied(session, payload, principal)
        links = []
        for name, row in rows.items():
            if row.source == source.mapping.source and source.has_id(row.external_id):
                links.append((object_of(source, row.__tablename__), row.external_id))
            elif name == "contact_id":
                raise BadInput(
                    f"contact {row.id} did not come from {source.label}: leave it out, or name one "
                    "that did"
                )
        if not links:
            raise BadInput(f"none of its records came from {source.label}: propose it anew")
        worded = self._worded(payload)
        owner_id = payload.get("owner_id")
        owner = _owner(session, owner_id, source) if owner_id is not None else None
        entry = Entry(
            subject=worded.subject,
            body=worded.body,
            mark="0" * 32,
            links=tuple(links),
            owner_id=owner,
            due_on=worded.due_on,
            is_note=worded.is_note,
        )
        return _Plan(source, entry, self._kind, dict(payload))


@dataclass(frozen=True)
class _Plan:
    source: WritableSource
    entry: Entry
    kind: EffectKind
    payload: dict[str, Any]

    def check(self) -> None:
        """Refuse what the CRM cannot keep."""
        self.source.check_entry(self.entry)

    def find(self, writer: RecordWriter, *, key: str) -> dict[str, Any] | None:
        """Return the result if the record has an entry with our mark."""
        kept = writer.find_entry(self._marked(key))
        return self._told(kept.id, kept.body) if kept is not None else None

    def write(
        self, writer: RecordWriter, *, key: str, now: datetime, begin: Callable[[], None]
    ) -> dict[str, Any]:
        """Make the entry."""
        begin()
        entry = self._marked(key)
        kept = writer.make_entry(replace(entry, made_at=now) if entry.is_note else entry)
        return self._told(kept.id, kept.body)

    def settle(
        self, session: Session, result: dict[str, Any], *, key: str, now: datetime
    ) -> dict[str, Any]:
        """Store the entry as the sync will know it, so that it comes only once."""
        remote_id, body = str(result["remote_id"]), result.get("body")
        stored = self.source.mapping.source
        statement = select(Activity).where(
            Activity.source == stored, Activity.external_id == remote_id
        )
        row = session.scalars(statement).first()
        if row is None:
            kind = ActivityKind.NOTE if self.entry.is_note else ActivityKind.TASK
            row = Activity(
                source=stored,
                external_id=remote_id,
                synced_at=now,
                kind=kind.value,
                subject=self.entry.subject,
                body=body,
                owner_id=self.payload.get("owner_id"),
                due_on=self.entry.due_on,
                occurred_at=now if self.entry.is_note else None,
                **{name: self.payload.get(name) for name in _TIES},
            )
            session.add(row)
            session.flush()
        told = {name: value for name, value in result.items() if name not in ("remote_id", "body")}
        about = f"opportunity:{self.payload['opportunity_id']}" if self.entry.is_note else None
        return {
            **told,
            "object": about or f"activity:{row.id}",
            "before": None,
            "after": self.payload,
            "entry": f"activity:{row.id}",
        }

    def _marked(self, key: str) -> Entry:
        text = f"{key}\n{digest_of(self.kind, self.payload)}"
        mark = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return replace(self.entry, mark=mark)

    def _told(self, remote_id: str, body: str | None) -> dict[str, Any]:
        return {"remote": f"{self.source.label} {remote_id}", "remote_id": remote_id, "body": body}


def worded_task(payload: Payload) -> Wording:
    """Return what a task says."""
    due = payload.get("due_on")
    try:
        due_on = date.fromisoformat(due) if isinstance(due, str) else None
    except ValueError:
        raise BadInput(f"due_on is {due!r}: write a day as 2027-01-08") from None
    return Wording(str(payload.get("subject")).strip(), payload.get("body"), due_on, is_note=False)


def worded_discount(payload: Payload) -> Wording:
    """Return what the note of a discount says."""
    percent = f"{int(payload['discount']) / 100:g} %"
    subject = f"Discount approved · 已批准折扣: {percent}"
    return Wording(subject, str(payload.get("reason")), None, is_note=True)


def _tied(
    session: Session, payload: Payload, principal: Principal
) -> dict[str, Opportunity | Account | Contact]:
    """Return the records that it is on, as far as the caller may read them."""
    found: dict[str, Opportunity | Account | Contact] = {}
    for name, model in _TIES.items():
        row_id = payload.get(name)
        if isinstance(row_id, bool) or not isinstance(row_id, int):
            continue
        statement = visible(select(model).where(model.id == row_id), model, principal)
        row = session.scalars(statement).first()
        if isinstance(row, Opportunity | Account | Contact):
            found[name] = row
    return found


def _owner(session: Session, owner_id: object, source: WritableSource) -> str:
    """Return who has the task in the CRM: the user himself, or the one with his address there."""
    user = session.get(User, owner_id) if isinstance(owner_id, int) else None
    stored = source.mapping.source
    if user is not None and user.source == stored and source.has_id(user.external_id):
        return user.external_id
    if user is not None and user.email:
        statement = select(User.external_id).where(
            User.source == stored,
            func.lower(User.email) == user.email.lower(),
            User.is_active,
            User.deleted_at.is_(None),
        )
        found = [one for one in session.scalars(statement) if source.has_id(one)]
        if len(found) == 1:
            return found[0]
    name = user.name if user else owner_id
    raise BadInput(
        f"{name!r} is no user of {source.label}: give the task to a colleague who is, or leave the "
        "owner out"
    )
