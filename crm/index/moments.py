"""Moments: a few short turns, or a piece of a long one, each about as long as a thought."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from crm.index.passages import length_of
from crm.index.terms import Wanted

TARGET_LENGTH = 30.0
MAX_LENGTH = 50.0
_CHARACTERS_A_WORD = 6
_SENTENCE = re.compile(r".+?(?:[.!?…]+(?=\s|$)|[。！？；]+|\n+|$)\s*", re.DOTALL)
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Said:
    """A turn, or a piece of it; `is_start` and `is_end` say whether the turn's ends are in it."""

    position: int
    speaker: str
    text: str
    length: float
    is_start: bool = True
    is_end: bool = True


@dataclass(frozen=True)
class Moment:
    """Turns or one piece of a turn, in order, inside the passage `passage_id`.

    `found` counts the wanted stems in it, `terms` all its terms; `length` is in words,
    the speakers' names included, as it is read.
    """

    conversation_id: int
    passage_id: int
    said: tuple[Said, ...]
    length: float
    found: Counter[str]
    terms: int

    @property
    def first(self) -> int:
        """The position of the first segment."""
        return self.said[0].position

    @property
    def last(self) -> int:
        """The position of the last segment."""
        return self.said[-1].position


def cut_moments(
    conversation_id: int,
    passage_id: int,
    turns: Iterable[tuple[int, str, str]],
    wanted: Wanted,
) -> Iterator[Moment]:
    """Yield the moments of a passage's turns, each (position, speaker, text), in order."""
    gathered: list[Said] = []
    length = 0.0
    for position, speaker, text in turns:
        for piece in _pieces(position, speaker, text):
            is_whole = piece.is_start and piece.is_end
            is_full = length >= TARGET_LENGTH or length + piece.length > MAX_LENGTH
            if gathered and (is_full or not is_whole or not gathered[-1].is_end):
                yield _moment(conversation_id, passage_id, gathered, wanted)
                gathered, length = [], 0.0
            gathered.append(piece)
            length += piece.length
    if gathered:
        yield _moment(conversation_id, passage_id, gathered, wanted)


def read_aloud(moments: Sequence[Moment]) -> str:
    """Return what was said in moments that follow each other, a line a turn, cuts as dots."""
    lines: list[str] = []
    before: Said | None = None
    for piece in (piece for moment in moments for piece in moment.said):
        if before is not None and before.position == piece.position:
            lines[-1] += _joint(before.text) + piece.text
        else:
            lines.append(f"{piece.speaker}: {'' if piece.is_start else '…'}{piece.text}")
        before = piece
    is_cut = before is not None and not before.is_end
    return "\n".join(lines) + ("…" if is_cut else "")


def _pieces(position: int, speaker: str, text: str) -> Iterator[Said]:
    clean = text.replace("\x00", " ").strip()
    if not clean:
        return
    length = length_of(clean)
    if length <= MAX_LENGTH:
        yield Said(position, speaker, clean, length)
        return
    parts = list(_cut(clean))
    for number, part in enumerate(parts):
        yield Said(
            position,
            speaker,
            part,
            length_of(part),
            is_start=number == 0,
            is_end=number == len(parts) - 1,
        )


def _cut(text: str) -> Iterator[str]:
    """Yield pieces of whole sentences; what has no sentences is cut between words or characters."""
    piece, length = "", 0.0
    for sentence in _SENTENCE.findall(text):
        for part in _shortened(sentence):
            more = length_of(part)
            if piece and length + more > MAX_LENGTH:
                yield piece.strip()
                piece, length = "", 0.0
            piece += part
            length += more
    if piece.strip():
        yield piece.strip()


def _shortened(sentence: str) -> Iterator[str]:
    length = length_of(sentence)
    if length <= MAX_LENGTH:
        yield sentence
        return
    width = max(1, min(_CHARACTERS_A_WORD * 50, round(len(sentence) * MAX_LENGTH / length)))
    start = 0
    while start < len(sentence):
        window = sentence[start : start + width]
        space = [match.end() for match in _SPACE.finditer(window)]
        is_last = start + width >= len(sentence)
        cut = space[-1] if space and space[-1] > width // 2 and not is_last else len(window)
        yield window[:cut]
        start += cut


def _moment(conversation_id: int, passage_id: int, said: list[Said], wanted: Wanted) -> Moment:
    # The speaker's name is part of what is searched, in every piece of a long turn.
    text = "\n".join(f"{piece.speaker} {piece.text}" for piece in said)
    found, terms = wanted.count(text)
    length = sum(piece.length + length_of(piece.speaker) for piece in said)
    return Moment(conversation_id, passage_id, tuple(said), length, found, terms)


def _joint(text: str) -> str:
    """Return what parts two pieces of a turn: nothing after a Chinese mark, else a space."""
    return "" if text[-1:] and ord(text[-1]) > 0x2E7F else " "
