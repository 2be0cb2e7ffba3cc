"""Periods in questions, against dates worked out by hand."""

from datetime import date
from pathlib import Path

import pytest
import yaml

from crm.period import FiscalCalendar
from tools.periods import PeriodMention, find_periods

TODAY = date(2026, 11, 16)
CASES = yaml.safe_load((Path(__file__).parent / "cases/periods.yaml").read_text(encoding="utf-8"))
TABLE = [
    pytest.param(date.fromisoformat(today), question, periods, id=f"{today} {question}")
    for today, rows in CASES.items()
    for question, periods in rows
]
EDGES = {date.min: "min", date.max: "max"}


def find(text: str, today: date = TODAY, first_month: int = 1) -> list[PeriodMention]:
    return find_periods(text, today=today, calendar=FiscalCalendar(first_month))


def spelled(mention: PeriodMention) -> str:
    start, end = mention.period.start, mention.period.end
    return f"{EDGES.get(start, start)}..{EDGES.get(end, end)}"


@pytest.mark.parametrize(("today", "question", "periods"), TABLE)
def test_a_question_names_these_periods(today: date, question: str, periods: list[str]) -> None:
    assert [spelled(mention) for mention in find(question, today)] == periods


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("in Q2 2017", "quarter"),
        ("H1 2026", "half"),
        ("in 2017", "year"),
        ("last 30 days", "rolling"),
        ("YTD", "to_date"),
        ("between March and May 2017", "range"),
        ("since January", "since"),
        ("before 2016", "before"),
        ("after 2016", "after"),
        ("until March 2017", "until"),
        ("lately", "vague"),
        ("最近怎么样", "vague"),
        ("上周", "week"),
        ("昨天", "day"),
        ("三月份", "month"),
    ],
)
def test_a_mention_says_its_kind(question: str, kind: str) -> None:
    assert [mention.kind for mention in find(question)] == [kind]


def test_spans_point_into_the_original_text() -> None:
    text = "那么２０１７年Ｑ２和2018 Q1呢"
    assert [text[m.start_char : m.end_char] for m in find(text)] == ["２０１７年Ｑ２", "2018 Q1"]
    assert [m.text for m in find(text)] == ["２０１７年Ｑ２", "2018 Q1"]


def test_an_open_side_is_flagged() -> None:
    since, before = find("since January")[0], find("before 2016")[0]
    assert (since.is_open_start, since.is_open_end) == (False, True)
    assert (before.is_open_start, before.is_open_end) == (True, False)


def test_what_starts_after_today_is_future() -> None:
    assert [m.is_future for m in find("next quarter and this quarter")] == [True, False]


def test_a_date_that_reads_two_ways_is_ambiguous() -> None:
    assert find("11/05/2016")[0].is_ambiguous
    assert not find("11/11/2016")[0].is_ambiguous
    assert not find("25/12/2016")[0].is_ambiguous


@pytest.mark.parametrize(
    ("question", "period"),
    [
        ("Q1 2017", "2016-04-01..2016-06-30"),
        ("this quarter", "2026-10-01..2026-12-31"),
        ("this year", "2026-04-01..2027-03-31"),
        ("FY2017", "2016-04-01..2017-03-31"),
        ("in 2017", "2017-01-01..2017-12-31"),
        ("March 2017", "2017-03-01..2017-03-31"),
        ("2017财年", "2016-04-01..2017-03-31"),
        ("第一季度", "2026-04-01..2026-06-30"),
    ],
)
def test_quarters_follow_a_fiscal_calendar_that_starts_in_april(question: str, period: str) -> None:
    assert [spelled(mention) for mention in find(question, first_month=4)] == [period]


def test_hostile_length_and_numbers_are_survived() -> None:
    assert find("last 99999 years " * 50 + "9" * 5000) == []
    assert find("last 2000 months and 1999年前") != find("")
