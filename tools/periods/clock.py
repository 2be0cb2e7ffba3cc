"""Date arithmetic from today: units of the calendar, counted stretches, and parts of periods."""

import calendar as gregorian
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from crm.period import FiscalCalendar, Period, month

Unit = Literal["day", "week", "month", "quarter", "half", "year"]

MAX_COUNT = 1200
VAGUE_DAYS = 90


@dataclass(frozen=True)
class Clock:
    """Today, and the fiscal calendar; quarters, halves and relative years follow the latter."""

    today: date
    calendar: FiscalCalendar

    @property
    def fiscal_year(self) -> int:
        """Return the name of the fiscal year that today lies in."""
        return self.calendar.quarter_of(self.today)[0]

    def unit(self, unit: Unit, shift: int = 0) -> Period:
        """Return the day, week (from Monday), … that lies `shift` units from today's."""
        if unit == "day":
            return one_day(self.today + timedelta(days=shift))
        if unit == "week":
            monday = self.today - timedelta(days=self.today.weekday()) + timedelta(weeks=shift)
            return Period(monday, monday + timedelta(days=6))
        if unit == "month":
            first = add_months(self.today.replace(day=1), shift)
            return month(first.year, first.month)
        if unit == "year":
            return self.calendar.year(self.fiscal_year + shift)
        year, quarter = self.calendar.quarter_of(self.today)
        if unit == "half":
            index = year * 2 + (quarter - 1) // 2 + shift
            return self.calendar.half(index // 2, index % 2 + 1)
        index = year * 4 + quarter - 1 + shift
        return self.calendar.quarter(index // 4, index % 4 + 1)

    def last(self, count: int, unit: Unit) -> Period | None:
        """Return the stretch that ends today; quarters and halves are whole ones before today's."""
        if not 0 < count <= MAX_COUNT:
            return None
        if unit in ("quarter", "half"):
            return self.complete(count, unit)
        return Period(_moved(self.today, -count, unit) + timedelta(days=1), self.today)

    def next(self, count: int, unit: Unit) -> Period | None:
        """Return the stretch from today; quarters and halves are whole ones after today's."""
        if not 0 < count <= MAX_COUNT:
            return None
        if unit in ("quarter", "half"):
            return Period(self.unit(unit, 1).start, self.unit(unit, count).end)
        return Period(self.today, _moved(self.today, count, unit) - timedelta(days=1))

    def complete(self, count: int, unit: Unit) -> Period | None:
        """Return the whole units that ended before today's unit began."""
        if not 0 < count <= MAX_COUNT:
            return None
        return Period(self.unit(unit, -count).start, self.unit(unit, -1).end)

    def to_date(self, unit: Unit) -> Period:
        """Return today's unit from its start until today."""
        return Period(self.unit(unit).start, self.today)


def add_months(day: date, months: int) -> date:
    """Return the day so many months on, on the month's last day where it is shorter."""
    index = day.year * 12 + day.month - 1 + months
    year, number = index // 12, index % 12 + 1
    return date(year, number, min(day.day, gregorian.monthrange(year, number)[1]))


def one_day(day: date) -> Period:
    """Return the period of a single day."""
    return Period(day, day)


def day_of(year: int, month_number: int, day: int) -> Period | None:
    """Return the period of a date, or None where the calendar has no such day."""
    try:
        return one_day(date(year, month_number, day))
    except ValueError:
        return None


def month_of(year: int, number: int) -> Period | None:
    """Return the calendar month, or None where there is none."""
    return month(year, number) if 1 <= number <= 12 and 1 < year < 9999 else None


def shifted_years(period: Period, years: int) -> Period:
    """Return the same period so many years on; a month's last day stays its last day."""
    end = add_months(period.end, 12 * years)
    if (period.end + timedelta(days=1)).day == 1:
        end = end.replace(day=gregorian.monthrange(end.year, end.month)[1])
    return Period(add_months(period.start, 12 * years), end)


def part_of(outer: Period, unit: Unit, first: int, last: int) -> Period | None:
    """Return units `first`…`last` of a period, counted from 1, or from its end if negative."""
    bounds = _pieces(outer, unit)
    try:
        low = bounds[first - 1 if first > 0 else first]
        high = bounds[last - 1 if last > 0 else last]
    except IndexError:
        return None
    return Period(low.start, high.end) if low.start <= high.start else None


def _pieces(outer: Period, unit: Unit) -> list[Period]:
    if unit == "half":
        months = (outer.end.year - outer.start.year) * 12 + outer.end.month - outer.start.month + 1
        if months % 2:
            middle = outer.start + timedelta(days=((outer.end - outer.start).days + 1) // 2)
        else:
            middle = add_months(outer.start, months // 2)
        return [Period(outer.start, middle - timedelta(days=1)), Period(middle, outer.end)]
    pieces: list[Period] = []
    start, count = outer.start, 0
    while start <= outer.end and count <= MAX_COUNT:
        count += 1
        following = _moved(outer.start, count, unit)
        pieces.append(Period(start, min(following - timedelta(days=1), outer.end)))
        start = following
    return pieces


def _moved(day: date, count: int, unit: Unit) -> date:
    if unit == "day":
        return day + timedelta(days=count)
    if unit == "week":
        return day + timedelta(weeks=count)
    months = {"month": 1, "quarter": 3, "half": 6, "year": 12}[unit]
    return add_months(day, months * count)
