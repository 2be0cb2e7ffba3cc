"""What an action tells of records that its viewer may not read, and whose votes still count."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from copilot.agent.approvals.editing import Edit, edit
from copilot.agent.approvals.proposing import Proposed
from copilot.agent.effects.field_proposals import proposal_evidence, proposal_payload
from copilot.agent.effects.record_updates import update_payload
from crm.access.policy import Policy, load_policy
from crm.errors import NotAllowed, NotFound
from crm.models import (
    ActionStatus,
    Contact,
    Conversation,
    EffectKind,
    FieldProposal,
    Lead,
    ProposalStatus,
    User,
)
from crm.store import Store
from tests.approval_world import BY_RULE, NOW, PEOPLE, Desk, fill

SOURCED: dict[str, Any] = {"id": 1, "source": "test", "external_id": "1", "synced_at": NOW}
SAID = "we sign if the price is 90"


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    """The organisation, with a private call of Anna's that suggests a next step."""
    fill(store)
    with store.session() as session:
        session.add(
            Conversation(
                **SOURCED, kind="call", title="Call", started_at=NOW, content_sha256="d" * 64,
                account_id=1, opportunity_id=1, owner_id=1, is_private=True,
            )
        )  # fmt: skip
        session.flush()
        session.add(
            FieldProposal(
                id=1, conversation_id=1, entity="opportunity", entity_id=1, field="next_step",
                old_value="Call", new_value=SAID, detail=None, reason=SAID, segments=[0],
                confidence=0.9, status=ProposalStatus.PROPOSED.value, made_at=NOW,
            )
        )  # fmt: skip
    return Desk(store, tmp_path)


def under(desk: Desk, tmp_path: Path, *rules: str) -> Desk:
    return Desk(desk.store, tmp_path, Policy("\n".join([load_policy().text, *rules])))


def suggestion(desk: Desk) -> Proposed:
    anna = desk.who("anna")
    with desk.store.session() as session:
        payload = proposal_payload(session, 1, principal=anna)
        said = proposal_evidence(session, 1, principal=anna)
    kind, on = EffectKind.APPLY_FIELD_PROPOSAL, {"account_id": 1, "opportunity_id": 1}
    return desk.propose("anna", kind, payload, "said", evidence=said, elevated=True, **on)


def test_a_suggestion_of_a_private_call_is_shown_to_who_may_read_the_call(desk: Desk) -> None:
    made = suggestion(desk)

    assert SAID in str(desk.show("anna", made.id))
    with pytest.raises(NotFound):
        desk.show("mia", made.id)
    with pytest.raises(NotFound):
        desk.vote("mia", made)
    with desk.store.session() as session:
        session.execute(update(Conversation).values(is_private=False))
    assert SAID in str(desk.show("mia", made.id))


def test_the_words_of_evidence_are_for_who_may_read_where_they_stand(desk: Desk) -> None:
    evidence = [
        {"id": "conversation:1#0-2@00:03", "text": SAID},
        {"id": "opportunity:1", "text": "Deal 1"},
        {"id": "policy:terms", "text": "30 days"},
        {"own_words": ["90"]},
    ]
    made = desk.mail(elevated=True, evidence=evidence)

    assert desk.show("anna", made.id).evidence == evidence
    assert desk.show("mia", made.id).evidence == [
        {"id": "conversation:1#0-2@00:03", "is_withheld": True}, *evidence[1:],
    ]  # fmt: skip


def test_an_action_on_a_hidden_record_is_shown_to_its_proposer_alone(
    desk: Desk, tmp_path: Path
) -> None:
    closed = 'forbid (principal in Role::"executive", action, resource is Lead);'
    desk = under(desk, tmp_path, closed)
    with desk.store.session() as session:
        session.add(Lead(**SOURCED, name="Lin Xue", status="new", owner_id=1))
        session.flush()
        payload = update_payload(
            session, "lead", 1, {"status": "working"}, principal=desk.who("anna")
        )
    made = desk.propose("anna", EffectKind.UPDATE_RECORD, payload, "lead")

    assert desk.show("anna", made.id).payload == payload
    assert desk.show("mia", made.id).payload == payload
    with pytest.raises(NotFound):
        desk.show("eva", made.id)


def test_no_change_starts_from_a_value_that_is_kept_back(desk: Desk, tmp_path: Path) -> None:
    with desk.store.session() as session:
        session.execute(update(Contact).values(phone="+49 30 555 1234"))
    for_managers = 'forbid (principal in Role::"rep", action == Action::"read_field", resource);'
    hidden = under(desk, tmp_path, for_managers)
    guessed = {"entity": "contact", "entity_id": 1,
               "fields": {"phone": {"before": None, "after": "1"}}}  # fmt: skip

    with desk.store.session() as session, pytest.raises(NotAllowed) as told:
        update_payload(session, "contact", 1, {"phone": "1"}, principal=hidden.who("anna"))
    assert "555" not in str(told.value)
    with pytest.raises(NotAllowed) as told:
        hidden.propose("anna", EffectKind.UPDATE_RECORD, guessed, "phone", account_id=1)
    assert "555" not in str(told.value)
    with desk.store.session() as session:
        shown = update_payload(session, "contact", 1, {"phone": "1"}, principal=desk.who("anna"))
    assert shown["fields"]["phone"]["before"] == "+49 30 555 1234"


def test_stage_names_are_told_to_no_one_who_may_not_read_them(desk: Desk, tmp_path: Path) -> None:
    closed = under(desk, tmp_path, "forbid (principal, action, resource is Directory);")
    with desk.store.session() as session, pytest.raises(NotAllowed) as told:
        update_payload(session, "opportunity", 1, {"stage": "x"}, principal=closed.who("anna"))

    assert "Discovery" not in str(told.value)


@pytest.mark.parametrize(
    "change", [{"is_active": False}, {"deleted_at": NOW}, {"role": "rep"}, {"role": "partner"}]
)
def test_a_vote_of_who_lost_the_right_does_not_count_beside_anothers(
    desk: Desk, change: dict[str, Any]
) -> None:
    made = desk.discount("anna", 30)
    assert desk.vote("mia", made).missing == 1
    with desk.store.session() as session:
        session.execute(update(User).where(User.id == PEOPLE["mia"][0]).values(**change))

    assert desk.vote("olga", made).missing == 1
    assert desk.row(made.id).status == ActionStatus.WAITING
    assert desk.vote("eva", made).missing == 0


def test_two_accounts_of_one_address_are_one_person(desk: Desk) -> None:
    made = desk.discount("anna", 30)
    with desk.store.session() as session:
        same = update(User).where(User.id == PEOPLE["max"][0])
        session.execute(same.values(email="MIA@acme.example "))

    assert desk.vote("mia", made).missing == 1
    assert desk.vote("max", made).missing == 1
    assert desk.vote("eva", made).missing == 0


def test_an_edit_by_another_takes_no_right_of_the_proposers(desk: Desk, tmp_path: Path) -> None:
    rule = BY_RULE.replace("(principal,", '(principal in Role::"manager",')
    assert rule != BY_RULE
    desk = under(desk, tmp_path, rule)
    task = {"subject": "Call Priya", "due_on": "2026-11-20", "owner_id": 3}
    made = desk.propose("mia", EffectKind.CREATE_TASK, task, "task", elevated=True)
    with desk.store.session() as session:
        session.execute(update(type(desk.row(made.id))).values(status="waiting", assignee_id=2))

    def reword(name: str, subject: str) -> str:
        wanted = Edit(made.id, desk.row(made.id).payload_sha256, {**task, "subject": subject})
        asked = {"effects": desk.effects, "policy": desk.policy, "now": desk.now}
        with desk.store.session() as session:
            return edit(session, wanted, principal=desk.who(name), **asked).status

    assert reword("bo", "Call somebody else") == ActionStatus.WAITING
    assert reword("mia", "Call Priya at ten") == ActionStatus.APPROVED
