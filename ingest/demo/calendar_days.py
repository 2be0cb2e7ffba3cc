"""Days around `today`: quarters, working hours, and how people write dates and money."""

from datetime import UTC, date, datetime, time, timedelta
from random import Random

from crm.period import FiscalCalendar, Period

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_SIGNS = {"USD": "$", "EUR": "€", "CNY": "¥"}


def quarter_at(day: date) -> Period:
    """Return the calendar quarter that the day lies in."""
    calendar = FiscalCalendar()
    return calendar.quarter(*calendar.quarter_of(day))


def workday(day: date) -> date:
    """Return the day, or the Friday before a weekend."""
    return day - timedelta(days=max(0, day.weekday() - 4))


def at(day: date, random: Random, first_hour: int = 8, last_hour: int = 17) -> datetime:
    """Return a moment of that day, UTC, within the hours."""
    return datetime.combine(
        day, time(random.randint(first_hour, last_hour), random.randrange(60)), UTC
    )


def office_time(moment: datetime) -> datetime:
    """Return the moment, or the next one at which people in offices write mail."""
    if moment.hour < 7:
        moment = moment.replace(hour=7)
    elif moment.hour > 18:
        moment = moment.replace(hour=7) + timedelta(days=1)
    return moment + timedelta(days=max(0, 7 - moment.weekday()) if moment.weekday() > 4 else 0)


def stamp(moment: datetime) -> str:
    """Return an aware time as ISO text in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def spoken_date(day: date, language: str) -> str:
    """Return a day as people say it: `March 14`, `3月14日`."""
    return (
        f"{day.month}月{day.day}日" if language == "zh" else f"{_MONTHS[day.month - 1]} {day.day}"
    )


def spoken_money(minor: int, currency: str, language: str) -> str:
    """Return an amount as people say it: `$180,000`, `96万元`."""
    major = round(minor / 100)
    if language == "zh" and currency == "CNY":
        return f"{major / 10000:.1f}".removesuffix(".0") + "万元"
    return f"{_SIGNS[currency]}{major:,}"


def plain_money(minor: int) -> str:
    """Return an amount in major units with two decimals."""
    return f"{minor // 100}.{minor % 100:02d}"
