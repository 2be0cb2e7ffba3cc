"""A list of actions against each action asked for by itself, and what a long list costs."""

import random
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from copilot.agent.approvals.listing import ActionFilter, ActionPage, ActionView, list_actions
from copilot.agent.approvals.payloads import Risk, digest_of
from crm.access.policy import Policy, load_policy
from crm.errors import NotFound
from crm.models import (
    AccessGrant,
    Account,
    ActionStatus,
    Conversation,
    EffectKind,
    Lead,
    Opportunity,
    ProposedAction,
    User,
)
from crm.store import Store
from tests.approval_world import NOW, PEOPLE, Desk, fill
from tests.statements import counted

CALLERS = (*PEOPLE, "owner")
OWN_ONLY = """
forbid (principal in Role::"manager", action == Action::"read", resource is Lead)
unless { resource.team };
forbid (principal, action == Action::"read", resource is Opportunity)
when { principal in Role::"operations" };
forbid (principal in Role::"executive", action == Action::"read_field", resource);
forbid (principal in Role::"manager", action == Action::"approve", resource is Proposal)
when { resource.amount > 500 };
"""


@pytest.fixture
def store(store: Store) -> Store:
    """The organisation, with leads and calls that some may not read, and one who stands in."""
    fill(store)
    with store.session() as session:
        for number in range(1, 7):
            sourced: dict[str, Any] = {
                "id": number, "source": "x", "external_id": str(number), "synced_at": NOW,
            }  # fmt: skip
            gone = NOW if number == 6 else None
            owner = number % 4 + 1
            session.add(Lead(**sourced, name="Lin", status="new", owner_id=owner, deleted_at=gone))
            session.add(
                Conversation(
                    **sourced, kind="call", title="Call", started_at=NOW, owner_id=owner,
                    content_sha256=f"{number:064}", account_id=1, is_private=number % 2 == 0,
                )
            )  # fmt: skip
        deal = {"source": "x", "account_id": 1, "stage_id": 1, "currency": "EUR", "name": "Gone"}
        gone_deal = {"id": 3, "external_id": "3", "synced_at": NOW, "deleted_at": NOW}
        session.add(Opportunity(**deal, **gone_deal))
        session.add(
            AccessGrant(
                user_id=4, kind="stand_in", object_id=1, reason="away", granted_by="owner",
                created_at=NOW,
            )
        )  # fmt: skip
    return store


def some_payload(chance: random.Random, kind: str) -> dict[str, Any]:
    text = chance.choice(["Hello", "您好", '"discount": 3000', "\x00", "\ud83d", "a \\ b"])
    if kind == EffectKind.REQUEST_DISCOUNT:
        size = {"discount": chance.choice([500, 1_500, 2_500, None])}
        return {**size, "amount_minor": chance.choice([0, 400, 900]), "reason": text}
    if kind == EffectKind.CREATE_TASK:
        return {"subject": text, "owner_id": chance.choice([None, *range(1, 8)])}
    if kind in (EffectKind.UPDATE_RECORD, EffectKind.APPLY_FIELD_PROPOSAL):
        entity = chance.choice(["lead", "opportunity", "contact", "account", "odd"])
        number = chance.choice([1, 2, 3, 4, 5, 6, 99])
        field = chance.choice(["status", "phone", "next_step"])
        change = {"field": field} if chance.random() < 0.5 else {"fields": {field: {"after": text}}}
        record = {"entity": entity, "entity_id": number}
        return {**(record if chance.random() < 0.8 else {}), **change}
    return {"body": text, **chance.choice([{}, {"amount_minor": 700}])}


def some_action(chance: random.Random, number: int) -> dict[str, Any]:
    kind = chance.choice(list(EffectKind)).value
    payload = some_payload(chance, kind)
    talk = {"id": f"conversation:{chance.randint(1, 7)}#0-1", "text": "said"}
    return {
        "key": f"key {number}", "kind": kind, "payload": payload,
        "payload_sha256": digest_of(kind, payload), "evidence": chance.choice([[], [talk]]),
        "risk": chance.choice(list(Risk)).value, "rule": "",
        "proposer_id": chance.choice([None, *range(1, 8)]),
        "assignee_id": chance.choice([None, None, None, *range(1, 8)]),
        "account_id": chance.choice([None, 1]), "opportunity_id": chance.choice([None, 1, 2, 3]),
        "status": chance.choice(list(ActionStatus)).value, "created_at": NOW,
        "expires_at": NOW + timedelta(hours=chance.choice([-1, 1])), "attempts": 0,
    }  # fmt: skip


def put_actions(store: Store, chance: random.Random, number: int) -> None:
    rows = [some_action(chance, one) for one in range(number)]
    with store.session() as session:
        session.execute(insert(ProposedAction), rows)


def listed(desk: Desk, name: str, **more: Any) -> ActionPage:
    who = desk.who(name)
    with desk.store.session() as session:
        wanted = ActionFilter(**more)
        return list_actions(session, wanted, policy=desk.policy, principal=who, now=desk.now)


def one_by_one(desk: Desk, name: str) -> list[ActionView]:
    """Return the actions that the caller is shown singly, the newest first."""
    found = []
    for row in reversed(desk.all_of(ProposedAction)):
        with suppress(NotFound):
            found.append(desk.show(name, row.id))
    return found


@pytest.mark.parametrize("rules", ["", OWN_ONLY], ids=["built in", "of a company"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_list_has_what_each_action_by_itself_is_shown_for(
    store: Store, tmp_path: Path, seed: int, rules: str
) -> None:
    put_actions(store, random.Random(seed), 70)
    desk = Desk(store, tmp_path, Policy(load_policy().text + rules))
    sizes = set()

    for name in CALLERS:
        seen = one_by_one(desk, name)
        votable = [one for one in seen if one.i_may and one.expires_at > desk.now]
        for to_decide, views in ((False, seen), (True, votable)):
            known = [one.id for one in views]
            for limit in (1, 7, 500):
                asked = {"mine_to_decide": to_decide, "limit": limit}
                page = listed(desk, name, statuses=tuple(ActionStatus), **asked)
                assert [one.id for one in page.actions] == known[:limit], (name, asked)
                assert page.more == max(0, len(known) - limit), (name, asked)
            sizes.add(len(known))
    assert min(sizes) == 0
    assert len(sizes) > 8


def test_what_a_list_shows_of_an_action_is_what_it_shows_by_itself(
    store: Store, tmp_path: Path
) -> None:
    put_actions(store, random.Random(4), 60)
    desk = Desk(store, tmp_path, Policy(load_policy().text + OWN_ONLY))

    views = [(name, one) for name in CALLERS for one in listed(desk, name, limit=200).actions]

    assert len(views) > 60
    assert any(fact.get("is_withheld") for _, one in views for fact in one.evidence)
    for name, one in views:
        assert one == desk.show(name, one.id)


def test_actions_that_differ_in_their_amount_alone_are_told_apart_where_a_rule_looks_at_it(
    store: Store, tmp_path: Path
) -> None:
    desk = Desk(store, tmp_path, Policy(load_policy().text + OWN_ONLY))
    made = {
        size: desk.propose(
            "anna", EffectKind.SEND_MAIL, {"text": "Hi", "amount_minor": size}, f"mail {size}"
        ).id
        for size in (900, 400, 800)
    }

    assert [one.id for one in listed(desk, "mia").actions] == [made[400]]
    assert listed(desk, "eva", limit=1).more == len(made) - 1


def test_a_list_over_many_records_asks_the_database_no_more_often(
    store: Store, tmp_path: Path
) -> None:
    desk = Desk(store, tmp_path)
    with store.session() as session:
        for number in range(100, 180):
            sourced = {"source": "x", "external_id": str(number), "synced_at": NOW}
            session.add(Account(id=number, **sourced, name=f"Account {number}", owner_id=1))
            session.add(User(id=number, **sourced, name="Rep", role="rep", is_active=True))

    def statements(numbers: range) -> int:
        with store.session() as session:
            for number in numbers:
                payload = {"entity": "account", "entity_id": number, "fields": {"name": {}}}
                seen = [{"id": f"opportunity:{number}"}, {"id": f"conversation:{number}"}]
                action = some_action(random.Random(number), number) | {
                    "kind": "update_record", "status": "waiting", "payload": payload,
                    "evidence": seen, "proposer_id": number, "account_id": number,
                    "opportunity_id": None,
                }  # fmt: skip
                session.execute(insert(ProposedAction).values(action))
        with counted(store) as ran:
            page = listed(desk, "eva")
        assert len(page.actions) == len(desk.all_of(ProposedAction))
        return len(ran)

    few = statements(range(100, 102))
    assert statements(range(102, 180)) == few
