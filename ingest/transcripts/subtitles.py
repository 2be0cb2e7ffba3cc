"""WebVTT, SRT and SBV transcripts, with the metadata that a WebVTT's notes may carry."""

import re
from collections.abc import Collection
from typing import Any

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
from ingest.transcripts.speakers import Turn, find_prefix_names, split_prefixes, split_voices

MAX_FIELD_CHARS = 10_000

_ARROW = re.compile(r"\s*([\d:.,]{4,20})\s*-->\s*([\d:.,]{4,20})(?:\s.*)?")
_COMMA = re.compile(r"(\d{1,3}:\d\d:\d\d\.\d{1,3}),(\d{1,3}:\d\d:\d\d\.\d{1,3})")
_FIELD = re.compile(
    r"(id|title|kind|started_at|language|account|opportunity|participants)\s*[:：]\s*(.*)", re.I
)
_ADDRESSED = re.compile(r"([^<>]*)<([^<>]+)>\s*")
_BLANK = re.compile(r"\n[ \t]*\n")


def read_vtt(text: str, name: str, known: Collection[str] = ()) -> CallFile:
    """Return a WebVTT transcript; BadInput if it is none, or holds no words."""
    blocks = _blocks(text)
    if not blocks or not blocks[0].startswith("WEBVTT"):
        raise BadInput(f"{name!r} does not begin with WEBVTT: not a WebVTT file")
    values = _fields(blocks[0].split("\n")[1:])
    for block in blocks[1:]:
        if block == "NOTE" or block.startswith(("NOTE ", "NOTE\n", "NOTE\t")):
            values.update(_fields(block[4:].split("\n")))
    metadata = read_metadata(values, name)
    names = {person.name for person in metadata.participants} | set(known)
    return CallFile(metadata, _segments(blocks[1:], name, names))


def read_srt(text: str, name: str, known: Collection[str] = ()) -> CallFile:
    """Return an SRT transcript; BadInput if there is no cue with words in it."""
    return CallFile(read_metadata({}, name), _segments(_blocks(text), name, known))


def read_sbv(text: str, name: str, known: Collection[str] = ()) -> CallFile:
    """Return an SBV transcript, as Google Meet and YouTube write it; BadInput if it has no cue."""
    return CallFile(read_metadata({}, name), _segments(_blocks(text), name, known))


def _blocks(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return [block.strip("\n") for block in _BLANK.split(lines.strip()) if block.strip()]


def _fields(lines: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for line in lines:
        found = _FIELD.fullmatch(line.strip()[:MAX_FIELD_CHARS])
        if found and found[2].strip():
            key, value = found[1].lower(), found[2].strip()
            values[key] = _people(value) if key == "participants" else value
    # Captions made for video say `Kind: captions`, which is no kind of conversation.
    if values.get("kind") in ("captions", "subtitles"):
        del values["kind"]
    return values


def _people(value: str) -> list[dict[str, str]]:
    people = []
    for part in re.split(r"[;；]", value):
        found = _ADDRESSED.fullmatch(part)
        if found:
            people.append({"name": found[1], "email": found[2]})
        elif part.strip():
            people.append({"name": part})
    return people


def _segments(blocks: list[str], name: str, known: Collection[str]) -> tuple[ParsedSegment, ...]:
    timed: list[tuple[Turn, int | None, int | None]] = []
    for block in blocks:
        lines = block.split("\n")
        # A cue may have an identifier above its times.
        for number, line in enumerate(lines[:2]):
            arrow = _ARROW.fullmatch(line) or _COMMA.fullmatch(line.strip())
            if arrow:
                start, end = read_time_ms(arrow[1]), read_time_ms(arrow[2])
                payload = "\n".join(lines[number + 1 :])
                timed += [(turn, start, end) for turn in split_voices(payload)]
                break
    return in_order(_spoken(timed, known), name)


def _spoken(
    timed: list[tuple[Turn, int | None, int | None]], known: Collection[str]
) -> list[ParsedSegment]:
    names = find_prefix_names([turn for turn, _, _ in timed], known)
    segments: list[ParsedSegment] = []
    speaker = UNKNOWN_SPEAKER
    for turn, start, end in timed:
        for part in split_prefixes(turn, names):
            # A cue that names nobody goes on with whoever spoke before.
            speaker = part.speaker or speaker
            segments += make_segments(speaker, part.text, start, end)
    return segments
