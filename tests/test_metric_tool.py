from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crm import models as m
from crm.errors import BadInput, NotFound
from crm.metrics.catalog import catalog
from crm.metrics.query import DateBasis, Filter, FilterOp, Having, MetricQuery
from crm.metrics.run import rows_behind, run_metric
from crm.period import FiscalCalendar, Period
from crm.principal import Principal
from crm.store import Store
from tests.metrics_world import AS_OF, World
from tools.metrics import MAX_CELL_FACTS, MetricArguments, query_metric

ME = Principal.local_owner()
Q2 = Period(date(2026, 4, 1), date(2026, 6, 30))


def small_world() -> World:
    """Two reps, two regions, a deal with two lines of one product, and one deal in yen."""
    world = World()
    add = world.add
    add(m.Territory, name="T1", region="East")
    add(m.Territory, name="T2", region="West")
    add(m.User, name="Anna Li", territory_id=1)
    add(m.User, name="Bo", territory_id=2)
    add(m.Account, name="Acme")
    for position, status in enumerate(("open", "won", "lost")):
        add(m.Stage, name=status.title(), position=position, status=status)
    add(m.Product, name="GTX Pro", family="GTX")
    add(m.Product, name="MG Basic")

    def deal(owner: int, stage: int, amount: int | None, closed: date | None, **more: Any) -> Any:
        values = {"currency": "USD", "account_id": 1, "expected_close_on": closed} | more
        return add(
            m.Opportunity,
            name="D",
            owner_id=owner,
            stage_id=stage,
            amount_minor=amount,
            closed_on=closed,
            **values,
        )

    deal(1, 2, 100_000, date(2026, 5, 1))
    deal(1, 2, 50_000, date(2026, 6, 30))
    deal(2, 2, 70_000, date(2026, 4, 1))
    deal(2, 3, 90_000, date(2026, 5, 5))
    deal(2, 2, 8_000, date(2026, 5, 6), currency="JPY")
    deal(1, 1, None, None, expected_close_on=date(2026, 6, 1))
    deal(1, 1, 40_000, None, expected_close_on=date(2026, 12, 1))
    for amount in (30_000, 20_000):
        add(m.OpportunityLine, opportunity_id=1, product_id=1, quantity=1, amount_minor=amount)
    add(m.OpportunityLine, opportunity_id=1, product_id=2, quantity=1, amount_minor=1)
    add(m.OpportunityLine, opportunity_id=2, product_id=1, quantity=1, amount_minor=None)
    add(
        m.CloseDateChange,
        opportunity_id=7,
        from_on=date(2026, 5, 1),
        to_on=date(2026, 12, 1),
        changed_at=datetime(2026, 4, 20, tzinfo=UTC),
    )
    return world


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    with store.session() as session:
        small_world().save(session)
        yield session


def ask(session: Session, **query: Any) -> Any:
    return run_metric(session, MetricQuery(**query), principal=ME, as_of=AS_OF)


def values(result: Any) -> list[tuple[tuple[str, ...], str | None, float, int]]:
    return [(c.keys, c.currency, float(c.value), c.rows) for c in result.cells]


def only(dimension: str, *names: Any, op: FilterOp = FilterOp.IN) -> tuple[Filter, ...]:
    return (Filter(dimension=dimension, op=op, values=names),)


def test_money_is_never_added_across_currencies(session: Session) -> None:
    result = ask(session, measure="won_amount", by=("region",))
    assert values(result) == [
        (("West",), "JPY", 8000, 1),
        (("East",), "USD", 1500, 2),
        (("West",), "USD", 700, 1),
    ]
    assert [(c.currency, c.value) for c in result.totals] == [("JPY", 8000), ("USD", 2200)]
    assert result.groups == 2


def test_two_lines_of_a_product_count_the_deal_once_and_add_up(session: Session) -> None:
    won = ask(session, measure="won_deals", by=("product",))
    assert values(won) == [
        (("GTX Pro",), None, 2, 2),
        (("—",), None, 2, 2),
        (("MG Basic",), None, 1, 1),
    ]
    assert won.totals[0].value == 4
    money = ask(session, measure="won_amount", filters=only("product", "GTX Pro"))
    # 300 + 200 of the first deal's lines, and the second deal's only line, which takes its 500.
    assert values(money) == [((), "USD", 1000, 2)]
    assert values(ask(session, measure="won_amount"))[1] == ((), "USD", 2200, 3)


def test_a_limit_keeps_totals_whole_and_tells_a_cut_tie(session: Session) -> None:
    result = ask(session, measure="won_deals", by=("owner",), limit=1)
    assert values(result) == [(("Anna Li",), None, 2, 2)]
    assert (result.groups, result.ties_cut, result.totals[0].value) == (2, True, 4)
    assert not ask(session, measure="lost_deals", by=("owner",), limit=1).ties_cut


def test_slipped_means_moved_out_of_the_period_or_passed_in_it(session: Session) -> None:
    query = MetricQuery(measure="slipped_deals", period=Q2)
    assert set(rows_behind(session, query, principal=ME, as_of=AS_OF)) == {6, 7}
    later = Period(date(2026, 7, 1), date(2026, 12, 31))
    assert ask(session, measure="slipped_deals", period=later).cells[0].value == 0


def test_nothing_found_is_zero_for_sums_and_no_value_for_averages(session: Session) -> None:
    empty = Period(date(2020, 1, 1), date(2020, 1, 2))
    assert ask(session, measure="won_amount", period=empty).cells[0].value == 0
    assert ask(session, measure="win_rate", period=empty).cells[0].value is None


def test_shares_are_of_the_total_or_of_the_whole_without_filters(session: Session) -> None:
    by_owner = ask(session, measure="won_deals", by=("owner",), share=True)
    assert [value for _k, _c, value, _r in values(by_owner)] == [0.5, 0.5]
    filtered = ask(session, measure="won_amount", filters=only("owner", "Bo"), share=True)
    assert {c.currency: c.value for c in filtered.cells} == {
        "JPY": Decimal(1),
        "USD": Decimal("0.318182"),
    }
    with pytest.raises(BadInput, match="no shares"):
        ask(session, measure="win_rate", share=True)


def test_having_compares_major_units_of_each_currency(session: Session) -> None:
    having = Having(op=FilterOp.AT_LEAST, value=1500)
    result = ask(session, measure="won_amount", by=("owner",), having=having)
    assert [(keys, currency) for keys, currency, _v, _r in values(result)] == [
        (("Bo",), "JPY"),
        (("Anna Li",), "USD"),
    ]


def test_time_runs_forwards_and_follows_the_fiscal_calendar(session: Session) -> None:
    query = MetricQuery(measure="won_deals", by=("quarter",))
    result = run_metric(
        session, query, principal=ME, as_of=AS_OF, calendar=FiscalCalendar(first_month=5)
    )
    assert [(c.keys, c.value) for c in result.cells] == [(("Q4 2026",), 1), (("Q1 2027",), 3)]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"measure": "nope"}, "unknown measure 'nope'"),
        ({"measure": "reps", "by": ("stage",)}, "no dimension 'stage': use one of owner"),
        ({"measure": "won_deals", "by": ("amount",)}, "not grouped by"),
        ({"measure": "won_deals", "by": ("owner", "owner")}, "repeats"),
        ({"measure": "reps", "period": Q2}, "no dates"),
        ({"measure": "won_deals", "basis": DateBasis.DUE}, "not placed by 'due'"),
        ({"measure": "won_deals", "filters": only("status", "gone")}, "'gone'"),
        ({"measure": "won_deals", "filters": only("quarter", "spring")}, "'spring' is no quarter"),
        ({"measure": "won_deals", "filters": only("owner")}, "no values"),
        ({"measure": "won_deals", "filters": only("amount", "lots")}, "'lots'"),
        ({"measure": "won_deals", "filters": only("owner", 1, op=FilterOp.MORE_THAN)}, "compared"),
    ],
)
def test_a_question_that_does_not_fit_is_refused_with_a_way_out(
    session: Session, query: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        ask(session, **query)


def test_an_unknown_name_is_answered_with_close_ones(session: Session) -> None:
    with pytest.raises(NotFound, match="did you mean 'GTX Pro'"):
        ask(session, measure="won_deals", filters=only("product", "GTXPro"))
    with pytest.raises(NotFound, match="id 99"):
        ask(session, measure="won_deals", filters=only("owner", 99))


def test_no_number_is_read_without_a_caller(session: Session) -> None:
    for measure in catalog().measures:
        with pytest.raises(TypeError, match="Principal"):
            run_metric(session, MetricQuery(measure=measure), principal=None, as_of=AS_OF)  # type: ignore[arg-type]


def test_no_alias_names_two_measures_or_two_dimensions() -> None:
    for entries in (catalog().measures.values(), catalog().dimensions.values()):
        for language in ("en", "zh"):
            names = [alias.casefold() for one in entries for alias in one.aliases[language]]
            assert len(names) > 30
            assert sorted(set(names)) == sorted(names)


def test_facts_say_what_was_computed_in_both_languages(session: Session) -> None:
    arguments = MetricArguments(
        query=MetricQuery(
            measure="won_amount", by=("owner",), filters=only("region", "East"), period=Q2
        )
    )
    answer = query_metric(session, arguments, principal=ME, as_of=AS_OF)
    cell, total = answer.facts
    assert cell.text == (
        "Won amount for owner Anna Li, closed 2026-04-01 to 2026-06-30, region East: "
        "$1,500 (2 deals)"
    )
    assert (cell.value, cell.unit, cell.currency, cell.rows) == (1500, "money", "USD", 2)
    assert cell.source == (
        "metric:won_amount?region=East&period=2026-04-01..2026-06-30&basis=closed&owner=Anna Li"
    )
    assert total.text.startswith("Won amount over all, closed 2026-04-01")
    chinese = query_metric(session, arguments, principal=ME, as_of=AS_OF, language="zh")
    assert chinese.facts[0].text == (
        "负责人Anna Li的成交金额，关闭于2026-04-01至2026-06-30，地区为East：$1,500（2笔商机）"
    )
    assert answer.result.describe("en") == (
        "won amount, closed 2026-04-01 to 2026-06-30, region East, by owner"
    )


def test_a_long_result_gives_a_bounded_number_of_facts(session: Session) -> None:
    for number in range(MAX_CELL_FACTS + 20):
        session.add(
            m.Account(name=f"A{number}", source="x", external_id=str(number), synced_at=AS_OF)
        )
    session.flush()
    arguments = MetricArguments(query=MetricQuery(measure="accounts", by=("account",)))
    answer = query_metric(session, arguments, principal=ME, as_of=AS_OF)
    assert len(answer.facts) == MAX_CELL_FACTS + 1
    assert answer.facts[-1].value == MAX_CELL_FACTS + 21
