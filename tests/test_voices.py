"""Voices are sorted by how they sound: prints made up for the purpose, and the real encoder's."""

from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from copilot.llm.modelfiles import ModelSet, find_models
from copilot.settings import Settings
from crm.errors import PermanentError
from evals.diarization import run
from evals.talks import channels_mixed, make_talk, noisy, telephone
from ingest.speech import voices as voices_module
from ingest.speech.activity import FRAME, Activity
from ingest.speech.channels import SAMPLE_RATE, Samples
from ingest.speech.clustering import sort_by_voice
from ingest.speech.diarizer import VoicePrint, VoiceTurn
from ingest.speech.voiceprint import VoiceEncoder, levelled, mel_frames
from ingest.speech.voices import VoiceDiarizer

HOP_MS = 400
WINDOW_MS = 1_600
RECORDINGS = files("ingest.demo.recordings")


def prints(*spans: tuple[str, float], seed: int = 0, spread: float = 0.04) -> list[VoicePrint]:
    """Prints of voices that take turns, (voice, seconds), each turn a stretch of its own."""
    chance = np.random.default_rng(seed)
    made: list[VoicePrint] = []
    at_ms = 0
    for voice, seconds in spans:
        centre = np.random.default_rng(sum(voice.encode())).random(256)
        for number in range(max(1, int(seconds * 1000 - WINDOW_MS) // HOP_MS + 1)):
            vector = np.maximum(centre / np.linalg.norm(centre) + chance.normal(0, spread, 256), 0)
            start = at_ms + number * HOP_MS
            unit = tuple((vector / np.linalg.norm(vector)).tolist())
            made.append(VoicePrint(start, start + WINDOW_MS, unit))
        at_ms = made[-1].end_ms + 500
    return made


@pytest.fixture
def diarizer(monkeypatch: pytest.MonkeyPatch) -> VoiceDiarizer:
    """One that can group, without the weights that only listening needs."""
    monkeypatch.setattr(voices_module, "VoiceEncoder", lambda path: None)
    return VoiceDiarizer(Path("unread.pt"))


def voices_of(turns: list[VoiceTurn]) -> list[int]:
    return [turn.voice for turn in turns]


def test_one_voice_is_not_split(diarizer: VoiceDiarizer) -> None:
    turns = diarizer.group(prints(*[("anna", 12.0)] * 8))
    assert set(voices_of(turns)) == {1}
    assert len(turns) == 8


@pytest.mark.parametrize("count", [2, 3, 5, 8])
def test_as_many_voices_are_found_as_speak(diarizer: VoiceDiarizer, count: int) -> None:
    names = [f"voice {number}" for number in range(count)]
    turns = diarizer.group(prints(*[(name, 8.0) for name in names * 4]))
    assert voices_of(turns) == list(range(1, count + 1)) * 4


def test_voices_are_numbered_in_the_order_of_their_first_words(diarizer: VoiceDiarizer) -> None:
    order = ["zoe", "adam", "mia"]
    assert voices_of(diarizer.group(prints(*[(name, 9.0) for name in order * 3])))[:3] == [1, 2, 3]


def test_a_voice_that_says_little_is_found_but_a_cough_is_none(diarizer: VoiceDiarizer) -> None:
    talk = [("anna", 20.0), ("anna", 20.0), ("tom", 6.0), ("anna", 20.0), ("anna", 20.0)]
    assert voices_of(diarizer.group(prints(*talk))) == [1, 1, 2, 1, 1]
    cough = [*talk[:2], ("cough", 0.5), *talk[3:]]
    assert set(voices_of(diarizer.group(prints(*cough)))) == {1}


@pytest.mark.parametrize("voices", [1, 2, 3, 4])
def test_a_known_number_of_voices_is_kept(diarizer: VoiceDiarizer, voices: int) -> None:
    talk = [("anna", 9.0), ("tom", 9.0), ("mia", 9.0)] * 3
    turns = diarizer.group(prints(*talk), voices=voices)
    assert set(voices_of(turns)) == set(range(1, voices + 1))


def test_a_change_within_speech_lies_between_the_two_voices(diarizer: VoiceDiarizer) -> None:
    first, second = prints(("anna", 20.0)), prints(("tom", 20.0))
    moved = [VoicePrint(p.start_ms + 18_800, p.end_ms + 18_800, p.vector) for p in second]
    turns = diarizer.group(first + moved)
    assert voices_of(turns) == [1, 2]
    assert turns[0].end_ms == turns[1].start_ms
    assert abs(turns[0].end_ms - 19_400) <= 600
    assert (turns[0].start_ms, turns[-1].end_ms) == (0, moved[-1].end_ms)


def test_turns_cover_what_was_listened_to_and_never_overlap(diarizer: VoiceDiarizer) -> None:
    talk = prints(*[("anna", 3.0), ("tom", 0.6), ("mia", 5.0), ("tom", 7.0)] * 6)
    turns = diarizer.group(talk)
    assert all(turn.start_ms < turn.end_ms for turn in turns)
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(turns))
    for one in talk:
        heard = sum(
            max(0, min(one.end_ms, turn.end_ms) - max(one.start_ms, turn.start_ms))
            for turn in turns
        )
        assert heard == one.end_ms - one.start_ms


def test_the_order_in_which_prints_come_does_not_matter(diarizer: VoiceDiarizer) -> None:
    talk = prints(*[("anna", 6.0), ("tom", 7.0)] * 4)
    assert diarizer.group(talk[::-1]) == diarizer.group(talk)


def test_nothing_few_and_equal_prints_are_grouped_without_a_fault(diarizer: VoiceDiarizer) -> None:
    assert diarizer.group([]) == []
    assert diarizer.group(prints(("anna", 1.0))) == [VoiceTurn(0, 1_600, 1)]
    assert set(voices_of(diarizer.group(prints(("anna", 60.0), spread=0.0)))) == {1}
    silent = VoicePrint(0, 1_600, (0.0,) * 256)
    assert diarizer.group([silent]) == [VoiceTurn(0, 1_600, 1)]


def test_a_long_talk_is_sorted_in_parts_and_comes_out_the_same() -> None:
    talk = prints(*[("anna", 9.0), ("tom", 7.0), ("mia", 12.0)] * 45)
    vectors = np.array([one.vector for one in talk])
    labels = sort_by_voice(vectors, np.ones(len(talk)))
    assert len(talk) > 2_000
    truth = np.repeat([0, 1, 2] * 45, [19, 14, 27] * 45)
    pairs = set(zip(truth.tolist(), labels.tolist(), strict=True))
    assert len(pairs) == 3


def test_the_mel_spectrum_is_that_of_the_published_encoder() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    mels = mel_frames(tone)
    assert mels.shape == (101, 40)
    # librosa 0.11: melspectrogram(y=tone, sr=16000, n_fft=400, hop_length=160, n_mels=40)
    assert mels[50].argmax() == TONE_BAND
    assert mels[50].max() == pytest.approx(TONE_POWER, rel=1e-3)
    assert mels[0].max() == pytest.approx(TONE_FIRST, rel=1e-3)


TONE_BAND, TONE_POWER, TONE_FIRST = 13, 104.51997, 40.138577


def test_quiet_speech_is_made_louder_and_loud_speech_left_alone() -> None:
    quiet = np.full(1000, 0.001, np.float32)
    loud = np.full(1000, 0.5, np.float32)
    assert float(np.abs(levelled(quiet, quiet)).mean()) == pytest.approx(0.0316, abs=1e-3)
    assert levelled(loud, loud) is loud
    assert not levelled(quiet * 0, quiet * 0).any()


def test_listening_covers_speech_and_nothing_else(
    diarizer: VoiceDiarizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Counting:
        def embed(self, windows: np.ndarray) -> np.ndarray:
            assert windows.shape[1:] == (160, 40)
            return np.full((len(windows), 256), 1 / 16, np.float32)

    likelihood = np.zeros(12 * SAMPLE_RATE // FRAME, np.float32)
    likelihood[32:188] = 0.9  # 1.0 to 6.0 s
    likelihood[250:256] = 0.9  # 0.2 s: too short beside its margins to matter
    likelihood[282:313] = 0.3  # never sure
    monkeypatch.setattr(voices_module, "find_speech", lambda samples: Activity(likelihood, ()))
    monkeypatch.setattr(diarizer, "_encoder", Counting(), raising=False)
    noise = np.random.default_rng(0).normal(0, 0.1, 12 * SAMPLE_RATE).astype(np.float32)
    heard = diarizer.listen(noise, offset_ms=60_000)
    long = [one for one in heard if one.start_ms < 67_000]
    assert (long[0].start_ms, long[-1].end_ms) == (60_964, 66_074)
    assert all(one.end_ms - one.start_ms == 1_600 for one in long)
    assert max(b.start_ms - a.start_ms for a, b in pairwise(long)) <= 410
    assert [(one.start_ms, one.end_ms) for one in heard[len(long) :]] == [(67_940, 68_252)]


def test_a_missing_encoder_names_the_command_that_installs_it(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="sales-copilot setup"):
        VoiceDiarizer(tmp_path / "none.pt")


@pytest.fixture(scope="module")
def encoder_file() -> Path:
    found = find_models(Settings.load().cache_dir, which=[ModelSet.VOICES]).voices
    if found is None:
        pytest.skip("the voice encoder is not installed: run `sales-copilot setup`")
    return found


def demo_voices() -> dict[str, list[Samples]]:
    from faster_whisper import decode_audio

    left, right = decode_audio(str(RECORDINGS / "northvale_security_call.ogg"), split_stereo=True)
    return {"left": [np.asarray(left, np.float32)], "right": [np.asarray(right, np.float32)]}


@pytest.mark.slow
def test_the_demo_call_in_mono_has_its_two_voices(encoder_file: Path) -> None:
    voices = demo_voices()
    talk = channels_mixed({name: clips[0] for name, clips in voices.items()})
    done = run(VoiceDiarizer(encoder_file), talk)
    assert done.found == 2
    assert done.errors.rate < 0.05


@pytest.mark.slow
def test_a_telephone_call_with_noise_has_its_voices_and_one_voice_stays_one(
    encoder_file: Path,
) -> None:
    voices = demo_voices()
    diarizer = VoiceDiarizer(encoder_file)
    two = run(diarizer, noisy(telephone(make_talk(voices, seconds=60, seed=1)), snr_db=15, seed=1))
    assert (two.found, two.errors.rate < 0.15) == (2, True)
    alone = make_talk({"left": voices["left"]}, seconds=60, seed=2)
    assert run(diarizer, alone).found == 1


@pytest.mark.slow
def test_the_encoder_hears_one_person_as_alike_and_two_as_different(encoder_file: Path) -> None:
    encoder = VoiceEncoder(encoder_file)
    means = {}
    for name, (clip,) in demo_voices().items():
        listened = VoiceDiarizer(encoder_file).listen(clip)
        half = len(listened) // 2
        for part, some in (("first", listened[:half]), ("second", listened[half:])):
            mean = np.mean([one.vector for one in some], axis=0)
            means[name, part] = mean / np.linalg.norm(mean)
    same = min(means[name, "first"] @ means[name, "second"] for name in ("left", "right"))
    other = means["left", "first"] @ means["right", "second"]
    assert same > 0.85
    assert same - other > 0.1
    assert encoder.embed(np.zeros((0, 160, 40), np.float32)).shape == (0, 256)
