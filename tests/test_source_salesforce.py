"""Salesforce as a source: first reading, news, deletions, history, rights, limits, faults."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from crm.errors import BadInput, PermanentError, TransientError
from crm.metrics.query import MetricQuery
from crm.metrics.run import run_metric
from crm.models import (
    Account,
    Activity,
    AmountChange,
    Case,
    CloseDateChange,
    Contact,
    Lead,
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
from ingest.sources.salesforce import SalesforceConfig, SalesforceSource, open_salesforce
from tests.rest_server import Answer, Sleeps, secrets
from tests.salesforce_server import CLIENT_SECRET, REFRESH, Salesforce, iso
from tests.source_sync import Sync, shown

STAGES = (
    ("Prospecting", False, False, 10),
    ("Proposal", False, False, 60),
    ("Closed Won", True, True, 100),
    ("Closed Lost", True, False, 0),
)


@pytest.fixture
def org(as_of: datetime) -> Iterator[Salesforce]:
    """A small organisation: one seller, one customer, one deal."""
    org = Salesforce(now=as_of - timedelta(days=2))
    for number, (name, is_closed, is_won, chance) in enumerate(STAGES, start=1):
        org.put(
            "OpportunityStage", f"01J{number}", ApiName=name, MasterLabel=name, SortOrder=number,
            IsClosed=is_closed, IsWon=is_won, DefaultProbability=chance,
        )  # fmt: skip
    org.put("User", "005A", Name="Ana Ortiz", Email="ana@ours.com", IsActive=True,
            **{"UserRole.Name": "EMEA"})  # fmt: skip
    org.put("Account", "001A", Name="Acme 有限公司", OwnerId="005A", Website="https://www.acme.com/x",
            AnnualRevenue=12500000.0)  # fmt: skip
    org.put("Contact", "003A", Name="Priya Rao", Email="priya@acme.com", AccountId="001A")
    org.put("Opportunity", "006A", Name="Acme pilot", AccountId="001A", OwnerId="005A",
            StageName="Prospecting", Amount=1200.5, CloseDate="2026-12-01")  # fmt: skip
    with org.server.running():
        yield org


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


@pytest.fixture
def source(org: Salesforce, sleeps: Sleeps) -> SalesforceSource:
    return connect(org, sleeps)


def connect(org: Salesforce, sleeps: Sleeps, **changes: Any) -> SalesforceSource:
    given = {"login_url": org.server.url, "client_id": "app", "client_secret": "app-secret",
             "refresh_token": "token", "currency": "USD"}  # fmt: skip
    config = SalesforceConfig.model_validate(given | changes)
    known = {"app-secret": CLIENT_SECRET, "token": REFRESH}
    return open_salesforce(config, name="sf", secret=secrets(**known), pacing=sleeps.pacing())


@pytest.fixture
def sync(store: Store, owner: Principal, tmp_path: Path) -> Sync:
    return Sync(store, owner, tmp_path / "rejects")


def test_first_reading_links_everything(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    org.put("Account", "001B", Name="Acme Labs", ParentId="001A")
    org.put("Product2", "01tA", Name="Kite Pro", IsActive=True)
    org.put("OpportunityLineItem", "00kA", OpportunityId="006A", Product2Id="01tA", Quantity=2.0,
            TotalPrice=1200.5)  # fmt: skip
    org.put("OpportunityContactRole", "00KA", OpportunityId="006A", ContactId="003A", Role="Buyer")
    org.put("Task", "00TA", Subject="Call back", TaskSubtype="Call", WhatId="006A", WhoId="003A",
            OwnerId="005A", AccountId="001A", IsClosed=True,
            CompletedDateTime=iso(as_of))  # fmt: skip
    org.put("Task", "00TB", Subject=None, WhatId="001A", ActivityDate="2026-11-20", IsClosed=False)
    org.put("Event", "00UA", Subject="Demo", WhatId="006A", StartDateTime=iso(as_of))
    org.put("Case", "500A", Subject="Broken", Status="New", AccountId="001A", OwnerId="00G1")
    org.put("Lead", "00QA", Name="Li Lei", Company="新公司", Status="Open", OwnerId="005A",
            ConvertedDate="2026-11-10", ConvertedOpportunityId="006A")  # fmt: skip
    stored = sync(source, as_of)
    assert (sync.error, stored.rejected) == (None, 0)
    with store.session() as session:
        deal = session.scalars(select(Opportunity)).one()
        assert (deal.amount_minor, deal.currency) == (120_050, "USD")
        assert deal.expected_close_on == date(2026, 12, 1)
        account = session.get_one(Account, deal.account_id)
        assert (account.name, account.domain) == ("Acme 有限公司", "acme.com")
        assert account.annual_revenue_minor == 1_250_000_000
        child = session.scalars(select(Account).where(Account.external_id == "001B")).one()
        assert child.parent_id == account.id
        user = session.get_one(User, deal.owner_id)
        assert session.get_one(Team, user.team_id).name == "EMEA"
        call, task, event = session.scalars(select(Activity).order_by(Activity.external_id))
        assert (call.kind, call.opportunity_id, call.account_id) == ("call", deal.id, account.id)
        assert call.occurred_at == call.done_at == as_of
        assert (task.kind, task.subject, task.due_on) == (
            "task",
            "(no subject)",
            date(2026, 11, 20),
        )
        assert (task.done_at, task.opportunity_id) == (None, None)
        assert (event.kind, event.occurred_at) == ("meeting", as_of)
        assert session.scalars(select(Case)).one().owner_id is None
        assert session.scalars(select(Lead)).one().opportunity_id == deal.id
        assert session.scalars(select(OpportunityLine)).one().amount_minor == 120_050
        assert session.scalars(select(OpportunityContact)).one().role == "Buyer"
        stages = session.execute(
            select(Stage.name, Stage.status, Stage.probability).order_by(Stage.position)
        ).all()
        assert [(name, status) for name, status, _ in stages] == [
            ("Prospecting", "open"), ("Proposal", "open"), ("Closed Won", "won"),
            ("Closed Lost", "lost"),
        ]  # fmt: skip
        assert [float(chance) for *_, chance in stages] == [0.1, 0.6, 1.0, 0.0]


def test_news_update_and_nothing_else_changes(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    first = sync(source, as_of)
    again = sync(source, as_of)
    assert (first.created > 5, again.created, again.updated, again.deleted) == (True, 0, 0, 0)
    org.tick(hours=1)
    org.put("Opportunity", "006A", Amount=900)
    third = sync(source, as_of)
    assert (third.created, third.updated) == (0, 1)
    assert [deal.amount_minor for deal in shown(store, Opportunity, owner)] == [90_000]
    queries = [request.query["q"] for request in org.server.requests if "q" in request.query]
    accounts = [query for query in queries if " FROM Account " in query]
    assert "WHERE" not in accounts[0]
    assert "WHERE SystemModstamp >= 2026-11-14T08:50:00.000Z" in accounts[-1]


def test_a_change_stamped_before_the_last_reading_is_still_seen(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    sync(source, as_of)
    late = org.now - timedelta(minutes=4)
    org.put("Account", "001L", Name="Late GmbH", SystemModstamp=iso(late))
    org.tick(minutes=30)
    sync(source, as_of)
    assert [one.name for one in shown(store, Account, owner)] == ["Acme 有限公司", "Late GmbH"]


def test_a_stamp_from_the_future_hides_nothing_that_follows(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    ahead = iso(org.now + timedelta(days=30))
    org.put("Account", "001F", Name="Ahead Inc", SystemModstamp=ahead)
    sync(source, as_of)
    org.tick(hours=2)
    org.put("Account", "001N", Name="Next AG")
    sync(source, as_of)
    assert "Next AG" in [one.name for one in shown(store, Account, owner)]


def test_history_becomes_changes_once(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    def line(number: int, stage: str, amount: float | None, close: str) -> None:
        org.put("OpportunityHistory", f"008{number}", OpportunityId="006A", StageName=stage,
                Amount=amount, CloseDate=close, Probability=10,
                ForecastCategory="Pipeline")  # fmt: skip

    line(1, "Prospecting", None, "2026-12-01")
    org.tick(minutes=1)
    line(2, "Prospecting", 1000, "2026-12-01")
    org.tick(minutes=1)
    line(3, "Proposal", 1200.5, "2026-12-01")
    sync(source, as_of)
    sync(source, as_of)
    org.tick(hours=1)
    line(4, "Proposal", 1200.5, "2027-01-15")
    org.put("Opportunity", "006A", CloseDate="2027-01-15", StageName="Proposal")
    last = sync(source, as_of)
    assert last.rejected == 0
    names = {stage.id: stage.name for stage in shown(store, Stage, owner)}
    moves = sorted(shown(store, StageChange, owner), key=lambda one: one.changed_at)
    assert [(names.get(one.from_stage_id), names[one.to_stage_id]) for one in moves] == [
        (None, "Prospecting"), ("Prospecting", "Proposal"),
    ]  # fmt: skip
    amounts = shown(store, AmountChange, owner)
    assert [(one.from_minor, one.to_minor) for one in amounts] == [(100_000, 120_050)]
    dates = shown(store, CloseDateChange, owner)
    assert [(one.from_on, one.to_on) for one in dates] == [(date(2026, 12, 1), date(2027, 1, 15))]
    assert dates[0].changed_at == org.now


def test_histories_of_many_deals_over_many_pages_stay_whole(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    org.page = 4
    for number in range(7):
        deal = f"006D{number}"
        org.put("Opportunity", deal, Name=deal, StageName="Proposal", CloseDate="2026-12-01")
        for step, stage in enumerate(("Prospecting", "Proposal", "Closed Lost")):
            org.put("OpportunityHistory", f"008{number}{step}", OpportunityId=deal, StageName=stage,
                    CreatedDate=iso(org.now + timedelta(seconds=step)))  # fmt: skip
    org.tick(days=1)
    for number in range(8):
        org.server.fail(Answer(500), "query/", times=6, after=number)
        sync(source, as_of)
        org.server.faults.clear()
    sync(source, as_of)
    assert sync.error is None
    assert len(shown(store, StageChange, owner)) == 21


def test_a_stage_that_the_list_lacks_is_made_with_its_meaning(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    org.put("Opportunity", "006O", Name="Old", StageName="Gewonnen (alt)", IsClosed=True,
            IsWon=True, CloseDate="2020-05-05", Amount=1)  # fmt: skip
    assert sync(source, as_of).rejected == 0
    stages = {stage.name: stage.status for stage in shown(store, Stage, owner)}
    assert stages["Gewonnen (alt)"] == "won"


def test_deletions_hide_rows_with_what_they_own_and_leave_the_sums(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    org.put("Opportunity", "006B", Name="Second", StageName="Proposal", Amount=100,
            CloseDate="2026-12-01", AccountId="001A")  # fmt: skip
    org.put("Product2", "01tA", Name="Kite Pro", IsActive=True)
    org.put("OpportunityLineItem", "00kA", OpportunityId="006A", Product2Id="01tA", Quantity=1,
            TotalPrice=1200.5)  # fmt: skip
    sync(source, as_of)

    def open_value() -> float:
        with store.session() as session:
            query = MetricQuery(measure="pipeline")
            result = run_metric(session, query, principal=owner, as_of=as_of)
            return float(result.totals[0].value or 0)

    assert open_value() == 1300.5
    org.tick(hours=1)
    org.delete("Opportunity", "006A")
    stored = sync(source, as_of)
    assert (stored.deleted, open_value()) == (1, 100.0)
    assert [deal.name for deal in shown(store, Opportunity, owner)] == ["Second"]
    assert shown(store, OpportunityLine, owner) == []
    with store.session() as session:
        hidden = session.scalars(select(Opportunity).where(Opportunity.external_id == "006A")).one()
        assert hidden.deleted_at == org.now
    org.tick(hours=1)
    org.put("Opportunity", "006A", Amount=700)
    assert sync(source, as_of).updated == 1
    assert open_value() == 800.0
    assert [line.external_id for line in shown(store, OpportunityLine, owner)] == ["00kA"]


def test_what_was_deleted_for_good_goes_by_the_log(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    sync(source, as_of)
    org.tick(hours=1)
    org.purge("Contact", "003A")
    org.tick(minutes=5)
    assert sync(source, as_of).deleted == 1
    assert shown(store, Contact, owner) == []


def test_a_gap_longer_than_the_log_is_said(
    org: Salesforce, source: SalesforceSource, sync: Sync, as_of: datetime
) -> None:
    sync(source, as_of)
    org.tick(days=40)
    sync(source, as_of)
    assert sync.error is None
    assert any("Contact: deletions before" in note for note in sync.notes)


def test_a_merged_account_goes_and_is_noted(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    org.put("Account", "001M", Name="Acme Ltd")
    sync(source, as_of)
    org.tick(hours=1)
    org.delete("Account", "001A", master="001M")
    org.put("Opportunity", "006A", AccountId="001M")
    sync(source, as_of)
    account = shown(store, Account, owner)
    assert [one.external_id for one in account] == ["001M"]
    assert [deal.account_id for deal in shown(store, Opportunity, owner)] == [account[0].id]
    assert "Account: 1 merged into others" in sync.notes


def test_a_deal_whose_account_comes_later_is_tied_to_it(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    account = org.records["Account"].pop("001A")
    assert sync(source, as_of).rejected == 0
    assert shown(store, Account, owner) == []
    org.tick(hours=1)
    org.records["Account"]["001A"] = account | {"SystemModstamp": iso(org.now)}
    stored = sync(source, as_of)
    assert (stored.created, stored.updated) == (1, 0)
    assert [deal.account_id for deal in shown(store, Opportunity, owner)] == [
        shown(store, Account, owner)[0].id
    ]


def test_lines_of_a_deal_not_yet_seen_wait_hidden(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    deal = org.records["Opportunity"].pop("006A")
    org.put("Product2", "01tA", Name="Kite Pro", IsActive=True)
    org.put("OpportunityLineItem", "00kA", OpportunityId="006A", Product2Id="01tA", Quantity=1,
            TotalPrice=10)  # fmt: skip
    sync(source, as_of)
    assert (shown(store, Opportunity, owner), shown(store, OpportunityLine, owner)) == ([], [])
    org.tick(hours=1)
    org.records["Opportunity"]["006A"] = deal | {"SystemModstamp": iso(org.now)}
    sync(source, as_of)
    assert len(shown(store, OpportunityLine, owner)) == 1
    assert shown(store, StageChange, owner) == []


def test_a_field_we_may_not_see_is_left_as_it_is(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    sync(source, as_of)
    org.hidden |= {"Contact.Email", "Opportunity.Amount"}
    org.tick(hours=1)
    org.put("Contact", "003A", Title="CFO")
    org.put("Opportunity", "006A", NextStep="Call")
    assert sync(source, as_of).rejected == 0
    contact = shown(store, Contact, owner)[0]
    assert (contact.email, contact.title) == ("priya@acme.com", "CFO")
    assert shown(store, Opportunity, owner)[0].amount_minor == 120_050
    assert any(note.startswith("Contact: no field Email,") for note in sync.notes)


def test_an_object_that_is_not_there_is_left_out(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    org.missing |= {"Lead", "OpportunityHistory"}
    sync(source, as_of)
    assert sync.error is None
    assert "Lead: not there, or not for us to read; left out" in sync.notes
    assert len(shown(store, Opportunity, owner)) == 1


def test_a_reading_cut_off_goes_on_behind_what_is_stored(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    org.page = 10
    for number in range(45):
        org.put("Account", f"001X{number:02d}", Name=f"Company {number}")
    org.tick(days=1)
    org.server.fail(Answer(500), "query/", times=99, after=2)
    sync(source, as_of)
    assert isinstance(sync.error, TransientError)
    assert len(shown(store, Account, owner)) == 30
    org.server.faults.clear()
    before = len(org.server.requests)
    stored = sync(source, as_of)
    assert sync.error is None
    assert len(shown(store, Account, owner)) == 46
    assert stored.unchanged < 20
    queries = [one.query.get("q", "") for one in org.server.requests[before:]]
    assert any("Id > '001X28'" in query for query in queries)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500), Answer(503), Answer(200, raw=b"<html>busy"), Answer(200, raw=b'{"a": NaN}'),
        Answer(200, {"records": [1, 2, 3], "more": "x" * 500}, is_cut=True),
        Answer(429, headers={"Retry-After": "7"}),
    ],
)  # fmt: skip
def test_trouble_that_passes_is_waited_for(
    org: Salesforce, source: SalesforceSource, sync: Sync, sleeps: Sleeps, as_of: datetime,
    answer: Answer,
) -> None:  # fmt: skip
    org.server.fail(answer, "/query", times=2, after=1)
    stored = sync(source, as_of)
    assert (sync.error, stored.rejected) == (None, 0)
    asked = 7.0 if answer.status == 429 else None
    assert sleeps.taken == ([asked, asked] if asked else [1.0, 2.0])


def test_a_token_that_expires_on_the_way_is_renewed_once(
    org: Salesforce, source: SalesforceSource, sync: Sync, as_of: datetime
) -> None:
    session_over = [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired"}]
    org.server.fail(Answer(401, session_over), "/query", after=3)
    sync(source, as_of)
    assert (sync.error, org.logins) == (None, 2)
    org.server.fail(Answer(401, session_over), "/query", times=99)
    sync(source, as_of)
    assert isinstance(sync.error, PermanentError)
    assert org.logins == 4


def test_a_refused_login_says_so_without_the_secret(
    org: Salesforce, sync: Sync, sleeps: Sleeps, as_of: datetime
) -> None:
    config = SalesforceConfig(login_url=org.server.url, client_id="app", client_secret="app-secret",
                              currency="USD")  # fmt: skip
    source = open_salesforce(
        config, secret=secrets(**{"app-secret": "wrong-secret"}), pacing=sleeps.pacing()
    )
    sync(source, as_of)
    assert isinstance(sync.error, PermanentError)
    assert "invalid_grant" in str(sync.error)
    assert "wrong-secret" not in str(sync.error)
    assert sleeps.taken == []


def test_client_credentials_do_without_a_refresh_token(
    org: Salesforce, sync: Sync, sleeps: Sleeps, as_of: datetime
) -> None:
    sync(connect(org, sleeps, refresh_token=None), as_of)
    assert sync.error is None
    assert org.server.requests[0].body["grant_type"] == "client_credentials"


def test_the_day_s_requests_used_up_ends_the_run_at_once(
    org: Salesforce, source: SalesforceSource, sync: Sync, sleeps: Sleeps, as_of: datetime
) -> None:
    limit = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]
    org.server.fail(Answer(403, limit), "/query", times=99)
    sync(source, as_of)
    assert isinstance(sync.error, TransientError)
    assert "used up" in str(sync.error)
    assert sleeps.taken == []


def test_a_share_of_the_requests_is_left_to_others(
    org: Salesforce, source: SalesforceSource, sync: Sync, as_of: datetime
) -> None:
    org.usage = "13501/15000"
    sync(source, as_of)
    assert isinstance(sync.error, TransientError)
    assert "13,501 of today's 15,000" in str(sync.error)


def test_a_page_that_repeats_ends_the_run_and_keeps_what_came(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    again = {"Id": "001Z", "Name": "Round", "SystemModstamp": iso(org.now)}
    circle = {"done": False, "totalSize": 9, "records": [again],
              "nextRecordsUrl": "/services/data/v62.0/query/01gX"}  # fmt: skip
    sync(source, as_of)
    org.server.fail(Answer(200, circle), "/query", times=99, after=2)
    sync(source, as_of)
    assert isinstance(sync.error, TransientError)
    assert "twice" in str(sync.error)
    assert len(shown(store, Opportunity, owner)) == 1


def test_a_long_query_that_the_server_forgets_is_asked_anew(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    org.page = 5
    for number in range(20):
        org.put("Account", f"001X{number:02d}", Name=f"Company {number}")
    lost = [{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}]
    org.server.fail(Answer(400, lost), "query/", after=1)
    sync(source, as_of)
    assert sync.error is None
    assert len(shown(store, Account, owner)) == 21


def test_a_company_s_mapping_is_laid_over_ours(
    store: Store, owner: Principal, org: Salesforce, sync: Sync, sleeps: Sleeps, as_of: datetime,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from tests import salesforce_server

    fields = (*salesforce_server.FIELDS["Opportunity"], "Rival__c")
    monkeypatch.setitem(salesforce_server.FIELDS, "Opportunity", fields)
    org.put("Opportunity", "006A", Rival__c="Reef Inc")
    own = tmp_path / "own.yaml"
    own.write_text(
        "tables:\n  - object: Opportunity\n    entity: opportunities\n"
        "    fields: {competitor: Rival__c, next_step: ''}\n",
        encoding="utf-8",
    )
    source = connect(org, sleeps, mapping=own)
    sync(source, as_of)
    assert [deal.competitor for deal in shown(store, Opportunity, owner)] == ["Reef Inc"]
    asked = next(one.query["q"] for one in org.server.requests
                 if "FROM Opportunity " in one.query.get("q", ""))  # fmt: skip
    assert ("Rival__c" in asked, "NextStep" in asked) == (True, False)
    own.write_text("tables: [{object: Opportunity, entity: opportunities, fields: {rival: R}}]")
    with pytest.raises(BadInput, match="opportunities has no field 'rival'"):
        connect(org, sleeps, mapping=own)


def test_records_at_fault_are_refused_with_their_id_and_the_rest_goes_in(
    store: Store, owner: Principal, org: Salesforce, source: SalesforceSource, sync: Sync,
    as_of: datetime,
) -> None:  # fmt: skip
    org.put("Account", "001B", Name=None)
    org.put("Account", "001C", Name="Good \ud83d Co")
    assert sync(source, as_of).rejected == 1
    assert {one.external_id for one in shown(store, Account, owner)} == {"001A", "001C"}
    (file,) = sync.rejects.iterdir()
    text = file.read_text(encoding="utf-8-sig")
    assert text.splitlines()[1] == 'Account,001B,name,,"needed, but blank"'


def test_a_token_may_not_go_unencrypted_over_the_net() -> None:
    given = {"login_url": "http://acme.my.salesforce.com", "client_id": "a", "currency": "USD"}
    with pytest.raises(ValueError, match="not encrypted"):
        SalesforceConfig.model_validate(given)
