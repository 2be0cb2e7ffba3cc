"""Open matters: commitments of both sides, unanswered questions, and what is planned."""

import re
from dataclasses import replace
from datetime import date, timedelta

from crm.facts import Fact, FactKind
from crm.models import Activity, Conversation, ConversationKind, Note, NoteKind, Segment, Side
from tools.language import fold_script, has_han
from tools.profile.evidence import fold, from_note, recorded
from tools.profile.model import Known, Matter, Urgency
from tools.profile.rows import Asked, Rows, Talked, by_key
from tools.profile.words import WORDS
from tools.spoken import Spoken, quote_fact, shorten

# What nobody came back to for so long is history, not an open matter.
_OPEN_FOR = timedelta(days=180)
_QUOTE = 24.0
_SHARED = 0.5
_LEAST_SHARED = 2
_STEM = 7
_WORD = re.compile(r"[a-z][a-z'-]{3,}|[\u4e00-\u9fff]+")
_EMPTY = frozenset(
    {
        "will", "that", "this", "with", "have", "from", "your", "yours", "what", "when", "which",
        "send", "sent", "would", "could", "should", "shall", "please", "until", "before", "side",
        "back", "give", "gave", "make", "need", "about", "there", "they", "them", "then", "than",
        "some", "very", "well", "owe", "let's", "we'll", "i'll", "you'll", "call", "into", "more",
    }
)  # fmt: skip
_EMPTY_HAN = frozenset(
    {"我这", "这边", "给您", "发给", "最晚", "之前", "那我", "我们", "您的", "您发", "一下"}
)
_DELIVERS = re.compile(
    r"\battach(?:ed|ing)\b|\benclosed\b|\bhere (?:is|are)\b|\bplease find\b|\bas promised\b"
    r"|\b(?:have|has|had|just|already) (?:\w+ )?(?:sent|shared|forwarded|answered|done|signed)\b"
    r"|附件|附上|随信|已(?:经)?(?:发|寄|提交|完成|签|转|回复)|请查收|如约",
    re.IGNORECASE,
)
_RANK = {Urgency.OVERDUE: 0, Urgency.DUE: 1, Urgency.UNDATED: 2, Urgency.LIKELY_DONE: 3}


def open_commitments(rows: Rows, asked: Asked) -> list[Matter]:
    """Return promises of both sides and open tasks of ours: overdue, then due, then undated.

    Promises in deals that were closed since are over; one that a later mail seems to keep is
    listed last, with that mail. Promises due more than 180 days ago are history.
    """
    found = [_task(task, asked) for task in rows.tasks if _is_live_task(task, rows, asked)]
    seen: set[str] = set()
    later = _Later(rows)
    for note, talk in rows.notes_of(NoteKind.COMMITMENT):
        day = note.due_on or talk.started_at.date()
        key = f"{note.side}{fold(note.text)}"
        if key in seen or _is_over(talk, day, rows, asked):
            continue
        seen.add(key)
        known = from_note(note, talk, asked.language)
        settled = later.keeping(note, talk, asked)
        found.append(_matter(known, note.due_on, settled, asked))
    return sorted(found, key=_urgency)


def open_questions(rows: Rows, asked: Asked) -> list[Matter]:
    """Return questions that nobody answered: the customer's first, the newest first.

    A mail's question counts as answered once the other side wrote in the same thread.
    """
    found: list[Matter] = []
    seen: set[str] = set()
    later = _Later(rows)
    for note, talk in rows.notes_of(NoteKind.QUESTION):
        day = talk.started_at.date()
        is_answered = len(note.segments) > 1 or later.is_replied(talk)
        if is_answered or fold(note.text) in seen or _is_over(talk, day, rows, asked):
            continue
        seen.add(fold(note.text))
        known = from_note(note, talk, asked.language)
        settled = later.answering(note, talk, asked)
        urgency = Urgency.LIKELY_DONE if settled else Urgency.UNDATED
        found.append(Matter(known, urgency, None, (asked.today - day).days, settled))
    return sorted(found, key=lambda m: (_RANK[m.urgency], m.known.side == Side.OURS))


def planned_steps(rows: Rows, asked: Asked) -> list[Known]:
    """Return meetings and calls agreed for today or later, the nearest first."""
    found: dict[date, Known] = {}
    for note, talk in rows.notes_of(NoteKind.NEXT_STEP):
        if note.due_on is not None and note.due_on >= asked.today:
            known = from_note(note, talk, asked.language)
            found.setdefault(note.due_on, replace(known, value=note.due_on.isoformat()))
    return [found[day] for day in sorted(found)]


def _task(task: Activity, asked: Asked) -> Matter:
    words = WORDS[asked.language]
    due = words["due"].format(day=task.due_on) if task.due_on else ""
    known = recorded(
        task.subject,
        f"activity:{task.id}",
        as_of=asked.as_of,
        fact_text=words["task_fact"].format(subject=task.subject, due=due),
        opportunity_id=task.opportunity_id,
        kind=FactKind.ACTIVITY,
    )
    return _matter(replace(known, side=Side.OURS), task.due_on, (), asked)


def _is_live_task(task: Activity, rows: Rows, asked: Asked) -> bool:
    deal = rows.deal_of.get(task.opportunity_id or 0)
    is_closed = deal is not None and not deal.is_open
    is_old = task.due_on is not None and task.due_on < asked.today - _OPEN_FOR
    return not is_closed and not is_old


def _matter(known: Known, due_on: date | None, settled: tuple[Fact, ...], asked: Asked) -> Matter:
    days = (due_on - asked.today).days if due_on else None
    if settled:
        urgency = Urgency.LIKELY_DONE
    elif days is None:
        urgency = Urgency.UNDATED
    else:
        urgency = Urgency.OVERDUE if days < 0 else Urgency.DUE
    return Matter(known, urgency, due_on, days, settled)


def _urgency(matter: Matter) -> tuple[int, int, int]:
    newest = -(matter.known.known_on or date.min).toordinal()
    days = matter.days if matter.days is not None else 0
    # The latest missed day matters most; of what lies ahead, the nearest.
    return (_RANK[matter.urgency], abs(days), newest)


def _is_over(talk: Conversation, day: date, rows: Rows, asked: Asked) -> bool:
    """Say whether a matter is history: long past, or of a deal that was closed since."""
    if day < asked.today - _OPEN_FOR:
        return True
    deal = rows.deal_of.get(talk.opportunity_id or 0)
    return deal is not None and deal.was_closed_by(talk.started_at.date())


class _Later:
    """Finds later mails: those of the same thread, and those that speak of the same."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._by_id = {talk.row.id: talk for talk in rows.talks}
        self._threads = by_key(rows.talks, lambda talk: talk.row.thread_key)
        self._replies = by_key(rows.talks, lambda talk: talk.row.in_reply_to)
        self._terms: dict[int, set[str]] = {}

    def is_replied(self, talk: Conversation) -> bool:
        """Say whether the other side wrote in a mail's thread after it."""
        if talk.kind != ConversationKind.EMAIL:
            return False
        asker = self._by_id[talk.id].side
        later = self._threads.get(talk.thread_key, []) if talk.thread_key else []
        later = later + (self._replies.get(talk.message_id, []) if talk.message_id else [])
        return any(
            each.row.started_at > talk.started_at and each.side is not asker for each in later
        )

    def keeping(self, note: Note, talk: Conversation, asked: Asked) -> tuple[Fact, ...]:
        """Return the later mail of the promising side that says so and speaks of the same."""
        return self._speaking_of(note, talk, Side(note.side), asked) if note.side else ()

    def answering(self, note: Note, talk: Conversation, asked: Asked) -> tuple[Fact, ...]:
        """Return the later mail of the other side that speaks of what was asked."""
        other = Side.OURS if note.side != Side.OURS else Side.CUSTOMER
        return self._speaking_of(note, talk, other, asked)

    def _speaking_of(
        self, note: Note, talk: Conversation, side: Side, asked: Asked
    ) -> tuple[Fact, ...]:
        wanted = _telling(note.text)
        enough = max(_LEAST_SHARED, _SHARED * len(wanted))
        must_deliver = note.kind == NoteKind.COMMITMENT
        for mail, segments in self._rows.mails_by_side.get(side, ()):
            if mail.row.started_at <= talk.started_at or not _is_same_deal(mail.row, talk):
                continue
            for segment in segments:
                if len(wanted & self._telling(segment)) < enough:
                    continue
                if not must_deliver or _DELIVERS.search(segment.text):
                    return (_mail_fact(mail, segment, asked),)
        return ()

    def _telling(self, segment: Segment) -> set[str]:
        if segment.id not in self._terms:
            self._terms[segment.id] = _telling(segment.text)
        return self._terms[segment.id]


def _is_same_deal(mail: Conversation, talk: Conversation) -> bool:
    deals = {mail.opportunity_id, talk.opportunity_id}
    return None in deals or len(deals) == 1


def _telling(text: str) -> set[str]:
    """Return what a text is about: its longer words, cut short, and pairs of Han characters."""
    found: set[str] = set()
    for word in _WORD.findall(fold_script(text).casefold()):
        if has_han(word):
            pairs = {word[at : at + 2] for at in range(len(word) - 1)}
            found |= pairs - _EMPTY_HAN
        elif word not in _EMPTY:
            found.add(word.rstrip("s")[:_STEM])
    return found


def _mail_fact(mail: Talked, segment: Segment, asked: Asked) -> Fact:
    turn = Spoken(
        conversation_id=mail.row.id,
        title=mail.row.title,
        kind=mail.row.kind,
        started_at=mail.row.started_at,
        first=segment.position,
        last=segment.position,
        speaker=segment.speaker,
        side=mail.side or Side.UNKNOWN,
        start_ms=segment.start_ms,
        text=segment.text,
        before="",
    )
    quote = shorten(segment.text, (), _QUOTE)
    return quote_fact(turn, quote, as_of=mail.row.started_at, language=asked.language)
