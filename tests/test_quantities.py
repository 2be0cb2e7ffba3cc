"""Amounts, counts and rankings in questions, against values worked out by hand."""

from decimal import Decimal

import pytest

from tools.quantities import find_quantities, find_rank

MORE, LEAST, LESS, MOST = "more_than", "at_least", "less_than", "at_most"


@pytest.mark.parametrize(
    ("text", "value", "currency", "unit", "comparison"),
    [
        ("deals of $5,000", 5000, "USD", None, None),
        ("over $5,000", 5000, "USD", None, MORE),
        ("5k", 5000, None, None, None),
        ("over 50k", 50_000, None, None, MORE),
        ("1.5 million", 1_500_000, None, None, None),
        ("€1.2m", 1_200_000, "EUR", None, None),
        ("£300", 300, "GBP", None, None),
        ("USD 3000", 3000, "USD", None, None),
        ("3000 euros", 3000, "EUR", None, None),
        ("2 billion dollars", 2_000_000_000, "USD", None, None),
        ("at least 100", 100, None, None, LEAST),
        ("at most 20 days", 20, None, "days", MOST),
        ("no more than 3 calls", 3, None, "calls", MOST),
        ("no less than 7", 7, None, None, LEAST),
        ("above 10%", 10, None, "percent", MORE),
        ("below 12.5 percent", "12.5", None, "percent", LESS),
        ("fewer than 50 employees", 50, None, "people", LESS),
        ("1000 people or more", 1000, None, "people", LEAST),
        ("100 or less", 100, None, None, MOST),
        ("no activity for 30 days", 30, None, "days", None),
        ("up to 5 deals", 5, None, "deals", MOST),
        ("ten deals", 10, None, "deals", None),
        ("two million dollars", 2_000_000, "USD", None, None),
        (">= 500", 500, None, None, LEAST),
        ("amount < 900", 900, None, None, LESS),
        ("50万", 500_000, None, None, None),
        ("１００万", 1_000_000, None, None, None),
        ("1.5亿", 150_000_000, None, None, None),
        ("3亿", 300_000_000, None, None, None),
        ("一千二百万元", 12_000_000, "CNY", None, None),
        ("一亿五千万", 150_000_000, None, None, None),
        ("三万五", 35_000, None, None, None),
        ("超过五十万", 500_000, None, None, MORE),
        ("超過五十萬", 500_000, None, None, MORE),
        ("金额大于100万", 1_000_000, None, None, MORE),
        ("不低于20%", 20, None, "percent", LEAST),
        ("不超过30天", 30, None, "days", MOST),
        ("低于两万美元", 20_000, "USD", None, LESS),
        ("100万以上", 1_000_000, None, None, LEAST),
        ("50万以下", 500_000, None, None, MOST),
        ("30天以内", 30, None, "days", MOST),
        ("两成", 20, None, "percent", None),
        ("三成", 30, None, "percent", None),
        ("六成以上", 60, None, "percent", LEAST),
        ("2000元", 2000, "CNY", None, None),
        ("至少5个", 5, None, "items", LEAST),
        ("赢了三单", 3, None, "deals", None),
        ("500人", 500, None, "people", None),
    ],
)
def test_a_quantity_is_read(
    text: str,
    value: int | str,
    currency: str | None,
    unit: str | None,
    comparison: str | None,
) -> None:
    found = find_quantities(text)
    assert [(m.value, m.currency, m.unit, m.comparison) for m in found] == [
        (Decimal(value), currency, unit, comparison)
    ]
    assert text[found[0].span[0] : found[0].span[1]] == found[0].text


@pytest.mark.parametrize(
    ("text", "low", "high", "currency"),
    [
        ("between 10k and 50k", 10_000, 50_000, None),
        ("between $1 and $2 million", 1_000_000, 2_000_000, "USD"),
        ("from 100 to 200 euros", 100, 200, "EUR"),
        ("10万到20万之间", 100_000, 200_000, None),
        ("$5,000-$8,000", 5000, 8000, "USD"),
    ],
)
def test_between_gives_both_bounds(text: str, low: int, high: int, currency: str | None) -> None:
    assert [(m.value, m.currency, m.comparison) for m in find_quantities(text)] == [
        (Decimal(low), currency, LEAST),
        (Decimal(high), currency, MOST),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SOC 2",
        "Q2 2",
        "第二季度",
        "top 5",
        "五个客户",
        "成交金额",
        "win rate",
        "ISO 27001",
        "#42",
    ],
)
def test_these_are_no_quantities(text: str) -> None:
    spans = [(text.index("2", 2), len(text))] if text == "Q2 2" else []
    assert find_quantities(text, exclude_spans=spans) == []


def test_excluded_spans_are_not_amounts() -> None:
    text = "deals over 300 in 2017"
    assert [m.value for m in find_quantities(text, exclude_spans=[(18, 22)])] == [Decimal(300)]


@pytest.mark.parametrize(
    ("text", "limit", "direction", "ordinal", "kind"),
    [
        ("top 5 reps", 5, "desc", 1, "value"),
        ("top ten accounts", 10, "desc", 1, "value"),
        ("TOP10客户", 10, "desc", 1, "value"),
        ("our best rep", 1, "desc", 1, "value"),
        ("highest amount", 1, "desc", 1, "value"),
        ("which rep sold the most", 1, "desc", 1, "value"),
        ("five largest deals", 5, "desc", 1, "value"),
        ("lowest win rate", 1, "asc", 1, "value"),
        ("fewest deals", 1, "asc", 1, "value"),
        ("worst region", 1, "asc", 1, "value"),
        ("bottom three", 3, "asc", 1, "value"),
        ("second highest", 1, "desc", 2, "value"),
        ("second-best rep", 1, "desc", 2, "value"),
        ("3rd largest deal", 1, "desc", 3, "value"),
        ("third lowest", 1, "asc", 3, "value"),
        ("latest deal", 1, "desc", 1, "date"),
        ("most recent call", 1, "desc", 1, "date"),
        ("earliest close", 1, "asc", 1, "date"),
        ("oldest open deal", 1, "asc", 1, "date"),
        ("most deals last quarter", 1, "desc", 1, "value"),
        ("前三名", 3, "desc", 1, "value"),
        ("前10位客户", 10, "desc", 1, "value"),
        ("金额最大的5个商机", 5, "desc", 1, "value"),
        ("三个最大的商机", 3, "desc", 1, "value"),
        ("最高", 1, "desc", 1, "value"),
        ("最多", 1, "desc", 1, "value"),
        ("最低", 1, "asc", 1, "value"),
        ("赢单最少", 1, "asc", 1, "value"),
        ("第二高", 1, "desc", 2, "value"),
        ("倒数第二", 1, "asc", 2, "value"),
        ("哪个销售业绩最好", 1, "desc", 1, "value"),
        ("最新的商机", 1, "desc", 1, "date"),
        ("最近一次通话", 1, "desc", 1, "date"),
        ("最早", 1, "asc", 1, "date"),
    ],
)
def test_a_ranking_is_read(text: str, limit: int, direction: str, ordinal: int, kind: str) -> None:
    rank = find_rank(text)
    assert rank is not None
    assert (rank.limit, rank.direction, rank.ordinal, rank.kind) == (
        limit,
        direction,
        ordinal,
        kind,
    )


@pytest.mark.parametrize(
    "text",
    [
        "at most 5",
        "at least 3",
        "last quarter",
        "first quarter",
        "most of the deals",
        "最多100万",
        "best practices",
        "第二季度",
    ],
)
def test_these_are_no_rankings(text: str) -> None:
    assert find_rank(text) is None
