"""Jobs, sources and identities on PostgreSQL, where several machines share one database."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, text

from copilot.jobs import steps
from copilot.jobs.engine import JobEngine
from copilot.jobs.workplace import Workplace
from copilot.locks import locked, locked_on_server
from copilot.settings import Settings
from copilot.wiring import Installation
from crm.errors import TransientError
from crm.index.chroma import ChromaIndex
from crm.index.conversations import ConversationIndex
from crm.index.forgetting import forget_conversations
from crm.models import Conversation, PendingRecording
from crm.store import Store
from ingest.sources.source import Pulled, Source
from ingest.transcripts.sources import CallSource
from tests.conversation_seed import WordEmbedder, add_conversation
from tests.postgres import postgres_url
from tests.scripted_source import ScriptedSource
from tests.test_cli_errors import run
from tests.test_identity_decisions import (
    crm,
    test_a_decision_on_a_name_holds_within_its_company_only,
    test_a_person_beats_rules_and_addresses_also_later_ones,
    test_people_met_before_the_crm_knew_them_are_tied_later,
    test_two_contacts_of_one_person_are_shown_as_one_until_undone,
    test_undoing_restores_what_files_had_stated,
)
from tests.test_jobs import (
    count,
    test_a_failed_job_is_listed_with_its_reason_and_does_not_stop_others,
    test_a_source_that_waits_already_is_not_enqueued_twice,
    test_only_jobs_that_have_not_ended_can_be_cancelled,
    test_stopped_it_ends_soon_and_the_next_run_goes_on,
    test_what_a_source_brings_is_stored_and_searchable_by_words,
    workplace,
)
from tests.test_postgres_end_to_end import new_database
from tests.test_source_run import (
    test_a_source_that_fails_keeps_what_came_before_and_goes_on_from_there,
    test_only_what_the_source_calls_gone_is_forgotten,
    test_the_next_run_reads_only_what_is_new,
)
from tests.test_transcripts_importer import FixedTranscriber

__all__ = [
    "crm",
    "postgres_url",
    "test_a_decision_on_a_name_holds_within_its_company_only",
    "test_a_failed_job_is_listed_with_its_reason_and_does_not_stop_others",
    "test_a_person_beats_rules_and_addresses_also_later_ones",
    "test_a_source_that_fails_keeps_what_came_before_and_goes_on_from_there",
    "test_a_source_that_waits_already_is_not_enqueued_twice",
    "test_only_jobs_that_have_not_ended_can_be_cancelled",
    "test_only_what_the_source_calls_gone_is_forgotten",
    "test_people_met_before_the_crm_knew_them_are_tied_later",
    "test_stopped_it_ends_soon_and_the_next_run_goes_on",
    "test_the_next_run_reads_only_what_is_new",
    "test_two_contacts_of_one_person_are_shown_as_one_until_undone",
    "test_undoing_restores_what_files_had_stated",
    "test_what_a_source_brings_is_stored_and_searchable_by_words",
]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def template(postgres_url: str) -> Iterator[str]:
    """The name of a database with all tables, of which others are copies."""
    with new_database(postgres_url, "jobs_template") as url:
        store = Store(Settings.load(database_url=url).sqlalchemy_url)
        store.migrate()
        store.close()
        yield "jobs_template"


@pytest.fixture
def url(postgres_url: str, template: str) -> Iterator[str]:
    with new_database(postgres_url, "jobs_tests", template=template) as address:
        yield Settings.load(database_url=address).sqlalchemy_url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    yield store
    store.close()


KILLED = """
import os, signal, sys
from crm.store import Store
from copilot.jobs.engine import JobEngine
from tests.scripted_source import ScriptedSource
from tests.test_jobs import workplace

def die(start):
    if start == 12:
        os.kill(os.getpid(), signal.SIGKILL)

engine = JobEngine(workplace(Store(sys.argv[1]), ScriptedSource(size=30, before=die)))
with engine.running(sys.argv[1]):
    engine.pull("chats")
    engine.drain(lambda: None)
"""


def test_a_job_killed_on_one_machine_is_taken_up_by_the_next(store: Store, url: str) -> None:
    command = [sys.executable, "-c", KILLED, url]
    ended = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": "."})
    assert ended.returncode == -signal.SIGKILL
    assert count(store) == 12

    source = ScriptedSource(size=30)
    engine = JobEngine(workplace(store, source))
    with engine.running(url):
        engine.drain(lambda: None)

    assert source.starts[0] == 12
    assert count(store) == 30


def test_recordings_of_another_machine_wait_for_it(store: Store, url: str, tmp_path: Path) -> None:
    here, there = tmp_path / "here" / "call.m4a", tmp_path / "there" / "call.m4a"
    here.parent.mkdir()
    here.write_bytes(b"sound")
    calls = tuple(CallSource(path, None, path.parent.name) for path in (here, there))

    class Recorder(ScriptedSource):
        def pull(self, cursor: object, *, now: object) -> Iterator[Pulled]:
            yield Pulled(cursor={"next": 1}, recordings=calls)

    place = replace(workplace(store, Recorder()), transcriber=FixedTranscriber)
    engine = JobEngine(place)
    with engine.running(url):
        engine.pull("chats")
        engine.drain(lambda: None)
        assert steps.transcribe(place, str(there)) == {"conversation_ids": [], "error": None}

    with store.session() as session:
        assert session.scalars(select(Conversation.external_id)).all() == ["here"]
        waiting = session.scalars(select(PendingRecording)).all()
    assert [(row.path, row.failures) for row in waiting] == [(str(there), 0)]


def test_machines_that_share_a_database_import_and_sync_one_at_a_time(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copilot.wiring.IMPORT_WAIT_S", 0.05)
    one, two = (
        Installation(Settings.load(home=tmp_path / name, database_url=url)) for name in "ab"
    )
    with one.importing(), one.syncing():
        with pytest.raises(TransientError, match="another import"), two.importing():
            pytest.fail("two imports at once")
        with pytest.raises(TransientError, match="being synced"), two.syncing():
            pytest.fail("two syncs at once")
    with two.importing(), two.syncing():
        pass


def test_a_lock_that_a_restart_of_the_server_took_is_noticed_and_free(
    url: str, tmp_path: Path, store: Store
) -> None:
    installation = Installation(Settings.load(home=tmp_path, database_url=url))
    ends = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with installation.syncing() as hold:
        hold.check()
        with store.session() as session:
            session.execute(ends)
        with pytest.raises(TransientError, match="out of reach"):
            hold.check()
    with installation.syncing() as hold:
        hold.check()


HOLDER = """
import sys, time
from copilot.jobs.workplace import Workplace
from copilot.locks import locked_on_server
with locked_on_server(sys.argv[1], "import.lock", wait_s=0) as is_mine:
    print(bool(is_mine), flush=True)
    time.sleep(600)
"""


def test_the_server_frees_the_lock_of_a_process_that_was_killed(url: str, tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"True\n"
    with locked(tmp_path, "import.lock", wait_s=0.2, database_url=url) as is_mine:
        assert not is_mine
    holder.kill()
    holder.communicate()
    with locked(tmp_path, "import.lock", wait_s=30, database_url=url) as is_mine:
        assert is_mine


def test_a_lock_is_gone_with_its_connection_and_the_work_goes_on(store: Store, url: str) -> None:
    with locked_on_server(url, "import.lock", wait_s=0) as is_mine:
        assert is_mine
        with store.engine.connect() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
            )
        assert count(store) == 0
    with locked_on_server(url, "import.lock", wait_s=30) as is_mine:
        assert is_mine


def embedding_workplace(store: Store, folder: Path, *sources: Source) -> Workplace:
    """Return the workplace of a machine whose vectors lie in the folder."""
    vectors = ChromaIndex(folder, embedder_name="words")
    index = ConversationIndex(store, embedder=WordEmbedder(), vectors=vectors)
    return replace(workplace(store, *sources), index=index)


def test_a_sync_embeds_here_what_another_machine_embedded(
    store: Store, url: str, tmp_path: Path
) -> None:
    there = embedding_workplace(store, tmp_path / "there", ScriptedSource(size=3)).index
    here = embedding_workplace(store, tmp_path / "here", ScriptedSource(size=3))
    add_talks(store, there)
    engine = JobEngine(here)
    with engine.running(url):
        engine.drain(lambda: None, fills=False)
        assert ChromaIndex(tmp_path / "here", embedder_name="words").count() == 0
        engine.drain(lambda: None)
    assert ChromaIndex(tmp_path / "here", embedder_name="words").count() == 3
    assert (here.index.pending(), there.find_missing()) == (0, 0)


def test_a_second_machine_embeds_with_index_and_drops_what_the_first_forgot(
    store: Store, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = embedding_workplace(store, tmp_path / "first").index
    add_talks(store, first)
    monkeypatch.setattr("copilot.index_models.make_embedder", lambda _settings: WordEmbedder())
    monkeypatch.setenv("SALES_COPILOT_HOME", str(tmp_path / "second"))
    monkeypatch.setenv("SALES_COPILOT_DATABASE_URL", url)
    health = run("health", "--json").stdout
    assert "3 have their vectors on another machine" in health
    assert json.loads(run("index", "--json").stdout)["embedded"] == 3
    assert json.loads(run("index", "--json").stdout)["embedded"] == 0
    mine = ChromaIndex(Settings.load(home=tmp_path / "second").index_dir, embedder_name="words")
    assert len(mine.ids()) == 3
    forget_conversations(store, first, [2])
    run("index", "--json")
    assert [one.partition(":")[0] for one in mine.ids()] == ["1", "3"]


def add_talks(store: Store, index: ConversationIndex) -> None:
    with store.session() as session:
        for number in (1, 2, 3):
            said = [("Mary", f"We need gateway {number}.")]
            add_conversation(session, number, said, kind="email")
    index.index_texts([1, 2, 3])
    assert index.embed_pending() == 3
