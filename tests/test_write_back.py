"""Approved changes in the CRM that a record came from: once, from what was shown, or not at all."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from copilot.agent.approvals.deciding import caller_of
from copilot.agent.approvals.editing import Edit, edit
from copilot.agent.approvals.effects import NotBegun, Weighs
from copilot.agent.effects.destinations import place_of
from copilot.agent.effects.field_proposals import proposal_payload
from copilot.agent.effects.internal import internal_effects
from copilot.agent.effects.record_updates import update_payload
from crm.errors import BadInput, NotFound, PermanentError, TransientError
from crm.models import (
    ActionStatus,
    Conversation,
    EffectKind,
    FieldProposal,
    Opportunity,
    StageChange,
    User,
)
from crm.principal import Principal
from crm.store import Store
from tests.rest_server import Answer, secrets
from tests.write_back_world import World, connected


@pytest.fixture
def sf(store: Store, tmp_path: Path) -> Iterator[World]:
    """A connected Salesforce that may be written to."""
    with connected("salesforce", store, tmp_path) as world:
        yield world


@pytest.fixture
def hs(store: Store, tmp_path: Path) -> Iterator[World]:
    """A connected HubSpot that may be written to."""
    with connected("hubspot", store, tmp_path) as world:
        yield world


@pytest.fixture(params=["salesforce", "hubspot"])
def world(request: pytest.FixtureRequest, store: Store, tmp_path: Path) -> Iterator[World]:
    """Either of them."""
    with connected(request.param, store, tmp_path) as world:
        yield world


NEXT = {"salesforce": "NextStep", "hubspot": "hs_next_step"}


def test_an_approved_change_reaches_salesforce_and_then_our_store(sf: World) -> None:
    made = sf.change(
        {
            "stage": "Proposal",
            "amount": "15000.75 USD",
            "expected_close_on": "2027-01-31",
            "next_step": "发送报价",
        }
    )
    done = sf.desk.apply("owner", made)

    row = sf.server.records["Opportunity"]["006A"]
    assert (row["StageName"], row["Amount"]) == ("Proposal", 15000.75)
    assert (row["CloseDate"], row["NextStep"]) == ("2027-01-31", "发送报价")
    assert len(sf.server.changes) == 1
    assert (sf.deal.amount_minor, sf.deal.expected_close_on) == (1_500_075, date(2027, 1, 31))
    assert done.result is not None
    assert done.result["written_to"] == "Salesforce (source sf), then this copilot's store"
    assert done.result["remote"] == "Opportunity 006A"
    assert not sf.desk.apply("owner", made).is_new
    assert len(sf.server.changes) == 1


def test_an_approved_change_reaches_hubspot_and_then_our_store(hs: World) -> None:
    hs.desk.apply(
        "owner",
        hs.change(
            {
                "amount": "15000.75 EUR",
                "expected_close_on": "2027-01-31",
                "next_step": None,
                "forecast_category": "COMMIT",
            }
        ),
    )
    assert hs.server.changes == [
        (
            "deals",
            "3",
            {
                "amount": "15000.75",
                "closedate": "2027-01-31T00:00:00+00:00",
                "hs_next_step": "",
                "hs_manual_forecast_category": "COMMIT",
            },
        )
    ]
    assert (hs.deal.next_step, hs.deal.forecast_category) == (None, "COMMIT")


def test_the_next_sync_finds_nothing_to_change(world: World) -> None:
    world.desk.apply(
        "owner", world.change({"next_step": "Demo", "amount": "99 " + world.deal.currency})
    )
    world.server.tick(minutes=30)
    before = world.deal.synced_at

    world.read()
    assert (world.deal.next_step, world.deal.amount_minor) == ("Demo", 9_900)
    assert world.deal.synced_at == before


def test_a_change_of_stage_stands_once_in_the_deals_history(sf: World) -> None:
    sf.desk.apply("owner", sf.change({"stage": "Proposal"}))
    assert sf.desk.all_of(StageChange) == []

    sf.server.tick(minutes=30)
    for number, stage in enumerate(("Prospecting", "Proposal")):
        sf.server.put("OpportunityHistory", f"008{number}", OpportunityId="006A", StageName=stage)
    sf.read()
    assert len(sf.desk.all_of(StageChange)) == 2


def test_without_leave_to_write_our_store_alone_is_changed_and_says_so(world: World) -> None:
    world.connect(world.open(world.server.server.url, write=False))
    made = world.change({"next_step": "Demo"})
    done = world.desk.apply("owner", made)

    assert "writes_to" not in world.desk.row(made.id).payload
    assert place_of(world.desk.row(made.id).payload) == "this copilot's store only"
    assert (world.there(NEXT[world.source.kind]), world.server.changes) == ("Call", [])
    assert world.deal.next_step == "Demo"
    assert done.result is not None
    assert "`write: true`" in done.result["written_to"]


def test_where_a_change_goes_is_a_part_of_what_is_approved(world: World) -> None:
    made = world.change({"next_step": "Demo"})
    payload = world.desk.row(made.id).payload
    assert place_of(payload) in {"Salesforce (source sf)", "HubSpot (source hs)"}

    bent = {**payload, "writes_to": None}
    wanted = Edit(made.id, world.desk.row(made.id).payload_sha256, bent)
    with world.desk.store.session() as session, pytest.raises(BadInput, match="writes_to"):
        edit(
            session,
            wanted,
            effects=world.desk.effects,
            policy=world.desk.policy,
            principal=Principal.local_owner(),
            now=world.desk.now,
        )


def test_leave_that_was_withdrawn_stops_the_change_until_it_is_given_again(world: World) -> None:
    made = world.change({"next_step": "Demo"})
    allowed = world.source
    world.connect(world.open(world.server.server.url, write=False))

    with pytest.raises(PermanentError, match="write: true"):
        world.desk.apply("owner", made)
    assert (world.deal.next_step, world.server.changes) == ("Call", [])
    world.connect(allowed)
    assert world.desk.apply("owner", made).is_new


def test_what_is_meant_for_a_crm_is_not_carried_out_where_none_is_connected(world: World) -> None:
    made = world.change({"next_step": "Demo"})
    world.desk.effects = internal_effects()

    with pytest.raises(BadInput, match="not for our store alone"):
        world.desk.apply("owner", made)
    assert (world.deal.next_step, world.server.changes) == ("Call", [])


def test_leave_that_was_given_later_does_not_widen_what_was_approved(world: World) -> None:
    url = world.server.server.url
    world.connect(world.open(url, write=False))
    made = world.change({"next_step": "Demo"})
    world.connect(world.open(url))

    world.desk.apply("owner", made)
    assert (world.deal.next_step, world.server.changes) == ("Demo", [])


def test_what_was_changed_in_the_crm_is_not_overwritten(world: World) -> None:
    made = world.change({"next_step": "Demo"})
    world.meanwhile(**{NEXT[world.source.kind]: "They called back"})

    with pytest.raises(BadInput, match="They called back"):
        world.desk.apply("owner", made)
    assert world.there(NEXT[world.source.kind]) == "They called back"
    assert (world.deal.next_step, world.server.changes) == ("Call", [])
    assert world.desk.row(made.id).status == ActionStatus.FAILED


def test_another_field_that_changed_there_does_not_matter(world: World) -> None:
    made = world.change({"next_step": "Demo"})
    name = "Name" if world.source.kind == "salesforce" else "dealname"
    world.meanwhile(**{name: "Acme rollout"})

    assert world.desk.apply("owner", made).is_new
    assert world.there(name) == "Acme rollout"


def test_a_change_between_our_reading_and_our_writing_is_refused_by_salesforce(sf: World) -> None:
    made = sf.change({"next_step": "Demo"})
    answer = sf.server.respond

    def meanwhile(request: Any) -> Any:
        if request.method == "PATCH":
            sf.meanwhile(NextStep="They called back")
        return answer(request)

    sf.server.server.respond = meanwhile
    with pytest.raises(BadInput, match="changed in Salesforce meanwhile"):
        sf.desk.apply("owner", made)
    assert sf.there("NextStep") == "They called back"
    assert sf.desk.row(made.id).status == ActionStatus.FAILED


def test_the_same_value_set_by_somebody_else_is_taken_as_done(world: World) -> None:
    made = world.change({"next_step": "Demo"})
    world.meanwhile(**{NEXT[world.source.kind]: "Demo"})

    done = world.desk.apply("owner", made)
    assert done.result is not None
    assert done.result["was_found"] is True
    assert (world.server.changes, world.deal.next_step) == ([], "Demo")


def test_a_wrong_secret_names_the_one_to_renew(world: World) -> None:
    made = world.change({"next_step": "Demo"})
    allowed = world.source
    world.connect(world.open(world.server.server.url, secret="expired"))

    with pytest.raises(PermanentError, match=r"renew the secret '(sf-refresh|hs-token)'") as error:
        world.desk.apply("owner", made)
    assert "expired" not in str(error.value).replace("expired access/refresh token", "")
    assert (world.deal.next_step, world.server.changes) == ("Call", [])
    world.connect(allowed)
    assert world.desk.apply("owner", made).is_new
    assert len(world.server.changes) == 1


def test_a_busy_crm_is_waited_for_and_nothing_is_written_twice(world: World) -> None:
    made = world.change({"next_step": "Demo"})
    path = "006A" if world.source.kind == "salesforce" else "deals/3"
    world.server.server.fail(Answer(429, {}, {"Retry-After": "0"}), path, times=1)

    assert world.desk.apply("owner", made).is_new
    assert len(world.server.changes) == 1


def test_a_crm_that_asks_for_a_long_wait_is_left_alone_and_the_claim_given_back(
    world: World,
) -> None:
    made = world.change({"next_step": "Demo"})
    path = "006A" if world.source.kind == "salesforce" else "deals/3"
    # The first two are readings, the third is the change.
    world.server.server.fail(Answer(429, {}, {"Retry-After": "3600"}), path, after=2)

    with pytest.raises(NotBegun, match="nothing was written"):
        world.desk.apply("owner", made)
    assert world.desk.row(made.id).status == ActionStatus.APPROVED
    assert world.desk.apply("owner", made).is_new
    assert len(world.server.changes) == 1


@pytest.mark.parametrize("is_taken", [True, False])
def test_an_answer_that_is_lost_is_looked_up_before_it_is_tried_again(
    world: World, *, is_taken: bool
) -> None:
    made = world.change({"next_step": "Demo"})
    answer = world.server.respond

    def loses(request: Any) -> Any:
        if request.method == "PATCH":
            if is_taken:
                answer(request)
            world.server.server.respond = answer
            return Answer(503, {"message": "gone"})
        return answer(request)

    world.server.server.respond = loses
    with pytest.raises(TransientError):
        world.desk.apply("owner", made)
    assert world.desk.row(made.id).status == ActionStatus.APPLYING
    with pytest.raises(TransientError, match="being carried out"):
        world.desk.apply("owner", made)

    world.desk.later(minutes=11)
    world.server.tick(minutes=11)
    done = world.desk.apply("owner", made)
    assert done.result is not None
    assert done.result["was_found"] is is_taken
    assert len(world.server.changes) == 1
    assert (world.deal.next_step, world.there(NEXT[world.source.kind])) == ("Demo", "Demo")


def test_a_sync_between_a_kill_and_the_next_try_is_not_written_over(world: World) -> None:
    made = world.change({"next_step": "Demo"})
    answer = world.server.respond

    def loses(request: Any) -> Any:
        found = answer(request)
        return Answer(504, {"message": "gone"}) if request.method == "PATCH" else found

    world.server.server.respond = loses
    with pytest.raises(TransientError):
        world.desk.apply("owner", made)
    world.server.server.respond = answer
    world.server.tick(minutes=11)
    world.read()
    assert world.deal.next_step == "Demo"

    world.desk.later(minutes=11)
    assert world.desk.apply("owner", made).is_new
    assert (len(world.server.changes), world.deal.next_step) == (1, "Demo")


def test_a_deal_that_is_gone_there_ends_the_action(world: World) -> None:
    made = world.change({"next_step": "Demo"})
    if world.source.kind == "salesforce":
        world.server.delete("Opportunity", "006A")
    else:
        world.server.archive("deals", "3")

    with pytest.raises(NotFound, match=r"no longer in|recycle bin"):
        world.desk.apply("owner", made)
    assert (world.deal.next_step, world.desk.row(made.id).status) == ("Call", "failed")


def test_a_field_that_we_may_not_edit_is_for_operations_to_open(sf: World) -> None:
    made = sf.change({"next_step": "Demo"})
    sf.server.locked.add("NextStep")

    with pytest.raises(PermanentError, match="field-level security"):
        sf.desk.apply("owner", made)
    assert (sf.desk.row(made.id).status, sf.deal.next_step) == ("approved", "Call")
    sf.server.locked.clear()
    assert sf.desk.apply("owner", made).is_new


def test_a_record_of_another_source_stays_in_our_store(sf: World) -> None:
    with sf.desk.store.session() as session:
        session.scalars(select(Opportunity)).one().source = "files"

    done = sf.desk.apply("owner", sf.change({"next_step": "Demo"}))
    assert done.result is not None
    assert done.result["written_to"] == "this copilot's store only"
    assert sf.server.changes == []


def suggested(world: World, field: str, new: str, **more: Any) -> int:
    with world.desk.store.session() as session:
        deal = session.scalars(select(Opportunity)).one()
        talk = Conversation(
            source="calls",
            external_id="1",
            synced_at=world.desk.now,
            kind="call",
            title="Call",
            started_at=world.desk.now,
            content_sha256="x",
            account_id=deal.account_id,
        )
        session.add(talk)
        session.flush()
        values = {"entity": "opportunity", "entity_id": deal.id, "detail": None}
        row = FieldProposal(
            conversation_id=talk.id,
            field=field,
            new_value=new,
            reason="“we close in March”",
            segments=[1],
            confidence=0.8,
            made_at=world.desk.now,
            status="proposed",
            **{**values, **more},
        )
        session.add(row)
        session.flush()
        return row.id


def accepted(world: World, number: int) -> dict[str, Any]:
    with world.desk.store.session() as session:
        payload = proposal_payload(session, number, principal=Principal.local_owner())
    made = world.approved(EffectKind.APPLY_FIELD_PROPOSAL, payload, f"suggestion {number}")
    return world.desk.apply("owner", made).result or {}


def test_a_suggestion_from_a_call_goes_to_the_crm_and_counts_as_accepted(world: World) -> None:
    told = accepted(world, suggested(world, "next_step", "Demo", old_value="Call"))

    assert world.there(NEXT[world.source.kind]) == "Demo"
    assert told["written_to"].endswith(", then this copilot's store")
    assert world.deal.next_step == "Demo"
    assert [row.status for row in world.desk.all_of(FieldProposal)] == ["accepted"]


def test_what_a_crm_has_no_field_for_is_accepted_here_and_says_so(world: World) -> None:
    told = accepted(world, suggested(world, "meddicc.economic_buyer", "Priya Rao"))

    assert (told["written_to"], world.server.changes) == ("this copilot's store only", [])
    assert [row.status for row in world.desk.all_of(FieldProposal)] == ["accepted"]


def test_a_contact_is_changed_where_it_came_from(world: World) -> None:
    number, who = world.ids()["contact_id"], Principal.local_owner()
    with world.desk.store.session() as session:
        payload = update_payload(session, "contact", number, {"title": "采购总监"}, principal=who)
    world.desk.apply("owner", world.approved(EffectKind.UPDATE_RECORD, payload, "contact"))

    column = {"salesforce": "Title", "hubspot": "jobtitle"}[world.source.kind]
    assert [values for _name, _id, values in world.server.changes] == [{column: "采购总监"}]


def test_a_colleagues_record_takes_his_manager_also_there(world: World) -> None:
    with world.desk.store.session() as session:
        for number, (name, role) in enumerate((("anna", "rep"), ("mia", "manager")), start=101):
            mail = f"{name}@ours.com"
            session.add(User(id=number, source="hr", external_id=name, synced_at=world.desk.now,
                             name=name, email=mail, role=role, is_active=True))  # fmt: skip
    effect = world.desk.effects[EffectKind.UPDATE_RECORD]
    with world.desk.store.session() as session:
        anna = caller_of(session, session.get_one(User, 101), policy=world.desk.policy,
                         now=world.desk.now)  # fmt: skip
        payload = {"entity": "opportunity", "entity_id": world.deal.id,
                   "fields": {"next_step": {"before": "Call", "after": "Demo"}}}  # fmt: skip
        assert isinstance(effect, Weighs)
        own = Principal.local_owner()
        for who, is_another in ((own, False), (anna, True)):
            weighed = effect.is_elevated(session, payload, principal=who, now=world.desk.now)
            assert weighed is is_another


def test_what_was_taken_up_too_long_ago_is_not_begun(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = world.change({"next_step": "Demo"})
    monkeypatch.setattr("copilot.agent.effects.writing_back.BEGIN_WITHIN_S", -1.0)
    with pytest.raises(NotBegun, match="too slow"):
        world.desk.apply("owner", made)

    assert (world.server.changes, world.desk.row(made.id).status) == ([], "approved")
    monkeypatch.undo()
    assert world.desk.apply("owner", made).is_new


def test_a_secret_that_is_missing_is_for_operations(world: World) -> None:
    made = world.change({"next_step": "Demo"})
    allowed = world.source
    broken = world.open(world.server.server.url)
    broken._secret = secrets()
    world.connect(broken)

    with pytest.raises(PermanentError, match=r"secret .* is missing"):
        world.desk.apply("owner", made)
    world.connect(allowed)
    assert world.desk.apply("owner", made).is_new
