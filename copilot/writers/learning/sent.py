"""How somebody writes in the mails that they sent: what is known before any draft was edited."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.writers.learning.habits import Habit
from copilot.writers.learning.templates import greeting_template, sign_off_template
from crm.access import visible
from crm.models import Conversation, ConversationKind, Participant, Segment, StyleAspect
from crm.principal import Principal
from tools.language import Language
from tools.letter_parts import LetterParts, count_words, split_letter

_NEWEST = 40
_ENOUGH = 5
_SHARE = 0.7
_FROM, _TO = "from", "to"


@dataclass(frozen=True)
class SentMail:
    """A mail of the author's: when, to whom, and its parts."""

    conversation_id: int
    sent_at: datetime
    recipient: str
    parts: LetterParts

    @property
    def greeting(self) -> str | None:
        """The greeting as a template, None if there is none or it cannot be one."""
        return greeting_template(self.parts.greeting, self.recipient)

    @property
    def sign_off(self) -> str | None:
        """The words of leave as a template, None if they are not kept with the mail."""
        return sign_off_template(self.parts)

    @property
    def words(self) -> int:
        """Its length in words without greeting and leave."""
        return count_words(self.parts.text)


def sent_mails(
    session: Session,
    user_id: int,
    language: Language,
    *,
    principal: Principal,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = _NEWEST,
) -> list[SentMail]:
    """Return the newest mails that this user sent in this language, the newest first."""
    statement = (
        select(Conversation, Participant.name)
        .join(Participant, Participant.conversation_id == Conversation.id)
        .where(
            Conversation.kind == ConversationKind.EMAIL.value,
            Conversation.language == language,
            Participant.user_id == user_id,
            Participant.role == _FROM,
        )
        .order_by(Conversation.started_at.desc(), Conversation.id.desc())
        .limit(limit)
    )
    if since is not None:
        statement = statement.where(Conversation.started_at >= since)
    if until is not None:
        statement = statement.where(Conversation.started_at < until)
    found = session.execute(visible(statement, Conversation, principal)).all()
    ids = [row.id for row, _ in found]
    texts, recipients = _texts(session, ids), _recipients(session, ids)
    return [
        SentMail(
            conversation_id=row.id,
            sent_at=row.started_at,
            recipient=recipients.get(row.id, ""),
            parts=split_letter("\n\n".join(texts[row.id]), sender=name),
        )
        for row, name in found
        if texts[row.id]
    ]


def mail_habits(mails: Sequence[SentMail], language: Language) -> list[Habit]:
    """Return the usual greeting and sign-off of at least five mails.

    Their length is no limit for drafts: taken for one, it made drafts worse (evals.learning).
    """
    if len(mails) < _ENOUGH:
        return []
    found = [
        _usual(mails, [mail.greeting for mail in mails], StyleAspect.GREETING, language),
        _usual(mails, [mail.sign_off for mail in mails], StyleAspect.SIGN_OFF, language),
    ]
    return [habit for habit in found if habit is not None]


def _usual(
    mails: Sequence[SentMail],
    values: Sequence[str | None],
    aspect: StyleAspect,
    language: Language,
) -> Habit | None:
    fitting: dict[str, list[SentMail]] = defaultdict(list)
    for mail, value in zip(mails, values, strict=True):
        if value:
            fitting[value].append(mail)
    if not fitting:
        return None
    value = max(fitting, key=lambda each: len(fitting[each]))
    most = fitting[value]
    if len(most) < _ENOUGH or len(most) < _SHARE * len(mails):
        return None
    return Habit(aspect, language, value, "", len(most), len(mails), most[0].sent_at)


def _texts(session: Session, ids: Sequence[int]) -> dict[int, list[str]]:
    statement = (
        select(Segment.conversation_id, Segment.text)
        .where(Segment.conversation_id.in_(ids))
        .order_by(Segment.conversation_id, Segment.position)
    )
    found: dict[int, list[str]] = defaultdict(list)
    for conversation_id, text in session.execute(statement):
        found[conversation_id].append(text)
    return found


def _recipients(session: Session, ids: Sequence[int]) -> dict[int, str]:
    statement = (
        select(Participant.conversation_id, Participant.name)
        .where(Participant.conversation_id.in_(ids), Participant.role == _TO)
        .order_by(Participant.conversation_id, Participant.position.desc())
    )
    return {row[0]: row[1] for row in session.execute(statement)}
