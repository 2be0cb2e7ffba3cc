"""A call as its files describe it: what is known about it, who took part, and what was said."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from crm.errors import BadInput
from crm.models import ConversationKind, Side
from ingest.conversations import ParsedSegment
from ingest.identity import Person
from ingest.speech.channels import Channel
from ingest.wording import clean_label, clean_text, split_text

MAX_SEGMENTS = 50_000
MAX_PEOPLE = 300
MAX_TIME_MS = 7 * 24 * 3_600_000
UNKNOWN_SPEAKER = "Speaker 1"

_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2})(?:[.,](\d{1,6}))?")
_CHANNELS: dict[object, Channel] = {"left": "left", "right": "right", 0: "left", 1: "right"}


class CallPerson(BaseModel):
    """A participant; `channel` is the side of a stereo recording they are heard on."""

    model_config = ConfigDict(extra="ignore")

    name: str = ""
    email: str | None = None
    role: str | None = None
    side: Side | None = None
    channel: Channel | None = None

    @field_validator("name", mode="before")
    @classmethod
    def _clean_name(cls, value: Any) -> str:
        return clean_label(str(value or ""), 200)

    @field_validator("email", "role", mode="before")
    @classmethod
    def _clean_optional(cls, value: Any) -> str | None:
        return clean_label(str(value), 320) or None if value else None

    @field_validator("channel", mode="before")
    @classmethod
    def _read_channel(cls, value: Any) -> Channel | None:
        if value is None or isinstance(value, bool):
            return None
        key = value.strip().lower() if isinstance(value, str) else value
        if key not in _CHANNELS:
            raise ValueError("is neither left nor right")
        return _CHANNELS[key]

    def to_person(self) -> Person:
        """Return the participant as identity resolution takes them."""
        email = self.email.lower() if self.email else None
        return Person(self.name or email or UNKNOWN_SPEAKER, email, self.role, self.side)


class CallMetadata(BaseModel):
    """What a transcript's head or a sidecar says; every field may be missing."""

    model_config = ConfigDict(extra="ignore")

    id: str | None = None
    title: str | None = None
    kind: ConversationKind = ConversationKind.CALL
    started_at: datetime | None = None
    language: str | None = None
    account: str | None = None
    opportunity: str | None = None
    participants: list[CallPerson] = Field(default_factory=list, max_length=MAX_PEOPLE)

    @field_validator("id", "title", "language", "account", "opportunity", mode="before")
    @classmethod
    def _clean(cls, value: Any) -> str | None:
        if value is None or isinstance(value, dict | list):
            return None
        return clean_label(str(value)) or None

    @field_validator("started_at")
    @classmethod
    def _in_utc(cls, value: datetime | None) -> datetime | None:
        if value is None:
            return None
        if not 1980 <= value.year <= 2200:
            raise ValueError("lies outside 1980-2200")
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)


@dataclass(frozen=True)
class CallFile:
    """A transcript file, read."""

    metadata: CallMetadata
    segments: tuple[ParsedSegment, ...]


def read_metadata(values: dict[str, Any], name: str) -> CallMetadata:
    """Return validated metadata; BadInput names the file, the field and the value."""
    try:
        return CallMetadata.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        shown = repr(first["input"])[:100]
        raise BadInput(f"{name!r}: {field} is {shown}: {first['msg']}") from error


def merge_metadata(own: CallMetadata, sidecar: CallMetadata) -> CallMetadata:
    """Return the file's own metadata with the gaps filled from its sidecar."""
    given = {key: value for key, value in own if key in own.model_fields_set and value}
    return sidecar.model_copy(update=given)


def read_time_ms(value: Any) -> int | None:
    """Return milliseconds from seconds or a clock such as `1:02:03.5`; None if it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        # Also refuses NaN and infinity, which compare false.
        return round(value * 1000) if 0 <= value <= MAX_TIME_MS / 1000 else None
    if not isinstance(value, str):
        return None
    clock = _CLOCK.fullmatch(value.strip())
    if clock is None:
        is_number = re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value.strip())
        return read_time_ms(float(value)) if is_number else None
    hours, minutes, seconds, fraction = clock.groups()
    total = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    milliseconds = total * 1000 + int((fraction or "0").ljust(3, "0")[:3])
    return milliseconds if milliseconds <= MAX_TIME_MS else None


def make_segments(
    speaker: str, text: str, start_ms: int | None, end_ms: int | None
) -> list[ParsedSegment]:
    """Return a turn as clean segments, none if nothing is left; an end before its start is moved.

    A turn too long for one segment becomes several at the same time.
    """
    whole = make_segment(speaker, text, start_ms, end_ms)
    return [replace(whole, text=piece) for piece in split_text(whole.text)]


def make_segment(
    speaker: str, text: str, start_ms: int | None, end_ms: int | None
) -> ParsedSegment:
    """Return a turn as one clean segment, whatever its length; an end before its start is moved."""
    if start_ms is None:
        end_ms = None
    elif end_ms is not None:
        end_ms = max(start_ms, end_ms)
    name = clean_label(speaker, 200) or UNKNOWN_SPEAKER
    return ParsedSegment(name, " ".join(clean_text(text).split()), start_ms, end_ms)


def in_order(segments: list[ParsedSegment], name: str) -> tuple[ParsedSegment, ...]:
    """Return the segments by start time where all have one; BadInput if none or far too many."""
    listed = as_listed(segments, name)
    if any(segment.start_ms is None for segment in listed):
        return listed
    return tuple(sorted(listed, key=lambda segment: segment.start_ms or 0))


def as_listed(segments: list[ParsedSegment], name: str) -> tuple[ParsedSegment, ...]:
    """Return the segments as the file has them; BadInput without words, or if far too many."""
    if not any(segment.text for segment in segments):
        raise BadInput(f"{name!r} holds no words: nothing to import")
    if len(segments) > MAX_SEGMENTS:
        raise BadInput(f"{name!r} has {len(segments):,} segments; the limit is {MAX_SEGMENTS:,}")
    return tuple(segments)
