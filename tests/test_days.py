"""Days given on the command line begin and end in the zone of the call."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from copilot.cli.days import day_begins, day_ends, read_day
from crm.errors import BadInput

SHANGHAI = timezone(timedelta(hours=8))
NOW = datetime(2026, 11, 16, 9, tzinfo=SHANGHAI)


def test_a_day_begins_and_ends_where_the_caller_is() -> None:
    assert read_day("2026-03-31", "--as-of") == date(2026, 3, 31)
    begins, ends = day_begins("2026-03-31", "--from", NOW), day_ends("2026-03-31", "--until", NOW)
    assert begins == datetime(2026, 3, 30, 16, tzinfo=UTC)
    assert ends is not None
    assert day_begins("2026-03-31", "--until", NOW, after_days=1) == ends + timedelta(
        microseconds=1
    )
    assert day_begins(None, "--from", NOW) is day_ends(None, "--until", NOW) is None


@pytest.mark.parametrize(("day", "hours"), [("2026-10-25", 25), ("2026-03-29", 23)])
def test_a_day_on_which_the_clocks_change_is_as_long_as_it_is(day: str, hours: int) -> None:
    now = datetime(2026, 2, 1, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    begins = day_begins(day, "--from", now)
    ends = day_begins(day, "--until", now, after_days=1)
    assert begins is not None
    assert ends is not None
    assert ends.astimezone(UTC) - begins.astimezone(UTC) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["31.3.2026", "2026-02-30", "", "tomorrow", "２０２６-03-31x"])
def test_what_is_no_day_is_named_with_its_option(text: str) -> None:
    with pytest.raises(BadInput, match=r"--since .* is not a day: write it as 2026-03-31"):
        day_begins(text, "--since", NOW)


def test_a_day_behind_the_calendar_is_refused() -> None:
    with pytest.raises(BadInput, match="too late"):
        day_begins("9999-12-31", "--until", NOW, after_days=1)
