"""Who decides as the manager: by reporting lines, and for another manager who is away."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from crm.errors import NotAllowed, NotFound
from crm.models import AccessGrant, GrantKind, User
from crm.store import Store
from tests.approval_world import PEOPLE, Desk, fill


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    """The organisation with the rules that come with the product."""
    fill(store)
    return Desk(store, tmp_path)


def set_managers(desk: Desk, **above: str | None) -> None:
    """Forget the teams, and let people report to each other."""
    with desk.store.session() as session:
        session.execute(update(User).values(team_id=None))
        for name, manager in above.items():
            number = PEOPLE[manager][0] if manager else None
            one = update(User).where(User.id == PEOPLE[name][0])
            session.execute(one.values(manager_id=number))


def stand_in(desk: Desk, name: str, absent: str, *, days: int = 3) -> None:
    with desk.store.session() as session:
        session.add(
            AccessGrant(
                user_id=PEOPLE[name][0], kind=GrantKind.STAND_IN.value,
                object_id=PEOPLE[absent][0], reason="holiday", granted_by="ops",
                created_at=desk.now, valid_until=desk.now + timedelta(days=days),
            )
        )  # fmt: skip


def test_without_teams_those_above_by_reporting_lines_decide(desk: Desk) -> None:
    set_managers(desk, anna="mia", mia="max", max=None)

    assert desk.vote("mia", desk.discount("anna", 15, "one")).missing == 0
    assert desk.vote("max", desk.discount("anna", 15, "two")).missing == 0
    with pytest.raises(NotAllowed):
        desk.vote("anna", desk.discount("anna", 15, "three"))


def test_who_reports_to_nobody_is_of_no_managers_team(desk: Desk) -> None:
    set_managers(desk, anna=None, mia="anna")

    assert desk.vote("mia", desk.discount("anna", 15)).missing == 1


def test_a_manager_decides_for_another_while_he_stands_in(desk: Desk) -> None:
    first, second, third = (desk.discount("anna", 15, key) for key in ("a", "b", "c"))
    assert desk.vote("max", first).missing == 1

    stand_in(desk, "max", "mia")
    assert desk.vote("max", second).missing == 0
    desk.later(days=4)
    assert desk.vote("max", third).missing == 1


def test_who_stands_in_for_a_manager_decides_by_his_own_role(desk: Desk) -> None:
    made = desk.discount("anna", 15)
    stand_in(desk, "bo", "mia")
    stand_in(desk, "anna", "mia")

    for name in ("bo", "anna"):
        with pytest.raises((NotAllowed, NotFound)):
            desk.vote(name, made)


def test_nobody_approves_his_own_commitment_for_who_is_above_him(desk: Desk) -> None:
    set_managers(desk, mia="max")
    stand_in(desk, "mia", "max")
    made = desk.mail("mia", elevated=True)

    with pytest.raises(NotAllowed):
        desk.vote("mia", made)
    assert desk.vote("max", made).missing == 0
