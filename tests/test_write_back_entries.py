"""Tasks and notes in the CRM that their deal came from: one each, tied to it, found again."""

from datetime import date
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
from tests.rest_server import Answer
from tests.write_back_world import World


def made_there(crm: World) -> list[dict[str, Any]]:
    return [values for _name, _id, values in crm.server.changes]


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


def test_a_task_that_was_made_there_comes_back_as_the_same_one(crm: World) -> None:
    crm.desk.apply("owner", crm.task())
    crm.server.tick(minutes=30)
    crm.read()

    rows = crm.desk.all_of(Activity)
    assert [row.subject for row in rows] == ["Send the quote 报价"]
    assert (rows[0].opportunity_id, rows[0].due_on) == (crm.deal.id, date(2026, 11, 20))


@pytest.mark.parametrize("mark_field", [None, "own"])
def test_a_task_whose_answer_was_lost_is_found_by_its_mark(
    crm: World, mark_field: str | None
) -> None:
    if mark_field:
        own = {"salesforce": "Copilot_Mark__c", "hubspot": "copilot_mark"}[crm.source.kind]
        crm.connect(crm.open(crm.server.server.url, mark_field=own))
    made = crm.task()
    answer = crm.server.respond

    def loses(request: Any) -> Any:
        found = answer(request)
        is_made = request.method == "POST" and found.status == 201
        return Answer(504, {"message": "gone"}) if is_made else found

    crm.server.server.respond = loses
    with pytest.raises(TransientError):
        crm.desk.apply("owner", made)
    crm.server.server.respond = answer
    crm.desk.later(minutes=11)
    done = crm.desk.apply("owner", made)

    assert done.result is not None
    assert done.result["was_found"] is True
    assert (len(made_there(crm)), len(crm.desk.all_of(Activity))) == (1, 1)


def test_two_tasks_of_the_same_words_are_two(crm: World) -> None:
    crm.desk.apply("owner", crm.task("one"))
    crm.desk.apply("owner", crm.task("two"))

    assert len(made_there(crm)) == 2
    assert len(crm.desk.all_of(Activity)) == 2


@pytest.mark.parametrize(
    ("more", "says"),
    [({"due_on": None}, "needs a day"), ({"owner_id": 99}, "99")],
)
def test_a_task_that_hubspot_cannot_keep_is_refused_at_once(
    hs: World, more: dict[str, Any], says: str
) -> None:
    with pytest.raises((BadInput, NotFound), match=says):
        hs.task(**more)


def test_a_task_on_nothing_of_the_crms_stays_in_our_store(crm: World) -> None:
    empty: dict[str, Any] = dict.fromkeys(
        ("opportunity_id", "account_id", "contact_id", "owner_id")
    )
    done = crm.desk.apply("owner", crm.task(**empty))

    assert (made_there(crm), done.result is not None) == ([], True)
    assert crm.desk.all_of(Activity)[0].source == "copilot"


def test_a_discount_leaves_its_note_in_the_crm(crm: World) -> None:
    deal = crm.deal
    payload = {
        "opportunity_id": deal.id,
        "discount": 1_000,
        "amount_minor": 12_005,
        "currency": deal.currency,
        "reason": "three years",
    }
    done = crm.desk.apply("owner", crm.approved(EffectKind.REQUEST_DISCOUNT, payload, "d"))

    values = made_there(crm)[0]
    if crm.source.kind == "salesforce":
        assert (values["Status"], values["WhatId"]) == ("Completed", "006A")
        assert values["Subject"] == "Discount approved · 已批准折扣: 10 %"
    else:
        assert values["hs_note_body"].startswith("Discount approved · 已批准折扣: 10 %<br>three")
        assert crm.server.links["notes", "9000", "deals"] == [("3", "")]
    assert done.result is not None
    assert done.result["object"] == f"opportunity:{deal.id}"


def test_a_sync_between_a_kill_and_the_next_try_brings_the_task_only_once(crm: World) -> None:
    made = crm.task()
    answer = crm.server.respond

    def loses(request: Any) -> Any:
        found = answer(request)
        is_made = request.method == "POST" and found.status == 201
        return Answer(504, {"message": "gone"}) if is_made else found

    crm.server.server.respond = loses
    with pytest.raises(TransientError):
        crm.desk.apply("owner", made)
    crm.server.server.respond = answer
    crm.server.tick(minutes=11)
    crm.read()
    assert len(crm.desk.all_of(Activity)) == 1

    crm.desk.later(minutes=11)
    done = crm.desk.apply("owner", made)
    assert done.result is not None
    assert done.result["object"] == f"activity:{crm.desk.all_of(Activity)[0].id}"
    assert (len(made_there(crm)), len(crm.desk.all_of(Activity))) == (1, 1)


def test_a_contact_that_came_from_elsewhere_cannot_be_on_the_task(crm: World) -> None:
    with crm.desk.store.session() as session:
        session.scalars(select(Contact)).one().source = "files"
    with pytest.raises(BadInput, match="contact 1 did not come from"):
        crm.task()

    crm.desk.apply("owner", crm.task(contact_id=None))
    assert len(made_there(crm)) == 1


def test_a_colleague_known_by_his_address_there_gets_the_task(crm: World) -> None:
    with crm.desk.store.session() as session:
        session.add(User(id=101, source="hr", external_id="7", synced_at=crm.desk.now,
                         name="Ana", email="Ana@Ours.com", role="rep", is_active=True))  # fmt: skip
        session.add(User(id=102, source="hr", external_id="8", synced_at=crm.desk.now,
                         name="Bo", email="bo@ours.com", role="rep", is_active=True))  # fmt: skip
    crm.desk.apply("owner", crm.task(owner_id=101))
    values = made_there(crm)[0]
    assert values.get("OwnerId", values.get("hubspot_owner_id")) in {"005A", "71"}
    with pytest.raises(BadInput, match="'Bo' is no user of"):
        crm.task("other", owner_id=102)


@pytest.mark.parametrize(("subject", "body"), [("x" * 256, None), ("Call", "x" * 32_001)])
def test_a_task_too_long_for_salesforce_is_refused_before_anybody_is_asked(
    sf: World, subject: str, body: str | None
) -> None:
    more: dict[str, Any] = {"subject": subject, "body": body}
    with pytest.raises(BadInput, match=r"characters"):
        sf.task(**more)
