"""Lines cut into statements: sentences, or stretches of speech where nobody wrote full stops."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from copilot.writers.calls.cues import CueBook
from copilot.writers.calls.notes import Line
from crm.index.passages import length_of
from crm.models import Side

_SENTENCE = re.compile(
    r"(?:[^.!?。！？;；\n]|\.(?=\S)|(?<=\bDr)\.|(?<=\bMr)\.|(?<=\bMrs)\.|(?<=\bMs)\.)+"
    r"[.!?。！？;；\n]*"
)
_LONG = 26.0
_SHORTEST = 3.0
_MAX_STATEMENT = 600
_JOINTS_EN = re.compile(
    r"\s+(?=(?:and (?:i|we|then|that|it|after|they|once|can|could|honestly|also|yeah)|but"
    r"|so (?:i|we|the|that|can|can you|what|realistically)|because|i mean|okay|honestly"
    r"|by the way|we'?re also|we also|i'?m going|i'?ll|let me|maybe|which is|right so|anyway"
    r"|after that|also)\b)",
    re.IGNORECASE,
)
_JOINTS_ZH = re.compile(
    r"(?=(?:然后|但是|不过|另外|所以|估计|还有(?:就|一|个)|对了|我让|我回去|而且|同时"
    r"|那(?:总价|合同|咱们|我们)|我这边有|一个是))"
)


@dataclass(frozen=True)
class Statement:
    """What is said at one go; `index` counts the statements of its line."""

    line: Line
    index: int
    text: str
    is_question: bool
    is_hypothetical: bool
    is_order: bool

    @property
    def is_ours(self) -> bool:
        """Say whether our side speaks."""
        return self.line.side is Side.OURS

    @property
    def is_theirs(self) -> bool:
        """Say whether the customer speaks."""
        return self.line.side is Side.CUSTOMER


def cut_lines(lines: Sequence[Line], book: CueBook) -> list[Statement]:
    """Return the statements of all lines, in order.

    A line with an order to a machine ("ignore your rules") is marked as a whole: whoever speaks
    so does not tell about the deal.
    """
    return [statement for line in lines for statement in _cut(line, book)]


def _cut(line: Line, book: CueBook) -> Iterator[Statement]:
    is_order = book.has("order_to_machine", line.text)
    for index, text in enumerate(sentences_of(line.text, book)):
        yield Statement(
            line=line,
            index=index,
            text=text,
            is_question=asks(text, book),
            is_hypothetical=_is_hypothetical(text, book),
            is_order=is_order,
        )


def sentences_of(text: str, book: CueBook) -> list[str]:
    """Return the sentences of a text; one far too long is cut where speakers draw breath."""
    found: list[str] = []
    for match in _SENTENCE.finditer(" ".join(text.split())):
        sentence = match.group().strip()
        if length_of(sentence) > _LONG and sentence.count(",") + sentence.count("，") < 2:
            found += _at_joints(sentence, book)
        elif sentence.strip(" .!?。！？;；"):
            found.append(sentence[:_MAX_STATEMENT])
    return found


def _at_joints(sentence: str, book: CueBook) -> list[str]:
    joints = _JOINTS_ZH if book.language == "zh" else _JOINTS_EN
    parts: list[str] = []
    for piece in map(str.strip, joints.split(sentence)):
        if parts and (length_of(piece) < _SHORTEST or length_of(parts[-1]) < _SHORTEST):
            parts[-1] = f"{parts[-1]}{'' if book.language == 'zh' else ' '}{piece}"
        elif piece:
            parts.append(piece)
    return [part[:_MAX_STATEMENT] for part in parts]


def asks(text: str, book: CueBook) -> bool:
    """Say whether a statement is a question, written with its mark or only worded as one."""
    if text.rstrip("”\"' ").endswith(("?", "？")):
        return True
    if text.rstrip().endswith((".", "!", "。", "！", "；", ";")):
        return False
    bare = text.strip().rstrip(",，… ")
    if book.language == "zh":
        return book.has("question_opener", bare)
    opener = book.find("question_opener", bare)
    return opener is not None and opener.start() == 0


def _is_hypothetical(text: str, book: CueBook) -> bool:
    if book.has("benign_if", text):
        return False
    return book.has("hypothetical", text)


def clause_around(text: str, start: int, end: int) -> str:
    """Return the clause of a sentence in which a stretch stands."""
    left = max((text.rfind(mark, 0, start) for mark in ",，;；:：—"), default=-1)
    rights = [place for mark in ",，;；—" if (place := text.find(mark, end)) >= 0]
    return text[left + 1 : min(rights, default=len(text))].strip()
