"""What a private source brings is shown to its owner and the people in it, until that changes."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from crm.access import visible
from crm.access.bindings import bindings_of
from crm.access.granting import set_private
from crm.access.policy import load_policy
from crm.access.scope import Scope
from crm.errors import BadInput, NotFound
from crm.models import Conversation, User
from crm.principal import Principal, Role
from crm.store import Store
from ingest.sources.privacy import Privacy
from ingest.sources.registry import SourceBook
from ingest.sources.run import Intake, read_source
from ingest.speech.transcriber import Transcriber
from ingest.transcripts.importer import import_calls
from ingest.transcripts.sources import CallSource
from tests.scripted_source import ScriptedSource

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
OWNER = Principal.local_owner()
PRIVATE = Privacy(is_private=True, owner="Anna@ours.example")
OPEN = Privacy()
ALL = {"chat-0", "chat-1", "chat-2"}


@pytest.fixture(autouse=True)
def people(store: Store) -> None:
    with store.session() as session:
        for number, name in enumerate(("anna", "bo"), start=1):
            session.add(
                User(
                    id=number, name=name, email=f"{name}@ours.example", role=Role.REP.value,
                    source="test", external_id=name, synced_at=NOW,
                )
            )  # fmt: skip


def sync(store: Store, name: str, privacy: Privacy, *, size: int = 3) -> str | None:
    """Read the source and return what went wrong."""
    source = ScriptedSource(name, size=size)
    intake = Intake(privacy=privacy)
    return read_source(store, source, intake, principal=OWNER, clock=lambda: NOW).error


def read_by(store: Store, user_id: int) -> set[str]:
    with store.session() as session:
        user = session.get_one(User, user_id)
        scope = Scope(load_policy(), Role.REP, bindings_of(session, user, at=NOW))
        caller = Principal(user_id, user.name, Role.REP, scopes=(scope,))
        statement = visible(select(Conversation.external_id), Conversation, caller)
        return set(session.scalars(statement))


def test_what_a_private_source_brings_is_its_owners(store: Store) -> None:
    sync(store, "annas", PRIVATE)
    assert (read_by(store, 1), read_by(store, 2)) == (ALL, set())


def test_a_later_change_holds_for_what_came_before(store: Store) -> None:
    sync(store, "annas", OPEN)
    assert read_by(store, 2) == ALL
    sync(store, "annas", PRIVATE)
    assert (read_by(store, 1), read_by(store, 2)) == (ALL, set())
    sync(store, "annas", Privacy(is_private=True, owner="bo@ours.example"))
    assert (read_by(store, 1), read_by(store, 2)) == (set(), ALL)
    sync(store, "annas", OPEN)
    assert (read_by(store, 1), read_by(store, 2)) == (ALL, ALL)


def test_what_an_open_source_brings_too_is_open(store: Store) -> None:
    sync(store, "annas", PRIVATE)
    sync(store, "shared", OPEN, size=1)
    assert read_by(store, 2) == {"chat-0"}
    sync(store, "shared", PRIVATE, size=1)
    assert read_by(store, 2) == set()


def test_what_a_person_said_of_a_conversation_comes_first(store: Store) -> None:
    sync(store, "annas", PRIVATE)
    with store.session() as session:
        ids = {one.external_id: one.id for one in session.scalars(select(Conversation))}
        set_private(session, ids["chat-1"], is_private=False, principal=OWNER, now=NOW)
        set_private(session, ids["chat-2"], is_private=True, principal=OWNER, now=NOW)
    assert read_by(store, 2) == {"chat-1"}
    sync(store, "annas", OPEN)
    assert read_by(store, 2) == {"chat-0", "chat-1"}
    sync(store, "annas", PRIVATE)
    assert read_by(store, 2) == {"chat-1"}


def test_a_transcript_is_as_private_as_the_folder_it_lay_in(store: Store, tmp_path: Path) -> None:
    sync(store, "calls", PRIVATE, size=0)
    path = tmp_path / "call.vtt"
    path.write_text(
        "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\n<v Priya Nair>Good morning to you.\n", "utf-8"
    )

    def transcriber() -> Transcriber:
        raise AssertionError("nothing is to be transcribed")

    source = CallSource(path, None, None, "calls")
    summary = import_calls(store, source, transcriber=transcriber, principal=OWNER, now=NOW)
    assert (summary.created, summary.rejects) == (1, ())
    assert (read_by(store, 1), read_by(store, 2)) == ({"call"}, set())


def test_an_owner_who_is_no_user_is_refused_and_nothing_read(store: Store) -> None:
    error = sync(store, "annas", Privacy(is_private=True, owner="carl@ours.example"))
    assert error is not None
    assert "'carl@ours.example' of the source 'annas' is no user" in error
    assert (read_by(store, 1), read_by(store, 2)) == (set(), set())


def test_any_kind_of_source_can_be_declared_private(tmp_path: Path) -> None:
    book = SourceBook(tmp_path / "sources.yaml")
    book.add("calls", {"kind": "folder", "path": str(tmp_path), "private": True})
    assert book.privacies() == {"calls": Privacy(is_private=True)}
    assert book.configs()["calls"].path == tmp_path  # type: ignore[attr-defined]
    book.set_private("calls", PRIVATE)
    assert book.privacies() == {"calls": PRIVATE}
    book.set_private("calls", OPEN)
    assert book.privacies() == {"calls": OPEN}
    with pytest.raises(NotFound):
        book.set_private("mail", PRIVATE)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"private": "yes please"}, "write true or false"),
        ({"owner": "anna@ours.example"}, "with private: true"),
        ({"private": True, "owner": 7}, "give the email"),
    ],
)
def test_privacy_that_cannot_be_meant_is_refused(
    tmp_path: Path, given: dict[str, object], said: str
) -> None:
    book = SourceBook(tmp_path / "sources.yaml")
    with pytest.raises(BadInput, match=said):
        book.add("calls", {"kind": "folder", "path": str(tmp_path), **given})
