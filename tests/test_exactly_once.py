"""Approved mail under kills, races, repeats and lost answers: one effect each, as received."""

import shutil

import pytest

from evals.exactly_once import Figures, prove


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(
    shutil.which("dovecot", path="/usr/sbin:/usr/bin:/usr/local/sbin") is None,
    reason="needs dovecot: apt-get install dovecot-imapd",
)
def test_every_approval_has_one_effect_on_the_receiving_side() -> None:
    figures: Figures = prove(60, seed=20261122)
    assert figures.is_proved, figures
    assert (figures.sent, figures.drafts) == (30, 30)
    assert (figures.delivered, figures.drafts_found) == (30, 30)
    # What was not disturbed would prove nothing.
    assert figures.kills + sum(figures.exits_at_points.values()) >= 10
    assert figures.approved_again + figures.applied_again >= 5
