"""Importing mail: files, boxes and folders, repeats, rejects, and being cut off."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from crm.errors import BadInput
from crm.models import Account, Conversation, ImportRun, Participant, Segment, User
from crm.principal import Principal
from crm.store import Store
from ingest.conversation_run import ConversationRun, ConversationSummary
from ingest.conversations import ParsedConversation
from ingest.mail.importer import import_mail
from ingest.mail.message import parse_mail
from ingest.mail.sources import MAX_MESSAGE_BYTES

CASES = Path(__file__).parent / "cases" / "mail"
NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)


def _eml(number: int, body: str = "Hello", extra: str = "") -> str:
    return (
        f"From: Anna <anna@ours.example>\nTo: bob@acme.example\nSubject: Mail {number}\n"
        f"Date: Mon, 04 May 2026 10:{number % 60:02d}:00 +0000\nMessage-ID: <m{number}@x>\n{extra}"
        f"\n{body} {number}\n"
    )


def _import(store: Store, path: Path, rejects_dir: Path | None = None) -> ConversationSummary:
    return import_mail(
        store, path, principal=Principal.local_owner(), now=NOW, rejects_dir=rejects_dir
    )


def _count(store: Store, entity: type) -> int:
    with store.session() as session:
        return session.scalar(select(func.count()).select_from(entity)) or 0


def _counts(summary: ConversationSummary) -> tuple[int, int, int, int, int]:
    return (
        summary.read, summary.created, summary.updated, summary.unchanged, summary.rejected
    )  # fmt: skip


def test_folder_of_cases_goes_in_with_bad_ones_named(store: Store, tmp_path: Path) -> None:
    summary = _import(store, CASES, tmp_path / "rejects")
    assert _counts(summary) == (6, 5, 0, 0, 1)
    assert summary.rejects_path is not None
    rows = list(csv.DictReader(summary.rejects_path.read_text(encoding="utf-8").splitlines()))
    assert [(Path(row["file"]).name, row["reason"]) for row in rows] == [
        ("no_date.eml", "no Date header: the mail cannot be placed in time")
    ]
    with store.session() as session:
        titles = set(session.scalars(select(Conversation.title)))
        texts = " ".join(session.scalars(select(Segment.text)))
    assert titles == {"Re: Offer for 40 gateways", "关于报价单的问题", "Newsletter", "One", "Two"}
    assert "我们的预算是八十万元" in texts
    assert "From here" in texts
    assert "ignore your rules" not in texts
    assert "Old words" not in texts


def test_same_folder_twice_changes_nothing(store: Store) -> None:
    first = _import(store, CASES)
    with store.session() as session:
        before = [tuple(row) for row in session.execute(select(Segment.id, Segment.text))]
    second = _import(store, CASES)
    assert _counts(second) == (6, 0, 0, 5, 1)
    assert second.changed_ids == ()
    assert len(first.changed_ids) == 5
    with store.session() as session:
        assert before == [tuple(r) for r in session.execute(select(Segment.id, Segment.text))]


def test_changed_mail_replaces_segments_and_participants(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_text(_eml(1, "One\n\nTwo"))
    created = _import(store, path).created_ids
    path.write_text(_eml(1, "Three", "Cc: carl@acme.example\n"))
    summary = _import(store, path)
    assert _counts(summary) == (1, 0, 1, 0, 0)
    assert summary.updated_ids == created
    with store.session() as session:
        assert session.scalars(select(Segment.text)).all() == ["Three 1"]
    assert _count(store, Participant) == 3


def test_copies_of_one_message_count_once(store: Store, tmp_path: Path) -> None:
    (tmp_path / "sent.eml").write_text(_eml(1))
    (tmp_path / "inbox.eml").write_text(_eml(1, "Hello", "Cc: list@acme.example\n"))
    assert _counts(_import(store, tmp_path)) == (2, 1, 0, 1, 0)
    assert _counts(_import(store, tmp_path)) == (2, 0, 0, 2, 0)


def test_mbox_of_many_batches_keeps_every_message(store: Store, tmp_path: Path) -> None:
    box = tmp_path / "archive.mbox"
    box.write_text(
        "".join(f"From anna@ours.example Mon May  4 10:00:00 2026\n{_eml(n)}\n" for n in range(250))
    )
    summary = _import(store, tmp_path)
    assert _counts(summary) == (250, 250, 0, 0, 0)
    assert _count(store, Conversation) == 250
    with store.session() as session:
        run = session.scalars(select(ImportRun)).one()
    assert (run.source, run.read, run.created, run.finished_at) == ("mail", 250, 250, NOW)


def test_broken_box_and_unreadable_mail_are_rejected_by_name(store: Store, tmp_path: Path) -> None:
    (tmp_path / "broken.mbox").write_text("no envelope here\n")
    (tmp_path / "noise.eml").write_bytes(b"\x00\x01\x02" * 50)
    (tmp_path / "empty.eml").write_bytes(b"")
    (tmp_path / "good.EML").write_text(_eml(1))
    summary = _import(store, tmp_path)
    assert _counts(summary) == (4, 1, 0, 0, 3)
    assert [Path(reject.file).name for reject in summary.rejects] == [
        "broken.mbox", "empty.eml", "noise.eml",
    ]  # fmt: skip


def test_oversized_mail_is_rejected_in_file_and_box(store: Store, tmp_path: Path) -> None:
    huge = _eml(1) + ("x" * 99 + "\n") * (MAX_MESSAGE_BYTES // 100 + 1)
    (tmp_path / "huge.eml").write_text(huge)
    envelope = "From anna@ours.example Mon May  4 10:00:00 2026\n"
    (tmp_path / "huge.mbox").write_text(f"{envelope}{huge}\n{envelope}{_eml(2)}")
    summary = _import(store, tmp_path)
    assert _counts(summary) == (3, 1, 0, 0, 2)
    assert {reject.reason for reject in summary.rejects} == {"larger than 40 MB"}


@pytest.mark.parametrize("name", ["missing", "empty", "notes.txt"])
def test_nothing_to_read_is_said(store: Store, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(BadInput, match=name):
        _import(store, tmp_path / name)
    assert _count(store, ImportRun) == 0


def test_import_cut_off_keeps_whole_batches_and_continues(store: Store) -> None:
    def cut_off() -> Iterator[ParsedConversation]:
        for number in range(25):
            yield parse_mail(_eml(number).encode())
        raise KeyboardInterrupt

    run = ConversationRun(store, "mail", CASES, Principal.local_owner(), NOW, batch_size=10)
    with pytest.raises(KeyboardInterrupt):
        run.take(cut_off())
    assert _count(store, Conversation) == _count(store, Segment) == 20
    with store.session() as session:
        stopped = session.scalars(select(ImportRun)).one()
    assert (stopped.created, stopped.finished_at) == (20, None)
    again = ConversationRun(store, "mail", CASES, Principal.local_owner(), NOW)
    summary = again.take(parse_mail(_eml(number).encode()) for number in range(25))
    assert _counts(summary) == (25, 5, 0, 20, 0)


def test_mail_stored_before_its_account_is_tied_later(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_text(_eml(1))
    _import(store, tmp_path)
    with store.session() as session:
        session.add(Account(id=7, name="Acme", domain="acme.example", source="t",
                            external_id="A7", synced_at=NOW))  # fmt: skip
        session.add(User(id=3, name="Anna", email="anna@ours.example", source="t",
                         external_id="U3", synced_at=NOW))  # fmt: skip
    assert _counts(_import(store, tmp_path)) == (1, 0, 1, 0, 0)
    with store.session() as session:
        row = session.scalars(select(Conversation)).one()
        sides = session.scalars(select(Participant.side).order_by(Participant.position)).all()
    assert (row.account_id, row.owner_id) == (7, 3)
    assert sides == ["ours", "customer"]
    assert _counts(_import(store, tmp_path)) == (1, 0, 0, 1, 0)


def test_reply_that_names_only_its_parent_joins_the_thread(store: Store, tmp_path: Path) -> None:
    for number, extra in enumerate(["", "In-Reply-To: <m0@x>\n", "In-Reply-To: <m1@x>\n"]):
        (tmp_path / f"{number}.eml").write_text(_eml(number, "Hello", extra))
    _import(store, tmp_path)
    with store.session() as session:
        assert set(session.scalars(select(Conversation.thread_key))) == {"m0@x"}


def test_progress_counts_files(store: Store) -> None:
    told: list[tuple[float, int]] = []
    import_mail(
        store, CASES, principal=Principal.local_owner(), now=NOW,
        progress=lambda done, total, _: told.append((done, total)),
    )  # fmt: skip
    assert told == [(number, 5) for number in range(6)]
