"""Decisions that people take on who is who, applied to all conversations they touch; and undone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from crm.access import visible
from crm.audit.trail import Deed, record
from crm.errors import BadInput, NotAllowed, NotFound
from crm.models import (
    Contact,
    Conversation,
    IdentityDecision,
    IdentityEntity,
    IdentityQuestion,
    QuestionStatus,
    User,
)
from crm.principal import Principal, Role
from crm.store import Store
from ingest.identity.addresses import canonical_address
from ingest.identity.records import FILE
from ingest.identity.relinking import conversations_under, is_reached, relink
from ingest.identity.verdicts import RULE, Verdicts

ANSWERED = "answered by a person"


@dataclass(frozen=True)
class Choice:
    """Whom somebody is taken for; `id` is None for nobody."""

    entity: IdentityEntity
    id: int | None = None

    @property
    def text(self) -> str:
        """Return the choice as it is typed: `contact:12`, `user:3` or `nobody`."""
        return self.entity.value if self.id is None else f"{self.entity.value}:{self.id}"


@dataclass(frozen=True)
class Applied:
    """A decision and the conversations it changed, whose labels a search index has to renew."""

    decision_id: int
    key: str
    changed_ids: tuple[int, ...]


def read_choice(text: str) -> Choice:
    """Return the choice written as `contact:12`, `user:3` or `nobody`; BadInput if it is none."""
    wanted = text.strip().lower()
    if wanted == IdentityEntity.NOBODY.value:
        return Choice(IdentityEntity.NOBODY)
    kind, _, number = wanted.partition(":")
    is_number = number.isascii() and number.isdigit() and len(number) < 19
    if kind in {IdentityEntity.CONTACT.value, IdentityEntity.USER.value} and is_number:
        return Choice(IdentityEntity(kind), int(number))
    raise BadInput(f"{text[:60]!r} is no answer: write contact:12, user:3 or nobody")


def answer_question(
    store: Store, question_id: int, choice: Choice, *, principal: Principal, now: datetime
) -> Applied:
    """Take the choice for the person asked about and tie all their conversations.

    Raises NotFound if there is no such question, contact or user, BadInput if it was answered.
    """
    with store.session() as session:
        question = _find_question(session, question_id, principal)
        if question.status == QuestionStatus.ANSWERED.value:
            raise BadInput(
                f"question {question_id} is answered already: `resolve --history` shows by whom, "
                "`resolve --undo DECISION` takes it back"
            )
        return _decide(session, question.key, choice, principal=principal, now=now)


def decide(
    store: Store, key: str, choice: Choice, *, principal: Principal, now: datetime
) -> Applied:
    """Take everybody under the key for the one chosen, also if a rule decided otherwise.

    The key `contact:5` declares contact 5 to be the same person as the contact chosen. Raises
    NotFound if nobody stands under the key or there is no such contact or user.
    """
    with store.session() as session:
        if key.startswith(f"{IdentityEntity.CONTACT.value}:"):
            _check_merge(session, key, choice, principal)
        elif not conversations_under(session, principal, key):
            raise NotFound(
                f"nobody in any conversation stands under {key[:80]!r}: `resolve --list` shows the "
                "open questions with their keys"
            )
        return _decide(session, key, choice, principal=principal, now=now)


def undo(store: Store, decision_id: int, *, principal: Principal, now: datetime) -> Applied:
    """Take a decision back, of a person or a rule, and tie as without it.

    A rule does not make the same link again. Raises NotFound if there is no such decision,
    BadInput if it was taken back before.
    """
    with store.session() as session:
        row = session.get(IdentityDecision, decision_id)
        is_known = row is not None and row.decided_by != FILE
        if row is None or not is_known or not is_reached(session, principal, row.key):
            raise NotFound(f"no decision {decision_id}: `resolve --history` lists them")
        if row.undone_at is not None:
            raise BadInput(f"decision {decision_id} was undone already, by {row.undone_by!r}")

        def change() -> None:
            row.undone_by, row.undone_at = principal.name, now
            _set_status(session, row.key, QuestionStatus.OPEN)

        changed = _relink(session, row.key, row.entity_id, principal, now, change)
        _record(session, "identity.undo", row, changed, principal=principal, now=now)
        return Applied(row.id, row.key, changed)


def skip_question(store: Store, question_id: int, *, principal: Principal) -> None:
    """Put a question aside. Raises NotFound if there is none that the caller may see."""
    with store.session() as session:
        question = _find_question(session, question_id, principal)
        if question.status == QuestionStatus.OPEN.value:
            question.status = QuestionStatus.SKIPPED.value


def _find_question(session: Session, question_id: int, principal: Principal) -> IdentityQuestion:
    statement = (
        select(IdentityQuestion)
        .join(Conversation, Conversation.id == IdentityQuestion.conversation_id)
        .where(IdentityQuestion.id == question_id)
    )
    question = session.scalar(visible(statement, Conversation, principal))
    if question is None:
        raise NotFound(f"no question {question_id}: `resolve --list` shows the open ones")
    return question


def _decide(
    session: Session, key: str, choice: Choice, *, principal: Principal, now: datetime
) -> Applied:
    _check_choice(session, choice, principal)
    if choice.entity is IdentityEntity.USER and not _may_name_us(session, key, choice, principal):
        raise NotAllowed(
            f"taking {key[:80]!r} for one of us would open to {choice.text} what comes from there, "
            "private mails too: ask sales operations, or decide it in one conversation"
        )
    row = IdentityDecision(
        key=key, entity=choice.entity.value, entity_id=choice.id, basis=ANSWERED,
        confidence=1.0, decided_by=_signature(principal), decided_at=now,
    )  # fmt: skip

    def change() -> None:
        session.add(row)
        _set_status(session, key, QuestionStatus.ANSWERED)

    changed = _relink(session, key, choice.id, principal, now, change)
    _record(session, "identity.decide", row, changed, principal=principal, now=now)
    return Applied(row.id, key, changed)


def _record(
    session: Session,
    action: str,
    row: IdentityDecision,
    changed: tuple[int, ...],
    *,
    principal: Principal,
    now: datetime,
) -> None:
    chosen = row.entity if row.entity_id is None else f"{row.entity}:{row.entity_id}"
    said = {"key": row.key, "is": chosen, "conversations": list(changed)}
    is_undone = row.undone_at is not None
    deed = Deed(
        action, f"identity_decision:{row.id}", before=said if is_undone else None,
        after=None if is_undone else said, subjects=(row.key, chosen),
    )  # fmt: skip
    record(session, deed, principal=principal, now=now)


def _relink(
    session: Session,
    key: str,
    entity_id: int | None,
    principal: Principal,
    now: datetime,
    change: Callable[[], None],
) -> tuple[int, ...]:
    ids = set(conversations_under(session, principal, key))
    if key.startswith(f"{IdentityEntity.CONTACT.value}:") and entity_id is not None:
        # After a merge the people of both stand under the one that remained.
        ids |= set(conversations_under(session, principal, f"contact:{entity_id}"))
    return relink(session, principal, sorted(ids), now=now, change=change)


def _check_choice(session: Session, choice: Choice, principal: Principal) -> None:
    if choice.id is None:
        return
    model = Contact if choice.entity is IdentityEntity.CONTACT else User
    statement = visible(select(model.id).where(model.id == choice.id), model, principal)
    if session.scalar(statement) is None:
        raise NotFound(
            f"no {choice.entity.value} {choice.id}: `sales-copilot show {choice.entity.value}s` "
            "lists them"
        )


def _may_name_us(session: Session, key: str, choice: Choice, principal: Principal) -> bool:
    """Say whether the caller may take whoever stands under a key for one of our users.

    Whoever took part in a private conversation reads it, so beyond one conversation, which the
    caller reads already, this is a matter of access, unless the address is the user's own.
    """
    is_owner = principal.is_local_owner and principal.user_id is None
    if is_owner or principal.role is Role.OPERATIONS:
        return True
    kind, _, rest = key.partition(":")
    if kind == "name" and rest.startswith("conversation:"):
        return True
    email = session.scalar(select(User.email).where(User.id == choice.id))
    return kind == "email" and email is not None and canonical_address(email) == rest


def _check_merge(session: Session, key: str, choice: Choice, principal: Principal) -> None:
    merged = read_choice(key)
    _check_choice(session, merged, principal)
    if choice.entity is not IdentityEntity.CONTACT or choice.id is None:
        raise BadInput(f"{key!r} can only be the same person as another contact: --as contact:ID")
    verdicts = Verdicts(session)
    if merged.id is None or verdicts.shown_as(merged.id) == verdicts.shown_as(choice.id):
        raise BadInput(f"{key!r} and {choice.text!r} are the same contact already")


def _signature(principal: Principal) -> str:
    # A user called "rule" must not pass for one.
    return f"{principal.name} (person)" if principal.name in {RULE, FILE} else principal.name


def _set_status(session: Session, key: str, status: QuestionStatus) -> None:
    session.execute(
        update(IdentityQuestion)
        .where(IdentityQuestion.key == key)
        .values(status=status.value)
        .execution_options(synchronize_session=False)
    )
