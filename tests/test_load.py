"""The load run: its figures are computed right, and a short one breaks nothing."""

import pytest

from evals.load import run_load
from evals.load_figures import Sample, figures_by_work, growth


def test_a_refusal_is_no_error_and_a_breakdown_is_one() -> None:
    samples = [
        Sample("ask", 0.010, "done"),
        Sample("ask", 0.030, "NotFound: nothing"),
        Sample("approve", 0.020, "refused"),
    ]
    everything, approve, ask = figures_by_work(samples)
    assert (everything.count, everything.refused, everything.errors) == (3, 1, 1)
    assert (approve.errors, approve.p95_ms) == (0, 20.0)
    assert (ask.errors, ask.max_ms) == (1, 30.0)


def test_growth_is_the_slope_a_minute_without_the_start() -> None:
    start = [(0.0, 10.0), (30.0, 500.0)]
    steady = [(60.0 + 30 * step, 500.0 + 2 * step) for step in range(8)]
    assert growth(start + steady) == pytest.approx(4.0)
    assert growth([(0.0, 7.0)]) == 0.0


@pytest.mark.slow
def test_users_at_once_break_nothing_and_approvals_act_once() -> None:
    figures = run_load(
        users=4, minutes=0.05, think_s=0, on_sqlite=True, embed=False, seed=11, least=40
    )
    assert figures.is_passed, (figures.errors, figures.wrong_effects)
    assert {"approve", "ask_number", "propose_task"} <= {one.name for one in figures.work}
    assert figures.actions.get("applied", 0) > 0
