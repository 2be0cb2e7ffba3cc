"""Questions of both sides, and whether anybody answered them."""

from collections.abc import Sequence

from copilot.writers.calls.cues import CueBook
from copilot.writers.calls.notes import Line, NoteDraft
from copilot.writers.calls.statements import Statement, asks, sentences_of
from crm.index.passages import length_of
from crm.models import NoteKind

_SHORTEST = 3.0
_REPLIES_READ = 3
_ANSWER = 4.0
_YES = 0.9


def find_questions(
    statements: Sequence[Statement], lines: Sequence[Line], book: CueBook
) -> list[NoteDraft]:
    """Return the questions, small talk and tags left out; an answered one cites its answer."""
    found: list[NoteDraft] = []
    for statement in statements:
        if not _is_worth_noting(statement, book):
            continue
        reply = _answer(statement, lines, book)
        line = statement.line
        segments = (line.position,) if reply is None else (line.position, reply.position)
        found.append(
            NoteDraft(
                kind=NoteKind.QUESTION,
                text=statement.text,
                segments=segments,
                speaker=line.speaker,
                side=line.side,
                start_ms=line.start_ms,
                end_ms=line.end_ms,
            )
        )
    return found


def _is_worth_noting(statement: Statement, book: CueBook) -> bool:
    if not statement.is_question or statement.is_order:
        return False
    if length_of(statement.text) < _SHORTEST or book.has("small_talk", statement.text):
        return False
    # "Tuesday at three?", "Shall we talk again?" propose; they do not ask.
    return not (book.has("meet", statement.text) and length_of(statement.text) < 16)


def _answer(statement: Statement, lines: Sequence[Line], book: CueBook) -> Line | None:
    """Return the line that answers: somebody else's, which says something and defers nothing."""
    place = statement.line.place
    for line in lines[place + 1 : place + 1 + _REPLIES_READ]:
        if line.speaker == statement.line.speaker:
            continue
        if _says_something(line, book):
            return line
        if book.has("deferral", line.text):
            return None
        if line.side is not statement.line.side:
            return None
    return None


def _says_something(line: Line, book: CueBook) -> bool:
    """Say whether a line answers before it defers: "Two of them. I will ask one for you"."""
    said: list[str] = []
    for part in sentences_of(line.text, book):
        if book.has("deferral", part):
            break
        if not asks(part, book):
            said.append(part)
    weight = length_of(" ".join(said))
    return weight >= _ANSWER or (weight >= _YES and bool(said) and _is_short_answer(said[0], book))


def _is_short_answer(text: str, book: CueBook) -> bool:
    return book.has("agree", text) or book.has("negation", text)
