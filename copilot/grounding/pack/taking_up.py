"""Which conversation a draft takes up, which others are read for it, and how matters stand."""

from collections.abc import Iterator, Sequence

from copilot.grounding.pack.asked import DraftKind
from copilot.grounding.pack.history import History, Talk
from copilot.grounding.pack.kinds import Situation
from copilot.grounding.pack.scope import Asker, Scope
from crm.models import ConversationKind, StageStatus
from tools.profile import CustomerProfile

_READ_TALKS = 3
_READ_THREAD = 5
_WRITTEN = frozenset({ConversationKind.EMAIL.value, ConversationKind.CHAT.value})


def mail_to_answer(history: History, scope: Scope, kind: DraftKind | None) -> Talk | None:
    """Return the mail named, or if our side wrote it the newest of the customer's in its thread.

    Where a reply is asked for and no mail named, the newest mail or chat of theirs.
    """
    if scope.mail is None:
        written = (talk for talk in _theirs(history, scope) if talk.row.kind in _WRITTEN)
        return next(written, None) if kind is DraftKind.REPLY else None
    named = history.find(scope.mail.id)
    if named is None or not named.is_from_us:
        return named
    theirs = [talk for talk in history.thread if talk.has_their_words]
    return theirs[-1] if theirs else named


def situation_of(
    scope: Scope,
    history: History,
    profile: CustomerProfile | None,
    answered: Talk | None,
    asker: Asker,
) -> Situation:
    """Return how matters stand on the day of the draft; logged calls and mails count as contact."""
    today = asker.as_of.date()
    newest = history.talks[0] if history.talks else None
    last = [newest.row.started_at.date()] if newest else []
    if profile is not None and profile.contact.last is not None:
        last.append(profile.contact.last.happened_at.date())
    ours = newest is not None and newest.is_from_us
    won = [
        deal.closed_on
        for deal in (profile.deals if profile else ())
        if deal.status == StageStatus.WON and deal.closed_on
    ]
    return Situation(
        is_reply=answered is not None and not answered.is_from_us,
        contact_days=(today - max(last)).days if last else None,
        unanswered_days=(today - newest.row.started_at.date()).days if ours and newest else None,
        has_open_deal=scope.is_open,
        won_days=(today - max(won)).days if won else None,
    )


def talk_for(kind: DraftKind, history: History, scope: Scope, answered: Talk | None) -> Talk | None:
    """Return the conversation that the draft takes up.

    The mail answered, our own mail for a nudge if nothing came since, else the last in which the
    customer spoke. A contact who was named took part in it: nobody is thanked for somebody else's
    call.
    """
    if answered is not None:
        return answered
    with_them = [talk for talk in history.talks if scope.contact is None or talk.has(scope.contact)]
    if kind is DraftKind.NUDGE:
        ours = next((talk for talk in with_them if talk.is_from_us), None)
        theirs = next(_theirs(history, scope), None)
        # What they said since is what a reminder has to take up.
        is_newest = theirs is None or (
            ours is not None and ours.row.started_at >= theirs.row.started_at
        )
        if ours is not None and is_newest:
            return ours
    return next(_theirs(history, scope), None) or next(iter(with_them), None)


def _theirs(history: History, scope: Scope) -> Iterator[Talk]:
    for talk in history.talks:
        if talk.has_their_words and (scope.contact is None or talk.has(scope.contact)):
            yield talk


def talks_to_read(history: History, talk: Talk | None, answered: Talk | None) -> list[Talk]:
    """Return the conversations whose words are read, without repeats: at most ten."""
    theirs = [each for each in history.talks if each.has_their_words][:_READ_TALKS]
    ours = [each for each in history.talks if each.is_from_us][:1]
    thread = history.thread[-_READ_THREAD:]
    every = [*([answered] if answered else []), *([talk] if talk else []), *theirs, *ours, *thread]
    return list({each.row.id: each for each in every}.values())


def is_answered(mail: Talk, others: Sequence[Talk]) -> bool:
    """Say whether our side wrote in a mail's thread after it."""
    return any(
        other.is_from_us
        and other.row.started_at > mail.row.started_at
        and (
            (mail.row.thread_key and other.row.thread_key == mail.row.thread_key)
            or (mail.row.message_id and other.row.in_reply_to == mail.row.message_id)
        )
        for other in others
    )
