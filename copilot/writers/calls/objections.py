"""Objections: what the customer says stands in the way, and people it loses on the way."""

from collections.abc import Sequence

from copilot.writers.calls.cues import CueBook
from copilot.writers.calls.notes import NoteDraft
from copilot.writers.calls.statements import Statement
from crm.index.passages import length_of
from crm.models import NoteKind

_MAX_TEXT = 300
_SHORTEST = 2.5


def find_objections(statements: Sequence[Statement], book: CueBook) -> list[NoteDraft]:
    """Return the customer's objections, those of one line joined into one."""
    found: dict[int, list[Statement]] = {}
    for statement in statements:
        if objects(statement, book):
            found.setdefault(statement.line.place, []).append(statement)
    return [_note(group, book) for group in found.values()]


def objects(statement: Statement, book: CueBook) -> bool:
    """Say whether the customer objects here; what they merely ask is no objection."""
    if (
        not statement.is_theirs
        or statement.is_order
        or statement.text.rstrip().endswith(("?", "？"))
    ):
        return statement.is_theirs and not statement.is_order and _asks_how_to_explain(statement)
    if length_of(statement.text) < _SHORTEST or _is_denied(statement, book):
        return False
    return (
        book.has("objection", statement.text)
        or book.has("risk_person", statement.text)
        or _is_trouble_with_us(statement.text, book)
    )


def _is_trouble_with_us(text: str, book: CueBook) -> bool:
    """Say whether trouble is told of what we sell or offer, not of the customer's own days."""
    if not book.has("trouble", text) or book.has("about_them", text):
        return False
    return book.has("about_us", text) and not book.has("pain", text)


def _asks_how_to_explain(statement: Statement) -> bool:
    words = ("how should i explain", "how do i explain", "怎么跟", "怎么向")
    return any(word in statement.text.casefold() for word in words)


def _is_denied(statement: Statement, book: CueBook) -> bool:
    """Say whether a worry is none, or over: "no concerns", "that was a worry", 不担心."""
    text = statement.text.casefold()
    if book.has("relief", text):
        return True
    cue = book.find("objection", statement.text)
    if cue is None:
        return False
    before = text[max(0, cue.start() - 12) : cue.start()]
    if book.language == "zh":
        return before.endswith(("不", "没", "没有", "没什么", "不用", "不会", "别"))
    return before.rstrip().endswith((" no", "not a", "not my", "without", "no"))


def _note(group: Sequence[Statement], book: CueBook) -> NoteDraft:
    line = group[0].line
    joint = "" if book.language == "zh" else " "
    return NoteDraft(
        kind=NoteKind.OBJECTION,
        text=joint.join(each.text for each in group)[:_MAX_TEXT],
        segments=(line.position,),
        speaker=line.speaker,
        side=line.side,
        start_ms=line.start_ms,
        end_ms=line.end_ms,
    )
