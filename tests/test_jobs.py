"""Jobs on the real engine: enqueued once, run, listed, and taken up again after a kill."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from copilot.jobs import steps
from copilot.jobs.engine import JobEngine
from copilot.jobs.listing import JobState, cancel_job, list_jobs, opened
from copilot.jobs.pulse import Pulse, check_room
from copilot.jobs.workplace import Workplace
from crm.errors import BadInput, NotFound, PermanentError, TransientError
from crm.index.conversations import ConversationIndex
from crm.index.filters import SearchFilters
from crm.models import Conversation, PendingRecording
from crm.principal import Principal
from crm.store import Store
from ingest.sources.source import Cursor, Pulled, Source
from ingest.transcripts.sources import CallSource
from tests.scripted_source import ScriptedSource
from tests.test_transcripts_importer import FixedTranscriber

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)


def workplace(store: Store, *sources: Source) -> Workplace:
    return Workplace(
        store=store,
        index=ConversationIndex(store),
        sources={source.name: source for source in sources},
        transcriber=lambda: pytest.fail("no recording was brought"),
        model=lambda: None,
        hints=list,
        principal=Principal.local_owner(),
        clock=lambda: NOW,
        rejects_dir=Path(str(store.engine.url.database)).parent / "rejects",
    )


def count(store: Store) -> int:
    with store.session() as session:
        return session.scalar(select(func.count()).select_from(Conversation)) or 0


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'jobs.db'}"


def test_what_a_source_brings_is_stored_and_searchable_by_words(store: Store, url: str) -> None:
    place = workplace(store, ScriptedSource())
    engine = JobEngine(place)
    with engine.running(url):
        handle = engine.pull("chats")
        engine.drain(lambda: None)
        assert handle is not None
        report = handle.get_result()

    assert (report["created"], report["error"]) == (10, None)
    with store.session() as session:
        hits = place.index.search(
            session, "offer 7", principal=place.principal, filters=SearchFilters(), limit=1
        )
    assert "number 7" in hits[0].text


def test_a_source_that_waits_already_is_not_enqueued_twice(store: Store, url: str) -> None:
    may_begin = Event()

    def wait(_start: int) -> None:
        may_begin.wait(20)

    engine = JobEngine(workplace(store, ScriptedSource(before=wait)))
    with engine.running(url):
        first, second = engine.pull("chats"), engine.pull("chats")
        may_begin.set()
        engine.drain(lambda: None)
        again = engine.pull("chats")
        engine.drain(lambda: None)
        assert first is not None
        assert second is not None
        assert again is not None
        assert second.get_result()["created"] == 10

    assert second.workflow_id == first.workflow_id != again.workflow_id


def test_what_the_records_refuse_a_job_is_an_outcome_with_advice(store: Store, url: str) -> None:
    def refuse(_start: int) -> None:
        full = sqlite3.OperationalError("database or disk is full")
        raise OperationalError("INSERT", {}, full)

    engine = JobEngine(workplace(store, ScriptedSource(before=refuse)))
    with engine.running(url):
        handle = engine.pull("chats")
        engine.drain(lambda: None)
        assert handle is not None
        found = handle.get_result()

    assert found["error_kind"] == "PermanentError"
    assert "make room" in found["error"]


def test_jobs_that_nobody_works_on_end_the_waiting(store: Store, url: str) -> None:
    """As where what became of a job could not be noted: it seems to run for ever."""
    engine = JobEngine(workplace(store, ScriptedSource()), _pulse=Pulse(still_s=0.5))
    with engine.running(url):
        engine.unfinished = lambda: 1  # type: ignore[method-assign]
        with pytest.raises(TransientError, match="not taken up"):
            engine.drain(lambda: None, fills=False)


def test_a_long_job_is_no_standstill() -> None:
    pulse = Pulse(still_s=0.3)
    with pulse.working():
        time.sleep(0.4)
        pulse.check(1)
    time.sleep(0.4)
    pulse.check(0)
    time.sleep(0.4)
    with pytest.raises(TransientError):
        pulse.check(1)


def test_a_full_disk_ends_jobs_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_room(tmp_path)
    free = type(shutil.disk_usage(tmp_path))(10**9, 10**9 - 4096, 4096)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: free)
    with pytest.raises(PermanentError, match="make room"):
        check_room(tmp_path)


def test_a_failed_job_is_listed_with_its_reason_and_does_not_stop_others(
    store: Store, url: str
) -> None:
    def refuse(_start: int) -> None:
        raise TransientError("the server 'mail.example.com' is out of reach")

    engine = JobEngine(workplace(store, ScriptedSource("bad", before=refuse), ScriptedSource()))
    with engine.running(url):
        engine.pull("bad")
        engine.pull("chats")
        engine.drain(lambda: None)

    with opened(url) as client:
        jobs = {job.subject: job for job in list_jobs(client)}
        failed = list_jobs(client, state=JobState.FAILED)
    assert jobs["chats"].state is JobState.DONE
    assert jobs["bad"].error == "the server 'mail.example.com' is out of reach"
    assert [job.subject for job in failed] == ["bad"]
    assert count(store) == 10


def test_an_unknown_source_is_an_outcome_not_a_crash(store: Store, url: str) -> None:
    engine = JobEngine(workplace(store))
    with engine.running(url):
        handle = engine.pull("nowhere")
        engine.drain(lambda: None)
        assert handle is not None
        assert handle.get_result()["error_kind"] == "NotFound"


def test_stopped_it_ends_soon_and_the_next_run_goes_on(store: Store, url: str) -> None:
    source = ScriptedSource(size=30)
    place = workplace(store, source)
    source.before = lambda start: place.board.stop() if start == 9 else None
    engine = JobEngine(place)
    with engine.running(url):
        engine.pull("chats")
        engine.drain(lambda: None)

    before = count(store)
    assert 9 <= before < 30
    again = JobEngine(workplace(store, ScriptedSource(size=30)))
    with again.running(url):
        again.pull("chats")
        again.drain(lambda: None)
    assert count(store) == 30


def test_two_recordings_of_one_name_in_two_folders_are_two_conversations(
    store: Store, url: str, tmp_path: Path
) -> None:
    class Recorder(ScriptedSource):
        def pull(self, cursor: Cursor | None, *, now: datetime) -> Iterator[Pulled]:
            yield Pulled(cursor={"next": 1}, recordings=tuple(recordings))

    recordings = [CallSource(tmp_path / name / "audio_only.m4a", None, name) for name in "ab"]
    for number, recording in enumerate(recordings):
        recording.path.parent.mkdir()
        recording.path.write_bytes(bytes([number]))
    place = replace(workplace(store, Recorder()), transcriber=FixedTranscriber)
    engine = JobEngine(place)
    with engine.running(url):
        engine.pull("chats")
        engine.drain(lambda: None)

    with store.session() as session:
        found = session.scalars(select(Conversation.external_id)).all()
        waiting = session.scalars(select(PendingRecording)).all()
    assert sorted(found) == ["a", "b"]
    assert waiting == []


def test_a_job_that_keeps_failing_is_tried_once_a_run_and_does_not_hold_it_up(
    store: Store, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def refuse(_place: Workplace, conversation_id: int) -> None:
        tried.append(conversation_id)
        raise TransientError("the endpoint 'http://model.example.com' is out of reach")

    monkeypatch.setattr(steps, "understand", refuse)
    recording = tmp_path / "call" / "audio_only.m4a"
    recording.parent.mkdir()
    recording.write_bytes(b"sound")
    call = Pulled(cursor={"next": 1}, recordings=(CallSource(recording, None, "call"),))
    source = ScriptedSource()
    monkeypatch.setattr(source, "pull", lambda _cursor, **_when: iter([call]))
    engine = JobEngine(replace(workplace(store, source), transcriber=FixedTranscriber))
    with engine.running(url):
        engine.pull("chats")
        engine.drain(lambda: None)
        first = list(tried)
        engine.drain(lambda: None)

    assert len(first) == 1
    assert tried == first * 2


def test_only_jobs_that_have_not_ended_can_be_cancelled(store: Store, url: str) -> None:
    engine = JobEngine(workplace(store, ScriptedSource()))
    with engine.running(url):
        engine.pull("chats")
        engine.drain(lambda: None)

    with opened(url) as client:
        done = list_jobs(client)[0]
        with pytest.raises(BadInput, match="done"):
            cancel_job(client, done.id)
        with pytest.raises(NotFound, match="'nothing'"):
            cancel_job(client, "nothing")


KILLED = """
import os, sys
from crm.store import Store
from pathlib import Path
from copilot.jobs import steps
from copilot.jobs.engine import JobEngine
from ingest.sources.source import Cursor, Pulled, Source
from ingest.transcripts.sources import CallSource
from tests.scripted_source import ScriptedSource
from tests.test_transcripts_importer import FixedTranscriber
from tests.test_jobs import workplace

folder = Path(sys.argv[1])
store = Store.sqlite(folder / "crm.db")
source = ScriptedSource(size=30, before=lambda start: os._exit(9) if start == 12 else None)
engine = JobEngine(workplace(store, source))
with engine.running(f"sqlite:///{folder / 'jobs.db'}"):
    engine.pull("chats")
    engine.drain(lambda: None)
"""


def test_a_killed_job_is_taken_up_without_being_asked_for(
    store: Store, url: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    ended = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": "."})
    assert ended.returncode == 9
    assert count(store) == 12

    source = ScriptedSource(size=30)
    engine = JobEngine(workplace(store, source))
    with engine.running(url):
        engine.drain(lambda: None)

    assert source.starts[0] == 12
    assert count(store) == 30
