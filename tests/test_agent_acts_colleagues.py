"""A task may be given to a colleague by name, and a lead be named; whoever is meant is asked."""

from pathlib import Path
from typing import Any

import pytest

from copilot.agent.act_checking import Said, check_said
from copilot.agent.approvals.deciding import caller_of
from copilot.agent.approvals.voting import Ballot, vote
from copilot.agent.contract import Status
from copilot.agent.effects.tasks import CreateTask
from crm import models as m
from crm.access.policy import Policy
from crm.errors import NotAllowed
from crm.models import Activity, EffectKind
from crm.store import Store
from tests.acting_world import Actors, filled
from tests.agent_world import (
    ANNA,
    ANNA_ASKS,
    AS_OF,
    GRACE,
    GRACE_ASKS,
    LINA,
    LINA_ASKS,
    SYNCED,
    TOM,
    principal,
)
from tools.names import NameIndex

STONE = 9
OWN_ONLY = """
@id("everybody reads the directory")
permit (principal, action == Action::"read", resource is Directory);
@id("reps read their own")
permit (principal, action == Action::"read", resource)
when { resource has own && resource.own };
"""


@pytest.fixture
def actors(store: Store, tmp_path: Path) -> Actors:
    """The company, with two Toms (Reed and Stone), one who has left, and three leads."""
    filled(store)
    with store.session() as session:
        person: dict[str, Any] = {"source": "t", "synced_at": SYNCED, "team_id": 2}
        session.add(m.User(**person, id=STONE, external_id="9", name="Tom Stone", role="rep"))
        session.add(
            m.User(
                **person, id=10, external_id="10", name="Zoe Gone", role="rep", is_active=False
            )
        )  # fmt: skip
        session.add(m.User(**person, id=11, external_id="11", name="Pat Out", role="partner"))
        leads = [("Nora Pine", "Pine Works"), ("Nora Oak", "Oak Ltd"), ("陈静", "蓝天机械")]
        for number, (name, company) in enumerate(leads, start=1):
            session.add(
                m.Lead(
                    id=number, source="t", external_id=f"L{number}", synced_at=SYNCED, name=name,
                    company=company, status="New", owner_id=ANNA,
                )
            )  # fmt: skip
    return Actors(store, tmp_path)


@pytest.mark.parametrize(
    ("question", "subject", "owner", "due"),
    [
        ("remind Tom Reed to send the quote on Monday", "send the quote", TOM, "2026-11-23"),
        ("remind Grace on Friday to check the plan", "check the plan", GRACE, "2026-11-20"),
        ("assign a task to Tom Stone: send the quote", "send the quote", STONE, None),
        ("give Grace a task to check the plan", "check the plan", GRACE, None),
        ("create a task for Grace Kim to check the plan", "check the plan", GRACE, None),
        ("ask Grace to check the plan by Friday", "check the plan", GRACE, "2026-11-20"),
        ("让李娜周五前回访王伟", "回访王伟", LINA, "2026-11-20"),
        ("请提醒李娜周五给王伟打电话", "给王伟打电话", LINA, "2026-11-20"),
        ("给李娜建一个周五的回访任务", "回访", LINA, "2026-11-20"),
        ("分配任务给李娜：周五回访王伟", "回访王伟", LINA, "2026-11-20"),
        ("remind Anna to send the quote", "send the quote", ANNA, None),
    ],
)
def test_a_task_goes_to_the_colleague_who_was_named(
    actors: Actors, question: str, subject: str, owner: int, due: str | None
) -> None:
    payload = actors.payload(question)

    assert (payload["subject"], payload["owner_id"]) == (subject, owner)
    assert payload["due_on"] == due


@pytest.mark.parametrize(
    "question",
    [
        "create a task for Friday: call Maria Lopez",
        "create a task for Maria Lopez: send her the quote",
        "给王总建一个周五的回访任务",
        "remind me to ask Tom Reed for the quote",
    ],
)
def test_a_day_or_a_customer_is_no_colleague(actors: Actors, question: str) -> None:
    assert actors.payload(question)["owner_id"] == ANNA


def test_of_two_with_one_name_the_one_is_asked_for(actors: Actors) -> None:
    asked = actors.ask("remind Tom to send the quote on Monday")
    assert asked.status is Status.AMBIGUOUS
    assert asked.candidates == ["Tom Reed (user:3)", "Tom Stone (user:9)"]

    payload = actors.payload("Tom Stone (user:9)")

    assert (payload["owner_id"], payload["due_on"]) == (STONE, "2026-11-23")


@pytest.mark.parametrize("name", ["Zorblax", "Zoe Gone", "Pat Out", "Maria Lopez"])
def test_who_does_not_work_here_gets_no_task(actors: Actors, name: str) -> None:
    answer = actors.ask(f"remind {name} to send the quote")

    assert answer.status is Status.AMBIGUOUS
    assert f"“{name}”" in answer.answer
    assert actors.rows() == []


def test_a_colleagues_task_waits_for_him_or_a_manager(actors: Actors) -> None:
    waits = actors.ask("让李娜周五前回访王伟")
    [action] = waits.actions
    assert action.you_may is None
    assert "交给李娜" in action.summary
    assert "任务承接人本人" in action.approvers
    refused = actors.decide(waits)
    assert refused.status is Status.NEEDS_APPROVAL
    other = actors.ask("what waits for my approval?", who=principal(TOM, "Tom Reed"))
    assert other.actions == []

    mine = actors.ask("有什么等我审批？", who=LINA_ASKS)
    assert [(one.id, one.you_may) for one in mine.actions] == [(action.id, "approve")]


def test_the_colleague_takes_it_on(actors: Actors) -> None:
    waits = actors.ask("remind 李娜 to call 王伟 on Friday", who=ANNA_ASKS)

    with actors.store.session() as session:
        ballot = Ballot(waits.actions[0].id, waits.actions[0].payload_sha256, m.Vote.APPROVE)
        decided = vote(session, ballot, policy=actors.policy, principal=LINA_ASKS, now=AS_OF)

    assert decided.rules == ("whoever is to do a task takes it on",)


def test_a_manager_gives_his_own_people_work_by_himself(actors: Actors) -> None:
    answer = actors.ask("remind Anna Berg to send the quote", who=GRACE_ASKS)

    assert (answer.actions[0].risk, answer.actions[0].you_may) == ("low", "approve")
    done = actors.decide(answer, who=GRACE_ASKS)
    assert done.actions[0].status == "applied"
    with actors.store.session() as session:
        assert session.query(Activity).filter_by(source="copilot").one().owner_id == ANNA


def test_a_colleague_who_may_not_read_the_deal_gets_no_task_on_it(actors: Actors) -> None:
    policy = Policy(OWN_ONLY)
    with actors.store.session() as session:
        user = session.get_one(m.User, ANNA)
        anna = caller_of(session, user, policy=policy, now=AS_OF)
        task = {"subject": "call", "owner_id": TOM, "opportunity_id": 12}
        asked: dict[str, Any] = {"principal": anna, "now": AS_OF}

        with pytest.raises(NotAllowed, match="'Tom Reed' may not read"):
            CreateTask().check(session, task, **asked)
        CreateTask().check(session, {**task, "opportunity_id": None}, **asked)
        CreateTask().check(session, {**task, "owner_id": ANNA}, **asked)


@pytest.mark.parametrize(
    ("words", "is_said"),
    [
        ("remind Tom to call", True),
        ("remind Tom Reed to call", True),
        ("remind Tomas to call", False),
        ("call them (user:3)", True),
        ("call them (user:33)", False),
    ],
)
def test_nobody_gets_a_task_who_was_not_named(actors: Actors, words: str, is_said: bool) -> None:
    payload = {"subject": "call", "due_on": None, "owner_id": TOM}
    with actors.store.session() as session:
        index = NameIndex.load(session, ANNA_ASKS)
        said = Said(session, index, ANNA_ASKS, AS_OF.date(), (words,))
        if is_said:
            check_said(EffectKind.CREATE_TASK, payload, said)
            return
        with pytest.raises(NotAllowed, match="owner_id"):
            check_said(EffectKind.CREATE_TASK, payload, said)


@pytest.mark.parametrize(
    ("question", "lead"),
    [
        ("set the status of Nora Pine to Contacted", 1),
        ("set the status of the lead from Pine Works to Contacted", 1),
        ("set the status of Nora at Oak to Contacted", 2),
        ("set Oak Ltd's status to Contacted", 2),
        ("mark the lead Nora Pine as Contacted", 1),
        ("set the status of L2 to Contacted", 2),
        ("把线索陈静的状态改为Contacted", 3),
        ("把蓝天机械的陈静的状态改为Contacted", 3),
        ("将线索陈总标记为Contacted", 3),
    ],
)
def test_a_lead_is_named_by_its_name_or_its_company(
    actors: Actors, question: str, lead: int
) -> None:
    payload = actors.payload(question)

    assert (payload["entity"], payload["entity_id"]) == ("lead", lead)
    assert payload["fields"]["status"]["after"] == "Contacted"


def test_of_several_leads_the_one_is_asked_for(actors: Actors) -> None:
    asked = actors.ask("set the status of lead Nora to Contacted")
    assert asked.status is Status.AMBIGUOUS
    assert asked.candidates == ["Nora Oak (lead:2)", "Nora Pine (lead:1)"]

    assert actors.payload("Nora Oak (lead:2)")["entity_id"] == 2


@pytest.mark.parametrize("name", ["Nora Elm", "Nora Pine of Oak Forest", "Ltd of the"])
def test_a_lead_of_other_words_is_unknown(actors: Actors, name: str) -> None:
    answer = actors.ask(f"set the status of {name} to Contacted")

    assert answer.status is Status.NOT_FOUND
    assert actors.rows() == []


def test_a_lead_that_the_caller_may_not_read_is_not_found(actors: Actors) -> None:
    with actors.store.session() as session:
        user = session.get_one(m.User, TOM)
        tom = caller_of(session, user, policy=Policy(OWN_ONLY), now=AS_OF)

    answer = actors.ask("set the status of Nora Pine to Contacted", who=tom)

    assert answer.status is Status.NOT_FOUND
    assert "Pine Works" not in answer.answer


def test_stages_are_named_only_to_who_may_read_them(actors: Actors) -> None:
    closed = Policy(OWN_ONLY.replace("resource is Directory", "resource is Case"))
    with actors.store.session() as session:
        user = session.get_one(m.User, ANNA)
        anna = caller_of(session, user, policy=closed, now=AS_OF)

    answer = actors.ask("move deal 12 to stage xyz", who=anna)

    assert answer.status is Status.AMBIGUOUS
    assert "Which stage" in answer.answer
    assert answer.candidates == []
