"""Reading a source: portions and cursors together, errors reported, nothing lost or doubled."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from crm.errors import TransientError
from crm.models import Conversation, PendingRecording, SourceState
from crm.principal import Principal
from crm.store import Store
from ingest.sources.run import Intake, Interrupted, SourceReport, Stored, read_source
from ingest.sources.source import Cursor, Gone, Pulled, Source, TableRows
from ingest.transcripts.sources import CallSource
from tests.scripted_source import FIRST_DAY, ScriptedSource

FILES = Path("recordings")
NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)


def read(store: Store, source: Source, intake: Intake | None = None) -> SourceReport:
    return read_source(
        store, source, intake or Intake(), principal=Principal.local_owner(), clock=lambda: NOW
    )


def stored_ids(store: Store) -> list[str]:
    with store.session() as session:
        return list(session.scalars(select(Conversation.external_id).order_by(Conversation.id)))


def state_of(store: Store, name: str = "chats") -> SourceState:
    with store.session() as session:
        return session.get_one(SourceState, name)


def test_everything_comes_in_once_and_the_state_tells_of_it(store: Store) -> None:
    report = read(store, ScriptedSource())

    assert stored_ids(store) == [f"chat-{number}" for number in range(10)]
    assert (report.read, report.created, report.error) == (10, 10, None)
    state = state_of(store)
    assert state.cursor == {"next": 10}
    assert (state.created, state.failures, state.error) == (10, 0, None)
    assert state.succeeded_at == state.finished_at == NOW
    assert state.newest_at == max_started(store)


def max_started(store: Store) -> datetime:
    with store.session() as session:
        newest = session.scalar(
            select(Conversation.started_at).order_by(Conversation.started_at.desc())
        )
    assert newest is not None
    assert newest > FIRST_DAY
    return newest


def test_the_next_run_reads_only_what_is_new(store: Store) -> None:
    read(store, ScriptedSource(size=6))
    later = ScriptedSource(size=8)

    report = read(store, later)

    assert later.starts == [6]
    assert report.created == 2


def test_a_source_that_fails_keeps_what_came_before_and_goes_on_from_there(store: Store) -> None:
    def break_at_six(start: int) -> None:
        if start == 6:
            raise TransientError("the mail server 'mail.example.com' is out of reach")

    report = read(store, ScriptedSource(before=break_at_six))

    assert report.error == "the mail server 'mail.example.com' is out of reach"
    assert report.error_kind == "TransientError"
    assert len(stored_ids(store)) == 6
    state = state_of(store)
    assert (state.failures, state.succeeded_at, state.cursor) == (1, None, {"next": 6})

    healthy = ScriptedSource()
    assert read(store, healthy).created == 4
    assert healthy.starts == [6, 9]
    assert (state_of(store).failures, state_of(store).error) == (0, None)


def test_failures_in_a_row_are_counted(store: Store) -> None:
    def refuse(_start: int) -> None:
        raise TransientError("busy")

    for _ in range(3):
        read(store, ScriptedSource(before=refuse))

    assert state_of(store).failures == 3


def test_asked_to_stop_it_stops_between_portions(store: Store) -> None:
    seen: list[int] = []
    intake = Intake(
        progress=lambda done, _total: seen.append(done), is_stopping=lambda: len(seen) >= 2
    )

    with pytest.raises(Interrupted):
        read(store, ScriptedSource(), intake)

    assert seen == [3, 6]
    assert state_of(store).cursor == {"next": 6}
    assert state_of(store).finished_at is None
    assert read(store, ScriptedSource()).created == 4


def test_a_cursor_of_another_kind_of_source_is_not_used(store: Store) -> None:
    read(store, ScriptedSource())
    other = ScriptedSource(size=2)
    other.kind = "other"  # type: ignore[misc]

    read(store, other)

    assert other.starts == [0]


def test_records_are_kept_before_their_cursor_and_counted(store: Store) -> None:
    kept: list[tuple[str, Cursor | None]] = []

    class Crm(ScriptedSource):
        def pull(self, cursor: Cursor | None, *, now: datetime):  # type: ignore[no-untyped-def]
            rows = ({"Id": "1", "Name": "Acme"},)
            gone = (Gone("Account", "2"),)
            yield Pulled(cursor={"next": 1}, tables=(TableRows("Account", rows),), gone=gone)

    def keep(tables: tuple[TableRows, ...], gone: tuple[Gone, ...]) -> Stored:
        kept.append((f"{tables[0].table} {gone[0].external_id}", state_of(store).cursor))
        return Stored(created=1, deleted=1, rejected=2)

    report = read(store, Crm(), Intake(keep_records=keep))

    assert kept == [("Account 2", None)]
    assert (report.created, report.deleted, report.rejected, report.read) == (1, 1, 2, 3)


def test_only_what_the_source_calls_gone_is_forgotten(store: Store) -> None:
    forgotten: list[str] = []
    gone = (Gone("conversations", "chat-1"), Gone("Account", "chat-2"))

    def forget(gone: list[Gone]) -> int:
        forgotten.extend(one.external_id for one in gone)
        return len(gone)

    report = read(store, ScriptedSource(size=3, gone=gone), Intake(forget=forget))

    assert forgotten == ["chat-1"]
    assert report.deleted == 1


def test_a_recording_waits_from_the_moment_the_cursor_has_passed_it(store: Store) -> None:
    class Recorder(ScriptedSource):
        def pull(self, cursor: Cursor | None, *, now: datetime):  # type: ignore[no-untyped-def]
            path = FILES / "call.ogg"
            yield Pulled(cursor={"next": 1}, recordings=(CallSource(path, None),))

    report = read(store, Recorder())

    with store.session() as session:
        waiting = session.scalars(select(PendingRecording)).all()
        count = session.scalar(select(func.count()).select_from(Conversation))
    assert [(row.path, row.source) for row in waiting] == [(str(FILES / "call.ogg"), "chats")]
    assert (report.recordings, count) == (1, 0)
