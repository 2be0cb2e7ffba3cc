"""Days given on the command line, as days and as the moments where they begin or end."""

from datetime import date, datetime, time, timedelta

from crm.errors import BadInput


def read_day(text: str, option: str) -> date:
    """Return the day that an option names. Raises BadInput for anything but YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option} {text!r} is not a day: write it as 2026-03-31") from None


def day_begins(
    text: str | None, option: str, now: datetime, *, after_days: int = 0
) -> datetime | None:
    """Return midnight of the day, or of one so many days later, in the zone of `now`.

    Raises BadInput for no day, and for one whose later day is beyond the calendar.
    """
    if text is None:
        return None
    try:
        day = read_day(text, option) + timedelta(days=after_days)
    except OverflowError:
        raise BadInput(f"{option} {text!r} is too late: give an earlier day") from None
    return datetime.combine(day, time.min, now.tzinfo)


def day_ends(text: str | None, option: str, now: datetime) -> datetime | None:
    """Return the last moment of the day in the zone of `now`. Raises BadInput for no day."""
    return None if text is None else datetime.combine(read_day(text, option), time.max, now.tzinfo)
