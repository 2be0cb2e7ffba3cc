"""Date arithmetic that SQLite and PostgreSQL spell differently, as SQLAlchemy expressions."""

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, Integer, case, cast, extract, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from crm.period import FiscalCalendar


class DayOf(FunctionElement[date]):
    """The UTC day of a time."""

    type = Date()
    inherit_cache = True


class WeekStart(FunctionElement[date]):
    """The Monday of a day's week."""

    type = Date()
    inherit_cache = True


class DaysBetween(FunctionElement[int]):
    """Whole days from the second date to the first."""

    type = Integer()
    inherit_cache = True


class SecondsBetween(FunctionElement[int]):
    """Whole seconds from the second time to the first."""

    type = BigInteger()
    inherit_cache = True


@compiles(DayOf)
def _day_of(element: DayOf, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **kw)} AT TIME ZONE 'UTC' AS DATE)"


@compiles(DayOf, "sqlite")
def _day_of_sqlite(element: DayOf, compiler: SQLCompiler, **kw: Any) -> str:
    return f"date({compiler.process(element.clauses, **kw)})"


@compiles(WeekStart)
def _week_start(element: WeekStart, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST(date_trunc('week', {compiler.process(element.clauses, **kw)}) AS DATE)"


@compiles(WeekStart, "sqlite")
def _week_start_sqlite(element: WeekStart, compiler: SQLCompiler, **kw: Any) -> str:
    # SQLite moves forward to Sunday (staying on one), so six days back is the Monday.
    return f"date({compiler.process(element.clauses, **kw)}, 'weekday 0', '-6 days')"


@compiles(DaysBetween)
def _days_between(element: DaysBetween, compiler: SQLCompiler, **kw: Any) -> str:
    later, earlier = (compiler.process(part, **kw) for part in element.clauses)
    return f"({later} - {earlier})"


@compiles(DaysBetween, "sqlite")
def _days_between_sqlite(element: DaysBetween, compiler: SQLCompiler, **kw: Any) -> str:
    later, earlier = (compiler.process(part, **kw) for part in element.clauses)
    return f"CAST(julianday({later}) - julianday({earlier}) AS INTEGER)"


@compiles(SecondsBetween)
def _seconds_between(element: SecondsBetween, compiler: SQLCompiler, **kw: Any) -> str:
    later, earlier = (compiler.process(part, **kw) for part in element.clauses)
    return (
        f"CAST(floor(extract(epoch FROM {later})) - floor(extract(epoch FROM {earlier})) AS BIGINT)"
    )


@compiles(SecondsBetween, "sqlite")
def _seconds_between_sqlite(element: SecondsBetween, compiler: SQLCompiler, **kw: Any) -> str:
    later, earlier = (compiler.process(part, **kw) for part in element.clauses)
    return (
        f"(CAST(strftime('%s', {later}) AS INTEGER) - CAST(strftime('%s', {earlier}) AS INTEGER))"
    )


def day(value: date) -> ColumnElement[date]:
    """Return a date as a bound parameter that is typed on both databases."""
    return literal(value, Date)


def time_key(name: str, on: ColumnElement[Any], calendar: FiscalCalendar) -> ColumnElement[Any]:
    """Return a sortable key of a date: year 2017, quarter 20172, month 201704, week its Monday.

    Years and quarters are those of the fiscal calendar.
    """
    if name == "week":
        return WeekStart(on)
    year, month = cast(extract("year", on), Integer), cast(extract("month", on), Integer)
    if name == "month":
        return year * 100 + month
    first = calendar.first_month
    fiscal = year if first == 1 else year + case((month >= first, 1), else_=0)
    return fiscal if name == "year" else fiscal * 10 + ((month + 12 - first) % 12) // 3 + 1
