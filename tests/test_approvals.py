"""Proposals, votes, edits, delegation and expiry: who decides what, and on which payload."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from copilot.agent.approvals.editing import Edit, delegate, edit
from copilot.agent.approvals.expiring import expire_due
from copilot.agent.approvals.listing import ActionFilter, ActionPage, list_actions
from copilot.agent.approvals.payloads import digest_of
from crm.access.policy import Policy, load_policy
from crm.audit.verifying import verify_trail
from crm.errors import BadInput, NeedsApproval, NotAllowed, NotFound, PermanentError
from crm.models import (
    ActionStatus,
    ActionVote,
    Activity,
    AuditDetail,
    AuditEvent,
    EffectKind,
    ProposedAction,
    User,
    Vote,
)
from crm.store import Store
from tests.approval_world import BY_RULE, PEOPLE, Desk, fill
from tests.statements import counted

TASK = {"subject": "Call Priya", "due_on": "2026-11-20", "owner_id": 1}


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    """The organisation with the rules that come with the product."""
    fill(store)
    return Desk(store, tmp_path)


def change(desk: Desk, name: str, number: int, payload: dict[str, Any], seen: str = "") -> None:
    who = desk.who(name)
    wanted = Edit(number, seen or desk.row(number).payload_sha256, payload)
    with desk.store.session() as session:
        edit(
            session,
            wanted,
            effects=desk.effects,
            policy=desk.policy,
            principal=who,
            now=desk.now,
        )


def hand_over(desk: Desk, name: str, number: int, to: str) -> None:
    who = desk.who(name)
    with desk.store.session() as session:
        delegate(session, number, PEOPLE[to][0], policy=desk.policy, principal=who, now=desk.now)


def events(desk: Desk) -> list[tuple[str, str, str | None]]:
    return [(one.action, one.person, one.agent) for one in desk.all_of(AuditEvent)]


def test_an_approved_mail_is_sent_once_and_every_step_is_in_the_trail(desk: Desk) -> None:
    made = desk.mail(agent="copilot", evidence=[{"id": "email:4", "text": "asked for it"}])
    assert made.status is ActionStatus.WAITING
    assert "what binds nobody" in made.rule

    desk.vote("anna", made)
    first = desk.apply("anna", made)
    again = desk.apply("anna", made)

    assert (first.status, first.is_new, again.is_new) == (ActionStatus.APPLIED, True, False)
    assert first.result == again.result == {"delivered": "mail"}
    assert desk.delivery.lines() == [["mail", "Hello 您好"]]
    assert events(desk) == [
        ("action.propose", "user:1", "copilot"),
        ("action.approve", "user:1", "copilot"),
        ("action.claim", "user:1", "copilot"),
        ("action.apply", "user:1", "copilot"),
    ]
    details = [one.body for one in desk.all_of(AuditDetail)]
    assert details[0]["after"]["payload"] == {"text": "Hello 您好"}
    assert details[1]["before"]["status"] == "waiting"
    assert details[1]["after"]["status"] == "approved"
    assert details[3]["after"]["approved_by"] == ["user:1"]
    assert desk.all_of(AuditEvent)[0].read == ["email:4"]
    with desk.store.session() as session:
        assert verify_trail(session).faults == ()


def test_nothing_happens_before_somebody_approves(desk: Desk) -> None:
    made = desk.mail()

    with pytest.raises(NeedsApproval, match="waits for approval"):
        desk.apply("anna", made)
    assert desk.delivery.lines() == []


def test_the_same_vote_twice_is_one(desk: Desk) -> None:
    made = desk.discount("anna", 25)

    first, again = desk.vote("mia", made), desk.vote("mia", made)

    assert (first.missing, again.missing) == (1, 1)
    assert (first.is_new, again.is_new) == (True, False)
    assert len(desk.all_of(ActionVote)) == 1
    assert desk.row(made.id).status == "waiting"


def test_a_discount_above_twenty_percent_needs_two_different_people(desk: Desk) -> None:
    made = desk.discount("anna", 25)
    with pytest.raises(NotAllowed, match="Anna"):
        desk.vote("anna", made)

    assert desk.vote("mia", made).missing == 1
    with pytest.raises(NeedsApproval):
        desk.apply("mia", made)
    assert desk.vote("olga", made).missing == 0

    assert desk.apply("olga", made).status is ActionStatus.APPLIED
    note = desk.all_of(Activity)[0]
    assert (note.opportunity_id, "25 %" in note.subject) == (1, True)


@pytest.mark.parametrize(
    ("percent", "may"),
    [
        (10, {"anna", "mia"}),
        (10.01, {"mia"}),
        (20, {"mia"}),
        (20.01, set()),
    ],
)
def test_discounts_are_granted_alone_up_to_ones_limit(
    desk: Desk, percent: float, may: set[str]
) -> None:
    alone = set()
    for name in PEOPLE:
        made = desk.discount("anna", percent, key=f"for {name}")
        try:
            if desk.vote(name, made).missing == 0:
                alone.add(name)
        except (NotAllowed, NotFound):
            assert desk.row(made.id).status == "waiting"

    assert alone == may


def test_a_partner_approves_nothing(desk: Desk) -> None:
    made = desk.mail("pat")

    with pytest.raises(NotAllowed, match="partner"):
        desk.vote("pat", made)
    with pytest.raises(NotFound):
        desk.vote("pat", desk.mail("anna", "another"))
    assert desk.vote("eva", made).missing == 0


def test_a_vote_on_a_payload_that_was_changed_is_refused(desk: Desk) -> None:
    made = desk.mail()
    seen = made.payload_sha256
    change(desk, "anna", made.id, {"text": "Hello again"})

    with pytest.raises(BadInput, match="was changed"):
        desk.vote("anna", made, digest=seen)
    desk.vote("anna", made)
    desk.apply("anna", made)

    assert [text for _, text in desk.delivery.lines()] == ["Hello again"]


def test_an_edit_voids_earlier_votes_and_an_approval(desk: Desk) -> None:
    made = desk.discount("anna", 25)
    desk.vote("mia", made)
    payload = dict(desk.row(made.id).payload)
    change(desk, "anna", made.id, payload | {"reason": "five years"})

    assert desk.vote("olga", made).missing == 1
    assert desk.vote("mia", made).missing == 0
    change(desk, "anna", made.id, payload | {"reason": "six years"})
    row = desk.row(made.id)
    assert (row.status, row.decided_at) == ("waiting", None)
    assert row.payload_sha256 == digest_of("request_discount", payload | {"reason": "six years"})
    detail = desk.all_of(AuditDetail)[-1].body["after"]
    assert detail["was"]["payload"]["reason"] == "five years"
    assert detail["payload"]["reason"] == "six years"


def test_an_edit_of_what_somebody_else_edited_meanwhile_is_refused(desk: Desk) -> None:
    made = desk.mail()
    change(desk, "mia", made.id, {"text": "one"})

    with pytest.raises(BadInput, match="edited by somebody"):
        change(desk, "anna", made.id, {"text": "two"}, seen=made.payload_sha256)


def test_an_edit_is_checked_like_a_proposal_and_stays_on_its_record(desk: Desk) -> None:
    made = desk.mail()
    with pytest.raises(BadInput, match="refused"):
        change(desk, "anna", made.id, {"text": "refused"})
    asked = desk.discount("anna", 5)
    payload = dict(desk.row(asked.id).payload)
    with pytest.raises(BadInput, match="not to what"):
        change(desk, "anna", asked.id, payload | {"opportunity_id": 2})
    assert desk.row(asked.id).payload == payload


def test_a_higher_discount_by_an_edit_needs_the_higher_approval(desk: Desk) -> None:
    made = desk.discount("anna", 10)
    desk.vote("anna", made)
    more = {"discount": 1_500, "amount_minor": 150_001}
    change(desk, "anna", made.id, dict(desk.row(made.id).payload) | more)

    with pytest.raises(NotAllowed):
        desk.vote("anna", made)
    assert desk.vote("mia", made).missing == 0


@pytest.mark.parametrize(
    ("text", "is_binding"),
    [
        ("Hello. We can give you a 50 % discount.", True),
        ("您好。我们可以给您五折优惠。", True),
        ("We guarantee delivery by 1 December.", True),
        ("我们保证12月1日交货。", True),
        ("Hello. I'll call you on Friday.", False),
        ("您好，我周五给您打电话。", False),
        ("Hello again, and thank you for your time.", False),
    ],
)
def test_a_promise_that_an_edit_slips_in_takes_the_manager(
    desk: Desk, text: str, is_binding: bool
) -> None:
    made = desk.mail()
    change(desk, "anna", made.id, {"text": text})

    if is_binding:
        with pytest.raises(NotAllowed):
            desk.vote("anna", made)
    assert desk.vote("mia" if is_binding else "anna", made).missing == 0


def test_the_same_key_is_the_same_proposal_also_after_an_edit(desk: Desk) -> None:
    made, again = desk.mail(), desk.mail()
    change(desk, "anna", made.id, {"text": "edited"})
    third = desk.mail()

    assert made.id == again.id == third.id
    assert (made.is_new, again.is_new, third.is_new) == (True, False, False)
    with pytest.raises(BadInput, match="used for another"):
        desk.propose("bo", EffectKind.SEND_MAIL, {"text": "Hello 您好"}, "mail")
    assert len(desk.all_of(ProposedAction)) == 1


def test_many_proposals_of_one_key_at_once_are_one(desk: Desk) -> None:
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: desk.mail(), range(12)))

    assert len({one.id for one in made}) == 1
    assert sum(one.is_new for one in made) == 1


def test_a_rejection_needs_a_reason_and_ends_it(desk: Desk) -> None:
    made = desk.mail()
    with pytest.raises(BadInput, match="reason"):
        desk.vote("anna", made, Vote.REJECT, reason=" ")
    desk.vote("anna", made, Vote.REJECT, reason="wrong tone")

    with pytest.raises(BadInput, match="rejected"):
        desk.vote("mia", made)
    with pytest.raises(BadInput, match="rejected"):
        desk.apply("anna", made)
    assert desk.show("anna", made.id).votes[0].reason == "wrong tone"
    assert desk.delivery.lines() == []


def test_what_was_approved_can_be_taken_back_until_it_is_begun(desk: Desk) -> None:
    made, sent = desk.mail(), desk.mail(key="sent")
    for one in (made, sent):
        desk.vote("anna", one)
    desk.apply("anna", sent)

    assert desk.vote("anna", made, Vote.REJECT).status is ActionStatus.REJECTED
    with pytest.raises(BadInput, match="begun"):
        desk.vote("anna", sent, Vote.REJECT)


def test_what_expired_is_neither_decided_nor_done(desk: Desk) -> None:
    made, approved = desk.mail(), desk.mail(key="approved")
    desk.vote("anna", approved)
    desk.later(days=7)

    with pytest.raises(BadInput, match="expired"):
        desk.vote("anna", made)
    with pytest.raises(BadInput, match="expired"):
        desk.apply("anna", approved)
    with desk.store.session() as session:
        assert expire_due(session, principal=desk.who("owner"), now=desk.now) == [1, 2]
    with desk.store.session() as session:
        assert expire_due(session, principal=desk.who("owner"), now=desk.now) == []
    assert {row.status for row in desk.all_of(ProposedAction)} == {"expired"}
    assert desk.delivery.lines() == []


def test_whom_it_is_delegated_to_may_decide(desk: Desk) -> None:
    made = desk.mail()
    with pytest.raises(NotFound):
        desk.vote("bo", made)
    hand_over(desk, "anna", made.id, "bo")
    hand_over(desk, "anna", made.id, "bo")

    assert desk.vote("bo", made).missing == 0
    handed = [one for one in desk.all_of(AuditEvent) if one.action == "action.delegate"]
    assert len(handed) == 1
    assert desk.show("anna", made.id).assignee == "Bo"


@pytest.mark.parametrize("to", ["pat", "bo"])
def test_it_is_not_delegated_to_who_could_not_approve_it(desk: Desk, to: str) -> None:
    made = desk.discount("anna", 15)

    with pytest.raises(BadInput, match="may not approve"):
        hand_over(desk, "anna", made.id, to)
    assert desk.row(made.id).assignee_id is None


def test_a_commitment_without_proof_needs_a_manager(desk: Desk) -> None:
    made = desk.mail(elevated=True)

    with pytest.raises(NotAllowed):
        desk.vote("anna", made)
    with pytest.raises(NotFound):
        desk.vote("max", made)
    change(desk, "anna", made.id, {"text": "harmless"})
    with pytest.raises(NotAllowed):
        desk.vote("anna", made)
    assert desk.vote("mia", made).missing == 0


def test_a_rule_of_the_company_approves_and_is_named_on_each_use(
    store: Store, tmp_path: Path
) -> None:
    fill(store)
    desk = Desk(store, tmp_path, Policy(load_policy().text + BY_RULE))
    made = desk.propose("anna", EffectKind.CREATE_TASK, TASK, "task", agent="copilot")
    mail = desk.mail()

    assert (made.status, made.rule) == (ActionStatus.APPROVED, "tasks need nobody")
    assert (made.is_automatic, mail.is_automatic) == (True, False)
    assert desk.apply("anna", made).is_new
    shown = desk.show("anna", made.id)
    assert shown.votes[0].person == "rule"
    assert shown.votes[0].reason == f"tasks need nobody (policy {desk.policy.version})"
    found = next(e for e in desk.all_of(AuditEvent) if e.action == "action.approve_automatically")
    assert found.agent == "copilot"
    assert desk.all_of(AuditDetail)[found.seq - 1].body["after"]["rule"] == "tasks need nobody"


def test_one_sees_what_one_proposed_may_decide_or_was_handed(desk: Desk) -> None:
    mine, bos = desk.mail(), desk.mail("bo", "bo's")
    big = desk.discount("anna", 30)

    def seen(name: str) -> set[int]:
        who = desk.who(name)
        with desk.store.session() as session:
            page = list_actions(
                session, ActionFilter(), policy=desk.policy, principal=who, now=desk.now
            )
        return {view.id for view in page.actions}

    assert seen("anna") == {mine.id, big.id}
    assert seen("bo") == {bos.id}
    assert seen("mia") == seen("eva") == seen("owner") == {mine.id, bos.id, big.id}
    assert seen("max") == seen("olga") == {big.id}
    assert seen("pat") == set()


def test_who_may_not_read_the_deal_does_not_see_its_proposal(store: Store, tmp_path: Path) -> None:
    fill(store)
    only_own = 'forbid (principal in Role::"operations", action == Action::"read", resource);'
    desk = Desk(store, tmp_path, Policy(load_policy().text + only_own))
    made = desk.discount("anna", 30)

    with pytest.raises(NotFound):
        desk.vote("olga", made)
    assert desk.vote("mia", made).missing == 1


def test_a_payload_that_was_changed_past_the_product_is_not_carried_out(desk: Desk) -> None:
    made = desk.mail()
    desk.vote("anna", made)
    with desk.store.session() as session:
        session.execute(update(ProposedAction).values(payload={"text": "send money"}))

    with pytest.raises(PermanentError, match="not the one that was approved"):
        desk.apply("anna", made)
    assert desk.delivery.lines() == []


@pytest.mark.parametrize("name", ["mia", "eva"])
def test_who_left_approves_nothing_any_more(desk: Desk, name: str) -> None:
    made = desk.mail()
    with desk.store.session() as session:
        left = update(User).where(User.id == PEOPLE[name][0])
        session.execute(left.values(is_active=False))

    with pytest.raises(NotFound):
        desk.vote(name, made)
    with desk.store.session() as session:
        assert session.scalar(select(ProposedAction.status)) == "waiting"


@pytest.mark.parametrize("payload", [{"text": float("nan")}, {"text": {1, 2}}, {"discount": -1}])
def test_a_payload_that_cannot_be_bound_is_refused(desk: Desk, payload: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        desk.propose("anna", EffectKind.SEND_MAIL, payload, "odd")
    assert desk.all_of(ProposedAction) == []


def test_limits_are_looked_up_in_the_payload_alone(desk: Desk) -> None:
    with pytest.raises(BadInput, match="state it there"):
        desk.propose("anna", EffectKind.SEND_MAIL, {"text": "x"}, "k", discount=500)


def listed(desk: Desk, name: str, **more: Any) -> ActionPage:
    who = desk.who(name)
    with desk.store.session() as session:
        wanted = ActionFilter(**more)
        return list_actions(session, wanted, policy=desk.policy, principal=who, now=desk.now)


def test_a_page_says_how_many_more_there_are_and_the_next_goes_on(desk: Desk) -> None:
    made = [desk.mail(key=f"mail {number}").id for number in range(5)]

    first = listed(desk, "anna", limit=2)
    last = listed(desk, "anna", limit=9, before=first.actions[-1].id)

    assert ([one.id for one in first.actions], first.more) == (made[:2:-1], 3)
    assert ([one.id for one in last.actions], last.more) == (made[2::-1], 0)


def test_what_one_may_decide_is_counted_without_what_one_may_not(desk: Desk) -> None:
    for number in range(3):
        desk.mail(key=f"mail {number}")
        desk.discount("anna", 15, key=f"discount {number}")

    assert listed(desk, "anna", mine_to_decide=True, limit=1).more == 2
    assert listed(desk, "mia", mine_to_decide=True, limit=1).more == 5
    assert listed(desk, "bo", limit=1) == ActionPage((), 0)
    assert listed(desk, "mia", mine=True) == ActionPage((), 0)
    assert len(listed(desk, "anna", mine=True).actions) == 6


def test_looking_at_many_actions_asks_the_database_no_more_often(desk: Desk) -> None:
    def statements(name: str) -> int:
        with counted(desk.store) as ran:
            listed(desk, name)
        return len(ran)

    desk.mail(key="first")
    few = [statements(name) for name in ("anna", "mia", "owner")]
    for number in range(20):
        desk.mail(key=f"mail {number}")
    many = [statements(name) for name in ("anna", "mia", "owner")]

    assert many == few
