"""Who was erased stays out: of re-imports, syncs, other sources, and mail from before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from copilot.checkpoints import open_checkpoints
from copilot.erasing import Erased, Workspace, erase_person
from copilot.settings import Settings
from crm.audit.marks import gaps_of
from crm.audit.readmitting import readmit_person
from crm.audit.suppressing import Erasure, Suppressed, load_suppressed, person_keys, text_key
from crm.errors import BadInput, NotAllowed, NotFound
from crm.index.conversations import ConversationIndex
from crm.models import (
    Activity,
    Alias,
    Base,
    Contact,
    Conversation,
    ConversationKind,
    Lead,
    Opportunity,
    OpportunityContact,
    Participant,
    User,
)
from crm.principal import Principal, Role
from crm.store import Store
from ingest.conversation_run import ConversationRun, ConversationSummary
from ingest.conversations import ParsedConversation, ParsedSegment
from ingest.crm.mapping import parse_mapping
from ingest.identity import Person
from ingest.sources.records import store_records
from ingest.sources.run import Stored
from ingest.sources.source import TableRows

NOW = datetime(2026, 11, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
OWNER = Principal.local_owner()
QUILL = {"id": "c1", "name": "Zebrafinch Quill", "email": "zebra@quill.example", "firm": "f1",
         "phone": "+49 30 5550142"}  # fmt: skip
ANNA = {
    "id": "u1",
    "name": "Annabel Schmidtke",
    "email": "annabel@us.example",
    "aliases": "Annchen",
}
TABLES: list[dict[str, Any]] = [
    {"object": "people", "entity": "users",
     "fields": {"id": "id", "name": "name", "email": "email", "aliases": "aliases"}},
    {"object": "firms", "entity": "accounts", "fields": {"id": "id", "name": "name"}},
    {"object": "contacts", "entity": "contacts",
     "fields": {"id": "id", "name": "name", "email": "email", "phone": "phone",
                "account_id": "firm"}},
    {"object": "leads", "entity": "leads",
     "fields": {"id": "id", "name": "name", "email": "email", "company": "company"}},
    {"object": "deals", "entity": "opportunities",
     "fields": {"id": "id", "name": "name", "account_id": "firm", "owner": "owner",
                "stage": "stage"}},
    {"object": "roles", "entity": "opportunity_contacts",
     "fields": {"id": "id", "opportunity_id": "deal", "contact_id": "contact", "role": "role"}},
    {"object": "tasks", "entity": "activities",
     "fields": {"id": "id", "subject": "subject", "kind": "kind", "contact_id": "contact"}},
]  # fmt: skip


class Source:
    def __init__(self, name: str) -> None:
        self.name = name
        whole = {"source": name, "currency": "USD", "stages": {"New": "open"}, "tables": TABLES}
        self.mapping = parse_mapping(whole, "test")


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    settings = Settings(home=tmp_path, workspace="ws")
    store = Store.sqlite(settings.crm_db)
    store.migrate()
    return Workspace(
        settings, store, ConversationIndex(store),
        lambda: open_checkpoints(settings, now=datetime.now(UTC)),
    )  # fmt: skip


def take(place: Workspace, source: str = "crm", **tables: list[dict[str, Any]]) -> Stored:
    rows = [TableRows(name, tuple(listed)) for name, listed in tables.items()]
    return store_records(
        place.store, Source(source), rows, (),
        principal=OWNER, now=NOW, rejects_dir=place.settings.rejects_dir,
    )  # fmt: skip


def everything(place: Workspace, source: str = "crm") -> Stored:
    return take(
        place, source,
        people=[ANNA], firms=[{"id": "f1", "name": "Quill & Co"}], contacts=[QUILL],
        leads=[{"id": "l1", "name": "Z. Quill", "email": "ZEBRA@quill.example", "company": "Q"}],
        deals=[{"id": "d1", "name": "Deal", "firm": "f1", "owner": ANNA["name"], "stage": "New"}],
        roles=[{"id": "r1", "deal": "d1", "contact": "c1", "role": "Champion"}],
        tasks=[{"id": "t1", "subject": f"Call {QUILL['name']} for {ANNA['name']} back",
                "kind": "task", "contact": "c1"}],
    )  # fmt: skip


def erase(place: Workspace, address: str) -> Erased:
    return erase_person(place, address, reason="asked to", principal=OWNER, now=NOW)


def kept(place: Workspace) -> str:
    with place.store.session() as session:
        tables = Base.metadata.sorted_tables
        found = "".join(str(session.execute(select(table)).all()) for table in tables)
    rejects = place.settings.rejects_dir
    files = sorted(rejects.glob("*")) if rejects.is_dir() else []
    return found + "".join(path.read_text("utf-8") for path in files)


def first(place: Workspace, model: type[Any]) -> Any:
    with place.store.session() as session:
        return session.scalars(select(model).order_by(model.id)).first()


def test_the_same_export_again_brings_nobody_back(place: Workspace) -> None:
    everything(place)
    made = erase(place, "contact:1")
    again = everything(place)

    assert made.records == ("contact:1", "lead:1")
    assert (again.created, again.suppressed, again.rejected) == (0, 2, 0)
    assert first(place, Contact).deleted_at == NOW
    assert first(place, Activity).subject == f"Call [erased] for {ANNA['name']} back"
    for word in ("Quill ", "quill.example", "5550142"):
        assert word not in kept(place).replace("Quill & Co", "")


def test_a_text_that_says_something_else_by_now_is_read(place: Workspace) -> None:
    everything(place)
    erase(place, "contact:1")
    take(place, tasks=[{"id": "t1", "subject": "Call Bo back", "kind": "task", "contact": "c1"}])
    assert first(place, Activity).subject == "Call Bo back"
    assert first(place, Activity).contact_id == 1


def test_another_source_does_not_bring_them_back_either(place: Workspace) -> None:
    everything(place)
    erase(place, "contact:1")
    stored = take(
        place, "second",
        firms=[{"id": "F", "name": "Quill & Co"}],
        contacts=[{"id": "C", "name": "Quill, Zebrafinch", "email": "zebra@QUILL.example"}],
        deals=[{"id": "D", "name": "Deal", "firm": "F", "stage": "New"}],
        roles=[{"id": "R", "deal": "D", "contact": "C", "role": "Champion"}],
        tasks=[{"id": "T", "subject": "Hello", "kind": "task", "contact": "C"}],
    )  # fmt: skip

    assert (stored.suppressed, stored.rejected) == (1, 0)
    assert "zebra" not in kept(place).lower()
    with place.store.session() as session:
        assert len(session.scalars(select(Contact)).all()) == 1
        assert session.scalars(select(Activity.subject).order_by(Activity.id)).all()[1] == "Hello"
        assert len(session.scalars(select(OpportunityContact)).all()) == 2


@pytest.mark.parametrize(
    ("name", "email", "comes"),
    [
        ("Zebrafinch Quill", "other@quill.example", True),
        ("Zebrafinch Quill", None, False),
        ("Bo Li", "zebra@quill.example", False),
        ("Bo Li", None, True),
    ],
)
def test_namesakes_come_in_and_known_addresses_do_not(
    place: Workspace, name: str, email: str | None, comes: bool
) -> None:
    take(place, firms=[{"id": "f1", "name": "Quill & Co"}])
    take(place, contacts=[{**QUILL, "phone": None}])
    take(place, contacts=[{"id": "c2", "name": "Zebrafinch Quill", "firm": "f1"}])
    erase(place, "contact:2")
    erase(place, "contact:1")
    take(place, contacts=[{"id": "new", "name": name, "email": email, "firm": "f1"}])
    with place.store.session() as session:
        found = session.scalars(select(Contact).where(Contact.name == name)).all()
    assert len(found) == int(comes)


def test_a_lead_is_erased_and_stays_out_under_its_natural_key_too(place: Workspace) -> None:
    no_id = [{"object": "leads", "entity": "leads",
              "fields": {"name": "name", "email": "email", "company": "company"}}]  # fmt: skip
    source = Source("sheet")
    source.mapping = parse_mapping({"source": "sheet", "tables": no_id}, "test")
    rows = [TableRows("leads", ({"name": "Wu Heron", "email": "heron@x.example"},))]

    def store() -> Stored:
        return store_records(
            place.store, source, rows, (),
            principal=OWNER, now=NOW, rejects_dir=place.settings.rejects_dir,
        )  # fmt: skip

    store()
    assert first(place, Lead).external_id == "email:heronxexample"
    assert erase(place, "lead:1").records == ("lead:1",)
    assert (store().suppressed, first(place, Lead).external_id) == (1, "erased-leads-1")
    assert "heron" not in kept(place).lower()


def test_a_colleague_leaves_deals_to_a_pseudonym_and_no_import_names_him_again(
    place: Workspace,
) -> None:
    everything(place)
    erase(place, "user:1")
    again = everything(place)
    take(place, "second", deals=[{"id": "D", "name": "Two", "owner": ANNA["name"], "stage": "New"}])
    mail = take(place, "third", deals=[
        {"id": "E", "name": "Three", "owner": ANNA["email"], "stage": "New"}
    ])  # fmt: skip

    assert (again.suppressed, mail.rejected) == (1, 0)
    with place.store.session() as session:
        users = session.scalars(select(User)).all()
        assert [(one.name, one.email, one.is_active) for one in users] == [
            ("[user 1]", None, False)
        ]
        assert users[0].deleted_at is None
        owners = session.scalars(select(Opportunity.owner_id)).all()
        assert (owners, session.scalars(select(Alias)).all()) == ([1, 1, 1], [])
    assert first(place, Activity).subject == f"Call {QUILL['name']} for [user 1] back"
    for word in ("Annabel", "annabel", "Annchen"):
        assert word not in kept(place)


def mail_of(
    number: int, day: datetime, *people: Person, said: str = "Hello."
) -> ParsedConversation:
    return ParsedConversation(
        source="mail", external_id=f"m{number}", kind=ConversationKind.EMAIL, title="Offer",
        started_at=day, participants=people, segments=(ParsedSegment(people[0].name, said),),
        content_sha256=f"{number}",
    )  # fmt: skip


def read_mail(place: Workspace, *mails: ParsedConversation) -> ConversationSummary:
    return ConversationRun(place.store, "mail", Path("mail"), OWNER, NOW).take(mails)


QUILL_IN_MAIL = Person("Zebrafinch Quill", "zebra@quill.example")
ANNA_IN_MAIL = Person("Annabel Schmidtke", "annabel@us.example")


def test_mail_from_before_stays_out_and_mail_from_after_comes_in(place: Workspace) -> None:
    everything(place)
    old = mail_of(1, NOW - timedelta(days=9), QUILL_IN_MAIL)
    by_name = replace(mail_of(2, NOW - timedelta(days=8), Person("Q")), external_id="m2")
    read_mail(place, old, by_name)
    with place.store.session() as session:
        # Tied by hand: nothing in it tells who it was.
        two = session.scalars(select(Participant).where(Participant.name == "Q")).one()
        two.contact_id = 1
    assert erase(place, "contact:1").conversations == 2

    unseen = mail_of(3, NOW - timedelta(days=30), Person("Bo"), QUILL_IN_MAIL)
    told = read_mail(place, old, by_name, unseen, mail_of(4, LATER, QUILL_IN_MAIL))
    assert (told.suppressed, told.created, told.read) == (3, 1, 4)
    with place.store.session() as session:
        assert session.scalars(select(Conversation.external_id)).all() == ["m4"]


def test_a_colleague_stands_in_mail_under_the_pseudonym(place: Workspace) -> None:
    everything(place)
    mail = mail_of(1, NOW - timedelta(days=9), ANNA_IN_MAIL, Person("Bo", "bo@b.example"))
    read_mail(place, mail)
    erase(place, "user:1")
    told = read_mail(place, mail, mail_of(2, LATER, Person("Bo", "bo@b.example"), ANNA_IN_MAIL))

    assert (told.suppressed, told.unchanged + told.updated, told.created) == (0, 1, 1)
    with place.store.session() as session:
        ours = session.scalars(select(Participant).where(Participant.name == "[user 1]")).all()
        assert [(one.user_id, one.email) for one in ours] in (
            [(1, "[user 1]"), (1, None)], [(1, None), (1, None)],
        )  # fmt: skip
    assert "nnabel" not in kept(place)


def test_the_trail_keeps_no_clear_word_and_one_key(place: Workspace) -> None:
    everything(place)
    erase(place, "contact:1")
    erase(place, "user:1")
    with place.store.session() as session:
        erasures = load_suppressed(session).erasures
    assert [one.address for one in erasures] == ["contact:1", "user:1"]
    assert len({one.salt for one in erasures}) == 1
    assert all(len(mark) == 24 for one in erasures for mark in one.marks)


def test_who_is_let_back_in_comes_with_the_next_import(place: Workspace) -> None:
    everything(place)
    erase(place, "contact:1")
    with place.store.session() as session:
        asked: dict[str, Any] = {"principal": OWNER, "now": NOW}
        assert readmit_person(session, "contact:1", reason="a customer again", **asked) == 1
        with pytest.raises(NotFound):
            readmit_person(session, "contact:1", reason="twice", **asked)
        with pytest.raises(BadInput, match="reason"):
            readmit_person(session, "contact:1", reason=" ", **asked)
        rep = Principal(7, "Bo", Role.REP)
        with pytest.raises(NotAllowed):
            readmit_person(session, "contact:1", reason="x", principal=rep, now=NOW)
    assert everything(place).suppressed == 0
    assert first(place, Contact).name == QUILL["name"]
    assert first(place, Contact).deleted_at is None


@pytest.mark.parametrize(
    ("kept_text", "text", "gaps"),
    [
        ("Call [erased] back", "Call Bo Li back", ["Bo Li"]),
        ("[erased] and [user 3].", "A and B.", ["A", "B"]),
        ("Call [erased] back", "Call Bo Li", []),
        ("Call Bo", "Call Bo", []),
        ("[erased]", "", [""]),
        ("x[erased]x", "x", []),
    ],
)
def test_gaps_are_what_a_text_has_where_something_was_erased(
    kept_text: str, text: str, gaps: list[str]
) -> None:
    assert gaps_of(kept_text, text) == gaps


def test_people_are_known_again_by_more_than_a_name() -> None:
    erasure = Erasure.of("contact:1", NOW, "00ff", [*person_keys("Wu Heron", "w@h.example"),
                                                    text_key("Wu Heron")])  # fmt: skip
    known = Suppressed((erasure,))
    assert known.find(person_keys("Somebody", " W@H.example ")) is erasure
    assert known.find(person_keys("Wu Heron", None, company="Heron & Co")) is None
    assert known.is_same_text("To [erased]!", "To WU heron!")
    assert not known.is_same_text("To [erased]!", "To Bo!")
