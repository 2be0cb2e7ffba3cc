"""Transcripts in JSON, and the sidecars in JSON or YAML that describe another file."""

import json
from pathlib import Path
from typing import Any

import yaml

from crm.errors import BadInput
from ingest.conversations import ParsedSegment
from ingest.transcripts.call import (
    UNKNOWN_SPEAKER,
    CallFile,
    CallMetadata,
    as_listed,
    make_segment,
    read_metadata,
    read_time_ms,
)
from ingest.wording import decode_text

MAX_SIDECAR_BYTES = 1_000_000
SIDECAR_SUFFIXES = (".json", ".yaml", ".yml")


def read_json_call(text: str, name: str) -> CallFile:
    """Return a JSON transcript; BadInput if it is not of the documented shape."""
    values = _object(text, name)
    segments = values.get("segments")
    if not isinstance(segments, list):
        raise BadInput(f"{name!r} has no list of segments: not a transcript")
    metadata = read_metadata(values, name)
    return CallFile(metadata, as_listed(_segments(segments, metadata), name))


def read_sidecar(path: Path) -> CallMetadata:
    """Return what a sidecar says about its file; BadInput if it cannot be read."""
    raw = path.read_bytes()
    if len(raw) > MAX_SIDECAR_BYTES:
        raise BadInput(f"{path.name!r} is too large to describe a call ({len(raw):,} bytes)")
    text = decode_text(raw)
    if path.suffix.lower() == ".json":
        return read_metadata(_object(text, path.name), path.name)
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadInput(f"{path.name!r} is not valid YAML: {str(error)[:200]}") from error
    if not isinstance(values, dict):
        raise BadInput(f"{path.name!r} has no fields: expected `title: …` and the like")
    return read_metadata(values, path.name)


def has_segments(path: Path) -> bool:
    """Say whether a JSON file is a transcript itself, rather than a sidecar."""
    if path.suffix.lower() != ".json":
        return False
    try:
        return "segments" in _object(decode_text(path.read_bytes()), path.name)
    except BadInput:
        return False


def _object(text: str, name: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{name!r} is not valid JSON: {str(error)[:200]}") from error
    if not isinstance(values, dict):
        raise BadInput(f"{name!r} is not a JSON object with title and segments")
    return values


def _segments(items: list[Any], metadata: CallMetadata) -> list[ParsedSegment]:
    names = {p.email.lower(): p.name for p in metadata.participants if p.email and p.name}
    segments: list[ParsedSegment] = []
    for item in items:
        # Others count a file's segments from 0: even one without words keeps its place.
        turn = item if isinstance(item, dict) else {}
        given, text = turn.get("speaker"), turn.get("text")
        speaker = str(given) if isinstance(given, str | int) else UNKNOWN_SPEAKER
        segments.append(
            make_segment(
                names.get(speaker.strip().lower(), speaker),
                text if isinstance(text, str) else "",
                read_time_ms(turn.get("start")),
                read_time_ms(turn.get("end")),
            )
        )
    return segments
