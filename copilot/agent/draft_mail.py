"""Proposes that a kept draft is saved or sent as a mail: each once, however often it is asked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from copilot.agent.approvals.effects import Effects
from copilot.agent.approvals.payloads import digest_of
from copilot.agent.approvals.proposing import Wanted, propose
from copilot.agent.effects.mail_account import MailAccount
from copilot.agent.effects.mail_payload import AttachedFile, Person, is_message_id
from copilot.grounding.pack.asked import Channel
from copilot.writers.documents.plain import clean, one_line
from copilot.writers.documents.wording import wording
from copilot.writers.draft import Draft, Threading
from copilot.writers.learning.keeping import get_draft, stored_draft, words_of_rep
from crm.access import visible
from crm.access.policy import Policy
from crm.errors import BadInput
from crm.models import ActionStatus, Contact, DraftStatus, EffectKind, ProposedAction, SavedDraft
from crm.principal import Principal

AGENT = "copilot"
_MOST_NAME = 200
_WORDS = {EffectKind.SEND_MAIL: ("send", "sent"), EffectKind.SAVE_MAIL_DRAFT: ("save", "saved")}
_ENDED = frozenset({ActionStatus.REJECTED, ActionStatus.EXPIRED, ActionStatus.FAILED})
_USABLE = frozenset({DraftStatus.OPEN, DraftStatus.ACCEPTED, DraftStatus.EDITED})


@dataclass(frozen=True)
class MailWish:
    """What is to become of a draft, and to whom it goes.

    `is_changed` says that recipients or attachments were named. `is_again` asks for a new proposal
    after an earlier one ended without effect.
    """

    kind: EffectKind
    to: Sequence[Person]
    cc: Sequence[Person] = ()
    attachments: Sequence[AttachedFile] = ()
    is_changed: bool = False
    is_again: bool = False


def propose_draft(
    session: Session,
    draft_id: int,
    wish: MailWish,
    *,
    account: MailAccount,
    effects: Effects,
    policy: Policy,
    principal: Principal,
    now: datetime,
) -> int:
    """Return the number of the action that saves or sends the draft, proposed now or before.

    A draft has one such action of each kind: asked for twice, it is the same, and happens once.

    Raises:
        NotFound: the caller has no such draft.
        BadInput: it is no mail, has open points, was rejected, was sent or waits otherwise than it
            is wanted now, or an earlier action ended; the message says what to do.
    """
    row = get_draft(session, draft_id, principal=principal)
    draft = _check_mail(row)
    payload = mail_payload(session, row, wish, account=account, principal=principal)
    stem = f"draft-{row.id}-{_WORDS[wish.kind][0]}"
    earlier = _earlier(session, stem, wish.kind)
    if earlier and not _is_over(row, earlier[-1], wish):
        return _check_same(row, earlier[-1], payload, wish)
    if row.status not in _USABLE:
        raise BadInput(f"draft {row.id} is {row.status}: make a new draft, it was not to be used")
    wanted = Wanted(
        wish.kind,
        payload,
        stem if not earlier else f"{stem}-{len(earlier) + 1}",
        evidence=evidence_of(row, draft),
        account_id=row.account_id,
        opportunity_id=row.opportunity_id,
        agent=AGENT,
    )
    made = propose(session, wanted, effects=effects, policy=policy, principal=principal, now=now)
    return made.id


def mail_payload(
    session: Session,
    row: SavedDraft,
    wish: MailWish,
    *,
    account: MailAccount,
    principal: Principal,
) -> dict[str, Any]:
    """Return the mail that a draft becomes, in the words that its author decided on.

    Raises BadInput where it has open points and is to be sent, or nobody receives it.
    """
    draft = stored_draft(row)
    subject = one_line(row.final_subject or draft.subject)
    body = clean(row.final_body or draft.body)
    opened = [one for one in draft.open_points if one.placeholder in body]
    if opened and wish.kind is EffectKind.SEND_MAIL:
        raise BadInput(
            f"draft {row.id} is not finished: {opened[0].placeholder!r} ({opened[0].reason}). Fill "
            f"it in with `sales-copilot drafts edit {row.id}`, then send it"
        )
    if opened:
        subject = f"[{wording(draft.language).draft}] {subject}"
    if not wish.to:
        raise BadInput(f"draft {row.id} has no addressee with an address: name one with --to")
    people = {"to": [_person(one) for one in wish.to], "cc": [_person(one) for one in wish.cc]}
    return {
        "from": {"email": account.address, "name": account.name or one_line(draft.sender)},
        **people,
        "subject": subject,
        "body": body,
        **_threaded(draft.thread),
        "attachments": [one.model_dump(mode="json") for one in wish.attachments],
        "language": draft.language,
        "draft_id": row.id,
        "contact_id": _contact_of(session, row, wish, principal=principal),
        "account_id": row.account_id,
        "opportunity_id": row.opportunity_id,
    }


def evidence_of(row: SavedDraft, draft: Draft) -> list[dict[str, Any]]:
    """Return the facts that the draft cites, and what its author added that nothing verified."""
    cited = {fact for sentence in draft.sentences for fact in sentence.facts}
    facts: list[dict[str, Any]] = [
        {"id": fact.source, "fact": fact.id, "text": fact.text}
        for fact in draft.facts
        if fact.id in cited
    ]
    own = words_of_rep(row)
    return [*facts, {"own_words": [*own.figures, *own.names]}] if own else facts


def _check_mail(row: SavedDraft) -> Draft:
    draft = stored_draft(row)
    if draft.channel is not Channel.EMAIL:
        raise BadInput(
            f"draft {row.id} is a {draft.channel.value} message: copy it from "
            f"`sales-copilot drafts show {row.id}`"
        )
    return draft


def _earlier(session: Session, stem: str, kind: EffectKind) -> list[ProposedAction]:
    """Return the draft's actions of this kind, the first first; an edit has added to its key."""
    key = ProposedAction.key
    statement = (
        select(ProposedAction)
        .where(or_(key == stem, key.like(f"{stem}#%"), key.like(f"{stem}-%")))
        .where(ProposedAction.kind == kind.value)
        .order_by(ProposedAction.id)
    )
    ours = re.compile(rf"{stem}(-\d+)?(#\d+)?")
    found = session.scalars(statement.execution_options(populate_existing=True))
    return [row for row in found if ours.fullmatch(row.key)]


def _is_over(row: SavedDraft, action: ProposedAction, wish: MailWish) -> bool:
    """Say whether a new action may be proposed in place of an earlier one. Raises BadInput."""
    verb, done = _WORDS[wish.kind]
    if action.status not in _ENDED:
        may_repeat = action.status == ActionStatus.APPLIED and wish.kind is not EffectKind.SEND_MAIL
        if wish.is_again and not may_repeat:
            said = f"was {done} as" if action.status == ActionStatus.APPLIED else "is on its way as"
            raise BadInput(f"draft {row.id} {said} action {action.id}, and is {done} once")
        return wish.is_again
    if not wish.is_again:
        why = f": {action.error}" if action.error else ""
        raise BadInput(
            f"action {action.id}, which was to {verb} draft {row.id}, is {action.status}{why}. Add "
            "--again to propose it once more"
        )
    return True


def _check_same(
    row: SavedDraft, action: ProposedAction, payload: dict[str, Any], wish: MailWish
) -> int:
    """Return the earlier action's number if it is what is wanted now, or was edited since."""
    is_edited = "#" in action.key
    is_same = digest_of(wish.kind, payload) == action.payload_sha256
    if is_same or (is_edited and not wish.is_changed):
        return action.id
    if action.status == ActionStatus.APPLIED:
        done = _WORDS[wish.kind][1]
        raise BadInput(
            f"draft {row.id} was {done} as action {action.id}, with other words or to others than "
            "now: make a new draft for another mail"
        )
    raise BadInput(
        f"action {action.id} is there already for draft {row.id}, with other words or to others "
        f"than now: change it with `approvals edit {action.id}`, or reject it and add --again"
    )


def _contact_of(
    session: Session, row: SavedDraft, wish: MailWish, *, principal: Principal
) -> int | None:
    """Return the contact who receives it: the draft's, unless it goes to somebody else."""
    if not wish.is_changed:
        return row.contact_id
    addresses = [one.email.lower() for one in wish.to]
    statement = select(Contact.id).where(func.lower(Contact.email).in_(addresses))
    found = set(session.scalars(visible(statement, Contact, principal)))
    return row.contact_id if row.contact_id in found else min(found, default=None)


def _person(person: Person) -> dict[str, str]:
    return {"email": person.email, "name": one_line(person.name)[:_MOST_NAME]}


def _threaded(thread: Threading | None) -> dict[str, Any]:
    """Return the headers of a reply; an id that no header takes cannot thread anything."""
    parent = _bracketed(thread.in_reply_to) if thread else ""
    if thread is None or not is_message_id(parent):
        return {"in_reply_to": None, "references": []}
    chain = [_bracketed(one) for one in thread.references]
    return {"in_reply_to": parent, "references": [one for one in chain if is_message_id(one)][:500]}


def _bracketed(message_id: str) -> str:
    """Return the id with its angle brackets, which some exports leave out."""
    bare = message_id.strip()
    return bare if bare.startswith("<") else f"<{bare}>"
