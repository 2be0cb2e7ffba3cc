"""Why a figure is told, told of readable records alone, or withheld: which rule, which group."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crm.access.policy import Kind
from crm.metrics.blocks import Withheld
from crm.metrics.coarse import Fine
from crm.metrics.explaining import Counted, FiguresExplained, explain_figures
from crm.metrics.query import Filter, FilterOp, MetricQuery
from crm.metrics.run import run_metric
from crm.principal import Principal
from crm.store import Store
from tests.test_cli_errors import document, filled, home, run
from tests.test_small_groups import NOW, OWN, Deal, boss, fill

__all__ = ["filled", "home"]

NAMED = OWN + '@id("counts all deals") permit (principal, action == Action::"aggregate", resource);'


def deals(*groups: tuple[int, int]) -> list[Deal]:
    """Won deals in euros: (owner, how many of them), each of its own customer."""
    return [
        Deal(owner, 1 + number % 6, "won", "EUR", 1, 1, 5)
        for owner, many in groups
        for number in range(many)
    ]


def explained(
    session: Session, policy: str = NAMED, *, who: Principal | None = None, **asked: Any
) -> FiguresExplained:
    query = MetricQuery(measure=asked.pop("measure", "won_amount"), **asked)
    return explain_figures(session, query, principal=who or boss(session, policy), as_of=NOW)


def test_a_group_of_too_few_and_the_one_that_would_tell_of_it_are_withheld(store: Store) -> None:
    with store.session() as session:
        fill(session, deals((1, 3), (2, 3), (3, 3), (4, 3), (5, 1)))
        found = explained(session, by=("team",))
        shown = run_metric(
            session, MetricQuery(measure="won_amount", by=("team",)), principal=boss(session),
            as_of=NOW,
        )  # fmt: skip
    assert (found.counted, found.kind, found.rules) == (
        Counted.ALL, Kind.OPPORTUNITY, ("counts all deals",),
    )  # fmt: skip
    reasons = {one.keys: one.withheld for one in found.figures}
    assert reasons == {
        ("team 1",): Withheld.PART_OF_BLOCK, ("team 2",): Withheld.PART_OF_BLOCK,
    }  # fmt: skip
    # It says of each figure what the question itself does with it.
    assert {one.keys for one in shown.cells if one.is_hidden} == set(reasons)


def test_where_all_is_of_too_few_the_total_is_withheld(store: Store) -> None:
    with store.session() as session:
        fill(session, deals((1, 2), (2, 2)))
        found = explained(session)
    assert [(one.keys, one.currency, one.withheld) for one in found.figures] == [
        ((), "EUR", Withheld.TOO_FEW)
    ]
    assert found.smallest_group == 3


def test_enough_people_are_told(store: Store) -> None:
    with store.session() as session:
        fill(session, deals((1, 3), (2, 3), (3, 3)))
        found = explained(session, by=("team",))
    assert [(one.keys, one.withheld) for one in found.figures] == [(("team 1",), None)]


@pytest.mark.parametrize(
    ("asked", "fine"),
    [
        ({"by": ("owner",)}, Fine.DIMENSION),
        ({"measure": "median_deal_size"}, Fine.MEASURE),
        ({"share": True}, Fine.SHARE),
        ({"by": ("month",)}, Fine.DIMENSION),
    ],
)
def test_a_question_that_could_single_out_a_record_says_by_what(
    store: Store, asked: dict[str, Any], fine: Fine
) -> None:
    with store.session() as session:
        fill(session, deals((1, 3)))
        found = explained(session, **asked)
    assert (found.counted, found.figures) == (Counted.READABLE, ())
    assert fine in found.fine


def test_without_a_rule_or_with_another_role_no_closed_record_counts(store: Store) -> None:
    with store.session() as session:
        fill(session, deals((1, 3)))
        found = explained(session, OWN)
        owner = explained(session, who=Principal.local_owner())
        narrow = explained(
            session, filters=(Filter(dimension="amount", op=FilterOp.AT_LEAST, values=("1",)),)
        )
    assert (found.counted, found.rules, found.fine) == (Counted.READABLE, (), ())
    assert owner.counted is Counted.EVERYTHING
    assert Fine.FILTER in narrow.fine


@pytest.fixture
def strict(filled: Path) -> Path:
    (filled / "access.cedar").write_text(NAMED, encoding="utf-8")
    return filled


def test_the_command_says_it_in_both_languages_and_as_json(strict: Path) -> None:
    name = document(run("show", "users", "--json"))["records"][0]["name"]
    asked = ("access", "explain", "--as", name, "--measure", "won_amount", "--by", "team")
    told = document(run(*asked, "--json"))
    shown = run(*asked).output

    assert (told["counted"], told["rules"], told["kind"]) == (
        "all", ["counts all deals"], "Opportunity",
    )  # fmt: skip
    assert set(told["said"]) == {"en", "zh"}
    for line in ("rule that counts closed records: counts all deals",
                 "允许计入不可读记录的规则：counts all deals"):  # fmt: skip
        assert line in shown
    assert all(one["is_told"] is (one["withheld"] is None) for one in told["figures"])


def test_a_closed_record_that_counts_says_by_which_rule(strict: Path) -> None:
    people = document(run("show", "users", "--json"))["records"]
    found = [
        document(
            run("access", "explain", "--as", one["name"], "--object", "opportunity:1", "--json")
        )
        for one in people
    ]
    assert {(one["is_allowed"], one["counts"]) for one in found} >= {(False, True)}
    assert all(one["counted_by"] == ["counts all deals"] for one in found)


def test_one_thing_is_explained_at_a_time(strict: Path) -> None:
    for extra in ([], ["--object", "opportunity:1", "--measure", "won_amount"]):
        assert run("access", "explain", "--as", "x", *extra).exit_code in (2, 3)
