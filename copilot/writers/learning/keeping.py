"""Keeps drafts and what a person decided on each: once, with the difference and what it tells."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Select, not_, or_, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from copilot.writers.draft import Draft
from copilot.writers.learning.observing import observe
from copilot.writers.learning.own_words import OwnWords, own_words
from copilot.writers.learning.wording import differences, edit_distance
from crm.access import readable, visible
from crm.audit.trail import Deed, record
from crm.errors import BadInput, NotFound
from crm.models import (
    Account,
    ActionStatus,
    DraftStatus,
    Opportunity,
    ProposedAction,
    SavedDraft,
    User,
)
from crm.principal import Principal

SCHEMA_VERSION = 1
OPEN_FOR = timedelta(days=30)
MOST_CHARACTERS = 20_000
_LONGEST_REASON = 1_000
_DEEDS = {
    DraftStatus.ACCEPTED: "accept",
    DraftStatus.EDITED: "edit",
    DraftStatus.REJECTED: "reject",
    DraftStatus.EXPIRED: "expire",
}


@dataclass(frozen=True)
class Accept:
    """The draft goes as it is."""


@dataclass(frozen=True)
class Edit:
    """The draft goes in these words; without a subject the draft's own stays."""

    body: str
    subject: str | None = None


@dataclass(frozen=True)
class Reject:
    """The draft does not go, and why."""

    reason: str


Decision = Accept | Edit | Reject


@dataclass(frozen=True)
class Decided:
    """A draft after the decision; `is_new` is False where the same was decided before.

    `own_words` are figures and names in an edit that the draft did not have: the rep's own, which
    nothing verified.
    """

    draft: SavedDraft
    is_new: bool
    own_words: OwnWords


def readable_drafts(principal: Principal) -> Select[SavedDraft]:
    """Return the statement of the drafts that this caller may read: their own, the owner's all."""
    statement = visible(select(SavedDraft), SavedDraft, principal)
    if principal.is_local_owner:
        return statement
    return statement.where(SavedDraft.user_id == principal.user_id)


def shown_drafts(principal: Principal) -> Select[SavedDraft]:
    """Return the statement of the drafts that are shown to this caller.

    What was written before the right to its deal, or without one to its account, was lost is kept
    back with it. A record that its source has deleted takes no draft along.
    """
    hidden = {
        model: select(model.id).where(model.deleted_at.is_(None), not_(readable(model, principal)))
        for model in (Opportunity, Account)
    }
    draft = SavedDraft
    return readable_drafts(principal).where(
        or_(
            draft.opportunity_id.is_not(None) & draft.opportunity_id.not_in(hidden[Opportunity]),
            draft.opportunity_id.is_(None)
            & (draft.account_id.is_(None) | draft.account_id.not_in(hidden[Account])),
        )
    )


def save_draft(session: Session, draft: Draft, *, principal: Principal, now: datetime) -> int:
    """Keep a draft and return its number; the same one, still open, keeps its number."""
    payload = draft.model_dump(mode="json")
    text = json.dumps(payload, ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    same = select(SavedDraft.id).where(
        SavedDraft.sha256 == digest,
        SavedDraft.status == DraftStatus.OPEN.value,
        SavedDraft.user_id.is_not_distinct_from(principal.user_id),
    )
    if (found := session.scalar(same)) is not None:
        return found
    row = SavedDraft(
        schema_version=SCHEMA_VERSION,
        payload=payload,
        sha256=digest,
        user_id=principal.user_id,
        author_id=author_of(session, draft.sender, principal=principal),
        recipient=draft.to[0].name if draft.to else "",
        contact_id=draft.contact_id,
        account_id=draft.account_id,
        opportunity_id=draft.opportunity_id,
        kind=draft.kind.value,
        channel=draft.channel.value,
        language=draft.language,
        created_at=now,
        status=DraftStatus.OPEN.value,
    )
    session.add(row)
    session.flush()
    return row.id


def author_of(session: Session, sender: str, *, principal: Principal) -> int | None:
    """Return whose voice a draft has: the caller's, or for the local owner that of who signs."""
    if principal.user_id is not None or not sender:
        return principal.user_id
    statement = visible(select(User.id).where(User.name == sender).limit(2), User, principal)
    found = list(session.scalars(statement))
    return found[0] if len(found) == 1 else None


def list_drafts(
    session: Session,
    *,
    principal: Principal,
    statuses: Sequence[DraftStatus] = (),
    limit: int = 50,
) -> list[SavedDraft]:
    """Return the caller's drafts, the newest first."""
    statement = shown_drafts(principal)
    if statuses:
        statement = statement.where(SavedDraft.status.in_([one.value for one in statuses]))
    ordered = statement.order_by(SavedDraft.created_at.desc(), SavedDraft.id.desc())
    return list(session.scalars(ordered.limit(limit)))


def get_draft(session: Session, draft_id: int, *, principal: Principal) -> SavedDraft:
    """Return one draft of the caller's. Raises NotFound."""
    statement = shown_drafts(principal).where(SavedDraft.id == draft_id)
    row = session.scalar(statement.execution_options(populate_existing=True))
    if row is None:
        raise NotFound(f"no draft {draft_id!r} of yours: `sales-copilot drafts` lists them")
    return row


def stored_draft(row: SavedDraft) -> Draft:
    """Return the draft as it was made."""
    return Draft.model_validate(row.payload)


def decide_draft(
    session: Session,
    draft_id: int,
    decision: Decision,
    *,
    principal: Principal,
    now: datetime,
) -> Decided:
    """Store what was decided on a draft, with the difference; nothing is sent or made again.

    A draft is decided once, whoever comes first: the same decision again changes nothing. An edit
    that changes nothing is an acceptance.

    Raises:
        NotFound: the caller has no such draft.
        BadInput: it was decided differently, or the text or reason cannot be used.
    """
    draft = stored_draft(get_draft(session, draft_id, principal=principal))
    values = _values(draft, decision)
    claim = (
        update(SavedDraft)
        .where(SavedDraft.id == draft_id, SavedDraft.status == DraftStatus.OPEN.value)
        .values(**values, decided_at=now, decided_by=principal.name)
        .execution_options(synchronize_session=False)
    )
    claimed = session.execute(claim)
    is_new = isinstance(claimed, CursorResult) and claimed.rowcount == 1
    row = get_draft(session, draft_id, principal=principal)
    if not is_new and not _is_same(row, values):
        raise BadInput(_decided_before(row))
    if is_new:
        _record(session, row, principal=principal, now=now)
    return Decided(row, is_new, words_of_rep(row))


def words_of_rep(row: SavedDraft) -> OwnWords:
    """Return the figures and names that an edit stated and its draft did not."""
    if row.status != DraftStatus.EDITED.value or row.final_body is None:
        return OwnWords()
    return own_words(stored_draft(row), row.final_body, today=row.created_at.date())


def expire_drafts(session: Session, *, principal: Principal, now: datetime) -> int:
    """Close the drafts on which nobody decided in `OPEN_FOR`, whosever; return how many.

    What they rest on has changed since. One whose mail waits for approval, or is under way, stays.
    """
    going = (ActionStatus.WAITING, ActionStatus.APPROVED, ActionStatus.APPLYING)
    payloads = select(ProposedAction.payload).where(ProposedAction.status.in_(going))
    underway = [one.get("draft_id") for one in session.scalars(payloads)]
    statement = (
        update(SavedDraft)
        .where(
            SavedDraft.status == DraftStatus.OPEN.value,
            SavedDraft.created_at < now - OPEN_FOR,
            SavedDraft.id.not_in([one for one in underway if one is not None]),
        )
        .values(status=DraftStatus.EXPIRED.value, decided_at=now)
        .returning(SavedDraft)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    expired = session.scalars(statement).all()
    for row in expired:
        _record(session, row, principal=principal, now=now)
    return len(expired)


def _record(session: Session, row: SavedDraft, *, principal: Principal, now: datetime) -> None:
    """Leave the decision in the audit trail; the words themselves stay with the draft."""
    final = hashlib.sha256((row.final_body or "").encode("utf-8", "replace")).hexdigest()
    went_out = row.final_body is not None
    deed = Deed(
        action=f"draft.{_DEEDS[DraftStatus(row.status)]}",
        object=f"draft:{row.id}",
        before={"status": DraftStatus.OPEN.value, "sha256": row.sha256},
        after={
            "status": row.status,
            "distance": row.distance,
            "final_sha256": final if went_out else None,
        },
        reason=row.reason,
        subjects=[f"contact:{row.contact_id}"] if row.contact_id else [],
        agent="clock" if row.status == DraftStatus.EXPIRED else None,
    )
    record(session, deed, principal=principal, now=now)


def _values(draft: Draft, decision: Decision) -> dict[str, object]:
    if isinstance(decision, Reject):
        reason = decision.reason.strip()
        if not 0 < len(reason) <= _LONGEST_REASON:
            raise BadInput(
                f"reason {reason[:60]!r}: say in 1 to {_LONGEST_REASON:,} characters why it stays"
            )
        return {"status": DraftStatus.REJECTED.value, "reason": reason}
    subject, body = draft.subject, draft.body
    if isinstance(decision, Edit):
        body = _usable(decision.body)
        subject = " ".join((decision.subject or draft.subject).split())
    is_changed = subject != draft.subject or body.strip() != draft.body.strip()
    status: Literal["edited", "accepted"] = "edited" if is_changed else "accepted"
    return {
        "status": status,
        "final_subject": subject,
        "final_body": body if is_changed else draft.body,
        "difference": differences(draft.body, body) if is_changed else [],
        "distance": round(edit_distance(draft.body, body), 4) if is_changed else 0.0,
        "learned": observe(draft, body if is_changed else draft.body).model_dump(mode="json"),
    }


def _usable(text: str) -> str:
    plain = text.replace("\r\n", "\n").strip()
    if not plain:
        raise BadInput("the edited text is empty: reject the draft instead, with a reason")
    if len(plain) > MOST_CHARACTERS:
        raise BadInput(
            f"the edited text has {len(plain):,} characters: give at most {MOST_CHARACTERS:,}"
        )
    if "\x00" in plain:
        raise BadInput(f"the edited text {plain[:40]!r} is no text: it holds zero bytes")
    return plain


def _is_same(row: SavedDraft, values: dict[str, object]) -> bool:
    kept = (row.status, row.final_subject, row.final_body, row.reason)
    return kept == (
        values["status"],
        values.get("final_subject"),
        values.get("final_body"),
        values.get("reason"),
    )


def _decided_before(row: SavedDraft) -> str:
    when = f" on {row.decided_at:%Y-%m-%d %H:%M}" if row.decided_at else ""
    who = f" by {row.decided_by}" if row.decided_by else ""
    return (
        f"draft {row.id} was {row.status}{who}{when}, and a draft is decided once: "
        "make a new draft to say something else"
    )
