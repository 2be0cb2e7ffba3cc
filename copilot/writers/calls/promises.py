"""Commitments of each side with the day they fall due, and the next meeting that was agreed."""

import re
from collections.abc import Sequence
from datetime import date

from copilot.writers.calls.cues import CueBook
from copilot.writers.calls.due import Due, find_due
from copilot.writers.calls.notes import Line, NoteDraft
from copilot.writers.calls.statements import Statement, clause_around
from crm.index.passages import length_of
from crm.models import NoteKind, Side

_LOOK_BACK = 4
_LOOK_AHEAD = 3
_NEARBY = 8
_MAX_TEXT = 240
_OTHERS_PART = re.compile(
    r"[,;]?\s(?:and|while|then)\s(?:you|they|he|she)\s(?!can\b|will (?:get|have|see|find)\b)"
    r"|[，,；;](?:然后)?(?:您|你们?|贵司)(?:那?边)?(?:把|再|来|负责|去|跟|和)",
    re.IGNORECASE,
)
_TRAILING_ZH = re.compile(r"[。！!.，,吧了哈啊]+$")


def find_commitments(statements: Sequence[Statement], book: CueBook, day: date) -> list[NoteDraft]:
    """Return what each side said it will do; `due_on` is None where no day was named.

    Questions, conditions, denials and what was done already are no commitments.
    """
    found: list[NoteDraft] = []
    for place, statement in enumerate(statements):
        dues = find_due(_own_part(statement.text), day)
        if not promises(statement, book, is_dated=bool(dues)):
            continue
        due = dues[-1] if dues else _due_after(statements, place, day, book)
        text, segments = _with_task(statement, statements, place, book)
        line = statement.line
        found.append(
            NoteDraft(
                kind=NoteKind.COMMITMENT,
                text=text[:_MAX_TEXT],
                segments=segments,
                speaker=line.speaker,
                side=line.side if line.side is not Side.UNKNOWN else None,
                due_on=due.on if due else None,
                start_ms=line.start_ms,
                end_ms=line.end_ms,
            )
        )
    return _merged(found)


def _own_part(text: str) -> str:
    """Return the text up to where the speaker goes on to what the other side will do."""
    other = _OTHERS_PART.search(text)
    return text[: other.start()] if other else text


def promises(statement: Statement, book: CueBook, *, is_dated: bool = False) -> bool:
    """Say whether a statement commits its speaker; a day makes more wordings binding."""
    text = statement.text
    if statement.is_question or statement.is_order or statement.is_hypothetical:
        return False
    if book.has("not_ours", text):
        return False
    if book.has("will_do", text) and length_of(text) < 8:
        return True
    if _is_assigned(statement, book):
        return is_dated
    cue = book.find("commitment", text)
    if cue is None and is_dated:
        cue = book.find("commitment_dated", text)
    if cue is None:
        return False
    told = text if book.language == "zh" else cue.group() + text[cue.end() : cue.end() + 24]
    if book.has("vague_promise", told) and not is_dated:
        return False
    is_visit = book.has("meet", text)
    if is_visit and not book.has("delivers", cue.group() + text[cue.end() :]):
        return False
    return not _is_denied(text, cue, book)


def _is_denied(text: str, cue: re.Match[str], book: CueBook) -> bool:
    """Say whether the promise is one not to do it, or tells what was done already."""
    clause = clause_around(text, *cue.span())
    near = clause
    if book.language == "en":
        near = re.split(r"[,;.]|\bbut\b|\band\b", text[: cue.end()][-40:])[-1]
    return book.has("negation", near) or (book.has("past", clause) and not _is_ahead(clause, book))


def _is_ahead(clause: str, book: CueBook) -> bool:
    mark = (
        r"会|将|明天|下周|之前|以前" if book.language == "zh" else r"will|'ll|’ll|going to|tomorrow"
    )
    return re.search(mark, clause, re.IGNORECASE) is not None


def _is_assigned(statement: Statement, book: CueBook) -> bool:
    """Say whether somebody is told, before the other side, to do something for it."""
    return book.has("assigned", statement.text) and "人家" in statement.text


def _due_after(statements: Sequence[Statement], place: int, day: date, book: CueBook) -> Due | None:
    """Return the day that the same speaker names in the very next breath."""
    following = statements[place + 1 : place + 2]
    for statement in following:
        if statement.line.place != statements[place].line.place or statement.is_question:
            return None
        if book.has("commitment", statement.text) or length_of(statement.text) > 12:
            return None
        dues = find_due(statement.text, day)
        return dues[0] if dues else None
    return None


def _with_task(
    statement: Statement, statements: Sequence[Statement], place: int, book: CueBook
) -> tuple[str, tuple[int, ...]]:
    """Return the words of a promise; "I'll send it" gets what "it" was from shortly before."""
    here = statement.line.position
    alone: tuple[int, ...] = (here,)
    if not _points_back(statement, book):
        return statement.text, alone
    for earlier in reversed(statements[max(0, place - 2 * _LOOK_BACK) : place]):
        if statement.line.place - earlier.line.place > _LOOK_BACK:
            break
        if earlier.line.side is not statement.line.side:
            if book.has("request", earlier.text) and statement.line.place - earlier.line.place <= 1:
                return _joined(earlier.text, statement.text), (earlier.line.position, here)
            continue
        task = book.find("task", earlier.text)
        if task:
            return _joined(earlier.text, statement.text), _pair(earlier.line.position, here)
    return statement.text, alone


def _pair(first: int, second: int) -> tuple[int, ...]:
    return (first,) if first == second else (first, second)


def _joined(first: str, second: str) -> str:
    return f"{first} … {second}"


def _points_back(statement: Statement, book: CueBook) -> bool:
    if book.language == "en":
        return book.has("pronoun_object", statement.text) or book.has("will_do", statement.text)
    bare = _TRAILING_ZH.sub("", statement.text)
    return length_of(bare) <= 12 and book.has("elided_object", bare)


def _merged(notes: Sequence[NoteDraft]) -> list[NoteDraft]:
    """Return the notes with those of one speaker, one line and one day joined into one."""
    kept: list[NoteDraft] = []
    for place, note in enumerate(notes):
        near = notes[max(0, place - _NEARBY) : place + _NEARBY]
        if any(_tells_more(other, note) for other in near):
            continue
        before = kept[-1] if kept else None
        is_again = (
            before is not None
            and before.segments[-1] == note.segments[-1]
            and (before.due_on == note.due_on or note.due_on is None)
        )
        if not is_again:
            kept.append(note)
        elif before is not None and note.text not in before.text:
            text = f"{before.text} {note.text}"[:_MAX_TEXT]
            kept[-1] = NoteDraft(**{**before.__dict__, "text": text})
    return kept


def _tells_more(other: NoteDraft, note: NoteDraft) -> bool:
    """Say whether another promise holds this one's words and more: "I owe you X … by Friday"."""
    return (
        other is not note
        and other.side is note.side
        and note.text in other.text
        and other.text != note.text
        and (note.segments[0] in other.segments)
    )


def find_next_step(
    statements: Sequence[Statement], lines: Sequence[Line], book: CueBook, day: date
) -> NoteDraft | None:
    """Return the last meeting or call with a day that was proposed and not turned down."""
    for place in range(len(statements) - 1, -1, -1):
        statement = statements[place]
        if statement.is_order or not book.has("meet", statement.text):
            continue
        dues = [due for due in find_due(statement.text, day) if due.on > day]
        if not dues or book.has("negation", statement.text) or _is_supposed(statement):
            continue
        reply = _reply(statement, lines)
        if reply is not None and book.has("refuse_date", reply.text):
            continue
        segments: tuple[int, ...] = (statement.line.position,)
        if reply is not None and book.has("agree", reply.text):
            segments = (statement.line.position, reply.position)
        elif statement.is_question:
            continue
        return NoteDraft(
            kind=NoteKind.NEXT_STEP,
            text=statement.text[:_MAX_TEXT],
            segments=segments,
            speaker=statement.line.speaker,
            side=statement.line.side,
            due_on=dues[-1].on,
            start_ms=statement.line.start_ms,
            end_ms=statement.line.end_ms,
        )
    return None


def _is_supposed(statement: Statement) -> bool:
    return statement.is_hypothetical and not statement.is_question


def _reply(statement: Statement, lines: Sequence[Line]) -> Line | None:
    place = statement.line.place
    following = lines[place + 1 : place + 1 + _LOOK_AHEAD]
    return next((line for line in following if line.speaker != statement.line.speaker), None)
