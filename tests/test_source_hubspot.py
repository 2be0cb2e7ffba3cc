"""HubSpot as a source: first reading, searches beyond their cap, archives, history, limits."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from crm.errors import PermanentError, TransientError
from crm.models import (
    Account,
    Activity,
    AmountChange,
    Case,
    Contact,
    Opportunity,
    OpportunityContact,
    OpportunityLine,
    Stage,
    StageChange,
    Team,
    User,
)
from crm.principal import Principal
from crm.store import Store
from ingest.sources.hubspot import HubspotConfig, HubspotSource, open_hubspot
from tests.hubspot_server import TOKEN, Hubspot, iso
from tests.rest_server import Answer, Sleeps, secrets
from tests.source_sync import Sync, shown


@pytest.fixture
def hub(as_of: datetime) -> Iterator[Hubspot]:
    """A small account: one owner, one company, one contact, one deal."""
    hub = Hubspot(now=as_of - timedelta(days=2))
    hub.owners = [
        {"id": "11", "email": "ana@ours.com", "firstName": "Ana", "lastName": "Ortiz",
         "teams": [{"id": "1", "name": "EMEA", "primary": True}]},
        {"id": "12", "email": "gone@ours.com", "archived": True},
    ]  # fmt: skip
    hub.put("companies", "100", name="Acme 有限公司", domain="acme.com", hubspot_owner_id="11",
            annualrevenue="12500000", numberofemployees="40")  # fmt: skip
    hub.put("contacts", "200", firstname="Priya", lastname="Rao", email="priya@acme.com")
    hub.put("contacts", "201", email="nameless@acme.com")
    hub.put("deals", "300", dealname="Acme pilot", dealstage="appointment", amount="1200.50",
            closedate="2026-12-01T10:00:00Z", hubspot_owner_id="11")  # fmt: skip
    hub.link("contacts", "200", "companies", "100", "Primary")
    hub.link("deals", "300", "companies", "100")
    hub.link("deals", "300", "contacts", "200", "Decision maker")
    with hub.server.running():
        yield hub


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


@pytest.fixture
def source(hub: Hubspot, sleeps: Sleeps) -> HubspotSource:
    return connect(hub, sleeps)


def connect(hub: Hubspot, sleeps: Sleeps, **changes: Any) -> HubspotSource:
    config = HubspotConfig.model_validate({"token": "hub", "base_url": hub.server.url} | changes)
    return open_hubspot(config, name="hs", secret=secrets(hub=TOKEN), pacing=sleeps.pacing())


@pytest.fixture
def sync(store: Store, owner: Principal, tmp_path: Path) -> Sync:
    return Sync(store, owner, tmp_path / "rejects")


def test_first_reading_links_everything(
    store: Store, owner: Principal, hub: Hubspot, source: HubspotSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    hub.put("products", "400", name="Kite Pro", price="4821")
    hub.put("line_items", "500", name="Kite Pro", hs_product_id="400", quantity="2", amount="9642")
    hub.put("line_items", "501", name="Set-up", hs_product_id=None, quantity="1", amount="10")
    for line in ("500", "501"):
        hub.link("line_items", line, "deals", "300")
    hub.put("notes", "600", hs_note_body="<p>They like <b>Kite</b></p>", hs_timestamp=iso(as_of))
    hub.put("tasks", "601", hs_task_subject="Call", hs_task_status="NOT_STARTED",
            hs_timestamp="2026-11-20T08:00:00Z")  # fmt: skip
    hub.put("calls", "602", hs_call_title=None, hs_call_body="", hs_timestamp=iso(as_of))
    hub.link("notes", "600", "deals", "300")
    hub.put("tickets", "700", subject="Broken", hs_pipeline_stage="1")
    stored = sync(source, as_of)
    assert (sync.error, stored.rejected) == (None, 0)
    with store.session() as session:
        deal = session.scalars(select(Opportunity)).one()
        assert (deal.amount_minor, deal.currency) == (120_050, "EUR")
        assert deal.expected_close_on == date(2026, 12, 1)
        assert session.get_one(Account, deal.account_id).annual_revenue_minor == 1_250_000_000
        user = session.get_one(User, deal.owner_id)
        assert (user.name, session.get_one(Team, user.team_id).name) == ("Ana Ortiz", "EMEA")
        assert (
            session.scalars(select(User).where(User.name == "gone@ours.com")).one().is_active
            is False
        )
        listed = select(Contact.name, Contact.account_id).order_by(Contact.external_id)
        people = session.execute(listed)
        assert people.all() == [("Priya Rao", deal.account_id), ("nameless@acme.com", None)]
        assert session.scalars(select(OpportunityContact)).one().role == "Decision maker"
        lines = session.scalars(select(OpportunityLine.amount_minor)).all()
        assert sorted(line or 0 for line in lines) == [1_000, 964_200]
        note, task, call = session.scalars(select(Activity).order_by(Activity.external_id))
        assert (note.subject, note.body, note.opportunity_id) == (
            "They like Kite", "They like Kite", deal.id,
        )  # fmt: skip
        assert (task.due_on, task.done_at, task.occurred_at) == (date(2026, 11, 20), None, None)
        assert (call.subject, call.occurred_at) == ("(no subject)", as_of)
        assert session.scalars(select(Case)).one().status == "1"
        stages = session.execute(select(Stage.name, Stage.status).order_by(Stage.position)).all()
        assert [tuple(stage) for stage in stages] == [
            ("Appointment", "open"), ("Closed won (Sales)", "won"), ("Closed lost", "lost"),
            ("Closed won (Renewals)", "won"),
        ]  # fmt: skip


def test_news_come_by_search_and_history_once(
    store: Store, owner: Principal, hub: Hubspot, source: HubspotSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    first = sync(source, as_of)
    again = sync(source, as_of)
    assert (first.created > 5, again.created, again.updated, again.deleted) == (True, 0, 0, 0)
    hub.tick(hours=1)
    hub.put("deals", "300", dealstage="closedwon", amount="900", closedate=iso(hub.now))
    last = sync(source, as_of)
    assert (last.updated, last.rejected) == (1, 0)
    deal = shown(store, Opportunity, owner)[0]
    assert (deal.amount_minor, deal.closed_on) == (90_000, hub.now.date())
    moves = sorted(shown(store, StageChange, owner), key=lambda one: one.changed_at)
    names = {stage.id: stage.name for stage in shown(store, Stage, owner)}
    assert [(names.get(one.from_stage_id), names[one.to_stage_id]) for one in moves] == [
        (None, "Appointment"), ("Appointment", "Closed won (Sales)"),
    ]  # fmt: skip
    assert moves[-1].changed_at == hub.now
    amounts = shown(store, AmountChange, owner)
    assert [(one.from_minor, one.to_minor) for one in amounts] == [(120_050, 90_000)]


@pytest.mark.parametrize("is_one_moment", [True, False])
def test_more_changes_than_a_search_may_find_all_come(
    store: Store, owner: Principal, hub: Hubspot, source: HubspotSource, sync: Sync,
    as_of: datetime, is_one_moment: bool, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("tests.hubspot_server.MOST_FOUND", 400)
    sync(source, as_of)
    hub.tick(hours=1)
    for number in range(1_100):
        hub.tick(milliseconds=0 if is_one_moment else number % 3)
        hub.put("companies", str(5_000 + number), name=f"Company {number}")
    hub.tick(hours=1)
    hub.put("companies", "9999", name="After them")
    stored = sync(source, as_of)
    assert sync.error is None
    assert stored.created == 1_101
    assert len(shown(store, Account, owner)) == 1_102


def test_a_record_that_changes_while_pages_are_read_hides_no_other(
    store: Store, owner: Principal, hub: Hubspot, source: HubspotSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    sync(source, as_of)
    hub.tick(hours=1)
    for number in range(600):
        hub.tick(milliseconds=5)
        hub.put("companies", str(5_000 + number), name=f"Company {number}")
    hub.tick(hours=1)
    answer, touched = hub.server.respond, iter(range(5_000, 5_600, 7))

    def restless(request: Any) -> Answer:
        found = answer(request)
        if request.path.endswith("companies/search") and (one := next(touched, None)):
            for other in range(one, one + 7):
                hub.put("companies", str(other), city="Oslo")
        return found

    hub.server.respond = restless
    sync(source, as_of)
    assert len(shown(store, Account, owner)) == 601


def test_archived_records_go_and_come_back(
    store: Store, owner: Principal, hub: Hubspot, source: HubspotSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    sync(source, as_of)
    hub.tick(hours=1)
    hub.archive("deals", "300")
    assert sync(source, as_of).deleted == 1
    assert (shown(store, Opportunity, owner), shown(store, OpportunityContact, owner)) == ([], [])
    hub.tick(hours=1)
    hub.put("deals", "300", dealname="Back")
    sync(source, as_of)
    assert [deal.name for deal in shown(store, Opportunity, owner)] == ["Back"]
    assert len(shown(store, OpportunityContact, owner)) == 1
    assert len(shown(store, StageChange, owner)) == 1


def test_merged_companies_leave_one(
    store: Store, owner: Principal, hub: Hubspot, source: HubspotSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    hub.put("companies", "101", name="Acme Ltd")
    sync(source, as_of)
    hub.tick(hours=1)
    del hub.records["companies"]["101"]
    hub.put("companies", "100", hs_merged_object_ids="101")
    assert sync(source, as_of).deleted == 1
    assert [one.external_id for one in shown(store, Account, owner)] == ["100"]
    assert "companies: 1 merged into others" in sync.notes


def test_a_right_that_is_missing_leaves_out_its_object_alone(
    store: Store, owner: Principal, hub: Hubspot, source: HubspotSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    hub.forbidden = {"leads", "tickets"}
    sync(source, as_of)
    assert sync.error is None
    assert sum("left out" in note for note in sync.notes) == 2
    assert len(shown(store, Opportunity, owner)) == 1


def test_a_list_cut_off_goes_on_behind_what_is_stored(
    store: Store, owner: Principal, hub: Hubspot, source: HubspotSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    for number in range(1_250):
        hub.put("companies", str(5_000 + number), name=f"Company {number}")
    hub.server.fail(Answer(502), "objects/companies", times=99, after=8)
    sync(source, as_of)
    assert isinstance(sync.error, TransientError)
    assert len(shown(store, Account, owner)) == 500
    hub.server.faults.clear()
    hub.tick(hours=1)
    hub.put("companies", "5001", name="Changed meanwhile")
    stored = sync(source, as_of)
    assert sync.error is None
    assert (len(shown(store, Account, owner)), stored.unchanged < 100) == (1_251, True)
    assert "Changed meanwhile" not in {one.name for one in shown(store, Account, owner)}
    sync(source, as_of)
    assert "Changed meanwhile" in {one.name for one in shown(store, Account, owner)}


def test_a_second_s_limit_is_waited_for_and_a_day_s_is_not(
    hub: Hubspot, source: HubspotSource, sync: Sync, sleeps: Sleeps, as_of: datetime
) -> None:
    limit = {"status": "error", "errorType": "RATE_LIMIT", "message": "You have reached your limit"}
    hub.server.fail(Answer(429, limit | {"policyName": "SECONDLY"}), "objects", times=2, after=1)
    sync(source, as_of)
    assert (sync.error, sleeps.taken) == (None, [1.0, 2.0])
    hub.server.fail(Answer(429, limit | {"policyName": "DAILY"}), "objects", times=99)
    sync(source, as_of)
    assert isinstance(sync.error, TransientError)
    assert len(sleeps.taken) == 2


def test_a_wait_longer_than_is_patient_for_ends_the_run(
    hub: Hubspot, source: HubspotSource, sync: Sync, sleeps: Sleeps, as_of: datetime
) -> None:
    hub.server.fail(Answer(429, {}, {"Retry-After": "3600"}), "objects")
    sync(source, as_of)
    assert isinstance(sync.error, TransientError)
    assert ("asks for 3600 s" in str(sync.error), sleeps.taken) == (True, [])


def test_a_refused_token_is_said_and_not_shown(
    hub: Hubspot, sync: Sync, sleeps: Sleeps, as_of: datetime
) -> None:
    config = HubspotConfig(token="hub", base_url=hub.server.url)
    source = open_hubspot(config, secret=secrets(hub="pat-wrong"), pacing=sleeps.pacing())
    sync(source, as_of)
    assert isinstance(sync.error, PermanentError)
    assert ("INVALID_AUTHENTICATION" in str(sync.error), "pat-wrong" in str(sync.error)) == (
        True, False,
    )  # fmt: skip


def test_the_currency_is_asked_for_or_has_to_be_set(
    store: Store, owner: Principal, hub: Hubspot, source: HubspotSource, sync: Sync,
    sleeps: Sleeps, as_of: datetime,
) -> None:  # fmt: skip
    hub.currency = None
    sync(source, as_of)
    assert "set `currency`" in str(sync.error)
    sync(connect(hub, sleeps, currency="cny"), as_of)
    assert [deal.currency for deal in shown(store, Opportunity, owner)] == ["CNY"]


def test_days_follow_the_company_s_time_zone(
    store: Store, owner: Principal, hub: Hubspot, sync: Sync, sleeps: Sleeps, as_of: datetime
) -> None:
    hub.put("deals", "300", closedate=iso(datetime(2026, 12, 1, 20, tzinfo=UTC)))
    sync(connect(hub, sleeps, timezone="Asia/Shanghai"), as_of)
    assert shown(store, Opportunity, owner)[0].expected_close_on == date(2026, 12, 2)


def test_history_in_a_stage_that_is_no_more_is_left_out_and_said(
    store: Store, owner: Principal, hub: Hubspot, source: HubspotSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    old = {"value": "old-stage", "timestamp": "1577836800000"}
    hub.histories[("300", "dealstage")].append(old)
    assert sync(source, as_of).rejected == 0
    assert len(shown(store, StageChange, owner)) == 1
    assert any("1 changes to stages that are no more" in note for note in sync.notes)
