"""The price section: the newest valid quote, list prices, and what does not add up."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from copilot.writers.documents.compose import compose
from copilot.writers.documents.content import PriceTable
from copilot.writers.documents.totals import add_up
from copilot.writers.draft import Approval
from copilot.writers.proposals.proposal import Proposal, ProposalRequest
from copilot.writers.proposals.write import write_proposal
from crm.models import PriceBook
from crm.principal import Principal
from crm.store import Store
from tests.conversation_seed import sourced
from tests.proposal_seed import (
    GUIDE,
    TODAY,
    add_line,
    add_offer,
    add_price,
    add_quote,
    set_deal,
)
from tests.scripted import ScriptedModel


def propose(session: Session, **wanted: object) -> Proposal:
    session.flush()
    return write_proposal(
        session,
        ScriptedModel([]),
        None,
        ProposalRequest(1, **wanted),  # type: ignore[arg-type]
        guide=GUIDE,
        principal=Principal.local_owner(),
        as_of=TODAY,
    )


def only_table(made: Proposal) -> PriceTable:
    (table,) = made.content.prices
    return table


def open_of(made: Proposal, section: str = "Products and prices") -> list[str]:
    return [point.what for point in made.open_points if point.where == section]


def test_a_quote_that_adds_up_is_shown_with_list_prices_and_is_not_open(store: Store) -> None:
    with store.session() as session:
        add_offer(session)
        add_line(session, 1, 1, 40, 400_000)
        add_line(session, 2, 2, 2, 100_000)
        add_quote(session, 1, 500_000)
        made = propose(session)
        summed = session.scalar(text("select sum(amount_minor) from opportunity_lines"))
    table = only_table(made)
    assert [(line.product, line.list_price_minor, line.quantity) for line in table.lines] == [
        ("Pulse Sensor", 10_000, Decimal(40)),
        ("Pulse Hub", 50_000, Decimal(2)),
    ]
    assert add_up(table).total_minor == summed == 500_000
    assert (table.quote_number, table.valid_until) == ("Q-1", date(2026, 12, 31))
    assert open_of(made) == []
    assert made.approval is Approval.REP
    compose(made.content)


def test_a_discount_of_the_quote_is_taken_off_lines_before_discount(store: Store) -> None:
    with store.session() as session:
        add_offer(session)
        add_line(session, 1, 1, 40, 400_000)
        add_quote(session, 1, 360_000, discount=Decimal("0.1"))
        made = propose(session)
    table = only_table(made)
    assert (table.discount_minor, add_up(table).total_minor) == (40_000, 360_000)
    assert open_of(made) == []


def test_lines_after_discount_show_the_share_that_was_taken_off(store: Store) -> None:
    with store.session() as session:
        add_offer(session)
        add_line(session, 1, 1, 40, 360_000)
        add_quote(session, 1, 360_000, discount=Decimal("0.1"))
        made = propose(session)
    table = only_table(made)
    assert (table.lines[0].discount, table.discount_minor) == (Decimal("0.1"), 0)
    assert open_of(made) == []


def test_a_total_that_differs_from_the_lines_is_open_and_not_adjusted(store: Store) -> None:
    with store.session() as session:
        add_offer(session)
        add_line(session, 1, 1, 40, 400_000)
        add_quote(session, 1, 390_000)
        made = propose(session)
    table = only_table(made)
    assert add_up(table).total_minor == 400_000
    assert table.stated_total_minor is None
    assert any("€3,900" in each and "€4,000" in each and "€100" in each for each in open_of(made))
    assert [remark.is_open for remark in table.remarks] == [True]
    assert made.approval is Approval.ELEVATED
    compose(made.content)


def test_a_line_off_its_list_price_without_a_discount_is_open(store: Store) -> None:
    with store.session() as session:
        add_offer(session)
        add_line(session, 1, 1, 10, 90_000)
        add_line(session, 2, 2, 1, 60_000)
        add_quote(session, 1, 150_000)
        made = propose(session)
    below, above = only_table(made).lines
    assert (below.list_price_minor, below.discount) == (10_000, Decimal("0.1"))
    assert (above.list_price_minor, above.discount) == (60_000, Decimal(0))
    assert [each[:12] for each in open_of(made)] == ["Pulse Sensor", "Pulse Hub: t"]
    assert add_up(only_table(made)).total_minor == 150_000


def test_a_total_that_the_discount_does_not_explain_is_open(store: Store) -> None:
    with store.session() as session:
        add_offer(session)
        add_line(session, 1, 1, 40, 379_000)
        add_quote(session, 1, 379_000, discount=Decimal("0.05"))
        made = propose(session)
    assert open_of(made) == [
        "quote Q-1 states a discount of 5%; list prices less that come to €3,800, "
        "its total is €3,790: a difference of €10"
    ]


@pytest.mark.parametrize(
    ("status", "until"),
    [("expired", None), ("Superseded", None), ("denied", None), ("sent", date(2026, 11, 15))],
)
def test_without_a_valid_quote_list_prices_are_an_indication(
    store: Store, status: str, until: date | None
) -> None:
    with store.session() as session:
        add_offer(session, amount_minor=399_000)
        add_line(session, 1, 1, 40, 399_000)
        add_quote(session, 1, 399_000, status=status, valid_until=until)
        made = propose(session, valid_days=10)
    table = only_table(made)
    assert (table.quote_number, table.valid_until) == ("", date(2026, 11, 26))
    assert add_up(table).total_minor == 400_000
    assert table.remarks[0].text.startswith("Indicative prices")
    assert any("Q-1 is no longer valid" in each for each in open_of(made))
    assert any("a difference of €10" in each for each in open_of(made))
    assert made.approval is Approval.ELEVATED


def test_an_accepted_quote_holds_after_its_last_day(store: Store) -> None:
    with store.session() as session:
        add_offer(session)
        add_line(session, 1, 1, 40, 400_000)
        add_quote(session, 1, 400_000, status="Accepted", valid_until=date(2026, 11, 2))
        made = propose(session)
    assert only_table(made).quote_number == "Q-1"
    assert open_of(made) == []


def test_no_quote_and_no_lines_leave_the_section_out_and_say_so(store: Store) -> None:
    with store.session() as session:
        add_offer(session)
        made = propose(session)
    assert made.content.prices == ()
    assert open_of(made) == ["the deal has no quote", "the deal has no product lines"]
    compose(made.content)


def test_a_quote_without_lines_is_one_line_and_open(store: Store) -> None:
    with store.session() as session:
        add_offer(session)
        add_quote(session, 1, 123_456)
        made = propose(session)
    table = only_table(made)
    assert [line.product for line in table.lines] == ["As in quote Q-1"]
    assert add_up(table).total_minor == 123_456
    assert len(open_of(made)) == 1


def test_a_product_without_a_price_in_the_currency_is_open_and_not_converted(store: Store) -> None:
    with store.session() as session:
        add_offer(session, currency="JPY", amount_minor=900_000)
        session.add(PriceBook(**sourced(2), name="Japan", currency="JPY"))
        session.flush()
        add_price(session, 9, 1, 16_000, book=2)
        add_line(session, 1, 1, 40, None)
        add_line(session, 2, 2, 2, None)
        made = propose(session)
    table = only_table(made)
    assert [(line.product, line.list_price_minor) for line in table.lines] == [
        ("Pulse Sensor", 16_000)
    ]
    assert add_up(table).total_minor == 640_000
    assert any("Pulse Hub has no price in JPY" in each for each in open_of(made))
    assert any("JP¥640,000 in all" in each for each in open_of(made))
    assert any(remark.is_open and "Pulse Hub (2)" in remark.text for remark in table.remarks)


def test_quotes_in_two_currencies_are_two_tables(store: Store) -> None:
    with store.session() as session:
        add_offer(session)
        session.add(PriceBook(**sourced(2), name="Dollars", currency="USD"))
        session.flush()
        add_price(session, 9, 1, 12_000, book=2)
        add_line(session, 1, 1, 10, 100_000)
        add_quote(session, 1, 100_000)
        add_quote(session, 2, 120_000, currency="USD", valid_until=date(2026, 12, 1))
        made = propose(session)
    totals = {table.currency: add_up(table).total_minor for table in made.content.prices}
    assert totals == {"EUR": 100_000, "USD": 120_000}
    assert any("quote Q-2 is in USD, the deal in EUR" in each for each in open_of(made))
    assert any("until 1 December 2026" in sentence.text for sentence in made.sentences)


def test_the_newest_valid_quote_wins_and_a_draft_is_open(store: Store) -> None:
    with store.session() as session:
        add_offer(session)
        add_line(session, 1, 1, 40, 400_000)
        add_quote(session, 1, 400_000)
        add_quote(session, 2, 400_000, status="Draft", created_on=date(2026, 11, 10))
        add_quote(session, 3, 1, created_on=date(2026, 12, 1))
        made = propose(session)
    assert only_table(made).quote_number == "Q-2"
    assert open_of(made) == ["quote Q-2 has the status 'Draft': it may not have been approved"]


def test_fractions_and_impossible_quantities_do_not_break_the_table(store: Store) -> None:
    with store.session() as session:
        add_offer(session)
        add_line(session, 1, 1, "2.5", 25_001)
        add_line(session, 2, 2, 0, 0)
        add_line(session, 3, 3, 3, 7_000)
        set_deal(session, amount_minor=32_001)
        add_quote(session, 1, 32_001)
        made = propose(session)
    table = only_table(made)
    assert add_up(table).total_minor == 32_001
    assert table.lines[0].quantity == 1
    assert table.lines[0].detail == "2.5 units"
    assert any(each.startswith("Pulse Hub: the quantity is 0") for each in open_of(made))
    compose(made.content)


def test_forty_lines_keep_their_order_and_their_sum(store: Store) -> None:
    with store.session() as session:
        add_offer(session)
        for number in range(1, 41):
            add_line(session, number, number % 3 + 1, number, EUR_OF[number % 3] * number)
        total = session.scalar(text("select sum(amount_minor) from opportunity_lines"))
        add_quote(session, 1, total)
        made = propose(session)
    table = only_table(made)
    assert [int(line.quantity) for line in table.lines] == list(range(1, 41))
    assert add_up(table).total_minor == total
    assert open_of(made) == []


EUR_OF = (10_000, 50_000, 7_000)
