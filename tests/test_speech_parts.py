"""Long recordings are heard part by part; a process that is killed loses none that is finished."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sqlalchemy import func, select

from crm.errors import BadInput, TransientError
from crm.models import Conversation, HeardPart, Segment
from crm.principal import Principal
from crm.store import Store
from ingest.speech import cutting
from ingest.speech.activity import find_speech, windows_of
from ingest.speech.channels import open_sound
from ingest.speech.cutting import cut_parts
from ingest.speech.diarizer import VoicePrint
from ingest.speech.finished import FinishedPart, PrintRoll
from ingest.speech.hearing import hear_recording
from ingest.speech.parts import StoredParts, forget_stale_parts
from ingest.speech.transcriber import Transcript
from ingest.speech.words import Word
from ingest.transcripts.importer import import_calls
from tests.speech_world import (
    CALL,
    CHINESE_CALL,
    RATE,
    ScriptedDiarizer,
    ScriptedRecogniser,
    tone,
    write_wave,
)

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut after 4 to 7 s, so that half a minute is a long recording."""
    monkeypatch.setattr(cutting, "EARLIEST_CUT", 4 * RATE)
    monkeypatch.setattr(cutting, "LATEST_CUT", 7 * RATE)


def _beginning(folder: Path, recording: Path) -> Path:
    blocks = [block for block, _ in zip(open_sound(recording).blocks(), range(3), strict=False)]
    tracks = (np.concatenate([block[name] for block in blocks]) for name in blocks[0])
    return write_wave(folder / "call.wav", *(0.9 * track.astype(np.float64) for track in tracks))


@pytest.fixture(scope="module")
def stereo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of a call, a speaker a channel."""
    return _beginning(tmp_path_factory.mktemp("stereo"), CALL)


@pytest.fixture(scope="module")
def mono(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of a call, both speakers in one channel."""
    return _beginning(tmp_path_factory.mktemp("mono"), CHINESE_CALL)


def _kept(store: Store) -> int:
    with store.session() as session:
        return session.scalar(select(func.count()).select_from(HeardPart)) or 0


def _texts(transcript: Transcript) -> list[tuple[int, int, str]]:
    return [(one.start_ms, one.end_ms, one.text) for one in transcript.utterances]


def test_parts_lie_end_to_end_and_are_cut_in_pauses(stereo: Path) -> None:
    sound = open_sound(stereo)
    parts = list(cut_parts(sound))
    assert [part.number for part in parts] == list(range(len(parts)))
    assert [part.start for part in parts] == [0, *(part.end for part in parts[:-1])]
    assert parts[-1].end == sound.samples
    assert all(4 * RATE <= part.end - part.start <= 7 * RATE for part in parts[:-1])
    for part in parts[:-1]:
        ends = [track[-RATE // 10 :] for track in part.tracks.values()]
        assert max(float(np.abs(end).max()) for end in ends) < 0.05


def test_known_ends_cut_the_same_without_looking_for_pauses(
    stereo: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = open_sound(stereo)
    ends = [part.end for part in cut_parts(sound)]
    monkeypatch.setattr(cutting, "_find_cut", lambda tracks: pytest.fail("looked for a pause"))
    assert [part.end for part in cut_parts(sound, ends)] == ends


def test_speech_without_a_pause_is_cut_all_the_same(tmp_path: Path) -> None:
    track = np.concatenate([tone(20) + 0.1 * np.sin(np.arange(20 * RATE) / 7)])
    parts = list(cut_parts(open_sound(write_wave(tmp_path / "a.wav", track))))
    assert sum(part.end - part.start for part in parts) == 20 * RATE


def test_speech_lies_in_order_in_windows_that_are_short_enough(mono: Path) -> None:
    track = next(iter(cut_parts(open_sound(mono)))).tracks["mono"]
    activity = find_speech(track)
    edges = [edge for span in activity.spans for edge in (span.start, span.end)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= len(track)
    for window in windows_of(activity.spans):
        assert sum(span.end - span.start for span in window) <= 30 * RATE


def test_every_channel_is_heard_in_every_part_and_progress_only_grows(stereo: Path) -> None:
    recogniser, told = ScriptedRecogniser(), list[float]()
    transcript = hear_recording(stereo, recogniser=recogniser, progress=told.append)
    parts = list(cut_parts(open_sound(stereo)))
    assert len(recogniser.starts_ms) > len(parts)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(set(told)) > len(parts)
    starts = [one.start_ms for one in transcript.utterances]
    assert starts == sorted(starts)
    assert {one.channel for one in transcript.utterances} == {"left", "right"}
    assert starts[-1] > 25_000


def test_words_keep_their_times_and_probabilities(stereo: Path) -> None:
    transcript = hear_recording(stereo, recogniser=ScriptedRecogniser())
    for one in transcript.utterances:
        assert one.text == "".join(word.text for word in one.words).strip()
        assert one.start_ms == one.words[0].start_ms
        assert one.confidence == pytest.approx(0.9)
        assert all(word.start_ms <= word.end_ms for word in one.words)


def test_language_is_asked_for_once_and_not_at_all_if_stated(stereo: Path) -> None:
    recogniser = ScriptedRecogniser(language="de")
    assert hear_recording(stereo, recogniser=recogniser).language == "de"
    assert set(recogniser.languages) == {"de"}
    assert recogniser.windows_asked == len(open_sound(stereo).windows)
    stated = ScriptedRecogniser(language="de")
    assert hear_recording(stereo, recogniser=stated, language="en").language == "en"
    assert stated.windows_asked == 0


def test_sound_without_speech_is_never_given_to_the_recogniser(tmp_path: Path) -> None:
    recogniser = ScriptedRecogniser()
    with pytest.raises(BadInput, match="no speech"):
        hear_recording(write_wave(tmp_path / "a.wav", tone(20)), recogniser=recogniser)
    assert recogniser.starts_ms == []


def test_only_chinese_is_rewritten_in_simplified_script(mono: Path) -> None:
    said = ("價格,", "還", "可以!")
    for language, expected in (("zh", "价格，还可以！"), ("ja", "價格,還可以!")):
        recogniser = ScriptedRecogniser(words=said, language=language)
        transcript = hear_recording(mono, recogniser=recogniser)
        assert expected in "".join(one.text for one in transcript.utterances)
        words = [word.text for one in transcript.utterances for word in one.words]
        assert expected in "".join(words)


def test_mono_is_cut_where_the_voice_changes_and_stereo_needs_no_diarizer(
    stereo: Path, mono: Path
) -> None:
    diarizer = ScriptedDiarizer(turn_ms=5_000)
    transcript = hear_recording(mono, recogniser=ScriptedRecogniser(), diarizer=diarizer)
    assert {one.voice for one in transcript.utterances} == {"Speaker 1", "Speaker 2"}
    assert transcript.utterances[0].voice == "Speaker 1"
    assert len(diarizer.listened) > 3
    assert diarizer.listened == sorted(diarizer.listened)
    unheard = ScriptedDiarizer()
    stereo = hear_recording(stereo, recogniser=ScriptedRecogniser(), diarizer=unheard)
    assert unheard.listened == []
    assert {one.voice for one in stereo.utterances} == {None}


def test_finished_parts_are_not_heard_again(stereo: Path, store: Store) -> None:
    whole = hear_recording(stereo, recogniser=ScriptedRecogniser())
    first = _FailingRecogniser(fails_at=6)
    with pytest.raises(TransientError):
        hear_recording(stereo, recogniser=first, parts=StoredParts(store, NOW))
    kept = _kept(store)
    assert kept >= 2
    second = ScriptedRecogniser()
    again = hear_recording(stereo, recogniser=second, parts=StoredParts(store, NOW))
    ends = [part.end for part in cut_parts(open_sound(stereo))]
    assert min(second.starts_ms) * RATE >= (ends[kept - 1] - 1) * 1000
    assert second.windows_asked == 0
    assert _texts(again) == _texts(whole)


class _FailingRecogniser(ScriptedRecogniser):
    def __init__(self, fails_at: int) -> None:
        super().__init__()
        self.fails_at = fails_at

    def recognise(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        if len(self.starts_ms) + 1 == self.fails_at:
            raise TransientError("out of reach")
        return super().recognise(*args, **kwargs)


@pytest.mark.parametrize(
    "change", [{"language": "de"}, {"hints": ["Anna"]}, {"model": "another"}, {"voices": True}]
)
def test_parts_heard_otherwise_are_not_reused(
    mono: Path, store: Store, change: dict[str, object]
) -> None:
    hear_recording(mono, recogniser=ScriptedRecogniser(), parts=StoredParts(store, NOW))
    other = ScriptedRecogniser(name=str(change.pop("model", "scripted")))
    diarizer = ScriptedDiarizer() if change.pop("voices", False) else None
    hear_recording(
        mono, recogniser=other, diarizer=diarizer, parts=StoredParts(store, NOW), **change
    )  # type: ignore[arg-type]
    assert other.starts_ms[0] < 10_000


_CHILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from crm.principal import Principal
from crm.store import Store
from ingest.speech import cutting
from tests.speech_world import RATE, ScriptedDiarizer, ScriptedRecogniser
from tests.test_speech_parts import scripted_transcriber
from ingest.transcripts.importer import import_calls

cutting.EARLIEST_CUT, cutting.LATEST_CUT = 4 * RATE, 7 * RATE
database, recording, log, dies_at = sys.argv[1:]
store = Store.sqlite(Path(database))
recogniser = ScriptedRecogniser(dies_at=int(dies_at), log=Path(log))
import_calls(
    store, Path(recording), transcriber=scripted_transcriber(recogniser, ScriptedDiarizer()),
    principal=Principal.local_owner(), now=datetime(2026, 11, 16, 9, tzinfo=UTC),
)
store.close()
"""


def scripted_transcriber(
    recogniser: ScriptedRecogniser, diarizer: ScriptedDiarizer
) -> Callable[[], SimpleNamespace]:
    def transcribe(path: Path, **given: object) -> Transcript:
        return hear_recording(path, recogniser=recogniser, diarizer=diarizer, **given)  # type: ignore[arg-type]

    return lambda: SimpleNamespace(transcribe=transcribe)


def _run_child(database: Path, recording: Path, log: Path, *, dies_at: int) -> int:
    command = [sys.executable, "-c", _CHILD, str(database), str(recording), str(log), str(dies_at)]
    done = subprocess.run(command, check=False, cwd=Path(__file__).parents[1])
    return done.returncode


def _segments(store: Store) -> list[tuple[str, int | None, str, object]]:
    with store.session() as session:
        rows = session.execute(
            select(Segment.speaker, Segment.start_ms, Segment.text, Segment.words).order_by(
                Segment.conversation_id, Segment.position
            )
        )
        return [tuple(row) for row in rows]  # type: ignore[misc]


@pytest.fixture
def unbroken(mono: Path, tmp_path: Path) -> Iterator[Store]:
    """A store into which the Chinese call went without a stop."""
    store = Store.sqlite(tmp_path / "unbroken.db")
    store.migrate()
    import_calls(
        store, mono,
        transcriber=scripted_transcriber(ScriptedRecogniser(), ScriptedDiarizer()),
        principal=Principal.local_owner(), now=NOW,
    )  # fmt: skip
    yield store
    store.close()


@pytest.mark.slow
def test_killed_process_goes_on_after_its_last_finished_part(
    mono: Path, store: Store, unbroken: Store, tmp_path: Path
) -> None:
    database, log = tmp_path / "crm.db", tmp_path / "heard.log"
    assert _run_child(database, mono, log, dies_at=3) == 9
    assert _kept(store) == 2
    assert _run_child(database, mono, log, dies_at=2) == 9
    assert _kept(store) == 3
    assert _run_child(database, mono, log, dies_at=0) == 0
    starts = [int(line) for line in log.read_text().splitlines()]
    once = sorted(set(starts))
    # The two parts at work when the process died are heard twice, no other is.
    assert starts == [*once[:3], once[2], once[3], *once[3:]]
    assert _segments(store) == _segments(unbroken)
    assert _kept(store) == 0
    with store.session() as session:
        assert session.scalar(select(func.count()).select_from(Conversation)) == 1


def test_parts_go_with_the_transaction_that_stores_the_recording(unbroken: Store) -> None:
    assert _kept(unbroken) == 0
    assert len(_segments(unbroken)) > 5


def test_voices_of_a_mono_recording_are_stored_with_words(unbroken: Store) -> None:
    with unbroken.session() as session:
        rows = list(session.scalars(select(Segment).order_by(Segment.position)))
        assert {row.voice for row in rows} == {"Speaker 1", "Speaker 2"}
        assert rows[0].speaker == "Speaker 1"
        assert rows[0].confidence == pytest.approx(0.9)
        assert rows[0].words is not None
        assert rows[0].words[0][1] == rows[0].start_ms


def test_parts_that_nobody_came_back_for_are_deleted_after_thirty_days(store: Store) -> None:
    old, young = (StoredParts(store, NOW - timedelta(days=days)) for days in (31, 29))
    old.keep("old", 0, {})
    young.keep("young", 0, {})
    with store.session() as session:
        forget_stale_parts(session, NOW)
    with store.session() as session:
        assert list(session.scalars(select(HeardPart.recording))) == ["young"]


def test_part_comes_back_from_the_store_as_it_went_in(store: Store) -> None:
    vector = tuple(np.random.default_rng(1).normal(size=8).astype(np.float32).tolist())
    part = FinishedPart(
        end=5, language=None, dropped=2, prints=PrintRoll([VoicePrint(0, 9, vector)]),
        words={"mono": (Word(" 好", 1, 2, 0.5), Word("。", 2, 3, None))},
    )  # fmt: skip
    StoredParts(store, NOW).keep("x", 0, part.to_json())
    back = FinishedPart.from_json(StoredParts(store, NOW).read("x")[0])
    assert (back.end, back.language, back.dropped, back.words) == (5, None, 2, part.words)
    assert list(back.prints) == [VoicePrint(0, 9, vector)]


def test_roll_of_prints_reads_like_a_list() -> None:
    prints: Sequence[VoicePrint] = [VoicePrint(n, n + 1, (1.0, 0.0)) for n in range(4)]
    roll = PrintRoll(prints)
    assert (len(roll), roll[-1], list(roll[1:3])) == (4, prints[3], prints[1:3])
