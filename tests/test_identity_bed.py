"""The generated test bed of identity: equal for equal seeds, hard, and passed."""

from evals.identity import LEAST_PRECISION, measure, score_of


def test_links_made_by_rule_are_right_and_many() -> None:
    verdicts = measure(7, accounts=80)
    score = score_of(verdicts)
    assert score.cases > 300
    assert score.precision >= LEAST_PRECISION
    assert score.recall > 0.55
    assert score.queued < 0.35


def test_the_bed_holds_strangers_who_look_like_contacts() -> None:
    verdicts = measure(7, accounts=40)
    strangers = [one for one in verdicts if one.case.contact_id is None]
    assert any(one.asked for one in strangers)
    assert len(strangers) > 0.2 * len(verdicts)
    assert verdicts == measure(7, accounts=40)
