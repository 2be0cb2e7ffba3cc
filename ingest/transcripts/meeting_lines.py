"""Turns in lines of text: who begins to speak where, in the forms that meeting programs write."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from crm.errors import BadInput
from ingest.conversations import ParsedSegment
from ingest.transcripts.call import (
    UNKNOWN_SPEAKER,
    CallFile,
    in_order,
    make_segments,
    read_metadata,
    read_time_ms,
)
from ingest.transcripts.meeting_preamble import read_preamble
from ingest.transcripts.speakers import Turn, find_prefix_names, is_person_name, split_prefixes

MAX_LINE_CHARS = 100_000
# Later than this no meeting begins to be spoken in: such first times are those of a wall clock.
_WALL_CLOCK_MS = 30 * 60_000

_T = r"\d{1,3}:\d{1,2}(?::\d{1,2})?(?:[.,]\d{1,6})?"
_RANGE = rf"(?P<start>{_T})(?:\s*(?:-->|[-–—~至])\s*(?P<end>{_T}))?"
_CHAT = re.compile(
    r"(?:\d{4}-\d\d-\d\d\s+)?(?P<start>\d\d:\d\d:\d\d)\s+(?:From|来自|自|从)\s+(?P<name>.{1,120}?)"
    r"(?:\s+(?:to|To|至|到|发送给|发给)\s+(?P<to>.{1,200}?))?\s*[:：]\s*(?P<rest>.*)"
)
_NAME_TIME = re.compile(
    rf"\[?(?P<name>(?:[^\W\d_]|\+\d)[^\[\]{{}}【】|]{{0,80}}?)\]?\s*[|,，·•\-–—]?\s*"
    rf"[(（\[【]?{_RANGE}[)）\]】]?\s*(?:[:：]\s*(?P<rest>.*))?"
)
_TIME_NAME = re.compile(
    rf"[(（\[【]{_RANGE}[)）\]】]\s*[|\-–—]?\s*(?P<name>[^:：\[\]]{{1,80}}?)\s*(?:[:：]\s*(?P<rest>.*))?"
)
_BARE_TIME_NAME = re.compile(
    rf"{_RANGE}\s*[|\-–—]?\s*(?P<name>[^\d\s:：\[\]][^:：\[\]]{{0,80}}?)\s*[:：]\s*(?P<rest>.*)"
)
_TIME = re.compile(rf"#{{0,4}}\s*[(（\[【]?{_RANGE}[)）\]】]?")
_FORMS = (_CHAT, _NAME_TIME, _TIME_NAME, _BARE_TIME_NAME, _TIME)

_PRIVATE = re.compile(r"\((?:direct message|privately)\)|（?(?:私聊|私信)）?", re.I)
_MARKUP = re.compile(r"\*\*(.{1,100}?)\*\*")
_NOTICE = re.compile(
    r".{0,100}\b(?:started|stopped) transcription\b.{0,40}|.{0,100}(?:已?(?:开始|停止)转录)"
    r"|\W*transcription ended after\b.{0,40}|\W*this editable transcript was computer generated.*"
    r"|\W*people can also change the text after it was created.*|转写(?:已)?结束.{0,40}",
    re.I,
)


@dataclass(frozen=True)
class _Head:
    """Where a turn begins: its line, times in milliseconds, who speaks, and any first words."""

    line: int
    name: str | None
    start_ms: int
    end_ms: int | None = None
    rest: str = ""
    is_private: bool = False


def read_lines(raw_lines: Sequence[str], name: str, known: Collection[str] = ()) -> CallFile:
    """Return the transcript in these lines; BadInput if nobody is seen to speak in them."""
    lines = _clean(raw_lines)
    form, heads = _find_heads(lines)
    first = heads[0].line if heads else len(lines)
    metadata = read_metadata(read_preamble(lines[:first]), name)
    known = {*known, *(person.name for person in metadata.participants)}
    segments = _timed(lines, heads, form, known) if heads else _untimed(lines, known)
    if not segments:
        raise BadInput(
            f"{name!r} is no transcript: no lines of names with times or words were found in it"
        )
    return CallFile(metadata, in_order(segments, name))


def count_heads(raw_lines: Sequence[str]) -> int:
    """Return how many turns begin in these lines; for a plain dialogue none unless it is clear."""
    lines = _clean(raw_lines)
    form, heads = _find_heads(lines)
    if heads and (form is not _TIME or _untimed(lines, ())):
        return len(heads)
    return len(_untimed(lines, ()))


def _clean(lines: Sequence[str]) -> list[str]:
    plain = (_MARKUP.sub(r"\1", line[:MAX_LINE_CHARS]).strip() for line in lines)
    return ["" if _NOTICE.fullmatch(line) else line for line in plain]


def _find_heads(lines: Sequence[str]) -> tuple[re.Pattern[str], list[_Head]]:
    """Return the form that most lines are in, and its heads."""
    found = [(form, _heads_of(lines, form)) for form in _FORMS]
    return max(found, key=lambda pair: len(pair[1]))


def _heads_of(lines: Sequence[str], form: re.Pattern[str]) -> list[_Head]:
    heads = [
        head
        for number, line in enumerate(lines)
        if len(line) < 300 or form in (_CHAT, _TIME_NAME, _BARE_TIME_NAME)
        if (found := form.fullmatch(line)) and (head := _head(number, found))
    ]
    counts = Counter(head.name for head in heads)
    times = [*(head.start_ms for head in heads[1:]), 1 << 60][: len(heads)]
    # A line such as "Monday 10:30" within a turn: a name never seen again, and a time to come.
    return [
        head
        for head, following in zip(heads, times, strict=True)
        if counts[head.name] > 1 or head.start_ms <= following
    ]


def _head(number: int, found: re.Match[str]) -> _Head | None:
    groups = found.groupdict()
    start = read_time_ms(groups["start"])
    if start is None:
        return None
    name = groups.get("name")
    if name is not None and not is_person_name(name):
        return None
    to = groups.get("to") or ""
    return _Head(
        number,
        name,
        start,
        read_time_ms(groups.get("end")),
        groups.get("rest") or "",
        _PRIVATE.search(to) is not None,
    )


def _timed(
    lines: Sequence[str], heads: list[_Head], form: re.Pattern[str], known: Collection[str]
) -> list[ParsedSegment]:
    offset = heads[0].start_ms
    offset = offset if form is _CHAT or offset > _WALL_CLOCK_MS else 0
    ends = [*(head.line for head in heads[1:]), len(lines)]
    turns = [
        (replace(head, start_ms=max(0, head.start_ms - offset)), lines[head.line + 1 : end])
        for head, end in zip(heads, ends, strict=True)
        if not head.is_private
    ]
    if form is _TIME:
        return _under_times(turns, known)
    return [
        segment
        for head, following in turns
        for segment in make_segments(
            head.name or UNKNOWN_SPEAKER,
            " ".join(filter(None, [head.rest, *following])),
            head.start_ms,
            head.end_ms,
        )
    ]


def _under_times(
    turns: list[tuple[_Head, Sequence[str]]], known: Collection[str]
) -> list[ParsedSegment]:
    """Return the turns in blocks headed by a time alone; the name is a line or a prefix."""
    blocks = [(head, [line for line in lines if line]) for head, lines in turns]
    bare = Counter(block[0] for _, block in blocks if len(block) > 1 and is_person_name(block[0]))
    is_named_by_line = sum(bare.values()) * 2 > len(blocks)
    prefixes = find_prefix_names([Turn(None, line) for _, block in blocks for line in block], known)
    segments: list[ParsedSegment] = []
    speaker = UNKNOWN_SPEAKER
    for head, block in blocks:
        if is_named_by_line and block and block[0] in bare:
            parts = [Turn(block[0], "\n".join(block[1:]))]
        else:
            parts = split_prefixes(Turn(None, "\n".join(block)), prefixes)
        for part in parts:
            speaker = part.speaker or speaker
            segments += make_segments(speaker, part.text, head.start_ms, head.end_ms)
    return segments


def _untimed(lines: Sequence[str], known: Collection[str]) -> list[ParsedSegment]:
    """Return the turns of a dialogue written as `Name: words`, none if it is hardly one."""
    turns = list(_prefixed(lines, known))
    spoken = Counter(turn.speaker for turn in turns)
    is_dialogue = len(turns) >= 4 and sum(count > 1 for count in spoken.values()) >= 2
    if not is_dialogue:
        return []
    return [
        segment
        for turn in turns
        for segment in make_segments(turn.speaker or UNKNOWN_SPEAKER, turn.text, None, None)
    ]


def _prefixed(lines: Sequence[str], known: Collection[str]) -> Iterator[Turn]:
    text = "\n".join(line for line in lines if line)
    names = find_prefix_names([Turn(None, line) for line in text.split("\n")], known)
    people = {name for name in names if is_person_name(name)}
    for turn in split_prefixes(Turn(None, text), people):
        if turn.speaker is not None:
            yield turn
