"""Approvals when the clock jumps: nothing happens twice, no claim is held for ever."""

from pathlib import Path

import pytest

from copilot.agent.approvals.applying import resume_applying
from copilot.agent.approvals.expiring import expire_due
from crm.errors import BadInput, TransientError
from crm.store import Store
from tests.approval_world import Desk, fill
from tests.test_approvals_once import Killed, _killer, approved


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    fill(store)
    return Desk(store, tmp_path)


def killed_while_applying(desk: Desk) -> int:
    number = approved(desk)
    desk.delivery.at = _killer("before delivery")
    with pytest.raises(Killed):
        desk.apply("anna", number)
    desk.delivery.at = lambda _: None
    return number


def test_a_claim_of_a_clock_that_went_back_a_year_is_taken_up_once(desk: Desk) -> None:
    number = killed_while_applying(desk)
    desk.later(days=-365)
    (taken,) = resume_applying(desk.store, desk.applying())
    assert (taken.id, taken.status) == (number, "applied")
    assert resume_applying(desk.store, desk.applying()) == []
    desk.later(days=2 * 365)
    assert not desk.apply("anna", number).is_new
    assert desk.delivery.keys() == ["mail"]


def test_a_clock_a_little_behind_leaves_a_running_claim_alone(desk: Desk) -> None:
    number = killed_while_applying(desk)
    desk.later(minutes=-30)
    with pytest.raises(TransientError, match="being carried out"):
        desk.apply("anna", number)
    assert resume_applying(desk.store, desk.applying()) == []
    desk.later(minutes=30 + 11)
    assert desk.apply("anna", number).status == "applied"
    assert desk.delivery.keys() == ["mail"]


def test_what_was_approved_waits_while_the_clock_is_ahead_and_happens_once_it_is_right(
    desk: Desk,
) -> None:
    number = approved(desk)
    desk.later(days=365)
    with pytest.raises(BadInput, match="expired"):
        desk.apply("anna", number)
    assert desk.delivery.keys() == []
    desk.later(days=-365)
    assert desk.apply("anna", number).is_new
    assert desk.delivery.keys() == ["mail"]


def test_what_happened_stays_done_whatever_the_clock_says(desk: Desk) -> None:
    number = approved(desk)
    assert desk.apply("anna", number).is_new
    for days in (-365, 730):
        desk.later(days=days)
        assert not desk.apply("anna", number).is_new
    assert desk.delivery.keys() == ["mail"]


def test_what_was_closed_as_expired_is_not_revived_by_a_clock_that_goes_back(desk: Desk) -> None:
    number = approved(desk)
    desk.later(days=365)
    with desk.store.session() as session:
        assert expire_due(session, principal=desk.who("owner"), now=desk.now) == [number]
    desk.later(days=-365)
    with pytest.raises(BadInput, match="expired"):
        desk.apply("anna", number)
    assert desk.delivery.keys() == []
