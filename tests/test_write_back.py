"""Approved changes in the CRM that a record came from: once, from what was shown, or not at all."""

from datetime import date
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
from tests.rest_server import Answer, secrets
from tests.write_back_world import World

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


def test_the_next_sync_finds_nothing_to_change(crm: World) -> None:
    crm.desk.apply("owner", crm.change({"next_step": "Demo", "amount": "99 " + crm.deal.currency}))
    crm.server.tick(minutes=30)
    before = crm.deal.synced_at

    crm.read()
    assert (crm.deal.next_step, crm.deal.amount_minor) == ("Demo", 9_900)
    assert crm.deal.synced_at == before


def test_a_change_of_stage_stands_once_in_the_deals_history(sf: World) -> None:
    sf.desk.apply("owner", sf.change({"stage": "Proposal"}))
    assert sf.desk.all_of(StageChange) == []

    sf.server.tick(minutes=30)
    for number, stage in enumerate(("Prospecting", "Proposal")):
        sf.server.put("OpportunityHistory", f"008{number}", OpportunityId="006A", StageName=stage)
    sf.read()
    assert len(sf.desk.all_of(StageChange)) == 2


def test_without_leave_to_write_our_store_alone_is_changed_and_says_so(crm: World) -> None:
    crm.connect(crm.open(crm.server.server.url, write=False))
    made = crm.change({"next_step": "Demo"})
    done = crm.desk.apply("owner", made)

    assert "writes_to" not in crm.desk.row(made.id).payload
    assert place_of(crm.desk.row(made.id).payload) == "this copilot's store only"
    assert (crm.there(NEXT[crm.source.kind]), crm.server.changes) == ("Call", [])
    assert crm.deal.next_step == "Demo"
    assert done.result is not None
    assert "`write: true`" in done.result["written_to"]


def test_where_a_change_goes_is_a_part_of_what_is_approved(crm: World) -> None:
    made = crm.change({"next_step": "Demo"})
    payload = crm.desk.row(made.id).payload
    assert place_of(payload) in {"Salesforce (source sf)", "HubSpot (source hs)"}

    bent = {**payload, "writes_to": None}
    wanted = Edit(made.id, crm.desk.row(made.id).payload_sha256, bent)
    with crm.desk.store.session() as session, pytest.raises(BadInput, match="writes_to"):
        edit(
            session,
            wanted,
            effects=crm.desk.effects,
            policy=crm.desk.policy,
            principal=Principal.local_owner(),
            now=crm.desk.now,
        )


def test_leave_that_was_withdrawn_stops_the_change_until_it_is_given_again(crm: World) -> None:
    made = crm.change({"next_step": "Demo"})
    allowed = crm.source
    crm.connect(crm.open(crm.server.server.url, write=False))

    with pytest.raises(PermanentError, match="write: true"):
        crm.desk.apply("owner", made)
    assert (crm.deal.next_step, crm.server.changes) == ("Call", [])
    crm.connect(allowed)
    assert crm.desk.apply("owner", made).is_new


def test_what_is_meant_for_a_crm_is_not_carried_out_where_none_is_connected(crm: World) -> None:
    made = crm.change({"next_step": "Demo"})
    crm.desk.effects = internal_effects()

    with pytest.raises(BadInput, match="not for our store alone"):
        crm.desk.apply("owner", made)
    assert (crm.deal.next_step, crm.server.changes) == ("Call", [])


def test_leave_that_was_given_later_does_not_widen_what_was_approved(crm: World) -> None:
    url = crm.server.server.url
    crm.connect(crm.open(url, write=False))
    made = crm.change({"next_step": "Demo"})
    crm.connect(crm.open(url))

    crm.desk.apply("owner", made)
    assert (crm.deal.next_step, crm.server.changes) == ("Demo", [])


def test_what_was_changed_in_the_crm_is_not_overwritten(crm: World) -> None:
    made = crm.change({"next_step": "Demo"})
    crm.meanwhile(**{NEXT[crm.source.kind]: "They called back"})

    with pytest.raises(BadInput, match="They called back"):
        crm.desk.apply("owner", made)
    assert crm.there(NEXT[crm.source.kind]) == "They called back"
    assert (crm.deal.next_step, crm.server.changes) == ("Call", [])
    assert crm.desk.row(made.id).status == ActionStatus.FAILED


def test_another_field_that_changed_there_does_not_matter(crm: World) -> None:
    made = crm.change({"next_step": "Demo"})
    name = "Name" if crm.source.kind == "salesforce" else "dealname"
    crm.meanwhile(**{name: "Acme rollout"})

    assert crm.desk.apply("owner", made).is_new
    assert crm.there(name) == "Acme rollout"


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


def test_the_same_value_set_by_somebody_else_is_taken_as_done(crm: World) -> None:
    made = crm.change({"next_step": "Demo"})
    crm.meanwhile(**{NEXT[crm.source.kind]: "Demo"})

    done = crm.desk.apply("owner", made)
    assert done.result is not None
    assert done.result["was_found"] is True
    assert (crm.server.changes, crm.deal.next_step) == ([], "Demo")


def test_a_wrong_secret_names_the_one_to_renew(crm: World) -> None:
    made = crm.change({"next_step": "Demo"})
    allowed = crm.source
    crm.connect(crm.open(crm.server.server.url, secret="expired"))

    with pytest.raises(PermanentError, match=r"renew the secret '(sf-refresh|hs-token)'") as error:
        crm.desk.apply("owner", made)
    assert "expired" not in str(error.value).replace("expired access/refresh token", "")
    assert (crm.deal.next_step, crm.server.changes) == ("Call", [])
    crm.connect(allowed)
    assert crm.desk.apply("owner", made).is_new
    assert len(crm.server.changes) == 1


def test_a_busy_crm_is_waited_for_and_nothing_is_written_twice(crm: World) -> None:
    made = crm.change({"next_step": "Demo"})
    path = "006A" if crm.source.kind == "salesforce" else "deals/3"
    crm.server.server.fail(Answer(429, {}, {"Retry-After": "0"}), path, times=1)

    assert crm.desk.apply("owner", made).is_new
    assert len(crm.server.changes) == 1


def test_a_crm_that_asks_for_a_long_wait_is_left_alone_and_the_claim_given_back(
    crm: World,
) -> None:
    made = crm.change({"next_step": "Demo"})
    path = "006A" if crm.source.kind == "salesforce" else "deals/3"
    # The first two are readings, the third is the change.
    crm.server.server.fail(Answer(429, {}, {"Retry-After": "3600"}), path, after=2)

    with pytest.raises(NotBegun, match="nothing was written"):
        crm.desk.apply("owner", made)
    assert crm.desk.row(made.id).status == ActionStatus.APPROVED
    assert crm.desk.apply("owner", made).is_new
    assert len(crm.server.changes) == 1


@pytest.mark.parametrize("is_taken", [True, False])
def test_an_answer_that_is_lost_is_looked_up_before_it_is_tried_again(
    crm: World, *, is_taken: bool
) -> None:
    made = crm.change({"next_step": "Demo"})
    answer = crm.server.respond

    def loses(request: Any) -> Any:
        if request.method == "PATCH":
            if is_taken:
                answer(request)
            crm.server.server.respond = answer
            return Answer(503, {"message": "gone"})
        return answer(request)

    crm.server.server.respond = loses
    with pytest.raises(TransientError):
        crm.desk.apply("owner", made)
    assert crm.desk.row(made.id).status == ActionStatus.APPLYING
    with pytest.raises(TransientError, match="being carried out"):
        crm.desk.apply("owner", made)

    crm.desk.later(minutes=11)
    crm.server.tick(minutes=11)
    done = crm.desk.apply("owner", made)
    assert done.result is not None
    assert done.result["was_found"] is is_taken
    assert len(crm.server.changes) == 1
    assert (crm.deal.next_step, crm.there(NEXT[crm.source.kind])) == ("Demo", "Demo")


def test_a_sync_between_a_kill_and_the_next_try_is_not_written_over(crm: World) -> None:
    made = crm.change({"next_step": "Demo"})
    answer = crm.server.respond

    def loses(request: Any) -> Any:
        found = answer(request)
        return Answer(504, {"message": "gone"}) if request.method == "PATCH" else found

    crm.server.server.respond = loses
    with pytest.raises(TransientError):
        crm.desk.apply("owner", made)
    crm.server.server.respond = answer
    crm.server.tick(minutes=11)
    crm.read()
    assert crm.deal.next_step == "Demo"

    crm.desk.later(minutes=11)
    assert crm.desk.apply("owner", made).is_new
    assert (len(crm.server.changes), crm.deal.next_step) == (1, "Demo")


def test_a_deal_that_is_gone_there_ends_the_action(crm: World) -> None:
    made = crm.change({"next_step": "Demo"})
    if crm.source.kind == "salesforce":
        crm.server.delete("Opportunity", "006A")
    else:
        crm.server.archive("deals", "3")

    with pytest.raises(NotFound, match=r"no longer in|recycle bin"):
        crm.desk.apply("owner", made)
    assert (crm.deal.next_step, crm.desk.row(made.id).status) == ("Call", "failed")


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


def suggested(crm: World, field: str, new: str, **more: Any) -> int:
    with crm.desk.store.session() as session:
        deal = session.scalars(select(Opportunity)).one()
        talk = Conversation(
            source="calls",
            external_id="1",
            synced_at=crm.desk.now,
            kind="call",
            title="Call",
            started_at=crm.desk.now,
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
            made_at=crm.desk.now,
            status="proposed",
            **{**values, **more},
        )
        session.add(row)
        session.flush()
        return row.id


def accepted(crm: World, number: int) -> dict[str, Any]:
    with crm.desk.store.session() as session:
        payload = proposal_payload(session, number, principal=Principal.local_owner())
    made = crm.approved(EffectKind.APPLY_FIELD_PROPOSAL, payload, f"suggestion {number}")
    return crm.desk.apply("owner", made).result or {}


def test_a_suggestion_from_a_call_goes_to_the_crm_and_counts_as_accepted(crm: World) -> None:
    told = accepted(crm, suggested(crm, "next_step", "Demo", old_value="Call"))

    assert crm.there(NEXT[crm.source.kind]) == "Demo"
    assert told["written_to"].endswith(", then this copilot's store")
    assert crm.deal.next_step == "Demo"
    assert [row.status for row in crm.desk.all_of(FieldProposal)] == ["accepted"]


def test_what_a_crm_has_no_field_for_is_accepted_here_and_says_so(crm: World) -> None:
    told = accepted(crm, suggested(crm, "meddicc.economic_buyer", "Priya Rao"))

    assert (told["written_to"], crm.server.changes) == ("this copilot's store only", [])
    assert [row.status for row in crm.desk.all_of(FieldProposal)] == ["accepted"]


def test_a_contact_is_changed_where_it_came_from(crm: World) -> None:
    number, who = crm.ids()["contact_id"], Principal.local_owner()
    with crm.desk.store.session() as session:
        payload = update_payload(session, "contact", number, {"title": "采购总监"}, principal=who)
    crm.desk.apply("owner", crm.approved(EffectKind.UPDATE_RECORD, payload, "contact"))

    column = {"salesforce": "Title", "hubspot": "jobtitle"}[crm.source.kind]
    assert [values for _name, _id, values in crm.server.changes] == [{column: "采购总监"}]


def test_a_colleagues_record_takes_his_manager_also_there(crm: World) -> None:
    with crm.desk.store.session() as session:
        for number, (name, role) in enumerate((("anna", "rep"), ("mia", "manager")), start=101):
            mail = f"{name}@ours.com"
            session.add(User(id=number, source="hr", external_id=name, synced_at=crm.desk.now,
                             name=name, email=mail, role=role, is_active=True))  # fmt: skip
    effect = crm.desk.effects[EffectKind.UPDATE_RECORD]
    with crm.desk.store.session() as session:
        anna = caller_of(session, session.get_one(User, 101), policy=crm.desk.policy,
                         now=crm.desk.now)  # fmt: skip
        payload = {"entity": "opportunity", "entity_id": crm.deal.id,
                   "fields": {"next_step": {"before": "Call", "after": "Demo"}}}  # fmt: skip
        assert isinstance(effect, Weighs)
        own = Principal.local_owner()
        for who, is_another in ((own, False), (anna, True)):
            weighed = effect.is_elevated(session, payload, principal=who, now=crm.desk.now)
            assert weighed is is_another


def test_what_was_taken_up_too_long_ago_is_not_begun(
    crm: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = crm.change({"next_step": "Demo"})
    monkeypatch.setattr("copilot.agent.effects.writing_back.BEGIN_WITHIN_S", -1.0)
    with pytest.raises(NotBegun, match="too slow"):
        crm.desk.apply("owner", made)

    assert (crm.server.changes, crm.desk.row(made.id).status) == ([], "approved")
    monkeypatch.undo()
    assert crm.desk.apply("owner", made).is_new


def test_a_secret_that_is_missing_is_for_operations(crm: World) -> None:
    made = crm.change({"next_step": "Demo"})
    allowed = crm.source
    broken = crm.open(crm.server.server.url)
    broken._secret = secrets()
    crm.connect(broken)

    with pytest.raises(PermanentError, match=r"secret .* is missing"):
        crm.desk.apply("owner", made)
    crm.connect(allowed)
    assert crm.desk.apply("owner", made).is_new
