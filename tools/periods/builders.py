"""Builders of atoms that the rules of both languages share."""

import re
from collections.abc import Callable
from datetime import date, timedelta

from crm.period import Period
from tools.periods.clock import Clock, Unit, day_of, month_of
from tools.periods.mention import Atom, Kind


def whole(match: "re.Match[str]", period: Period | None, kind: Kind) -> Atom | None:
    """Return the matched text as a finished period, or None without one."""
    return Atom(match.start(), match.end(), period, kind) if period else None


def relative(match: "re.Match[str]", clock: Clock, unit: Unit, shift: int) -> Atom | None:
    """Return the unit so many from today's; a year also completes months and quarters."""
    if abs(shift) > 1000:
        return None
    period = clock.unit(unit, shift)
    if unit != "year":
        return Atom(match.start(), match.end(), period, unit)
    return Atom(
        match.start(),
        match.end(),
        period,
        "year",
        fiscal_year=clock.fiscal_year + shift,
        calendar_year=clock.today.year + shift,
    )


def named_year(match: "re.Match[str]", number: int, is_weak: bool = False) -> Atom:
    """Return a calendar year named by its number."""
    period = Period(date(number, 1, 1), date(number, 12, 31))
    return Atom(
        match.start(),
        match.end(),
        period,
        "year",
        fiscal_year=number,
        calendar_year=number,
        is_weak=is_weak,
    )


def fiscal_year(match: "re.Match[str]", number: int, clock: Clock) -> Atom:
    """Return a fiscal year named by its number."""
    period = clock.calendar.year(number)
    return Atom(
        match.start(), match.end(), period, "year", fiscal_year=number, calendar_year=number
    )


def quarter(match: "re.Match[str]", number: int, clock: Clock) -> Atom:
    """Return a quarter of the running fiscal year until a year is joined to it."""
    return quarters(match, number, number, clock)


def quarters(match: "re.Match[str]", first: int, last: int, clock: Clock) -> Atom:
    """Return quarters `first` … `last` of a year."""
    of = clock.calendar.quarter

    def in_year(year: int) -> Period:
        return Period(of(year, first).start, of(year, last).end)

    kind: Kind = "quarter" if first == last else "range"
    period = in_year(clock.fiscal_year)
    return Atom(match.start(), match.end(), period, kind, in_year=in_year, is_fiscal=True)


def half(match: "re.Match[str]", number: int, clock: Clock) -> Atom:
    """Return a half of the running fiscal year until a year is joined to it."""

    def in_year(year: int) -> Period:
        return clock.calendar.half(year, number)

    period = in_year(clock.fiscal_year)
    return Atom(match.start(), match.end(), period, "half", in_year=in_year, is_fiscal=True)


def calendar_month(
    match: "re.Match[str]", number: int, clock: Clock, is_weak: bool = False
) -> Atom | None:
    """Return the most recent such month that has begun, until a year is joined to it."""
    if not 1 <= number <= 12:
        return None

    def in_year(year: int) -> Period | None:
        return month_of(year, number)

    return floating(match, in_year, "month", clock, is_weak=is_weak)


def month_day(match: "re.Match[str]", number: int, day: int, clock: Clock) -> Atom | None:
    """Return the most recent such day that is not in the future."""

    def in_year(year: int) -> Period | None:
        return day_of(year, number, day)

    return floating(match, in_year, "day", clock)


def day_range(
    match: "re.Match[str]", number: int, days: tuple[int, int], clock: Clock
) -> Atom | None:
    """Return days `days[0]` … `days[1]` of a month."""

    def in_year(year: int) -> Period | None:
        first, last = day_of(year, number, days[0]), day_of(year, number, days[1])
        return Period(first.start, last.end) if first and last and days[0] <= days[1] else None

    return floating(match, in_year, "range", clock)


def floating(
    match: "re.Match[str]",
    in_year: Callable[[int], Period | None],
    kind: Kind,
    clock: Clock,
    is_weak: bool = False,
) -> Atom | None:
    """Return the most recent such period that has begun; a leap day looks back eight years."""
    for back in range(9):
        period = in_year(clock.today.year - back)
        if period and period.start <= clock.today:
            return Atom(match.start(), match.end(), period, kind, in_year=in_year, is_weak=is_weak)
    return None


def weekday(match: "re.Match[str]", number: int, week: int, clock: Clock) -> Atom:
    """Return a weekday (0 = Monday) of the week that lies `week` weeks from today's."""
    day = clock.unit("week", week).start + timedelta(days=number)
    return Atom(match.start(), match.end(), Period(day, day), "day")


def century(number: int) -> int:
    """Return the four-digit year meant by two digits."""
    return number if number > 99 else (2000 if number < 70 else 1900) + number
