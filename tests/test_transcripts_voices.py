"""Recordings in the store: voices and their names, words with times, and what was expected."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select, update

from crm.models import (
    Account,
    Contact,
    NameBasis,
    Opportunity,
    OpportunityLine,
    Product,
    Segment,
    Stage,
    User,
    VoiceName,
)
from crm.principal import Principal
from crm.store import Store
from ingest.speech.channels import Channel
from ingest.speech.parts import PartStore
from ingest.speech.transcriber import Transcript, Utterance
from ingest.speech.words import Word
from ingest.transcripts.importer import import_calls

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)


@dataclass
class SaidTranscriber:
    """Hears these utterances: channel, voice, words."""

    said: Sequence[tuple[Channel, str | None, str]]
    hints: list[tuple[str, ...]] = field(default_factory=list)

    def transcribe(
        self,
        path: Path,
        *,
        language: str | None,
        hints: Sequence[str],
        progress: Callable[[float], None] | None,
        parts: PartStore | None = None,
    ) -> Transcript:
        self.hints.append(tuple(hints))
        utterances = tuple(
            Utterance(
                channel, n * 1000, n * 1000 + 900, text, 0.75,
                (Word(f" {text}", n * 1000, n * 1000 + 900, 0.75),), voice,
            )
            for n, (channel, voice, text) in enumerate(self.said)
        )  # fmt: skip
        return Transcript(utterances, language or "en", len(self.said) * 1000)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    path.write_bytes(b"sound")
    return path


def _import(store: Store, path: Path, transcriber: SaidTranscriber) -> None:
    import_calls(
        store, path, transcriber=transcriber, hints=("Harbour",),
        principal=Principal.local_owner(), now=NOW,
    )  # fmt: skip


def _segments(store: Store) -> list[tuple[str, str | None]]:
    with store.session() as session:
        rows = session.execute(select(Segment.speaker, Segment.voice).order_by(Segment.position))
        return [(row.speaker, row.voice) for row in rows]


def _voices(store: Store) -> list[tuple[str, str, str]]:
    with store.session() as session:
        rows = session.execute(
            select(VoiceName.voice, VoiceName.name, VoiceName.basis).order_by(VoiceName.voice)
        )
        return [(row.voice, row.name, row.basis) for row in rows]


def test_words_are_kept_with_their_times_and_probabilities(store: Store, recording: Path) -> None:
    _import(store, recording, SaidTranscriber([("mono", None, "Hello."), ("mono", None, "Hi.")]))
    with store.session() as session:
        second = session.scalars(select(Segment).order_by(Segment.position)).all()[1]
        assert second.words == [[" Hi.", 1000, 1900, 0.75]]
        assert (second.confidence, second.voice, second.speaker) == (0.75, None, "Speaker 1")


def test_voice_that_introduces_itself_is_named_and_the_other_stays_a_number(
    store: Store, recording: Path
) -> None:
    recording.with_suffix(".json").write_text('{"participants": [{"name": "Anna Meyer"}]}')
    said = [
        ("mono", "Speaker 1", "Hello?"),
        ("mono", "Speaker 2", "Hi, this is Anna from Harborline."),
    ]
    _import(store, recording, SaidTranscriber(said))  # type: ignore[arg-type]
    assert _segments(store) == [("Speaker 1", "Speaker 1"), ("Anna Meyer", "Speaker 2")]
    assert _voices(store) == [("Speaker 2", "Anna Meyer", NameBasis.SAID)]


def test_stated_channels_are_certain_and_listed_ones_are_not(store: Store, recording: Path) -> None:
    recording.with_suffix(".json").write_text(
        '{"participants": [{"name": "Bob", "channel": "right"}, {"name": "Anna"}, {"name": "Eve"}]}'
    )
    _import(store, recording, SaidTranscriber([("left", None, "So."), ("right", None, "Yes.")]))
    assert _segments(store) == [("Anna", "left"), ("Bob", "right")]
    assert _voices(store) == [
        ("left", "Anna", NameBasis.INVITED),
        ("right", "Bob", NameBasis.STATED),
    ]
    with store.session() as session:
        sure = {row.voice: row.confidence for row in session.scalars(select(VoiceName))}
    assert sure["right"] == 1.0
    assert sure["left"] < 0.6


def test_corrected_name_survives_a_new_title(store: Store, recording: Path) -> None:
    said = [("mono", "Speaker 1", "Hi, this is Anna."), ("mono", "Speaker 2", "Hello.")]
    transcriber = SaidTranscriber(said)  # type: ignore[arg-type]
    sidecar = recording.with_suffix(".yaml")
    sidecar.write_text("participants: [{name: Anna Meyer}]\n")
    _import(store, recording, transcriber)
    assert _voices(store) == [("Speaker 1", "Anna Meyer", NameBasis.SAID)]
    with store.session() as session:
        session.execute(
            update(VoiceName).values(name="Hanna", confidence=1.0, basis=NameBasis.CORRECTED)
        )
    sidecar.write_text("title: New\nparticipants: [{name: Anna Meyer}]\n")
    _import(store, recording, transcriber)
    assert len(transcriber.hints) == 1
    assert _voices(store) == [("Speaker 1", "Hanna", NameBasis.CORRECTED)]


def test_people_and_deal_are_expected_before_everything_else(store: Store, recording: Path) -> None:
    base = {"source": "t", "synced_at": NOW}
    with store.session() as session:
        session.add_all(
            [
                User(id=4, name="Anna Meyer", email="anna@ours.example", external_id="u", **base),
                Account(id=1, name="Northvale Foods", external_id="A1", **base),
                Account(id=2, name="Elsewhere Ltd", external_id="A2", **base),
                Contact(id=5, name="Marcus Bell", account_id=1, external_id="c1", **base),
                Contact(id=6, name="Eve Other", account_id=2, external_id="c2", **base),
                Contact(id=7, name="Gone Person", account_id=1, external_id="c3",
                        deleted_at=NOW, **base),
                Stage(id=1, name="Open", position=1, status="open", external_id="s", **base),
            ]
        )  # fmt: skip
        session.flush()
        session.add_all(
            [
                Opportunity(id=1, name="Gateways", account_id=1, owner_id=4, stage_id=1,
                            currency="USD", competitor="Rivalsoft", external_id="D1", **base),
                Product(id=1, name="EdgeBox", external_id="p1", **base),
                Product(id=2, name="Unrelated", external_id="p2", **base),
            ]
        )  # fmt: skip
        session.flush()
        session.add(
            OpportunityLine(opportunity_id=1, product_id=1, quantity=Decimal(1), external_id="l",
                            **base)
        )  # fmt: skip
    recording.with_suffix(".yaml").write_text(
        "opportunity: D1\n"
        "participants: [{name: Anna Meyer, email: anna@ours.example}, {name: Tom}]\n"
    )
    transcriber = SaidTranscriber([("mono", None, "Hello.")])
    _import(store, recording, transcriber)
    assert transcriber.hints == [
        ("Anna Meyer", "Tom", "Northvale Foods", "EdgeBox", "Rivalsoft", "Marcus Bell", "Harbour")
    ]
