"""On PostgreSQL a profile says the same as on SQLite."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from crm.models import Case, CloseDateChange, NoteKind
from crm.principal import Principal
from crm.store import Store
from tests.conversation_seed import sourced
from tests.postgres import postgres_url  # noqa: F401
from tests.profile_seed import WON, add_customer, add_deal, add_note, add_proposal, add_talk, at
from tools.profile import CustomerProfile, build_profile


@pytest.mark.slow
def test_both_databases_give_one_profile(
    store: Store,
    postgres_url: str,  # noqa: F811
) -> None:
    server = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql("create database profile_tests")
    server.dispose()
    url = make_url(postgres_url).set(database="profile_tests")
    other = Store(url.render_as_string(hide_password=False))
    other.migrate()
    try:
        profiles = [_fill(each) for each in (store, other)]
    finally:
        other.close()
    assert profiles[0].contradictions
    assert profiles[0] == profiles[1]


def _fill(store: Store) -> CustomerProfile:
    with store.session() as session:
        add_customer(session)
        add_deal(session, 2, WON, closed_on=date(2026, 3, 1))
        add_talk(session, 1, [("Priya Shah", "March."), ("Anna Lind", "I will call you.")])
        add_note(session, 1, NoteKind.COMMITMENT, "I will call you.", side="ours", segments=[1])
        add_proposal(session, 1, "expected_close_on", "2027-03-01")
        moved = {"from_on": date(2026, 11, 15), "to_on": date(2026, 12, 15)}
        session.add(CloseDateChange(**sourced(1), opportunity_id=1, changed_at=at(10, 1), **moved))
        case = {"subject": "Down", "status": "open", "opened_at": at(11, 1), "satisfaction": 3}
        session.add(Case(**sourced(1), account_id=1, **case))
        session.flush()
        as_of = datetime(2026, 11, 16, 9, tzinfo=UTC)
        return build_profile(session, 1, principal=Principal.local_owner(), as_of=as_of)
