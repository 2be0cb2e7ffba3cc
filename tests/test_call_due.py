"""Days that speakers mean are counted from the day on which they speak."""

from datetime import date

import pytest

from copilot.writers.calls.due import find_due

WEDNESDAY = date(2026, 3, 11)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("by Friday", "2026-03-13"),
        ("by next Friday", "2026-03-20"),
        ("on Wednesday", "2026-03-18"),
        ("tomorrow", "2026-03-12"),
        ("EOD", "2026-03-11"),
        ("before the weekend", "2026-03-13"),
        ("by the end of next week", "2026-03-20"),
        ("give me until the end of the month", "2026-03-31"),
        ("by month end", "2026-03-31"),
        ("end of next quarter", "2026-06-30"),
        ("within two weeks", "2026-03-25"),
        ("in three business days", "2026-03-16"),
        ("within 48 hours", "2026-03-13"),
        ("in a month", "2026-04-11"),
        ("by the 24th", "2026-03-24"),
        ("by the 5th", "2026-04-05"),
        ("june twenty sixth", "2026-06-26"),
        ("Monday the 16th", "2026-03-16"),
        ("in February", "2027-02-28"),
        ("mid june", "2026-06-15"),
        ("the first week of May", "2026-05-07"),
        ("月底前", "2026-03-31"),
        ("下个月底", "2026-04-30"),
        ("周五之前", "2026-03-13"),
        ("下周三", "2026-03-18"),
        ("三天内", "2026-03-14"),
        ("两周后", "2026-03-25"),
        ("五个工作日内", "2026-03-18"),
        ("10月12号", "2026-10-12"),
        ("明年1月20号左右", "2027-01-20"),
        ("八月中旬之前", "2026-08-15"),
        ("本季度末", "2026-03-31"),
        ("年底", "2026-12-31"),
        ("明天", "2026-03-12"),
        ("二十号", "2026-03-20"),
    ],
)
def test_a_day_is_the_next_one_that_the_words_can_mean(said: str, meant: str) -> None:
    assert [due.on.isoformat() for due in find_due(said, WEDNESDAY)] == [meant]


@pytest.mark.parametrize(
    "said",
    [
        "last Friday",
        "yesterday",
        "every Monday",
        "on the first Monday of the month",
        "for the first time",
        "the second site",
        "on 31 February 2026",
        "in 2019",
        "等五个工作日",
        "每周一",
        "去年",
        "昨天",
        "the year 99999",
    ],
)
def test_what_is_past_or_recurs_or_is_no_day_is_none(said: str) -> None:
    assert find_due(said, WEDNESDAY) == []


def test_a_friday_at_the_end_of_its_week_is_not_the_day_before() -> None:
    saturday = date(2026, 3, 14)
    assert [due.on for due in find_due("by the end of the week", saturday)] == [date(2026, 3, 20)]


def test_whole_months_and_weeks_are_marked_vague() -> None:
    assert [due.is_vague for due in find_due("in June, or on 3 July", WEDNESDAY)] == [True, False]
