"""What our records give to a letter, as sentences by code: offers, meetings, our next steps."""

import re
from collections.abc import Iterable
from datetime import date

from copilot.grounding.dates import find_dates, find_times
from copilot.grounding.pack.asked import DraftKind
from copilot.grounding.pack.hostile import orders_the_writer
from copilot.grounding.pack.model import DraftEvidence, Piece, Role
from copilot.grounding.sentences import CitedSentence
from copilot.writers.letters.quoting import is_question, shown_day
from crm.money import exponent, format_money

_NUMBER = re.compile(r"\b[A-Z]{1,5}-?\d[\w-]*\b")
_VALID = re.compile(r"(?:valid until|expires on|有效期至|有效期到|有效至)\s*", re.IGNORECASE)
_DEAD = re.compile(
    r"\b(?:rejected|expired|denied|superseded|draft)\b|已拒绝|已过期|作废|草稿", re.I
)
# Tasks are our own notes: only those that plainly do something for the customer are told.
_FOR_THEM = re.compile(
    r"^(?:send|share|provide|prepare|arrange|schedule|book|confirm|answer|organi[sz]e)\b"
    r"|^(?:发送|发|提供|准备|安排|预约|确认|回复|答复|整理|寄)",
    re.IGNORECASE,
)
_DATED_TASK = {
    "en": (
        "Our open task, not promised in the draft: {task}",
        "Our open task of {day}, not promised in the draft: {task}",
    ),
    "zh": ("我方待办（草稿中未承诺）：{task}", "我方待办（{day}到期，草稿中未承诺）：{task}"),
}
_DAY_AGREED = {
    "en": "We speak again on {weekday}, {day}{at}.",
    "zh": "下次沟通已安排在{day}（周{weekday}）{at}。",
}
_DAY_ASKED = {
    "en": "Does {weekday}, {day}{at} still suit you for our next call?",
    "zh": "{day}（周{weekday}）{at}通电话，您看还方便吗？",
}
INTERNAL = re.compile(
    r"economic buyer|champion|blocker|forecast|commit\b|pipeline|margin|discount|approval|intern"
    r"|competitor|crm\b|manager's|legal review|折扣|审批|内部|预测|竞争|毛利|决策人|底价|关系",
    re.IGNORECASE,
)


def offer_number(evidence: DraftEvidence) -> str | None:
    """Return the number of the offer in the evidence, None if there is none that stands."""
    piece = _offer(evidence)
    found = _NUMBER.search(piece.fact.text) if piece else None
    return found.group() if found else None


def offer_sentence(evidence: DraftEvidence) -> CitedSentence | None:
    """Return the offer with its total and how long it is valid; one that ran out is not told."""
    piece = _offer(evidence)
    if piece is None:
        return None
    language, fact = evidence.language, piece.fact
    number = offer_number(evidence)
    total = None
    if isinstance(fact.value, int | float) and fact.currency:
        total = format_money(round(fact.value * 10 ** exponent(fact.currency)), fact.currency)
    until = _valid_until(piece)
    is_cover = evidence.kind is DraftKind.PROPOSAL_COVER
    text = (
        _offer_zh(number, total, until, is_cover)
        if language == "zh"
        else _offer_en(number, total, until, is_cover)
    )
    return CitedSentence(text=text, facts=(fact.id,)) if text else None


def _offer(evidence: DraftEvidence) -> Piece | None:
    today = evidence.as_of.date()
    for piece in evidence.pieces:
        if piece.role is not Role.OFFER or _DEAD.search(piece.fact.text):
            continue
        until = _valid_until(piece)
        if until is None or until >= today:
            return piece
    return None


def _valid_until(piece: Piece) -> date | None:
    if piece.due_on is not None:
        return piece.due_on
    marked = _VALID.search(piece.fact.text)
    if marked is None:
        return None
    mentions, _ = find_dates(
        piece.fact.text[marked.end() :],
        piece.fact.as_of.date() if piece.fact.as_of else date.min.replace(year=2000),
    )
    return mentions[0].stated[0].start if mentions else None


def _offer_en(number: str | None, total: str | None, until: date | None, is_cover: bool) -> str:
    named = f"our quote {number}" if number else "our quote"
    over = f" over {total}" if total else ""
    if is_cover:
        end = f"; it is valid until {shown_day(until, 'en')} {until.year}" if until else ""
        return f"Here is {named}{over}{end}."
    if until:
        day = f"{shown_day(until, 'en')} {until.year}"
        return f"{named[:1].upper()}{named[1:]}{over} is valid until {day}."
    return f"This is about {named}{over}." if number or total else ""


def _offer_zh(number: str | None, total: str | None, until: date | None, is_cover: bool) -> str:
    named = f"我们的报价单{number}" if number else "我们的报价"
    over = f"，总价{total}" if total else ""
    end = f"，有效期至{until.year}年{shown_day(until, 'zh')}" if until else ""
    if is_cover:
        return f"以下是{named}{over}{end}。"
    return f"{named}{over}{end}。" if over or end else ""


def meeting_sentence(evidence: DraftEvidence) -> CitedSentence | None:
    """Return the next meeting that is agreed and still ahead, with its day and time.

    The one agreed last counts. A day that our side only proposed is asked for again.
    """
    today, language = evidence.as_of.date(), evidence.language
    ahead: list[tuple[bool, float, Piece, date]] = []
    for piece in evidence.pieces:
        day = (piece.due_on or _day_in(piece, today)) if piece.role is Role.MEETING else None
        if day is not None and day >= today:
            said = piece.fact.as_of.timestamp() if piece.fact.as_of and piece.quote else 0.0
            ahead.append((is_question(piece.quote or ""), -said, piece, day))
    if not ahead:
        return None
    is_asked, _, piece, day = min(ahead, key=lambda each: each[:2])
    times, _ = find_times(_after_day(piece.quote or piece.fact.text))
    at = times[0].raw if len(times) == 1 else _bare_hour(piece.quote or "")
    table = _DAY_ASKED if is_asked else _DAY_AGREED
    text = table[language].format(
        weekday="一二三四五六日"[day.weekday()] if language == "zh" else f"{day:%A}",
        day=shown_day(day, language),
        at=(at or "") if language == "zh" else (f" at {at}" if at else ""),
    )
    return CitedSentence(text=text, facts=(piece.fact.id,))


def _bare_hour(words: str) -> str | None:
    """Return the hour of "on 26 November at 10", which is none without its day."""
    found = re.search(
        r"\bat (?P<hour>[1-9]|1\d|2[0-3])(?=[ .,;]|$)(?! ?(?:%|percent|per cent))", words
    )
    return found["hour"] if found else None


def _after_day(text: str) -> str:
    # The clock of a transcript (@03:12) is no time of day.
    return re.sub(r"@\d+:\d\d(?::\d\d)?|[,，] \d{1,3}:\d\d(?::\d\d)?(?=[:：])", " ", text)


def _day_in(piece: Piece, today: date) -> date | None:
    base = piece.fact.as_of.date() if piece.fact.as_of else today
    mentions, _ = find_dates(piece.quote or piece.fact.text, base)
    ahead = [mention.stated[0].start for mention in mentions if mention.stated[0].start >= today]
    return ahead[0] if ahead else None


def tasks_for_rep(evidence: DraftEvidence) -> list[str]:
    """Return our open tasks that do something for the customer, in words for the rep.

    A task and its day are our own notes: only she can say whether the customer may hold us to it.
    """
    found: list[str] = []
    for piece in evidence.pieces:
        wording = _task_text(piece) if piece.role is Role.OUR_TASK else None
        if wording:
            due = piece.due_on
            day = shown_day(due, evidence.language) if due else ""
            dated = _DATED_TASK[evidence.language][bool(due)].format(day=day, task=wording)
            found.append(dated)
    return found


def _task_text(piece: Piece) -> str | None:
    wording = " ".join((piece.quote or _subject_of_task(piece.fact.text)).split()).rstrip(".。")
    if not _FOR_THEM.search(wording) or INTERNAL.search(wording):
        return None
    return None if orders_the_writer(wording) else wording


def _subject_of_task(text: str) -> str:
    """Return what is to be done from a fact such as "Our open task, due 2026-11-20: Send it."."""
    return re.split(r"[:：]\s*", text, maxsplit=1)[-1]


def pieces_of(evidence: DraftEvidence, roles: Iterable[Role]) -> list[Piece]:
    """Return the pieces of some roles in their order."""
    wanted = frozenset(roles)
    return [piece for piece in evidence.pieces if piece.role in wanted]
