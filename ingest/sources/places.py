"""Where a reading ordered by time goes on: behind what is stored, with room for stragglers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Place:
    """From when to read. With `after_id`, records of exactly that time count from behind this id.

    `since` is None for everything.
    """

    since: datetime | None = None
    after_id: str | None = None


def next_place(state: Mapping[str, Any], overlap: timedelta) -> Place:
    """Return where to go on, given an object's state: `at`, `id`, and `began` while under way.

    A change is stamped when it is made and seen when it is finished, so that each pass begins
    some minutes before the last one ended. A pass that was cut off goes on exactly where it was,
    as long as that is older than those minutes before its beginning.
    """
    at = parse_time(state.get("at"))
    if at is None:
        return Place()
    began = parse_time(state.get("began"))
    if began is None:
        return Place(at - overlap)
    if at < began - overlap:
        return Place(at, state.get("id"))
    return Place(began - overlap)


def parse_time(text: object) -> datetime | None:
    """Return an aware time in UTC from ISO 8601 or milliseconds since 1970; None if it is none."""
    if isinstance(text, datetime):
        return text.astimezone(UTC) if text.tzinfo else text.replace(tzinfo=UTC)
    try:
        if isinstance(text, int) or (isinstance(text, str) and text.isdigit() and len(text) > 10):
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except (ValueError, OverflowError, OSError):
        return None
    if found is None:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def shown_time(moment: datetime) -> str:
    """Return a time in UTC to the millisecond, as interfaces write it."""
    return (
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    )
