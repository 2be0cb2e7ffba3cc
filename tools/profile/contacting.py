"""What happened last: contact each way, silence, whose answer is due."""

from datetime import datetime

from crm.facts import Fact, FactKind
from crm.models import Activity, ConversationKind, Participant, Side
from tools.deal_events import ACTIVITY_WORDS, titled
from tools.profile.matters import planned_steps
from tools.profile.model import Contacting, Touch
from tools.profile.rows import Asked, Rows, Talked
from tools.profile.words import WORDS


def contacting(rows: Rows, asked: Asked) -> Contacting:
    """Return how contact stands; calls and meetings count for both sides.

    The CRM's log of a call or mail does not say who wrote: it moves `last` alone.
    """
    talks = [(talk, _touch(talk, asked)) for talk in rows.talks]
    logged = [_logged(activity, asked) for activity in rows.activities]
    touches = [touch for _, touch in talks] + [touch for touch in logged if touch]
    touches.sort(key=lambda touch: touch.happened_at, reverse=True)
    last = touches[0] if touches else None
    heard = next((t for talk, t in talks if _is_from(talk, Side.CUSTOMER)), None)
    sent = next((t for talk, t in talks if _is_from(talk, Side.OURS)), None)
    silence = (asked.today - last.happened_at.date()).days if last else None
    newest = talks[0][0] if talks else None
    return Contacting(
        last=last,
        last_heard=heard,
        last_sent=sent,
        days_of_silence=max(silence, 0) if silence is not None else None,
        waiting=_waiting(newest, last),
        planned=tuple(planned_steps(rows, asked)[: asked.limit]),
        recent=tuple(touch for _, touch in talks[: asked.limit]),
    )


def _is_from(talk: Talked, side: Side) -> bool:
    return talk.row.kind != ConversationKind.EMAIL or talk.side is side


def _waiting(newest: Talked | None, last: Touch | None) -> Side | None:
    """Return whose answer is due, if a mail was the last contact of all."""
    if newest is None or last is None or newest.sender is None:
        return None
    if newest.row.started_at < last.happened_at or newest.side is None:
        return None
    return Side.OURS if newest.side is Side.CUSTOMER else Side.CUSTOMER


def _touch(talk: Talked, asked: Asked) -> Touch:
    row = talk.row
    who = _who(talk)
    text = _word(row.started_at, row.kind, row.title, who, asked)
    is_email = row.kind == ConversationKind.EMAIL
    fact = Fact(
        kind=FactKind.EMAIL if is_email else FactKind.ACTIVITY,
        text=text,
        as_of=row.started_at,
        source=f"conversation:{row.id}",
    )
    return Touch(row.started_at, row.kind, row.title, talk.side, who, (fact,))


def _who(talk: Talked) -> str | None:
    """Return who wrote a mail, or who of the customer's side took part in a talk."""
    if talk.sender is not None:
        return talk.sender.name
    customers: list[Participant] = [one for one in talk.people if one.side == Side.CUSTOMER]
    return ", ".join(one.name for one in customers) or None


def _logged(activity: Activity, asked: Asked) -> Touch | None:
    at = activity.occurred_at
    if at is None:
        return None
    text = _word(at, activity.kind, activity.subject, None, asked)
    source = f"activity:{activity.id}"
    fact = Fact(kind=FactKind.ACTIVITY, text=text, as_of=at, source=source)
    return Touch(at, activity.kind, activity.subject, None, None, (fact,))


def _word(at: datetime, kind: str, title: str, who: str | None, asked: Asked) -> str:
    words = WORDS[asked.language]
    what = titled(ACTIVITY_WORDS[asked.language].get(kind, kind), title, asked.language)
    by = words["by"].format(who=who) if who else ""
    return words["touch"].format(day=f"{at:%Y-%m-%d}", what=what, who=by)
