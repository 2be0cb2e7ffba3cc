"""Drafts are kept, decided once, and each decision is stored with its difference."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.engine import make_url

from copilot.writers.learning.edited_file import as_editable, read_edited
from copilot.writers.learning.keeping import (
    MOST_CHARACTERS,
    Accept,
    Decided,
    Edit,
    Reject,
    decide_draft,
    expire_drafts,
    get_draft,
    list_drafts,
    save_draft,
    stored_draft,
)
from copilot.writers.learning.setting import Entry, Subject, forget_style, set_style
from copilot.writers.learning.wording import edit_distance
from crm.audit.verifying import verify_trail
from crm.errors import BadInput, NotFound
from crm.models import (
    AuditDetail,
    AuditEvent,
    AuditSubject,
    DraftStatus,
    ProposedAction,
    SavedDraft,
    StyleAspect,
)
from crm.principal import Principal
from crm.store import Store
from tests.draft_seed import ANNA, BEN, NOW, add_people, make_draft
from tests.postgres import postgres_url  # noqa: F401


@pytest.fixture
def world(store: Store) -> Store:
    with store.session() as session:
        add_people(session)
    return store


def kept(store: Store, *sentences: str, principal: Principal = ANNA) -> int:
    with store.session() as session:
        return save_draft(session, make_draft(*sentences), principal=principal, now=NOW)


def decided(store: Store, number: int, decision: Accept | Edit | Reject) -> Decided:
    with store.session() as session:
        return decide_draft(session, number, decision, principal=ANNA, now=NOW)


def test_a_saved_draft_comes_back_whole_and_open(world: Store, owner: Principal) -> None:
    number = kept(world, "The quote is ready.")
    with world.session() as session:
        row = get_draft(session, number, principal=ANNA)
        assert stored_draft(row) == make_draft("The quote is ready.")
        assert (row.status, row.author_id, row.recipient) == ("open", 1, "Priya Shah")
        assert [one.id for one in list_drafts(session, principal=owner)] == [number]


def test_the_same_open_draft_is_kept_once(world: Store) -> None:
    assert kept(world, "One.") == kept(world, "One.") != kept(world, "Two.")


def test_nobody_reads_or_decides_another_ones_draft(world: Store, owner: Principal) -> None:
    number = kept(world, "One.")
    with world.session() as session:
        assert list_drafts(session, principal=BEN) == []
        with pytest.raises(NotFound, match=str(number)):
            decide_draft(session, number, Accept(), principal=BEN, now=NOW)
        assert len(list_drafts(session, principal=owner)) == 1


def test_an_owners_draft_has_the_voice_of_who_signs(world: Store, owner: Principal) -> None:
    number = kept(world, "One.", principal=owner)
    with world.session() as session:
        row = get_draft(session, number, principal=owner)
        assert (row.user_id, row.author_id) == (None, 1)


def test_an_edit_is_stored_with_what_changed_and_how_much(world: Store) -> None:
    number = kept(world, "The quote is ready.")
    body = make_draft("The quote is done.").body
    row = decided(world, number, Edit(body, "New subject")).draft
    assert (row.status, row.final_body, row.final_subject) == ("edited", body, "New subject")
    assert row.difference == [["ready", "done"]]
    assert row.distance == round(edit_distance(make_draft("The quote is ready.").body, body), 4)
    assert row.decided_by == "Anna Lind"


def test_the_same_decision_again_changes_nothing(world: Store) -> None:
    number = kept(world, "One.")
    first = decided(world, number, Edit("Something else."))
    with world.session() as session:
        later = NOW + timedelta(days=1)
        again = decide_draft(session, number, Edit("Something else."), principal=ANNA, now=later)
    assert (first.is_new, again.is_new) == (True, False)
    assert again.draft.decided_at == NOW


@pytest.mark.parametrize("second", [Accept(), Edit("Other."), Reject("no")])
def test_a_second_decision_is_refused_by_name_and_time(
    world: Store, second: Accept | Edit | Reject
) -> None:
    number = kept(world, "One.")
    decided(world, number, Edit("Something else."))
    with pytest.raises(BadInput, match=r"edited by Anna Lind on 2026-11-16"):
        decided(world, number, second)


def test_an_edit_that_changes_nothing_is_an_acceptance(world: Store) -> None:
    number = kept(world, "One.")
    row = decided(world, number, Edit(make_draft("One.").body + "\n")).draft
    assert (row.status, row.difference, row.distance) == ("accepted", [], 0.0)


def test_a_rejection_keeps_its_reason_and_teaches_nothing(world: Store) -> None:
    row = decided(world, kept(world, "One."), Reject("wrong person")).draft
    assert (row.status, row.reason, row.learned, row.final_body) == (
        "rejected", "wrong person", None, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    "decision",
    [
        Edit("  \n"),
        Edit("a" * (MOST_CHARACTERS + 1)),
        Edit("a\x00b"),
        Reject(" "),
        Reject("r" * 2000),
    ],
)
def test_what_cannot_be_stored_is_refused_and_the_draft_stays_open(
    world: Store, decision: Edit | Reject
) -> None:
    number = kept(world, "One.")
    with pytest.raises(BadInput):
        decided(world, number, decision)
    with world.session() as session:
        assert get_draft(session, number, principal=ANNA).status == "open"


def test_of_many_decisions_at_once_one_wins(world: Store) -> None:
    number = kept(world, "One.")

    def decide(turn: int) -> bool:
        try:
            return decided(world, number, Edit(f"Version {turn}.")).is_new
        except BadInput:
            return False

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(decide, range(6)))
    assert sum(won) == 1
    with world.session() as session:
        row = get_draft(session, number, principal=ANNA)
    assert row.final_body == f"Version {won.index(True)}."


def test_figures_and_names_of_an_edit_are_the_reps_own(world: Store) -> None:
    draft = make_draft("We spoke about 40 sensors for Beacon.")
    with world.session() as session:
        number = save_draft(session, draft, principal=ANNA, now=NOW)
    body = draft.body.replace("Beacon.", "Beacon. It costs €4,000, as Robert Lang said on 4 May.")
    own = decided(world, number, Edit(body)).own_words
    assert own.names == ("Robert Lang",)
    assert {"€4,000", "4 May"} <= set(own.figures)
    assert not any("40" in figure.split() for figure in own.figures)


def test_an_edit_in_chinese_tells_its_own_figures(world: Store) -> None:
    draft = make_draft("报价已经准备好。", contact=5)
    with world.session() as session:
        number = save_draft(session, draft, principal=ANNA, now=NOW)
    own = decided(world, number, Edit(draft.body.replace("准备好", "准备好，总价35万元"))).own_words
    assert any("35万" in figure for figure in own.figures)


def test_old_open_drafts_expire_and_decided_ones_stay(world: Store) -> None:
    open_one, decided_one = kept(world, "One."), kept(world, "Two.")
    decided(world, decided_one, Accept())
    with world.session() as session:
        assert expire_drafts(session, principal=ANNA, now=NOW + timedelta(days=30)) == 0
        assert expire_drafts(session, principal=ANNA, now=NOW + timedelta(days=31)) == 1
        found = {row.id: row.status for row in list_drafts(session, principal=ANNA)}
    assert found == {open_one: DraftStatus.EXPIRED, decided_one: DraftStatus.ACCEPTED}


@pytest.mark.parametrize(("status", "stays"), [("waiting", True), ("applying", True),
                                               ("expired", False)])  # fmt: skip
def test_a_draft_whose_mail_is_under_way_does_not_expire(
    world: Store, status: str, stays: bool
) -> None:
    number = kept(world, "One.")
    with world.session() as session:
        session.add(
            ProposedAction(
                key="mail", kind="send_mail", payload={"draft_id": number}, payload_sha256="x",
                evidence=[], risk="low", rule="r", status=status, created_at=NOW, expires_at=NOW,
            )
        )  # fmt: skip
    with world.session() as session:
        expired = expire_drafts(session, principal=ANNA, now=NOW + timedelta(days=40))
        assert (expired == 0) is stays


def test_an_expired_draft_is_not_revived_by_a_clock_that_goes_back(world: Store) -> None:
    number = kept(world, "One.")
    with world.session() as session:
        expire_drafts(session, principal=ANNA, now=NOW + timedelta(days=31))
    with pytest.raises(BadInput, match="expired"):
        decided(world, number, Accept())


def test_text_markdown_and_mail_give_the_same_edit() -> None:
    letter = "Hi Priya,\n\nThe quote (v2) is done.\n\nBest,\nAnna"
    plain = read_edited(f"Subject: Your quote\n\n{letter}\n".encode(), "final.txt")
    marked = (
        "# Your quote\n\n- **To:** Priya\n\nHi Priya,\n\nThe quote \\(v2\\) is done. [1]\n\n"
        "Best,\\\nAnna\n\n## Notes and sources\n\n1. Call\n"
    )
    mail = (
        "From: anna@ours.example\r\nSubject: Your quote\r\nContent-Type: text/plain\r\n\r\n"
        + letter.replace("\n", "\r\n")
        + "\r\n\r\nOn Monday, Priya wrote:\r\n\r\n> Where is it?\r\n"
    )
    assert plain == Edit(letter, "Your quote")
    assert read_edited(marked.encode(), "final.md") == plain
    assert read_edited(mail.encode(), "final.eml") == plain
    assert read_edited(as_editable("Your quote", letter).encode(), "draft") == plain


def test_chinese_text_is_read_in_the_encodings_it_comes_in() -> None:
    for encoding in ("utf-8", "utf-8-sig", "gb18030", "utf-16"):
        edit = read_edited("主题：报价\n\n王总，您好：\n\n已更新。".encode(encoding), "a.txt")
        assert edit == Edit("王总，您好：\n\n已更新。", "报价")


@pytest.mark.parametrize("name", ["final.docx", "final.txt"])
def test_a_file_that_is_no_text_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="no text"):
        read_edited(b"PK\x03\x04\x00\x00\x00", name)


@pytest.mark.slow
def test_on_postgresql_one_of_many_decisions_wins(
    postgres_url: str,  # noqa: F811
) -> None:
    server = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql("create database draft_tests")
    server.dispose()
    url = make_url(postgres_url).set(database="draft_tests")
    store = Store(url.render_as_string(hide_password=False))
    store.migrate()
    try:
        with store.session() as session:
            add_people(session)
        number = kept(store, "One.")
        assert kept(store, "One.") == number

        def decide(turn: int) -> bool:
            try:
                return decided(store, number, Edit(f"Version {turn}.")).is_new
            except BadInput:
                return False

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(decide, range(6))) == 1
        with store.session() as session:
            assert session.scalar(select(func.count()).select_from(SavedDraft)) == 1
    finally:
        store.close()


def test_every_decision_leaves_one_event_without_the_words(world: Store) -> None:
    accepted, edited, rejected = kept(world, "One."), kept(world, "Two."), kept(world, "Three.")
    decided(world, accepted, Accept())
    decided(world, accepted, Accept())
    decided(world, edited, Edit("Hi Priya,\n\nA secret word.\n\nAnna"))
    decided(world, rejected, Reject("wrong tone"))
    expired = kept(world, "Four.")
    with world.session() as session:
        later = NOW + timedelta(days=40)
        expire_drafts(session, principal=ANNA, now=later)
        events = session.execute(
            select(AuditEvent.action, AuditEvent.object, AuditEvent.person, AuditDetail.body)
            .join(AuditDetail, AuditDetail.seq == AuditEvent.seq)
            .order_by(AuditEvent.seq)
        ).all()
        assert verify_trail(session).faults == ()
        about = session.scalars(select(AuditSubject.address)).all()
    assert [(one.action, one.object, one.person) for one in events] == [
        ("draft.accept", f"draft:{accepted}", "user:1"),
        ("draft.edit", f"draft:{edited}", "user:1"),
        ("draft.reject", f"draft:{rejected}", "user:1"),
        ("draft.expire", f"draft:{expired}", "user:1"),
    ]
    assert events[2].body["reason"] == "wrong tone"
    assert events[1].body["after"]["distance"] > 0
    assert "secret" not in str([one.body for one in events])
    assert about == ["contact:1"] * 4


def test_setting_and_forgetting_a_style_leave_events(world: Store) -> None:
    entry = Entry(Subject(contact_id=1), "en", StyleAspect.GREETING)
    with world.session() as session:
        set_style(session, entry, "Dear {name},", principal=ANNA, now=NOW)
        forget_style(session, entry, principal=ANNA, now=NOW)
        events = session.execute(
            select(AuditEvent.action, AuditEvent.object, AuditDetail.body)
            .join(AuditDetail, AuditDetail.seq == AuditEvent.seq)
            .order_by(AuditEvent.seq)
        ).all()
    assert [(one.action, one.object) for one in events] == [
        ("style.set", "style:contact:1"),
        ("style.forget", "style:contact:1"),
    ]
    assert events[0].body["before"] is None
    assert events[1].body["before"]["value"] == events[0].body["after"]["value"] == "Dear {name},"
