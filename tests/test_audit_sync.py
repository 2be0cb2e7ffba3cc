"""What a sync deletes because its source did leaves an event for each, told from people's deeds."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from copilot.jobs import steps
from crm.audit.exporting import Wanted, export_trail
from crm.audit.verifying import verify_trail
from crm.index.forgetting import forget_conversations
from crm.models import Account, Conversation
from crm.principal import Principal
from crm.store import Store
from ingest.sources.source import Gone
from tests.scripted_source import ScriptedSource
from tests.test_jobs import workplace
from tests.test_source_records import Take, take

__all__ = ["take"]


def events(store: Store, action: str) -> list[dict[str, Any]]:
    with store.session() as session:
        assert verify_trail(session).faults == ()
        return list(export_trail(session, Wanted(action=action), principal=Principal.local_owner()))


def test_a_mail_that_is_gone_at_its_source_leaves_who_deleted_it(store: Store) -> None:
    steps.pull(workplace(store, ScriptedSource(size=3)), "chats")
    with store.session() as session:
        gone_id = session.scalars(
            select(Conversation.id).where(Conversation.external_id == "chat-1")
        ).one()
    gone = (Gone("conversations", "chat-1", stored_as="scripted"),
            Gone("conversations", "never-seen", stored_as="scripted"))  # fmt: skip
    steps.pull(workplace(store, ScriptedSource(size=4, gone=gone)), "chats")

    (event,) = events(store, "conversation.forget")
    assert (event["object"], event["person"], event["agent"]) == (
        f"conversation:{gone_id}", "owner", "sync",
    )  # fmt: skip
    assert event["detail"]["after"] == {"gone_from": "chats"}
    with store.session() as session:
        assert session.get(Conversation, gone_id) is None


def test_the_event_is_there_before_the_deletion(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.pull(workplace(store, ScriptedSource(size=3)), "chats")

    def killed(*_args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(steps, "forget_conversations", killed)
    gone = (Gone("conversations", "chat-1", stored_as="scripted"),)
    place = workplace(store, ScriptedSource(size=4, gone=gone))
    with pytest.raises(KeyboardInterrupt):
        steps.pull(place, "chats")
    assert len(events(store, "conversation.forget")) == 1
    monkeypatch.setattr(steps, "forget_conversations", forget_conversations)
    steps.pull(place, "chats")
    with store.session() as session:
        names = session.scalars(select(Conversation.external_id)).all()
    assert "chat-1" not in names


def test_a_record_that_is_gone_leaves_an_event_in_the_same_transaction(
    store: Store, take: Take, tmp_path: Path
) -> None:
    take(firms=[{"id": "9", "name": "A"}, {"id": "10", "name": "B"}])
    with store.session() as session:
        row_id = session.scalars(select(Account.id).where(Account.external_id == "9")).one()
    take(gone=(Gone("firms", "9"), Gone("firms", "unheard")))
    take(gone=(Gone("firms", "9"),))

    (event,) = events(store, "record.gone")
    assert (event["object"], event["agent"]) == (f"account:{row_id}", "sync")
    assert event["detail"]["after"]["source"] == "crm"
