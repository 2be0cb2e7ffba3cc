"""Importing calls: transcripts and recordings, repeats, rejects, and what is left untouched."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from crm.errors import BadInput, PermanentError
from crm.models import Account, Contact, Conversation, Participant, Segment, User
from crm.principal import Principal
from crm.store import Store
from ingest.conversation_run import ConversationSummary
from ingest.speech.channels import Channel
from ingest.speech.parts import PartStore
from ingest.speech.transcriber import Transcriber, Transcript, Utterance
from ingest.transcripts.importer import import_calls

CASES = Path(__file__).parent / "cases" / "transcripts"
NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)


@dataclass
class FixedTranscriber:
    """Hears the same two sentences in every recording but those whose name says otherwise."""

    channels: tuple[Channel, Channel] = ("left", "right")
    heard: list[tuple[str, str | None, tuple[str, ...]]] = field(default_factory=list)

    def transcribe(
        self,
        path: Path,
        *,
        language: str | None,
        hints: Sequence[str],
        progress: Callable[[float], None] | None,
        parts: PartStore | None = None,
    ) -> Transcript:
        self.heard.append((path.name, language, tuple(hints)))
        if path.name.startswith("silent"):
            raise BadInput(f"{path.name!r} is silent")
        if path.name.startswith("killed"):
            raise KeyboardInterrupt
        if progress:
            progress(0.5)
        first, second = self.channels
        utterances = (Utterance(first, 0, 900, "Hello."), Utterance(second, 1000, 1900, "Hi."))
        return Transcript(utterances, language or "en", 2000)


def _import(
    store: Store, path: Path, transcriber: Transcriber | Callable[[], Transcriber] | None = None
) -> ConversationSummary:
    return import_calls(
        store, path, transcriber=transcriber or _no_model, hints=("Harbour",),
        principal=Principal.local_owner(), now=NOW, rejects_dir=path.parent / "rejects",
    )  # fmt: skip


def _no_model() -> Transcriber:
    raise PermanentError("no speech model")


def _counts(summary: ConversationSummary) -> tuple[int, int, int, int, int]:
    return (
        summary.read, summary.created, summary.updated, summary.unchanged, summary.rejected
    )  # fmt: skip


def _turns(store: Store) -> list[tuple[str, str]]:
    with store.session() as session:
        rows = session.execute(
            select(Segment.speaker, Segment.text).order_by(
                Segment.conversation_id, Segment.position
            )
        )
        return [(row.speaker, row.text) for row in rows]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "calls"
    folder.mkdir()
    return folder


def test_transcripts_go_in_without_a_speech_model(store: Store, folder: Path) -> None:
    shutil.copytree(CASES, folder, dirs_exist_ok=True)
    summary = _import(store, folder)
    assert _counts(summary) == (3, 3, 0, 0, 0)
    assert summary.rejects_path is None
    again = _import(store, folder)
    assert _counts(again) == (3, 0, 0, 3, 0)
    assert len(_turns(store)) == 4 + 3 + 3


def test_participants_are_tied_to_users_and_contacts(store: Store) -> None:
    with store.session() as session:
        session.add_all(
            [
                User(id=4, name="Anna Meyer", email="anna@ours.example", source="t",
                     external_id="u", synced_at=NOW),
                Contact(id=5, name="Bob Ray", email="bob@acme.example", source="t",
                        external_id="c", synced_at=NOW),
            ]
        )  # fmt: skip
    _import(store, CASES / "renewal.json")
    with store.session() as session:
        people = session.execute(
            select(Participant.user_id, Participant.contact_id, Participant.side)
        ).all()
        owner_id = session.scalars(select(Conversation.owner_id)).one()
    assert [tuple(row) for row in people] == [(4, None, "ours"), (None, 5, "customer")]
    assert owner_id == 4


def test_changed_transcript_replaces_its_segments(store: Store, folder: Path) -> None:
    path = folder / "a.srt"
    path.write_text("1\n00:00:00,0 --> 00:00:01,0\nOne\n\n2\n00:00:02,0 --> 00:00:03,0\nTwo\n")
    _import(store, path)
    path.write_text("1\n00:00:00,0 --> 00:00:01,0\nThree\n")
    assert _counts(_import(store, path)) == (1, 0, 1, 0, 0)
    assert _turns(store) == [("Speaker 1", "Three")]


def test_stereo_speakers_are_named_by_channel_then_by_order(store: Store, folder: Path) -> None:
    (folder / "a.wav").write_bytes(b"a")
    (folder / "a.json").write_text(
        '{"participants": [{"name": "Bob", "channel": "right"}, {"name": "Anna"}]}'
    )
    (folder / "b.ogg").write_bytes(b"b")
    transcriber = FixedTranscriber()
    assert _counts(_import(store, folder, transcriber)) == (2, 2, 0, 0, 0)
    assert _turns(store) == [
        ("Anna", "Hello."), ("Bob", "Hi."), ("Speaker 1", "Hello."), ("Speaker 2", "Hi."),
    ]  # fmt: skip
    assert transcriber.heard[0] == ("a.wav", None, ("Bob", "Anna", "Harbour"))


def test_mono_recording_has_one_unknown_speaker(store: Store, folder: Path) -> None:
    (folder / "通话 2026-05-04.mp3").write_bytes(b"a")
    (folder / "通话 2026-05-04.yaml").write_text("language: zh\ntitle: 报价\nid: 7\n")
    _import(store, folder, FixedTranscriber(channels=("mono", "mono")))
    assert _turns(store) == [("Speaker 1", "Hello."), ("Speaker 1", "Hi.")]
    with store.session() as session:
        row = session.scalars(select(Conversation)).one()
    assert (row.external_id, row.title, row.language) == ("7", "报价", "zh")
    assert row.started_at == datetime(2026, 5, 4, tzinfo=UTC)
    assert row.ended_at == datetime(2026, 5, 4, 0, 0, 2, tzinfo=UTC)
    assert row.media_path == str((folder / "通话 2026-05-04.mp3").resolve())


def test_unchanged_recording_is_known_before_it_is_transcribed(store: Store, folder: Path) -> None:
    recording = folder / "a.wav"
    recording.write_bytes(b"a")
    _import(store, folder, FixedTranscriber)
    assert _counts(_import(store, folder)) == (1, 0, 0, 1, 0)
    recording.write_bytes(b"b")
    with pytest.raises(PermanentError, match="no speech model"):
        _import(store, folder)
    assert _counts(_import(store, folder, FixedTranscriber)) == (1, 0, 1, 0, 0)


def test_new_title_or_account_of_a_recording_takes_no_transcription(
    store: Store, folder: Path
) -> None:
    with store.session() as session:
        session.add(Account(name="Acme", source="t", external_id="A1", synced_at=NOW))
    (folder / "a.wav").write_bytes(b"a")
    sidecar = folder / "a.yaml"
    sidecar.write_text("participants: [{name: Anna}, {name: Bob}]\n")
    _import(store, folder, FixedTranscriber())
    heard = _turns(store)
    sidecar.write_text("title: Price\naccount: A1\nparticipants: [{name: Anna}, {name: Bob}]\n")
    assert _counts(_import(store, folder)) == (1, 0, 1, 0, 0)
    assert _counts(_import(store, folder)) == (1, 0, 0, 1, 0)
    assert _turns(store) == heard
    with store.session() as session:
        row = session.scalars(select(Conversation)).one()
    assert (row.title, row.language, row.account_id is None) == ("Price", "en", False)
    assert row.ended_at is not None
    assert (row.ended_at - row.started_at).total_seconds() == 2


@pytest.mark.parametrize("said", ["language: zh", "participants: [{name: Eve}]"])
def test_new_language_or_speakers_of_a_recording_are_heard_again(
    store: Store, folder: Path, said: str
) -> None:
    (folder / "a.wav").write_bytes(b"a")
    _import(store, folder, FixedTranscriber())
    (folder / "a.yaml").write_text(f"{said}\n")
    transcriber = FixedTranscriber()
    assert _counts(_import(store, folder, transcriber)) == (1, 0, 1, 0, 0)
    assert len(transcriber.heard) == 1


def test_finished_recording_is_kept_when_the_next_is_killed(store: Store, folder: Path) -> None:
    for name in ("a.wav", "killed.wav"):
        (folder / name).write_bytes(b"a")
    (folder / "z.srt").write_text("1\n00:00:00,0 --> 00:00:01,0\nOne\n")
    with pytest.raises(KeyboardInterrupt):
        _import(store, folder, FixedTranscriber())
    with store.session() as session:
        assert session.scalar(select(func.count()).select_from(Conversation)) == 2


def test_bad_recording_is_rejected_and_the_others_go_in(store: Store, folder: Path) -> None:
    for name in ("a.wav", "silent.wav"):
        (folder / name).write_bytes(b"a")
    summary = _import(store, folder, FixedTranscriber())
    assert _counts(summary) == (2, 1, 0, 0, 1)
    assert summary.rejects_path is not None
    assert "'silent.wav' is silent" in summary.rejects_path.read_text(encoding="utf-8")


def test_recording_beside_its_transcript_is_not_transcribed(store: Store, folder: Path) -> None:
    (folder / "a.srt").write_text("1\n00:00:00,0 --> 00:00:01,0\nOne\n")
    (folder / "a.wav").write_bytes(b"a")
    assert _counts(_import(store, folder)) == (2, 1, 0, 1, 0)


def test_two_calls_with_one_name_are_not_mixed_up(store: Store, folder: Path) -> None:
    for place in ("x", "y"):
        (folder / place).mkdir()
        (folder / place / "call.srt").write_text(f"1\n00:00:00,0 --> 00:00:01,0\n{place}\n")
    summary = _import(store, folder)
    assert _counts(summary) == (2, 1, 0, 0, 1)
    assert "give one an `id`" in summary.rejects[0].reason


def test_progress_moves_within_a_recording(store: Store, folder: Path) -> None:
    (folder / "a.wav").write_bytes(b"a")
    told: list[float] = []
    import_calls(
        store, folder, transcriber=FixedTranscriber(), principal=Principal.local_owner(), now=NOW,
        progress=lambda done, _total, _label: told.append(done),
    )  # fmt: skip
    assert told == [0.0, 0.5, 1.0]
