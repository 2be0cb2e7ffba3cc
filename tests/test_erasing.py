"""A person is erased from every file of the workspace, and the audit trail still verifies."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from sqlalchemy import delete, select

from copilot.agent.approvals.payloads import digest_of
from copilot.checkpoints import open_checkpoints
from copilot.erasing import Erased, Workspace, erase_person
from copilot.settings import Settings
from crm.audit.exporting import erase_details
from crm.audit.giving import export_person
from crm.audit.marks import BLOTTED, Marks
from crm.audit.person import find_person, resolve_address
from crm.audit.taking_out import blot_out, details_naming
from crm.audit.trail import Deed, record
from crm.audit.verifying import verify_trail
from crm.errors import Ambiguous, BadInput, NotAllowed, NotFound, TransientError
from crm.index.chroma import ChromaIndex
from crm.index.conversations import ConversationIndex
from crm.models import (
    AccessGrant,
    Account,
    ActionStatus,
    Activity,
    Alias,
    AuditDetail,
    AuditEvent,
    Base,
    Case,
    Contact,
    Conversation,
    FieldProposal,
    IdentityDecision,
    Lead,
    Note,
    Participant,
    ProposedAction,
    SavedDraft,
    Segment,
    StyleFact,
    User,
)
from crm.principal import Principal, Role
from crm.store import Store
from tests.conversation_seed import WordEmbedder, add_account, add_conversation, add_user, sourced
from tests.postgres import postgres_url

__all__ = ["postgres_url"]

NOW = datetime(2026, 11, 12, tzinfo=UTC)
OWNER = Principal.local_owner()
NAME, MAIL, PHONE, HAN, SAID = (
    "Zebrafinch Quill", "zebra@quill.example", "+49 30 5550142", "斑马雀", "platypus",
)  # fmt: skip
TRACES = [
    text.encode() for text in (NAME, NAME.lower(), MAIL, PHONE, HAN, SAID, "\\u6591\\u9a6c\\u96c0")
]


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    settings = Settings(home=tmp_path, workspace="ws")
    store = Store.sqlite(settings.crm_db)
    store.migrate()
    vectors = ChromaIndex(settings.index_dir, embedder_name="words")
    index = ConversationIndex(store, embedder=WordEmbedder(), vectors=vectors)
    fill(store)
    index.index_texts(list(range(1, 24)))
    index.embed_pending()
    with open_checkpoints(settings, now=datetime.now(UTC)) as saver:
        put(saver, "asks", f"{NAME} wants a rebate. " * 40)
        put(saver, "cites", "as was said in conversation:21#0: too dear")
        put(saver, "other", "Maria Lopez wants a rebate.")
    for folder in (settings.logs_dir, settings.rejects_dir):
        folder.mkdir(parents=True)
    (settings.logs_dir / "sales-copilot.log").write_text(f"a {MAIL}\nb kept\n", "utf-8")
    (settings.rejects_dir / "r.csv").write_text(f'file,why\nx,"no\n{HAN}"\ny,fine\n', "utf-8")
    return Workspace(
        settings, store, index, lambda: open_checkpoints(settings, now=datetime.now(UTC))
    )


def put(saver: Any, thread: str, said: str) -> None:
    config = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
    checkpoint = {**empty_checkpoint(), "channel_values": {"question": said}}
    saver.put(config, checkpoint, {"source": "input", "step": 0}, {})


def fill(store: Store) -> None:
    with store.session() as session:
        add_account(session, 1, "Acme")
        for number, name, mail in ((1, NAME, MAIL), (2, "Maria Lopez", "maria@acme.example")):
            session.add(Contact(**sourced(number), name=name, email=mail, phone=None, account_id=1))
        session.add(Alias(entity="contact", entity_id=1, name=HAN))
        for number in range(1, 20):
            add_conversation(session, number, [("Maria Lopez", f"Contract number {number}.")])
        add_conversation(session, 20, [("Anna", f"Ask {NAME} ({HAN}) or write to {MAIL}.")])
        add_conversation(
            session, 21, [(NAME, f"The {SAID} budget is spent. " * 30)], sides={NAME: "customer"}
        )
        session.flush()
        mine = session.scalars(select(Participant).where(Participant.conversation_id == 21)).one()
        mine.contact_id, mine.email, mine.phone = 1, MAIL, PHONE
        note = {"speaker": NAME, "side": "customer", "segments": [0]}
        session.add(Note(conversation_id=21, position=0, kind="summary", text=SAID, **note))
        session.add(
            FieldProposal(
                conversation_id=21, entity="account", entity_id=1, field="budget", new_value=SAID,
                reason=SAID, segments=[0], confidence=1.0, status="proposed", made_at=NOW,
            )
        )  # fmt: skip
        session.add(Activity(**sourced(1), kind="task", subject=f"Call {NAME.upper()} back"))
        session.add(
            IdentityDecision(
                key=f"email:{MAIL}", entity="contact", entity_id=1, basis="asked", confidence=1,
                decided_by="me", decided_at=NOW,
            )
        )  # fmt: skip
        payloads: list[dict[str, Any]] = [
            {"to": MAIL}, {"facts": ["conversation:21#0"]}, {"to": "maria@acme.example"},
        ]  # fmt: skip
        for number, payload in enumerate(payloads, start=1):
            session.add(draft(number, payload))
            session.add(action(number, payload))
        deed = Deed("draft.send", "draft:1", after={"to": NAME}, subjects=["contact:1"])
        record(session, deed, principal=OWNER, now=NOW)
        record(session, Deed("note", "draft:2", after={"x": HAN}), principal=OWNER, now=NOW)
        record(session, Deed("note", "draft:3", after={"x": "kept"}), principal=OWNER, now=NOW)


def draft(number: int, payload: dict[str, Any]) -> SavedDraft:
    return SavedDraft(
        schema_version=1, payload=payload, sha256="x", recipient="somebody", kind="reply",
        channel="email", language="en", created_at=NOW, status="open",
    )  # fmt: skip


def action(number: int, payload: dict[str, Any], status: str = "waiting") -> ProposedAction:
    return ProposedAction(
        key=f"k{number}", kind="send_mail", payload=payload, payload_sha256="x", evidence=[],
        risk="low", rule="r", status=status, created_at=NOW, expires_at=NOW + timedelta(days=1),
    )  # fmt: skip


def erase(place: Workspace, address: str = "contact:1") -> Erased:
    return erase_person(place, address, reason="asked to", principal=OWNER, now=NOW)


def holding(place: Workspace) -> dict[str, list[str]]:
    files = [path for path in place.settings.workspace_dir.rglob("*") if path.is_file()]
    return {
        trace.decode(): held
        for trace in TRACES
        if (held := [path.name for path in files if trace in path.read_bytes()])
    }


def test_no_file_keeps_a_trace_of_an_erased_person(place: Workspace) -> None:
    assert set(holding(place)) == {trace.decode() for trace in TRACES}
    made = erase(place)
    assert holding(place) == {}
    assert (made.conversations, made.drafts, made.actions, made.threads) == (1, 2, 2, 2)
    assert (made.details, made.files) == (2, 2)
    with place.store.session() as session:
        found = verify_trail(session)
        assert (found.faults, found.erased) == ((), 2)


def test_what_tells_of_others_stays(place: Workspace) -> None:
    erase(place)
    with place.store.session() as session:
        assert session.scalars(select(ProposedAction.status).order_by(ProposedAction.id)).all() == [
            ActionStatus.EXPIRED, ActionStatus.EXPIRED, ActionStatus.WAITING,
        ]  # fmt: skip
        assert len(session.scalars(select(SavedDraft)).all()) == 1
        assert session.get(Conversation, 21) is None
        assert session.get_one(Contact, 2).email == "maria@acme.example"
        erased = session.get_one(Contact, 1)
        assert (erased.name, erased.email, erased.deleted_at) == (BLOTTED, None, NOW)
        said = session.scalars(select(Segment.text).where(Segment.conversation_id == 20)).one()
        assert said == f"Ask {BLOTTED} ({BLOTTED}) or write to {BLOTTED}."
        hits = place.index.search(session, "contract number", principal=OWNER, limit=5)
        assert hits
    log = place.settings.logs_dir / "sales-copilot.log"
    assert log.read_text("utf-8") == "b kept\n"
    assert (place.settings.rejects_dir / "r.csv").read_text("utf-8").split() == [
        "file,why",
        "y,fine",
    ]
    with open_checkpoints(place.settings, now=datetime.now(UTC)) as saver:
        assert [one.config["configurable"]["thread_id"] for one in saver.list(None)] == ["other"]


def test_what_is_erased_is_not_looked_for_again(place: Workspace) -> None:
    erase(place)
    again = erase(place)
    assert (again.drafts, again.actions, again.conversations, again.rows) == (0, 0, 0, 0)


def test_nothing_is_erased_while_an_action_on_the_person_runs(place: Workspace) -> None:
    with place.store.session() as session:
        session.add(action(9, {"to": MAIL}, ActionStatus.APPLYING.value))
    with pytest.raises(TransientError, match="is being carried out"):
        erase(place)
    with place.store.session() as session:
        assert session.get_one(Contact, 1).name == NAME


def test_only_who_may_erases_and_only_with_a_reason(place: Workspace) -> None:
    rep = Principal(7, "Anna", Role.REP)
    with pytest.raises(NotAllowed):
        erase_person(place, "contact:1", reason="asked to", principal=rep, now=NOW)
    with pytest.raises(BadInput, match="reason"):
        erase_person(place, "contact:1", reason=" ", principal=OWNER, now=NOW)
    with pytest.raises(NotFound):
        erase(place, "contact:99")


def test_all_that_is_kept_of_a_person_is_given_out(place: Workspace) -> None:
    with place.store.session() as session:
        person = find_person(session, "contact:1", principal=OWNER)
        given = export_person(session, person, principal=OWNER)
    assert given["records"][0]["email"] == MAIL
    assert [one["id"] for one in given["conversations"]] == [21]
    assert SAID in given["said"][0]["text"]
    assert given["actions"][0]["payload"] == {"to": MAIL}
    assert len(given["details"]) == 1


def test_a_name_that_somebody_else_has_too_is_no_mark(place: Workspace) -> None:
    with place.store.session() as session:
        session.add(Contact(**sourced(3), name=NAME.upper(), account_id=1))
        session.flush()
        person = find_person(session, "contact:1", principal=OWNER)
    assert NAME not in person.marks.texts
    assert MAIL in person.marks.texts


@pytest.mark.parametrize(
    ("mark", "text", "left"),
    [
        ("Ann Lee", "Ann  LEE and Ann Leeds", f"{BLOTTED} and Ann Leeds"),
        ("王小明", "请联系王小明先生", f"请联系{BLOTTED}先生"),
        ("Jörg Lee", "参与者Jörg Lee：致电jörg lee先生", f"参与者{BLOTTED}：致电{BLOTTED}先生"),
        ("a.b@c.example", "发到a.b@c.example吧", f"发到{BLOTTED}吧"),
        ("+86 755 8152", "请打+86 755 8152联系", f"请打{BLOTTED}联系"),
        ("Ann Lee", "Ann Lee는 왔다, アンAnn Leeさん", f"{BLOTTED}는 왔다, アン{BLOTTED}さん"),
        ("a.b@c.example", "to A.B@C.example.", f"to {BLOTTED}."),
        ("Bob", "Bob stays", "Bob stays"),
        ("王", "王府井", "王府井"),
    ],
)
def test_marks_are_found_whole_and_whatever_their_case(mark: str, text: str, left: str) -> None:
    assert Marks.of([mark]).blotted(text) == left
    assert Marks.of([mark]).blotted({"x": [text]}) == {"x": [left]}


def with_colleague(place: Workspace) -> None:
    """Anna Zephyrine, user 5: a letter, an approval, a private mail and a shared call of hers."""
    with place.store.session() as session:
        add_user(session, 5, LEAVER, email=LEAVERS_MAIL, title="Rep", role="rep")
        add_user(session, 6, "Bo Colleague", email="bo@us.example")
        session.add(Alias(entity="user", entity_id=5, name="Zephy"))
        for number, private in ((30, True), (31, True), (32, False)):
            add_conversation(session, number, [(LEAVER, f"{LEAVER} here, {LEAVERS_MAIL}")])
            talk = session.get_one(Conversation, number)
            talk.is_private, talk.owner_id = private, 5
        session.flush()
        for one in session.scalars(select(Participant).where(Participant.name == LEAVER)):
            one.user_id, one.email = 5, LEAVERS_MAIL
        session.add(Participant(conversation_id=31, position=9, name="Bo", side="ours", user_id=6))
        for number, status in ((10, "open"), (11, "accepted")):
            letter = draft(number, {"sender": LEAVER, "body": f"Best, {LEAVER}"})
            letter.user_id = letter.author_id = 5
            letter.status, letter.learned, letter.difference = status, {"x": 1}, [["a", LEAVER]]
            session.add(letter)
        for number, status in ((20, "waiting"), (21, "applied")):
            one = action(number, {"from": LEAVERS_MAIL, "n": number}, status)
            one.payload_sha256 = digest_of(one.kind, one.payload)
            one.proposer_id = 5
            session.add(one)
        session.add(
            StyleFact(
                subject="user:5", language="en", aspect="sign_off", key="", value="Yours, Zephy",
                is_removed=False, set_at=NOW, set_by=LEAVER,
            )
        )  # fmt: skip
        session.add(
            AccessGrant(
                user_id=5, kind="account", object_id=1, reason=f"for {LEAVER}", granted_by="Olga",
                created_at=NOW,
            )
        )  # fmt: skip
        said = Deed("action.apply", "action:5", before={"x": 1}, after={"from": LEAVERS_MAIL})
        record(session, said, principal=Principal(5, LEAVER, Role.REP), now=NOW)
    place.index.index_texts([30, 31, 32])
    place.index.embed_pending()
    with open_checkpoints(place.settings, now=datetime.now(UTC)) as saver:
        put(saver, "5:mine", "What is the forecast?")
        put(saver, "55:not-mine", "What is the forecast?")


LEAVER, LEAVERS_MAIL = "Annabel Zephyrine", "zephyrine@us.example"


def test_no_file_keeps_the_name_or_address_of_a_colleague_who_left(place: Workspace) -> None:
    with_colleague(place)
    traces = (b"nnabel Zeph", LEAVERS_MAIL.encode(), b"Zephy")
    files = [path for path in place.settings.workspace_dir.rglob("*") if path.is_file()]
    assert all(any(trace in path.read_bytes() for path in files) for trace in traces)

    made = erase(place, "user:5")

    files = [path for path in place.settings.workspace_dir.rglob("*") if path.is_file()]
    assert [path.name for trace in traces for path in files if trace in path.read_bytes()] == []
    assert (made.records, made.conversations, made.drafts, made.actions) == (("user:5",), 1, 1, 1)
    assert (made.details, made.threads) == (1, 1)


def test_records_approvals_and_the_chain_of_a_colleague_stay_verifiable(place: Workspace) -> None:
    with_colleague(place)
    with place.store.session() as session:
        approved = session.scalars(
            select(ProposedAction.payload_sha256).where(ProposedAction.key == "k21")
        ).one()
    erase(place, "user:5")
    with place.store.session() as session:
        user = session.get_one(User, 5)
        assert (user.name, user.email, user.is_active, user.deleted_at) == (
            "[user 5]", None, False, None,
        )  # fmt: skip
        assert session.get(Conversation, 30) is None
        assert session.get_one(Conversation, 31).owner_id == 5
        assert (
            "[user 5]"
            in session.scalars(select(Segment.text).where(Segment.conversation_id == 32)).one()
        )
        letter = session.scalars(select(SavedDraft).where(SavedDraft.author_id == 5)).one()
        assert (letter.payload["body"], letter.learned, letter.difference) == (
            "Best, [user 5]", None, None,
        )  # fmt: skip
        waited, done = session.scalars(
            select(ProposedAction).where(ProposedAction.proposer_id == 5)
        ).all()
        assert (waited.status, done.status) == (ActionStatus.EXPIRED, ActionStatus.APPLIED)
        assert (done.payload["from"], done.payload_sha256) == ("[user 5]", approved)
        *_, (_, detail) = session.execute(
            select(AuditEvent, AuditDetail.body)
            .join(AuditDetail, AuditDetail.seq == AuditEvent.seq)
            .where(AuditEvent.action == "person.erase")
        ).all()
        assert detail["after"]["payloads"] == {str(done.id): digest_of(done.kind, done.payload)}
        assert session.scalars(select(AccessGrant)).one().revoked_at == NOW
        assert session.scalars(select(StyleFact)).all() == []
        applied = session.execute(
            select(AuditDetail.body, AuditEvent.person)
            .join(AuditEvent, AuditEvent.seq == AuditDetail.seq)
            .where(AuditEvent.object == "action:5")
        ).one()
        assert applied.body["after"] == {"from": "[user 5]"}
        assert (applied.body["before"], applied.person) == ({"x": 1}, "user:5")
        found = verify_trail(session)
        assert (found.faults, found.reworded, found.erased) == ((), 1, 0)


def test_a_reworded_detail_that_is_changed_again_is_told(place: Workspace) -> None:
    with_colleague(place)
    erase(place, "user:5")
    with place.store.session() as session:
        seq = session.scalars(select(AuditEvent.seq).where(AuditEvent.object == "action:5")).one()
        session.get_one(AuditDetail, seq).body = {"before": None, "after": {"from": "[user 6]"}}
    with place.store.session() as session:
        assert [(one.seq, one.what) for one in verify_trail(session).faults] == [
            (seq, "its detail was changed")
        ]


def test_nobody_erases_himself(place: Workspace) -> None:
    with_colleague(place)
    ops = Principal(5, LEAVER, Role.OPERATIONS)
    with pytest.raises(NotAllowed, match="himself"):
        erase_person(place, "user:5", reason="gone", principal=ops, now=NOW)


def test_settings_that_name_a_colleague_are_told_and_left(place: Workspace) -> None:
    with_colleague(place)
    place.settings.sources_file.write_text(f"mailbox: {{owner: {LEAVERS_MAIL}}}\n", "utf-8")
    assert erase(place, "user:5").left_files == (str(place.settings.sources_file),)


@pytest.mark.slow
def test_postgresql_keeps_no_trace_in_its_tables_either(postgres_url: str) -> None:
    store = Store(postgres_url)
    store.migrate()
    fill(store)
    with store.session() as session:
        person = find_person(session, "contact:1", principal=OWNER)
        naming = details_naming(session, person)
        asked: dict[str, Any] = {"principal": OWNER, "now": NOW}
        erase_details(session, person.address, reason="asked to", naming=naming, **asked)
        blot_out(session, person, **asked)
        session.execute(delete(Conversation).where(Conversation.id.in_(person.conversation_ids)))
    with store.session() as session:
        kept = "".join(
            str(session.execute(select(table)).all()) for table in Base.metadata.sorted_tables
        )
        assert verify_trail(session).faults == ()
    store.close()
    assert "maria@acme.example" in kept
    for trace in (NAME, NAME.upper(), MAIL, PHONE, HAN, SAID):
        assert trace not in kept


def test_an_email_finds_whose_it_is_and_never_reads_as_nobody(place: Workspace) -> None:
    with place.store.session() as session:
        session.add(Lead(**sourced(7), name=NAME, email=MAIL.upper()))
        session.add(Lead(**sourced(8), name="Someone", email="shared@x.example"))
        session.add(Contact(**sourced(8), name="Other", email="shared@x.example"))
        session.flush()
        assert resolve_address(session, f" {MAIL.upper()}") == "contact:1"
        assert resolve_address(session, f"email:{MAIL}") == "contact:1"
        assert resolve_address(session, "user:3") == "user:3"
        with pytest.raises(NotFound, match=r"nobody@x\.example"):
            resolve_address(session, "nobody@x.example")
        session.add(Contact(**sourced(9), name="Another", email="shared@x.example"))
        session.flush()
        with pytest.raises(Ambiguous):
            resolve_address(session, "shared@x.example")


def test_what_the_crm_has_with_a_person_is_given_out(place: Workspace) -> None:
    with place.store.session() as session:
        session.add(Case(**sourced(1), subject="Broken", status="open", contact_id=1))
        session.add(Activity(**sourced(2), kind="note", subject="Lunch", contact_id=1))
        session.add(Activity(**sourced(3), kind="note", subject="Theirs", contact_id=2))
        session.flush()
        person = find_person(session, "contact:1", principal=OWNER)
        given = export_person(session, person, principal=OWNER)
    assert [one["subject"] for one in given["cases"]] == ["Broken"]
    assert [one["subject"] for one in given["activities"]] == ["Lunch"]


@pytest.mark.parametrize(("colleagues", "left"), [(0, BLOTTED), (1, "Bram Hartmann")])
def test_the_account_of_a_private_customer_loses_its_name(
    place: Workspace, colleagues: int, left: str
) -> None:
    with place.store.session() as session:
        add_account(session, 9, "Bram Hartmann")
        add_account(session, 10, "Elsewhere")
        people = ((50, "Bram Hartmann", 9), (51, "Bram Hartmann", 10), (52, "Li Na", 9))
        for number, name, account in people[: 2 + colleagues]:
            session.add(Contact(**sourced(number), name=name, account_id=account))
    erase(place, "contact:50")
    with place.store.session() as session:
        assert session.get_one(Account, 9).name == left
        assert session.get_one(Contact, 51).name == "Bram Hartmann"
