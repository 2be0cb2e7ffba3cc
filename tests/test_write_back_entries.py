"""Tasks and notes in the CRM that their deal came from: one each, tied to it, found again."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from crm.errors import BadInput, NotFound, TransientError
from crm.models import (
    Activity,
    Contact,
    EffectKind,
    User,
)
from crm.store import Store
from tests.rest_server import Answer
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


def made_there(world: World) -> list[dict[str, Any]]:
    return [values for _name, _id, values in world.server.changes]


def test_a_task_is_made_in_salesforce_with_its_links(sf: World) -> None:
    done = sf.desk.apply("owner", sf.task(body="Two copies"))

    values = made_there(sf)[0]
    assert (values["Subject"], values["ActivityDate"]) == ("Send the quote 报价", "2026-11-20")
    assert (values["WhatId"], values["WhoId"], values["OwnerId"]) == ("006A", "003A", "005A")
    assert values["Description"].startswith("Two copies\n\n[copilot ")
    assert done.result is not None
    row = sf.desk.all_of(Activity)[0]
    assert done.result["object"] == f"activity:{row.id}"
    assert (row.source, row.external_id, row.due_on) == ("sf", "00T000", date(2026, 11, 20))


def test_a_task_is_made_in_hubspot_with_its_associations(hs: World) -> None:
    hs.desk.apply("owner", hs.task(body="<b>Two</b> copies"))

    values = made_there(hs)[0]
    assert (values["hs_task_subject"], values["hubspot_owner_id"]) == ("Send the quote 报价", "71")
    assert values["hs_timestamp"] == "2026-11-20T08:00:00.000Z"
    assert values["hs_task_body"].startswith("&lt;b&gt;Two&lt;/b&gt; copies<br>[copilot ")
    assert hs.server.links["tasks", "9000", "deals"] == [("3", "")]
    assert hs.server.links["tasks", "9000", "companies"] == [("1", "")]


def test_a_task_that_was_made_there_comes_back_as_the_same_one(world: World) -> None:
    world.desk.apply("owner", world.task())
    world.server.tick(minutes=30)
    world.read()

    rows = world.desk.all_of(Activity)
    assert [row.subject for row in rows] == ["Send the quote 报价"]
    assert (rows[0].opportunity_id, rows[0].due_on) == (world.deal.id, date(2026, 11, 20))


@pytest.mark.parametrize("mark_field", [None, "own"])
def test_a_task_whose_answer_was_lost_is_found_by_its_mark(
    world: World, mark_field: str | None
) -> None:
    if mark_field:
        own = {"salesforce": "Copilot_Mark__c", "hubspot": "copilot_mark"}[world.source.kind]
        world.connect(world.open(world.server.server.url, mark_field=own))
    made = world.task()
    answer = world.server.respond

    def loses(request: Any) -> Any:
        found = answer(request)
        is_made = request.method == "POST" and found.status == 201
        return Answer(504, {"message": "gone"}) if is_made else found

    world.server.server.respond = loses
    with pytest.raises(TransientError):
        world.desk.apply("owner", made)
    world.server.server.respond = answer
    world.desk.later(minutes=11)
    done = world.desk.apply("owner", made)

    assert done.result is not None
    assert done.result["was_found"] is True
    assert (len(made_there(world)), len(world.desk.all_of(Activity))) == (1, 1)


def test_two_tasks_of_the_same_words_are_two(world: World) -> None:
    world.desk.apply("owner", world.task("one"))
    world.desk.apply("owner", world.task("two"))

    assert len(made_there(world)) == 2
    assert len(world.desk.all_of(Activity)) == 2


@pytest.mark.parametrize(
    ("more", "says"),
    [({"due_on": None}, "needs a day"), ({"owner_id": 99}, "99")],
)
def test_a_task_that_hubspot_cannot_keep_is_refused_at_once(
    hs: World, more: dict[str, Any], says: str
) -> None:
    with pytest.raises((BadInput, NotFound), match=says):
        hs.task(**more)


def test_a_task_on_nothing_of_the_crms_stays_in_our_store(world: World) -> None:
    empty: dict[str, Any] = dict.fromkeys(
        ("opportunity_id", "account_id", "contact_id", "owner_id")
    )
    done = world.desk.apply("owner", world.task(**empty))

    assert (made_there(world), done.result is not None) == ([], True)
    assert world.desk.all_of(Activity)[0].source == "copilot"


def test_a_discount_leaves_its_note_in_the_crm(world: World) -> None:
    deal = world.deal
    payload = {
        "opportunity_id": deal.id,
        "discount": 1_000,
        "amount_minor": 12_005,
        "currency": deal.currency,
        "reason": "three years",
    }
    done = world.desk.apply("owner", world.approved(EffectKind.REQUEST_DISCOUNT, payload, "d"))

    values = made_there(world)[0]
    if world.source.kind == "salesforce":
        assert (values["Status"], values["WhatId"]) == ("Completed", "006A")
        assert values["Subject"] == "Discount approved · 已批准折扣: 10 %"
    else:
        assert values["hs_note_body"].startswith("Discount approved · 已批准折扣: 10 %<br>three")
        assert world.server.links["notes", "9000", "deals"] == [("3", "")]
    assert done.result is not None
    assert done.result["object"] == f"opportunity:{deal.id}"


def test_a_sync_between_a_kill_and_the_next_try_brings_the_task_only_once(world: World) -> None:
    made = world.task()
    answer = world.server.respond

    def loses(request: Any) -> Any:
        found = answer(request)
        is_made = request.method == "POST" and found.status == 201
        return Answer(504, {"message": "gone"}) if is_made else found

    world.server.server.respond = loses
    with pytest.raises(TransientError):
        world.desk.apply("owner", made)
    world.server.server.respond = answer
    world.server.tick(minutes=11)
    world.read()
    assert len(world.desk.all_of(Activity)) == 1

    world.desk.later(minutes=11)
    done = world.desk.apply("owner", made)
    assert done.result is not None
    assert done.result["object"] == f"activity:{world.desk.all_of(Activity)[0].id}"
    assert (len(made_there(world)), len(world.desk.all_of(Activity))) == (1, 1)


def test_a_contact_that_came_from_elsewhere_cannot_be_on_the_task(world: World) -> None:
    with world.desk.store.session() as session:
        session.scalars(select(Contact)).one().source = "files"
    with pytest.raises(BadInput, match="contact 1 did not come from"):
        world.task()

    world.desk.apply("owner", world.task(contact_id=None))
    assert len(made_there(world)) == 1


def test_a_colleague_known_by_his_address_there_gets_the_task(world: World) -> None:
    with world.desk.store.session() as session:
        session.add(User(id=101, source="hr", external_id="7", synced_at=world.desk.now,
                         name="Ana", email="Ana@Ours.com", role="rep", is_active=True))  # fmt: skip
        session.add(User(id=102, source="hr", external_id="8", synced_at=world.desk.now,
                         name="Bo", email="bo@ours.com", role="rep", is_active=True))  # fmt: skip
    world.desk.apply("owner", world.task(owner_id=101))
    values = made_there(world)[0]
    assert values.get("OwnerId", values.get("hubspot_owner_id")) in {"005A", "71"}
    with pytest.raises(BadInput, match="'Bo' is no user of"):
        world.task("other", owner_id=102)


@pytest.mark.parametrize(("subject", "body"), [("x" * 256, None), ("Call", "x" * 32_001)])
def test_a_task_too_long_for_salesforce_is_refused_before_anybody_is_asked(
    sf: World, subject: str, body: str | None
) -> None:
    more: dict[str, Any] = {"subject": subject, "body": body}
    with pytest.raises(BadInput, match=r"characters"):
        sf.task(**more)
