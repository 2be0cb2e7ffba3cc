"""What is given for a time: nothing twice unnoticed, and nobody to himself."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from crm.access.bindings import bindings_of
from crm.access.granting import Wish, grant_access, revoke_access
from crm.errors import BadInput
from crm.models import AccessGrant, GrantKind, User
from crm.principal import Principal
from crm.store import Store
from evals.access_company import build_world

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=3)
OWNER = Principal.local_owner()


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    with store.session() as session:
        build_world(session, seed=1, size=3)
        yield session


def give(session: Session, kind: GrantKind, number: int, until: datetime | None = LATER) -> int:
    wish = Wish(1, kind, number, "tender", valid_until=until)
    return grant_access(session, wish, principal=OWNER, now=NOW)


def test_the_same_is_not_given_twice_and_can_be_given_anew(session: Session) -> None:
    first = give(session, GrantKind.ACCOUNT, 2)
    with pytest.raises(BadInput, match=f"grant {first} gives the same"):
        give(session, GrantKind.ACCOUNT, 2)

    assert revoke_access(session, first, principal=OWNER, now=NOW) == ()
    assert give(session, GrantKind.ACCOUNT, 2) > first


def test_who_takes_a_grant_back_learns_of_those_that_still_hold(session: Session) -> None:
    first = give(session, GrantKind.ACCOUNT, 2)
    longer = give(session, GrantKind.ACCOUNT, 2, until=None)
    give(session, GrantKind.ACCOUNT, 3)

    assert revoke_access(session, first, principal=OWNER, now=NOW) == (longer,)
    user = session.get_one(User, 1)
    assert 2 in bindings_of(session, user, at=NOW).account_ids
    assert revoke_access(session, longer, principal=OWNER, now=NOW) == ()
    assert revoke_access(session, longer, principal=OWNER, now=NOW) == ()


@pytest.mark.parametrize("seed", range(3))
def test_a_grant_holds_by_the_moment_whatever_the_time_zone(session: Session, seed: int) -> None:
    chance = Random(seed)
    # Summer time begins and ends in one of them near these moments, midnight passes in others.
    zones = [UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai"), ZoneInfo("Pacific/Apia")]
    around = [datetime(2026, 10, 25, 0, tzinfo=UTC), datetime(2026, 3, 29, 0, tzinfo=UTC)]

    def moment() -> datetime:
        minutes = chance.choice([-1441, -61, -60, -1, 0, 1, 59, 60, 61, 1441])
        return (chance.choice(around) + timedelta(minutes=minutes)).astimezone(chance.choice(zones))

    session.execute(delete(AccessGrant))
    rows = [
        AccessGrant(
            user_id=1, kind=GrantKind.ACCOUNT.value, object_id=number, reason="x",
            granted_by="ops", created_at=NOW, valid_from=chance.choice([None, moment()]),
            valid_until=chance.choice([None, moment()]),
            revoked_at=chance.choice([None, None, None, moment()]),
        )
        for number in range(1, 81)
    ]  # fmt: skip
    held = [(one.object_id, one.valid_from, one.valid_until, one.revoked_at) for one in rows]
    session.add_all(rows)
    session.flush()
    user, seen = session.get_one(User, 1), 0
    for _ in range(20):
        at = moment()
        wanted = {
            number
            for number, since, until, gone in held
            if gone is None and (since is None or since <= at) and (until is None or at < until)
        }
        assert bindings_of(session, user, at=at).account_ids == wanted
        seen += 0 < len(wanted) < len(rows)
    assert seen


def test_nobody_stands_in_for_himself(session: Session) -> None:
    with pytest.raises(BadInput, match="for himself"):
        give(session, GrantKind.STAND_IN, 1)

    assert give(session, GrantKind.STAND_IN, 2)
