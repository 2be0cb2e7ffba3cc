"""Measures, groups, filters and periods that code settles from the words of a question."""

from typing import Any

import pytest

from copilot.agent.compose import metric_plan, slots
from copilot.agent.plan import Comparison, Plan
from copilot.agent.reading import read_question
from crm.metrics.query import FilterOp
from crm.period import FiscalCalendar
from crm.principal import Principal
from tests.agent_world import AS_OF, Company, company, filled_company
from tools.names import NameIndex

__all__ = ["company", "filled_company"]


class Planner:
    """Plans questions over the names of the company."""

    def __init__(self, company: Company) -> None:
        with company.store.session() as session:
            self._index = NameIndex.load(session, Principal.local_owner())

    def __call__(self, text: str, asker: str = "") -> Plan:
        reading = read_question(
            text, self._index, today=AS_OF.date(), calendar=FiscalCalendar(), asker=asker
        )
        assert reading.residue == (), "code alone is not sure of this question"
        return metric_plan(reading, slots(reading))


@pytest.fixture
def plan(company: Company) -> Planner:
    return Planner(company)


def filters(plan: Plan) -> list[tuple[str, FilterOp, tuple[Any, ...]]]:
    return [(one.dimension, one.op, one.values) for one in plan.queries[0].filters]


@pytest.mark.parametrize(
    ("text", "measures"),
    [
        ("how many deals did we win?", ["won_deals"]),
        ("how much did we win?", ["won_amount"]),
        ("how many deals did we lose?", ["lost_deals"]),
        ("how many open deals are there?", ["open_opportunities"]),
        ("what are the open deals worth?", ["pipeline"]),
        ("how many deals are there?", ["opportunities"]),
        ("how many deals did we close?", ["closed_deals"]),
        ("what is the average deal size?", ["average_deal_size"]),
        ("how long does it take to win a deal?", ["sales_cycle_days"]),
        ("how many support cases are there?", ["case_count"]),
        ("what share of deals do we lose?", ["loss_rate"]),
        ("how many customers have we?", ["customers"]),
        ("how many accounts are there?", ["accounts"]),
        ("赢了多少单？", ["won_deals"]),
        ("丢单金额是多少？", ["lost_amount"]),
        ("进行中的商机有多少个？", ["open_opportunities"]),
        ("平均客单价是多少？", ["average_deal_size"]),
        ("销售周期是多少天？", ["sales_cycle_days"]),
    ],
)
def test_the_words_choose_the_measure(plan: Planner, text: str, measures: list[str]) -> None:
    assert [query.measure for query in plan(text).queries] == measures


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("won deals by region", ("region",)),
        ("how many deals did each rep win?", ("owner",)),
        ("win rate by product", ("product",)),
        ("each rep's win rate", ("owner",)),
        ("各区域的赢率", ("region",)),
        ("每个销售赢了多少单？", ("owner",)),
        ("how many deals did we win?", ()),
        ("how many deals were won in the East region?", ()),
    ],
)
def test_nouns_after_by_and_each_are_grouped_by(
    plan: Planner, text: str, groups: tuple[str, ...]
) -> None:
    assert plan(text).queries[0].by == groups


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("how many deals did Anna Berg win?", [("owner", FilterOp.IN, ("Anna Berg",))]),
        ("how many deals were won in the East?", [("region", FilterOp.IN, ("East",))]),
        ("won deals excluding West", [("region", FilterOp.NOT_IN, ("West",))]),
        ("how many deals did East Team win?", [("team", FilterOp.IN, ("East Team",))]),
        ("how many Atlas Pro deals did we win?", [("product", FilterOp.IN, ("Atlas Pro",))]),
        ("deals without an account", [("account", FilterOp.IS_EMPTY, ())]),
        ("没有客户的商机有哪些？", [("account", FilterOp.IS_EMPTY, ())]),
    ],
)
def test_names_and_blanks_become_filters(
    plan: Planner, text: str, expected: list[tuple[str, FilterOp, tuple[str, ...]]]
) -> None:
    assert filters(plan(text)) == expected


def test_an_amount_limits_deals_and_a_count_limits_groups(plan: Planner) -> None:
    deals = plan("how many deals over $10,000 did Anna Berg win?")
    assert ("amount", FilterOp.MORE_THAN, (10_000.0,)) in filters(deals)
    assert ("currency", FilterOp.IN, ("USD",)) in filters(deals)
    assert deals.queries[0].having is None
    reps = plan("which reps won more than 10 deals?")
    having = reps.queries[0].having
    assert having is not None
    assert (having.op, having.value) == (FilterOp.MORE_THAN, 10)
    assert "amount" not in [one.dimension for one in reps.queries[0].filters]


def test_how_many_reps_counts_groups_and_not_deals(plan: Planner) -> None:
    counted = plan("how many reps won more than 2 deals?")
    assert counted.counts_groups
    assert counted.queries[0].by == ("owner",)
    assert not plan("how many deals did Anna Berg win?").counts_groups


@pytest.mark.parametrize(
    ("text", "order", "ordinal"),
    [
        ("who won the most deals?", "desc", 1),
        ("who won the fewest deals?", "asc", 1),
        ("who has the second most won deals?", "desc", 2),
        ("谁赢单最少？", "asc", 1),
    ],
)
def test_a_ranking_has_an_end_and_a_place(
    plan: Planner, text: str, order: str, ordinal: int
) -> None:
    made = plan(text)
    assert made.asks_extreme
    assert made.queries[0].by == ("owner",)
    assert (made.queries[0].order, made.ordinal) == (order, ordinal)


def test_the_top_n_is_a_table_of_n(plan: Planner) -> None:
    made = plan("top 2 products by won amount")
    assert not made.asks_extreme
    assert (made.queries[0].by, made.queries[0].limit) == (("product",), 2)


@pytest.mark.parametrize(
    ("text", "comparison"),
    [
        ("compare won deals in 2025 and 2026", Comparison.PERIODS),
        ("how many more deals did Anna Berg win than Tom Reed?", Comparison.GROUPS),
        ("won deals of Anna Berg and Tom Reed", None),
        ("how many deals did we win in 2026?", None),
    ],
)
def test_two_of_a_kind_are_compared(
    plan: Planner, text: str, comparison: Comparison | None
) -> None:
    assert plan(text).comparison is comparison


def test_a_share_is_asked_of_sums_and_not_of_rates(plan: Planner) -> None:
    assert plan("what share of won deals came from East?").queries[0].share
    assert not plan("what share of deals do we win?").queries[0].share


@pytest.mark.parametrize(
    ("text", "lists"),
    [
        ("list the open deals", True),
        ("which deals did we win in 2026?", True),
        ("列出进行中的商机", True),
        ("how many deals did we win?", False),
        ("win rate by region", False),
    ],
)
def test_records_are_listed_where_they_are_asked_for(plan: Planner, text: str, lists: bool) -> None:
    assert plan(text).lists_rows is lists


def test_the_caller_is_a_filter_unless_somebody_is_named(plan: Planner) -> None:
    assert filters(plan("how many deals did I win?", asker="Anna Berg")) == [
        ("owner", FilterOp.IN, ("Anna Berg",))
    ]
    assert filters(plan("how many deals did my team win?", asker="Grace Kim")) == [
        ("manager", FilterOp.IN, ("Grace Kim",))
    ]
    assert filters(plan("how many deals did I win?")) == []


def test_a_plan_survives_being_stored(plan: Planner) -> None:
    made = plan("which reps won more than 2 deals over $5,000 in Q3 2026?")
    assert Plan.model_validate(made.model_dump(mode="json")) == made
