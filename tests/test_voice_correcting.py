"""A voice's corrected name reaches segments, participants and search, and survives a new import."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.errors import BadInput, NotFound
from crm.index.conversations import ConversationIndex
from crm.models import (
    Contact,
    Conversation,
    ConversationKind,
    NameBasis,
    Participant,
    Segment,
    Side,
    VoiceName,
)
from crm.principal import Principal
from crm.store import Store
from ingest.conversations import (
    Change,
    NamedVoice,
    ParsedConversation,
    ParsedSegment,
    store_conversation,
)
from ingest.correcting import correct_voice, list_voices
from ingest.identity import Hints, Person
from ingest.voice_labels import follow_voices
from tests.conversation_seed import add_account, sourced

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)


def said(voice: str | None, text: str, second: int, speaker: str | None = None) -> ParsedSegment:
    name = speaker or voice or "?"
    return ParsedSegment(name, text, second * 1000, second * 1000 + 4000, voice=voice)


CALL = ParsedConversation(
    source="calls",
    external_id="call-1",
    kind=ConversationKind.CALL,
    title="Renewal",
    started_at=datetime(2026, 11, 12, 9, tzinfo=UTC),
    participants=(Person("Anna Kim"), Person("Daniel")),
    segments=(
        said("Speaker 1", "Hi, this is Anna.", 0, "Anna Kim"),
        said("Speaker 2", "Hello, Daniel says the budget is fixed.", 5, "Daniel"),
        said("Speaker 3", "Agreed.", 10),
        said("Speaker 2", "Shall we meet on Friday?", 15, "Daniel"),
    ),
    content_sha256="1" * 64,
    hints=Hints(account="Acme"),
    voices=(
        NamedVoice("Speaker 1", "Anna Kim", 0.9, NameBasis.SAID),
        NamedVoice("Speaker 2", "Daniel", 0.7, NameBasis.ADDRESSED),
    ),
)


@pytest.fixture
def session(store: Store, owner: Principal) -> Iterator[Session]:
    with store.session() as session:
        add_account(session, 1, "Acme")
        session.add(Contact(**sourced(1), name="Priya Nair", account_id=1))
        session.flush()
        store_conversation(session, CALL, now=NOW, principal=owner)
        yield session


def speakers(session: Session) -> list[str]:
    return list(session.scalars(select(Segment.speaker).order_by(Segment.position)))


def people(session: Session) -> dict[str, tuple[str, int | None]]:
    rows = session.scalars(select(Participant).order_by(Participant.position))
    return {row.name: (row.side, row.contact_id) for row in rows}


def test_voices_are_listed_with_what_their_names_rest_on(
    session: Session, owner: Principal
) -> None:
    first, second, third = list_voices(session, 1, principal=owner)
    assert (first.voice, first.name, first.confidence, first.basis) == (
        "Speaker 1", "Anna Kim", 0.9, NameBasis.SAID,
    )  # fmt: skip
    assert (second.segments, second.first_ms, second.spoken_ms) == (2, 5_000, 8_000)
    assert second.first_words == "Hello, Daniel says the budget is fixed."
    assert (third.voice, third.name, third.confidence, third.basis) == (
        "Speaker 3", None, None, None,
    )  # fmt: skip


@pytest.mark.parametrize("called", ["Speaker 2", "speaker 2", "Daniel"])
def test_a_correction_reaches_segments_name_and_participants(
    session: Session, owner: Principal, called: str
) -> None:
    done = correct_voice(session, 1, called, "  Priya  Nair ", principal=owner)
    assert (done.voice, done.name, done.segments) == ("Speaker 2", "Priya Nair", 2)
    assert speakers(session) == ["Anna Kim", "Priya Nair", "Speaker 3", "Priya Nair"]
    row = session.scalars(select(VoiceName).where(VoiceName.voice == "Speaker 2")).one()
    assert (row.name, row.confidence, row.basis) == ("Priya Nair", 1.0, "corrected")
    # Daniel was known from the wrong name alone; Priya is the contact of that name.
    assert people(session) == {
        "Anna Kim": (Side.UNKNOWN, None),
        "Priya Nair": (Side.CUSTOMER, 1),
    }


def test_two_voices_may_be_one_person_and_each_can_be_corrected_again(
    session: Session, owner: Principal
) -> None:
    correct_voice(session, 1, "Speaker 3", "anna kim", principal=owner)
    assert speakers(session)[2] == "Anna Kim"
    with pytest.raises(BadInput, match="2 voices are called 'Anna Kim': name one of 'Speaker 1'"):
        correct_voice(session, 1, "Anna Kim", "Tom", principal=owner)
    correct_voice(session, 1, "Speaker 3", "Tom", principal=owner)
    assert speakers(session) == ["Anna Kim", "Daniel", "Tom", "Daniel"]
    assert "Anna Kim" in people(session)


def test_what_does_not_exist_is_refused_with_what_does(session: Session, owner: Principal) -> None:
    with pytest.raises(NotFound, match=r"no voice 'Speaker 9'.*'Speaker 1', 'Speaker 2'"):
        correct_voice(session, 1, "Speaker 9", "Tom", principal=owner)
    with pytest.raises(BadInput, match="is no name"):
        correct_voice(session, 1, "Speaker 2", " \x00 ", principal=owner)
    with pytest.raises(NotFound, match="no conversation 77"):
        list_voices(session, 77, principal=owner)


def test_a_deleted_conversation_is_neither_listed_nor_corrected(
    session: Session, owner: Principal
) -> None:
    session.get_one(Conversation, 1).deleted_at = NOW
    session.flush()
    with pytest.raises(NotFound):
        list_voices(session, 1, principal=owner)
    with pytest.raises(NotFound):
        correct_voice(session, 1, "Speaker 2", "Tom", principal=owner)


def test_a_new_import_keeps_the_correction(session: Session, owner: Principal) -> None:
    correct_voice(session, 1, "Speaker 2", "Priya Nair", principal=owner)
    anew = replace(CALL, title="Renewal again", content_sha256="2" * 64)
    assert store_conversation(session, anew, now=NOW, principal=owner).change is Change.UPDATED
    assert speakers(session) == ["Anna Kim", "Priya Nair", "Speaker 3", "Priya Nair"]
    rows = session.scalars(select(VoiceName).where(VoiceName.basis == "corrected")).all()
    assert [(row.voice, row.name, row.confidence) for row in rows] == [
        ("Speaker 2", "Priya Nair", 1.0)
    ]


def test_a_voice_is_followed_by_its_times_to_another_label() -> None:
    swapped = {"Speaker 1": "Speaker 2", "Speaker 2": "Speaker 1", "Speaker 3": "Speaker 3"}
    after = [replace(one, voice=swapped[one.voice or ""]) for one in CALL.segments]
    names = {"Speaker 2": "Priya Nair", "Speaker 3": "Tom"}
    assert follow_voices(names, CALL.segments, after) == {
        "Speaker 1": "Priya Nair",
        "Speaker 3": "Tom",
    }


def test_a_voice_that_is_gone_is_not_followed_and_one_without_times_keeps_its_label() -> None:
    later = [said("Speaker 2", "Something else.", 900)]
    assert follow_voices({"Speaker 2": "Priya Nair"}, CALL.segments, later) == {}
    written = [ParsedSegment("Unknown", "Hello."), ParsedSegment("Cleo", "Hi.")]
    names = {"Unknown": "Tom", "Nobody": "Zoe"}
    assert follow_voices(names, written, written) == {"Unknown": "Tom"}


def test_a_transcript_whose_file_names_the_speakers_can_be_corrected_too(
    session: Session, owner: Principal
) -> None:
    written = replace(
        CALL,
        external_id="call-2",
        participants=(),
        voices=(),
        segments=(
            ParsedSegment("Unknown", "Hello."),
            ParsedSegment("Cleo", "Hi."),
            ParsedSegment("Unknown", "Bye."),
        ),
    )
    number = store_conversation(session, written, now=NOW, principal=owner).conversation_id
    assert [one.name for one in list_voices(session, number, principal=owner)] == [None, "Cleo"]
    assert correct_voice(session, number, "Unknown", "Tom", principal=owner).segments == 2
    assert [one.name for one in list_voices(session, number, principal=owner)] == ["Tom", "Cleo"]


def test_passages_built_anew_are_found_by_the_corrected_name(
    store: Store, owner: Principal
) -> None:
    index = ConversationIndex(store)
    with store.session() as session:
        number = store_conversation(session, CALL, now=NOW, principal=owner).conversation_id
    index.index_texts([number])
    with store.session() as session:
        correct_voice(session, number, "Speaker 2", "Priya Nair", principal=owner)
    index.index_texts([number])
    with store.session() as session:
        hits = index.search(session, "budget fixed", principal=owner)
    assert "Priya Nair" in hits[0].speakers
    assert "Daniel" not in hits[0].speakers
