"""Periods of whole days, and the fiscal calendar that names them."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Period:
    """Whole days from `start` to `end`, both included; `label` is how the asker named it."""

    start: date
    end: date
    label: str = ""

    def __post_init__(self) -> None:
        """Refuse a period that ends before it starts."""
        if self.end < self.start:
            raise ValueError(f"period ends {self.end} before it starts {self.start}")

    def contains(self, day: date) -> bool:
        """Say whether the day lies in the period."""
        return self.start <= day <= self.end


@dataclass(frozen=True)
class FiscalCalendar:
    """A calendar whose year begins on the first of `first_month` (1 = January).

    A fiscal year is named after the calendar year in which it ends.
    """

    first_month: int = 1

    def year(self, number: int) -> Period:
        """Return a whole fiscal year."""
        start_year = number if self.first_month == 1 else number - 1
        start = date(start_year, self.first_month, 1)
        return Period(start, _add_months(start, 12) - timedelta(days=1), f"{number}")

    def quarter(self, year: int, number: int) -> Period:
        """Return quarter 1–4 of a fiscal year."""
        start = _add_months(self.year(year).start, 3 * (number - 1))
        return Period(start, _add_months(start, 3) - timedelta(days=1), f"Q{number} {year}")

    def half(self, year: int, number: int) -> Period:
        """Return half 1 or 2 of a fiscal year."""
        start = _add_months(self.year(year).start, 6 * (number - 1))
        return Period(start, _add_months(start, 6) - timedelta(days=1), f"H{number} {year}")

    def quarter_of(self, day: date) -> tuple[int, int]:
        """Return (fiscal year, quarter 1–4) of a day."""
        months = (day.month - self.first_month) % 12
        has_next_name = self.first_month > 1 and day.month >= self.first_month
        return day.year + has_next_name, months // 3 + 1


def month(year: int, number: int) -> Period:
    """Return a calendar month."""
    start = date(year, number, 1)
    return Period(start, _add_months(start, 1) - timedelta(days=1), f"{year:04d}-{number:02d}")


def _add_months(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)
