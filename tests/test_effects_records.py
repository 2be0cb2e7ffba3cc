"""Effects on our own store: what they refuse, what they write, and what they leave behind."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from copilot.agent.effects.discounts import discount_payload
from copilot.agent.effects.field_proposals import proposal_evidence, proposal_payload
from copilot.agent.effects.record_updates import update_payload
from crm.errors import BadInput, NotAllowed, NotFound
from crm.models import (
    Activity,
    AmountChange,
    AuditDetail,
    AuditEvent,
    CloseDateChange,
    Conversation,
    EffectKind,
    FieldProposal,
    Opportunity,
    OpportunityContact,
    ProposedAction,
    StageChange,
    Vote,
)
from crm.store import Store
from tests.approval_world import NOW, Desk, fill

TASK: dict[str, Any] = {"subject": "给王总打电话", "due_on": "2026-11-20", "owner_id": 2}


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    """The organisation with the rules that come with the product."""
    fill(store)
    return Desk(store, tmp_path)


def changes(desk: Desk, name: str, fields: dict[str, str | None], deal: int = 1) -> dict[str, Any]:
    who = desk.who(name)
    with desk.store.session() as session:
        return update_payload(session, "opportunity", deal, fields, principal=who)


def done(desk: Desk, name: str, kind: EffectKind, payload: dict[str, Any]) -> dict[str, Any]:
    made = desk.propose(name, kind, payload, f"k{len(desk.all_of(ProposedAction))}")
    desk.vote(name, made)
    return desk.apply(name, made).result or {}


def deal(desk: Desk, number: int = 1) -> Opportunity:
    with desk.store.session() as session:
        return session.get_one(Opportunity, number)


def suggest(desk: Desk, field: str, new: str, old: str | None = None, **more: Any) -> int:
    values = {"entity": "opportunity", "entity_id": 1, "detail": None, "status": "proposed"}
    with desk.store.session() as session:
        talk = Conversation(
            source="test",
            external_id=f"call {field}",
            synced_at=NOW,
            kind="call",
            title="Call",
            started_at=NOW,
            owner_id=1,
            account_id=1,
            content_sha256="x",
        )
        session.add(talk)
        session.flush()
        row = FieldProposal(
            conversation_id=talk.id,
            field=field,
            old_value=old,
            new_value=new,
            reason="Priya: “we close in March”",
            segments=[3],
            confidence=0.8,
            made_at=NOW,
            **{**values, **more},
        )
        session.add(row)
        session.flush()
        return row.id


def apply_suggestion(desk: Desk, number: int, name: str = "anna") -> dict[str, Any]:
    with desk.store.session() as session:
        payload = proposal_payload(session, number, principal=desk.who(name))
    return done(desk, name, EffectKind.APPLY_FIELD_PROPOSAL, payload)


def test_a_task_is_written_as_it_was_approved(desk: Desk) -> None:
    result = done(desk, "mia", EffectKind.CREATE_TASK, {**TASK, "contact_id": 1})

    row = desk.all_of(Activity)[0]
    assert (row.kind, row.subject, row.owner_id) == ("task", "给王总打电话", 2)
    assert (row.due_on, row.done_at, row.contact_id) == (date(2026, 11, 20), None, 1)
    assert result["object"] == f"activity:{row.id}"
    last = desk.all_of(AuditEvent)[-1]
    assert (last.action, last.object) == ("effect.create_task", f"activity:{row.id}")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"subject": " "}, "subject"),
        ({"due_on": "2026-02-30"}, "2026-02-30"),
        ({"due_on": "friday"}, "due_on"),
        ({"due_on": "2026-11-15"}, "is over"),
        ({"owner_id": 99}, "99"),
        ({"owner_id": "1"}, "owner_id"),
        ({"opportunity_id": 99}, "99"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_task_that_cannot_be_is_refused_before_anybody_is_asked(
    desk: Desk, wrong: dict[str, Any], says: str
) -> None:
    with pytest.raises((BadInput, NotFound), match=says):
        desk.propose("anna", EffectKind.CREATE_TASK, {**TASK, **wrong}, "task")
    assert desk.all_of(ProposedAction) == []


def test_fields_are_changed_and_the_deal_keeps_its_history(desk: Desk) -> None:
    wanted = {
        "stage": "won",
        "amount": "12,500.50 EUR",
        "expected_close_on": "2027-01-31",
        "next_step": None,
    }
    result = done(desk, "anna", EffectKind.UPDATE_RECORD, changes(desk, "anna", wanted))

    row = deal(desk)
    assert (row.stage_id, row.amount_minor, row.next_step) == (3, 1_250_050, None)
    assert (row.expected_close_on, row.closed_on) == (date(2027, 1, 31), NOW.date())
    assert result["before"] == {
        "stage": "Discovery",
        "amount": "10000.01 EUR",
        "expected_close_on": None,
        "next_step": "Call",
    }
    stage, amount, close = (
        desk.all_of(model)[0] for model in (StageChange, AmountChange, CloseDateChange)
    )
    assert (stage.from_stage_id, stage.to_stage_id) == (1, 3)
    assert (amount.from_minor, amount.to_minor) == (1_000_001, 1_250_050)
    assert (close.from_on, close.to_on) == (None, date(2027, 1, 31))
    last = desk.all_of(AuditEvent)[-1]
    assert (last.object, last.read) == ("opportunity:1", ["action:1"])
    assert desk.all_of(AuditDetail)[-1].body["before"]["stage"] == "Discovery"


def test_a_deal_that_is_opened_again_is_not_closed(desk: Desk) -> None:
    done(desk, "anna", EffectKind.UPDATE_RECORD, changes(desk, "anna", {"stage": "Won"}))
    done(desk, "anna", EffectKind.UPDATE_RECORD, changes(desk, "anna", {"stage": "Negotiation"}))

    assert (deal(desk).stage_id, deal(desk).closed_on) == (2, None)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("amount", "12500 USD", "USD"),
        ("amount", "-1", "'-1'"),
        ("amount", "1e30", "1e30"),
        ("amount", "NaN", "NaN"),
        ("stage", "Closed by magic", "Discovery"),
        ("stage", "", "emptied"),
        ("expected_close_on", "31.01.2027", "31.01.2027"),
        ("next_step", "x" * 2_001, "2000"),
        ("next_step", "a\x00b", "next_step"),
        ("next_step", "Call", "already"),
        ("owner_id", "2", "owner_id"),
        ("id", "2", "'id'"),
    ],
)
def test_a_change_that_the_field_cannot_hold_is_refused(
    desk: Desk, field: str, value: str, says: str
) -> None:
    payload = {
        "entity": "opportunity",
        "entity_id": 1,
        "fields": {field: {"before": None, "after": value}},
    }
    held = {"amount": "10000.01 EUR", "stage": "Discovery", "next_step": "Call"}
    payload["fields"][field]["before"] = held.get(field)
    with pytest.raises((BadInput, NotFound), match=says):
        desk.propose("anna", EffectKind.UPDATE_RECORD, payload, "update")


def test_what_was_changed_after_the_approval_is_not_overwritten(desk: Desk) -> None:
    payload = changes(desk, "anna", {"next_step": "Send the quote"})
    made = desk.propose("anna", EffectKind.UPDATE_RECORD, payload, "update")
    desk.vote("anna", made)
    with desk.store.session() as session:
        session.execute(update(Opportunity).values(next_step="They called back"))

    with pytest.raises(BadInput, match="They called back"):
        desk.apply("anna", made)
    assert deal(desk).next_step == "They called back"
    assert desk.row(made.id).status == "failed"


def test_changing_a_colleagues_record_takes_his_manager(desk: Desk) -> None:
    payload = changes(desk, "anna", {"next_step": "Send the quote"}, deal=2)
    made = desk.propose("anna", EffectKind.UPDATE_RECORD, payload, "update")

    assert made.risk == "high"
    with pytest.raises(NotAllowed):
        desk.vote("anna", made)
    desk.vote("mia", made)
    assert desk.apply("mia", made).is_new
    assert deal(desk, 2).next_step == "Send the quote"


def test_a_record_that_one_may_not_read_cannot_be_changed(desk: Desk) -> None:
    with pytest.raises(NotFound):
        changes(desk, "pat", {"next_step": "x"})
    payload = changes(desk, "anna", {"next_step": "x"})
    with pytest.raises(NotFound):
        desk.propose("pat", EffectKind.UPDATE_RECORD, payload, "update")


def test_a_suggested_field_is_written_and_the_suggestion_accepted(desk: Desk) -> None:
    number = suggest(desk, "expected_close_on", "2027-03-31")
    with desk.store.session() as session:
        said = proposal_evidence(session, number, principal=desk.who("anna"))
    result = apply_suggestion(desk, number)

    assert said[0]["text"] == "Priya: “we close in March”"
    assert deal(desk).expected_close_on == date(2027, 3, 31)
    assert result["after"] == {"expected_close_on": "2027-03-31"}
    assert desk.all_of(FieldProposal)[0].status == "accepted"
    with pytest.raises(BadInput, match="accepted already"):
        apply_suggestion(desk, number)


def test_an_element_of_a_qualification_holds_as_accepted(desk: Desk) -> None:
    apply_suggestion(desk, suggest(desk, "meddicc.economic_buyer", "Priya Rao"))

    assert desk.all_of(FieldProposal)[0].status == "accepted"


def test_a_contacts_role_is_written_on_the_deal(desk: Desk) -> None:
    who = {"entity": "contact", "entity_id": 1, "detail": {"opportunity_id": 1}}
    apply_suggestion(desk, suggest(desk, "role", "champion", **who))
    tie = desk.all_of(OpportunityContact)[0]
    assert (tie.opportunity_id, tie.contact_id, tie.role) == (1, 1, "champion")

    with desk.store.session() as session:
        session.execute(update(FieldProposal).values(status="superseded"))
        session.execute(update(Conversation).values(external_id="earlier"))
    apply_suggestion(desk, suggest(desk, "role", "economic_buyer", "champion", **who))
    assert [tie.role for tie in desk.all_of(OpportunityContact)] == ["economic_buyer"]


def test_a_suggestion_from_a_value_that_no_longer_holds_is_refused(desk: Desk) -> None:
    number = suggest(desk, "next_step", "Demo", old="Mail")

    with pytest.raises(BadInput, match="'Call' by now"):
        apply_suggestion(desk, number)


def test_a_suggestion_cannot_be_bent_to_another_field(desk: Desk) -> None:
    number = suggest(desk, "next_step", "Demo", old="Call")
    with desk.store.session() as session:
        payload = proposal_payload(session, number, principal=desk.who("anna"))

    with pytest.raises(BadInput, match="says otherwise"):
        desk.propose(
            "anna", EffectKind.APPLY_FIELD_PROPOSAL, {**payload, "field": "amount"}, "bent"
        )


def test_a_suggestion_of_a_private_call_stays_with_those_who_were_in_it(desk: Desk) -> None:
    number = suggest(desk, "next_step", "Demo", old="Call")
    with desk.store.session() as session:
        session.execute(update(Conversation).values(is_private=True))

    with pytest.raises(NotFound):
        apply_suggestion(desk, number, "bo")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"discount": 0}, "0"),
        ({"discount": 10_001}, "10001"),
        ({"reason": " "}, "why"),
        ({"amount_minor": 1}, "not 1"),
        ({"currency": "USD"}, "USD"),
        ({"note": "x"}, "note"),
    ],
)
def test_a_discount_on_other_terms_than_the_deals_is_refused(
    desk: Desk, wrong: dict[str, Any], says: str
) -> None:
    with desk.store.session() as session:
        payload = discount_payload(session, 1, 1_000, "why", principal=desk.who("anna"))

    with pytest.raises(BadInput, match=says):
        desk.propose("anna", EffectKind.REQUEST_DISCOUNT, {**payload, **wrong}, "k")


def test_a_discount_on_a_deal_whose_amount_changed_is_asked_anew(desk: Desk) -> None:
    made = desk.discount("anna", 10)
    desk.vote("anna", made)
    with desk.store.session() as session:
        session.execute(update(Opportunity).values(amount_minor=9_000_000))

    with pytest.raises(BadInput, match="ask again"):
        desk.apply("anna", made)
    assert desk.all_of(Activity) == []


def test_a_suggestion_whose_action_is_rejected_is_closed_with_the_reason(desk: Desk) -> None:
    number = suggest(desk, "next_step", "Send the quote", "Call")
    with desk.store.session() as session:
        payload = proposal_payload(session, number, principal=desk.who("anna"))
    made = desk.propose("anna", EffectKind.APPLY_FIELD_PROPOSAL, payload, "s")
    again = desk.propose("anna", EffectKind.APPLY_FIELD_PROPOSAL, payload, "s2")

    desk.vote("anna", made, Vote.REJECT, reason="she meant another deal")
    desk.vote("anna", again, Vote.REJECT, reason="once more")

    row = desk.all_of(FieldProposal)[0]
    assert row.status == "rejected"
    assert row.detail == {"rejected_because": "she meant another deal"}
    told = [one for one in desk.all_of(AuditEvent) if one.action == "suggestion.reject"]
    assert [one.object for one in told] == ["opportunity:1"]
    assert desk.all_of(AuditDetail)[told[0].seq - 1].body["reason"] == "she meant another deal"
