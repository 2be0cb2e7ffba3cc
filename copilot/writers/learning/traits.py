"""Everything known about how somebody writes, each trait with its origin and evidence."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.grounding.pack.asked import Channel
from copilot.writers.learning.habits import Habit, Seen, habits_of, usual_greeting
from copilot.writers.learning.keeping import readable_drafts
from copilot.writers.learning.observing import Observation
from copilot.writers.learning.origin import Origin, Trait
from copilot.writers.learning.sent import mail_habits, sent_mails
from copilot.writers.learning.setting import Subject, set_facts
from copilot.writers.learning.templates import greeting_template
from crm.access import visible
from crm.models import DraftStatus, SavedDraft, StyleAspect, StyleFact, User
from crm.principal import Principal
from tools.language import Language
from tools.profile.model import WritingStyle

_NEWEST = 60
_ENOUGH_MAILS = 2
_CHAT = (Channel.SLACK.value, Channel.WECHAT.value)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


def rep_traits(
    session: Session,
    subject: Subject,
    language: Language,
    *,
    principal: Principal,
    channel: Channel = Channel.EMAIL,
    contact_id: int | None = None,
) -> list[Trait]:
    """Return what is known of a rep: what was set, then learned of drafts, then of sent mails.

    What the local owner set holds for every voice in which the local owner writes.
    """
    subjects = [subject]
    if principal.is_local_owner and subject.user_id is not None:
        subjects.append(Subject())
    facts = set_facts(session, subjects, language, principal=principal)
    forgotten = _Forgotten(facts)
    seen = decided_drafts(session, subject.user_id, language, principal=principal, channel=channel)
    traits = [_set(fact, Origin.SET) for fact in facts if not fact.is_removed]
    to_contact = [one for one in seen if contact_id is not None and one.contact_id == contact_id]
    for_contact = usual_greeting(forgotten.after(to_contact, StyleAspect.GREETING), language)
    if for_contact is not None:
        traits.append(_learned(for_contact, Origin.EDITS_CONTACT))
    traits += [_learned(habit, Origin.EDITS) for habit in _habits(seen, language, forgotten)]
    if subject.user_id is not None and channel is Channel.EMAIL:
        mails = sent_mails(session, subject.user_id, language, principal=principal)
        for habit in mail_habits(mails, language):
            if forgotten.when(habit.aspect) == _EVER:
                traits.append(_learned(habit, Origin.MAILS))
    return traits


def customer_traits(
    session: Session,
    subjects: Sequence[Subject],
    language: Language,
    *,
    style: WritingStyle | None,
    our_names: Sequence[str],
    principal: Principal,
) -> list[Trait]:
    """Return what was set for a customer, and how their own mails are written.

    Their length is no measure for ours. Their greeting is one where it calls our side by name.
    """
    facts = set_facts(session, subjects, language, principal=principal)
    traits = [_set(fact, Origin.SET_CUSTOMER) for fact in facts if not fact.is_removed]
    if style is None or style.language != language or style.mails < _ENOUGH_MAILS:
        return traits
    removed = {fact.aspect for fact in facts if fact.is_removed}
    found = {StyleAspect.FORMALITY: style.formality if style.formality != "neutral" else None}
    found[StyleAspect.GREETING] = _mirrored(style.greeting, our_names)
    for aspect, value in found.items():
        if value and aspect.value not in removed:
            traits.append(
                Trait(
                    aspect=aspect,
                    language=language,
                    value=value,
                    origin=Origin.CUSTOMER,
                    evidence=style.mails,
                    of=style.mails,
                    last_seen_at=max((f.as_of for f in style.facts if f.as_of), default=None),
                )
            )
    return traits


def decided_drafts(
    session: Session,
    author_id: int | None,
    language: Language,
    *,
    principal: Principal,
    channel: Channel = Channel.EMAIL,
) -> list[Seen]:
    """Return the newest accepted and edited drafts in this voice, the newest first.

    Mails and chat messages are apart: nobody greets in both alike.
    """
    channels = _CHAT if channel.value in _CHAT else (channel.value,)
    statement = (
        readable_drafts(principal)
        .where(
            SavedDraft.author_id.is_not_distinct_from(author_id),
            SavedDraft.language == language,
            SavedDraft.channel.in_(channels),
            SavedDraft.status.in_([DraftStatus.ACCEPTED.value, DraftStatus.EDITED.value]),
        )
        .order_by(SavedDraft.decided_at.desc(), SavedDraft.id.desc())
        .limit(_NEWEST)
    )
    return [
        Seen(
            draft_id=row.id,
            decided_at=row.decided_at or row.created_at,
            customer=row.account_id or row.recipient,
            contact_id=row.contact_id,
            observation=Observation.model_validate(row.learned),
            final=row.final_body or "",
        )
        for row in session.scalars(statement)
    ]


def authors(session: Session, *, principal: Principal) -> list[int | None]:
    """Return whose voices the caller's decided drafts have."""
    rows = readable_drafts(principal).where(SavedDraft.learned.is_not(None)).subquery()
    return list(session.scalars(select(rows.c.author_id).distinct().order_by(rows.c.author_id)))


def name_of(session: Session, user_id: int, *, principal: Principal) -> str | None:
    """Return a user's name."""
    return session.scalar(visible(select(User.name).where(User.id == user_id), User, principal))


class _Forgotten:
    """Until when evidence of an aspect, or of a phrase, no longer counts."""

    def __init__(self, facts: Sequence[StyleFact]) -> None:
        self._until = {(f.aspect, f.key): f.set_at for f in facts if f.is_removed}

    def when(self, aspect: StyleAspect, phrase: str = "") -> datetime:
        """Return the moment until which nothing counts."""
        until = self._until
        return max(until.get((aspect.value, key), _EVER) for key in ("", phrase.casefold()))

    def after(self, seen: Sequence[Seen], aspect: StyleAspect) -> list[Seen]:
        """Return the decisions that still count for the aspect."""
        return [one for one in seen if one.decided_at > self.when(aspect)]


def _habits(seen: Sequence[Seen], language: Language, forgotten: _Forgotten) -> list[Habit]:
    moments = {aspect: forgotten.when(aspect) for aspect in StyleAspect}
    found: list[Habit] = []
    for moment in sorted(set(moments.values())):
        counted = [one for one in seen if one.decided_at > moment]
        found += [h for h in habits_of(counted, language) if moments[h.aspect] == moment]
    return [
        habit
        for habit in found
        if habit.last_seen_at is None
        or habit.last_seen_at > forgotten.when(habit.aspect, habit.key)
    ]


def _set(fact: StyleFact, origin: Origin) -> Trait:
    return Trait(
        aspect=StyleAspect(fact.aspect),
        language="zh" if fact.language == "zh" else "en",
        value=fact.value,
        key=fact.key,
        origin=origin,
        last_seen_at=fact.set_at,
        set_by=fact.set_by,
    )


def _learned(habit: Habit, origin: Origin) -> Trait:
    return Trait(origin=origin, **asdict(habit))


def _mirrored(greeting: str | None, our_names: Sequence[str]) -> str | None:
    """Return the customer's greeting of us as one for them, None unless it is by name."""
    for name in our_names:
        template = greeting_template(greeting, name) if name else None
        if template and ("{first}" in template or "{name}" in template):
            return template
    return None
