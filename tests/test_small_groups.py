"""Figures over rows that stay closed tell of none of them, whatever is added and subtracted."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from crm.access.bindings import bindings_of
from crm.access.policy import Policy
from crm.access.scope import Scope
from crm.metrics.blocks import Part, is_told, make_blocks, units
from crm.metrics.query import Filter, FilterOp, Having, MetricQuery
from crm.metrics.result import Coverage, MetricResult
from crm.metrics.run import rows_behind, run_metric
from crm.models import Account, Opportunity, Stage, Team, Territory, User
from crm.period import Period
from crm.principal import Principal, Role
from crm.store import Store
from tests.postgres import postgres_url

__all__ = ["postgres_url"]

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
OWN = """
permit (principal, action == Action::"read", resource is Directory);
permit (principal, action == Action::"read", resource)
when { resource has own && resource.own };
"""
COUNTS = OWN + 'permit (principal, action == Action::"aggregate", resource);'
SMALLEST = 3
BOSS = 9
STATUSES = ("open", "won", "lost")
MEASURES = {
    "amount": STATUSES, "won_amount": ("won",), "lost_amount": ("lost",), "pipeline": ("open",),
}  # fmt: skip


@dataclass(frozen=True)
class Deal:
    """A deal by what the questions cut; owners and accounts are numbers."""

    owner: int
    account: int | None
    status: str
    currency: str
    quarter: int
    territory: int
    amount: int | None

    def label(self, dimension: str) -> str:
        """Return the name of its group."""
        team = "—" if self.owner == BOSS else f"team {1 + (self.owner > 4)}"
        return {
            "team": team, "status": self.status, "currency": self.currency, "year": "2026",
            "quarter": f"Q{self.quarter} 2026", "territory": f"place {self.territory}",
            "region": f"region {self.territory}",
        }[dimension]  # fmt: skip


def random_deals(dice: random.Random) -> list[Deal]:
    return [
        Deal(
            owner=dice.randint(1, BOSS),
            account=dice.choice([None, 1, 2, 3, 4, 5, 6]),
            status=dice.choice(STATUSES),
            currency=dice.choice(["EUR", "EUR", "EUR", "USD"]),
            quarter=dice.choice([1, 2]),
            territory=dice.choice([1, 2]),
            amount=dice.choice([None, 1, 2, 3, 5, 7]),
        )
        for _ in range(dice.choice([6, 15, 40]))
    ]


def sourced(model: type[Any], number: int, **columns: Any) -> Any:
    return model(id=number, source="test", external_id=str(number), synced_at=NOW, **columns)


def fill(session: Session, deals: Sequence[Deal]) -> None:
    for n in (1, 2):
        session.add(sourced(Team, n, name=f"team {n}"))
        session.add(sourced(Territory, n, name=f"place {n}", region=f"region {n}"))
    for n, status in enumerate(STATUSES, start=1):
        session.add(sourced(Stage, n, name=status, status=status, position=n))
    session.flush()
    for n in range(1, BOSS + 1):
        team = None if n == BOSS else 1 + (n > 4)
        session.add(sourced(User, n, name=f"user {n}", role="rep", team_id=team))
        session.add(sourced(Account, n, name=f"account {n}"))
    session.flush()
    for number, deal in enumerate(deals, start=1):
        on = date(2026, 3 * deal.quarter - 1, 10)
        session.add(
            sourced(
                Opportunity, number, name=f"deal {number}", owner_id=deal.owner,
                account_id=deal.account, stage_id=1 + STATUSES.index(deal.status),
                currency=deal.currency, territory_id=deal.territory,
                amount_minor=None if deal.amount is None else deal.amount * 100,
                closed_on=None if deal.status == "open" else on,
                expected_close_on=on if deal.status == "open" else None,
            )
        )  # fmt: skip
    session.flush()


def boss(session: Session, policy: str = COUNTS, smallest: int = SMALLEST) -> Principal:
    user = session.get_one(User, BOSS)
    scope = Scope(Policy(policy, smallest), Role.REP, bindings_of(session, user, at=NOW))
    return Principal(BOSS, user.name, Role.REP, scopes=(scope,))


def ask(session: Session, query: MetricQuery, principal: Principal) -> MetricResult:
    return run_metric(session, query, principal=principal, as_of=NOW)


def random_question(dice: random.Random) -> MetricQuery:
    measure = dice.choice(list(MEASURES))
    dimensions = ["team", "territory", "region", "currency", "status"]
    times = [] if measure == "amount" else ["quarter", "year"]
    by = tuple(dice.sample([*dimensions, *times], dice.choice([0, 1, 1, 2])))
    filters = tuple(
        Filter(
            dimension=name,
            op=dice.choice([FilterOp.IN, FilterOp.NOT_IN]),
            values=(dice.choice(_values(name)),),
        )
        for name in dice.sample(["team", "territory", "region", "status", *times],
                                dice.choice([0, 0, 1, 1, 2]))
    )  # fmt: skip
    is_timed = bool(times) and dice.random() < 0.4
    return MetricQuery(
        measure=measure,
        by=by,
        filters=filters,
        period=Period(date(2026, 1, 1), date(2026, 3, 31)) if is_timed else None,
        limit=dice.choice([None, None, 1]) if by else None,
    )


def _values(dimension: str) -> list[str]:
    numbered = {"team": "team {}", "territory": "place {}", "region": "region {}"}
    if dimension == "status":
        return list(STATUSES)
    if dimension == "year":
        return ["2026"]
    return [numbered.get(dimension, "Q{} 2026").format(n) for n in (1, 2)]


def matching(deals: Sequence[Deal], query: MetricQuery) -> list[bool]:
    return [
        deal.amount is not None
        and deal.status in MEASURES[query.measure]
        and (query.period is None or deal.quarter == 1)
        and all(
            (deal.label(one.dimension) in one.values) is (one.op is FilterOp.IN)
            for one in query.filters
        )
        for deal in deals
    ]


def told_sums(
    deals: Sequence[Deal], query: MetricQuery, result: MetricResult
) -> Iterator[list[bool]]:
    """Yield which deals each figure that is told adds up, having checked that it is their sum."""
    fits = matching(deals, query)
    for cells, by in ((result.cells, query.by), (result.totals, ())):
        for cell in cells:
            if cell.is_hidden:
                assert (cell.value, cell.rows) == (None, 0)
                continue
            held = [
                fit
                and (cell.currency is None or deal.currency == cell.currency)
                and all(deal.label(n) == k for n, k in zip(by, cell.keys, strict=True))
                for fit, deal in zip(fits, deals, strict=True)
            ]
            amounts = [deal.amount or 0 for deal, one in zip(deals, held, strict=True) if one]
            assert (cell.value, cell.rows) == (Decimal(sum(amounts)), len(amounts))
            yield held


def computable(sums: Sequence[Sequence[bool]], rows: Sequence[int]) -> int:
    """Return how many independent figures of these rows alone the sums add up to."""
    matrix = np.array(sums, dtype=float)
    others = np.delete(matrix, list(rows), axis=1)
    left = np.linalg.matrix_rank(others) if others.size else 0
    return int(np.linalg.matrix_rank(matrix) - left)


@pytest.mark.parametrize("seed", range(4))
def test_no_closed_figure_of_fewer_than_three_can_be_computed(store: Store, seed: int) -> None:
    dice = random.Random(seed)
    deals = random_deals(dice)
    closed = [n for n, deal in enumerate(deals) if deal.owner != BOSS]
    sums: list[list[bool]] = []
    with store.session() as session:
        fill(session, deals)
        caller = boss(session)
        for _ in range(45):
            query = random_question(dice)
            result = ask(session, query, caller)
            assert result.coverage is Coverage.ALL
            sums += told_sums(deals, query, result)
    own = [[n == number for n in range(len(deals))] for number in range(len(deals))]
    sums += [row for number, row in enumerate(own) if number not in closed]
    for kind in ("owner", "account"):
        whose = {n: getattr(deals[n], kind) for n in closed}
        for few in combinations({one for one in whose.values() if one is not None}, SMALLEST - 1):
            theirs = [n for n in closed if whose[n] in few]
            assert computable(sums, theirs) == 0, (kind, few)


def test_the_sums_would_tell_if_nothing_were_hidden(store: Store) -> None:
    dice = random.Random(1)
    deals = random_deals(dice)
    sums: list[list[bool]] = []
    with store.session() as session:
        fill(session, deals)
        caller = boss(session, smallest=1)
        for _ in range(45):
            query = random_question(dice)
            sums += told_sums(deals, query, ask(session, query, caller))
    assert any(computable(sums, [n]) for n, deal in enumerate(deals) if deal.owner != BOSS)


def _big() -> list[Deal]:
    """Six people's won deals of two quarters, each a customer of his own."""
    return [
        Deal(owner, owner, "won", "EUR", quarter, 1, 10 * owner)
        for owner in (1, 2, 3, 5, 6, 7)
        for quarter in (1, 2)
    ]


def test_a_group_of_two_is_not_shown_nor_what_would_give_it_away(store: Store) -> None:
    deals = [*_big(), Deal(4, 5, "won", "EUR", 3, 1, 700)]
    with store.session() as session:
        fill(session, deals)
        caller = boss(session)
        by_team = ask(session, MetricQuery(measure="won_amount", by=("team",)), caller)
        by_quarter = ask(session, MetricQuery(measure="won_amount", by=("quarter",)), caller)
        third = MetricQuery(
            measure="won_amount", period=Period(date(2026, 7, 1), date(2026, 9, 30))
        )
        lonely = ask(session, third, caller)
    assert not any(cell.is_hidden for cell in (*by_team.cells, *by_team.totals))
    # The third is one person's alone: it and the next smallest are hidden, the total is not.
    assert [cell.is_hidden for cell in by_quarter.cells].count(True) == 2
    assert by_quarter.cells[-1].keys == ("Q3 2026",)
    assert by_quarter.totals[0].value == Decimal(sum(deal.amount or 0 for deal in deals))
    assert (lonely.cells[0].is_hidden, lonely.rows) == (True, 0)


@pytest.mark.parametrize(
    "query",
    [
        MetricQuery(measure="won_amount", by=("owner",)),
        MetricQuery(measure="won_amount", by=("account",)),
        MetricQuery(measure="won_amount", by=("month",)),
        MetricQuery(measure="largest_deal"),
        MetricQuery(measure="median_deal_size"),
        MetricQuery(measure="customers"),
        MetricQuery(
            measure="won_amount",
            filters=(Filter(dimension="amount", op=FilterOp.AT_LEAST, values=(20,)),),
        ),
        MetricQuery(
            measure="won_amount", by=("team",), having=Having(op=FilterOp.AT_LEAST, value=1)
        ),
        MetricQuery(measure="won_amount", period=Period(date(2026, 2, 11), date(2026, 3, 31))),
        MetricQuery(measure="slipped_deals"),
    ],
)
def test_a_question_that_cuts_finer_is_answered_over_what_its_asker_reads(
    store: Store, query: MetricQuery
) -> None:
    with store.session() as session:
        fill(session, [*_big(), Deal(BOSS, 1, "won", "EUR", 1, 1, 5)])
        found = ask(session, query, boss(session))
        plain = ask(session, query, boss(session, OWN))
    assert found.coverage is Coverage.READABLE
    assert plain.coverage is None
    assert (found.cells, found.totals, found.rows) == (plain.cells, plain.totals, plain.rows)
    assert found.describe("en").endswith("over the records you may read")


def test_no_closed_row_is_listed_behind_a_figure(store: Store) -> None:
    deals = [*_big(), Deal(BOSS, 1, "won", "EUR", 1, 1, 5)]
    with store.session() as session:
        fill(session, deals)
        query = MetricQuery(measure="won_amount")
        caller = boss(session)
        assert ask(session, query, caller).rows == len(deals)
        assert rows_behind(session, query, principal=caller, as_of=NOW) == (len(deals),)


def test_the_whole_of_a_channel_counts_what_all_its_members_count(store: Store) -> None:
    with store.session() as session:
        fill(session, _big())
        counts, reads = boss(session), boss(session, OWN)
        both = Principal(0, "channel", Role.REP, scopes=(*counts.scopes, *reads.scopes))
        query = MetricQuery(measure="won_amount")
        assert ask(session, query, counts).rows == 12
        assert ask(session, query, both).rows == 0


PARTS = st.lists(
    st.builds(
        Part,
        key=st.tuples(st.sampled_from("ab"), st.sampled_from("cd"), st.integers(0, 3)),
        rows=st.just(3),
        owners=st.frozensets(st.integers(1, 5), min_size=1, max_size=3),
        customers=st.frozensets(st.integers(1, 5), max_size=3),
        without_customer=st.integers(0, 1),
    ),
    unique_by=lambda part: part.key,
)


@given(PARTS, st.integers(1, 5))
def test_every_block_is_of_enough_and_every_part_is_in_one(
    parts: list[Part], smallest: int
) -> None:
    blocks = make_blocks(parts, smallest=smallest)
    assert sorted(repr(p.key) for b in blocks for p in b.parts) == sorted(
        repr(part.key) for part in parts
    )
    assert all(block.is_enough is (units(block.parts) >= smallest) for block in blocks)
    assert all(block.is_enough for block in blocks) is (not parts or units(parts) >= smallest)
    assert is_told(blocks, {part.key: part.rows for part in parts}) is (
        not parts or units(parts) >= smallest
    )


@given(PARTS)
def test_a_figure_that_holds_a_block_in_part_is_not_told(parts: list[Part]) -> None:
    for block in make_blocks(parts, smallest=2):
        one = block.parts[0]
        assert not is_told([block], {one.key: one.rows - 1})
        assert is_told([block], {}) is True


@pytest.mark.slow
def test_postgresql_hides_the_same(store: Store, postgres_url: str) -> None:
    dice = random.Random(2)
    deals, questions = random_deals(dice), [random_question(dice) for _ in range(20)]
    other = Store(postgres_url)
    other.migrate()
    told = []
    for each in (store, other):
        with each.session() as session:
            fill(session, deals)
            caller = boss(session)
            told.append([ask(session, query, caller) for query in questions])
    other.close()
    assert told[0] == told[1]
    assert any(cell.is_hidden for one in told[0] for cell in one.cells)
